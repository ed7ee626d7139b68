/* The database of Alpine's package manager: /lib/apk/db/installed, see apk-package(5) and
 * apk-tools' own notes. */
#ifndef PACK_APKDB_H
#define PACK_APKDB_H

#include <stddef.h>

#include "bytes.h"

struct apk_package {
	char *name, *version, *arch;
	char *description, *url, *license, *origin, *commit; /* NULL where it isn't said */
	char *origin_version;                                /* the same */
	char *
	    *depends; /* as they stand, without a version: "musl", "so:libc.musl-x86_64.so.1" */
	size_t depend_count;
	char **provides; /* the same */
	size_t provide_count;
	size_t files;
};

struct apk_file {
	char *path;     /* without a leading '/' */
	size_t package; /* index */
};

struct apkdb {
	struct apk_package *package; /* in the file's order */
	size_t packages;
	struct apk_file *file; /* sorted by path */
	size_t files;
};

/* Fields that it doesn't know are skipped. Refused with a report() that names what and the
 * line: a line that is no field, a package without a name or version, a file before any
 * package. Returns 0 or -1; the caller frees in both cases. */
int apkdb_parse(struct apkdb *db, struct bytes text, const char *what);
void apkdb_free(struct apkdb *db);

/* The package that a path belongs to, or packages (the count) where none. */
size_t apkdb_owner(const struct apkdb *db, const char *path);

/* The package that something is provided by ("musl", "so:…", "/bin/sh", "cmd:…"), or
 * packages where none. */
size_t apkdb_provider(const struct apkdb *db, const char *what);

#endif
