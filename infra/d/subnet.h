/* Small subnets out of a range, clear of the host's routes. */
#ifndef WHITTLE_SUBNET_H
#define WHITTLE_SUBNET_H

#include <stdint.h>

/* A range of IPv4 addresses, and how large a part of it one network gets. */
struct subnet_range {
	uint32_t first;
	unsigned bits, each; /* prefix lengths: each is the longer one, at most 30 */
};

/* "10.213.0.0/16". 0, or -1 where it isn't one with room for a subnet. */
int subnet_range_parse(const char *text, unsigned each, struct subnet_range *out);

/* How many subnets the range has, and how many of them no route covers. */
unsigned subnet_all(const struct subnet_range *r);
unsigned subnet_free(const struct subnet_range *r, const char *routes);

/* The text of /proc/net/route, which others here take. */
const char *subnet_routes(void);

/* The n-th subnet as text; NULL where a route covers it or a part of it. */
const char *subnet_text(const struct subnet_range *r, unsigned n, const char *routes);

#endif
