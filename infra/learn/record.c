#include "record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "report.h"
#include "strbuf.h"
#include "trace.h"

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif
#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum { RECORDER_NONE = 125, X32_BIT = 0x40000000 };

/* ---- the calls of interest ---- */

enum shape {
	JUST_SEEN,
	PATH_0, /* the path is the first argument */
	AT_01,  /* a directory's descriptor and a path */
	LINK_0, /* the same, read as a link */
	LINK_01,
	OPEN_0, /* with flags behind it */
	OPEN_01,
	OPEN2_01, /* flags in a structure */
	WRITE_0,  /* changes what the path names */
	WRITE_01,
	WRITE_0_1, /* two paths */
	WRITE_01_23,
	WRITE_1, /* the path that is made is the second */
	WRITE_12,
	EXEC_0,
	EXEC_01,
	WATCH_1,
	LIST,
	CHDIR_0,
	FCHDIR,
	BIND,
	LISTEN,
	CONNECT,
	SOCKETCALL, /* of 32-bit programs: which of these and where its arguments are */
	USERS,
	CHROOT,
	TRACES,
};

static const struct interest {
	long number;
	enum shape shape;
} interests[] = {
#ifdef __NR_open
    {__NR_open, OPEN_0},
    {__NR_creat, WRITE_0},
    {__NR_stat, PATH_0},
    {__NR_lstat, PATH_0},
    {__NR_access, PATH_0},
    {__NR_readlink, LINK_0},
    {__NR_mkdir, WRITE_0},
    {__NR_rmdir, WRITE_0},
    {__NR_unlink, WRITE_0},
    {__NR_rename, WRITE_0_1},
    {__NR_link, WRITE_0_1},
    {__NR_symlink, WRITE_1},
    {__NR_mknod, WRITE_0},
    {__NR_chmod, WRITE_0},
    {__NR_chown, WRITE_0},
    {__NR_lchown, WRITE_0},
    {__NR_getdents, LIST},
    {__NR_utimes, WRITE_0},
    {__NR_futimesat, WRITE_01},
#endif
    {__NR_openat, OPEN_01},
#ifdef __NR_openat2
    {__NR_openat2, OPEN2_01},
#endif
#ifdef __NR_newfstatat
    {__NR_newfstatat, AT_01},
#endif
    {__NR_statx, AT_01},
    {__NR_faccessat, AT_01},
#ifdef __NR_faccessat2
    {__NR_faccessat2, AT_01},
#endif
    {__NR_readlinkat, LINK_01},
    {__NR_statfs, PATH_0},
    {__NR_getxattr, PATH_0},
    {__NR_lgetxattr, PATH_0},
    {__NR_listxattr, PATH_0},
    {__NR_name_to_handle_at, AT_01},
    {__NR_inotify_add_watch, WATCH_1},
    {__NR_getdents64, LIST},
    {__NR_execve, EXEC_0},
    {__NR_execveat, EXEC_01},
    {__NR_mkdirat, WRITE_01},
    {__NR_unlinkat, WRITE_01},
    {__NR_renameat, WRITE_01_23},
    {__NR_renameat2, WRITE_01_23},
    {__NR_linkat, WRITE_01_23},
    {__NR_symlinkat, WRITE_12},
    {__NR_mknodat, WRITE_01},
    {__NR_truncate, WRITE_0},
    {__NR_fchmodat, WRITE_01},
    {__NR_fchownat, WRITE_01},
    {__NR_utimensat, WRITE_01},
    {__NR_setxattr, WRITE_0},
    {__NR_lsetxattr, WRITE_0},
    {__NR_chdir, CHDIR_0},
    {__NR_fchdir, FCHDIR},
    {__NR_bind, BIND},
    {__NR_listen, LISTEN},
    {__NR_connect, CONNECT},
    {__NR_setuid, USERS},
    {__NR_setgid, USERS},
    {__NR_setreuid, USERS},
    {__NR_setregid, USERS},
    {__NR_setresuid, USERS},
    {__NR_setresgid, USERS},
    {__NR_setgroups, USERS},
    {__NR_chroot, CHROOT},
    {__NR_pivot_root, CHROOT},
    {__NR_ptrace, TRACES},
};

#define ALLOW         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define FIELD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))

static enum shape
shape_of(long number)
{
	size_t i;

	for (i = 0; i < sizeof(interests) / sizeof(interests[0]); i++)
		if (interests[i].number == number)
			return interests[i].shape;
	return JUST_SEEN;
}

