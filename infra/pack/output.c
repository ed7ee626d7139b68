#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bytes.h"
#include "cleanup.h"
#include "file.h"
#include "inode.h"
#include "json.h"
#include "report.h"
#include "store.h"
#include "strbuf.h"
#include "tarball.h"
#include "tree.h"

enum { EXCHANGE = 2 }; /* RENAME_EXCHANGE of linux/fs.h */

static const char layout_text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

/* What is there of the output being written; a signal removes it, innermost first. */
static char *partial_paths[5];

static void
remove_partial(void)
{
	size_t i;

	for (i = 0; i < sizeof(partial_paths) / sizeof(partial_paths[0]); i++)
		if (partial_paths[i] && unlink(partial_paths[i]))
			rmdir(partial_paths[i]);
}

static void
end_by(int sig)
{
	remove_partial();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
forget_partial(void)
{
	size_t i;

	bytes_on_sigbus = NULL;
	for (i = 0; i < sizeof(partial_paths) / sizeof(partial_paths[0]); i++)
		free(steal_pointer(&partial_paths[i]));
}

/* Where a signal would come in between, it waits. */
static void
hold_signals(int hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
watch_over(const struct output *o)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ};
	struct sigaction end = {.sa_handler = end_by};
	size_t i = 0;

	if (o->form == OUTPUT_OCI) {
		partial_paths[i++] = xasprintf("%s/blobs/sha256/layer", o->partial);
		partial_paths[i++] = xasprintf("%s/blobs/sha256", o->partial);
		partial_paths[i++] = xasprintf("%s/blobs", o->partial);
	}
	partial_paths[i] = xstrdup(o->partial);
	bytes_on_sigbus = remove_partial;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction before;

		/* What nohup(1) or a supervisor had ignored stays so. */
		sigaction(signals[i], NULL, &before);
		if (before.sa_handler != SIG_IGN)
			sigaction(signals[i], &end, NULL);
	}
}

static int
cannot_write(const struct output *o)
{
	report("write '%s':", o->path);
	return -1;
}

static int
is_layout(const char *path)
{
	cleanup_free char *file = xasprintf("%s/oci-layout", path);

	return access(file, F_OK) == 0;
}

