#include "parts.h"

#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apkdb.h"
#include "cleanup.h"
#include "dpkgdb.h"
#include "grow.h"
#include "inode.h"
#include "json.h"
#include "note.h"
#include "report.h"
#include "sources.h"
#include "strbuf.h"
#include "tree.h"

static const char *const kind_words[] = {"image", "system", "apk", "deb", "program", "source"};

const char *
part_kind_word(enum part_kind kind)
{
	return kind_words[kind];
}

enum part_kind
part_kind_of(const char *word)
{
	size_t i;

	for (i = 0; word && i < sizeof(kind_words) / sizeof(kind_words[0]); i++)
		if (strcmp(word, kind_words[i]) == 0)
			return (enum part_kind)i;
	return PART_IMAGE;
}

int
is_package(enum part_kind kind)
{
	return kind == PART_APK || kind == PART_DEB;
}

/* A path that the base's SBOM gives to a part. */
struct inherited {
	char *path;
	size_t part;
};

/* What is behind struct parts. */
struct paths {
	struct parts *parts;
	struct parts_from from;
	struct apkdb apk;            /* of apk, or of dpkg */
	struct strbuf dpkg;          /* dpkg's, in apk's form */
	enum part_kind kind;         /* of its packages */
	size_t apk_first;            /* index of the database's first package among the parts */
	struct inherited *inherited; /* sorted by path */
	size_t inherited_count;
};

static char *
copy_or_null(const char *s)
{
	return s && *s ? xstrdup(s) : NULL;
}

/* The part of that kind and name, made where there is none. */
static size_t
part_of(struct parts *p, enum part_kind kind, const char *name, const char *version)
{
	size_t i;
	struct part *part;

	for (i = 0; i < p->count; i++)
		if (p->part[i].kind == kind && strcmp(p->part[i].name, name) == 0 &&
		    (!version || strcmp(p->part[i].version, version) == 0))
			return i;
	p->part = grow(p->part, p->count);
	part = &p->part[p->count];
	*part = (struct part){
	    .kind = kind, .name = xstrdup(name), .version = xstrdup(version ? version : "")};
	part->ref = xasprintf(
	    "%s/%s%s%s", kind_words[kind], name, *part->version ? "@" : "", part->version);
	if (kind == PART_SOURCE)
		part->license = copy_or_null(source_license(name));
	return p->count++;
}

static void
add_use(struct parts *p, size_t user, size_t used)
{
	struct part *u = &p->part[user];
	size_t i;

	if (user == used)
		return;
	for (i = 0; i < u->use_count; i++)
		if (u->uses[i] == used)
			return;
	u->uses = grow(u->uses, u->use_count);
	u->uses[u->use_count++] = used;
}

/* A pinned source; without a pin its name has to do. */
static size_t
source_of(struct parts *p, const char *name, const char *version)
{
	const struct pin *pin = pins_find(p->pins, name, version);

	return part_of(p, PART_SOURCE, name, version ? version : pin ? pin->version : "");
}

static size_t
part_by_claim(struct parts *p, const struct claim *c)
{
	size_t part = source_of(p, c->name[0], NULL), i;

	for (i = 1; i < c->names; i++)
		add_use(p, part, source_of(p, c->name[i], NULL));
	return part;
}

/* "uses" is our own member: "libyaml@0.2.5 musl@1.2.3". */
static void
add_note_uses(struct parts *p, size_t part, const char *uses)
{
	cleanup_free char *copy = xstrdup(uses);
	char *at, *word, *mark;

	for (word = strtok_r(copy, " ", &at); word; word = strtok_r(NULL, " ", &at)) {
		if ((mark = strchr(word, '@')))
			*mark = '\0';
		add_use(p, part, source_of(p, word, mark ? mark + 1 : NULL));
	}
}

static size_t
part_by_note(struct parts *p, struct bytes file)
{
	json_t *note = note_read(file);
	const char *type = json_string_value(json_object_get(note, "type"));
	const char *name = json_string_value(json_object_get(note, "name"));
	const char *version = json_string_value(json_object_get(note, "version"));
	const char *uses = json_string_value(json_object_get(note, "uses"));
	size_t part = PART_NONE;

	if (type && name && *name) {
		part = part_of(p, strcmp(type, "whittle") == 0 ? PART_PROGRAM : PART_SOURCE,
		    name, version ? version : "");
		if (uses)
			add_note_uses(p, part, uses);
	}
	json_decref(note);
	return part;
}

