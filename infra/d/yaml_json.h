/* JSON values as YAML (libyaml's emitter), and YAML as JSON values. */
#ifndef WHITTLE_YAML_JSON_H
#define WHITTLE_YAML_JSON_H

#include <jansson.h>
#include <stddef.h>

struct strbuf;

/* Adds one YAML document; members keep their order. Strings that a reader could take for
 * something else are quoted. */
void yaml_from_json(struct strbuf *out, const json_t *value);

/*
 * The first document of a YAML text, with anchors, aliases and merge keys resolved. Scalars
 * are strings, but for a plain null, true and false. Refused after one message that names the
 * file and the line: what isn't YAML, keys that aren't scalars, more than 1 MiB, more than 64
 * levels, more than 100000 values once aliases are resolved. NULL then.
 */
json_t *yaml_to_json(const char *name, const char *bytes, size_t n);

#endif
