#include "zfs.h"

#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_call.h"
#include "pool.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { ZFS_MS = 600 * 1000, MOST = 4096, BUSY_TRIES = 25, BUSY_MS = 200 };

/* What zfs(8) said goes to out, without its last newline; NULL: nobody asks. */
static int
zfs(const char **out, const char *const *args)
{
	struct words words = {0};
	struct strbuf said = STRBUF_INIT, err = STRBUF_INIT;
	int status;

	words_add(&words, "zfs");
	for (; *args; args++)
		words_add(&words, *args);
	status = run(&(struct run){.argv = (const char *const *)words.w,
	    .out = &said,
	    .err = &err,
	    .most = MOST,
	    .timeout_ms = ZFS_MS});
	if (status && out)
		*out = NULL;
	else if (out)
		*out = pool_dupn(said.s ? said.s : "", said.len ? said.len - 1 : 0);
	else if (status)
		report("zfs %s '%s' failed with status %d: %s", words.w[1],
		    words.w[words.n - 1], status, engine_gist(&err));
	strbuf_free(&said);
	strbuf_free(&err);
	return status ? -1 : 0;
}

#define ZFS(out, ...) zfs(out, (const char *const[]){__VA_ARGS__, NULL})

const char *
zfs_dataset_at(const char *path)
{
	const char *name = NULL;
	FILE *f;
	struct mntent *m;

	/* Inside a user namespace root's rights aren't ZFS's. */
	if (geteuid() != 0 || getenv("WHITTLE_OUTER_UID"))
		return NULL;
	f = setmntent("/proc/self/mounts", "re");
	while (f && (m = getmntent(f)))
		if (strcmp(m->mnt_dir, path) == 0)
			name = strcmp(m->mnt_type, "zfs") == 0 ||
				       strcmp(m->mnt_type, "fuse.zfs") == 0
				   ? pool_dup(m->mnt_fsname)
				   : NULL;
	if (f)
		endmntent(f);
	if (name && ZFS(&name, "list", "-H", "-t", "filesystem", "-o", "name", name))
		return NULL;
	return name;
}

const char *
zfs_snapshot_name(const char *dataset, const char *id)
{
	return pool_printf("%s@whittle-%s", dataset, id);
}

bool
zfs_is_snapshot_name(const char *name, const char *id)
{
	const char *at = strchr(name, '@');

	return at && at > name && *name != '-' && *name != '/' &&
	       strcmp(at, pool_printf("@whittle-%s", id)) == 0;
}

/* One for all: what a run that was cut off left goes with the next. */
static const char *
clone_of(const char *snapshot)
{
	return pool_printf("%.*s/whittle-shown", (int)strcspn(snapshot, "@"), snapshot);
}

static bool
is_there(const char *name)
{
	const char *said;

	return ZFS(&said, "list", "-H", "-t", "all", "-o", "name", name) == 0;
}

/* Who looked at its files a moment ago may still hold them. */
int
zfs_close(const char *snapshot)
{
	const char *clone = clone_of(snapshot), *said;

	for (int i = 0; i < BUSY_TRIES; i++) {
		if (!is_there(clone) || ZFS(&said, "destroy", clone) == 0)
			return 0;
		usleep(BUSY_MS * 1000);
	}
	return ZFS(NULL, "destroy", clone);
}

int
zfs_remove(const char *snapshot)
{
	if (zfs_close(snapshot))
		return -1;
	return is_there(snapshot) ? ZFS(NULL, "destroy", snapshot) : 0;
}

int
zfs_take(const char *snapshot)
{
	return zfs_remove(snapshot) || ZFS(NULL, "snapshot", snapshot) ? -1 : 0;
}

int
zfs_open(const char *snapshot, const char *at)
{
	return zfs_close(snapshot) ||
		       ZFS(NULL, "clone", "-o", pool_printf("mountpoint=%s", at), "-o",
			   "readonly=on", "-o", "snapdir=hidden", snapshot, clone_of(snapshot))
		   ? -1
		   : 0;
}

int
zfs_space(const char *snapshot, unsigned long long *all, unsigned long long *own)
{
	const char *said;

	if (ZFS(&said, "get", "-H", "-p", "-o", "value", "referenced,used", snapshot) ||
	    sscanf(said, "%llu %llu", all, own) != 2) {
		report("zfs get '%s': can't tell what it takes", snapshot);
		return -1;
	}
	return 0;
}
