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

void
catch_signals(void)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = on_signal}, before;

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		if (sigaction(caught[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(caught[i], &act, NULL);
}
