#include "passes.h"

#include <errno.h>
#include <string.h>

#include "busybox.h"
#include "carve.h"
#include "cleanup.h"
#include "digest.h"
#include "plan.h"
#include "report.h"

/* A shell by any of its usual names, "bash-static" and "sh.distrib" among them. */
static int
is_shell_name(const char *name)
{
	static const char *const shells[] = {"ash", "bash", "busybox", "csh", "dash", "elvish",
	    "fish", "hush", "ion", "ksh", "ksh93", "loksh", "lksh", "mksh", "mrsh", "nu",
	    "oksh", "osh", "posh", "pwsh", "rbash", "rksh", "rzsh", "sash", "sh", "tcsh",
	    "toybox", "xonsh", "yash", "zsh"};
	static const char *const ends[] = {"", ".static", ".distrib"};
	size_t i, k;

	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		size_t n = strlen(shells[i]);

		if (strncmp(name, shells[i], n))
			continue;
		for (k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
			if (name[n] == '-' || strcmp(name + n, ends[k]) == 0)
				return 1;
	}
	return 0;
}

static int
is_program(const struct entry *e)
{
	return is_file(e) && e->mode & 0111;
}

static int
have_same_bytes(struct plan *p, uint32_t a, uint32_t b)
{
	char x[SHA256_HEX], y[SHA256_HEX];
	cleanup_fd int fd = tree_open(p->tree, a);
	cleanup_fd int other = tree_open(p->tree, b);

	return fd >= 0 && other >= 0 && sha256_fd(fd, x) == 0 && sha256_fd(other, y) == 0 &&
	       strcmp(x, y) == 0;
}

/* A program by all its names, and by the names of all its copies. */
static void
remove_program(struct plan *p, uint32_t program)
{
	struct tree *t = p->tree;
	const struct entry *e = &t->e[program];
	uint32_t i;

	plan_remove_one(p, program);
	for (i = 1; i < t->count; i++) {
		const struct entry *other = &t->e[i];

		if (!is_program(other) || other->unwanted || other->size != e->size)
			continue;
		if ((other->dev == e->dev && other->ino == e->ino) ||
		    have_same_bytes(p, program, i))
			plan_remove_one(p, i);
	}
}

/*
 * A program that has a shell's name, or is what a link of that name leads to, and then
 * whatever else leads to it: BusyBox is what all its applets' names lead to.
 */
static void
remove_shells(struct plan *p)
{
	struct tree *t = p->tree;
	uint32_t i, program;

	for (i = 1; i < t->count; i++) {
		struct entry *e = &t->e[i];

		if ((!is_file(e) && !is_link(e)) || !is_shell_name(tree_name(t, i)))
			continue;
		program = i;
		if (is_link(e))
			program = tree_resolve(t, e->parent, tree_target(t, i), 1);
		if (program == NO_ENTRY || !is_program(&t->e[program]))
			continue;
		e->late = STAGE_TELLTALE;
		plan_remove_one(p, i);
		if (t->e[program].unwanted != p->pass || program == i)
			remove_program(p, program);
	}
	for (i = 1; i < t->count; i++) {
		const struct entry *e = &t->e[i];

		if (!is_link(e) || e->unwanted)
			continue;
		program = tree_resolve(t, e->parent, tree_target(t, i), 1);
		if (program != NO_ENTRY && t->e[program].unwanted == p->pass)
			plan_remove_one(p, i);
	}
}

/* "apk" as a word, or the library of that name: not "mapkit". */
static int
is_apk_name(const char *name)
{
	const char *at;

	for (at = name; (at = strstr(at, "apk")); at++) {
		int starts = at == name || strchr("-._", at[-1]) ||
			     (at == name + 3 && strncmp(name, "lib", 3) == 0);

		if (starts && (at[3] == '\0' || strchr("-._", at[3])))
			return 1;
	}
	return 0;
}

/* A file "base.apk" is a package, "apk.py" a module of a program that reads some: data of an
 * application, unless they are where programs, libraries and settings are. */
static int
is_apk_data(const struct tree *t, uint32_t i)
{
	static const char *const places[] = {
	    "bin", "etc", "lib", "lib32", "lib64", "libexec", "sbin", NULL};
	const char *name = tree_name(t, i), *directory = tree_name(t, t->e[i].parent);
	size_t k;

	if (is_dir(&t->e[i]) || !strchr(name, '.'))
		return 0;
	for (k = 0; places[k]; k++)
		if (strcmp(directory, places[k]) == 0)
			return 0;
	return 1;
}

