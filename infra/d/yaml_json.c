#include "yaml_json.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "report.h"
#include "strbuf.h"

enum { BYTES_MAX = 1 << 20, LEVELS_MAX = 64, VALUES_MAX = 100000 };

/* ---- out ---- */

static int
add_bytes(void *out, unsigned char *bytes, size_t n)
{
	strbuf_add(out, bytes, n);
	return 1;
}

/* Plain only what every version of YAML reads as a string. */
static yaml_scalar_style_t
style_of(const char *s)
{
	static const char *const other[] = {
	    "y", "n", "yes", "no", "on", "off", "true", "false", "null", NULL};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/",
			  more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/"
				   "0123456789_.-";

	for (size_t i = 0; other[i]; i++)
		if (strcasecmp(s, other[i]) == 0)
			return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	if (*s && strchr(letters, *s) && s[strspn(s, more)] == '\0')
		return YAML_PLAIN_SCALAR_STYLE;
	return strchr(s, '\n') && !strstr(s, " \n") ? YAML_LITERAL_SCALAR_STYLE
						    : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static void
emit_scalar(yaml_emitter_t *e, const char *s, size_t n, yaml_scalar_style_t style)
{
	yaml_event_t event;

	if (yaml_scalar_event_initialize(
		&event, NULL, NULL, (const yaml_char_t *)s, (int)n, 1, 1, style))
		yaml_emitter_emit(e, &event);
}

static void
emit_string(yaml_emitter_t *e, const char *s)
{
	emit_scalar(e, s, strlen(s), style_of(s));
}

static void emit_value(yaml_emitter_t *e, const json_t *value);

static void
emit_list(yaml_emitter_t *e, const json_t *list)
{
	yaml_sequence_style_t style =
	    json_array_size(list) ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
	yaml_event_t event;

	yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style);
	yaml_emitter_emit(e, &event);
	for (size_t i = 0; i < json_array_size(list); i++)
		emit_value(e, json_array_get(list, i));
	yaml_sequence_end_event_initialize(&event);
	yaml_emitter_emit(e, &event);
}

static void
emit_map(yaml_emitter_t *e, const json_t *map)
{
	yaml_mapping_style_t style =
	    json_object_size(map) ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
	json_t *whole = (json_t *)map; /* jansson's iterators want it so */
	yaml_event_t event;

	yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style);
	yaml_emitter_emit(e, &event);
	for (void *i = json_object_iter(whole); i; i = json_object_iter_next(whole, i)) {
		emit_string(e, json_object_iter_key(i));
		emit_value(e, json_object_iter_value(i));
	}
	yaml_mapping_end_event_initialize(&event);
	yaml_emitter_emit(e, &event);
}

static void
emit_value(yaml_emitter_t *e, const json_t *value)
{
	char number[64];
	size_t n;

	if (json_is_object(value)) {
		emit_map(e, value);
	} else if (json_is_array(value)) {
		emit_list(e, value);
	} else if (json_is_string(value)) {
		emit_string(e, json_string_value(value));
	} else {
		n = json_dumpb(value, number, sizeof(number), JSON_ENCODE_ANY);
		emit_scalar(e, number, n, YAML_PLAIN_SCALAR_STYLE);
	}
}

void
yaml_from_json(struct strbuf *out, const json_t *value)
{
	yaml_emitter_t e;
	yaml_event_t event;

	yaml_emitter_initialize(&e);
	yaml_emitter_set_output(&e, add_bytes, out);
	yaml_emitter_set_unicode(&e, 1);
	yaml_emitter_set_width(&e, -1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	yaml_emitter_emit(&e, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	yaml_emitter_emit(&e, &event);
	emit_value(&e, value);
	yaml_document_end_event_initialize(&event, 1);
	yaml_emitter_emit(&e, &event);
	yaml_stream_end_event_initialize(&event);
	yaml_emitter_emit(&e, &event);
	yaml_emitter_delete(&e);
}

/* ---- in ---- */

struct loader {
	const char *name;
	yaml_document_t doc;
	size_t values;
};

static json_t *
refuse(const struct loader *l, const yaml_node_t *n, const char *what)
{
	report(
	    "%s:%zu:%zu: %s", l->name, n->start_mark.line + 1, n->start_mark.column + 1, what);
	return NULL;
}

static json_t *
from_scalar(const yaml_node_t *n)
{
	const char *s = (const char *)n->data.scalar.value;
	bool plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	json_t *got;

	if (plain && (!*s || strcmp(s, "~") == 0 || strcasecmp(s, "null") == 0))
		return json_null();
	if (plain && (strcmp(s, "true") == 0 || strcmp(s, "false") == 0))
		return json_boolean(*s == 't');
	got = json_stringn(s, n->data.scalar.length);
	return got ? got : json_string("");
}

static json_t *from_node(struct loader *l, int index, int level);

/* What "<<" brings in, where the map itself says nothing. */
static int
merge(json_t *map, const json_t *more)
{
	if (json_is_array(more)) {
		for (size_t i = 0; i < json_array_size(more); i++)
			if (merge(map, json_array_get(more, i)))
				return -1;
		return 0;
	}
	return json_object_update_missing(map, (json_t *)more);
}

static json_t *
from_map(struct loader *l, const yaml_node_t *n, int level)
{
	json_t *map = json_object(), *merged = json_array();

	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *key = yaml_document_get_node(&l->doc, p->key);
		json_t *value;

		if (key->type != YAML_SCALAR_NODE) {
			refuse(l, key, "a key that is no scalar");
			goto bad;
		}
		if (!(value = from_node(l, p->value, level + 1)))
			goto bad;
		if (strcmp((char *)key->data.scalar.value, "<<") == 0)
			json_array_append_new(merged, value);
		else
			json_object_set_new(map, (char *)key->data.scalar.value, value);
	}
	if (merge(map, merged)) {
		refuse(l, n, "<< wants a map, or a list of maps");
		goto bad;
	}
	json_decref(merged);
	return map;
bad:
	json_decref(merged);
	json_decref(map);
	return NULL;
}

static json_t *
from_list(struct loader *l, const yaml_node_t *n, int level)
{
	json_t *list = json_array();

	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
	     i++) {
		json_t *value = from_node(l, *i, level + 1);

		if (!value) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, value);
	}
	return list;
}

static json_t *
from_node(struct loader *l, int index, int level)
{
	yaml_node_t *n = yaml_document_get_node(&l->doc, index);

	if (level > LEVELS_MAX || ++l->values > VALUES_MAX)
		return refuse(l, n,
		    level > LEVELS_MAX ? "more than 64 levels" : "more than 100000 values");
	return n->type == YAML_SCALAR_NODE     ? from_scalar(n)
	       : n->type == YAML_SEQUENCE_NODE ? from_list(l, n, level)
					       : from_map(l, n, level);
}

json_t *
yaml_to_json(const char *name, const char *bytes, size_t n)
{
	struct loader l = {.name = name};
	yaml_parser_t parser;
	json_t *got = NULL;

	if (n > BYTES_MAX) {
		report("%s: more than 1 MiB", name);
		return NULL;
	}
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, n);
	if (!yaml_parser_load(&parser, &l.doc)) {
		report("%s:%zu:%zu: %s", name, parser.problem_mark.line + 1,
		    parser.problem_mark.column + 1,
		    parser.problem ? parser.problem : "no YAML");
	} else {
		if (yaml_document_get_root_node(&l.doc))
			got = from_node(&l, 1, 0);
		else
			report("%s: an empty document", name);
		yaml_document_delete(&l.doc);
	}
	yaml_parser_delete(&parser);
	return got;
}
