#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "runs.h"
#include "strbuf.h"

enum { CALLS_MAX = 1024 };

/* What engines' run-time programs call between setting the profile and becoming the service. */
static const char *const starting[] = {"access", "capget", "capset", "chdir", "faccessat",
    "faccessat2", "fchdir", "fchown", "fstatfs", "getcwd", "getdents64", "lstat", "mkdirat",
    "openat2", "setgid", "setgroups", "sethostname", "setpriority", "setresgid", "setresuid",
    "setsid", "setuid", "statfs", "umask"};

/* What nobody's profile may allow because a test happened to call it: the engines' own allow
 * them only with a capability. */
static const char *const never[] = {"acct", "add_key", "bpf", "create_module", "delete_module",
    "finit_module", "fsconfig", "fsmount", "fsopen", "init_module", "ioperm", "iopl",
    "kexec_file_load", "kexec_load", "lookup_dcookie", "mount", "mount_setattr", "move_mount",
    "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pivot_root",
    "process_vm_writev", "quotactl", "reboot", "request_key", "setns", "settimeofday",
    "swapoff", "swapon", "syslog", "umount2", "unshare", "userfaultfd", "vhangup"};

static const char *const recorders[] = {"chdir", "clone", "close", "execve", "exit_group",
    "fork", "openat", "open", "pipe2", "prctl", "process_vm_readv", "ptrace", "read",
    "readlink", "readlinkat", "seccomp", "setsid", "umask", "wait4", "write"};

/* The same by an older call and by one that stands for it where there is no such call
 * (aarch64), or in newer libraries: which of them it is depends on where the service runs. */
static const char *const same[][2] = {{"accept", "accept4"}, {"access", "faccessat"},
    {"alarm", "setitimer"}, {"chmod", "fchmodat"}, {"chown", "fchownat"}, {"creat", "openat"},
    {"eventfd", "eventfd2"}, {"fchmodat", "fchmodat2"}, {"fork", "clone"},
    {"futimesat", "utimensat"}, {"getdents", "getdents64"}, {"inotify_init", "inotify_init1"},
    {"lchown", "fchownat"}, {"link", "linkat"}, {"mkdir", "mkdirat"}, {"mknod", "mknodat"},
    {"rename", "renameat"}, {"renameat", "renameat2"}, {"rmdir", "unlinkat"},
    {"signalfd", "signalfd4"}, {"symlink", "symlinkat"}, {"unlink", "unlinkat"},
    {"utime", "utimensat"}, {"utimes", "utimensat"}, {"vfork", "clone"}};

/* Who changes directories or files in one of these ways may do so in each: which one it is
 * depends on how much there is and on when it is tidied up, and a test sees few of them. They
 * reach nothing that the service's user couldn't write to. */
static const char *const storing[] = {"fallocate", "fdatasync", "fsync", "ftruncate", "link",
    "linkat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "rmdir", "symlink",
    "symlinkat", "sync_file_range", "truncate", "unlink", "unlinkat", "utimensat"};

enum { STORING = sizeof(storing) / sizeof(storing[0]) };

struct seen {
	char call[CALLS_MAX], call32[CALLS_MAX];
	int any32;
};

static void
take_line(const struct trace_line *l, const struct tests *tests, void *arg)
{
	struct seen *s = arg;
	long number;

	(void)tests;
	if (l->kind != TRACE_CALL)
		return;
	if (strncmp(l->subject, TRACE_CALL32, strlen(TRACE_CALL32)) == 0) {
		number = strtol(l->subject + strlen(TRACE_CALL32), NULL, 10);
		if (number >= 0 && number < CALLS_MAX)
			s->call32[number] = 1;
		s->any32 = 1;
		return;
	}
	number = strtol(l->subject, NULL, 10);
	if (number >= 0 && number < CALLS_MAX)
		s->call[number] = 1;
}

