#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "strbuf.h"

/* Who owns the ids that root's podman run --userns=auto takes from, containers-storage.conf(5).
 */
static const char auto_owner[] = "containers";

static int refuse(struct strbuf *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
refuse(struct strbuf *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(why, fmt, ap);
	va_end(ap);
	return -1;
}

/* --- the files --- */

static int
read_accounts(int rootfd, const char *path, struct accounts *a, struct strbuf *why)
{
	cleanup_fd int fd = open_in_root(rootfd, path, O_RDONLY, 0);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || accounts_read(fd, a))
		return refuse(why, "read '/%s': %s", path, strerror(errno));
	return 0;
}

struct first_bad {
	const char *path;
	struct strbuf *why;
	bool told;
};

static void
tell_first(size_t line, const char *what, void *arg)
{
	struct first_bad *b = arg;

	if (!b->told)
		refuse(b->why, "/%s:%zu: %s", b->path, line, what);
	b->told = true;
}

static int
read_subids(int rootfd, const char *path, struct subids *s, struct strbuf *why)
{
	struct first_bad first = {path, why, false};
	cleanup_fd int fd = open_in_root(rootfd, path, O_RDONLY, 0);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || subids_read(s, fd, tell_first, &first) < 0)
		return refuse(why, "read '/%s': %s", path, strerror(errno));
	return first.told ? -1 : 0;
}

int
userns_files_read(struct userns_files *f, int rootfd, struct strbuf *why)
{
	memset(f, 0, sizeof(*f));
	if (read_accounts(rootfd, "etc/passwd", &f->passwd, why) ||
	    read_accounts(rootfd, "etc/group", &f->group, why) ||
	    read_subids(rootfd, "etc/subuid", &f->subuid, why) ||
	    read_subids(rootfd, "etc/subgid", &f->subgid, why))
		return -1;
	return 0;
}

void
userns_files_free(struct userns_files *f)
{
	accounts_free(&f->passwd);
	accounts_free(&f->group);
	subids_free(&f->subuid);
	subids_free(&f->subgid);
}

/* --- users and their ranges --- */

struct owner {
	const char *name; /* NULL where passwd has none for the number */
	char number[16];
	uid_t uid, gid;
	bool known; /* uid and gid are set */
};

static const struct account_line *
passwd_line(const struct accounts *passwd, const char *name, uid_t uid)
{
	uid_t got;
	size_t i;

	for (i = 0; i < passwd->count; i++) {
		const struct account_line *l = &passwd->line[i];

		if (l->fields > 3 && account_id(l->field[2], &got) == 0 &&
		    (name ? strcmp(l->field[0], name) == 0 : got == uid))
			return l;
	}
	return NULL;
}

/* user is looked up as a name first, as the engines do. */
static void
find_owner(const struct userns_files *f, const char *user, struct owner *o)
{
	const struct account_line *l = passwd_line(&f->passwd, user, 0);
	uid_t uid;

	memset(o, 0, sizeof(*o));
	o->name = user;
	if (!l && account_id(user, &uid) == 0) {
		l = passwd_line(&f->passwd, NULL, uid);
		o->name = l ? l->field[0] : NULL;
		o->uid = o->gid = uid;
		o->known = true;
	}
	if (l && account_id(l->field[2], &o->uid) == 0 && account_id(l->field[3], &o->gid) == 0)
		o->known = true;
	if (o->known) {
		struct strbuf b = STRBUF_INIT;

		strbuf_printf(&b, "%u", (unsigned)o->uid);
		strcpy(o->number, b.s);
		strbuf_free(&b);
	}
}

static bool
owns(const struct owner *o, const struct subid *e, bool by_name, bool by_number)
{
	return (by_name && o->name && strcmp(e->owner, o->name) == 0) ||
	       (by_number && o->known && strcmp(e->owner, o->number) == 0);
}

static int
by_first(const void *a, const void *b)
{
	const struct subid *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* The entries of an owner, as shallow copies; free(3) them. */
static struct subid *
entries_of(
    const struct subids *s, const struct owner *o, bool by_name, bool by_number, size_t *n)
{
	struct subid *got = xreallocarray(NULL, s->count + 1, sizeof(*got));
	size_t i;

	*n = 0;
	for (i = 0; i < s->count; i++)
		if (owns(o, &s->entry[i], by_name, by_number))
			got[(*n)++] = s->entry[i];
	return got;
}

/* Puts entries one after the other, the first at inside. */
static int
line_up(struct id_map *m, uint32_t inside, const struct subid *e, size_t n, const char *file,
    struct strbuf *why)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (id_map_add(m, inside, e[i].first, e[i].count))
			return refuse(why,
			    "/etc/%s:%zu: the range overlaps another of its owner's", file,
			    e[i].line);
		inside += e[i].count;
	}
	return 0;
}

