/* From what is known of a file to whether it is right, and until when. */
#include "judge.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "files.h"
#include "pattern.h"
#include "search.h"
#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S        INT64_C(1000000000)
#define NOW      (1000000 * S)

static struct needle needle = {.text = (char *)(uintptr_t) "ERROR", .len = 5};

/* One rule for each check; main() fills them in. */
static struct rule any, hour, settled, empty, empty_dir, sized, owned, moded, capped, clean,
    says;

static void
make_rules(void)
{
	any = (struct rule){.max_age = NOT_SET,
	    .min_age = NOT_SET,
	    .grace = NOT_SET,
	    .uid = NOT_SET,
	    .gid = NOT_SET,
	    .mode = NOT_SET,
	    .mode_max = NOT_SET};
	hour = settled = empty = empty_dir = sized = owned = moded = capped = clean = says =
	    any;
	hour.max_age = settled.min_age = 3600000;
	empty.empty = EMPTY_FILE;
	empty_dir.empty = EMPTY_DIR;
	sized.size = (struct bounds){true, 10, 2048};
	owned.uid = 0;
	owned.gid = 5;
	moded.mode = 0644;
	capped.mode_max = 0750;
	clean.not_found = says.found = &needle;
}

#define FILE_OF(age)                                                                           \
	{                                                                                      \
		.mode = S_IFREG | 0644, .mtime = NOW - (age)*S                                 \
	}

static void
judging(void **state)
{
	static const struct {
		const struct rule *rule;
		struct facts facts;
		uint32_t findings;
		int64_t next;
		const char *words;
	} table[] = {
	    {&any, FILE_OF(5), 0, NEVER, ""},
	    {&any, {.error = EACCES}, FINDING_UNREADABLE, NEVER,
		"can't be read: Permission denied"},
	    {&hour, FILE_OF(0), 0, NOW + 3600 * S + 1, ""},
	    {&hour, FILE_OF(3600), 0, NOW + 1, ""},
	    {&hour, FILE_OF(3601), FINDING_TOO_OLD, NEVER, "1 h old, at most 1 h"},
	    {&hour, FILE_OF(90000), FINDING_TOO_OLD, NEVER, "1 d 1 h old, at most 1 h"},
	    {&hour, FILE_OF(-9), 0, NOW + 3609 * S + 1, ""},
	    {&hour, FILE_OF(-11), FINDING_FUTURE, NOW + 1 * S, "modified 11 s in the future"},
	    {&hour, {.mode = S_IFREG, .mtime = INT64_C(1) << 62}, FINDING_FUTURE,
		(INT64_C(1) << 62) - FUTURE_TOLERANCE, "modified 53364 d 10 h in the future"},
	    {&settled, FILE_OF(3600), 0, NEVER, ""},
	    {&settled, FILE_OF(3599), FINDING_TOO_NEW, NOW + 1 * S,
		"59 min 59 s old, at least 1 h"},
	    {&empty, FILE_OF(0), 0, NEVER, ""},
	    {&empty, {.mode = S_IFREG, .size = 1}, FINDING_NOT_EMPTY, NEVER, "not empty"},
	    {&empty, {.mode = S_IFDIR}, FINDING_KIND, NEVER, "a directory, not a regular file"},
	    {&empty, {.mode = S_IFIFO}, FINDING_KIND, NEVER, "a FIFO, not a regular file"},
	    {&empty_dir, {.mode = S_IFDIR}, 0, NEVER, ""},
	    {&empty_dir, {.mode = S_IFDIR, .dir_has_entries = true}, FINDING_NOT_EMPTY, NEVER,
		"not empty"},
	    {&empty_dir, FILE_OF(0), FINDING_KIND, NEVER, "a regular file, not a directory"},
	    {&sized, {.mode = S_IFREG, .size = 10}, 0, NEVER, ""},
	    {&sized, {.mode = S_IFREG, .size = 2048}, 0, NEVER, ""},
	    {&sized, {.mode = S_IFREG, .size = 9}, FINDING_SIZE, NEVER,
		"9 bytes, at least 10 bytes"},
	    {&sized, {.mode = S_IFREG, .size = 2560}, FINDING_SIZE, NEVER,
		"2.5 KiB, at most 2 KiB"},
	    {&owned, {.mode = S_IFREG, .gid = 5}, 0, NEVER, ""},
	    {&owned, {.mode = S_IFREG, .uid = 7, .gid = 5}, FINDING_OWNER, NEVER,
		"owner 7:5, not 0:5"},
	    {&moded, FILE_OF(0), 0, NEVER, ""},
	    {&moded, {.mode = S_IFREG | 04644}, FINDING_MODE, NEVER, "mode 4644, not 0644"},
	    {&capped, {.mode = S_IFREG | 0700}, 0, NEVER, ""},
	    {&capped, {.mode = S_IFREG | 0701}, FINDING_MODE, NEVER, "mode 0701, at most 0750"},
	    {&clean, {.mode = S_IFREG, .search_error = EIO}, FINDING_UNREADABLE, NEVER,
		"can't be read: Input/output error"},
	    {&clean, {.mode = S_IFREG, .obstacle = "it is UTF-16"}, FINDING_UNREADABLE, NEVER,
		"can't be searched for text: it is UTF-16"},
	    {&any, {.mode = S_IFREG, .unlinked = true}, FINDING_STALE, NEVER,
		"stale: another file has taken its place where it is mounted from; mount its "
		"directory, or restart the container after such a change"},
	    {&clean, {.mode = S_IFSOCK}, FINDING_KIND, NEVER, "a socket, not a regular file"},
	    {&clean, {.mode = S_IFCHR}, FINDING_KIND, NEVER, "a device, not a regular file"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct strbuf words = STRBUF_INIT;
		int64_t next;
		uint32_t findings = judge(table[i].rule, &table[i].facts, NULL, NOW, &next);

		judge_describe(&words, table[i].rule, &table[i].facts, findings, NOW);
		if (findings != table[i].findings || next != table[i].next ||
		    strcmp(words.s ? words.s : "", table[i].words) != 0)
			fail_msg("case %zu: findings %x, next %lld, '%s'", i, findings,
			    (long long)next, words.s ? words.s : "");
		strbuf_free(&words);
	}
}

static void
text(void **state)
{
	static const struct {
		const struct rule *rule;
		struct search search;
		uint32_t findings;
	} table[] = {
	    {&clean, {.not_found = {.hit = -1, .done = true}}, 0},
	    {&clean, {.not_found = {.hit = 7, .done = true}}, FINDING_TEXT},
	    {&clean, {.not_found = {.hit = -1}}, FINDING_PENDING},
	    {&says, {.found = {.hit = -1, .done = true}}, FINDING_NO_TEXT},
	    {&says, {.found = {.hit = 0, .done = true}}, 0},
	    {&says, {.found = {.hit = -1}}, FINDING_PENDING},
	};
	const struct facts f = FILE_OF(0);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		int64_t next;
		uint32_t findings = judge(table[i].rule, &f, &table[i].search, NOW, &next);

		if (findings != table[i].findings)
			fail_msg("case %zu: %x", i, findings);
	}
	assert_int_equal(judge(&clean, &f, NULL, NOW, &(int64_t){0}), FINDING_UNREADABLE);
}

