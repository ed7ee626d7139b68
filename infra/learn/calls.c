#include "calls.h"

#include <linux/audit.h>

static const char *const names[] = {
#include "calls.inc"
};

const char *
call_name(long number)
{
	size_t n = sizeof(names) / sizeof(names[0]);

	return number >= 0 && (size_t)number < n ? names[number] : NULL;
}

const char *const calls_always[] = {"arch_prctl", "brk", "clock_getres", "clock_gettime",
    "clock_nanosleep", "clone", "clone3", "close", "close_range", "dup", "dup2", "dup3",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "execve", "exit", "exit_group", "fcntl", "fstat", "futex", "futex_waitv", "get_robust_list",
    "getegid", "geteuid", "getgid", "getpgid", "getpgrp", "getpid", "getppid", "getrandom",
    "getrlimit", "gettid", "gettimeofday", "getuid", "ioctl", "kill", "lseek", "madvise",
    "mmap", "mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "open", "openat",
    "pause", "pipe", "pipe2", "poll", "ppoll", "prctl", "pread64", "preadv", "preadv2",
    "prlimit64", "pselect6", "pwrite64", "pwritev", "pwritev2", "read", "readlink",
    "readlinkat", "readv", "recvfrom", "recvmmsg", "recvmsg", "restart_syscall", "rseq",
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_getaffinity", "sched_yield",
    "select", "sendmmsg", "sendmsg", "sendto", "set_robust_list", "set_tid_address",
    "setrlimit", "sigaltstack", "stat", "statx", "tgkill", "time", "tkill", "uname", "wait4",
    "waitid", "write", "writev"};
const size_t calls_always_count = sizeof(calls_always) / sizeof(calls_always[0]);

#if defined(__x86_64__)
static const unsigned architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const unsigned architecture = AUDIT_ARCH_AARCH64;
#else
#error "the recorder doesn't know this architecture: add its AUDIT_ARCH_ and its registers"
#endif

unsigned
call_architecture(void)
{
	return architecture;
}