/*
 * Stops at everything but what every program calls, and what every profile allows therefore,
 * where it names nothing. io_uring would open files without a call: here the kernel seems to
 * lack it, and programs that would like it do without. So it does to calls of the x32 kind,
 * whose numbers have a bit more. A 32-bit program's calls have other numbers: each is a stop.
 */
static int
install_filter(void)
{
	size_t at = 0, i;
	struct sock_filter *code = xcalloc(2 * calls_always_count + 20, sizeof(*code));
	struct sock_fprog program;
	int got;

	code[at++] = (struct sock_filter)FIELD(nr);
	code[at++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	code[at++] = (struct sock_filter)FIELD(arch);
	code[at++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call_architecture(), 1, 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	code[at++] = (struct sock_filter)FIELD(nr);
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	for (i = 0; i < calls_always_count; i++) {
		long number = call_number(calls_always[i]);

		if (number < 0 || shape_of(number) != JUST_SEEN)
			continue;
		code[at++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1);
		code[at++] = (struct sock_filter)ALLOW;
	}
#ifdef __NR_newfstatat
	/* fstat(2) as glibc makes it. */
	code[at++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_newfstatat, 0, 3);
	code[at++] = (struct sock_filter)FIELD(args[3]);
	code[at++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 0, 1);
	code[at++] = (struct sock_filter)ALLOW;
#endif
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	program = (struct sock_fprog){.len = (unsigned short)at, .filter = code};
	/* A service that may become root by its programs can't while it is watched. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	got = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
	free(code);
	return got;
}

/* ---- what was written down ---- */

struct bound {
	unsigned long long inode;
	char where[80];
};

struct process {
	pid_t pid; /* of a thread */
	int program;
	char *cwd;           /* as last known; NULL: ask the kernel */
	unsigned peek : 1;   /* its memory is read word by word: it has another user now */
	unsigned opened : 1; /* it was made readable once more */
	unsigned known : 1;  /* who started it was heard of */
	unsigned old : 1;    /* the call that it is at is a 32-bit program's */
	struct bound *binds; /* what it is at the end of binding; NULL: nothing */
};

static struct recorder {
	int fd;
	struct strbuf line;
	uint64_t *seen; /* a hash set; 0 is an empty slot */
	size_t seen_size, seen_count;
	unsigned long long lines, bytes;
	int full, failed;
	char **program;
	size_t programs;
	struct process **process; /* a hash table by pid, chained by probing */
	size_t process_size, process_count, process_most;
	int chrooted;
	pid_t early[256]; /* a ring: they ended before whoever started them was heard of */
	size_t earlies;
	struct bound bound[64];
	size_t bounds;
} r;

static uint64_t
hash(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (; n-- > 0; p++)
		h = (h ^ *p) * 1099511628211u;
	return h;
}

static uint64_t
mixed(uint64_t h)
{
	h ^= h >> 31;
	h *= 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	return h ? h : 1;
}

static size_t
slot_of(uint64_t h)
{
	size_t at = (size_t)h & (r.seen_size - 1);

	while (r.seen[at] && r.seen[at] != h)
		at = (at + 1) & (r.seen_size - 1);
	return at;
}

static void
grow_seen(void)
{
	uint64_t *old = r.seen;
	size_t n = r.seen_size, i;

	r.seen_size = n ? n * 2 : 4096;
	r.seen = xcalloc(r.seen_size, sizeof(*r.seen));
	for (i = 0; i < n; i++)
		if (old[i])
			r.seen[slot_of(old[i])] = old[i];
	free(old);
}

/* Whether it is the first of its kind. */
static int
is_new(uint64_t h)
{
	size_t at;

	if (r.seen_count * 2 >= r.seen_size)
		grow_seen();
	h = mixed(h);
	at = slot_of(h);
	if (r.seen[at])
		return 0;
	r.seen[at] = h;
	r.seen_count++;
	return 1;
}

/* Each line is written at once: whoever kills the container kills the recorder with it. */
static void
put_line(void)
{
	ssize_t n;

	if (r.failed)
		return;
	strbuf_putc(&r.line, '\n');
	r.lines++;
	r.bytes += r.line.len;
	do
		n = write(r.fd, r.line.s, r.line.len);
	while (n < 0 && errno == EINTR);
	r.failed = n != (ssize_t)r.line.len;
}

static void
put_escaped(const char *s, size_t n)
{
	for (; n-- > 0; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || c == '\\')
			strbuf_printf(&r.line, "\\%03o", c);
		else
			strbuf_putc(&r.line, *s);
	}
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
write_down(enum trace_kind kind, int program, const char *subject)
{
	char head = (char)kind;
	size_t n = strlen(subject);
	uint64_t h = hash(14695981039346656037u, &head, 1);

	h = hash(hash(h, &program, sizeof(program)), subject, n);
	if (r.full || !is_new(h))
		return;
	r.full = r.lines >= TRACE_LINES_MAX || r.bytes >= TRACE_BYTES_MAX;
	strbuf_cut(&r.line, 0);
	if (r.full) {
		strbuf_printf(&r.line,
		    "%c\t%lld\t0\tmore than can be written down: the trace ends here",
		    TRACE_NOTE, (long long)now());
	} else {
		strbuf_printf(&r.line, "%c\t%lld\t%d\t", head, (long long)now(), program);
		put_escaped(subject, n);
	}
	put_line();
}

static int
program_number(const char *path)
{
	size_t i;

	for (i = 0; i < r.programs; i++)
		if (strcmp(r.program[i], path) == 0)
			return (int)i;
	if (r.programs >= 100000)
		return 0;
	r.program = xreallocarray(r.program, r.programs + 1, sizeof(*r.program));
	r.program[r.programs] = xstrdup(path);
	strbuf_cut(&r.line, 0);
	strbuf_printf(&r.line, "e\t%zu\t", r.programs);
	put_escaped(path, strlen(path));
	put_line();
	return (int)r.programs++;
}

/* ---- processes ---- */

/* What /proc/PID/NAME leads to, into out; NULL where the kernel doesn't say: it asks for the
 * same user on both sides. */
static const char *
ask_proc(pid_t pid, const char *name, char out[PATH_MAX])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = readlink(path, out, PATH_MAX - 1);
	if (n < 0)
		return NULL;
	out[n] = '\0';
	return out;
}

static size_t
process_slot(pid_t pid)
{
	size_t at = (size_t)mixed((uint64_t)pid) & (r.process_size - 1);

	while (r.process[at] && r.process[at]->pid != pid)
		at = (at + 1) & (r.process_size - 1);
	return at;
}

static void
rehash(size_t size)
{
	struct process **old = r.process;
	size_t n = r.process_size, i;

	r.process_size = size;
	r.process = xcalloc(size, sizeof(struct process *));
	for (i = 0; i < n; i++)
		if (old[i])
			r.process[process_slot(old[i]->pid)] = old[i];
	free(old);
}

/* How many threads there are at once; many are written down by sixteens. */
static void
count_most(void)
{
	char number[24];

	if (r.process_count <= r.process_most)
		return;
	r.process_most =
	    r.process_count < 64 ? r.process_count : (r.process_count + 15) / 16 * 16;
	snprintf(number, sizeof(number), "%zu", r.process_most);
	write_down(TRACE_TASKS, 0, number);
}

static struct process *
process_of(pid_t pid)
{
	char exe[PATH_MAX];
	struct process *p;
	size_t at;

	if (r.process_count * 2 >= r.process_size)
		rehash(r.process_size ? r.process_size * 2 : 64);
	at = process_slot(pid);
	if (r.process[at])
		return r.process[at];
	p = r.process[at] = xcalloc(1, sizeof(*p));
	r.process_count++;
	p->pid = pid;
	p->program = ask_proc(pid, "exe", exe) ? program_number(exe) : 0;
	count_most();
	return p;
}

static void
forget(pid_t pid)
{
	size_t at = r.process_size ? process_slot(pid) : 0;
	struct process *p = r.process_size ? r.process[at] : NULL;

	if (!p || !p->known)
		r.early[r.earlies++ % (sizeof(r.early) / sizeof(r.early[0]))] = pid;
	if (!p)
		return;
	r.process[at] = NULL;
	r.process_count--;
	free(p->cwd);
	free(p);
	/* Probing must not end at the hole: what stands behind it moves up. */
	while ((p = r.process[at = (at + 1) & (r.process_size - 1)])) {
		r.process[at] = NULL;
		r.process[process_slot(p->pid)] = p;
	}
}

/* The two stops of a fork come in any order, and the end of the child may be the first to be
 * heard of all. */
static int
has_ended(pid_t pid)
{
	size_t i;

	for (i = 0; i < sizeof(r.early) / sizeof(r.early[0]); i++)
		if (r.early[i] == pid) {
			r.early[i] = 0;
			return 1;
		}
	return 0;
}

static void
inherit(const struct process *from, pid_t pid)
{
	struct process *p;

	if (has_ended(pid))
		return;
	p = process_of(pid);
	p->known = 1;
	p->program = from->program;
	p->peek = from->peek;
	free(p->cwd);
	p->cwd = from->cwd ? xstrdup(from->cwd) : NULL;
}

/* ---- their memory ---- */

static ssize_t
read_by_words(pid_t pid, unsigned long address, char *out, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t skip = address % sizeof(long), k = sizeof(long) - skip;
		long word;

		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, (void *)(address - skip), NULL);
		if (errno)
			return done ? (ssize_t)done : -1;
		k = k < n - done ? k : n - done;
		memcpy(out + done, (char *)&word + skip, k);
		done += k;
		address += k;
		if (memchr(out + done - k, '\0', k))
			break;
	}
	return (ssize_t)done;
}

