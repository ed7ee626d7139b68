/* Any bytes as an ELF file with a package note. */
#include "note.h"
#include "quiet.h"

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	json_t *note = note_read((struct bytes){bytes, n});

	json_decref(note);
	return 0;
}
