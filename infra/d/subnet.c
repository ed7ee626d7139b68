#include "subnet.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "pool.h"
#include "strbuf.h"

static uint32_t
mask_of(unsigned bits)
{
	return bits ? UINT32_MAX << (32 - bits) : 0;
}

int
subnet_range_parse(const char *text, unsigned each, struct subnet_range *out)
{
	const char *slash = strchr(text, '/');
	struct in_addr address;
	char *end;
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : 0;

	if (!slash || end == slash + 1 || *end || slash[1] == '-' || slash[1] == '+' ||
	    inet_pton(AF_INET, pool_dupn(text, (size_t)(slash - text)), &address) != 1 ||
	    bits < 4 || each > 30 || bits > each)
		return -1;
	*out = (struct subnet_range){
	    ntohl(address.s_addr) & mask_of((unsigned)bits), (unsigned)bits, each};
	return 0;
}

/* Whether a route other than the default one is to an address of the subnet. Addresses are
 * there as the machine has them in memory, proc_net_route in hexadecimal. */
static bool
is_routed(uint32_t first, unsigned bits, const char *routes)
{
	for (const char *line = routes; *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned long target, mask;
		uint32_t common;

		if (sscanf(line, "%*s %lx %*s %*s %*s %*s %*s %lx", &target, &mask) != 2 ||
		    !mask)
			continue;
		common = ntohl((uint32_t)mask) & mask_of(bits);
		if ((ntohl((uint32_t)target) & common) == (first & common))
			return true;
	}
	return false;
}

unsigned
subnet_all(const struct subnet_range *r)
{
	return 1U << (r->each - r->bits);
}

const char *
subnet_text(const struct subnet_range *r, unsigned n, const char *routes)
{
	uint32_t first = r->first + (n << (32 - r->each));

	if (is_routed(first, r->each, routes))
		return NULL;
	return pool_printf("%u.%u.%u.%u/%u", first >> 24, first >> 16 & 255, first >> 8 & 255,
	    first & 255, r->each);
}

unsigned
subnet_free(const struct subnet_range *r, const char *routes)
{
	unsigned count = 0;

	for (unsigned i = 0; i < subnet_all(r); i++)
		count += !is_routed(r->first + (i << (32 - r->each)), r->each, routes);
	return count;
}

const char *
subnet_routes(void)
{
	struct strbuf text = STRBUF_INIT;
	cleanup_fd int fd = open("/proc/net/route", O_RDONLY | O_CLOEXEC);
	char *got;

	if (fd >= 0)
		file_read(fd, SIZE_MAX, &text);
	got = pool_dup(text.s ? text.s : "");
	strbuf_free(&text);
	return got;
}