static void
remove_apk(struct plan *p, uint32_t i)
{
	if (p->tree->e[i].system && conf_word(p->conf, APK_CLEANUP) == 1 &&
	    is_apk_name(tree_name(p->tree, i)) && !is_apk_data(p->tree, i))
		plan_remove(p, i);
}

static void
remove_one(uint32_t i, void *arg)
{
	plan_remove(arg, i);
}

/* What apk, dpkg and rpm consist of beside what is named apk. */
static void
remove_package_managers(struct plan *p)
{
	static const char *const paths[] = {"/etc/apt", "/etc/debconf.conf", "/etc/dnf",
	    "/etc/dpkg", "/etc/logrotate.d/apt", "/etc/logrotate.d/dpkg", "/etc/rpm",
	    "/etc/yum", "/etc/yum.conf", "/etc/yum.repos.d", "/usr/bin/apt", "/usr/bin/apt-*",
	    "/usr/bin/deb-systemd-*", "/usr/bin/debconf*", "/usr/bin/dnf*", "/usr/bin/dpkg*",
	    "/usr/bin/microdnf", "/usr/bin/rpm", "/usr/bin/rpm2*", "/usr/bin/rpmdb",
	    "/usr/bin/rpmkeys", "/usr/bin/rpmquery", "/usr/bin/rpmverify",
	    "/usr/bin/update-alternatives", "/usr/bin/yum*", "/usr/lib/*/libapt-*",
	    "/usr/lib/apt", "/usr/lib/dpkg", "/usr/lib/rpm", "/usr/lib/sysimage/rpm",
	    "/usr/libexec/dpkg", "/usr/share/debconf", "/usr/share/dpkg", "/var/lib/apk",
	    "/var/lib/apt", "/var/lib/dnf", "/var/lib/dpkg", "/var/lib/rpm", "/var/lib/yum",
	    "/var/log/apk.log", "/var/log/apt", "/var/log/bootstrap.log", "/var/log/dnf*",
	    "/var/log/dpkg.log", "/var/log/yum.log", NULL};
	const char *const *path;

	if (conf_word(p->conf, APK_CLEANUP) == 1)
		for (path = paths; *path; path++)
			tree_glob(p->tree, *path, remove_one, p);
}

static void
remove_backup(struct plan *p, uint32_t i)
{
	const struct entry *e = &p->tree->e[i];
	const char *name = tree_name(p->tree, i);
	size_t n = strlen(name);

	if (e->system && is_file(e) && n > 1 && name[n - 1] == '-')
		plan_remove_one(p, i);
}

static void
remove_dangerous(struct plan *p, uint32_t i)
{
	const struct entry *e = &p->tree->e[i];

	if (e->system && !is_dir(e) && plan_matches(p, SYSDIRS_RM_REGEX, i))
		plan_remove_one(p, i);
}

static void
empty_sbin(struct plan *p, uint32_t i)
{
	if (p->tree->e[i].sbin && !plan_matches(p, SBIN_DONT_DELETE_REGEX, i))
		plan_remove_one(p, i);
}

/* A program that gives its caller someone else's rights. */
static void
disarm(struct plan *p, uint32_t i)
{
	struct entry *e = &p->tree->e[i];
	const uint32_t *names;
	uint32_t n;

	if (plan_matches(p, SUID_DONT_DELETE_REGEX, i))
		return;
	if (conf_word(p->conf, SUID_ACTION) == SUID_REMOVE && !e->account && !e->keep) {
		plan_remove_one(p, i);
		return;
	}
	/* The mode is the file's: one name that stays keeps it for all. */
	for (n = tree_names_of(p->tree, i, &names); n-- > 0;)
		if (plan_matches(p, SUID_DONT_DELETE_REGEX, names[n]))
			return;
	plan_mode(p, i, plan_mode_of(e) & ~(mode_t)06000);
	if (e->capability) {
		e->strip = 1;
		if (!e->chmod) {
			e->new_mode = e->mode & 07777;
			e->chmod = p->pass;
		}
	}
}

static void
disarm_setuid(struct plan *p, uint32_t i)
{
	const struct entry *e = &p->tree->e[i];

	if (is_file(e) && e->mode & 06000)
		disarm(p, i);
}

static void
disarm_capable(struct plan *p, uint32_t i)
{
	if (p->tree->e[i].capability)
		disarm(p, i);
}

static void
own_system_directory(struct plan *p, uint32_t i)
{
	const struct entry *e = &p->tree->e[i];

	if (!e->system || !is_dir(e))
		return;
	plan_owner(p, i, 0, 0);
	plan_mode(p, i, 0755);
}

