/* A journal file of any bytes behind a good header: read to its end without a fault. */
#include "journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 64 * 1024, SEGMENT = 512 * 1024 };
static const struct journal_about about = {1, 2, 3, 4, 5, false, false, "/x", "b:0:1:1"};

static int
touch(const char *directory, const struct journal_entry *e, void *arg)
{
	size_t *n = arg, i, k;

	*n += strlen(directory) + strlen(e->name);
	for (i = 0; i < XATTR_KINDS; i++) {
		for (k = 0; e->old_value[i].bytes && k < e->old_value[i].n; k++)
			*n += e->old_value[i].bytes[k];
		for (k = 0; e->new_value[i].bytes && k < e->new_value[i].n; k++)
			*n += e->new_value[i].bytes[k];
	}
	return 0;
}

/* The first byte: do the rest stand in the header or in a segment? */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[64];
	static int dir = -1;
	struct journal *j;
	size_t sum = 0;
	int fd;

	if (dir < 0) {
		char path[] = "/dev/shm/fuzz_journal.XXXXXX";

		dir = open("/dev/shm", O_RDONLY | O_DIRECTORY);
		close(mkstemp(path));
		strcpy(name, path + strlen("/dev/shm/"));
	}
	if (size < 1)
		return 0;
	j = journal_create(dir, name, &about);
	if (!j)
		abort();
	if (data[0] & 2)
		journal_begin_undo(j, true);
	journal_close(j);
	fd = openat(dir, name, O_RDWR);
	if (ftruncate(fd, HEADER + SEGMENT) ||
	    pwrite(fd, data + 1, size - 1 < SEGMENT ? size - 1 : SEGMENT,
		data[0] & 1 ? 0 : HEADER) < 0)
		abort();
	close(fd);
	j = journal_open(dir, name);
	if (j) {
		journal_replay(j, JOURNAL_PENDING, touch, &sum);
		journal_begin_undo(j, true);
		journal_replay(j, JOURNAL_UNDO, touch, &sum);
		journal_close(j);
	}
	unlinkat(dir, name, 0);
	return sum == (size_t)-1;
}