/* The content of a file as it is, or else as it last was in any layer. */
static struct bytes
last_content(const struct tree *t, const char *path)
{
	const struct node *n = tree_resolve(t, path);
	const struct gone *g;

	if (n && S_ISREG(n->inode->mode))
		return n->inode->data;
	g = tree_gone(t, path);
	return g && S_ISREG(g->inode->mode) ? g->inode->data : (struct bytes){NULL, 0};
}

static struct bytes
content_for_dpkg(void *arg, const char *path)
{
	return last_content(arg, path);
}

/* Of what is merged below /usr the files' own lists don't know. */
static int
is_link_below_root(void *arg, const char *name)
{
	const struct node *n = tree_find(arg, name);

	return n && S_ISLNK(n->inode->mode);
}

/* The installed packages by dpkg's database, where there is one. */
static struct bytes
read_dpkg(struct paths *c)
{
	const struct dpkg_source from = {
	    content_for_dpkg, is_link_below_root, (void *)(uintptr_t)c->from.tree};

	dpkgdb_convert(&c->dpkg, last_content(c->from.tree, "var/lib/dpkg/status"), &from);
	return (struct bytes){(const unsigned char *)c->dpkg.s, c->dpkg.len};
}

static int
collect_packages(struct paths *c)
{
	static const char *const places[] = {
	    "lib/apk/db/installed", "usr/lib/apk/db/installed"};
	struct parts *p = c->parts;
	struct bytes text = {NULL, 0};
	size_t i, k;

	for (i = 0; i < 2 && !text.n; i++)
		text = last_content(c->from.tree, places[i]);
	c->kind = text.n ? PART_APK : PART_DEB;
	if (!text.n)
		text = read_dpkg(c);
	if (apkdb_parse(&c->apk, text, "the image's package database"))
		return -1;
	for (i = 0; i < c->apk.packages; i++) {
		const struct apk_package *a = &c->apk.package[i];
		size_t at = part_of(p, c->kind, a->name, a->version);
		struct part *part = &p->part[at];

		if (i == 0)
			c->apk_first = at;
		if (at != c->apk_first + i) {
			report("the image's package database has '%s' twice", a->name);
			return -1;
		}
		part->arch = copy_or_null(a->arch);
		part->description = copy_or_null(a->description);
		part->url = copy_or_null(a->url);
		part->license = copy_or_null(a->license);
		part->origin = copy_or_null(a->origin);
		part->origin_version = copy_or_null(a->origin_version);
		part->commit = copy_or_null(a->commit);
		part->without_files = a->files == 0;
	}
	for (i = 0; i < c->apk.packages; i++)
		for (k = 0; k < c->apk.package[i].depend_count; k++) {
			size_t on = apkdb_provider(&c->apk, c->apk.package[i].depends[k]);

			if (on < c->apk.packages)
				add_use(p, c->apk_first + i, c->apk_first + on);
		}
	return 0;
}

/* KEY=value or KEY="value" of os-release(5). */
static char *
release_value(struct bytes text, const char *key)
{
	size_t n = strlen(key);
	const char *s = (const char *)text.p, *end = s + text.n, *stop;

	for (; text.n && s < end; s = stop + 1) {
		stop = memchr(s, '\n', (size_t)(end - s));
		stop = stop ? stop : end;
		if ((size_t)(stop - s) <= n || memcmp(s, key, n) || s[n] != '=')
			continue;
		s += n + 1;
		if (stop - s >= 2 && *s == '"' && stop[-1] == '"')
			return xstrndup(s + 1, (size_t)(stop - s - 2));
		return xstrndup(s, (size_t)(stop - s));
	}
	return NULL;
}

static void
collect_system(struct paths *c)
{
	struct bytes text = last_content(c->from.tree, "etc/os-release");
	cleanup_free char *id = NULL, *version = NULL;
	size_t i;

	if (!text.n)
		text = last_content(c->from.tree, "usr/lib/os-release");
	id = release_value(text, "ID");
	version = release_value(text, "VERSION_ID");
	if (!id || !*id || !version || !*version)
		return;
	i = part_of(c->parts, PART_SYSTEM, id, version);
	c->parts->part[i].description = release_value(text, "PRETTY_NAME");
}

