#include "site.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "strbuf.h"

const char *const mood_names[MOODS] = {
    [BAD] = "bad", [WARN] = "warn", [GOOD] = "good", [OFF] = "off"};

/* ---- descriptions ---- */

static const char *
text_in(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static const char *
fault_of(const json_t *o)
{
	const json_t *list = json_object_get(o, "containers"), *one;
	size_t i;

	if (json_integer_value(json_object_get(o, "whittle")) != 1)
		return "not a description of a host (\"whittle\" isn't 1)";
	if (!text_in(o, "host") || !*text_in(o, "host"))
		return "\"host\" is missing";
	if (!json_is_array(list))
		return "\"containers\" isn't a list";
	json_array_foreach (list, i, one)
		if (!text_in(one, "name") || !*text_in(one, "name"))
			return "a container has no \"name\"";
	return NULL;
}

/* Takes o over. */
static void
add_host(struct site *s, json_t *o)
{
	for (size_t i = 0; i < s->hosts; i++)
		if (strcmp(text_in(s->host[i], "host"), text_in(o, "host")) == 0) {
			json_decref(s->host[i]);
			s->host[i] = o;
			return;
		}
	s->host = xreallocarray(s->host, s->hosts + 1, sizeof(json_t *));
	s->host[s->hosts++] = o;
}

static size_t
blanks(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	return i;
}

int
site_add(struct site *s, const char *text, size_t n, const char *what)
{
	int bad = 0;

	for (size_t at = blanks(text, n); at < n; at += blanks(text + at, n - at)) {
		json_error_t error;
		json_t *o = json_loadb(text + at, n - at, JSON_DISABLE_EOF_CHECK, &error);
		const char *fault = o ? fault_of(o) : error.text, *end;

		if (fault) {
			report("%s: %s", what, fault);
			bad = -1;
		}
		if (o && !fault)
			add_host(s, o);
		else
			json_decref(o);
		/* What is no JSON ends with its line. */
		end = o ? NULL : memchr(text + at, '\n', n - at);
		at = o ? at + (size_t)error.position : end ? (size_t)(end - text) : n;
	}
	return bad;
}

/* ---- items ---- */

static int
mood_of(const json_t *o)
{
	const char *word = text_in(o, "mood");

	for (int m = 0; m < MOODS; m++)
		if (word && strcmp(word, mood_names[m]) == 0)
			return m;
	return OFF;
}

/* Letters that mean nothing in paths and addresses; other bytes become '_'. */
static void
put_part(struct strbuf *b, const char *name)
{
	size_t most = 100;

	for (const char *p = name; *p && most--; p++)
		strbuf_putc(b, (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
				       (*p >= '0' && *p <= '9') || *p == '-' ||
				       (*p == '.' && p != name)
				   ? *p
				   : '_');
}

static int
by_path(const void *x, const void *y)
{
	return strcmp(((const struct item *)x)->path, ((const struct item *)y)->path);
}

static int
by_weight(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int got = a->mood - b->mood;

	got = got ? got : strverscmp(a->host_name, b->host_name);
	return got ? got : strverscmp(a->name, b->name);
}

static void
name_item(struct item *i)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_puts(&b, "at/");
	put_part(&b, i->host_name);
	strbuf_putc(&b, '/');
	put_part(&b, i->name);
	i->path = strbuf_steal(&b);
}

/* Names that differ in other letters only. */
static void
tell_apart(struct site *s)
{
	size_t first = 0;

	qsort(s->item, s->items, sizeof(*s->item), by_path);
	for (size_t i = 1; i < s->items; i++) {
		char *own;

		if (strcmp(s->item[i].path, s->item[first].path) != 0) {
			first = i;
			continue;
		}
		/* '~' is no letter of another path. */
		own = xasprintf("%s~%zu", s->item[i].path, i - first + 1);
		free(s->item[i].path);
		s->item[i].path = own;
		/* The first one's path is still what the next is compared with. */
	}
}

static void
keep_log(const struct site *before, const struct item *i)
{
	for (size_t k = 0; before && k < before->items; k++) {
		const struct item *was = &before->item[k];
		json_t *log = json_object_get(was->o, "log");

		if (log && strcmp(was->host_name, i->host_name) == 0 &&
		    strcmp(was->name, i->name) == 0)
			json_object_set((json_t *)(uintptr_t)i->o, "log", log);
	}
}

void
site_finish(struct site *s, const struct site *before)
{
	for (size_t h = 0; h < s->hosts; h++) {
		const json_t *list = json_object_get(s->host[h], "containers"), *o;
		size_t i;

		s->item = xreallocarray(
		    s->item, s->items + json_array_size(list) + 1, sizeof(*s->item));
		json_array_foreach (list, i, o)
			s->item[s->items++] = (struct item){.host = s->host[h],
			    .o = o,
			    .host_name = text_in(s->host[h], "host"),
			    .name = text_in(o, "name"),
			    .mood = mood_of(o)};
	}
	for (size_t i = 0; i < s->items; i++) {
		name_item(&s->item[i]);
		if (!json_object_get(s->item[i].o, "log"))
			keep_log(before, &s->item[i]);
	}
	if (!s->items)
		return;
	tell_apart(s);
	qsort(s->item, s->items, sizeof(*s->item), by_weight);
}

void
site_free(struct site *s)
{
	for (size_t i = 0; i < s->items; i++)
		free(s->item[i].path);
	for (size_t i = 0; i < s->hosts; i++)
		json_decref(s->host[i]);
	free(s->item);
	free(s->host);
	*s = (struct site){0};
}
