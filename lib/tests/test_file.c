/* Writing files whole, and what stands beside it: paths, processes, hashes. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "fnv.h"
#include "path.h"
#include "proc.h"
#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char top[] = "/tmp/whittle-file.XXXXXX";
static int at = -1;

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 || chdir(top) ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close(at);
	return chdir("/") || system("rm -rf /tmp/whittle-file.??????");
}

static char *
content(const char *name)
{
	static char text[64];
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : text;
}

static int
names(void)
{
	FILE *p = popen("ls -A | wc -l", "r");
	int n = -1;

	assert_non_null(p);
	assert_int_equal(fscanf(p, "%d", &n), 1);
	pclose(p);
	return n;
}

static struct new_file
text_file(const char *text, mode_t mode)
{
	return (struct new_file){.bytes = text, .n = strlen(text), .mode = mode};
}

static void
replaced_whole(void **state)
{
	struct new_file one = text_file("one", 0640), two = text_file("two", 0604), like;
	mode_t mask = umask(077);
	struct stat st;

	(void)state;
	assert_int_equal(file_replace(at, "f", &one, NULL), 0);
	assert_string_equal(content("f"), "one");
	assert_int_equal(fstatat(at, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* By path, with a temporary name of its own that is there already, as a link. */
	assert_int_equal(symlinkat("/dev/null", at, "f.new"), 0);
	assert_int_equal(file_replace(AT_FDCWD, "./f", &two, "./f.new"), 0);
	assert_string_equal(content("f"), "two");
	like = text_file("three", 0777);
	like.like = &st;
	assert_int_equal(file_replace(at, "f", &like, NULL), 0);
	assert_int_equal(fstatat(at, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* A link is replaced, not what it leads to. */
	assert_int_equal(symlinkat("f", at, "link"), 0);
	assert_int_equal(file_replace(at, "link", &one, NULL), 0);
	assert_string_equal(content("link"), "one");
	assert_string_equal(content("f"), "three");
	assert_int_equal(names(), 2);
	umask(mask);
}

/* A disk that is full, as far as this process can tell. */
static void
failure_leaves_the_old(void **state)
{
	char *big = xcalloc(1, 100000);
	struct rlimit was, small;
	struct new_file old = text_file("old", 0600), f = {.bytes = big, .n = 100000};
	int plain, fixed;

	(void)state;
	assert_int_equal(file_replace(at, "g", &old, NULL), 0);
	getrlimit(RLIMIT_FSIZE, &was);
	small = (struct rlimit){50000, was.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	plain = file_replace(at, "g", &f, NULL) ? errno : 0;
	fixed = file_replace(at, "g", &f, "g.new") ? errno : 0;
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, SIG_DFL);
	free(big);
	assert_int_equal(plain, EFBIG);
	assert_int_equal(fixed, EFBIG);
	assert_string_equal(content("g"), "old");
	assert_int_equal(names(), 3);
	/* A directory in the way: renaming fails, and the temporary file goes. */
	assert_int_equal(mkdirat(at, "d", 0700), 0);
	assert_int_equal(file_replace(at, "d", &old, NULL), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(names(), 4);
	assert_int_equal(file_replace(at, "missing/x", &old, NULL), -1);
	assert_int_equal(errno, ENOENT);
}

static void
put_in_place(void **state)
{
	char *name = NULL;
	int fd = file_temporary(at, ".draft-", &name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(strlen(name), strlen(".draft-") + 6);
	assert_int_equal(write_all(fd, "0123456789", 10), 0);
	assert_int_equal(pwrite_all(fd, "xy", 2, 4), 0);
	assert_int_equal(file_close(&fd), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(file_put_synced(at, name, "h"), 0);
	assert_string_equal(content("h"), "0123xy6789");
	assert_int_equal(file_put_synced(at, name, "h"), -1);
	assert_int_equal(errno, ENOENT);
	free(name);
}

/* A pipe takes less at once than is given. */
static void
written_to_the_end(void **state)
{
	static char bytes[1 << 20], got[1 << 20];
	int fd[2], status;
	size_t n = 0;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 / 5);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0)
		_exit(write_all(fd[1], bytes, sizeof(bytes)) ? 1 : 0);
	close(fd[1]);
	for (ssize_t k; (k = read(fd[0], got + n, sizeof(got) - n)) > 0;)
		n += (size_t)k;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(n, sizeof(bytes));
	assert_memory_equal(got, bytes, n);
	assert_int_equal(write_all(-1, "x", 1), -1);
}

static void
directories(void **state)
{
	static const struct {
		const char *path;
		int error;
	} table[] = {
	    {"a/b/c", 0},
	    {"a/b/c", 0},
	    {"a", 0},
	    {"a//b/d//", 0},
	    {"/", 0},
	    {".", 0},
	    {"", ENOENT},
	    {"file", ENOTDIR},
	    {"file/x", ENOTDIR},
	    {"toA/e", 0},
	};
	struct new_file f = text_file("", 0600);
	struct stat st;

	(void)state;
	assert_int_equal(file_create(at, "file", &f), 0);
	assert_int_equal(symlinkat("a", at, "toA"), 0);
	for (size_t i = 0; i < COUNT(table); i++) {
		errno = 0;
		assert_int_equal(
		    make_directories(table[i].path, 0700), table[i].error ? -1 : 0);
		if (table[i].error)
			assert_int_equal(errno, table[i].error);
	}
	assert_int_equal(stat("a/b/c", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat("a/b", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat("a/e", &st), 0);
}

static void
below(void **state)
{
	static const struct {
		const char *directory, *path, *rest;
	} table[] = {
	    {"/a", "/a/b/c", "b/c"},
	    {"/a", "/a", ""},
	    {"/a/", "/a", ""},
	    {"/a", "/a/", ""},
	    {"/a", "/ab", NULL},
	    {"/a/b", "/a", NULL},
	    {"/", "/x/y", "x/y"},
	    {"/", "/", ""},
	    {"/", "x", NULL},
	    {"/a//", "/a//b", "b"},
	    {"a", "a/b", "b"},
	    {"", "/a", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const char *rest = path_below(table[i].directory, table[i].path);

		if (table[i].rest)
			assert_string_equal(rest, table[i].rest);
		else
			assert_null(rest);
	}
	assert_true(is_dots(".") && is_dots(".."));
	assert_false(is_dots("") || is_dots("...") || is_dots(".a") || is_dots("a"));
}

/* The name may look like the end of itself. */
static void
processes(void **state)
{
	unsigned long long parent = 0, start = 0, again = 0;
	pid_t gone = fork();

	(void)state;
	if (gone == 0)
		_exit(0);
	waitpid(gone, NULL, 0);
	prctl(PR_SET_NAME, ") R 1 (x) 2");
	assert_int_equal(proc_stat(getpid(), PROC_PARENT, &parent), 0);
	assert_int_equal(parent, getppid());
	assert_int_equal(proc_stat(getpid(), PROC_START, &start), 0);
	assert_int_equal(proc_stat(getpid(), PROC_START, &again), 0);
	assert_true(start > 0 && start == again);
	assert_int_equal(proc_stat(gone, PROC_START, &start), -1);
	assert_int_equal(proc_stat(getpid(), 1000, &start), -1);
	assert_int_equal(errno, EINVAL);
}

static void
numbers(void **state)
{
	long long before = monotonic_ms();

	(void)state;
	/* From the authors' own table. */
	assert_true(fnv_add_string(FNV_START, "foobar") == UINT64_C(0x85944171f73967e8));
	assert_true(fnv_add(FNV_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
	assert_true(before > 0 && monotonic_ms() >= before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(replaced_whole),
	    cmocka_unit_test(failure_leaves_the_old), cmocka_unit_test(put_in_place),
	    cmocka_unit_test(written_to_the_end), cmocka_unit_test(directories),
	    cmocka_unit_test(below), cmocka_unit_test(processes), cmocka_unit_test(numbers)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