/* Up to n bytes; fewer at the end of what is mapped. -1 with errno. */
static ssize_t
read_memory(struct process *p, unsigned long address, void *out, size_t n)
{
	struct iovec here = {out, n}, there = {(void *)address, n};
	ssize_t got = -1;

	if (!p->peek) {
		got = process_vm_readv(p->pid, &here, 1, &there, 1, 0);
		if (got >= 0 || errno != EPERM)
			return got;
		p->peek = 1;
	}
	return read_by_words(p->pid, address, out, n);
}

/* A path, page by page, since what follows its end needn't be there. Returns 0, -1 with errno.
 */
static int
read_path(struct process *p, unsigned long address, char out[PATH_MAX])
{
	size_t done = 0;

	while (done < PATH_MAX) {
		size_t room = 256 - (address + done) % 256;
		ssize_t n;

		room = room < PATH_MAX - done ? room : PATH_MAX - done;
		n = read_memory(p, address + done, out + done, room);
		if (n <= 0)
			return -1;
		if (memchr(out + done, '\0', (size_t)n))
			return 0;
		done += (size_t)n;
	}
	errno = ENAMETOOLONG;
	return -1;
}

/*
 * A process that changed its user is closed to one that has another, also to who traces it,
 * unless it says itself that it isn't: it is made to call prctl(PR_SET_DUMPABLE, 1) in place of
 * the call that it is at, and then that once more.
 */
