#include "dial.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

static int
is_connected_to_itself(int fd)
{
	struct sockaddr_storage ours, theirs;
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);

	memset(&ours, 0, sizeof(ours));
	memset(&theirs, 0, sizeof(theirs));
	return getsockname(fd, (struct sockaddr *)&ours, &ours_len) == 0 &&
	       getpeername(fd, (struct sockaddr *)&theirs, &theirs_len) == 0 &&
	       ours_len == theirs_len && memcmp(&ours, &theirs, ours_len) == 0;
}

int
dial(const struct sockaddr *address, socklen_t len)
{
	cleanup_fd int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, address, len) < 0)
		return -1;
	if (address->sa_family != AF_UNIX && is_connected_to_itself(fd)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return steal_fd(&fd);
}
