#include "backup.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "copy.h"
#include "digest.h"
#include "file.h"
#include "mtree.h"
#include "report.h"
#include "run.h"
#include "signals.h"
#include "snapshots.h"
#include "state.h"
#include "strbuf.h"

static const char about_name[] = "backup.json", manifest_name[] = "manifest.json";

enum { CHUNK = 65536, ATTRIBUTES_MAX = 65536, JSON_BYTES_MAX = 256 << 20 };

/* ---- where it is: a file, or a program's pipe ---- */

struct stream {
	const char *program; /* NULL: a file */
	pid_t pid;
	int fd;
	const char *file; /* for messages */
	char *draft;
};

/* "restic:REPOSITORY" or "borg:REPOSITORY"; NULL where it is neither. */
static const char *
repository(const char *where, const char **program)
{
	static const char *const programs[] = {"restic", "borg", NULL};

	for (const char *const *p = programs; *p; p++) {
		size_t len = strlen(*p);

		if (strncmp(where, *p, len) == 0 && where[len] == ':' && where[len + 1]) {
			*program = *p;
			return where + len + 1;
		}
	}
	return NULL;
}

static int
start_program(struct stream *s, const struct words *argv, bool writing)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		report("pipe:");
		return -1;
	}
	s->pid = fork();
	if (s->pid == 0) {
		if (dup2(writing ? ends[0] : ends[1], writing ? 0 : 1) < 0)
			_exit(126);
		if (writing)
			dup2(2, 1);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv->w[0], argv->w);
		report("start '%s':", argv->w[0]);
		_exit(127);
	}
	s->fd = writing ? ends[1] : ends[0];
	close(writing ? ends[0] : ends[1]);
	if (s->pid < 0) {
		report("fork:");
		close(s->fd);
		s->fd = -1;
	}
	return s->pid < 0 ? -1 : 0;
}

