#include "exposure_image.h"

#include <archive.h>
#include <archive_entry.h>
#include <fnmatch.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"
#include "exposure.h"
#include "strbuf.h"

/* Programs by the last part of their names, as patterns. */
static const struct kind {
	const char *name, *what;
	enum severity severity;
	const char *patterns[24];
} kinds[] = {
    {"shell", "a shell", HIGH,
	{"sh", "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "rbash", "tcsh",
	    "zsh"}},
    {"compiler", "a compiler", MEDIUM,
	{"as", "cc", "c++", "c99", "clang", "clang-[0-9]*", "cpp", "g++", "gcc", "gcc-[0-9]*",
	    "go", "javac", "ld", "ld.*", "make", "rustc", "tcc", "*-linux-gnu-gcc*"}},
    {"downloader", "a program that fetches from elsewhere, or connects to there", MEDIUM,
	{"curl", "fetch", "ftp", "ftpget", "git", "lynx", "nc", "nc.*", "ncat", "netcat",
	    "rsync", "scp", "sftp", "socat", "ssh", "telnet", "tftp", "wget"}},
    {"interpreter", "an interpreter", MEDIUM,
	{"awk", "gawk", "gdb", "java", "lua", "lua[0-9]*", "luajit*", "mawk", "node", "nodejs",
	    "original-awk", "perl", "perl[0-9]*", "php", "php[0-9]*", "python", "python[0-9]*",
	    "ruby", "ruby[0-9]*", "tclsh*"}},
    {"packages", "a package manager", MEDIUM,
	{"apk", "apt", "apt-get", "dnf", "dpkg", "gem", "npm", "opkg", "pacman", "pip",
	    "pip[0-9]*", "rpm", "yum", "zypper"}},
    {"namespaces", "a program that changes users, roots or namespaces", MEDIUM,
	{"capsh", "chroot", "doas", "mount", "newgrp", "nsenter", "pivot_root", "pkexec",
	    "runuser", "setpriv", "su", "sudo", "switch_root", "umount", "unshare"}},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Paths of one kind: so many, and the first few by name. */
struct heap {
	size_t count;
	struct strbuf names;
};

static void
put(struct heap *h, const char *path)
{
	enum { SHOWN = 4 };

	if (h->count < SHOWN) {
		strbuf_puts(&h->names, h->count ? ", " : "");
		strbuf_put_visible(&h->names, path, strlen(path));
	} else if (h->count == SHOWN) {
		strbuf_puts(&h->names, ", …");
	}
	h->count++;
}

struct look {
	struct heap kind[KINDS], set_id, open;
};

static bool
is_of(const struct kind *k, const char *name)
{
	for (size_t i = 0; i < sizeof(k->patterns) / sizeof(k->patterns[0]) && k->patterns[i];
	     i++)
		if (fnmatch(k->patterns[i], name, 0) == 0)
			return true;
	return false;
}

/* Links count as programs where they lie among them: which applets a BusyBox answers to is
 * seen by these alone. */
static bool
is_program(const char *path, mode_t mode)
{
	if (S_ISREG(mode))
		return mode & 0111;
	return S_ISLNK(mode) && (strstr(path, "/bin/") || strstr(path, "/sbin/"));
}

static void
look_at_entry(struct look *l, const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');

	if (S_ISREG(mode) && mode & 06000)
		put(&l->set_id, path);
	if ((S_ISREG(mode) && mode & 0002) || (S_ISDIR(mode) && (mode & 01002) == 0002))
		put(&l->open, path);
	if (!slash || !is_program(path, mode))
		return;
	for (size_t k = 0; k < KINDS; k++)
		if (is_of(&kinds[k], slash + 1))
			put(&l->kind[k], path);
}

/* Returns -1 where the manifest can't be read. */
static int
read_manifest(const char *manifest, struct look *l)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int got;

	archive_read_support_format_mtree(a);
	got = archive_read_open_filename(a, manifest, 65536);
	while (got == ARCHIVE_OK || got == ARCHIVE_WARN) {
		got = archive_read_next_header(a, &e);
		if ((got == ARCHIVE_OK || got == ARCHIVE_WARN) && archive_entry_pathname(e)) {
			const char *path = archive_entry_pathname(e);

			look_at_entry(l, path + (*path == '.'), archive_entry_mode(e));
		}
	}
	archive_read_free(a);
	return got == ARCHIVE_EOF ? 0 : -1;
}

static void
report_heaps(const struct container *c, const struct look *l, struct findings *to)
{
	for (size_t k = 0; k < KINDS; k++)
		if (l->kind[k].count)
			finding_add(to, kinds[k].severity,
			    pool_printf("image:%s", kinds[k].name), "%s: %s", kinds[k].what,
			    l->kind[k].names.s);
	if (l->set_id.count)
		finding_add(to, c->no_new_privileges ? MEDIUM : HIGH, "image:setuid",
		    "setuid or setgid: %s", l->set_id.names.s);
	if (l->open.count)
		finding_add(to, c->read_only ? LOW : MEDIUM, "image:writable",
		    "anybody may write to: %s", l->open.names.s);
}

void
exposure_of_image(
    const struct app *a, const struct container *c, const char *id, struct findings *to)
{
	const char *hex = strncmp(id, "sha256:", 7) == 0 ? id + 7 : id;
	struct look l = {0};
	glob_t found;

	if (glob(pool_printf("%s/../images/*/%s/manifest.mtree", a->host.state, hex), 0, NULL,
		&found) ||
	    read_manifest(found.gl_pathv[0], &l))
		finding_add(
		    to, MEDIUM, "image", "what is in it isn't known: it wasn't packed here");
	else
		report_heaps(c, &l, to);
	globfree(&found);
	for (size_t k = 0; k < KINDS; k++)
		strbuf_free(&l.kind[k].names);
	strbuf_free(&l.set_id.names);
	strbuf_free(&l.open.names);
}
