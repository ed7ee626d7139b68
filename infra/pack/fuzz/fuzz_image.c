/* Any bytes as an image archive. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image.h"
#include "quiet.h"
#include "strbuf.h"

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char *path = xasprintf("/proc/self/fd/%d", fd);
	struct image i;

	if (write(fd, bytes, n) == (ssize_t)n)
		image_open(&i, path);
	image_close(&i);
	free(path);
	close(fd);
	return 0;
}
