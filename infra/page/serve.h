/* The pages by HTTP, on 127.0.0.1. */
#ifndef PAGE_SERVE_H
#define PAGE_SERVE_H

#include <stddef.h>

/*
 * Serves until standard input ends. What is served is asked for: a line to standard output,
 * which names the container whose log is wanted or is empty; the answer on standard input is
 * descriptions, a line each, and an empty line. It isn't asked more often than every few
 * seconds, and never while nobody looks.
 * hosts: names by which it may be addressed beside localhost and 127.0.0.1; NULL-terminated.
 * Returns an exit status.
 */
int serve(const char *port, const char *const *hosts);

#endif
