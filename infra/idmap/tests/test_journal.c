/* A journal gives back what was put in, in every state that a kill may leave it in. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "strbuf.h"

static char dir[] = "/tmp/test_journal.XXXXXX";
static int dirfd_ = -1;
static const struct journal_about about = {
    1, 2, 3, 4, 5, false, true, "/srv/vol with blank", "b:0:100000:65536"};

static int
make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	return dirfd_ < 0;
}

static int
drop_directory(void **state)
{
	(void)state;
	unlinkat(dirfd_, "j", 0);
	close(dirfd_);
	return rmdir(dir);
}

static void
add(struct journal_writer *w, uint64_t directory, const char *path, const char *name, uid_t uid)
{
	struct journal_entry e = {
	    .name = name, .ino = 7, .old_uid = uid, .new_uid = uid + 100000, .mode = 0100644};

	assert_int_equal(journal_add(w, directory, path, &e), 0);
}

static int
note(const char *directory, const struct journal_entry *e, void *arg)
{
	struct strbuf *b = arg;

	assert_int_equal(e->ino, 7);
	assert_int_equal(e->new_uid, e->old_uid + 100000);
	strbuf_printf(b, "%s/%s:%u ", directory, e->name, e->old_uid);
	return 0;
}

static void
check(struct journal *j, enum journal_which which, const char *want, int status)
{
	struct strbuf got = STRBUF_INIT;

	strbuf_puts(&got, "");
	assert_int_equal(journal_replay(j, which, note, &got), status);
	assert_string_equal(got.s, want);
	strbuf_free(&got);
}

static struct journal *
reopen(struct journal *j)
{
	journal_close(j);
	j = journal_open(dirfd_, "j");
	assert_non_null(j);
	return j;
}

static void
header(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);

	(void)state;
	assert_non_null(j);
	j = reopen(j);
	assert_int_equal(journal_state(j), JOURNAL_RUNNING);
	assert_int_equal(journal_about(j)->fs, 1);
	assert_int_equal(journal_about(j)->ino, 2);
	assert_int_equal(journal_about(j)->born, 3);
	assert_int_equal(journal_about(j)->born_ns, 4);
	assert_int_equal(journal_about(j)->generation, 5);
	assert_false(journal_about(j)->back);
	assert_true(journal_about(j)->scanned);
	assert_string_equal(journal_about(j)->path, about.path);
	assert_string_equal(journal_about(j)->map, about.map);
	journal_close(j);
	assert_null(journal_open(dirfd_, "none"));
	assert_int_equal(errno, ENOENT);
}

static void
published_and_settled(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);

	(void)state;
	add(w, 1, "", "a", 1);
	add(w, 1, "", "b", 2);
	journal_publish(w);
	journal_settle(w);
	add(w, 2, "x/y", "c", 3);
	add(w, 1, "", "d", 4);
	journal_publish(w);
	add(w, 1, "", "never", 5); /* killed before it was published */
	journal_end(w);
	j = reopen(j);
	check(j, JOURNAL_PENDING, "x/y/c:3 /d:4 ", 0);
	/* they are settled by that */
	check(j, JOURNAL_PENDING, "", 0);
	journal_begin_undo(j, true);
	check(j, JOURNAL_UNDO, "/a:1 /b:2 x/y/c:3 /d:4 ", 0);
	assert_int_equal(journal_end_undo(j), 1);
	journal_close(j);
}

static int ftruncate_fails;

/* In libc's place: a disk that takes no change. */
int
ftruncate(int fd, off_t size)
{
	if (ftruncate_fails) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, size);
}

/* What was undone can't be dropped: earlier sessions are there all the same. */
static void
undo_on_a_failing_disk(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);

	(void)state;
	add(w, 1, "", "first", 1);
	journal_publish(w);
	journal_settle(w);
	journal_end(w);
	journal_end_session(j);
	j = reopen(j);
	journal_begin_session(j);
	w = journal_begin(j);
	add(w, 1, "", "second", 2);
	journal_publish(w);
	journal_settle(w);
	journal_end(w);
	journal_begin_undo(j, false);
	ftruncate_fails = 1;
	assert_int_equal(journal_end_undo(j), -1);
	assert_int_equal(errno, EIO);
	ftruncate_fails = 0;
	j = reopen(j);
	assert_int_equal(journal_state(j), JOURNAL_UNDOING);
	check(j, JOURNAL_UNDO, "/second:2 ", 0);
	assert_int_equal(journal_end_undo(j), 0);
	journal_begin_undo(j, true);
	check(j, JOURNAL_UNDO, "/first:1 ", 0);
	assert_int_equal(journal_end_undo(j), 1);
	journal_close(j);
}

