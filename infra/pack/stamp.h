/* The stamps of make's steps: "KEY VALUE" lines, such as "image sha256:…". */
#ifndef PACK_STAMP_H
#define PACK_STAMP_H

#include <jansson.h>

#include "bytes.h"

/* An object of its lines; of two lines with one key the later counts, and what isn't such a
 * line is left out. json_decref(3) it. */
json_t *stamp_parse(struct bytes text);

#endif
