/* The database of Debian's package manager, see dpkg(1) and deb-control(5). */
#ifndef PACK_DPKGDB_H
#define PACK_DPKGDB_H

#include "bytes.h"
#include "strbuf.h"

/*
 * Puts what status (/var/lib/dpkg/status) says of the installed packages into out, in the form
 * of apk's database, so that one reader and its tables serve both. content is asked for further
 * files: a package's list of files, its copyright; is_link whether a directory of the root is a
 * link to the one of that name below /usr.
 */
struct dpkg_source {
	struct bytes (*content)(void *arg, const char *path);
	int (*is_link)(void *arg, const char *name);
	void *arg;
};
void dpkgdb_convert(struct strbuf *out, struct bytes status, const struct dpkg_source *from);

#endif