#if defined(__x86_64__)
static int
open_by_force(pid_t pid, int old)
{
	struct user_regs_struct saved, regs;
	int status;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &saved))
		return -1;
	regs = saved;
	if (old) {
		regs.orig_rax = (unsigned long)call32_number("prctl");
		regs.rbx = PR_SET_DUMPABLE;
		regs.rcx = 1;
		regs.rdx = regs.rsi = regs.rdi = 0;
	} else {
		regs.orig_rax = __NR_prctl;
		regs.rdi = PR_SET_DUMPABLE;
		regs.rsi = 1;
		regs.rdx = regs.r10 = regs.r8 = 0;
	}
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status))
		return -1;
	saved.rax = saved.orig_rax;
	saved.rip -= 2; /* the instruction itself */
	saved.orig_rax = (unsigned long)-1;
	return ptrace(PTRACE_SETREGS, pid, NULL, &saved) ? -1 : 0;
}
#else
static int
open_by_force(pid_t pid, int old)
{
	struct user_regs_struct saved, regs;
	struct iovec v = {&saved, sizeof(saved)};
	int status, nr = __NR_prctl;
	struct iovec call = {&nr, sizeof(nr)};

	if (old || ptrace(PTRACE_GETREGSET, pid, (void *)1 /* NT_PRSTATUS */, &v))
		return -1;
	regs = saved;
	regs.regs[0] = PR_SET_DUMPABLE;
	regs.regs[1] = 1;
	regs.regs[2] = regs.regs[3] = regs.regs[4] = 0;
	v.iov_base = &regs;
	if (ptrace(PTRACE_SETREGSET, pid, (void *)1, &v) ||
	    ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &call) ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, __WALL) != pid ||
	    !WIFSTOPPED(status))
		return -1;
	saved.pc -= 4;
	v.iov_base = &saved;
	return ptrace(PTRACE_SETREGSET, pid, (void *)1, &v) ? -1 : 0;
}
#endif

