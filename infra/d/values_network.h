/* Values of settings.yaml: addresses, ports, name servers. */
#ifndef WHITTLE_VALUES_NETWORK_H
#define WHITTLE_VALUES_NETWORK_H

#include <stddef.h>

#include "reader.h"

take take_alias, take_dns, take_extra_host, take_ip, take_joined_network, take_network,
    take_port, take_port_offset, take_subnet;

/* An IPv4 or IPv6 address without brackets. */
bool is_address(const char *s);

/* The number from 1 to 65535 that len bytes spell. */
bool port_number(const char *s, size_t len, long *out);

#endif
