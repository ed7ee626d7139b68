/* Which processes run: a child that has ended isn't one, though its number is still taken. */
#include "proc.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void *wait_to_be_killed(void *) __attribute__((noreturn));
static void *
wait_to_be_killed(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

static pid_t
child(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	return pid;
}

static void
ends(void)
{
}

static void
waits(void)
{
	pause();
}

static void
leaves_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_to_be_killed, NULL);
	syscall(SYS_exit, 0); /* this thread alone */
}

/* Until the kernel shows it as a zombie, by the state that proc_stat() doesn't read. */
static void
wait_for_end(pid_t pid)
{
	siginfo_t info;

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static void
test_runs(void **unused)
{
	pid_t running = child(waits), zombie = child(ends), half = child(leaves_a_thread);

	(void)unused;
	wait_for_end(zombie);
	usleep(200000); /* half's first thread has ended by then, or it runs in either case */
	assert_true(proc_runs(running));
	assert_false(proc_runs(zombie));
	assert_true(proc_runs(half));
	assert_true(proc_runs(getpid()));
	kill(running, SIGKILL);
	kill(half, SIGKILL);
	wait_for_end(half);
	assert_false(proc_runs(half));
	for (int i = 0; i < 3; i++)
		wait(NULL);
	assert_false(proc_runs(running));
	assert_false(proc_runs(zombie));
}

static void
test_started(void **unused)
{
	pid_t pid = child(waits);
	time_t started = proc_started(pid), now = time(NULL);

	(void)unused;
	assert_true(started > now - 3600 && started <= now + 1);
	kill(pid, SIGKILL);
	wait(NULL);
	assert_int_equal(proc_started(pid), -1);
	assert_false(proc_in_cgroup(pid, "/"));
	assert_true(proc_in_cgroup(getpid(), "/"));
	assert_false(proc_in_cgroup(getpid(), "no group has that name"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_runs), cmocka_unit_test(test_started)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
