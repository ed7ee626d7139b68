#include "base.h"

#include <string.h>
#include <sys/stat.h>

#include "inode.h"
#include "report.h"
#include "tree.h"

static const char own_directory[] = "var/lib/whittle";
static const char directory[] = "var/lib/whittle/base";
static const char sbom_path[] = "var/lib/whittle/base/sbom.cdx.json";
static const char ledger_path[] = "var/lib/whittle/base/ledger.jsonl";

static struct bytes
content(const struct tree *t, const char *path)
{
	const struct node *n = tree_find(t, path);

	return n && S_ISREG(n->inode->mode) ? n->inode->data : (struct bytes){NULL, 0};
}

static void
drop_if(struct tree *t, const char *path, int only_empty)
{
	struct node *n = tree_find(t, path);

	if (n && S_ISDIR(n->inode->mode) && !(only_empty && n->children))
		tree_drop(t, n);
}

int
base_take(struct tree *t, struct base *b)
{
	struct bytes sbom = content(t, sbom_path);
	json_error_t error;

	*b = (struct base){NULL, content(t, ledger_path)};
	if (sbom.n) {
		b->sbom =
		    json_loadb((const char *)sbom.p, sbom.n, JSON_REJECT_DUPLICATES, &error);
		if (!json_is_object(b->sbom)) {
			report("%s: '%s': not what pack writes there: %s", t->what, sbom_path,
			    b->sbom ? "no object" : error.text);
			return -1;
		}
	}
	drop_if(t, directory, 0);
	drop_if(t, own_directory, 1);
	return 0;
}

void
base_free(struct base *b)
{
	json_decref(b->sbom);
	*b = (struct base){NULL, {NULL, 0}};
}

static void
put_file(struct tree *t, const char *path, struct bytes data)
{
	struct inode *i = inode_new(S_IFREG | 0600, 0, 0);

	i->data = data;
	tree_put(t, path, i);
}

void
base_put(struct tree *t, struct bytes sbom, struct bytes ledger)
{
	tree_make_directory(t, directory, 0);
	tree_put(t, directory, inode_new(S_IFDIR | 0700, 0, 0));
	put_file(t, sbom_path, sbom);
	put_file(t, ledger_path, ledger);
}
