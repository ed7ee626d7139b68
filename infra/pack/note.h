/* What an ELF program says of itself: the package note (systemd.io, "Package Metadata for
 * Executable Files": owner FDO, type 0xcafe1a7e, JSON). Ours are linked with one. */
#ifndef PACK_NOTE_H
#define PACK_NOTE_H

#include <jansson.h>

#include "bytes.h"

/* The note's object; NULL where the file is no ELF file, has none, or it is damaged: a file
 * isn't refused for what it says of itself. json_decref() it. */
json_t *note_read(struct bytes file);

#endif