static const char *
license_of(const json_t *component)
{
	const json_t *one = json_array_get(json_object_get(component, "licenses"), 0);
	const char *expression = json_string_value(json_object_get(one, "expression"));

	return expression ? expression
			  : json_string_value(
				json_object_get(json_object_get(one, "license"), "name"));
}

static const char *
website_of(const json_t *component)
{
	json_t *list = json_object_get(component, "externalReferences"), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *type = json_string_value(json_object_get(one, "type"));

		if (type && strcmp(type, "website") == 0)
			return json_string_value(json_object_get(one, "url"));
	}
	return NULL;
}

static void
inherit_files(struct paths *c, const json_t *component, size_t part)
{
	json_t *list = json_object_get(component, "components"), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *path = json_string_value(json_object_get(one, "name"));

		if (!path || *path != '/')
			continue;
		c->inherited = grow(c->inherited, c->inherited_count);
		c->inherited[c->inherited_count++] =
		    (struct inherited){xstrdup(path + 1), part};
	}
}

static size_t
inherit_part(struct paths *c, const json_t *component)
{
	struct parts *p = c->parts;
	const char *name = json_string_value(json_object_get(component, "name"));
	const char *version = json_string_value(json_object_get(component, "version"));
	const char *kind = json_property(component, "whittle:kind");
	struct part *part;
	size_t at;

	if (!name || !*kind)
		return PART_NONE;
	/* Where the layers have apk's database, it knows better than the base did. */
	if (is_package(part_kind_of(kind)) && c->apk.packages)
		return PART_NONE;
	at = part_of(p, part_kind_of(kind), name, version ? version : "");
	part = &p->part[at];
	if (part->description || part->license || part->url)
		return at;
	part->arch = copy_or_null(json_property(component, "whittle:arch"));
	part->origin = copy_or_null(json_property(component, "whittle:origin"));
	part->origin_version = copy_or_null(json_property(component, "whittle:origin_version"));
	part->commit = copy_or_null(json_property(component, "whittle:commit"));
	part->description =
	    copy_or_null(json_string_value(json_object_get(component, "description")));
	part->license = copy_or_null(license_of(component));
	part->url = copy_or_null(website_of(component));
	part->without_files = json_array_size(json_object_get(component, "components")) == 0 &&
			      is_package(part->kind);
	return at;
}

static size_t
part_by_ref(const struct parts *p, const char *ref)
{
	size_t i;

	for (i = 0; ref && i < p->count; i++)
		if (strcmp(p->part[i].ref, ref) == 0)
			return i;
	return PART_NONE;
}

static void
inherit_uses(struct paths *c, const json_t *dependency)
{
	const char *ref = json_string_value(json_object_get(dependency, "ref"));
	size_t user = part_by_ref(c->parts, ref), i;
	json_t *list = json_object_get(dependency, "dependsOn"), *one;

	if (user == PART_NONE || c->parts->part[user].kind == PART_IMAGE ||
	    (is_package(c->parts->part[user].kind) && c->apk.packages))
		return;
	json_array_foreach (list, i, one) {
		size_t used = part_by_ref(c->parts, json_string_value(one));

		if (used != PART_NONE)
			add_use(c->parts, user, used);
	}
}

static int
compare_inherited(const void *a, const void *b)
{
	return strcmp(((const struct inherited *)a)->path, ((const struct inherited *)b)->path);
}

static void
inherit(struct paths *c)
{
	json_t *list, *one;
	size_t i;

	list = json_object_get(c->from.base, "components");
	json_array_foreach (list, i, one) {
		size_t part = inherit_part(c, one);

		if (part != PART_NONE)
			inherit_files(c, one, part);
	}
	list = json_object_get(c->from.base, "dependencies");
	json_array_foreach (list, i, one)
		inherit_uses(c, one);
	if (c->inherited_count)
		qsort(
		    c->inherited, c->inherited_count, sizeof(*c->inherited), compare_inherited);
}

static size_t
part_by_base(const struct paths *c, const char *path)
{
	struct inherited key = {.path = (char *)path}, *found;

	if (!c->inherited_count)
		return PART_NONE;
	found = bsearch(
	    &key, c->inherited, c->inherited_count, sizeof(*c->inherited), compare_inherited);
	return found ? found->part : PART_NONE;
}

