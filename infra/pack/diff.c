/* pack diff: what changed from one image to another, and the gate: what a new one may not
 * bring without somebody having said so. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "allow.h"
#include "cleanup.h"
#include "config.h"
#include "json.h"
#include "record.h"
#include "report.h"
#include "store.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

/* One image, as much of it as is compared. */
struct side {
	struct record record;
	struct manifest manifest;
	json_t *sbom;
	struct accounts passwd, group;
};

struct comparison {
	struct side old, new;
	struct allow allow;
	int findings_only;
	json_t *changes;  /* array of {kind, sign, name, was, is} */
	json_t *findings; /* array of {kind, name, text} */
};

/* A change: sign "+" came, "-" went, "~" became another. Texts may be NULL. */
static void
note_change(
    struct comparison *c, const char *kind, const char *name, const char *was, const char *is)
{
	json_t *j = json_pack("{s:s, s:s}", "kind", kind, "sign",
	    was && is ? "~"
	    : is      ? "+"
		      : "-");

	json_set_text(j, "name", name);
	if (was)
		json_object_set_new(j, "was", json_text(was));
	if (is)
		json_object_set_new(j, "is", json_text(is));
	json_array_append_new(c->changes, j);
}

static void
note_finding(struct comparison *c, enum finding kind, const char *name, const char *text)
{
	json_t *j;

	if (is_allowed(&c->allow, kind, name))
		return;
	j = json_pack("{s:s, s:s}", "kind", finding_word(kind), "text", text);
	json_set_text(j, "name", name);
	json_array_append_new(c->findings, j);
}

/* ---- files */

static char *
entry_words(const struct manifest_entry *e)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_printf(&b, "%s %04o %lu:%lu", e->type, e->mode, e->uid, e->gid);
	if (e->target)
		strbuf_printf(&b, " -> %s", e->target);
	if (*e->sha256)
		strbuf_printf(&b, " %llu bytes %.12s", e->size, e->sha256);
	if (*e->xattrs)
		strbuf_printf(&b, " %s", e->xattrs);
	return strbuf_steal(&b);
}

static int
is_privileged(const struct manifest_entry *e)
{
	return e && strcmp(e->type, "file") == 0 &&
	       ((e->mode & 06000) || strstr(e->xattrs, "security.capability="));
}

/* The same rights, of the same owner. */
static int
is_as_privileged(const struct manifest_entry *was, const struct manifest_entry *is)
{
	return is_privileged(was) && (was->mode & 06000) == (is->mode & 06000) &&
	       was->uid == is->uid && was->gid == is->gid &&
	       strcmp(was->xattrs, is->xattrs) == 0;
}

/* What a path leads to in the image, every link on its way followed; NULL where to nothing. */
static const struct manifest_entry *
follow(const struct manifest *m, const char *path)
{
	struct strbuf at = STRBUF_INIT, rest = STRBUF_INIT;
	const struct manifest_entry *e = manifest_find(m, "/");
	size_t len, done = 0, parent;
	int links = 0;

	strbuf_puts(&rest, path);
	while (e && done < rest.len) {
		const char *name = rest.s + done, *slash = at.len ? strrchr(at.s, '/') : NULL;

		len = strcspn(name, "/");
		done += len + (name[len] == '/');
		if (len == 0 || (len == 1 && *name == '.'))
			continue;
		if (len == 2 && name[0] == '.' && name[1] == '.') {
			strbuf_cut(&at, slash ? (size_t)(slash - at.s) : 0);
			e = manifest_find(m, at.len ? at.s : "/");
			continue;
		}
		parent = at.len;
		strbuf_putc(&at, '/');
		strbuf_add(&at, name, len);
		e = manifest_find(m, at.s);
		if (e && e->target && ++links > 40) {
			e = NULL;
		} else if (e && e->target) {
			struct strbuf on = STRBUF_INIT;

			strbuf_printf(&on, "%s/%s", e->target, rest.s + done);
			strbuf_cut(&at, *e->target == '/' ? 0 : parent);
			strbuf_free(&rest);
			rest = on;
			done = 0;
		}
	}
	strbuf_free(&at);
	strbuf_free(&rest);
	return e;
}