/* ---- paths ---- */

/* path below base, which is NULL for none; it is resolved in the image later, so that dots and
 * links in it stay. */
static void
found_path(struct process *p, enum trace_kind kind, const char *base, const char *path)
{
	char root[PATH_MAX], *joined;

	if (*path == '/')
		base = r.chrooted && ask_proc(p->pid, "root", root) && root[1] ? root : NULL;
	if (!base) {
		write_down(kind, p->program, path);
		return;
	}
	if (*base != '/') /* a pipe, a socket, or what has no name any more */
		return;
	joined =
	    xasprintf("%s%s%s", base[1] ? base : "", *path && *path != '/' ? "/" : "", path);
	write_down(kind, p->program, *joined ? joined : "/");
	free(joined);
}

static const char *
directory(struct process *p, int fd, char out[PATH_MAX])
{
	char name[32];

	if (fd != AT_FDCWD) {
		snprintf(name, sizeof(name), "fd/%d", fd);
		return ask_proc(p->pid, name, out);
	}
	if (ask_proc(p->pid, "cwd", out))
		return out;
	return p->cwd;
}

/* Returns -1 where the process's memory can't be read. */
static int
path_at(struct process *p, enum trace_kind kind, int fd, unsigned long address)
{
	char path[PATH_MAX], base[PATH_MAX];
	const char *from;

	if (address == 0)
		return 0;
	if (read_path(p, address, path))
		return errno == EIO || errno == EPERM ? -1 : 0;
	if (*path == '/') {
		found_path(p, kind, NULL, path);
		return 0;
	}
	if (!*path && fd == AT_FDCWD)
		return 0;
	from = directory(p, fd, base);
	if (from)
		found_path(p, kind, from, path);
	else
		write_down(TRACE_NOTE, p->program,
		    "a path relative to a directory of a process that changed its user");
	return 0;
}

static enum trace_kind
opened_as(unsigned long flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC) ? TRACE_WRITTEN
									      : TRACE_OPENED;
}

static void
listed(struct process *p, int fd)
{
	char path[PATH_MAX], name[32];

	snprintf(name, sizeof(name), "fd/%d", fd);
	if (ask_proc(p->pid, name, path) && *path == '/')
		write_down(TRACE_LISTED, p->program, path);
}

static void
changed_directory(struct process *p, unsigned long address)
{
	char path[PATH_MAX];
	char *old = p->cwd;

	if (read_path(p, address, path))
		return;
	if (*path == '/')
		p->cwd = xstrdup(path);
	else if (old)
		p->cwd = xasprintf("%s/%s", old, path);
	if (p->cwd != old)
		free(old);
}

/* ---- sockets ---- */

static unsigned long long
socket_inode(struct process *p, int fd)
{
	char path[PATH_MAX], name[32];
	unsigned long long inode = 0;

	snprintf(name, sizeof(name), "fd/%d", fd);
	if (!ask_proc(p->pid, name, path) || sscanf(path, "socket:[%llu]", &inode) != 1)
		return 0;
	return inode;
}

static int
address_of(struct process *p, unsigned long address, size_t len, char out[80], char *path)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} a;
	char text[INET6_ADDRSTRLEN];

	memset(&a, 0, sizeof(a));
	*path = '\0';
	if (len > sizeof(a))
		len = sizeof(a);
	/* Word by word ends at a zero byte, of which addresses are full: byte counts matter. */
	for (size_t done = 0; done < len;) {
		ssize_t n = read_memory(p, address + done, (char *)&a + done, len - done);

		if (n <= 0)
			return errno == EIO || errno == EPERM ? -1 : 0;
		done += (size_t)n;
	}
	switch (a.any.sa_family) {
	case AF_UNIX:
		snprintf(path, sizeof(a.un.sun_path) + 1, "%.*s", (int)sizeof(a.un.sun_path),
		    a.un.sun_path);
		return 1;
	case AF_INET:
		snprintf(out, 80, "%s:%u",
		    inet_ntop(AF_INET, &a.in.sin_addr, text, sizeof(text)),
		    ntohs(a.in.sin_port));
		return 2;
	case AF_INET6:
		snprintf(out, 80, "[%s]:%u",
		    inet_ntop(AF_INET6, &a.in6.sin6_addr, text, sizeof(text)),
		    ntohs(a.in6.sin6_port));
		return 2;
	default:
		return 0;
	}
}