/* podman's order: by name and by number alike, the lowest range first. */
static int
line_up_sorted(struct id_map *m, uint32_t inside, const struct subids *s, const struct owner *o,
    const char *file, struct strbuf *why)
{
	size_t n;
	cleanup_free struct subid *e = entries_of(s, o, true, true, &n);

	qsort(e, n, sizeof(*e), by_first);
	return line_up(m, inside, e, n, file, why);
}

int
userns_subids(
    struct idmap *m, const struct userns_files *f, const char *user, struct strbuf *why)
{
	struct owner o;

	find_owner(f, user, &o);
	if (line_up_sorted(&m->uid, 0, &f->subuid, &o, "subuid", why) ||
	    line_up_sorted(&m->gid, 0, &f->subgid, &o, "subgid", why))
		return -1;
	if (!m->uid.count || !m->gid.count)
		return refuse(why, "'%s' has no range in /etc/%s: idmap setup gives one", user,
		    m->uid.count ? "subgid" : "subuid");
	return 0;
}

int
userns_rootless(
    struct idmap *m, const struct userns_files *f, const char *user, struct strbuf *why)
{
	struct owner o;

	find_owner(f, user, &o);
	if (!o.known)
		return refuse(why, "no user '%s' in /etc/passwd", user);
	id_map_add(&m->uid, 0, o.uid, 1);
	id_map_add(&m->gid, 0, o.gid, 1);
	if (line_up_sorted(&m->uid, 1, &f->subuid, &o, "subuid", why) ||
	    line_up_sorted(&m->gid, 1, &f->subgid, &o, "subgid", why))
		return -1;
	return 0;
}

/* --- docker --- */

/* docker's order: the file's; entries by name count only where none is by number. */
static int
line_up_docker(struct id_map *m, const struct subids *s, const struct owner *o,
    const char *file, struct strbuf *why)
{
	size_t n;
	cleanup_free struct subid *e = entries_of(s, o, false, true, &n);

	if (!n) {
		free(e);
		e = entries_of(s, o, true, false, &n);
	}
	if (!n)
		return refuse(why, "'%s' has no range in /etc/%s: idmap setup docker gives one",
		    o->name ? o->name : o->number, file);
	return line_up(m, 0, e, n, file, why);
}

int
userns_docker(
    struct idmap *m, const struct userns_files *f, const char *setting, struct strbuf *why)
{
	cleanup_free char *user = xstrndup(setting, strcspn(setting, ":"));
	struct owner o;

	if (*user == '\0')
		return refuse(why, "userns-remap '%s': no user", setting);
	find_owner(f, strcmp(user, "default") == 0 ? "dockremap" : user, &o);
	if (line_up_docker(&m->uid, &f->subuid, &o, "subuid", why) ||
	    line_up_docker(&m->gid, &f->subgid, &o, "subgid", why))
		return -1;
	return 0;
}

/* The UID.GID that a path ends in. */
static bool
root_ids(const char *path, uid_t *uid, uid_t *gid)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *last = xstrdup(slash ? slash + 1 : path);
	char *dot = strchr(last, '.');

	if (!dot)
		return false;
	*dot = '\0';
	return account_id(last, uid) == 0 && account_id(dot + 1, gid) == 0;
}

int
userns_docker_running(
    struct idmap *m, const struct userns_files *f, const char *root_dir, struct strbuf *why)
{
	uid_t uid, gid;
	size_t i;

	if (!root_ids(root_dir, &uid, &gid)) {
		idmap_identity(m);
		return 0;
	}
	for (i = 0; i < f->subuid.count; i++) {
		struct strbuf ignored = STRBUF_INIT;
		int got = userns_docker(m, f, f->subuid.entry[i].owner, &ignored);

		strbuf_free(&ignored);
		if (got == 0 && m->uid.range[0].outside == uid &&
		    m->gid.range[0].outside == gid)
			return 0;
		idmap_free(m);
	}
	return refuse(why,
	    "docker maps root to %u:%u, but nobody in /etc/subuid and subgid has "
	    "ranges that begin so",
	    (unsigned)uid, (unsigned)gid);
}

/* --- podman --- */

/* KEY=VALUE pairs after "MODE:", with ',' between them; a value may hold ':'. */
struct option {
	char *key, *value;
};

struct options {
	char *text;
	struct option option[16];
	size_t count;
};