static int
is_among(const char *name, const char *const *list, size_t n)
{
	while (n-- > 0)
		if (strcmp(list[n], name) == 0)
			return 1;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t
add_seen(const char **name, size_t n, const char seen[CALLS_MAX], const char *(*name_of)(long))
{
	size_t i;

	for (i = 0; i < CALLS_MAX; i++)
		if (seen[i] && name_of((long)i) &&
		    !is_among(name_of((long)i), never, sizeof(never) / sizeof(never[0])))
			name[n++] = name_of((long)i);
	return n;
}

static json_t *
allowed(const struct seen *s)
{
	const char *name[3 * CALLS_MAX + 256], *last = "";
	json_t *names = json_array();
	size_t n = 0, i, k;

	n = add_seen(name, n, s->call, call_name);
	n = add_seen(name, n, s->call32, call32_name);
	for (i = n; i > 0 && !is_among(name[i - 1], storing, STORING); i--)
		;
	for (k = 0; i > 0 && k < STORING; k++)
		name[n++] = storing[k];
	for (i = 0; i < calls_always_count; i++)
		name[n++] = calls_always[i];
	for (i = 0; i < sizeof(starting) / sizeof(starting[0]); i++)
		name[n++] = starting[i];
	for (i = 0; i < n; i++)
		for (k = 0; k < 2 * sizeof(same) / sizeof(same[0]); k++)
			if (strcmp(name[i], same[k / 2][k % 2]) == 0 &&
			    !is_among(same[k / 2][!(k % 2)], name, n))
				name[n++] = same[k / 2][!(k % 2)];
	qsort(name, n, sizeof(*name), by_name);
	for (i = 0; i < n; last = name[i++])
		if (strcmp(name[i], last) != 0 && strncmp(name[i], "clone", 5) != 0)
			json_array_append_new(names, json_string(name[i]));
	return names;
}

static int
write_json(const json_t *j, const char *file)
{
	cleanup_free char *json = json_dumps(j, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	cleanup_free char *text = json ? xasprintf("%s\n", json) : NULL;
	const struct new_file f = {.bytes = text, .n = text ? strlen(text) : 0, .mode = 0644};

	if (text && file_replace(AT_FDCWD, file, &f, NULL) == 0)
		return 0;
	report("write '%s':", file);
	return -1;
}

static json_t *
architectures(const struct seen *s)
{
	json_t *all = json_pack("[s, s]", "SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64");

	if (s->any32)
		json_array_append_new(all, json_string("SCMP_ARCH_X86"));
	return all;
}

int
profile(const char *file, char **runs)
{
	struct seen seen = {{0}, {0}, 0};
	json_t *j;
	int bad = 0;

	for (; !bad && *runs; runs++)
		bad = runs_read(*runs, NULL, take_line, &seen);
	if (bad)
		return EXIT_TROUBLE;
	/* clone makes no namespaces; whose flags can't be looked at, as clone3's, isn't there.
	 */
	j = json_pack("{s:s, s:i, s:o, s:[{s:o, s:s}, {s:[s], s:s, s:[{s:i, s:I, s:i, s:s}]},"
		      " {s:[s], s:s, s:i}]}",
	    "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", EPERM, "architectures",
	    architectures(&seen), "syscalls", "names", allowed(&seen), "action",
	    "SCMP_ACT_ALLOW", "names", "clone", "action", "SCMP_ACT_ALLOW", "args", "index", 0,
	    "value", (json_int_t)0x7e020000, "valueTwo", 0, "op", "SCMP_CMP_MASKED_EQ", "names",
	    "clone3", "action", "SCMP_ACT_ERRNO", "errnoRet", ENOSYS);
	bad = write_json(j, file);
	json_decref(j);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

int
profile_widen(const char *from, const char *to)
{
	json_error_t error;
	json_t *j = json_load_file(from, JSON_REJECT_DUPLICATES, &error), *names = json_array();
	size_t i;
	int bad;

	for (i = 0; i < sizeof(recorders) / sizeof(recorders[0]); i++)
		json_array_append_new(names, json_string(recorders[i]));
	if (json_array_append_new(json_object_get(j, "syscalls"),
		json_pack("{s:o, s:s}", "names", names, "action", "SCMP_ACT_ALLOW"))) {
		report("'%s' is not a seccomp profile: %s", from,
		    j ? "it has no syscalls" : error.text);
		json_decref(j);
		return -1;
	}
	bad = write_json(j, to);
	json_decref(j);
	return bad;
}
