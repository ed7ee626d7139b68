#include "members.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "layer.h"
#include "path.h"
#include "report.h"
#include "strbuf.h"

enum { MEMBERS_MAX = 100000 };

/* A member of the archive. Older dockers store a layer that is there twice as a link. */
struct member {
	char *name;
	struct bytes data;
	char *link; /* where it leads, from the archive's root */
	int mapped; /* data is our own mapping */
};

static int
compare_members(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static void
member_free(void *p)
{
	struct member *member = p;

	if (member->mapped)
		bytes_unmap(&member->data);
	free(member->name);
	free(member->link);
	free(member);
}

static int
refuse(const struct members *m, const char *subject, const char *why)
{
	report("%s: refused '%s': %s", m->file, subject, why);
	return -1;
}

/* What a symbolic link in the archive means: "a/layer.tar" -> "../b/layer.tar" is
 * "b/layer.tar". NULL where that is outside. */
static char *
link_destination(const char *name, const char *target)
{
	const char *slash = strrchr(name, '/'), *why;

	if (slash && strncmp(target, "../", 3) == 0 &&
	    !memchr(name, '/', (size_t)(slash - name)))
		return clean_path(target + 3, &why);
	return NULL;
}

static int
read_member(struct members *m, struct archive *a, struct archive_entry *e)
{
	const char *raw = archive_entry_pathname(e), *why;
	int64_t size = archive_entry_size(e), offset = 0;
	const void *block = NULL;
	struct member *member, **found;
	size_t n = 0;

	if (!raw)
		return refuse(m, "", "a member without a name");
	if (archive_entry_filetype(e) == AE_IFDIR)
		return 0;
	if (++m->count > MEMBERS_MAX)
		return refuse(m, raw, "too many members");
	member = xcalloc(1, sizeof(*member));
	member->name = clean_path(raw, &why);
	if (!member->name) {
		free(member);
		return refuse(m, raw, why);
	}
	found = tsearch(member, &m->member, compare_members);
	if (!found || *found != member) {
		member_free(member);
		return refuse(m, raw, "the same member twice");
	}
	if (archive_entry_symlink(e)) {
		member->link = link_destination(member->name, archive_entry_symlink(e));
		return member->link ? 0
				    : refuse(m, raw, "a link that leads out of the archive");
	}
	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
		return refuse(m, raw, "neither a file nor a directory");
	if (size < 0 || (uint64_t)size > m->map.n)
		return refuse(m, raw, "larger than the whole archive");
	if (size > 0 && (archive_read_data_block(a, &block, &n, &offset) != ARCHIVE_OK ||
			    offset || n != (size_t)size))
		return refuse(m, raw, "its content ends early");
	member->data = (struct bytes){block, n};
	return 0;
}

static int
read_archive(struct members *m)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	int status = ARCHIVE_FATAL, bad = 0;

	if (!a) {
		report("%s: out of memory", m->file);
		return -1;
	}
	archive_read_support_format_tar(a);
	if (!m->map.n || archive_read_open_memory(a, m->map.p, m->map.n) != ARCHIVE_OK) {
		report("%s: not a tar archive", m->file);
		bad = 1;
	}
	while (!bad && (status = archive_read_next_header(a, &e)) == ARCHIVE_OK)
		bad = read_member(m, a, e) != 0;
	if (!bad && status != ARCHIVE_EOF) {
		const char *error = archive_error_string(a);

		report(
		    "%s: not a sound tar archive: %s", m->file, error ? error : "unreadable");
		bad = 1;
	}
	archive_read_free(a);
	return bad ? -1 : 0;
}

/* One file of a layout's directory. */
static int
read_file(struct members *m, int dir, const char *name, const char *path)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct member *member, **found;

	if (++m->count > MEMBERS_MAX)
		return refuse(m, path, "too many members");
	member = xcalloc(1, sizeof(*member));
	member->name = xstrdup(path);
	if (fd < 0 || bytes_map_fd(&member->data, fd)) {
		report("%s: open '%s':", m->file, path);
		member_free(member);
		return -1;
	}
	member->mapped = 1;
	found = tsearch(member, &m->member, compare_members);
	if (found && *found == member)
		return 0;
	member_free(member);
	return refuse(m, path, "the same member twice");
}

/* An OCI image layout that isn't in an archive. */
static int
read_directory(struct members *m)
{
	cleanup_fd int top = open(m->file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *blobs = NULL;
	struct dirent *e;
	int fd =
	    top < 0 ? -1 : openat(top, "blobs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int below =
	    fd < 0 ? -1 : openat(fd, "sha256", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	if (below < 0 || !(blobs = fdopendir(below))) {
		report("%s: a directory, but no OCI image layout:", m->file);
		if (below >= 0)
			close(below);
		return -1;
	}
	if (read_file(m, top, "index.json", "index.json"))
		return -1;
	while ((e = readdir(blobs))) {
		cleanup_free char *path = xasprintf("blobs/sha256/%s", e->d_name);

		if (!is_dots(e->d_name) && read_file(m, below, e->d_name, path))
			return -1;
	}
	return 0;
}

int
members_read(struct members *m, const char *file)
{
	struct stat st;

	*m = (struct members){.file = file};
	if (stat(m->file, &st) == 0 && S_ISDIR(st.st_mode))
		return read_directory(m);
	if (bytes_map(&m->map, m->file)) {
		report("open '%s':", m->file);
		return -1;
	}
	return read_archive(m);
}

int
members_find(const struct members *m, const char *name, struct bytes *data)
{
	const char *why;
	cleanup_free char *clean = clean_path(name, &why);
	struct member key = {.name = clean}, **found;
	int links;

	for (links = 0; clean && links < 3; links++) {
		found = tfind(&key, &m->member, compare_members);
		if (!found)
			return -1;
		if (!(*found)->link) {
			*data = (*found)->data;
			return 0;
		}
		key.name = (*found)->link;
	}
	return -1;
}

void
members_free(struct members *m)
{
	tdestroy(m->member, member_free);
	bytes_unmap(&m->map);
	*m = (struct members){.file = NULL};
}