static int
cut_options(struct options *o, const char *text, struct strbuf *why)
{
	char *p, *save = NULL;

	memset(o, 0, sizeof(*o));
	o->text = xstrdup(text);
	for (p = strtok_r(o->text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		char *equals = strchr(p, '=');

		if (!equals || o->count == sizeof(o->option) / sizeof(o->option[0]))
			return refuse(why, "userns option '%s': want KEY=VALUE", p);
		*equals = '\0';
		o->option[o->count++] = (struct option){p, equals + 1};
	}
	return 0;
}

/* One value of --uidmap: C:F[:N], F with an @ before it is an id of the host. */
static int
add_podman_range(
    struct id_map *m, const struct id_map *own, const char *text, struct strbuf *why)
{
	struct id_map inner = {NULL, 0};
	cleanup_free char *copy = xstrdup(text);
	char *from = strchr(copy, ':'), *count;
	uid_t v[3] = {0, 0, 1};
	bool of_host;
	int got;

	if (!from)
		return refuse(why, "range '%s': want INSIDE:FROM:COUNT", text);
	*from++ = '\0';
	of_host = *from == '@';
	from += of_host;
	count = strchr(from, ':');
	if (count)
		*count++ = '\0';
	if (account_id(copy, &v[0]) || account_id(from, &v[1]) ||
	    (count && account_id(count, &v[2])))
		return refuse(why, "range '%s': want INSIDE:FROM:COUNT", text);
	if (of_host || !own)
		got = id_map_add(m, v[0], v[1], v[2]);
	else if ((got = id_map_add(&inner, v[0], v[1], v[2])) == 0)
		got = id_map_through(&inner, own, m);
	free(inner.range);
	if (got && errno == ENOENT)
		return refuse(why, "range '%s': the user hasn't that many ids", text);
	if (got)
		return refuse(why, "range '%s': empty, too long, or overlaps another", text);
	return 0;
}

static int
add_podman_ranges(
    struct id_map *m, const struct id_map *own, const char *const *list, struct strbuf *why)
{
	for (; list && *list; list++)
		if (add_podman_range(m, own, *list, why))
			return -1;
	return 0;
}

static int
podman_uidmap(
    struct idmap *m, const struct idmap *own, const struct userns_podman *p, struct strbuf *why)
{
	bool uid = p->uidmap && *p->uidmap, gid = p->gidmap && *p->gidmap;

	/* Where only one of the two is given, it holds for both. */
	if (add_podman_ranges(
		&m->uid, own ? &own->uid : NULL, uid ? p->uidmap : p->gidmap, why) ||
	    add_podman_ranges(
		&m->gid, own ? &own->gid : NULL, gid ? p->gidmap : p->uidmap, why))
		return -1;
	return 0;
}

/* keep-id: the user's own id is inner on both sides, what was below it moves up by one. */
static int
keep_id(struct id_map *m, const struct id_map *own, uint32_t id)
{
	uint64_t ids = id_map_size(own) - 1; /* without the user's own */
	uint32_t below = id < ids ? id : (uint32_t)ids;
	struct id_map inner = {NULL, 0};
	int got = 0;

	if (below)
		got = id_map_add(&inner, 0, 1, below);
	if (!got)
		got = id_map_add(&inner, id, 0, 1);
	if (!got && ids > id)
		got = id_map_add(&inner, id + 1, id + 1, (uint32_t)ids - id);
	if (!got)
		got = id_map_through(&inner, own, m);
	free(inner.range);
	return got;
}

static int
podman_keep_id(struct idmap *m, const struct idmap *own, const char *text, struct strbuf *why)
{
	uid_t uid = own->uid.range[0].outside, gid = own->gid.range[0].outside;
	struct options o;
	int bad = cut_options(&o, text, why);
	size_t i;

	for (i = 0; i < o.count && !bad; i++) {
		const struct option *k = &o.option[i];
		uid_t *which = strcmp(k->key, "uid") == 0   ? &uid
			       : strcmp(k->key, "gid") == 0 ? &gid
							    : NULL;

		if (!which || account_id(k->value, which))
			bad = refuse(
			    why, "keep-id: '%s=%s': want uid=N or gid=N", k->key, k->value);
	}
	free(o.text);
	if (bad)
		return -1;
	if (keep_id(&m->uid, &own->uid, uid) || keep_id(&m->gid, &own->gid, gid))
		return refuse(why, "keep-id: no map can be made with %u:%u", (unsigned)uid,
		    (unsigned)gid);
	return 0;
}

/* nomap: the ranges alone, without the user's own id. */
static int
nomap(struct id_map *m, const struct id_map *own)
{
	uint64_t ids = id_map_size(own) - 1;
	struct id_map inner = {NULL, 0};
	int got = id_map_add(&inner, 0, 1, (uint32_t)ids);

	if (!got)
		got = id_map_through(&inner, own, m);
	free(inner.range);
	return got;
}

/* Maps whose ids on one side are not to be used. */
struct taken {
	const struct id_map **map;
	size_t count;
	bool inside; /* that side; else outside */
};

/* The next run of ids from *id on, before end, that aren't taken: its length, 0 for none. */
static uint32_t
next_free(const struct taken *t, uint64_t *id, uint64_t end)
{
	uint64_t stop = end;
	size_t i, j;

again:
	for (i = 0; i < t->count; i++) {
		for (j = 0; j < t->map[i]->count; j++) {
			const struct id_range *r = &t->map[i]->range[j];
			uint64_t first = t->inside ? r->inside : r->outside;

			if (*id >= first && *id < first + r->count) {
				*id = first + r->count;
				goto again;
			}
		}
	}
	for (i = 0; i < t->count; i++) {
		for (j = 0; j < t->map[i]->count; j++) {
			const struct id_range *r = &t->map[i]->range[j];
			uint64_t first = t->inside ? r->inside : r->outside;

			if (first > *id && first < stop)
				stop = first;
		}
	}
	return *id < stop ? (uint32_t)(stop - *id) : 0;
}

/*
 * auto: the first ids of the pool that no container has, in as many pieces as it takes,
 * to the ids below size that weren't mapped by hand. m holds the latter.
 */
static int
take_free(struct id_map *m, const struct id_map *pool, const struct userns_podman *p, bool gid,
    uint32_t size)
{
	struct id_map given = {xreallocarray(NULL, m->count + 1, sizeof(*m->range)), m->count};
	const struct id_map *given_list[] = {&given};
	cleanup_free const struct id_map **used =
	    xreallocarray(NULL, p->taken_count + 1, sizeof(*used));
	struct taken hands = {given_list, 1, true}, outside = {used, p->taken_count + 1, false};
	uint64_t in = 0, id;
	uint32_t wanted, n;
	size_t i;
	int got = 0;

	if (m->count)
		memcpy(given.range, m->range, m->count * sizeof(*m->range));
	used[0] = &given;
	for (i = 0; i < p->taken_count; i++)
		used[i + 1] = gid ? &p->taken[i].gid : &p->taken[i].uid;
	for (i = 0; i < pool->count && !got; i++) {
		uint64_t end = (uint64_t)pool->range[i].outside + pool->range[i].count;

		for (id = pool->range[i].outside; !got; id += n, in += n) {
			n = next_free(&outside, &id, end);
			wanted = next_free(&hands, &in, size);
			if (!n || !wanted)
				break;
			n = n < wanted ? n : wanted;
			got = id_map_add(m, (uint32_t)in, (uint32_t)id, n);
		}
	}
	if (!got && next_free(&hands, &in, size))
		got = -1;
	free(given.range);
	return got;
}

struct auto_request {
	uint32_t size;
	struct idmap given;
};

static int
read_auto(struct auto_request *r, const char *text, const struct idmap *own, struct strbuf *why)
{
	struct options o;
	int bad = cut_options(&o, text, why);
	size_t i;

	for (i = 0; i < o.count && !bad; i++) {
		const struct option *k = &o.option[i];

		if (strcmp(k->key, "size") == 0)
			bad = account_id(k->value, &r->size) || r->size == 0
				  ? refuse(why, "auto: '%s' is no size", k->value)
				  : 0;
		else if (strcmp(k->key, "uidmapping") == 0)
			bad = add_podman_range(
			    &r->given.uid, own ? &own->uid : NULL, k->value, why);
		else if (strcmp(k->key, "gidmapping") == 0)
			bad = add_podman_range(
			    &r->given.gid, own ? &own->gid : NULL, k->value, why);
		else
			bad = refuse(why, "auto: unknown option '%s'", k->key);
	}
	free(o.text);
	if (!bad && !r->size)
		bad = refuse(why, "podman takes the size of an auto map from the image: say "
				  "auto:size=N, or create the container and ask for its map");
	return bad;
}

static int
podman_auto(struct idmap *m, const struct userns_files *f, const struct idmap *own,
    const struct userns_podman *p, const char *text, struct strbuf *why)
{
	struct auto_request r = {0, IDMAP_INIT};
	struct idmap pool = IDMAP_INIT;
	int bad = read_auto(&r, text, own, why);

	if (!bad)
		bad = userns_subids(&pool, f, p->user ? p->user : auto_owner, why);
	if (!bad) {
		*m = r.given;
		r.given = (struct idmap)IDMAP_INIT;
		if (take_free(&m->uid, &pool.uid, p, false, r.size) ||
		    take_free(&m->gid, &pool.gid, p, true, r.size))
			bad = refuse(why, "auto: no %u ids of '%s' are free", r.size,
			    p->user ? p->user : auto_owner);
	}
	idmap_free(&pool);
	idmap_free(&r.given);
	return bad;
}

/* What stands after "MODE:" or "MODE" alone; NULL where text is another mode. */
static const char *
mode_is(const char *text, const char *mode)
{
	size_t n = strlen(mode);

	if (strncmp(text, mode, n) != 0 || (text[n] && text[n] != ':'))
		return NULL;
	return text[n] ? text + n + 1 : text + n;
}

static int
podman_mode(struct idmap *m, const struct userns_files *f, const struct idmap *own,
    const struct userns_podman *p, struct strbuf *why)
{
	const char *mode = p->userns ? p->userns : "";
	const char *rest;

	if (*mode == '\0' || mode_is(mode, "host")) {
		if (p->user)
			return userns_rootless(m, f, p->user, why);
		idmap_identity(m);
		return 0;
	}
	if (mode_is(mode, "private"))
		return refuse(why, "userns 'private' needs a map of its own: give uidmap");
	if ((rest = mode_is(mode, "auto")))
		return podman_auto(m, f, own, p, rest, why);
	if (!mode_is(mode, "keep-id") && !mode_is(mode, "nomap"))
		return refuse(
		    why, "userns '%s': ask the container or process that it names", mode);
	if (!own)
		return refuse(why, "userns '%s' is for rootless podman: which user?", mode);
	if (!own->uid.count || id_map_size(&own->uid) < 2 || id_map_size(&own->gid) < 2)
		return refuse(why, "userns '%s': '%s' has no ranges in /etc/subuid and subgid",
		    mode, p->user);
	if ((rest = mode_is(mode, "keep-id")))
		return podman_keep_id(m, own, rest, why);
	if (nomap(&m->uid, &own->uid) || nomap(&m->gid, &own->gid))
		return refuse(why, "userns 'nomap': too many ranges");
	return 0;
}

int
userns_podman(struct idmap *m, const struct userns_files *f, const struct userns_podman *p,
    struct strbuf *why)
{
	struct idmap own = IDMAP_INIT;
	bool by_map = (p->uidmap && *p->uidmap) || (p->gidmap && *p->gidmap);
	int bad = 0;

	if (by_map && p->userns && *p->userns && strcmp(p->userns, "private") != 0)
		return refuse(why, "podman takes --userns or --uidmap, not both");
	if (p->user)
		bad = userns_rootless(&own, f, p->user, why);
	if (!bad)
		bad = by_map ? podman_uidmap(m, p->user ? &own : NULL, p, why)
			     : podman_mode(m, f, p->user ? &own : NULL, p, why);
	idmap_free(&own);
	return bad;
}

/* The strings of the list that stands behind key in podman's JSON, which holds digits and
 * colons only. */
static int
inspected_ranges(struct id_map *m, const struct id_map *own, const char *json, const char *key,
    struct strbuf *why)
{
	const char *list = strstr(json, key);
	cleanup_free char *copy = NULL;
	char *p, *save = NULL;

	if (list)
		list += strlen(key);
	if (list && *(list += strspn(list, ": \n\t")) == '[') {
		copy = xstrndup(list, strcspn(list, "]"));
		for (p = strtok_r(copy, "[\", \n\t", &save); p;
		     p = strtok_r(NULL, "\", \n\t", &save))
			if (add_podman_range(m, own, p, why))
				return -1;
	}
	return 0;
}

int
userns_inspected(struct idmap *m, const struct userns_files *f, const char *user,
    const char *json, struct strbuf *why)
{
	struct idmap own = IDMAP_INIT;
	struct userns_podman plain = {.user = user};
	int bad = 0;

	if (user)
		bad = userns_rootless(&own, f, user, why);
	if (!bad)
		bad =
		    inspected_ranges(&m->uid, user ? &own.uid : NULL, json, "\"UidMap\"", why);
	if (!bad)
		bad =
		    inspected_ranges(&m->gid, user ? &own.gid : NULL, json, "\"GidMap\"", why);
	if (!bad && !m->uid.count && !m->gid.count)
		bad = userns_podman(m, f, &plain, why);
	idmap_free(&own);
	return bad;
}
