/* The engine's command for a container, for people to read and to run. */
#ifndef WHITTLE_CHECK_H
#define WHITTLE_CHECK_H

#include "app.h"

/* Prints the engine's command that would start it, quoted for a shell; what it would take
 * before, a network, on lines of its own. An exit status. */
int print_command(struct app *a, const struct place *p, bool test, const struct words *flags,
    const struct words *cmd);

#endif