/* o-w and nothing else, so that /tmp's sticky bit stays. */
static void
close_directory(struct plan *p, uint32_t i)
{
	const struct entry *e = &p->tree->e[i];

	if (is_dir(e) && e->mode & 0002)
		plan_mode(p, i, plan_mode_of(e) & ~(mode_t)0002);
}

/* Devices are for all by nature, and the mode of a link says nothing. */
static void
close_file(struct plan *p, uint32_t i)
{
	const struct entry *e = &p->tree->e[i];

	if ((is_file(e) || S_ISFIFO(e->mode) || S_ISSOCK(e->mode)) && e->mode & 0002)
		plan_mode(p, i, plan_mode_of(e) & ~(mode_t)0002);
}

static uint32_t
account_file(const struct tree *t, size_t which)
{
	uint32_t i = tree_resolve(t, TREE_ROOT, account_paths[which], 1);

	return i != NO_ENTRY && is_file(&t->e[i]) ? i : NO_ENTRY;
}

static void
protect_accounts(struct plan *p)
{
	size_t k;

	for (k = 0; k < EDITS; k++) {
		uint32_t i = account_file(p->tree, k);
		const struct entry *e;

		if (i == NO_ENTRY)
			continue;
		e = &p->tree->e[i];
		if (k == EDIT_PASSWD || k == EDIT_GROUP) {
			plan_owner(p, i, 0, 0);
			plan_mode(p, i, 0644);
		} else {
			plan_owner(p, i, 0, e->gid);
			plan_mode(p, i, plan_mode_of(e) & 0640);
		}
	}
}

static int
read_accounts(struct plan *p, uint32_t i, struct accounts *a)
{
	cleanup_fd int fd = tree_open(p->tree, i);

	*a = (struct accounts){NULL, 0};
	if (fd < 0)
		return -1;
	if (accounts_read(fd, a)) {
		report("read '%s':", tree_path(p->tree, i, &p->path));
		return -1;
	}
	return 0;
}

/* Whether one of the files before it is the same one, by a link. */
static int
is_edited_before(const struct edit *edits, size_t k)
{
	size_t i;

	for (i = 0; i < k; i++)
		if (edits[i].entry == edits[k].entry)
			return 1;
	return 0;
}

static void
edit_accounts(struct plan *p)
{
	struct edit *edits = p->edits;
	const struct edit_rules rules = {
	    p->conf, &edits[EDIT_PASSWD].kept, &edits[EDIT_GROUP].kept, p->starts};
	size_t k;

	for (k = 0; k < EDITS; k++) {
		uint32_t i = edits[k].entry = account_file(p->tree, k);
		struct entry *e;
		struct accounts a;

		if (i == NO_ENTRY || is_edited_before(edits, k))
			continue;
		e = &p->tree->e[i];
		if (read_accounts(p, i, &a)) {
			p->failed = 1;
			return;
		}
		edit_make(&edits[k], (enum edit_file)k, &a, &rules);
		if (edits[k].removed || edits[k].changed)
			e->edit = p->pass;
		accounts_free(&a);
	}
}

/* A dangling link leads somewhere as soon as someone can make its target. */
static int
remove_dangling(struct plan *p)
{
	struct tree *t = p->tree;
	int found = 0;
	uint32_t i;

	for (i = 1; i < t->count; i++) {
		struct entry *e = &t->e[i];

		if (!is_link(e) || e->unwanted || e->mount)
			continue;
		if (tree_resolve(t, e->parent, tree_target(t, i), 1) != NO_ENTRY ||
		    errno == EXDEV)
			continue;
		plan_remove_one(p, i);
		found = 1;
	}
	return found;
}

#define PATHS(...)                                                                             \
	(const char *const[])                                                                  \
	{                                                                                      \
		__VA_ARGS__, NULL                                                              \
	}

