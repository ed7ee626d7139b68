/* Running programs: statuses, pipes, time limits. */
#include "run.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
statuses(void **state)
{
	static const struct {
		const char *script;
		int status;
		const char *out, *err;
	} table[] = {
	    {"exit 0", 0, "", ""},
	    {"exit 3", 3, "", ""},
	    {"kill -KILL $$", 128 + SIGKILL, "", ""},
	    {"echo out; echo err >&2; exit 1", 1, "out\n", "err\n"},
	    {"cat", 0, "input", ""},
	    {"exec <&-; exit 5", 5, "", ""},
	    {"ls -l /proc/self/fd | grep -c 'pipe\\|/tmp' ", 0, NULL, ""},
	    {"trap", 0, "", ""},
	    /* who keeps the pipe open after the child's end isn't waited for */
	    {"echo early; sleep 30 &", 0, "early\n", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
		const char *argv[] = {"sh", "-c", table[i].script, NULL};
		struct run r = {
		    .argv = argv, .out = &out, .err = &err, .in = "input", .in_len = 5};

		assert_int_equal(run(&r), table[i].status);
		if (table[i].out)
			assert_string_equal(out.s ? out.s : "", table[i].out);
		assert_string_equal(err.s ? err.s : "", table[i].err);
		strbuf_free(&out);
		strbuf_free(&err);
	}
}

/* A supervisor that ignores SIGCHLD hands that on. */
static void
ignored_sigchld(void **state)
{
	const char *argv[] = {"sh", "-c", "exit 7", NULL};
	struct run r = {.argv = argv, .timeout_ms = 20000}, plain = {.argv = argv};

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(run(&plain), 7);
	assert_int_equal(run(&r), 7);
	assert_true(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

/* A program that has many files open, filewatch for one, raises its limit. */
static void
high_descriptors(void **state)
{
	const char *argv[] = {"sh", "-c", "ls /proc/self/fd | wc -l", NULL};
	struct strbuf few = STRBUF_INIT, many = STRBUF_INIT;
	struct run r = {.argv = argv, .out = &few};
	struct rlimit most;
	int fd;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &most);
	if (most.rlim_max < 2100)
		skip();
	most.rlim_cur = 2100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &most), 0);
	assert_int_equal(run(&r), 0);
	fd = fcntl(STDIN_FILENO, F_DUPFD, 2000);
	assert_true(fd >= 2000);
	r.out = &many;
	assert_int_equal(run(&r), 0);
	close(fd);
	assert_string_equal(many.s, few.s);
	strbuf_free(&few);
	strbuf_free(&many);
}

static void
to_a_log(void **state)
{
	const char *argv[] = {"sh", "-c", "echo out; echo err >&2", NULL};
	char name[] = "/tmp/whittle-run.XXXXXX", got[32] = "";
	struct strbuf out = STRBUF_INIT;
	int fd = mkstemp(name);

	(void)state;
	assert_int_equal(run(&(struct run){.argv = argv, .log = fd}), 0);
	assert_int_equal(run(&(struct run){.argv = argv, .out = &out, .log = fd}), 0);
	assert_string_equal(out.s, "out\n");
	assert_true(pread(fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, "out\nerr\nerr\n");
	strbuf_free(&out);
	close(fd);
	unlink(name);
}

static void
not_startable(void **state)
{
	const char *missing[] = {"whittle-no-such-program", NULL};
	const char *directory[] = {"/tmp", NULL};
	struct run r = {.argv = missing};

	(void)state;
	assert_int_equal(run(&r), 127);
	r.argv = directory;
	assert_int_equal(run(&r), 126);
}

static void
much_both_ways(void **state)
{
	enum { MUCH = 3 * 1024 * 1024 };
	struct strbuf out = STRBUF_INIT;
	const char *argv[] = {"cat", NULL};
	char *in = malloc(MUCH);
	struct run r = {.argv = argv, .out = &out, .in = in, .in_len = MUCH};
	size_t i;

	(void)state;
	for (i = 0; i < MUCH; i++)
		in[i] = (char)(i * 31);
	assert_int_equal(run(&r), 0);
	assert_int_equal(out.len, MUCH);
	assert_memory_equal(out.s, in, MUCH);
	strbuf_free(&out);
	free(in);
}

static void
time_limit(void **state)
{
	const char *patient[] = {"sleep", "60", NULL};
	const char *deaf[] = {"sh", "-c", "trap '' TERM; sleep 60", NULL};
	struct run r = {.argv = patient, .timeout_ms = 50};

	(void)state;
	assert_int_equal(run(&r), 124);
	r.argv = deaf;
	assert_int_equal(run(&r), 124);
}

static void
nothing_is_inherited(void **state)
{
	struct strbuf out = STRBUF_INIT;
	const char *argv[] = {
	    "sh", "-c", "[ -e /proc/self/fd/77 ] && echo there; exit 0", NULL};
	struct run r = {.argv = argv, .out = &out};

	(void)state;
	assert_int_equal(dup2(STDERR_FILENO, 77), 77);
	assert_int_equal(run(&r), 0);
	assert_int_equal(out.len, 0);
	close(77);
	strbuf_free(&out);
}

/* nohup(1) and a shell's background job hand on what they ignore. */
static void
ignored_hangup(void **state)
{
	const char *argv[] = {"sh", "-c", "kill -HUP $$; kill -INT $$; echo alive", NULL};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	assert_int_equal(run(&(struct run){.argv = argv, .out = &out}), 0);
	assert_string_equal(out.s, "alive\n");
	strbuf_free(&out);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	assert_int_equal(run(&(struct run){.argv = argv}), 128 + SIGHUP);
}

static volatile int in_a_hurry;

static void
on_alarm(int sig)
{
	(void)sig;
	in_a_hurry = 1;
}

static void
hurry(void **state)
{
	const char *argv[] = {"sleep", "600", NULL};
	struct sigaction act = {.sa_handler = on_alarm};

	(void)state;
	sigaction(SIGALRM, &act, NULL);
	alarm(1);
	assert_int_equal(
	    run(&(struct run){.argv = argv, .hurry = &in_a_hurry, .hurry_ms = 10}), 124);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(ignored_sigchld),
	    cmocka_unit_test(high_descriptors),
	    cmocka_unit_test(to_a_log),
	    cmocka_unit_test(not_startable),
	    cmocka_unit_test(much_both_ways),
	    cmocka_unit_test(time_limit),
	    cmocka_unit_test(nothing_is_inherited),
	    cmocka_unit_test(ignored_hangup),
	    cmocka_unit_test(hurry),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