static int
bound(struct process *p, const uint64_t *args, enum shape shape)
{
	char where[80], path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1], base[PATH_MAX];
	const char *from;
	int got = address_of(p, args[1], (size_t)args[2], where, path);

	if (got < 0)
		return -1;
	if (got == 1 && *path) {
		from = *path == '/' ? NULL : directory(p, AT_FDCWD, base);
		if (*path == '/' || from)
			found_path(p, shape == BIND ? TRACE_SOCKET : TRACE_LOOKED, from, path);
	} else if (got == 2 && shape == BIND) {
		struct bound *b = &r.bound[r.bounds++ % (sizeof(r.bound) / sizeof(r.bound[0]))];

		b->inode = socket_inode(p, (int)args[0]);
		p->binds = b;
		memcpy(b->where, where, sizeof(where));
		write_down(TRACE_BOUND, p->program, where);
	}
	return 0;
}

/* Whether the kernel lists a socket in a table of the network that this is in, too. */
static int
is_listed(const char *table, unsigned long long inode)
{
	FILE *f = fopen(table, "re");
	char line[512];
	unsigned long long found;
	int yes = 0;

	/* The inode is the tenth field; what stands before it has no blanks inside. */
	while (f && !yes && fgets(line, sizeof(line), f))
		yes = sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &found) == 1 &&
		      found == inode;
	if (f)
		fclose(f);
	return yes;
}

/* At the end of bind(2): what kind of socket it was only shows now, and for a datagram one
 * there is no listen(2) to come. */
static void
at_bound(struct process *p)
{
	struct bound *b = p->binds;

	p->binds = NULL;
	if (b && b->inode &&
	    (is_listed("/proc/self/net/udp", b->inode) ||
		is_listed("/proc/self/net/udp6", b->inode)))
		write_down(TRACE_DATAGRAM, p->program, b->where);
}

static void
listens(struct process *p, int fd)
{
	unsigned long long inode = socket_inode(p, fd);
	size_t i;

	for (i = 0; inode && i < sizeof(r.bound) / sizeof(r.bound[0]); i++)
		if (r.bound[i].inode == inode)
			write_down(TRACE_LISTENS, p->program, r.bound[i].where);
}

/* bind(2), connect(2) and listen(2) of a 32-bit program in the one call that they were. */
static int
socketcall(struct process *p, const uint64_t *a)
{
	enum { BIND_CALL = 2, CONNECT_CALL = 3, LISTEN_CALL = 4 };
	uint32_t narrow[3];
	uint64_t args[3];
	size_t done, i;

	if (a[0] < BIND_CALL || a[0] > LISTEN_CALL)
		return 0;
	for (done = 0; done < sizeof(narrow);) {
		ssize_t n =
		    read_memory(p, a[1] + done, (char *)narrow + done, sizeof(narrow) - done);

		if (n <= 0)
			return errno == EIO || errno == EPERM ? -1 : 0;
		done += (size_t)n;
	}
	for (i = 0; i < 3; i++)
		args[i] = narrow[i];
	if (a[0] != LISTEN_CALL)
		return bound(p, args, a[0] == BIND_CALL ? BIND : CONNECT);
	listens(p, (int)args[0]);
	return 0;
}

/* ---- calls ---- */

static void
users_changed(struct process *p, long number, const uint64_t *args)
{
	char text[80];
	const char *name = call_name(number);

	snprintf(text, sizeof(text), "%s %d", name ? name : "?", (int)args[0]);
	write_down(TRACE_USER, p->program, text);
}

