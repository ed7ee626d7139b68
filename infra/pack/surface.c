#include "surface.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "ledger.h"
#include "store.h"
#include "strbuf.h"
#include "tracker.h"

/* A file or link as the manifest or the ledger has it. */
struct found {
	const char *path, *type;
	double bytes;
	unsigned mode;
	int capable;
};

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "libc.so.6", "ld-linux-x86-64.so.2", "mod_x.so" */
static int
is_library(const char *path)
{
	const char *at = name_of(path);

	while ((at = strstr(at, ".so"))) {
		at += 3;
		if (*at == '\0' || *at == '.')
			return 1;
	}
	return 0;
}

static int
is_in_path(const char *path)
{
	return strstr(path, "/bin/") || strstr(path, "/sbin/");
}

/* A language's module may have the mode of a program, in Python's library many have. */
static int
is_module(const char *path)
{
	static const char *const ends[] = {".js", ".php", ".pl", ".pm", ".py", ".pyc", ".rb"};
	size_t n = strlen(path), k;

	for (k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
		if (n > strlen(ends[k]) && strcmp(path + n - strlen(ends[k]), ends[k]) == 0)
			return !is_in_path(path);
	return 0;
}

static int
is_shell(const char *path)
{
	static const char *const shells[] = {"ash", "bash", "busybox", "csh", "dash", "fish",
	    "hush", "ksh", "ksh93", "lksh", "mksh", "rbash", "rzsh", "sh", "tcsh", "yash",
	    "zsh"};
	size_t k;

	for (k = 0; k < sizeof(shells) / sizeof(shells[0]); k++)
		if (strcmp(name_of(path), shells[k]) == 0)
			return 1;
	return 0;
}

static void
count(struct surface *s, const struct found *f)
{
	int file = strcmp(f->type, "file") == 0, runs = file && (f->mode & 0111);

	if (strcmp(f->type, "dir") == 0)
		return;
	s->files++;
	s->bytes += f->bytes;
	s->programs += runs && !is_library(f->path) && !is_module(f->path);
	s->setuid += runs && ((f->mode & 06000) || f->capable);
	s->shells +=
	    (runs || strcmp(f->type, "link") == 0) && is_shell(f->path) && is_in_path(f->path);
}

struct counting {
	struct surfaces *s;
	const char *name;
	const struct manifest *manifest;
	const json_t *tracker;
	const char *release;
	json_t *changed;  /* path to the mode and capabilities before prep */
	json_t *packages; /* what was known of those that are gone */
};

/* Of a removed file's names the first alone has the bytes, and none where one is left. */
static double
removed_bytes(const struct counting *c, const json_t *line, const char *path)
{
	const char *other = json_string_value(json_object_get(line, "hardlink"));

	if (!json_object_get(line, "sha256") ||
	    (other && (strcmp(other, path) < 0 || manifest_find(c->manifest, other))))
		return 0;
	return (double)json_integer_value(json_object_get(line, "size"));
}

static int
take(json_t *line, void *arg)
{
	struct counting *c = arg;
	const char *action = json_string_value(json_object_get(line, "action"));
	const char *image = json_string_value(json_object_get(line, "image"));
	const char *path = json_string_value(json_object_get(line, "path"));
	const char *type = json_string_value(json_object_get(line, "type"));
	const char *mode = json_string_value(json_object_get(line, "mode"));
	struct found f = {path, type, 0, mode ? (unsigned)strtoul(mode, NULL, 8) : 0,
	    json_object_get(line, "capability") != NULL};

	if (!action || !image || strcmp(image, c->name) != 0 || !path)
		return 0;
	if (strcmp(action, "carve") == 0)
		c->s->carved = 1;
	else if (strcmp(action, "package") == 0)
		json_array_append(c->packages, line);
	else if (!type)
		return 0;
	else if (strcmp(action, "remove") == 0) {
		f.bytes = removed_bytes(c, line, path);
		count(&c->s->before, &f);
	} else if (strcmp(action, "mode") == 0 || strcmp(action, "cut") == 0 ||
		   strcmp(action, "edit") == 0)
		json_object_set(json_object_get(c->changed, action), path, line);
	return 0;
}

/* What is there now, as it was before its mode or its content were changed. */
static void
count_present(struct counting *c, const struct manifest_entry *e)
{
	struct found f = {e->path, e->type, (double)e->size / (double)e->nlink, e->mode,
	    strstr(e->xattrs, "security.capability") != NULL};
	static const char *const edits[] = {"cut", "edit"};
	const json_t *line;
	size_t k;

	count(&c->s->after, &f);
	line = json_object_get(json_object_get(c->changed, "mode"), e->path);
	if (line) {
		f.mode = (unsigned)strtoul(
		    json_string_value(json_object_get(line, "mode")), NULL, 8);
		f.capable = json_object_get(line, "capability") != NULL;
	}
	for (k = 0; k < 2; k++) {
		line = json_object_get(json_object_get(c->changed, edits[k]), e->path);
		if (line)
			f.bytes = (double)json_integer_value(json_object_get(line, "size")) /
				  (double)e->nlink;
	}
	count(&c->s->before, &f);
}

static int
is_distributions(const char *kind)
{
	return strcmp(kind, "deb") == 0 || strcmp(kind, "apk") == 0;
}

static void
add_open(const struct counting *c, json_t *open, const char *source, const char *version)
{
	json_t *some;

	if (!c->tracker || !source || !version)
		return;
	some = tracker_open(c->tracker, source, version, c->release ? c->release : "");
	json_object_update(open, some);
	json_decref(some);
}

static void
count_packages(struct counting *c, const json_t *sbom)
{
	json_t *parts = json_object_get(sbom, "components"), *part, *open = json_object();
	size_t i;

	json_array_foreach (parts, i, part) {
		const char *name = json_string_value(json_object_get(part, "name"));
		const char *origin = json_property(part, "whittle:origin");
		const char *version = json_property(part, "whittle:origin_version");

		if (!is_distributions(json_property(part, "whittle:kind")))
			continue;
		c->s->after.packages++;
		add_open(c, open, *origin ? origin : name,
		    *version ? version : json_string_value(json_object_get(part, "version")));
	}
	c->s->after.vulnerabilities = json_object_size(open);
	c->s->before.packages = c->s->after.packages + json_array_size(c->packages);
	json_array_foreach (c->packages, i, part)
		add_open(c, open, json_string_value(json_object_get(part, "origin")),
		    json_string_value(json_object_get(part, "version")));
	c->s->before.vulnerabilities = json_object_size(open);
	json_decref(open);
}

/* "Debian GNU/Linux 13 (trixie)" */
static char *
code_name(const json_t *sbom)
{
	json_t *parts = json_object_get(sbom, "components"), *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		const char *type = json_string_value(json_object_get(part, "type"));
		const char *about = json_string_value(json_object_get(part, "description"));
		const char *name = about ? strchr(about, '(') : NULL;

		if (name && type && strcmp(type, "operating-system") == 0)
			return xstrndup(name + 1, strcspn(name + 1, ")"));
	}
	return NULL;
}

int
surfaces_of(struct surfaces *s, const char *name, const struct manifest *m, const json_t *sbom,
    struct bytes ledger, const json_t *tracker)
{
	cleanup_free char *release = code_name(sbom);
	struct counting c = {s, name, m, tracker, release,
	    json_pack("{s:{}, s:{}, s:{}}", "mode", "cut", "edit"), json_array()};
	int status;
	size_t i;

	memset(s, 0, sizeof(*s));
	s->tracked = tracker != NULL;
	status = ledger_each(ledger, STORE_LEDGER, take, &c);
	for (i = 0; i < m->count && status == 0; i++)
		count_present(&c, &m->entry[i]);
	if (status == 0)
		count_packages(&c, sbom);
	json_decref(c.changed);
	json_decref(c.packages);
	return status;
}
