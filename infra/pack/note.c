#include "note.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

enum { PACKAGE_NOTE = 0xcafe1a7e, NOTE_JSON_MAX = 65536 };

struct elf {
	struct bytes file;
	int wide; /* 64 bits */
	int big;  /* most significant byte first */
};

static uint64_t
number(const struct elf *e, size_t at, size_t width)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < width; i++) {
		size_t k = e->big ? i : width - 1 - i;

		value = value << 8 | e->file.p[at + k];
	}
	return value;
}

/* Whether n bytes stand at an offset of the file. */
static int
is_inside(const struct elf *e, uint64_t at, uint64_t n)
{
	return at <= e->file.n && n <= e->file.n - at;
}

static json_t *
read_json(const unsigned char *p, size_t n)
{
	json_t *json;

	n = strnlen((const char *)p, n);
	json = n <= NOTE_JSON_MAX ? json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL)
				  : NULL;
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

static size_t
aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* The notes of a segment: name size, content size, type, name, content. */
static json_t *
search_notes(const struct elf *e, size_t at, size_t size)
{
	size_t end = at + size;

	while (end - at >= 12) {
		uint64_t name = number(e, at, 4), content = number(e, at + 4, 4);
		uint64_t type = number(e, at + 8, 4);
		size_t name_at = at + 12, content_at;

		if (name > end - name_at || aligned((size_t)name) > end - name_at)
			return NULL;
		content_at = name_at + aligned((size_t)name);
		if (content > end - content_at)
			return NULL;
		if (type == PACKAGE_NOTE && name == 4 &&
		    memcmp(e->file.p + name_at, "FDO", 4) == 0)
			return read_json(e->file.p + content_at, (size_t)content);
		if (aligned((size_t)content) > end - content_at)
			return NULL;
		at = content_at + aligned((size_t)content);
	}
	return NULL;
}

json_t *
note_read(struct bytes file)
{
	struct elf e = {.file = file};
	uint64_t at, size, count, i;
	json_t *found = NULL;

	if (file.n < 52 || memcmp(file.p, ELFMAG, SELFMAG) != 0)
		return NULL;
	e.wide = file.p[EI_CLASS] == ELFCLASS64;
	e.big = file.p[EI_DATA] == ELFDATA2MSB;
	if (e.wide && file.n < 64)
		return NULL;
	at = number(&e, e.wide ? 32 : 28, e.wide ? 8 : 4);
	size = number(&e, e.wide ? 54 : 42, 2);
	count = number(&e, e.wide ? 56 : 44, 2);
	if (size < (e.wide ? 56U : 32U))
		return NULL;
	for (i = 0; !found && i < count; i++, at += size) {
		uint64_t offset, length;

		if (!is_inside(&e, at, size))
			return NULL;
		if (number(&e, (size_t)at, 4) != PT_NOTE)
			continue;
		offset = number(&e, (size_t)at + (e.wide ? 8 : 4), e.wide ? 8 : 4);
		length = number(&e, (size_t)at + (e.wide ? 32 : 16), e.wide ? 8 : 4);
		if (is_inside(&e, offset, length))
			found = search_notes(&e, (size_t)offset, (size_t)length);
	}
	return found;
}
