/* Any bytes as two layers of an image, cut in the middle: refused, or a tree whose manifest
 * can be read back and whose archive, read again, is the same tree. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "layer.h"
#include "manifest.h"
#include "quiet.h"
#include "strbuf.h"
#include "tarball.h"
#include "tree.h"

static int
apply(struct tree *t, struct bytes tar, size_t index)
{
	struct layer l;
	int bad = layer_read(&l, tar, "fuzz", 1) || tree_apply(t, &l, index);

	layer_free(&l);
	return bad;
}

static void
describe(struct tree *t, struct strbuf *text, int fd)
{
	struct tarball *tar = xmalloc(sizeof(*tar));
	struct listing l;
	struct manifest m;
	char hex[SHA256_HEX];
	size_t i;

	tree_list(t, &l);
	manifest_write(text, t->root, &l);
	if (manifest_parse(&m, (struct bytes){(unsigned char *)text->s, text->len}, "fuzz") ||
	    m.count != l.count + 1)
		abort();
	manifest_free(&m);
	tarball_start(tar, fd);
	tarball_add(tar, "./", t->root->inode, NULL, 1);
	for (i = 0; i < l.count; i++)
		tarball_add(tar, l.item[i].path, l.item[i].node->inode, l.item[i].first, 1);
	if (tarball_end(tar, hex))
		abort();
	free(tar);
	listing_free(&l);
}

/* The tree's own archive makes the same tree. */
static void
read_again(const struct strbuf *first, struct bytes archive)
{
	struct strbuf second = STRBUF_INIT;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct tree t;

	tree_init(&t, "again");
	if (apply(&t, archive, 0))
		abort();
	describe(&t, &second, fd);
	if (strcmp(first->s, second.s) != 0)
		abort();
	tree_free(&t);
	strbuf_free(&second);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	size_t half = n / 1024 * 512;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct strbuf text = STRBUF_INIT;
	struct bytes back = {NULL, 0};
	struct tree t;

	tree_init(&t, "fuzz");
	if (apply(&t, (struct bytes){bytes, half}, 0) == 0 &&
	    apply(&t, (struct bytes){bytes + half, n - half}, 1) == 0) {
		describe(&t, &text, fd);
		if (bytes_map_fd(&back, fd))
			abort();
		/* A name that a whiteout could have can't be told from one. */
		if (!strstr(text.s, ".wh."))
			read_again(&text, back);
		bytes_unmap(&back);
	}
	tree_free(&t);
	strbuf_free(&text);
	close(fd);
	return 0;
}