/* Once it has what it wants, or nothing more comes. */
static int
end_program(struct stream *s)
{
	int status;

	close(s->fd);
	s->fd = -1;
	while (waitpid(s->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	s->pid = 0;
	if (status == 0)
		return 0;
	report("%s failed with status %d", s->program,
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return -1;
}

/* Not every file system takes a colon: sticks and other systems' shares don't. */
static const char *
name_in(const char *directory, const struct container *c)
{
	char *time = pool_dup(state_now());

	for (char *p = time; *p; p++)
		if (*p == ':')
			*p = '.';
	return pool_printf("%s/%s-%s.tar", directory, c->key, time);
}

static int
open_to_write(struct stream *s, const struct container *c, const char *to)
{
	const char *repo = repository(to, &s->program);
	struct words argv = {0};
	struct stat st;

	if (!repo) {
		s->file = stat(to, &st) == 0 && S_ISDIR(st.st_mode) ? name_in(to, c) : to;
		s->fd = file_temporary(AT_FDCWD, pool_printf("%s.new.", s->file), &s->draft);
		if (s->fd < 0)
			report("create '%s':", s->file);
		return s->fd < 0 ? -1 : 0;
	}
	s->file = to;
	words_add(&argv, s->program);
	if (strcmp(s->program, "restic") == 0) {
		words_add(&argv, "--repo");
		words_add(&argv, repo);
		words_add(&argv, "backup");
		words_add(&argv, "--quiet");
		words_add(&argv, "--tag");
		words_add(&argv, "whittle");
		words_add(&argv, "--stdin");
		words_add(&argv, "--stdin-filename");
		words_addf(&argv, "/%s.tar", c->key);
	} else {
		words_add(&argv, "create");
		words_add(&argv, "--stdin-name");
		words_addf(&argv, "%s.tar", c->key);
		words_addf(&argv, "%s::%s-%s", repo, c->key, state_now());
		words_add(&argv, "-");
	}
	return start_program(s, &argv, true);
}

/* Of what borg(1) keeps, REPOSITORY::ARCHIVE; where only the first is said, the latest archive
 * of this container. NULL after a message. */
static const char *
borg_archive(const struct container *c, const char *repo)
{
	const char *pattern =
	    pool_printf("%s-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*", c->key);
	const char *const argv[] = {"borg", "list", "--last", "1", "--format", "{archive}",
	    "--glob-archives", pattern, repo, NULL};
	struct strbuf out = STRBUF_INIT;
	const char *found = NULL;
	int status;

	if (strstr(repo, "::"))
		return repo;
	status = run(&(struct run){.argv = argv, .out = &out});
	if (status)
		report("borg failed with status %d", status);
	else if (!out.len)
		report("borg:%s: it has no backup of '%s'", repo, c->key);
	else
		found = pool_printf("%s::%.*s", repo, (int)strcspn(out.s, "\n"), out.s);
	strbuf_free(&out);
	return found;
}

/* The latest one, where none is named. */
static int
open_to_read(struct stream *s, const struct container *c, const char *from)
{
	const char *repo = repository(from, &s->program);
	struct words argv = {0};

	s->file = from;
	if (!repo) {
		s->fd = open(from, O_RDONLY | O_CLOEXEC);
		if (s->fd < 0)
			report("open '%s':", from);
		return s->fd < 0 ? -1 : 0;
	}
	words_add(&argv, s->program);
	if (strcmp(s->program, "restic") == 0) {
		words_add(&argv, "--repo");
		words_add(&argv, repo);
		words_add(&argv, "dump");
		words_add(&argv, "--path"); /* the repository may be other containers' too */
		words_addf(&argv, "/%s.tar", c->key);
		words_add(&argv, "latest");
		words_addf(&argv, "/%s.tar", c->key);
	} else {
		words_add(&argv, "extract");
		words_add(&argv, "--stdout");
		repo = borg_archive(c, repo);
		if (!repo)
			return -1;
		words_add(&argv, repo);
	}
	return start_program(s, &argv, false);
}

/* What is half written goes. */
static void
abandon(struct stream *s)
{
	if (s->pid > 0) { /* a backup that ends early would count as whole to the program */
		kill(s->pid, SIGTERM);
		close(s->fd);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	} else if (s->fd >= 0) {
		close(s->fd);
	}
	if (s->draft)
		unlink(s->draft);
	free(s->draft);
}

/* ---- the manifest ---- */

/* Whatever bytes it has, JSON can hold it. */
static const char *
escaped(const char *name)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	mtree_put_name(&b, name);
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* By name, in base64; NULL where it has none. */
static json_t *
attributes_of(struct archive_entry *e)
{
	json_t *all = archive_entry_xattr_reset(e) ? json_object() : NULL;
	const char *name;
	const void *value;
	size_t size;

	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		cleanup_free char *text = xmalloc(BASE64_ENCODE_RAW_LENGTH(size) + 1);

		base64_encode_raw(text, size, value);
		text[BASE64_ENCODE_RAW_LENGTH(size)] = '\0';
		json_object_set_new(all, escaped(name), json_string(text));
	}
	return all;
}

static json_t *
described(struct archive_entry *e, const char *digest)
{
	const char *link = archive_entry_hardlink(e), *target = archive_entry_symlink(e);
	/* A further name of a file has no type of its own in a tar. */
	json_t *o = json_pack("{s:i, s:i, s:I, s:I, s:I, s:I}", "type",
	    link ? 0 : (int)archive_entry_filetype(e), "mode", (int)archive_entry_perm(e),
	    "uid", (json_int_t)archive_entry_uid(e), "gid", (json_int_t)archive_entry_gid(e),
	    "size", (json_int_t)(digest ? archive_entry_size(e) : 0), "mtime",
	    (json_int_t)archive_entry_mtime(e));

	json_t *attributes = link ? NULL : attributes_of(e);

	if (digest)
		json_object_set_new(o, "sha256", json_string(digest));
	if (attributes)
		json_object_set_new(o, "attributes", attributes);
	if (link || target)
		json_object_set_new(
		    o, link ? "same_as" : "link", json_string(escaped(link ? link : target)));
	return o;
}

static void
note(json_t *manifest, struct archive_entry *e, const char *digest)
{
	json_object_set_new(manifest, escaped(archive_entry_pathname(e)), described(e, digest));
}

static bool
has_bytes(struct archive_entry *e)
{
	return archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e);
}

static int
archive_failed(struct archive *a, const struct stream *s)
{
	/* A program that ended says itself why. */
	if (s->program && archive_errno(a) == EPIPE)
		return -1;
	report("%s: %s", s->file, archive_error_string(a) ? archive_error_string(a) : "?");
	return -1;
}

/* ---- writing ---- */

struct writing {
	struct stream s;
	struct archive *to;
	json_t *manifest;
	char names[ATTRIBUTES_MAX], value[ATTRIBUTES_MAX];
};

static int
add_json(struct writing *w, const char *name, const json_t *o)
{
	struct archive_entry *e = archive_entry_new();
	char *text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	size_t n = text ? strlen(text) : 0;
	bool bad;

	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, AE_IFREG | 0600);
	archive_entry_set_size(e, (la_int64_t)n);
	bad = !text || archive_write_header(w->to, e) < ARCHIVE_WARN ||
	      archive_write_data(w->to, text, n) != (la_ssize_t)n;
	free(text);
	archive_entry_free(e);
	return bad ? archive_failed(w->to, &w->s) : 0;
}