static void
sessions(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);

	(void)state;
	add(w, 1, "", "first", 1);
	journal_publish(w);
	journal_settle(w);
	journal_end(w);
	journal_end_session(j);
	j = reopen(j);
	assert_int_equal(journal_state(j), JOURNAL_DONE);
	journal_begin_session(j);
	w = journal_begin(j);
	add(w, 1, "", "second", 2);
	journal_publish(w);
	journal_settle(w);
	journal_end(w);
	j = reopen(j);
	assert_int_equal(journal_state(j), JOURNAL_RUNNING);
	journal_begin_undo(j, false);
	j = reopen(j);
	assert_int_equal(journal_state(j), JOURNAL_UNDOING);
	check(j, JOURNAL_UNDO, "/second:2 ", 0);
	assert_int_equal(journal_end_undo(j), 0);
	j = reopen(j);
	assert_int_equal(journal_state(j), JOURNAL_DONE);
	journal_begin_undo(j, true);
	check(j, JOURNAL_UNDO, "/first:1 ", 0);
	assert_int_equal(journal_end_undo(j), 1);
	journal_close(j);
}

/* The youngest segment comes first, so that an inode with two records gets its oldest. */
static void
youngest_first(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *a = journal_begin(j), *b = journal_begin(j);

	(void)state;
	add(a, 1, "", "one", 1);
	journal_publish(a);
	add(b, 1, "", "two", 2);
	journal_publish(b);
	add(a, 1, "", "three", 3);
	journal_publish(a);
	journal_end(a);
	journal_end(b);
	journal_begin_undo(j, true);
	check(j, JOURNAL_UNDO, "/two:2 /one:1 /three:3 ", 0);
	journal_close(j);
}

static int
check_values(const char *directory, const struct journal_entry *e, void *arg)
{
	int *calls = arg;

	++*calls;
	assert_string_equal(directory, "f");
	assert_string_equal(e->name, "name");
	assert_true(e->fragile);
	assert_int_equal(e->mtime, -5);
	assert_int_equal(e->mtime_ns, 999999999);
	assert_int_equal(e->mode, 0104755);
	assert_int_equal(e->old_gid, 4294967294u);
	assert_null(e->old_value[XATTR_ACCESS].bytes);
	assert_null(e->new_value[XATTR_ACCESS].bytes);
	assert_int_equal(e->old_value[XATTR_DEFAULT].n, 5);
	assert_memory_equal(e->old_value[XATTR_DEFAULT].bytes, "\0abc\0", 5);
	assert_memory_equal(e->new_value[XATTR_DEFAULT].bytes, "zyxwv", 5);
	assert_int_equal(e->old_value[XATTR_CAPABILITY].n, 20);
	assert_int_equal(e->new_value[XATTR_CAPABILITY].n, 24);
	assert_memory_equal(
	    e->new_value[XATTR_CAPABILITY].bytes, "012345678901234567890123", 24);
	return 0;
}

static void
all_of_an_entry(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);
	struct journal_entry e = {.name = "name",
	    .ino = 1,
	    .old_gid = 4294967294u,
	    .mode = 0104755,
	    .fragile = true,
	    .mtime = -5,
	    .mtime_ns = 999999999};
	int calls = 0;

	(void)state;
	e.old_value[XATTR_DEFAULT] = (struct journal_value){(const void *)"\0abc\0", 5};
	e.new_value[XATTR_DEFAULT] = (struct journal_value){(const void *)"zyxwv", 5};
	e.old_value[XATTR_CAPABILITY] =
	    (struct journal_value){(const void *)"01234567890123456789", 20};
	e.new_value[XATTR_CAPABILITY] =
	    (struct journal_value){(const void *)"012345678901234567890123", 24};
	assert_int_equal(journal_add(w, 9, "f", &e), 0);
	journal_publish(w);
	assert_int_equal(journal_sync(w), 0);
	journal_end(w);
	j = reopen(j);
	assert_int_equal(journal_replay(j, JOURNAL_PENDING, check_values, &calls), 0);
	assert_int_equal(calls, 1);
	journal_close(j);
}

static int
count(const char *directory, const struct journal_entry *e, void *arg)
{
	unsigned long *n = arg;

	(void)directory;
	*n += e->old_uid;
	return 0;
}

