/* JSON the way everything here writes it. */
#ifndef PACK_JSON_H
#define PACK_JSON_H

#include <jansson.h>

/* As the same bytes for the same value: sorted keys, no blanks. free(3) it. */
char *json_canonical(const json_t *json);

/* A string of any bytes: those that aren't UTF-8 become U+FFFD. */
json_t *json_text(const char *s);

/* Sets key to a text, and key_hex to its exact bytes in hex where that loses any. */
void json_set_text(json_t *object, const char *key, const char *s);

/* The exact bytes of a text that was set so; NULL where there is none. free(3) it. */
char *json_get_text(const json_t *object, const char *key);

/* Sets key to s unless that is NULL or empty. */
void json_set_if(json_t *object, const char *key, const char *s);

/* What a component of CycloneDX says by a property of its own; "" where there is none. */
const char *json_property(const json_t *component, const char *name);

/*
 * Dumps a document whose member key is to name it: a "urn:uuid:…" of the digest of all the
 * rest (RFC 9562, version 8). Takes the document over; free(3) the text.
 */
char *json_dump_named(json_t *document, const char *key);

#endif
