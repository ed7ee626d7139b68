#include "import_compose.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "strbuf.h"
#include "yaml_json.h"

struct composition {
	struct import *im;
	const char *file;
	struct pairs variables; /* of .env */
	struct words missing;   /* those that are nowhere, each said once */
};

/* ---- variables ---- */

static const char *
value_of(const struct composition *c, const char *name)
{
	const char *set = getenv(name), *got = NULL;

	for (size_t i = 0; i < c->variables.n; i++)
		if (c->variables.v[i].value && strcmp(c->variables.v[i].key, name) == 0)
			got = c->variables.v[i].value;
	return set ? set : got;
}

static char *put_in(struct composition *c, const char *text);

/* The end of "${…}", past others inside it. */
static const char *
closing(const char *p)
{
	int depth = 1;

	for (; *p; p++) {
		if (p[0] == '$' && p[1] == '{')
			depth++;
		if (*p == '}' && --depth == 0)
			return p;
	}
	return NULL;
}

/* NAME, NAME:-DEFAULT, NAME-DEFAULT, NAME:?WHY, NAME:+OTHER and so on. */
static const char *
substitute(struct composition *c, const char *inside)
{
	size_t len = strcspn(inside, ":-?+");
	const char *name = pool_dupn(inside, len), *value = value_of(c, name),
		   *op = inside + len;
	bool empty_too = *op == ':';

	op += empty_too;
	if (empty_too && value && !*value)
		value = NULL;
	if (*op == '-')
		return value ? value : put_in(c, op + 1);
	if (*op == '+')
		return value ? put_in(c, op + 1) : "";
	if (value)
		return value;
	if (!words_have(&c->missing, name)) {
		words_add(&c->missing, name);
		import_note(c->im, "-", "variables", "'%s' is set nowhere: empty%s%s", name,
		    *op == '?' ? ": " : "", *op == '?' ? op + 1 : "");
	}
	return "";
}

static char *
put_in(struct composition *c, const char *text)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	struct strbuf b = STRBUF_INIT;
	const char *end;
	char *got;

	for (const char *p = text; *p; p++) {
		size_t len;

		if (*p != '$') {
			strbuf_putc(&b, *p);
		} else if (p[1] == '$') {
			strbuf_putc(&b, *p++);
		} else if (p[1] == '{' && (end = closing(p + 2))) {
			strbuf_puts(&b, substitute(c, pool_dupn(p + 2, (size_t)(end - p) - 2)));
			p = end;
		} else if ((len = strspn(p + 1, letters))) {
			strbuf_puts(&b, substitute(c, pool_dupn(p + 1, len)));
			p += len;
		} else {
			strbuf_putc(&b, *p);
		}
	}
	got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* In every value, as compose does; what d export put aside is as it is. */
static json_t *
filled_in(struct composition *c, const json_t *v)
{
	json_t *got, *value;
	const char *key;

	if (json_is_string(v) && strchr(json_string_value(v), '$'))
		return json_string(put_in(c, json_string_value(v)));
	if (json_is_array(v)) {
		got = json_array();
		for (size_t i = 0; i < json_array_size(v); i++)
			json_array_append_new(got, filled_in(c, json_array_get(v, i)));
		return got;
	}
	if (!json_is_object(v))
		return json_incref((json_t *)v);
	got = json_object();
	json_object_foreach ((json_t *)v, key, value)
		json_object_set_new(got, key,
		    strcmp(key, "x-whittle") == 0 ? json_incref(value) : filled_in(c, value));
	return got;
}

static const char *
fill(void *with, const char *text)
{
	return strchr(text, '$') ? put_in(with, text) : text;
}

/* Each may name those before it. */
static void
read_variables(struct composition *c)
{
	bool plain;

	import_env(pool_printf("%s/.env", c->im->dir), &c->im->fill, &c->variables, &plain);
}

/* ---- the file ---- */

static const char *
names_of(json_t *services)
{
	const char *key, *got = NULL;
	json_t *value;

	json_object_foreach (services, key, value) {
		(void)value;
		got = got ? pool_printf("%s, %s", got, key) : key;
	}
	return got ? got : "none";
}

static int
take_file(struct composition *c, const json_t *doc)
{
	static const char *const top[] = {
	    "version", "name", "services", "networks", "volumes", "secrets", "configs", NULL};
	json_t *services = json_object_get(doc, "services"), *value;
	const char *key;

	if (!json_is_object(services)) {
		report("%s: no services", c->file);
		return -1;
	}
	json_object_foreach ((json_t *)doc, key, value) {
		bool known = strncmp(key, "x-", 2) == 0;

		for (size_t i = 0; top[i]; i++)
			known |= strcmp(top[i], key) == 0;
		if (!known)
			import_note(c->im, "-", key, "isn't taken over");
	}
	if (json_is_string(json_object_get(doc, "name")))
		c->im->project = pool_dup(json_string_value(json_object_get(doc, "name")));
	if (c->im->only && !json_object_get(services, c->im->only)) {
		report(
		    "%s: no service '%s': it has %s", c->file, c->im->only, names_of(services));
		return -1;
	}
	json_object_foreach (services, key, value) {
		if (c->im->only && strcmp(key, c->im->only) != 0)
			continue;
		if (!json_is_object(value)) {
			report("%s: the service '%s' is not a mapping", c->file, key);
			return -1;
		}
		import_service(c->im, key, value, doc);
	}
	return 0;
}

int
import_compose(struct import *im, const char *file, const char *bytes, size_t n)
{
	struct composition c = {.im = im, .file = file};
	json_t *raw = yaml_to_json(file, bytes, n), *doc;
	int bad;

	if (!raw)
		return -1;
	im->fill = (struct import_fill){fill, &c};
	read_variables(&c);
	doc = filled_in(&c, raw);
	bad = take_file(&c, doc);
	im->fill = (struct import_fill){0};
	json_decref(doc);
	json_decref(raw);
	return bad;
}