size_t
parts_of_path(struct parts *p, const char *path)
{
	struct paths *c = p->paths;
	const struct claim *claim;

	if (c->apk.packages) {
		size_t package = apkdb_owner(&c->apk, path);

		if (package < c->apk.packages)
			return c->apk_first + package;
	}
	claim = claims_find(c->from.claims, path);
	return claim ? part_by_claim(p, claim) : part_by_base(c, path);
}

static size_t
owner_of(struct parts *p, const struct item *item)
{
	size_t owner = PART_NONE;

	if (S_ISREG(item->node->inode->mode))
		owner = part_by_note(p, item->node->inode->data);
	return owner == PART_NONE ? parts_of_path(p, item->path) : owner;
}

/* The item of a node, by its path. */
static size_t
index_of(const struct listing *l, const struct node *n)
{
	struct strbuf path = STRBUF_INIT;
	const struct item *item;

	node_path(n, &path);
	item = listing_find(l, path.s ? path.s : "");
	strbuf_free(&path);
	return item ? (size_t)(item - l->item) : PART_NONE;
}

/* BusyBox's names are links that no database knows: they go with what they lead to. */
static size_t
owner_of_target(const struct parts *p, const struct listing *l, const struct item *item)
{
	const struct node *n = tree_resolve(p->paths->from.tree, item->path);
	size_t i = n && !S_ISDIR(n->inode->mode) ? index_of(l, n) : PART_NONE;

	return i == PART_NONE ? PART_NONE : p->owner[i];
}

static void
assign_all(struct parts *p, const struct listing *l)
{
	size_t i;

	p->owner = xreallocarray(NULL, l->count, sizeof(size_t));
	for (i = 0; i < l->count; i++)
		p->owner[i] = S_ISDIR(l->item[i].node->inode->mode) ? PART_NONE
								    : owner_of(p, &l->item[i]);
	for (i = 0; i < l->count; i++)
		if (p->owner[i] == PART_NONE && S_ISLNK(l->item[i].node->inode->mode))
			p->owner[i] = owner_of_target(p, l, &l->item[i]);
	for (i = 0; i < l->count; i++) {
		if (S_ISDIR(l->item[i].node->inode->mode))
			continue;
		if (p->owner[i] == PART_NONE)
			p->owner[i] = 0;
		p->part[p->owner[i]].files++;
	}
}

/* A package whose every file is gone isn't in the image, and what only it used neither. */
static void
list_with_uses(struct parts *p, size_t i)
{
	size_t k;

	if (p->part[i].listed)
		return;
	p->part[i].listed = 1;
	for (k = 0; k < p->part[i].use_count; k++)
		if (p->part[p->part[i].uses[k]].kind == PART_SOURCE)
			list_with_uses(p, p->part[i].uses[k]);
}

void
parts_assign(struct parts *p, const struct listing *l)
{
	size_t i;

	assign_all(p, l);
	for (i = 0; i < p->count; i++)
		if (i == 0 || p->part[i].files || p->part[i].without_files ||
		    p->part[i].kind == PART_SYSTEM)
			list_with_uses(p, i);
}

int
parts_open(struct parts *p, const struct parts_from *from)
{
	*p = (struct parts){.pins = from->pins, .paths = xcalloc(1, sizeof(struct paths))};
	p->paths->parts = p;
	p->paths->from = *from;
	part_of(p, PART_IMAGE, from->name, "");
	if (collect_packages(p->paths))
		return -1;
	inherit(p->paths);
	collect_system(p->paths);
	return 0;
}

static void
paths_free(struct paths *c)
{
	size_t i;

	if (!c)
		return;
	apkdb_free(&c->apk);
	strbuf_free(&c->dpkg);
	for (i = 0; i < c->inherited_count; i++)
		free(c->inherited[i].path);
	free(c->inherited);
	free(c);
}

void
parts_free(struct parts *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		struct part *part = &p->part[i];

		free(part->name);
		free(part->version);
		free(part->arch);
		free(part->description);
		free(part->url);
		free(part->license);
		free(part->origin);
		free(part->origin_version);
		free(part->commit);
		free(part->ref);
		free(part->uses);
	}
	free(p->part);
	free(p->owner);
	paths_free(p->paths);
	*p = (struct parts){.part = NULL};
}

