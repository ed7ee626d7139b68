#include "layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "grow.h"
#include "inode.h"
#include "report.h"
#include "strbuf.h"

enum { PATH_LENGTH_MAX = 4095, NAME_LENGTH_MAX = 255 };

static const char whiteout[] = ".wh.";
static const char opaque[] = ".wh..wh..opq";

struct reading {
	struct layer *layer;
	const char *what;
	struct bytes tar;
	int user_xattrs;
	struct archive *archive;
	void *seen;       /* tsearch(3) tree of paths */
	unsigned devices; /* nodes in /dev that were dropped */
};

char *
clean_path(const char *raw, const char **why)
{
	struct strbuf b = STRBUF_INIT;
	const char *p = raw;
	size_t len;

	*why = NULL;
	if (*raw == '/')
		*why = "an absolute path";
	else if (*raw == '\0')
		*why = "an empty path";
	else if (strlen(raw) > PATH_LENGTH_MAX)
		*why = "a path that is too long";
	for (; !*why && *p; p += len + (p[len] == '/')) {
		len = strcspn(p, "/");
		if (len == 0 || (len == 1 && *p == '.'))
			continue;
		if (len == 2 && p[0] == '.' && p[1] == '.')
			*why = "a path with '..'";
		else if (len > NAME_LENGTH_MAX)
			*why = "a name that is too long";
		if (b.len)
			strbuf_putc(&b, '/');
		strbuf_add(&b, p, len);
	}
	if (*why) {
		strbuf_free(&b);
		return NULL;
	}
	return strbuf_steal(&b);
}

/* Whether a symbolic link at path, followed by whoever doesn't know a root, would lead
 * above the image's root. An absolute target is one inside by any container's rules. */
static int
climbs_out(const char *path, const char *target)
{
	long depth = 0;
	size_t len;
	const char *p;

	if (*target == '/')
		return 0;
	for (p = path; (p = strchr(p, '/')); p++)
		depth++;
	for (p = target; *p; p += len + (p[len] == '/')) {
		len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (len && !(len == 1 && *p == '.'))
			depth++;
		if (depth < 0)
			return 1;
	}
	return 0;
}

static int
refuse(const struct reading *r, const char *path, const char *why)
{
	report("%s: refused '%.200s': %s", r->what, path, why);
	return -1;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Two entries of one path mean different things to different readers. */
static int
is_new_path(struct reading *r, const char *path)
{
	char *key = xstrdup(path), **found = tsearch(key, &r->seen, compare_paths);

	if (found && *found == key)
		return 1;
	free(key);
	return 0;
}

/* File capabilities name the user namespace's root that gave them (version 3); a
 * namespace's own root is what version 2 means, and which of the two is stored depends
 * on who built. See capabilities(7). Returns 0 where no kernel would take it. */
static int
add_capability(struct inode *i, const char *name, const unsigned char *v, size_t n)
{
	static const size_t sizes[] = {0, 12, 20, 24}; /* by version */
	unsigned char v2[20];

	if (n < 4 || v[3] < 1 || v[3] > 3 || n != sizes[v[3]])
		return 0;
	if (v[3] == 3 && v[20] == 0 && v[21] == 0 && v[22] == 0 && v[23] == 0) {
		memcpy(v2, v, sizeof(v2));
		v2[3] = 2;
		v = v2;
		n = sizeof(v2);
	}
	inode_add_xattr(i, name, v, n);
	return 1;
}

static int
add_xattrs(const struct reading *r, struct archive_entry *e, struct inode *i, const char *path)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		if (inode_xattr(i, name))
			continue;
		if (strcmp(name, "security.capability") == 0) {
			if (!add_capability(i, name, value, size))
				return refuse(
				    r, path, "a file capability that no kernel takes");
		} else if (r->user_xattrs && strncmp(name, "user.", 5) == 0 &&
			   strncmp(name, "user.overlay.", 13) &&
			   strncmp(name, "user.containers.", 16)) {
			inode_add_xattr(i, name, value, size);
		}
	}
	return 0;
}

/* The content as it stands in the archive; nothing is copied. */
static int
find_content(
    const struct reading *r, struct archive_entry *e, struct inode *i, const char *path)
{
	int64_t size = archive_entry_size(e), offset;
	const void *block;
	size_t n;

	if (size <= 0)
		return size < 0 ? refuse(r, path, "a size below 0") : 0;
	if ((uint64_t)size > r->tar.n)
		return refuse(r, path, "it is larger than the whole archive");
	if (archive_entry_sparse_count(e) > 0)
		return refuse(r, path, "a sparse file");
	if (archive_read_data_block(r->archive, &block, &n, &offset) != ARCHIVE_OK) {
		const char *error = archive_error_string(r->archive);

		return refuse(r, path, error ? error : "its content ends early");
	}
	if (offset != 0 || n != (size_t)size)
		return refuse(
		    r, path, n < (size_t)size ? "its content ends early" : "a sparse file");
	i->data = (struct bytes){block, n};
	return 0;
}

static mode_t
type_of(struct archive_entry *e)
{
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return S_IFREG;
	case AE_IFDIR:
		return S_IFDIR;
	case AE_IFLNK:
		return S_IFLNK;
	case AE_IFIFO:
		return S_IFIFO;
	default:
		return 0;
	}
}

int
layer_is_device_path(const char *path)
{
	return strncmp(path, "dev/", 4) == 0;
}

