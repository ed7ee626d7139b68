/* What a running container's upper layer holds that its image doesn't; do_scan() is in verbs.h.
 */
#ifndef WHITTLE_SCAN_H
#define WHITTLE_SCAN_H

#include "app.h"

/* The verb for a service of Swarm's: what d on each node says of the copy there. */
int scan_service(struct app *a, const struct container *c, int argc, char **argv);

#endif