/* Returns -1 where the process's memory can't be read. */
static int
look_at_call(struct process *p, long number, enum shape shape, const uint64_t *a)
{
	uint64_t flags = 0;

	switch (shape) {
	case JUST_SEEN:
		return 0;
	case PATH_0:
		return path_at(p, TRACE_LOOKED, AT_FDCWD, a[0]);
	case AT_01:
		return path_at(p, TRACE_LOOKED, (int)a[0], a[1]);
	case LINK_0:
		return path_at(p, TRACE_LINK, AT_FDCWD, a[0]);
	case LINK_01:
		return path_at(p, TRACE_LINK, (int)a[0], a[1]);
	case OPEN_0:
		return path_at(p, opened_as(a[1]), AT_FDCWD, a[0]);
	case OPEN_01:
		return path_at(p, opened_as(a[2]), (int)a[0], a[1]);
	case OPEN2_01:
		if (read_memory(p, a[2], &flags, sizeof(flags)) < 0)
			return -1;
		return path_at(p, opened_as(flags), (int)a[0], a[1]);
	case WRITE_0:
		return path_at(p, TRACE_WRITTEN, AT_FDCWD, a[0]);
	case WRITE_01:
		return path_at(p, TRACE_WRITTEN, (int)a[0], a[1]);
	case WRITE_0_1:
		return path_at(p, TRACE_WRITTEN, AT_FDCWD, a[0]) |
		       path_at(p, TRACE_WRITTEN, AT_FDCWD, a[1]);
	case WRITE_01_23:
		return path_at(p, TRACE_WRITTEN, (int)a[0], a[1]) |
		       path_at(p, TRACE_WRITTEN, (int)a[2], a[3]);
	case WRITE_1:
		return path_at(p, TRACE_WRITTEN, AT_FDCWD, a[1]);
	case WRITE_12:
		return path_at(p, TRACE_WRITTEN, (int)a[1], a[2]);
	case EXEC_0:
		return path_at(p, TRACE_EXECUTED, AT_FDCWD, a[0]);
	case EXEC_01:
		return path_at(p, TRACE_EXECUTED, (int)a[0], a[1]);
	case WATCH_1:
		return path_at(p, TRACE_LOOKED, AT_FDCWD, a[1]);
	case LIST:
		listed(p, (int)a[0]);
		return 0;
	case CHDIR_0:
		if (path_at(p, TRACE_LOOKED, AT_FDCWD, a[0]))
			return -1;
		changed_directory(p, a[0]);
		return 0;
	case FCHDIR:
		free(p->cwd);
		p->cwd = NULL;
		return 0;
	case BIND:
		return bound(p, a, BIND);
	case CONNECT:
		return bound(p, a, CONNECT);
	case LISTEN:
		listens(p, (int)a[0]);
		return 0;
	case SOCKETCALL:
		return socketcall(p, a);
	case USERS:
		users_changed(p, number, a);
		return 0;
	case CHROOT:
		r.chrooted = 1;
		return path_at(p, TRACE_LOOKED, AT_FDCWD, a[0]);
	case TRACES:
		write_down(TRACE_NOTE, p->program,
		    "it traces processes itself, which it can't while it is watched");
		return 0;
	}
	return 0;
}

static void
at_call(pid_t pid)
{
	struct __ptrace_syscall_info info;
	struct process *p = process_of(pid);
	long got = ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info), number;
	enum shape shape;
	char text[32];

	if (got <= 0 || info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return;
	number = (long)info.seccomp.nr;
	p->old = info.arch != call_architecture();
	if (p->old && info.arch != call32_architecture()) {
		write_down(TRACE_NOTE, p->program, "its calls are of a kind that isn't known");
		return;
	}
	snprintf(text, sizeof(text), "%s%ld", p->old ? TRACE_CALL32 : "", number);
	write_down(TRACE_CALL, 0, text);
	if (p->old && call32_is_socketcall(number)) {
		shape = SOCKETCALL;
	} else {
		number = p->old ? call32_as_native(number) : number;
		shape = number < 0 ? JUST_SEEN : shape_of(number);
	}
	if (look_at_call(p, number, shape, (const uint64_t *)info.seccomp.args) == 0)
		return;
	if (p->opened || open_by_force(pid, p->old)) {
		write_down(TRACE_NOTE, p->program, "a process whose memory can't be read");
		p->opened = 0;
		return;
	}
	p->opened = 1; /* it is at the same call once more now; that must help */
}

static void
at_exec(pid_t pid)
{
	struct process *p;
	unsigned long before = 0;
	char exe[PATH_MAX];

	/* Where a thread did it, it has the process's number now. */
	if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &before) == 0 && before &&
	    (pid_t)before != pid)
		forget((pid_t)before);
	p = process_of(pid);
	p->peek = p->opened = 0;
	if (ask_proc(pid, "exe", exe)) {
		p->program = program_number(exe);
		write_down(TRACE_EXECUTED, p->program, exe);
	}
}

