#include "calls.h"

#include <linux/audit.h>
#include <string.h>

static const char *const names[] = {
#include "calls.inc"
};
static const char *const names32[] = {
#include "calls32.inc"
};

static const char *
name_in(const char *const *table, size_t n, long number)
{
	return number >= 0 && (size_t)number < n ? table[number] : NULL;
}

static long
number_in(const char *const *table, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (table[i] && strcmp(table[i], name) == 0)
			return (long)i;
	return -1;
}

const char *
call_name(long number)
{
	return name_in(names, sizeof(names) / sizeof(names[0]), number);
}

long
call_number(const char *name)
{
	return number_in(names, sizeof(names) / sizeof(names[0]), name);
}

const char *
call32_name(long number)
{
	return name_in(names32, sizeof(names32) / sizeof(names32[0]), number);
}

long
call32_number(const char *name)
{
	return number_in(names32, sizeof(names32) / sizeof(names32[0]), name);
}

int
call32_is_socketcall(long number)
{
	return number >= 0 && number == call32_number("socketcall");
}

long
call32_as_native(long number)
{
	/* What 64-bit kernels never had, since theirs is as wide from the start. */
	static const char *const wider[][2] = {{"chown32", "chown"},
	    {"fstatat64", "newfstatat"}, {"lchown32", "lchown"}, {"lstat64", "lstat"},
	    {"oldlstat", "lstat"}, {"oldstat", "stat"}, {"setgid32", "setgid"},
	    {"setgroups32", "setgroups"}, {"setregid32", "setregid"},
	    {"setresgid32", "setresgid"}, {"setresuid32", "setresuid"},
	    {"setreuid32", "setreuid"}, {"setuid32", "setuid"}, {"stat64", "stat"},
	    {"statfs64", "statfs"}, {"truncate64", "truncate"},
	    {"utimensat_time64", "utimensat"}};
	const char *name = call32_name(number);
	size_t i;

	for (i = 0; name && i < sizeof(wider) / sizeof(wider[0]); i++)
		if (strcmp(name, wider[i][0]) == 0)
			return call_number(wider[i][1]);
	return name ? call_number(name) : -1;
}

const char *const calls_always[] = {"arch_prctl", "brk", "clock_getres", "clock_gettime",
    "clock_nanosleep", "clone", "clone3", "close", "close_range", "dup", "dup2", "dup3",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "execve", "exit", "exit_group", "fadvise64", "fcntl", "fstat", "futex", "futex_waitv",
    "get_robust_list", "getegid", "geteuid", "getgid", "getpgid", "getpgrp", "getpid",
    "getppid", "getrandom", "getrlimit", "gettid", "gettimeofday", "getuid", "ioctl", "kill",
    "lseek", "madvise", "mmap", "mprotect", "mremap", "munmap", "nanosleep", "newfstatat",
    "open", "openat", "pause", "pipe", "pipe2", "poll", "ppoll", "prctl", "pread64", "preadv",
    "preadv2", "prlimit64", "pselect6", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
    "readlink", "readlinkat", "readv", "recvfrom", "recvmmsg", "recvmsg", "restart_syscall",
    "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
    "sched_getaffinity", "sched_yield", "select", "sendmmsg", "sendmsg", "sendto",
    "set_robust_list", "set_tid_address", "setrlimit", "sigaltstack", "stat", "statx", "tgkill",
    "time", "tkill", "uname", "wait4", "waitid", "write", "writev"};
const size_t calls_always_count = sizeof(calls_always) / sizeof(calls_always[0]);

#if defined(__x86_64__)
static const unsigned architecture = AUDIT_ARCH_X86_64, architecture32 = AUDIT_ARCH_I386;
#elif defined(__aarch64__)
static const unsigned architecture = AUDIT_ARCH_AARCH64, architecture32 = 0;
#else
#error "the recorder doesn't know this architecture: add its AUDIT_ARCH_ and its registers"
#endif

unsigned
call_architecture(void)
{
	return architecture;
}

unsigned
call32_architecture(void)
{
	return architecture32;
}