/* By a link, too: that is how applets come. */
static int
is_program(const struct manifest *m, const struct manifest_entry *e)
{
	if (e && e->target)
		e = follow(m, e->path);
	return e && strcmp(e->type, "file") == 0 && (e->mode & 0111);
}

static int
is_in_system_directory(const char *path)
{
	static const char *const directories[] = {
	    "/bin/", "/etc/", "/lib/", "/lib64/", "/sbin/", "/usr/", NULL};
	size_t i;

	for (i = 0; directories[i]; i++)
		if (strncmp(path, directories[i], strlen(directories[i])) == 0)
			return 1;
	return 0;
}

static void
judge_file(
    struct comparison *c, const struct manifest_entry *was, const struct manifest_entry *is)
{
	if (is_privileged(is) && !is_as_privileged(was, is))
		note_finding(
		    c, FINDING_SETUID, is->path, "runs with more rights than who starts it");
	if (is_in_system_directory(is->path) && is_program(&c->new.manifest, is) &&
	    !is_program(&c->old.manifest, was))
		note_finding(
		    c, FINDING_EXECUTABLE, is->path, "a new program in a system directory");
}

static void
compare_files(struct comparison *c)
{
	const struct manifest *old = &c->old.manifest, *new = &c->new.manifest;
	size_t i = 0, k = 0;

	while (i < old->count || k < new->count) {
		const struct manifest_entry *was = i < old->count ? &old->entry[i] : NULL;
		const struct manifest_entry *is = k < new->count ? &new->entry[k] : NULL;
		int order = !was ? 1 : !is ? -1 : strcmp(was->path, is->path);
		cleanup_free char *was_words = NULL, *is_words = NULL;

		if (order > 0)
			was = NULL;
		if (order < 0)
			is = NULL;
		i += was != NULL;
		k += is != NULL;
		was_words = was ? entry_words(was) : NULL;
		is_words = is ? entry_words(is) : NULL;
		if (!was || !is || strcmp(was_words, is_words) != 0)
			note_change(c, "file", was ? was->path : is->path, was_words, is_words);
		if (is)
			judge_file(c, was, is);
	}
}

/* ---- accounts */

static const struct account_line *
account_of(const struct accounts *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->line[i].fields && strcmp(a->line[i].field[0], name) == 0)
			return &a->line[i];
	return NULL;
}

static int
is_same_id(const struct account_line *a, const struct account_line *b)
{
	return a->fields > 2 && b->fields > 2 && strcmp(a->field[2], b->field[2]) == 0;
}

static void
compare_accounts(struct comparison *c, const char *kind, const struct accounts *old,
    const struct accounts *new)
{
	size_t i;

	for (i = 0; i < old->count; i++) {
		const struct account_line *was = &old->line[i], *is;

		if (!was->fields)
			continue;
		is = account_of(new, was->field[0]);
		if (!is || strcmp(was->text, is->text) != 0)
			note_change(c, kind, was->field[0], was->text, is ? is->text : NULL);
	}
	for (i = 0; i < new->count; i++) {
		const struct account_line *is = &new->line[i], *was;

		if (!is->fields)
			continue;
		was = account_of(old, is->field[0]);
		if (!was)
			note_change(c, kind, is->field[0], NULL, is->text);
		if (strcmp(kind, "account") == 0 && (!was || !is_same_id(was, is)))
			note_finding(c, FINDING_ACCOUNT, is->field[0],
			    was ? "has another user ID" : "a new account");
	}
}

/* ---- packages */

/* "apk/musl" of "apk/musl@1.2.5-r0": what a part is, in any version. */
static int
is_same_part(const char *ref, const char *other)
{
	size_t n = strcspn(ref, "@");

	return n == strcspn(other, "@") && memcmp(ref, other, n) == 0;
}

static const json_t *
part_in(const json_t *sbom, const char *ref)
{
	json_t *parts = json_object_get(sbom, "components"), *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		const char *got = json_string_value(json_object_get(part, "bom-ref"));

		if (got && is_same_part(got, ref))
			return part;
	}
	return NULL;
}

static const char *
version_of(const json_t *part)
{
	const char *version = json_string_value(json_object_get(part, "version"));

	return version ? version : "";
}