/* Holes are written out: they come back by their zeros. */
static int
add_bytes(struct writing *w, struct archive *disk, char hex[SHA256_HEX])
{
	unsigned char digest[SHA256_DIGEST_SIZE];
	cleanup_free char *chunk = xmalloc(CHUNK);
	struct sha256_ctx sha;
	la_ssize_t n;

	sha256_init(&sha);
	while ((n = archive_read_data(disk, chunk, CHUNK)) > 0 && !interrupted) {
		sha256_update(&sha, (size_t)n, (const uint8_t *)chunk);
		if (archive_write_data(w->to, chunk, (size_t)n) != n)
			return archive_failed(w->to, &w->s);
	}
	if (n < 0)
		return archive_failed(disk, &w->s);
	sha256_digest(&sha, sizeof(digest), digest);
	hex_of(digest, sizeof(digest), hex);
	return interrupted ? -1 : 0;
}

/* ACLs among them. The copies are nobody's but ours, and none of them changes. */
static int
read_attributes(struct writing *w, struct archive_entry *e)
{
	const char *path = archive_entry_sourcepath(e);
	ssize_t n = llistxattr(path, w->names, sizeof(w->names)), len;

	archive_entry_xattr_clear(e);
	if (n < 0 && errno == ENOTSUP)
		return 0;
	for (const char *p = w->names; n > 0 && p < w->names + n; p += strlen(p) + 1) {
		if (attribute_is_policy(p))
			continue;
		len = lgetxattr(path, p, w->value, sizeof(w->value));
		if (len < 0)
			n = -1;
		else
			archive_entry_xattr_add_entry(e, p, w->value, (size_t)len);
	}
	if (n < 0)
		report("read the extended attributes of '%s':", path);
	return n < 0 ? -1 : 0;
}

static int
add_entry(struct writing *w, struct archive *disk, struct archive_entry *e,
    struct archive_entry_linkresolver *links, size_t skip, size_t number)
{
	struct archive_entry *none = NULL;
	char hex[SHA256_HEX];
	bool bytes;

	if (archive_entry_filetype(e) == AE_IFSOCK) /* made anew by who listens on it */
		return 0;
	if (read_attributes(w, e))
		return -1;
	archive_entry_copy_pathname(
	    e, pool_printf("data/%zu%s", number, archive_entry_pathname(e) + skip));
	archive_entry_sparse_clear(e);
	archive_entry_linkify(links, &e, &none);
	bytes = has_bytes(e);
	if (archive_write_header(w->to, e) < ARCHIVE_WARN)
		return archive_failed(w->to, &w->s);
	if (bytes && add_bytes(w, disk, hex))
		return -1;
	note(w->manifest, e, bytes ? hex : NULL);
	return 0;
}

