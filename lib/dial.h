/* Connecting to an address. */
#ifndef WHITTLE_DIAL_H
#define WHITTLE_DIAL_H

#include <sys/socket.h>

/*
 * A stream socket that is connected, close-on-exec; -1 with errno. A connection to itself, as
 * the kernel may make it where nobody listens on a port from which it also chooses (RFC 9293,
 * 3.5, simultaneous open), is ECONNREFUSED.
 */
int dial(const struct sockaddr *address, socklen_t len);

#endif
