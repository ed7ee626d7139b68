#include "signals.h"

#include <signal.h>
#include <stddef.h>

volatile int interrupted;

static void
on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* What changes something ends at a point of its own choosing. */
void
catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}