static void
many_segments(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);
	struct strbuf path = STRBUF_INIT;
	unsigned long want = 0, got = 0;
	uid_t i;

	(void)state;
	while (path.len < 3000)
		strbuf_puts(&path, "directory/");
	for (i = 0; i < 30000; i++) {
		add(w, i / 100, path.s, "a name of some length", i);
		journal_publish(w);
		journal_settle(w);
		want += i;
	}
	journal_end(w);
	j = reopen(j);
	assert_int_equal(journal_replay(j, JOURNAL_PENDING, count, &got), 0);
	assert_int_equal(got, 0);
	journal_begin_undo(j, true);
	assert_int_equal(journal_replay(j, JOURNAL_UNDO, count, &got), 0);
	assert_int_equal(got, want);
	journal_close(j);
	strbuf_free(&path);
}

static int
stop_at_two(const char *directory, const struct journal_entry *e, void *arg)
{
	(void)directory;
	(void)arg;
	return e->old_uid == 2 ? 5 : 0;
}

static void
a_visitor_that_stops_settles_nothing(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);

	(void)state;
	add(w, 1, "", "a", 1);
	add(w, 1, "", "b", 2);
	journal_publish(w);
	journal_end(w);
	assert_int_equal(journal_replay(j, JOURNAL_PENDING, stop_at_two, NULL), 5);
	check(j, JOURNAL_PENDING, "/a:1 /b:2 ", 0);
	journal_close(j);
}

static void
spoil(off_t at, const void *bytes, size_t n)
{
	int fd = openat(dirfd_, "j", O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

enum { HEADER = 64 * 1024, SEGMENT_HEAD = 16 };

static void
what_a_power_failure_leaves(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);
	char zeros[64] = "";
	struct stat st;
	char *whole;
	int fd;
	off_t at;

	(void)state;
	add(w, 1, "", "a", 1);
	add(w, 1, "", "b", 2);
	journal_publish(w);
	journal_end(w);
	journal_begin_undo(j, true);
	journal_close(j);
	fd = openat(dirfd_, "j", O_RDONLY);
	fstat(fd, &st);
	whole = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, whole, (size_t)st.st_size), st.st_size);
	close(fd);
	/* a page of records that never reached the disk: what is before it stays good */
	for (at = HEADER + SEGMENT_HEAD; at < HEADER + 200; at += 8) {
		struct strbuf got = STRBUF_INIT;
		int status;

		spoil(at, zeros, 8);
		j = journal_open(dirfd_, "j");
		assert_non_null(j);
		strbuf_puts(&got, "");
		status = journal_replay(j, JOURNAL_UNDO, note, &got);
		if (strcmp(got.s, "/a:1 /b:2 ") == 0)
			assert_true(status == 0 || status == -1);
		else
			assert_int_equal(status, -1);
		assert_true(strncmp("/a:1 /b:2 ", got.s, got.len) == 0);
		strbuf_free(&got);
		journal_close(j);
		spoil(0, whole, (size_t)st.st_size);
	}
	/* a header of another kind */
	spoil(0, "x", 1);
	assert_null(journal_open(dirfd_, "j"));
	assert_int_equal(errno, EBADMSG);
	free(whole);
}

static void
a_record_beyond_reason(void **state)
{
	struct journal *j = journal_create(dirfd_, "j", &about);
	struct journal_writer *w = journal_begin(j);
	struct journal_entry e = {.name = "a", .ino = 7, .new_uid = 100000};
	char *path = malloc(2000000);

	(void)state;
	memset(path, 'x', 1999999);
	path[1999999] = '\0';
	assert_int_equal(journal_add(w, 1, path, &e), -1);
	assert_int_equal(errno, EFBIG);
	add(w, 2, "", "b", 1);
	journal_publish(w);
	journal_end(w);
	check(j, JOURNAL_PENDING, "/b:1 ", 0);
	journal_close(j);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(header),
	    cmocka_unit_test(published_and_settled),
	    cmocka_unit_test(sessions),
	    cmocka_unit_test(undo_on_a_failing_disk),
	    cmocka_unit_test(youngest_first),
	    cmocka_unit_test(all_of_an_entry),
	    cmocka_unit_test(many_segments),
	    cmocka_unit_test(a_visitor_that_stops_settles_nothing),
	    cmocka_unit_test(what_a_power_failure_leaves),
	    cmocka_unit_test(a_record_beyond_reason),
	};

	return cmocka_run_group_tests_name("journal", tests, make_directory, drop_directory);
}
