#include "protect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "report.h"
#include "strbuf.h"
#include "who.h"

/* What may be read, once Landlock holds; NULL-terminated, NULL: everything. */
static char **readable;

/* ---- capabilities ---- */

static uint64_t
wanted_capabilities(const struct config *c)
{
	uint64_t wanted = UINT64_C(1) << CAP_DAC_READ_SEARCH;

	if (c->sidecar.baseline)
		wanted |= UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_KILL;
	return wanted;
}

static int
drop_capabilities(uint64_t wanted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint64_t have;
	unsigned i;

	if (syscall(SYS_capget, &header, data))
		return -1;
	/* Needs CAP_SETPCAP; who hasn't got that can't win anything by an exec either, with
	 * no-new-privileges. */
	for (i = 0; i < 64; i++)
		if (!(wanted >> i & 1))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	have = ((uint64_t)data[1].permitted << 32 | data[0].permitted) & wanted;
	data[0].permitted = data[0].effective = (uint32_t)have;
	data[1].permitted = data[1].effective = (uint32_t)(have >> 32);
	data[0].inheritable = data[1].inheritable = 0;
	return (int)syscall(SYS_capset, &header, data);
}

/* ---- Landlock ---- */

/* The first directory of a path, since what is below may be deleted and made again, and a
 * permission for a directory doesn't go over to another of its name. */
static void
add_readable(const char *path)
{
	size_t n = 1 + strcspn(path + 1, "/"), count = 0;
	cleanup_free char *first = xstrndup(path, n);

	for (; readable && readable[count]; count++)
		if (strcmp(readable[count], first) == 0)
			return;
	/* What isn't there yet can only come by a change of "/" itself. */
	if (access(first, F_OK)) {
		free(first);
		first = xstrdup("/");
	}
	readable = xreallocarray(readable, count + 2, sizeof(*readable));
	readable[count] = steal_pointer(&first);
	readable[count + 1] = NULL;
}

static void
add_directory_of(const char *path)
{
	cleanup_free char *full = realpath(path, NULL);

	if (full)
		add_readable(full);
}

static void
collect_readable(const struct config *c)
{
	size_t i;

	add_directory_of(c->file);
	add_readable("/etc"); /* passwd and group, at a reload */
	if (who_fd() >= 0)
		add_readable("/proc"); /* the names of those who write */
	for (i = 0; i < c->rules; i++) {
		const struct rule *r = &c->rule[i];

		add_readable(strcmp(r->pattern.base, "/") == 0 ? r->path : r->pattern.base);
		/* A link on the way may lead elsewhere. */
		add_directory_of(r->pattern.base);
		add_directory_of(r->path);
		if (r->integrity)
			add_directory_of(r->integrity);
		if (r->integrity)
			add_readable(r->integrity_root ? r->integrity_root : "/");
	}
}

static int
allow_reading(int ruleset, const char *path)
{
	struct landlock_path_beneath_attr allowed = {
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);

	allowed.parent_fd = fd;
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &allowed, 0) ==
	    0)
		return 0;
	if (errno != EINVAL)
		return -1;
	/* a file: there is no reading of directories to allow */
	allowed.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
	return (int)syscall(
	    SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &allowed, 0);
}

/* All rights that this kernel's version knows are asked for, so that all but reading are
 * gone. The structure grows at its end; the kernel takes a shorter one. */
static int
make_ruleset(int abi)
{
	static const uint64_t rights[] = {
	    0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1};
	struct {
		uint64_t fs, net, scoped;
	} attr = {.fs = rights[abi < 5 ? abi : 5],
	    .net = 3, /* no bind, no connect */
	    .scoped = 3 /* no abstract sockets, no signals beyond us */};
	size_t size = abi < 4 ? 8 : abi < 6 ? 16 : 24;

	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

/* Returns the version in force, 0 where there is no Landlock, -1 with errno. */
static int
restrict_view(const struct config *c)
{
	int abi =
	    (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	cleanup_fd int ruleset = -1;
	char **path;

	if (abi < 1)
		return 0;
	ruleset = make_ruleset(abi);
	if (ruleset < 0)
		return -1;
	collect_readable(c);
	for (path = readable; *path; path++)
		if (allow_reading(ruleset, *path))
			return -1;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) ? -1 : abi;
}

static bool
is_readable(const char *path)
{
	char **r;

	for (r = readable; r && *r; r++) {
		size_t n = strcmp(*r, "/") == 0 ? 0 : strlen(*r);

		if (strncmp(path, *r, n) == 0 && (path[n] == '/' || path[n] == '\0'))
			return true;
	}
	return readable == NULL;
}

bool
protect_allows(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->rules; i++) {
		const struct rule *r = &c->rule[i];
		const char *path = is_readable(r->path) ? r->integrity : r->path;

		if (!path || is_readable(path))
			continue;
		report("'%s' is outside of what this process may read; restart filewatch to "
		       "watch it",
		    path);
		return false;
	}
	return true;
}