static int
add_tree(struct writing *w, const char *copy, size_t number)
{
	struct archive *disk = archive_read_disk_new();
	struct archive_entry_linkresolver *links = archive_entry_linkresolver_new();
	struct archive_entry *e;
	int got = ARCHIVE_FATAL, bad = 0;

	archive_entry_linkresolver_set_strategy(links, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
	archive_read_disk_set_symlink_physical(disk);
	archive_read_disk_set_behavior(
	    disk, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS | ARCHIVE_READDISK_NO_FFLAGS);
	if (archive_read_disk_open(disk, copy) == ARCHIVE_OK) {
		e = archive_entry_new();
		while (!bad && !interrupted &&
		       (got = archive_read_next_header2(disk, e)) >= ARCHIVE_WARN &&
		       got != ARCHIVE_EOF) {
			archive_read_disk_descend(disk);
			bad = add_entry(w, disk, e, links, strlen(copy), number);
			archive_entry_clear(e);
		}
		archive_entry_free(e);
	}
	if (!bad && got != ARCHIVE_EOF)
		bad = interrupted ? -1 : archive_failed(disk, &w->s);
	archive_entry_linkresolver_free(links);
	archive_read_free(disk);
	return bad;
}

static int
write_all_of(struct writing *w, const struct words *copies, const json_t *about)
{
	int bad = add_json(w, about_name, about);

	for (size_t i = 0; i < copies->n && !bad; i++)
		bad = add_tree(w, copies->w[i], i);
	if (!bad)
		bad = add_json(w, manifest_name, w->manifest);
	if (!bad && archive_write_close(w->to) != ARCHIVE_OK)
		bad = archive_failed(w->to, &w->s);
	return bad;
}

static bool
ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

int
backup_write(struct app *a, const struct container *c, const char *id, const char *image,
    const char *to, const char **where)
{
	static struct writing w;
	struct words sources = {0}, copies = {0};
	json_t *about, *list = json_array();
	int bad;

	w.s.fd = -1;
	w.manifest = json_object();
	if (snapshot_copies(&a->host, c->key, id, &sources, &copies) ||
	    open_to_write(&w.s, c, to)) {
		snapshot_copies_end(id, &sources);
		json_decref(w.manifest);
		json_decref(list);
		return -1;
	}
	for (size_t i = 0; i < sources.n; i++)
		json_array_append_new(list, json_string(sources.w[i]));
	about = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o}", "backup", 1, "name", c->key, "time",
	    state_now(), "image", image ? image : "", "settings", c->settings, "sources", list);
	w.to = archive_write_new();
	archive_write_set_format_pax(w.to);
	archive_write_set_bytes_in_last_block(w.to, 1);
	if (ends_in(w.s.file, ".gz") || ends_in(w.s.file, ".tgz"))
		archive_write_add_filter_gzip(w.to);
	signal(SIGPIPE, SIG_IGN);
	bad = archive_write_open_fd(w.to, w.s.fd) != ARCHIVE_OK
		  ? archive_failed(w.to, &w.s)
		  : write_all_of(&w, &copies, about);
	bad |= snapshot_copies_end(id, &sources);
	json_decref(about);
	json_decref(w.manifest);
	if (w.s.program && (!bad || archive_errno(w.to) == EPIPE))
		bad |= end_program(&w.s);
	else if (!bad && (file_close(&w.s.fd) || file_put(AT_FDCWD, w.s.draft, w.s.file))) {
		report("write '%s':", w.s.file);
		bad = -1;
	}
	archive_write_free(w.to);
	*where = w.s.file;
	if (bad)
		abandon(&w.s);
	return bad ? -1 : 0;
}

/* ---- reading ---- */

struct reading {
	struct app *a;
	const struct container *c;
	struct stream s;
	struct archive *from, *disk; /* disk: where the source `number` goes */
	const char *id, *into; /* the snapshot, or the directory; neither: it is only checked */
	struct words sources;
	int *at; /* of each source: the directory that it goes to, -1 before */
	size_t number;
	int home; /* the directory that this process was in */
	json_t *about, *met, *manifest;
	json_int_t files, bytes;
};

