/* Walks: order, links, swapped directories, mounts left out. */
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "strbuf.h"

static char base[] = "/tmp/whittle-walk.XXXXXX";
static int root = -1;

static int
make_tree(void **state)
{
	(void)state;
	if (!mkdtemp(base))
		return -1;
	root = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || mkdirat(root, "b", 0755) || mkdirat(root, "b/c", 0755) ||
	    mkdirat(root, "a", 0755) || symlinkat("/etc", root, "link") ||
	    symlinkat("b", root, "a/link") || mkdirat(root, "b/swap", 0755))
		return -1;
	return mkdirat(root, "b/swap/inner", 0755);
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

struct seen {
	struct strbuf text;
	const char *skip, *stop, *swap;
};

static enum walk_action
note(const struct walk_entry *e, void *arg)
{
	struct seen *s = arg;

	assert_int_equal(strlen(e->path), e->path_len);
	strbuf_printf(&s->text, "%s ", e->path);
	if (s->stop && strcmp(e->path, s->stop) == 0)
		return WALK_STOP;
	if (s->skip && strcmp(e->path, s->skip) == 0)
		return WALK_SKIP;
	if (s->swap && strcmp(e->path, s->swap) == 0) {
		/* between the visit and the opening: another directory, then a link, of that
		 * name
		 */
		assert_int_equal(renameat(root, "b/swap", root, "moved"), 0);
		assert_int_equal(mkdirat(root, "b/swap", 0755), 0);
	}
	return WALK_GO;
}

static void
left(const struct walk_entry *e, void *arg)
{
	strbuf_printf(&((struct seen *)arg)->text, "%s< ", e->path);
}

static void
swapped(const char *path, void *arg)
{
	strbuf_printf(
	    &((struct seen *)arg)->text, "%s!%s ", path, errno == ESTALE ? "stale" : "?");
}

static void
order_and_links(void **state)
{
	struct walk_options o = {.sorted = 1, .leave = left};
	struct seen s = {.text = STRBUF_INIT};

	(void)state;
	assert_int_equal(walk_tree(root, &o, note, &s), 0);
	assert_string_equal(s.text.s, "/ /a /a/link /a< /b /b/c /b/c< /b/swap /b/swap/inner "
				      "/b/swap/inner< /b/swap< /b< /link /< ");
	strbuf_free(&s.text);
}

static void
skip_and_stop(void **state)
{
	struct walk_options o = {.sorted = 1};
	struct seen s = {.text = STRBUF_INIT, .skip = "/b"};

	(void)state;
	assert_int_equal(walk_tree(root, &o, note, &s), 0);
	assert_string_equal(s.text.s, "/ /a /a/link /b /link ");
	strbuf_cut(&s.text, 0);
	s.skip = NULL;
	s.stop = "/b/c";
	assert_int_equal(walk_tree(root, &o, note, &s), 1);
	assert_string_equal(s.text.s, "/ /a /a/link /b /b/c ");
	strbuf_free(&s.text);
}

static void
a_swapped_directory_is_not_entered(void **state)
{
	struct walk_options o = {.sorted = 1, .trouble = swapped};
	struct seen s = {.text = STRBUF_INIT, .swap = "/b/swap"};

	(void)state;
	assert_int_equal(walk_tree(root, &o, note, &s), 0);
	assert_non_null(strstr(s.text.s, "/b/swap!stale "));
	assert_null(strstr(s.text.s, "/b/swap/inner"));
	strbuf_free(&s.text);
	unlinkat(root, "b/swap", AT_REMOVEDIR);
	renameat(root, "moved", root, "b/swap");
}

static enum walk_action
is_here(const struct walk_entry *e, void *arg)
{
	(void)arg;
	/* the bare name means the entry, from the directory that the process stands in */
	if (e->dirfd != root || strcmp(e->name, ".") != 0)
		assert_int_equal(access(e->name, F_OK) == 0 || errno == ENOENT, 1);
	return WALK_GO;
}

static void
chdir_is_undone(void **state)
{
	struct walk_options o = {.chdir = 1};
	char before[4096], after[4096];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(walk_tree(root, &o, is_here, NULL), 0);
	assert_non_null(getcwd(after, sizeof(after)));
	assert_string_equal(before, after);
}

static void
too_deep(const char *path, void *arg)
{
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(strlen(path), strlen("/deep") + 2 * (WALK_DEEPEST - 1));
	++*(int *)arg;
}

static enum walk_action
deepest(const struct walk_entry *e, void *arg)
{
	(void)arg;
	assert_true(e->depth <= WALK_DEEPEST);
	return WALK_GO;
}

static void
a_tree_without_end(void **state)
{
	struct walk_options o = {.trouble = too_deep};
	int at, next, told = 0;
	struct rlimit files, after;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_max < WALK_DEEPEST + 100) {
		print_message("this machine cannot: too few descriptors\n");
		skip();
	}
	at = openat(root, ".", O_PATH);
	for (int i = 0; i < WALK_DEEPEST + 100; i++) {
		const char *name = i ? "d" : "deep";

		assert_int_equal(mkdirat(at, name, 0755), 0);
		next = openat(at, name, O_PATH);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(walk_tree(root, &o, deepest, &told), 0);
	assert_int_equal(told, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
	assert_int_equal(after.rlim_cur, 64);
}

static enum walk_action
not_into_proc(const struct walk_entry *e, void *arg)
{
	if (strcmp(e->path, "/proc") == 0)
		*(int *)arg = 1;
	assert_true(strncmp(e->path, "/proc/", 6) != 0);
	return e->depth == 0 || strcmp(e->path, "/proc") == 0 ? WALK_GO : WALK_SKIP;
}

static void
mounts_are_visited_not_entered(void **state)
{
	struct walk_options o = {.sorted = 1};
	int slash = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), met = 0;

	(void)state;
	assert_true(slash >= 0);
	assert_int_equal(walk_tree(slash, &o, not_into_proc, &met), 0);
	assert_int_equal(met, 1);
	close(slash);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(order_and_links),
	    cmocka_unit_test(skip_and_stop),
	    cmocka_unit_test(a_swapped_directory_is_not_entered),
	    cmocka_unit_test(chdir_is_undone),
	    cmocka_unit_test(a_tree_without_end),
	    cmocka_unit_test(mounts_are_visited_not_entered),
	};

	return cmocka_run_group_tests_name("walk", tests, make_tree, remove_tree);
}