static int clock_state;
static time_t uptime;

/* In libc's place: a machine that has just started, or not. */
int
adjtimex(struct timex *t)
{
	(void)t;
	return clock_state;
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, t);
	*t = (struct timespec){uptime, 0};
	return 0;
}

/* Without a clock that runs on, a machine starts in the past: its files say nothing then. */
static void
clock_not_set(void **state)
{
	static const struct {
		int clock_state;
		time_t uptime;
		enum state wanted;
		uint32_t findings;
	} table[] = {
	    {TIME_ERROR, 30, STATE_PENDING, FINDING_CLOCK},
	    {TIME_ERROR, 901, STATE_FAIL, FINDING_FUTURE},
	    {TIME_OK, 30, STATE_FAIL, FINDING_FUTURE},
	};
	struct config c = {0};
	char path[] = "/x", base[] = "/tmp/whittle-clock.XXXXXX";
	struct rule r = {.path = path,
	    .max_age = 3600000,
	    .min_age = NOT_SET,
	    .uid = NOT_SET,
	    .gid = NOT_SET,
	    .mode = NOT_SET,
	    .mode_max = NOT_SET,
	    .grace = NOT_SET};
	int rootfd;

	(void)state;
	assert_non_null(mkdtemp(base));
	rootfd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(close(openat(rootfd, "x", O_CREAT | O_WRONLY, 0600)), 0);
	assert_null(pattern_parse(&r.pattern, "/x"));
	for (size_t i = 0; i < COUNT(table); i++) {
		struct rule_state s;
		struct rule_status told;

		clock_state = table[i].clock_state;
		uptime = table[i].uptime;
		rule_state_init(&s, &r);
		rule_scan(&s, &c, rootfd, NULL);
		rule_judge(&s, S); /* 1970 */
		rule_report(&s, &told);
		assert_int_equal(told.state, table[i].wanted);
		assert_int_equal(told.shown[0].findings, table[i].findings);
		free(told.shown[0].path);
		free(told.shown);
		rule_state_free(&s);
	}
	pattern_free(&r.pattern);
	unlinkat(rootfd, "x", 0);
	close(rootfd);
	rmdir(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judging),
	    cmocka_unit_test(text),
	    cmocka_unit_test(clock_not_set),
	};

	make_rules();
	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