static int
read_json(struct reading *r, struct archive_entry *e, json_t **out)
{
	la_int64_t size = archive_entry_size(e);
	cleanup_free char *text = NULL;
	json_error_t error;

	if (size < 0 || size > JSON_BYTES_MAX || *out) {
		report("%s: not a whittle backup", r->s.file);
		return -1;
	}
	text = xmalloc((size_t)size + 1);
	if (archive_read_data(r->from, text, (size_t)size) != size)
		return archive_failed(r->from, &r->s);
	*out = json_loadb(text, (size_t)size, JSON_ALLOW_NUL, &error);
	if (!json_is_object(*out)) {
		report("%s: %s: %s", r->s.file, archive_entry_pathname(e), error.text);
		return -1;
	}
	return 0;
}

/* What is to go somewhere must be of this container, and to where its settings say. */
static int
check_about(struct reading *r)
{
	const char *name = json_string_value(json_object_get(r->about, "name"));
	json_t *one;
	size_t i;

	if (json_integer_value(json_object_get(r->about, "backup")) != 1 || !name) {
		report("%s: not a whittle backup, or one of a later version", r->s.file);
		return -1;
	}
	if (strcmp(name, r->c->key) != 0) {
		report("%s: it is of '%s', not of '%s'", r->s.file, name, r->c->key);
		return -1;
	}
	json_array_foreach (json_object_get(r->about, "sources"), i, one) {
		const char *source = json_string_value(one);

		if (!source || !words_have(&r->c->data.paths, source)) {
			report("%s: it has '%s', which 'snapshot' in the settings doesn't name",
			    r->s.file, source ? source : "?");
			return -1;
		}
		words_add(&r->sources, source);
	}
	r->at = pool_zero(r->sources.n + 1, sizeof(*r->at));
	for (i = 0; i < r->sources.n; i++)
		r->at[i] = -1;
	return r->id ? snapshot_import_begin(r->a, r->c->key, r->id, &r->sources) : 0;
}

static int
close_disk(struct reading *r)
{
	int bad = 0;

	/* Directories get their modes and times now. */
	if (r->disk && archive_write_close(r->disk) != ARCHIVE_OK)
		bad = archive_failed(r->disk, &r->s);
	if (r->disk)
		archive_write_free(r->disk);
	r->disk = NULL;
	return bad;
}

/* What source `number` is called where it goes. */
static const char *
draft_of(const struct reading *r, size_t number)
{
	size_t i = 0;

	if (r->id)
		return snapshot_draft(r->id);
	while (strcmp(r->c->data.paths.w[i], r->sources.w[number]) != 0)
		i++;
	return pool_printf("%zu", i);
}