/* What a purl lets stand: RFC 3986's unreserved characters, and ':' . */
static void
put_percent(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
		    (ch >= '0' && ch <= '9') || strchr("-._~:", ch))
			strbuf_putc(b, (char)ch);
		else
			strbuf_printf(b, "%%%02X", ch);
	}
}

static const struct part *
system_of(const struct parts *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (p->part[i].kind == PART_SYSTEM)
			return &p->part[i];
	return NULL;
}

static void
put_apk_qualifiers(struct strbuf *b, const struct parts *p, const struct part *part)
{
	const struct part *system = system_of(p);
	char mark = '?';

	if (part->arch) {
		strbuf_puts(b, "?arch=");
		put_percent(b, part->arch);
		mark = '&';
	}
	if (system) {
		strbuf_printf(b, "%cdistro=", mark);
		put_percent(b, system->name);
		strbuf_putc(b, '-');
		put_percent(b, system->version);
	}
}

static void
put_source_qualifiers(struct strbuf *b, const struct parts *p, const struct part *part)
{
	const struct pin *pin = pins_find(p->pins, part->name, part->version);
	size_t i;

	if (!pin)
		return;
	/* The line with an address says where anybody can get it. */
	for (i = 0; i < p->pins->count; i++) {
		const struct pin *other = &p->pins->pin[i];

		if (strcmp(other->name, pin->name) == 0 &&
		    strcmp(other->version, pin->version) == 0 &&
		    strncmp(other->origin, "http", 4) == 0) {
			pin = other;
			break;
		}
	}
	strbuf_printf(b, "?checksum=sha256:%s", pin->sha256);
	if (strncmp(pin->origin, "http", 4) == 0) {
		strbuf_puts(b, "&download_url=");
		put_percent(b, pin->origin);
	}
}

char *
part_purl(const struct parts *p, const struct part *part)
{
	const struct part *system = system_of(p);
	struct strbuf b = STRBUF_INIT;

	switch (part->kind) {
	case PART_APK:
		strbuf_puts(&b, "pkg:apk/");
		put_percent(&b, system ? system->name : "alpine");
		strbuf_putc(&b, '/');
		break;
	case PART_DEB:
		strbuf_puts(&b, "pkg:deb/");
		put_percent(&b, system ? system->name : "debian");
		strbuf_putc(&b, '/');
		break;
	case PART_PROGRAM:
		strbuf_puts(&b, "pkg:generic/whittle/");
		break;
	case PART_SOURCE:
		strbuf_puts(&b, "pkg:generic/");
		break;
	case PART_IMAGE:
	case PART_SYSTEM:
		return xstrdup("");
	}
	put_percent(&b, part->name);
	if (*part->version) {
		strbuf_putc(&b, '@');
		put_percent(&b, part->version);
	}
	if (is_package(part->kind))
		put_apk_qualifiers(&b, p, part);
	else if (part->kind == PART_SOURCE)
		put_source_qualifiers(&b, p, part);
	return strbuf_steal(&b);
}

char *
part_cpe(const struct part *part)
{
	const char *product = part->kind == PART_SOURCE ? source_cpe(part->name) : NULL;

	if (!product || !*part->version)
		return xstrdup("");
	return xasprintf("cpe:2.3:a:%s:%s:*:*:*:*:*:*:*", product, part->version);
}

/* SPDX specification 2.3, annex D, as far as it goes without the list of identifiers. */
int
is_license_expression(const char *text)
{
	int want_name = 1, depth = 0, with = 0;
	size_t len;

	for (; *text; text += len) {
		len = strspn(text, " ");
		if (len)
			continue;
		len = 1;
		if (*text == '(') {
			if (!want_name || with)
				return 0;
			depth++;
		} else if (*text == ')') {
			if (want_name || depth-- == 0)
				return 0;
		} else {
			len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY"
					   "Z0123456789.-+:");
			if (len == 0)
				return 0;
			if (want_name) {
				want_name = with = 0;
			} else if ((len == 3 && !memcmp(text, "AND", 3)) ||
				   (len == 2 && !memcmp(text, "OR", 2))) {
				want_name = 1;
			} else if (len == 4 && !memcmp(text, "WITH", 4)) {
				want_name = with = 1;
			} else {
				return 0;
			}
		}
	}
	return !want_name && depth == 0;
}
