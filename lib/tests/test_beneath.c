/* Opening beneath a hostile root: openat2 and the fallback must agree, case by case. */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char base[] = "/tmp/whittle-beneath.XXXXXX";
static int root = -1;

static void
put(const char *path, const char *text)
{
	cleanup_fd int fd = openat(root, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int
make_tree(void **state)
{
	char chain[16], next[16];
	int i, top;

	(void)state;
	if (!mkdtemp(base) || (top = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	root = top;
	put("secret", "outside");
	if (mkdirat(top, "root", 0755))
		return -1;
	root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(top);
	if (root < 0 || mkdirat(root, "etc", 0755) || mkdirat(root, "a", 0755) ||
	    mkdirat(root, "a/b", 0755))
		return -1;
	put("etc/passwd", "inside");
	put("secret", "mine");
	put("a/b/file", "deep");
	if (symlinkat("/etc/passwd", root, "absolute") ||
	    symlinkat("etc/passwd", root, "relative") ||
	    symlinkat("../../../secret", root, "a/b/up") || symlinkat("/etc", root, "a/etc") ||
	    symlinkat("loop2", root, "loop1") || symlinkat("loop1", root, "loop2") ||
	    symlinkat("nowhere", root, "dangling") || symlinkat("..", root, "a/parent") ||
	    symlinkat("/", root, "a/b/slash"))
		return -1;
	/* 40 links are followed, not one more. */
	for (i = 0; i <= 45; i++) {
		snprintf(chain, sizeof(chain), "c%d", i);
		snprintf(next, sizeof(next), "c%d", i + 1);
		if (i == 45 ? symlinkat("etc/passwd", root, chain)
			    : symlinkat(next, root, chain))
			return -1;
	}
	return 0;
}

static int
remove_tree(void **state)
{
	char command[64];

	(void)state;
	close(root);
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command);
}

static const struct {
	const char *path;
	const char *in_root; /* what the file says; NULL: error_in_root */
	int error_in_root;
	const char *no_links;
	int error_no_links;
} table[] = {
    {"etc/passwd", "inside", 0, "inside", 0},
    {"/etc/passwd", "inside", 0, "inside", 0},
    {"//etc///passwd", "inside", 0, "inside", 0},
    {"./etc/./passwd", "inside", 0, "inside", 0},
    {"a/b/../../etc/passwd", "inside", 0, "inside", 0},
    {"../secret", "mine", 0, "mine", 0},
    {"../../../../../../../secret", "mine", 0, "mine", 0},
    {"a/../../secret", "mine", 0, "mine", 0},
    {"absolute", "inside", 0, NULL, ELOOP},
    {"relative", "inside", 0, NULL, ELOOP},
    {"a/b/up", "mine", 0, NULL, ELOOP},
    {"a/etc/passwd", "inside", 0, NULL, ELOOP},
    {"a/parent/secret", "mine", 0, NULL, ELOOP},
    {"a/parent/../secret", "mine", 0, NULL, ELOOP},
    {"a/b/slash/etc/passwd", "inside", 0, NULL, ELOOP},
    {"a/b/slash/../../secret", "mine", 0, NULL, ELOOP},
    {"dangling", NULL, ENOENT, NULL, ELOOP},
    {"loop1", NULL, ELOOP, NULL, ELOOP},
    {"c6", "inside", 0, NULL, ELOOP},
    {"c5", NULL, ELOOP, NULL, ELOOP},
    {"nosuch", NULL, ENOENT, NULL, ENOENT},
    {"nosuch/file", NULL, ENOENT, NULL, ENOENT},
    {"etc/passwd/x", NULL, ENOTDIR, NULL, ENOTDIR},
    {"etc/passwd/", NULL, ENOTDIR, NULL, ENOTDIR},
    {"etc/passwd/..", NULL, ENOTDIR, NULL, ENOTDIR},
    {"", NULL, ENOENT, NULL, ENOENT},
};

static void
check(size_t i, const char *how, int fd, const char *want, int error)
{
	char text[32] = "";
	int saved = errno;
	ssize_t n;

	if (!want) {
		if (fd >= 0 || saved != error)
			fail_msg("case %zu '%s' %s: fd %d, %s, expected %s", i, table[i].path,
			    how, fd, strerror(saved), strerror(error));
		return;
	}
	if (fd < 0)
		fail_msg("case %zu '%s' %s: %s", i, table[i].path, how, strerror(saved));
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0 || strcmp(text, want) != 0)
		fail_msg(
		    "case %zu '%s' %s: '%s', expected '%s'", i, table[i].path, how, text, want);
}

static void
both_agree(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		check(i, "in root", open_in_root(root, table[i].path, O_RDONLY, 0),
		    table[i].in_root, table[i].error_in_root);
		check(i, "in root, fallback",
		    beneath_fallback(root, table[i].path, O_RDONLY, 0, 1), table[i].in_root,
		    table[i].error_in_root);
		check(i, "no links", open_no_links(root, table[i].path, O_RDONLY, 0),
		    table[i].no_links, table[i].error_no_links);
		check(i, "no links, fallback",
		    beneath_fallback(root, table[i].path, O_RDONLY, 0, 0), table[i].no_links,
		    table[i].error_no_links);
	}
}

static void
creates_inside_only(void **state)
{
	int fd;

	(void)state;
	fd = open_in_root(root, "a/parent/../../made", O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlinkat(root, "made", 0), 0);
	fd = beneath_fallback(root, "a/parent/../../made", O_WRONLY | O_CREAT, 0600, 1);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlinkat(root, "made", 0), 0);
}

static void
nofollow_opens_the_link_itself(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	fd = open_in_root(root, "absolute", O_PATH | O_NOFOLLOW, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close(fd);
	fd = beneath_fallback(root, "absolute", O_PATH | O_NOFOLLOW, 0, 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close(fd);
}

/* Longer than any path may be that is given to the kernel at once. */
static void
directories_without_end(void **state)
{
	static char path[3 * PATH_MAX];
	char name[200];
	int at = dup(root), fd;
	struct stat st, got;
	size_t n = 0;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	while (n + sizeof(name) < sizeof(path)) {
		int next;

		assert_int_equal(mkdirat(at, name, 0700), 0);
		next = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
		n += (size_t)sprintf(path + n, "%s%s", n ? "/" : "", name);
	}
	fstat(at, &st);
	close(at);
	fd = open_directory_below(root, path);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(got.st_ino, st.st_ino);
	close(fd);
	fd = open_directory_below(root, "a/b");
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(open_directory_below(root, "a/etc"), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(open_directory_below(root, "secret"), -1);
	assert_int_equal(errno, ENOTDIR);
	fd = open_directory_below(root, "");
	assert_true(fd >= 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_agree),
	    cmocka_unit_test(creates_inside_only),
	    cmocka_unit_test(directories_without_end),
	    cmocka_unit_test(nofollow_opens_the_link_itself),
	};

	return cmocka_run_group_tests_name("beneath", tests, make_tree, remove_tree);
}