/* The first pass that wants something of an entry gives its name to the change. */
const struct pass passes[] = {
    {.name = "self",
	.key = HARDEN_SELF_REMOVE,
	.stage = STAGE_SELF,
	.finding = "hardening's own program",
	.paths = PATHS("/prep", "/prep-keep", "/prep-local", "/prep.conf", "/prep.starts")},
    {.name = "probe",
	.key = PROBE_RM,
	.finding = "health check program",
	.paths = PATHS("/bin/probe")},
    {.name = "root-home",
	.key = ROOT_RM_HOMEDIR,
	.finding = "root's home",
	.paths = PATHS("/root")},
    {.name = "sudo",
	.key = SUDO_RM,
	.finding = "lets users become root",
	.paths = PATHS("/etc/doas.conf", "/etc/doas.d", "/etc/pam.d/doas", "/etc/pam.d/sudo*",
	    "/etc/sudo.conf", "/etc/sudo_logsrvd.conf", "/etc/sudoers*", "/usr/bin/cvtsudoers",
	    "/usr/bin/doas*", "/usr/bin/sudo*", "/usr/lib/sudo", "/usr/libexec/sudo",
	    "/usr/local/bin/doas", "/usr/local/bin/sudo*", "/usr/sbin/sudo*",
	    "/usr/sbin/visudo", "/bin/sudo*", "/bin/doas*")},
    {.name = "package-manager",
	.key = APK_CLEANUP,
	.finding = "package manager or its cache",
	.paths =
	    PATHS("/etc/apk/cache", "/var/cache/apk", "/var/cache/apt", "/var/cache/debconf",
		"/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum", "/var/lib/apt/lists"),
	.each = remove_apk,
	.whole = remove_package_managers},
    {.name = "crontabs",
	.key = CRONTABS_REMOVE,
	.finding = "cron's tables",
	.paths = PATHS("/etc/anacrontab", "/etc/cron*", "/etc/periodic", "/var/spool/anacron",
	    "/var/spool/cron")},
    {.name = "init",
	.key = CONF_ALWAYS,
	.finding = "init script",
	.paths = PATHS("/etc/conf.d", "/etc/init.d", "/etc/inittab", "/etc/local.d",
	    "/etc/rc.conf", "/etc/rc.local", "/etc/rc[0-9S].d", "/etc/runlevels", "/lib/rc",
	    "/usr/lib/rc", "/usr/libexec/rc")},
    {.name = "tunables",
	.key = CONF_ALWAYS,
	.finding = "settings for a kernel",
	.paths = PATHS("/etc/acpi", "/etc/mdev.conf", "/etc/modprobe.d", "/etc/modules",
	    "/etc/modules-load.d", "/etc/sysctl*", "/lib/modprobe.d", "/lib/modules-load.d",
	    "/lib/sysctl.d", "/usr/lib/modprobe.d", "/usr/lib/modules-load.d",
	    "/usr/lib/sysctl.d")},
    {.name = "fstab",
	.key = CONF_ALWAYS,
	.finding = "table of mounts",
	.paths = PATHS("/etc/fstab")},
    {.name = "backup-files",
	.key = CONF_ALWAYS,
	.finding = "backup file",
	.each = remove_backup},
    {.name = "setuid",
	.key = SUID_ACTION,
	.finding = "setuid or setgid program",
	.each = disarm_setuid},
    {.name = "capabilities",
	.key = SUID_ACTION,
	.finding = "program with capabilities",
	.each = disarm_capable},
    {.name = "programs",
	.key = SYSDIRS_RM_REGEX,
	.finding = "dangerous program",
	.each = remove_dangerous},
    {.name = "sbin",
	.key = SBIN_DONT_DELETE_REGEX,
	.finding = "program for administrators",
	.each = empty_sbin},
    {.name = "shells",
	.key = SHELL_RM,
	.finding = "shell, or a name of one",
	.whole = remove_shells},
    {.name = "carve",
	.key = CONF_ALWAYS,
	.finding = "not in the list of what is kept",
	.whole = carve},
    {.name = "applets",
	.key = CONF_ALWAYS,
	.finding = "BusyBox with applets that aren't wanted",
	.whole = busybox_cut},
    {.name = "applets",
	.key = CONF_ALWAYS,
	.finding = "name of an applet that isn't wanted",
	.whole = busybox_unlink},
    {.name = "accounts",
	.key = CONF_ALWAYS,
	.finding = "accounts, groups or passwords that should not be there",
	.whole = edit_accounts},
    {.name = "account-files",
	.key = CONF_ALWAYS,
	.finding = "owner or mode of account file",
	.whole = protect_accounts},
    {.name = "system-directories",
	.key = SYSDIRS_UID0_AND_755,
	.finding = "system directory that isn't root's with mode 0755",
	.each = own_system_directory},
    {.name = "world-writable",
	.key = WORLD_WRITABLE_DIRS_RM,
	.finding = "directory that all can write to",
	.each = close_directory},
    {.name = "world-writable",
	.key = WORLD_WRITABLE_FILES_RM,
	.finding = "file that all can write to",
	.each = close_file},
    {.name = "dangling-link",
	.key = CONF_ALWAYS,
	.finding = "dangling symbolic link",
	.again = remove_dangling},
};

const size_t passes_count = sizeof(passes) / sizeof(passes[0]);
