/* Alpine's security database: which version of a package fixed which vulnerabilities. */
#ifndef PACK_SECDB_H
#define PACK_SECDB_H

#include <jansson.h>
#include <stddef.h>

/* Reads one ("main.json"). NULL after a report() where it isn't one. json_decref() it. */
json_t *secdb_parse(const char *text, size_t n, const char *what);

/*
 * What is open in a version of a package (by its origin's name): the names of all that a
 * later version fixed, as an array of {"fixed": VERSION, "id": "CVE-…"}. json_decref() it.
 */
json_t *secdb_open(const json_t *db, const char *origin, const char *version);

#endif
