/* What the verbs want of pack.c, for tests that bring a main of their own. */
#include "pack.h"

int
verb_usage(const char *verb, int status)
{
	(void)verb;
	return status;
}