/* ---- seccomp ---- */

/* The most frequent first. */
static const unsigned short allowed[] = {SYS_read, SYS_write, SYS_pread64, SYS_close, SYS_fstat,
    SYS_newfstatat, SYS_openat, SYS_openat2, SYS_statx, SYS_ppoll, SYS_epoll_pwait,
    SYS_epoll_ctl, SYS_accept4, SYS_accept, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg,
    SYS_writev, SYS_readv, SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_setsockopt,
    SYS_getsockopt, SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
    SYS_futex, SYS_getdents64, SYS_readlinkat, SYS_statfs, SYS_fstatfs, SYS_lseek, SYS_fcntl,
    SYS_ioctl, SYS_fadvise64, SYS_fgetxattr, SYS_faccessat, SYS_faccessat2, SYS_getcwd,
    SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch, SYS_fanotify_mark,
    SYS_timerfd_settime, SYS_eventfd2, SYS_pipe2, SYS_epoll_create1, SYS_dup, SYS_dup3, SYS_brk,
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_membarrier, SYS_clone,
    SYS_clone3, SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_gettid, SYS_getpid,
    SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_sched_getaffinity,
    SYS_sched_yield, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack,
    SYS_tkill, SYS_tgkill, SYS_getrandom, SYS_prlimit64, SYS_umask, SYS_uname, SYS_wait4,
    SYS_restart_syscall, SYS_adjtimex, SYS_exit, SYS_exit_group,
#ifdef SYS_open /* older system calls, where there are any */
    SYS_open, SYS_stat, SYS_lstat, SYS_poll, SYS_epoll_wait, SYS_readlink, SYS_access, SYS_dup2,
    SYS_pipe, SYS_time,
#endif
    /* what a sidecar does to its neighbour */
    SYS_pidfd_open, SYS_pidfd_send_signal};

/* A baseline that is accepted while we run is written by another process. */
static int
allow_system_calls(void)
{
#if defined(__x86_64__)
	const uint32_t arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
	const uint32_t arch = AUDIT_ARCH_AARCH64;
#else
	const uint32_t arch = 0;
#endif
	enum { ALLOWED = sizeof(allowed) / sizeof(allowed[0]) };
	struct sock_filter filter[ALLOWED + 6];
	struct sock_fprog program = {.len = ALLOWED + 6, .filter = filter};
	size_t i, n = 0;

	_Static_assert(ALLOWED < 250, "a jump reaches 255 instructions");
	if (arch == 0)
		return 0;
	filter[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	filter[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < ALLOWED; i++)
		filter[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, allowed[i], (uint8_t)(ALLOWED - i), 0);
	filter[n++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (EPERM & 0xffff));
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) ? -1 : 1;
}

/* ---- all of it ---- */

/* Sanitizers look into the process with means of their own. */
#ifdef __SANITIZE_ADDRESS__
enum { RESTRICTED = 0 };
#else
enum { RESTRICTED = 1 };
#endif

int
protect(const struct config *c)
{
	int view = 0, calls = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    drop_capabilities(wanted_capabilities(c))) {
		report("drop privileges:");
		return -1;
	}
	if (RESTRICTED && !c->sidecar.baseline)
		view = restrict_view(c);
	if (view < 0) {
		report("restrict what may be read:");
		return -1;
	}
	if (RESTRICTED)
		calls = allow_system_calls();
	if (calls < 0 && errno != EINVAL && errno != ENOSYS) {
		report("restrict system calls:");
		return -1;
	}
	report("protected: no new privileges%s%s", calls > 0 ? ", seccomp" : "",
	    view > 0 ? ", Landlock" : "");
	return 0;
}
