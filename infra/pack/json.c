#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "report.h"
#include "strbuf.h"

char *
json_canonical(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (!text)
		die("out of memory");
	return text;
}

/* strbuf_put_json() knows how to make any bytes legible; jansson takes UTF-8 alone. */
static json_t *
make_text(const char *s, int *lossy)
{
	struct strbuf b = STRBUF_INIT;
	json_t *text;

	*lossy = strbuf_put_json(&b, s, strlen(s));
	text = json_loadb(b.s, b.len, JSON_DECODE_ANY, NULL);
	strbuf_free(&b);
	return text;
}

json_t *
json_text(const char *s)
{
	int lossy;

	return make_text(s, &lossy);
}

void
json_set_text(json_t *object, const char *key, const char *s)
{
	cleanup_free char *hex_key = xasprintf("%s_hex", key);
	struct strbuf hex = STRBUF_INIT;
	int lossy;

	json_object_set_new(object, key, make_text(s, &lossy));
	if (!lossy)
		return;
	for (; *s; s++)
		strbuf_printf(&hex, "%02x", (unsigned char)*s);
	json_object_set_new(object, hex_key, json_string(hex.s));
	strbuf_free(&hex);
}

char *
json_get_text(const json_t *object, const char *key)
{
	cleanup_free char *hex_key = xasprintf("%s_hex", key);
	const char *hex = json_string_value(json_object_get(object, hex_key));
	const char *text = json_string_value(json_object_get(object, key));
	struct strbuf b = STRBUF_INIT;
	unsigned byte;

	if (!hex)
		return text ? xstrdup(text) : NULL;
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		strbuf_putc(&b, (char)byte);
		if (!hex[1])
			break;
	}
	return strbuf_steal(&b);
}

void
json_set_if(json_t *object, const char *key, const char *s)
{
	if (s && *s)
		json_object_set_new(object, key, json_text(s));
}

const char *
json_property(const json_t *component, const char *name)
{
	json_t *list = json_object_get(component, "properties"), *one;
	const char *key, *value;
	size_t i;

	json_array_foreach (list, i, one) {
		key = json_string_value(json_object_get(one, "name"));
		value = json_string_value(json_object_get(one, "value"));
		if (key && value && strcmp(key, name) == 0)
			return value;
	}
	return "";
}

char *
json_dump_named(json_t *document, const char *key)
{
	static const char nobody[] = "urn:uuid:00000000-0000-8000-8000-000000000000";
	cleanup_free char *member = xasprintf("\"%s\":\"%s", key, nobody);
	char hex[SHA256_HEX], urn[sizeof(nobody)], *text, *at;

	/* Written once with nobody's name, which is then overwritten in place: these can be
	 * large. A quote in a value is escaped, so that only the member looks like this. */
	json_object_set_new(document, key, json_string(nobody));
	text = json_canonical(document);
	json_decref(document);
	sha256_bytes(text, strlen(text), hex);
	snprintf(urn, sizeof(urn), "urn:uuid:%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8,
	    hex + 12, hex + 15, hex + 18);
	at = strstr(text, member);
	if (at)
		memcpy(at + strlen(member) - strlen(nobody), urn, strlen(urn));
	return text;
}