/* A directory that is nobody's but ours, the one to be in. */
static int
open_disk(struct reading *r, size_t number)
{
	const char *source = r->sources.w[number];

	if (r->disk && r->number == number)
		return 0;
	if (close_disk(r))
		return -1;
	if (r->at[number] < 0 && r->id) {
		r->at[number] = snapshot_import_at(source, r->id);
		if (r->at[number] < 0)
			return -1;
	} else if (r->at[number] < 0) {
		r->at[number] = open(r->into, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (r->at[number] < 0 || fchdir(r->at[number])) {
		report("enter the directory that '%s' goes to:", source);
		return -1;
	}
	r->number = number;
	r->disk = archive_write_disk_new();
	archive_write_disk_set_options(
	    r->disk, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
			 ARCHIVE_EXTRACT_SPARSE | ARCHIVE_EXTRACT_UNLINK |
			 ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
			 ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
	return 0;
}

/* "data/N/REST" is REST of the draft of source N; NULL after a message. *root: it is all of it,
 * whatever dots and slashes follow. */
static const char *
place_of(struct reading *r, const char *path, size_t *number, bool *root)
{
	char *end = NULL;

	*number = strncmp(path, "data/", 5) == 0 ? strtoul(path + 5, &end, 10) : 0;
	*root = end && !end[strspn(end, "/.")];
	if (end && end > path + 5 && (!*end || *end == '/') && *number < r->sources.n)
		return pool_printf("%s%s", r->id || r->into ? draft_of(r, *number) : "", end);
	report("%s: '%s' is none of its entries", r->s.file, path);
	return NULL;
}

static int
take_bytes(struct reading *r, struct archive_entry *e, char hex[SHA256_HEX])
{
	unsigned char digest[SHA256_DIGEST_SIZE];
	cleanup_free char *chunk = xmalloc(CHUNK);
	struct sha256_ctx sha;
	la_ssize_t n;

	sha256_init(&sha);
	while ((n = archive_read_data(r->from, chunk, CHUNK)) > 0 && !interrupted) {
		sha256_update(&sha, (size_t)n, (const uint8_t *)chunk);
		if (r->disk && archive_write_data(r->disk, chunk, (size_t)n) != n)
			return archive_failed(r->disk, &r->s);
	}
	if (n < 0)
		return archive_failed(r->from, &r->s);
	sha256_digest(&sha, sizeof(digest), digest);
	hex_of(digest, sizeof(digest), hex);
	r->bytes += archive_entry_size(e);
	return interrupted ? -1 : 0;
}

static int
take_entry(struct reading *r, struct archive_entry *e)
{
	const char *path = pool_dup(archive_entry_pathname(e)),
		   *same =
		       archive_entry_hardlink(e) ? pool_dup(archive_entry_hardlink(e)) : NULL;
	struct archive_entry *placed;
	const char *at, *other = NULL;
	char hex[SHA256_HEX];
	size_t number, with;
	bool bytes = has_bytes(e), root, other_root;

	at = place_of(r, path, &number, &root);
	if (!at || (same && !(other = place_of(r, same, &with, &other_root))))
		return -1;
	/* What a snapshot or a mount's source is by itself. */
	if (root && (same || (archive_entry_filetype(e) != AE_IFDIR &&
				 archive_entry_filetype(e) != AE_IFREG))) {
		report("%s: '%s' is neither a file nor a directory", r->s.file, path);
		return -1;
	}
	if (r->id || r->into) {
		if (open_disk(r, number))
			return -1;
		placed = archive_entry_clone(e);
		archive_entry_copy_pathname(placed, at);
		if (other)
			archive_entry_copy_hardlink(placed, other);
		if (archive_write_header(r->disk, placed) != ARCHIVE_OK) {
			archive_entry_free(placed);
			return archive_failed(r->disk, &r->s);
		}
		archive_entry_free(placed);
	}
	if (bytes && take_bytes(r, e, hex))
		return -1;
	r->files++;
	note(r->met, e, bytes ? hex : NULL);
	return 0;
}

static int
read_entries(struct reading *r)
{
	struct archive_entry *e;
	int got;

	while ((got = archive_read_next_header(r->from, &e)) == ARCHIVE_OK && !interrupted) {
		const char *path = archive_entry_pathname(e);
		int bad;

		if (!path || r->manifest || (!r->about && strcmp(path, about_name) != 0)) {
			report("%s: not a whittle backup", r->s.file);
			return -1;
		}
		if (strcmp(path, about_name) == 0)
			bad = read_json(r, e, &r->about) || check_about(r);
		else if (strcmp(path, manifest_name) == 0)
			bad = read_json(r, e, &r->manifest);
		else
			bad = take_entry(r, e);
		if (bad)
			return -1;
	}
	if (interrupted)
		return -1;
	return got == ARCHIVE_EOF ? 0 : archive_failed(r->from, &r->s);
}

/* A tar has attributes in two ways, and one of them cuts a name at its first "=". */
static void
drop_others(json_t *met, json_t *listed)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(met, next, name, value) if (!json_object_get(listed, name))
	    json_object_del(met, name);
}

/* Every entry is as the manifest has it, and there is none more or less. */
static int
compare(const struct reading *r)
{
	const char *path;
	json_t *o;

	if (!r->manifest) {
		report("%s: incomplete: it ends before its manifest", r->s.file);
		return -1;
	}
	json_object_foreach (r->manifest, path, o) {
		json_t *met = json_object_get(r->met, path);
		json_t *attributes = json_object_get(o, "attributes");

		if (attributes)
			drop_others(json_object_get(met, "attributes"), attributes);
		if (!json_equal(o, met)) {
			report("%s: '%s' isn't what the manifest says", r->s.file, path);
			return -1;
		}
	}
	if (json_object_size(r->manifest) == json_object_size(r->met))
		return 0;
	report("%s: it has entries that the manifest hasn't", r->s.file);
	return -1;
}

static int
set_attribute(int fd, const char *escaped_name, const char *text)
{
	cleanup_free char *name = mtree_unescape(escaped_name, strlen(escaped_name));
	cleanup_free char *value = xmalloc(BASE64_DECODE_LENGTH(strlen(text)) + 1);
	struct base64_decode_ctx decode;
	size_t n = BASE64_DECODE_LENGTH(strlen(text));
	char path[40];

	base64_decode_init(&decode);
	if (!base64_decode_update(&decode, &n, (uint8_t *)value, strlen(text), text) ||
	    !base64_decode_final(&decode)) {
		errno = EBADMSG;
		return -1;
	}
	/* By the descriptor of the entry itself, of whatever type it is. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return setxattr(path, name, value, n, 0);
}

/* Once owners and modes are set for good: these take capabilities and ACLs away. */
static int
restore_attributes(struct reading *r)
{
	const char *path, *name;
	json_t *o, *value;

	json_object_foreach (r->met, path, o) {
		json_t *all = json_object_get(o, "attributes");
		cleanup_free char *plain = mtree_unescape(path, strlen(path));
		cleanup_fd int fd = -1;
		const char *place;
		size_t number;
		bool root, bad;

		if (!all)
			continue;
		place = place_of(r, plain, &number, &root);
		if (!place)
			return -1;
		fd = open_no_links(r->at[number], place, O_PATH | O_NOFOLLOW, 0);
		bad = fd < 0;
		json_object_foreach (all, name, value)
			bad = bad || set_attribute(fd, name, json_string_value(value));
		if (bad) {
			report("set the extended attributes of '%s':", path);
			return -1;
		}
	}
	return 0;
}

int
backup_read(struct app *a, const struct container *c, const char *from, const char *id,
    const char *into, json_t **about)
{
	struct reading r = {
	    .a = a, .c = c, .id = id, .into = into, .s.fd = -1, .met = json_object()};
	int bad;

	*about = NULL;
	r.home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (open_to_read(&r.s, c, from)) {
		json_decref(r.met);
		if (r.home >= 0)
			close(r.home);
		return -1;
	}
	r.from = archive_read_new();
	archive_read_support_format_tar(r.from);
	archive_read_support_filter_gzip(r.from);
	bad = archive_read_open_fd(r.from, r.s.fd, CHUNK) != ARCHIVE_OK
		  ? archive_failed(r.from, &r.s)
		  : read_entries(&r);
	bad |= close_disk(&r);
	archive_read_free(r.from);
	if (r.home >= 0) {
		bad |= fchdir(r.home);
		close(r.home);
	}
	if (!bad && r.s.program)
		bad = end_program(&r.s);
	else
		abandon(&r.s);
	if (!bad)
		bad = compare(&r);
	if (!bad && (id || into))
		bad = restore_attributes(&r);
	for (size_t i = 0; r.at && i < r.sources.n; i++)
		if (r.at[i] >= 0)
			close(r.at[i]);
	if (!bad) {
		json_object_set_new(r.about, "files", json_integer(r.files));
		json_object_set_new(r.about, "bytes", json_integer(r.bytes));
		*about = json_incref(r.about);
	}
	if (id && r.sources.n)
		bad |= bad ? snapshot_import_drop(a, c->key, id)
			   : snapshot_import_end(a, c->key, id);
	json_decref(r.about);
	json_decref(r.met);
	json_decref(r.manifest);
	return bad ? -1 : 0;
}
