/* struct statx and what we ask statx(2) for, also where the C library is older. */
#ifndef WHITTLE_STATX_H
#define WHITTLE_STATX_H

#include <sys/stat.h>

/* musl 1.2.5 has the structure, and not this. */
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

#endif
