/* Any bytes as an image archive, as one with a record of the image in it, and as a record. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bundle.h"
#include "image.h"
#include "quiet.h"
#include "strbuf.h"

static char state[] = "/tmp/fuzz-image.XXXXXX";

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void
remove_state(void)
{
	nftw(state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	static int ready;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char *path = xasprintf("/proc/self/fd/%d", fd);
	struct image i;

	if (!ready && !mkdtemp(state))
		abort();
	if (!ready)
		ready = atexit(remove_state) == 0;
	if (write(fd, bytes, n) == (ssize_t)n && image_open(&i, path) == 0) {
		bundle_keep(&i, state);
		bundle_keep_record(&i, &i, state);
	}
	image_close(&i);
	free(path);
	close(fd);
	return 0;
}