static void
at_signal(pid_t pid, int signal)
{
	siginfo_t info;
	char text[16];

	/* Of a sender outside of its process namespace there is no number. */
	if (ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) || info.si_code != SI_USER ||
	    info.si_pid)
		return;
	snprintf(text, sizeof(text), "%d", signal);
	write_down(TRACE_SIGNAL, process_of(pid)->program, text);
}

/* What comes of a stop: the request that sends the process on, and the signal it gets. */
static void
at_stop(pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16, request = PTRACE_CONT;
	unsigned long child = 0;

	switch (event) {
	case PTRACE_EVENT_SECCOMP:
		at_call(pid);
		if (process_of(pid)->binds)
			request = PTRACE_SYSCALL; /* once more at its end */
		signal = 0;
		break;
	case PTRACE_EVENT_EXEC:
		at_exec(pid);
		signal = 0;
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child) == 0 && child)
			inherit(process_of(pid), (pid_t)child);
		signal = 0;
		break;
	case PTRACE_EVENT_STOP:
		/* A new process has SIGTRAP; the others are of a group that was stopped. */
		if (signal != SIGTRAP)
			request = PTRACE_LISTEN;
		signal = 0;
		break;
	case 0:
		if (signal == (SIGTRAP | 0x80)) {
			at_bound(process_of(pid));
			signal = 0;
		} else {
			at_signal(pid, signal);
		}
		break;
	default:
		signal = 0;
	}
	ptrace(request, pid, NULL, (void *)(long)signal);
}

static void
follow(void)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return;
		if (WIFSTOPPED(status))
			at_stop(pid, status);
		else
			forget(pid);
	}
}

/* ---- the two processes ---- */

static int
open_trace(const char *out)
{
	char path[PATH_MAX];
	struct timespec t;
	int fd;

	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(path, sizeof(path), "%s/%lld.%09ld-%d.trace", out, (long long)t.tv_sec,
	    t.tv_nsec, (int)getpid());
	umask(0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		report("make '%s':", path);
	return fd;
}

/* The recorder: tells by ready that it watches, and lives as long as anything does. */
static void
watch(pid_t command, int ready, int trace)
{
	static const long options =
	    PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
	    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int error = 0, fd;
	sigset_t all;

	/* Process 1 may tell all others to end, and then goes on itself. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	if (chdir("/"))
		error = errno;
	r.fd = trace;
	for (fd = 0; fd < 1024; fd++)
		if (fd != ready && fd != trace)
			close(fd);
	if (write(trace, TRACE_HEAD, strlen(TRACE_HEAD)) < 0)
		error = errno;
	program_number("");
	if (!error && ptrace(PTRACE_SEIZE, command, NULL, (void *)options))
		error = errno;
	if (write(ready, &error, sizeof(error)) != sizeof(error) || error)
		_exit(EXIT_TROUBLE);
	close(ready);
	follow();
	_exit(r.failed ? EXIT_TROUBLE : EXIT_YES);
}

/* As a child whose end is signalled to nobody (clone(2), __WCLONE of wait(2)): the command,
 * which may wait until it has no child left, doesn't see one that it didn't start. Returns
 * 0 once the recorder watches. */
static int
start_recorder(int trace)
{
	pid_t command = getpid();
	int ready[2], error = ECHILD;
	long pid;

	if (pipe2(ready, O_CLOEXEC)) {
		report("make a pipe:");
		return -1;
	}
	/* Where only what is below a process may be traced by it (Yama's ptrace_scope 1). */
	prctl(PR_SET_PTRACER, (unsigned long)-1, 0, 0, 0);
	pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid < 0) {
		report("start the recorder:");
		return -1;
	}
	if (pid == 0)
		watch(command, ready[1], trace);
	close(ready[1]);
	if (read(ready[0], &error, sizeof(error)) != sizeof(error))
		error = ECHILD;
	close(ready[0]);
	if (!error)
		return 0;
	errno = error;
	report(
	    "trace the command (kernel.yama.ptrace_scope 2 or 3, or a seccomp profile, forbids "
	    "it):");
	return -1;
}

int
record(const char *out, char **argv)
{
	int trace = open_trace(out);

	if (trace < 0 || start_recorder(trace))
		return RECORDER_NONE;
	close(trace);
	if (install_filter()) {
		report("set a seccomp filter:");
		return RECORDER_NONE;
	}
	execvp(argv[0], argv);
	report("start '%s':", argv[0]);
	return errno == ENOENT ? 127 : 126;
}