static void
compare_parts(struct comparison *c)
{
	json_t *old = json_object_get(c->old.sbom, "components"), *part;
	json_t *new = json_object_get(c->new.sbom, "components");
	const json_t *other;
	const char *ref;
	size_t i;

	json_array_foreach (old, i, part) {
		cleanup_free char *name = NULL;

		ref = json_string_value(json_object_get(part, "bom-ref"));
		if (!ref)
			continue;
		name = xstrndup(ref, strcspn(ref, "@"));
		other = part_in(c->new.sbom, ref);
		if (!other || strcmp(version_of(part), version_of(other)) != 0)
			note_change(c, "part", name, version_of(part),
			    other ? version_of(other) : NULL);
	}
	json_array_foreach (new, i, part) {
		cleanup_free char *name = NULL;

		ref = json_string_value(json_object_get(part, "bom-ref"));
		if (!ref || part_in(c->old.sbom, ref))
			continue;
		name = xstrndup(ref, strcspn(ref, "@"));
		note_change(c, "part", name, NULL, version_of(part));
	}
}

/* ---- config */

static void
compare_ports(struct comparison *c, const json_t *old, const json_t *new)
{
	json_t *unused;
	const char *port;

	json_object_foreach (json_object_get(new, "ExposedPorts"), port, unused)
		if (!json_object_get(json_object_get(old, "ExposedPorts"), port))
			note_finding(c, FINDING_PORT, port, "a port more to listen on");
}

static json_t *
without_own_labels(const json_t *inner)
{
	json_t *copy = json_deep_copy(inner), *labels = json_object_get(copy, "Labels"), *value;
	const char *key;
	void *next;

	json_object_foreach_safe(labels, next, key, value) if (strncmp(key, "whittle.", 8) == 0)
	    json_object_del(labels, key);
	if (labels && !json_object_size(labels))
		json_object_del(copy, "Labels");
	return copy;
}

static void
compare_config(struct comparison *c)
{
	json_t *old = without_own_labels(json_object_get(c->old.record.config, "config"));
	json_t *new = without_own_labels(json_object_get(c->new.record.config, "config"));
	json_t *value;
	const char *key;

	json_object_foreach (old, key, value) {
		json_t *is = json_object_get(new, key);
		cleanup_free char *was_text = json_canonical(value);
		cleanup_free char *is_text = is ? json_canonical(is) : NULL;

		if (!is || !json_equal(value, is))
			note_change(c, "config", key, was_text, is_text);
	}
	json_object_foreach (new, key, value)
		if (!json_object_get(old, key)) {
			cleanup_free char *is_text = json_canonical(value);

			note_change(c, "config", key, NULL, is_text);
		}
	compare_ports(c, old, new);
	json_decref(old);
	json_decref(new);
}

/* ---- the whole */

static int
read_accounts(const struct record *r, const char *file, struct accounts *a)
{
	cleanup_free char *path = record_path(r, file);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && accounts_read(fd, a) == 0)
		return 0;
	report("read '%s':", path);
	return -1;
}

static int
open_side(struct side *s, const char *image, const char *state)
{
	return record_open(&s->record, image, state) ||
	       record_manifest(&s->record, &s->manifest) ||
	       record_json(&s->record, STORE_CDX, LABEL_CDX, &s->sbom) ||
	       read_accounts(&s->record, STORE_PASSWD, &s->passwd) ||
	       read_accounts(&s->record, STORE_GROUP, &s->group);
}

static void
close_side(struct side *s)
{
	accounts_free(&s->passwd);
	accounts_free(&s->group);
	json_decref(s->sbom);
	manifest_free(&s->manifest);
	record_close(&s->record);
}