static int
start_directory(struct output *o)
{
	cleanup_free char *blobs = NULL, *layer = NULL;

	if (access(o->path, F_OK) == 0 && !is_layout(o->path)) {
		report("write '%s': it is there and isn't an OCI image layout", o->path);
		return -1;
	}
	if (!mkdtemp(o->partial))
		return cannot_write(o);
	watch_over(o);
	blobs = xasprintf("%s/blobs/sha256", o->partial);
	layer = xasprintf("%s/layer", blobs);
	if (make_directories(blobs, 0755) || chmod(o->partial, 0755))
		return cannot_write(o);
	o->fd = open(layer, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return o->fd < 0 ? cannot_write(o) : 0;
}

static int
start_file(struct output *o)
{
	o->fd = mkostemp(o->partial, O_CLOEXEC);
	if (o->fd < 0)
		return cannot_write(o);
	watch_over(o);
	if (fchmod(o->fd, 0644))
		return cannot_write(o);
	/* The layer's header comes first, but its digest and size are known last. */
	return lseek(o->fd, TAR_BLOCK, SEEK_SET) < 0 ? cannot_write(o) : 0;
}

int
output_start(struct output *o, enum output_form form, const char *path, time_t epoch)
{
	int bad;

	*o = (struct output){.form = form, .path = path, .epoch = epoch, .fd = -1};
	o->partial = xasprintf("%s.new.XXXXXX", path);
	hold_signals(1);
	bad = form == OUTPUT_OCI ? start_directory(o) : start_file(o);
	hold_signals(0);
	if (bad)
		output_abandon(o);
	return bad;
}

int
output_layer(struct output *o, const struct node *root, const struct listing *l)
{
	cleanup_free struct tarball *t = xmalloc(sizeof(*t));
	const struct inode *r = root->inode;
	size_t i;

	tarball_start(t, o->fd);
	if ((r->mode & 07777) != 0755 || r->uid || r->gid || r->xattr_count)
		tarball_add(t, "./", r, NULL, o->epoch);
	for (i = 0; i < l->count && !t->error; i++) {
		struct inode *inode = l->item[i].node->inode;

		if (S_ISREG(inode->mode))
			inode_hash(inode);
		tarball_add(t, l->item[i].path, inode, l->item[i].first, o->epoch);
	}
	if (tarball_end(t, o->diff_id))
		return cannot_write(o);
	o->layer_size = t->written;
	return 0;
}

static char *
blob_name(const struct output *o, const char *hex)
{
	return xasprintf(o->form == OUTPUT_DOCKER ? "%s.tar" : "blobs/sha256/%s", hex);
}

/* Goes back to where room was left. */
static int
patch_header(struct output *o)
{
	cleanup_free char *name = blob_name(o, o->diff_id);
	unsigned char block[TAR_BLOCK];

	tarball_header(block, name, o->layer_size, o->epoch);
	return pwrite_all(o->fd, block, sizeof(block), 0);
}

static struct bytes
text_bytes(const char *text)
{
	return (struct bytes){(const unsigned char *)text, strlen(text)};
}

static int
finish_docker(struct output *o, const char *config, const char *tag, const char *id)
{
	cleanup_free struct tarball *t = xmalloc(sizeof(*t));
	cleanup_free char *config_name = xasprintf("%s.json", id);
	cleanup_free char *layer_name = blob_name(o, o->diff_id);
	json_t *manifest = json_pack("[{s:s, s:o, s:[s]}]", "Config", config_name, "RepoTags",
	    tag ? json_pack("[s]", tag) : json_null(), "Layers", layer_name);
	cleanup_free char *text = json_canonical(manifest);
	char unused[SHA256_HEX];

	json_decref(manifest);
	tarball_start(t, o->fd);
	tarball_add_file(t, config_name, text_bytes(config), o->epoch);
	tarball_add_file(t, "manifest.json", text_bytes(text), o->epoch);
	return tarball_end(t, unused) || patch_header(o) ? cannot_write(o) : 0;
}

static json_t *
descriptor(const char *type, const char *hex, uint64_t size)
{
	cleanup_free char *digest = xasprintf("sha256:%s", hex);

	return json_pack(
	    "{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size", (json_int_t)size);
}

static char *
oci_manifest(const struct output *o, const char *config, const char *id)
{
	json_t *j = json_pack("{s:i, s:s, s:o, s:[o]}", "schemaVersion", 2, "mediaType",
	    "application/vnd.oci.image.manifest.v1+json", "config",
	    descriptor("application/vnd.oci.image.config.v1+json", id, strlen(config)),
	    "layers",
	    descriptor("application/vnd.oci.image.layer.v1.tar", o->diff_id, o->layer_size));
	char *text = json_canonical(j);

	json_decref(j);
	return text;
}

/* The name in the index is the tag's last part, which is what skopeo and umoci call it. */
static char *
oci_index(const char *manifest, const char *hex, const char *tag)
{
	const char *colon = tag ? strrchr(tag, ':') : NULL;
	json_t *d = descriptor(
		   "application/vnd.oci.image.manifest.v1+json", hex, strlen(manifest)),
	       *j;
	char *text;

	json_object_set_new(d, "annotations",
	    json_pack(
		"{s:s}", "org.opencontainers.image.ref.name", colon ? colon + 1 : "latest"));
	j = json_pack("{s:i, s:s, s:[o]}", "schemaVersion", 2, "mediaType",
	    "application/vnd.oci.image.index.v1+json", "manifests", d);
	text = json_canonical(j);
	json_decref(j);
	return text;
}

static int
put_part(struct output *o, struct tarball *t, const char *name, const char *text)
{
	cleanup_free char *path = NULL;

	if (o->form == OUTPUT_OCI_ARCHIVE) {
		tarball_add_file(t, name, text_bytes(text), o->epoch);
		return 0;
	}
	path = xasprintf("%s/%s", o->partial, name);
	return write_whole(path, text, strlen(text));
}

static int
place_layer(struct output *o)
{
	cleanup_free char *from = xasprintf("%s/blobs/sha256/layer", o->partial);
	cleanup_free char *to = xasprintf("%s/blobs/sha256/%s", o->partial, o->diff_id);

	return file_close(&o->fd) || file_put(AT_FDCWD, from, to) ? cannot_write(o) : 0;
}

static int
finish_oci(struct output *o, const char *config, const char *tag, const char *id)
{
	cleanup_free struct tarball *t = xmalloc(sizeof(*t));
	cleanup_free char *manifest = oci_manifest(o, config, id), *index = NULL;
	cleanup_free char *config_name = blob_name(o, id), *manifest_name = NULL;
	char hex[SHA256_HEX];

	sha256_bytes(manifest, strlen(manifest), hex);
	manifest_name = blob_name(o, hex);
	index = oci_index(manifest, hex, tag);
	tarball_start(t, o->fd);
	if (put_part(o, t, config_name, config) || put_part(o, t, manifest_name, manifest) ||
	    put_part(o, t, "index.json", index) || put_part(o, t, "oci-layout", layout_text))
		return -1;
	if (o->form == OUTPUT_OCI)
		return place_layer(o);
	return tarball_end(t, hex) || patch_header(o) ? cannot_write(o) : 0;
}

/* Only what an image layout is made of; anything else in there stays, and the directory. */
static void
remove_layout(const char *path)
{
	static const char *const parts[] = {"index.json", "oci-layout", NULL};
	cleanup_free char *blobs = xasprintf("%s/blobs", path);
	cleanup_free char *sha256 = xasprintf("%s/blobs/sha256", path);
	cleanup_dir DIR *dir = opendir(sha256);
	struct dirent *d;
	size_t i;

	while (dir && (d = readdir(dir)))
		unlinkat(dirfd(dir), d->d_name, 0);
	rmdir(sha256);
	rmdir(blobs);
	for (i = 0; parts[i]; i++) {
		cleanup_free char *file = xasprintf("%s/%s", path, parts[i]);

		unlink(file);
	}
	rmdir(path);
}

static int
move_into_place(struct output *o)
{
	if (o->form == OUTPUT_OCI && access(o->path, F_OK) == 0) {
		/* musl has no renameat2(2). */
		if (syscall(SYS_renameat2, AT_FDCWD, o->partial, AT_FDCWD, o->path, EXCHANGE) ||
		    file_sync_directory(AT_FDCWD, o->path))
			return cannot_write(o);
		remove_layout(o->partial);
		return 0;
	}
	if ((o->fd >= 0 && file_close(&o->fd)) || file_put(AT_FDCWD, o->partial, o->path))
		return cannot_write(o);
	return 0;
}

int
output_finish(struct output *o, const char *config, const char *tag, char id[SHA256_HEX])
{
	int bad;

	sha256_bytes(config, strlen(config), id);
	hold_signals(1);
	bad = o->form == OUTPUT_DOCKER ? finish_docker(o, config, tag, id)
				       : finish_oci(o, config, tag, id);
	if (bad || move_into_place(o)) {
		output_abandon(o);
		bad = -1;
	} else {
		forget_partial();
		free(steal_pointer(&o->partial));
	}
	hold_signals(0);
	return bad;
}

void
output_abandon(struct output *o)
{
	forget_partial();
	if (o->fd >= 0)
		close(steal_fd(&o->fd));
	if (!o->partial)
		return;
	if (o->form == OUTPUT_OCI)
		remove_layout(o->partial);
	else
		unlink(o->partial);
	free(steal_pointer(&o->partial));
}
