#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "report.h"
#include "strbuf.h"

void (*bytes_on_sigbus)(void);

static void
cut_short(int sig)
{
	static const char text[] = "pack: a file was cut short while it was read\n";

	(void)sig;
	if (bytes_on_sigbus)
		bytes_on_sigbus();
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* the exit status says it as well */
	}
	_exit(EXIT_TROUBLE);
}

int
bytes_map_fd(struct bytes *b, int fd)
{
	struct sigaction catch = {.sa_handler = cut_short};
	struct stat st;
	void *p;

	*b = (struct bytes){NULL, 0};
	if (fstat(fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	if (st.st_size == 0)
		return 0;
	if ((uintmax_t)st.st_size > SIZE_MAX) {
		errno = EFBIG;
		return -1;
	}
	sigaction(SIGBUS, &catch, NULL);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	*b = (struct bytes){p, (size_t)st.st_size};
	return 0;
}

int
bytes_map(struct bytes *b, const char *path)
{
	/* A FIFO must not hold us up. */
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*b = (struct bytes){NULL, 0};
	return fd < 0 ? -1 : bytes_map_fd(b, fd);
}

void
bytes_unmap(struct bytes *b)
{
	if (b->p)
		munmap((void *)(uintptr_t)b->p, b->n);
	*b = (struct bytes){NULL, 0};
}

char *
bytes_text(struct bytes b)
{
	char *text = xmalloc(b.n + 1);

	if (b.n)
		memcpy(text, b.p, b.n);
	text[b.n] = '\0';
	return text;
}