static void
print_list(const json_t *list, int findings)
{
	struct strbuf b = STRBUF_INIT;
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *kind = json_string_value(json_object_get(one, "kind"));
		const char *sign = json_string_value(json_object_get(one, "sign"));
		const char *was = json_string_value(json_object_get(one, "was"));
		const char *is = json_string_value(json_object_get(one, "is"));
		cleanup_free char *name = json_get_text(one, "name");

		strbuf_cut(&b, 0);
		if (findings) {
			strbuf_printf(&b, "finding: %s ", kind);
			strbuf_put_visible(&b, name, strlen(name));
			strbuf_printf(
			    &b, ": %s", json_string_value(json_object_get(one, "text")));
		} else {
			strbuf_printf(&b, "%s %s ", sign, kind);
			strbuf_put_visible(&b, name, strlen(name));
			if (was || is)
				strbuf_puts(&b, ": ");
			if (was)
				strbuf_put_visible(&b, was, strlen(was));
			if (was && is)
				strbuf_puts(&b, " => ");
			if (is)
				strbuf_put_visible(&b, is, strlen(is));
		}
		puts(b.s);
	}
	strbuf_free(&b);
}

static double
total_of(const struct manifest *m)
{
	double bytes = 0;
	size_t i;

	for (i = 0; i < m->count; i++)
		bytes += (double)m->entry[i].size / (double)m->entry[i].nlink;
	return bytes;
}

static void
print_json(const struct comparison *c)
{
	json_t *j = json_pack("{s:s, s:s, s:O, s:O, s:I, s:I}", "old", c->old.record.id, "new",
	    c->new.record.id, "changes", c->changes, "findings", c->findings, "old_bytes",
	    (json_int_t)(total_of(&c->old.manifest) + 0.5), "new_bytes",
	    (json_int_t)(total_of(&c->new.manifest) + 0.5));
	cleanup_free char *text = json_canonical(j);

	puts(text);
	json_decref(j);
}

static void
compare(struct comparison *c)
{
	compare_files(c);
	compare_accounts(c, "account", &c->old.passwd, &c->new.passwd);
	compare_accounts(c, "group", &c->old.group, &c->new.group);
	compare_parts(c);
	compare_config(c);
}

static int
answer(const struct comparison *c, int json)
{
	size_t findings = json_array_size(c->findings), changes = json_array_size(c->changes);
	double old = total_of(&c->old.manifest), new = total_of(&c->new.manifest);

	if (json) {
		print_json(c);
	} else {
		if (!c->findings_only) {
			print_list(c->changes, 0);
			if (changes)
				printf("%zu changes, %.0f => %.0f bytes (%+.0f)\n", changes,
				    old, new, new - old);
		}
		print_list(c->findings, 1);
	}
	return (c->findings_only ? findings : changes + findings) ? EXIT_NO : EXIT_YES;
}

static int
read_allow(struct comparison *c, const char *file)
{
	struct bytes text;
	int bad;

	if (!file)
		return 0;
	if (bytes_map(&text, file)) {
		report("open '%s':", file);
		return -1;
	}
	bad = allow_parse(&c->allow, text, file);
	bytes_unmap(&text);
	return bad;
}

int
verb_diff(int argc, char **argv)
{
	enum { STORE = 256, JSON, GATE, ALLOW };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"json", no_argument, NULL, JSON}, {"gate", no_argument, NULL, GATE},
	    {"allow", required_argument, NULL, ALLOW}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *state = NULL, *allow = NULL;
	cleanup_free char *live = NULL, *latest = NULL;
	struct comparison c = {.findings_only = 0};
	int opt, json = 0, status = EXIT_TROUBLE, n;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		switch (opt) {
		case STORE:
			state = optarg;
			break;
		case JSON:
			json = 1;
			break;
		case GATE:
			c.findings_only = 1;
			break;
		case ALLOW:
			allow = optarg;
			break;
		default:
			return verb_usage("diff", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
		}
	n = argc - optind;
	if (n != 1 && n != 2)
		return verb_usage("diff", EXIT_TROUBLE);
	c.changes = json_array();
	c.findings = json_array();
	/* One name: what is live against what would be. */
	live = n == 1 ? xasprintf("%s:live", argv[optind]) : xstrdup(argv[optind]);
	latest = n == 1 ? xasprintf("%s:latest", argv[optind]) : xstrdup(argv[optind + 1]);
	if (read_allow(&c, allow) == 0 && open_side(&c.old, live, state) == 0 &&
	    open_side(&c.new, latest, state) == 0) {
		compare(&c);
		status = answer(&c, json);
	}
	close_side(&c.old);
	close_side(&c.new);
	allow_free(&c.allow);
	json_decref(c.changes);
	json_decref(c.findings);
	return status;
}
