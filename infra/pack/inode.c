#include "inode.h"

#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "strbuf.h"

struct inode *
inode_new(mode_t mode, uid_t uid, gid_t gid)
{
	struct inode *i = xcalloc(1, sizeof(*i));

	i->refs = 1;
	i->mode = mode;
	i->uid = uid;
	i->gid = gid;
	return i;
}

struct inode *
inode_share(struct inode *i)
{
	i->refs++;
	return i;
}

void
inode_release(struct inode *i)
{
	size_t k;

	if (!i || --i->refs)
		return;
	for (k = 0; k < i->xattr_count; k++) {
		free(i->xattrs[k].name);
		free(i->xattrs[k].value);
	}
	free(i->xattrs);
	free(i->target);
	free(i);
}

void
inode_add_xattr(struct inode *i, const char *name, const void *value, size_t size)
{
	size_t at = i->xattr_count;

	i->xattrs = xreallocarray(i->xattrs, at + 1, sizeof(*i->xattrs));
	for (; at && strcmp(i->xattrs[at - 1].name, name) > 0; at--)
		i->xattrs[at] = i->xattrs[at - 1];
	i->xattrs[at].name = xstrdup(name);
	i->xattrs[at].value = xmalloc(size);
	if (size)
		memcpy(i->xattrs[at].value, value, size);
	i->xattrs[at].size = size;
	i->xattr_count++;
}

const struct xattr *
inode_xattr(const struct inode *i, const char *name)
{
	size_t k;

	for (k = 0; k < i->xattr_count; k++)
		if (strcmp(i->xattrs[k].name, name) == 0)
			return &i->xattrs[k];
	return NULL;
}

void
inode_hash(struct inode *i)
{
	struct sha256_ctx s256;
	struct sha1_ctx s1;
	size_t at, n;

	if (i->hashed)
		return;
	i->hashed = 1;
	sha256_init(&s256);
	sha1_init(&s1);
	/* In pieces, so that the second sum finds the bytes in the processor's cache. */
	for (at = 0; at < i->data.n; at += n) {
		n = i->data.n - at < 65536 ? i->data.n - at : 65536;
		sha256_update(&s256, n, i->data.p + at);
		sha1_update(&s1, n, i->data.p + at);
	}
	sha256_digest(&s256, sizeof(i->sha256), i->sha256);
	sha1_digest(&s1, sizeof(i->sha1), i->sha1);
}

const char *
inode_type(const struct inode *i)
{
	return S_ISDIR(i->mode)    ? "dir"
	       : S_ISLNK(i->mode)  ? "link"
	       : S_ISFIFO(i->mode) ? "fifo"
				   : "file";
}
