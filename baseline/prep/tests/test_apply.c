/* A file that is edited is the one that was open: somebody who swaps it for another meanwhile
 * chooses neither the owner nor the mode of the new one. */
#define sha256_fd  swapping_sha256_fd
#define apply_plan unused_apply_plan
#include "../apply.c"
#undef sha256_fd
/* The real one, which the header declared by the other name. */
int sha256_fd(int fd, char hex[SHA256_HEX]);

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum swap { NOTHING, BEFORE, AFTER };

static const enum swap table[] = {NOTHING, BEFORE, AFTER};
static const struct pass accounts = {.name = "accounts"};
static enum swap swap_when;
static int directory = -1;

static void
make(const char *name, mode_t mode, uid_t owner)
{
	cleanup_fd int fd =
	    openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, "root:x:0:0::/:/bin/sh\n", 22), 0);
	if (geteuid() == 0)
		assert_int_equal(fchown(fd, owner, owner), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

/* The concurrent writer, while the file is read. */
int
swapping_sha256_fd(int fd, char hex[SHA256_HEX])
{
	int result;

	if (swap_when == BEFORE)
		assert_int_equal(renameat(directory, "other", directory, "passwd"), 0);
	result = sha256_fd(fd, hex);
	if (swap_when == AFTER)
		assert_int_equal(renameat(directory, "other", directory, "passwd"), 0);
	return result;
}

static void
edit_one(enum swap when)
{
	char path[] = "/tmp/test_apply.XXXXXX";
	struct tree tree;
	struct plan plan;
	struct ledger ledger = {.fd = -1};
	struct outcome outcome = {0};
	struct applying a = {
	    .plan = &plan, .tree = &tree, .ledger = &ledger, .outcome = &outcome};
	struct stat st;
	char text[16] = "";
	size_t k;
	cleanup_fd int fd = -1;

	assert_non_null(mkdtemp(path));
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(directory >= 0);
	make("passwd", 0640, 7);
	assert_int_equal(tree_read(&tree, directory), 0);
	assert_int_equal(tree.count, 2);
	if (when != NOTHING)
		make("other", 04777, 8);
	plan_init(&plan, &accounts, 1);
	plan.tree = &tree;
	for (k = 0; k < EDITS; k++)
		plan.edits[k].entry = NO_ENTRY;
	plan.edits[0].entry = 1;
	tree.e[1].edit = 1;
	strbuf_puts(&plan.edits[0].lines, "\"removed\":[],\"changed\":[]");
	strbuf_puts(&plan.edits[0].text, "new\n");

	swap_when = when;
	edit_entry(&a, directory, 1);
	assert_int_equal(outcome.edits, 1);
	fd = openat(directory, "passwd", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0)
		assert_true(st.st_uid == 7 && st.st_gid == 7);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 4);
	assert_string_equal(text, "new\n");

	assert_int_equal(unlinkat(directory, "passwd", 0), 0);
	assert_int_equal(rmdir(path), 0);
	strbuf_free(&a.path);
	strbuf_free(&a.record);
	plan_free(&plan);
	tree_free(&tree);
	close(directory);
}

static void
swapped_meanwhile(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++)
		edit_one(table[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(swapped_meanwhile)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
