#include "apkdb.h"

#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "report.h"
#include "strbuf.h"

struct parsing {
	struct apkdb *db;
	struct apk_package *package; /* the one at hand; NULL between two */
	char *directory;
	const char *what;
	unsigned long line;
};

static int
refuse(const struct parsing *p, const char *why)
{
	report("%s:%lu: %s", p->what, p->line, why);
	return -1;
}

static void
set(char **field, const char *v, size_t n)
{
	free(*field);
	*field = xstrndup(v, n);
}

/* Words without their versions: "so:libc.so>=1 !other" is "so:libc.so"; a '!' is a
 * conflict, which nothing comes of. */
static void
set_words(char ***list, size_t *count, const char *v, size_t n)
{
	const char *end = v + n;
	size_t len, bare;

	for (; v < end; v += len + 1) {
		const char *blank = memchr(v, ' ', (size_t)(end - v));

		len = blank ? (size_t)(blank - v) : (size_t)(end - v);
		for (bare = 0; bare < len && !strchr("<>=~", v[bare]);)
			bare++;
		if (bare == 0 || *v == '!')
			continue;
		*list = xreallocarray(*list, *count + 1, sizeof(**list));
		(*list)[(*count)++] = xstrndup(v, bare);
	}
}

static struct apk_package *
add_package(struct apkdb *db)
{
	db->package = grow(db->package, db->packages);
	db->package[db->packages] = (struct apk_package){.name = NULL};
	return &db->package[db->packages++];
}

static void
add_file(struct parsing *p, const char *v, size_t n)
{
	struct apkdb *db = p->db;
	const char *directory = p->directory ? p->directory : "";
	struct strbuf path = STRBUF_INIT;

	db->file = grow(db->file, db->files);
	strbuf_puts(&path, directory);
	if (*directory)
		strbuf_putc(&path, '/');
	strbuf_add(&path, v, n);
	db->file[db->files++] = (struct apk_file){strbuf_steal(&path), db->packages - 1};
	p->package->files++;
}

static int
take_field(struct parsing *p, char letter, const char *v, size_t n)
{
	if (!p->package) {
		if (strchr("FRZaM", letter))
			return refuse(p, "a file before its package");
		p->package = add_package(p->db);
	}
	switch (letter) {
	case 'P':
		set(&p->package->name, v, n);
		break;
	case 'V':
		set(&p->package->version, v, n);
		break;
	case 'A':
		set(&p->package->arch, v, n);
		break;
	case 'T':
		set(&p->package->description, v, n);
		break;
	case 'U':
		set(&p->package->url, v, n);
		break;
	case 'L':
		set(&p->package->license, v, n);
		break;
	case 'o':
		set(&p->package->origin, v, n);
		break;
	case 'O': /* Debian's alone: dpkgdb_convert() */
		set(&p->package->origin_version, v, n);
		break;
	case 'c':
		set(&p->package->commit, v, n);
		break;
	case 'D':
		set_words(&p->package->depends, &p->package->depend_count, v, n);
		break;
	case 'p':
		set_words(&p->package->provides, &p->package->provide_count, v, n);
		break;
	case 'F':
		set(&p->directory, v, n);
		break;
	case 'R':
		add_file(p, v, n);
		break;
	}
	return 0;
}

/* An empty line, or the end. */
static int
end_package(struct parsing *p)
{
	struct apk_package *done = p->package;

	p->package = NULL;
	free(p->directory);
	p->directory = NULL;
	if (done && (!done->name || !*done->name || !done->version || !*done->version))
		return refuse(p, "a package without a name or a version");
	return 0;
}

static int
compare_files(const void *a, const void *b)
{
	const struct apk_file *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	/* Should two packages claim it, the later one wrote it. */
	return order ? order : x->package < y->package ? 1 : x->package > y->package ? -1 : 0;
}

int
apkdb_parse(struct apkdb *db, struct bytes text, const char *what)
{
	struct parsing p = {.db = db, .what = what};
	const char *s = (const char *)text.p, *end = s + text.n, *stop;
	int bad = 0;

	*db = (struct apkdb){NULL, 0, NULL, 0};
	for (; text.n && !bad && s < end; s = stop + 1) {
		size_t n;

		p.line++;
		stop = memchr(s, '\n', (size_t)(end - s));
		stop = stop ? stop : end;
		n = (size_t)(stop - s);
		if (n == 0)
			bad = end_package(&p);
		else if (n < 2 || s[1] != ':' || memchr(s, '\0', n))
			bad = refuse(&p, "not a field of apk's database");
		else
			bad = take_field(&p, s[0], s + 2, n - 2);
	}
	if (!bad)
		bad = end_package(&p);
	free(p.directory);
	if (db->files)
		qsort(db->file, db->files, sizeof(*db->file), compare_files);
	return bad;
}

static void
free_words(char **list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void
apkdb_free(struct apkdb *db)
{
	size_t i;

	for (i = 0; i < db->packages; i++) {
		struct apk_package *p = &db->package[i];

		free(p->name);
		free(p->version);
		free(p->arch);
		free(p->description);
		free(p->url);
		free(p->license);
		free(p->origin);
		free(p->origin_version);
		free(p->commit);
		free_words(p->depends, p->depend_count);
		free_words(p->provides, p->provide_count);
	}
	for (i = 0; i < db->files; i++)
		free(db->file[i].path);
	free(db->package);
	free(db->file);
	*db = (struct apkdb){NULL, 0, NULL, 0};
}

size_t
apkdb_owner(const struct apkdb *db, const char *path)
{
	size_t low = 0, high = db->files;

	/* The first of that path. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(db->file[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < db->files && strcmp(db->file[low].path, path) == 0)
		return db->file[low].package;
	return db->packages;
}

size_t
apkdb_provider(const struct apkdb *db, const char *what)
{
	size_t i, k;

	for (i = 0; i < db->packages; i++)
		if (strcmp(db->package[i].name, what) == 0)
			return i;
	for (i = 0; i < db->packages; i++)
		for (k = 0; k < db->package[i].provide_count; k++)
			if (strcmp(db->package[i].provides[k], what) == 0)
				return i;
	return *what == '/' ? apkdb_owner(db, what + 1) : db->packages;
}