static int
read_inode(struct reading *r, struct archive_entry *e, struct layer_entry *out)
{
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
	mode_t type = type_of(e);
	struct inode *i;

	if (!type && layer_is_device_path(out->path)) {
		/* What a lower layer has there is gone all the same. */
		out->kind = ENTRY_WHITEOUT;
		r->devices++;
		return 0;
	}
	if (!type)
		return refuse(r, out->path,
		    "a device node, which no container may use: leave it out of what is "
		    "copied, "
		    "or remove it in a step of the Dockerfile");
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return refuse(r, out->path, "an owner that no system knows");
	out->inode = i =
	    inode_new(type | (archive_entry_perm(e) & 07777), (uid_t)uid, (gid_t)gid);
	if (add_xattrs(r, e, i, out->path))
		return -1;
	if (type == S_IFLNK) {
		const char *target = archive_entry_symlink(e);

		if (!target || !*target || strlen(target) > PATH_LENGTH_MAX)
			return refuse(r, out->path, "a link without a proper target");
		if (climbs_out(out->path, target))
			return refuse(r, out->path, "a link that leads out of the image");
		i->target = xstrdup(target);
		i->mode = S_IFLNK | 0777; /* means nothing on Linux, and engines differ */
	}
	if (type == S_IFREG)
		return find_content(r, e, i, out->path);
	return 0;
}

static int
read_hardlink(struct reading *r, const char *target, struct layer_entry *out)
{
	const char *why;

	out->kind = ENTRY_HARDLINK;
	out->target = clean_path(target, &why);
	if (!out->target || !*out->target)
		return refuse(r, out->path, "a hard link that leads out of the image");
	return 0;
}

/* Whiteouts are files of special names (see the OCI specification); ".wh..wh." is what
 * AUFS keeps for itself. Returns 1 where the entry was one. */
static int
read_whiteout(struct layer_entry *out)
{
	char *name = strrchr(out->path, '/');

	name = name ? name + 1 : out->path;
	if (strncmp(name, whiteout, sizeof(whiteout) - 1) != 0)
		return 0;
	if (strcmp(name, opaque) == 0) {
		out->kind = ENTRY_OPAQUE;
		name[name == out->path ? 0 : -1] = '\0';
		return 1;
	}
	out->kind = ENTRY_WHITEOUT;
	memmove(name, name + sizeof(whiteout) - 1, strlen(name) - sizeof(whiteout) + 2);
	return 1;
}

static int
is_name(const struct layer_entry *whiteout_of)
{
	const char *name = strrchr(whiteout_of->path, '/');

	name = name ? name + 1 : whiteout_of->path;
	return whiteout_of->kind == ENTRY_OPAQUE ||
	       (*name && strcmp(name, ".") && strcmp(name, ".."));
}

static int
is_kept_by_aufs(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	return strncmp(name, ".wh..wh.", 8) == 0 && strcmp(name, opaque) != 0;
}

static int
read_entry(struct reading *r, struct archive_entry *e)
{
	const char *raw = archive_entry_pathname(e), *why, *target;
	struct layer *l = r->layer;
	struct layer_entry *out;

	if (!raw)
		return refuse(r, "", "an entry without a name");
	if (l->count == ENTRIES_MAX)
		return refuse(r, raw, "too many entries");
	l->entry = grow(l->entry, l->count);
	out = &l->entry[l->count++];
	*out = (struct layer_entry){.kind = ENTRY_INODE, .path = clean_path(raw, &why)};
	if (!out->path)
		return refuse(r, raw, why);
	if (is_kept_by_aufs(out->path)) {
		free(out->path);
		l->count--;
		return 0;
	}
	if (!is_new_path(r, out->path))
		return refuse(r, out->path, "the same path twice");
	if (read_whiteout(out))
		return is_name(out) ? 0 : refuse(r, raw, "a whiteout of no name");
	if ((target = archive_entry_hardlink(e)))
		return read_hardlink(r, target, out);
	if (!*out->path && !S_ISDIR(type_of(e)))
		return refuse(r, raw, "the root is not a directory");
	return read_inode(r, e, out);
}

/* libarchive warns of names that it can't convert to the locale's characters and then
 * hands on their bytes, which is what we want; any other warning is damage. */
static int
is_about_characters(struct archive *a)
{
	const char *error = archive_error_string(a);

	return error && strstr(error, "can't be converted from");
}

static int
read_all(struct reading *r)
{
	struct archive_entry *e;
	int status;

	while ((status = archive_read_next_header(r->archive, &e)) != ARCHIVE_EOF) {
		if (status != ARCHIVE_OK &&
		    !(status == ARCHIVE_WARN && is_about_characters(r->archive))) {
			const char *error = archive_error_string(r->archive);

			report("%s: not a sound tar archive: %s", r->what,
			    error ? error : "unreadable");
			return -1;
		}
		if (read_entry(r, e))
			return -1;
	}
	return 0;
}

int
layer_read(struct layer *l, struct bytes tar, const char *what, int user_xattrs)
{
	struct reading r = {.layer = l, .what = what, .tar = tar, .user_xattrs = user_xattrs};
	int status = -1;

	*l = (struct layer){NULL, 0};
	r.archive = archive_read_new();
	if (!r.archive) {
		report("%s: out of memory", what);
		return -1;
	}
	archive_read_support_format_tar(r.archive);
	if (tar.n && archive_read_open_memory(r.archive, tar.p, tar.n) == ARCHIVE_OK)
		status = read_all(&r);
	else
		report("%s: not a tar archive", what);
	if (!status && r.devices)
		report("%s: %u device node%s in /dev left out: engines make their own", what,
		    r.devices, r.devices > 1 ? "s" : "");
	archive_read_free(r.archive);
	tdestroy(r.seen, free);
	return status;
}

void
layer_free(struct layer *l)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		free(l->entry[i].path);
		free(l->entry[i].target);
		inode_release(l->entry[i].inode);
	}
	free(l->entry);
	*l = (struct layer){NULL, 0};
}
