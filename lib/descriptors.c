#include "descriptors.h"

#include <stddef.h>

int
descriptors_raise(struct rlimit *was)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most))
		return -1;
	if (was)
		*was = most;
	most.rlim_cur = most.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &most);
}
