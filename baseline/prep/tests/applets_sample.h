/* A small program with BusyBox's tables in it, made in memory in all the shapes that
 * compilers and linkers give it. For the unit tests and the fuzz target. */
#ifndef APPLETS_SAMPLE_H
#define APPLETS_SAMPLE_H

#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "applets_names.h"

enum sample_kind { SAMPLE_STATIC, SAMPLE_RELR, SAMPLE_RELA, SAMPLE_PRELINKED, SAMPLE_REL };

struct sample {
	int wide, big;
	uint16_t machine;
	enum sample_kind kind;
	const char *names;      /* with blanks between; NULL: sample_names */
	unsigned before, after; /* pointers to code beside the table of entry points */
	unsigned no_offsets : 1, no_banner : 1, no_references : 1, no_failure : 1;
	unsigned garbage : 1;  /* bytes without a NUL right before the first name */
	unsigned sections : 1; /* section headers */
	unsigned derived : 1;  /* i386's code has the offsets, one formed from the other */
	const char *caller, *callee; /* the one's code calls the other's */
	const char *jumper, *jumped; /* the one's jump table leads into the other's code */
};

static const char sample_names[] =
    "[ [[ ash awk base64 basename bunzip2 bzcat cat chmod chown cp cut date dd df echo egrep "
    "env false fgrep find grep gunzip gzip head id ifdown ifup kill less ln ls md5sum mkdir "
    "mv nc pgrep pkill ps pwd rm rmdir sed sh sha256sum sleep sort tail tar tee test touch "
    "tr true uniq vi wc wget xargs yes zcat";

enum {
	SAMPLE_SIZE = 0x2800,
	SAMPLE_READ = 0, /* offsets of the three segments */
	SAMPLE_CODE = 0x1800,
	SAMPLE_DATA = 0x2000,
	SAMPLE_DYNAMIC = SAMPLE_DATA + 0x600,
	SAMPLE_FUNCTION = 16, /* bytes of each function */
	SAMPLE_LEAD = 128,    /* code before the first */
	SAMPLE_DERIVED = 40,  /* in that: i386's search, where there is one */
};

struct sample_file {
	const struct sample *s;
	unsigned char *b;
	size_t word;
	uint64_t base;
	size_t names_at, table_at, count;
	const char *name[256];
	char text[4096];
};

static void
sample_put(const struct sample_file *f, size_t off, size_t width, uint64_t v)
{
	for (size_t i = 0; i < width; i++)
		f->b[off + (f->s->big ? width - 1 - i : i)] = (unsigned char)(v >> (8 * i));
}

/* Data is loaded a page higher than it stands in the file. */
static uint64_t
sample_address(const struct sample_file *f, size_t off)
{
	return f->base + off + (off >= SAMPLE_DATA ? 0x1000 : 0);
}

static void
sample_segment(const struct sample_file *f, unsigned n, uint32_t type, uint32_t flags,
    size_t off, size_t size)
{
	size_t wide = f->word == 8, at = (wide ? 64 : 52) + n * (wide ? 56 : 32);

	sample_put(f, at, 4, type);
	sample_put(f, at + (wide ? 4 : 24), 4, flags);
	sample_put(f, at + (wide ? 8 : 4), f->word, off);
	sample_put(f, at + (wide ? 16 : 8), f->word, sample_address(f, off));
	sample_put(f, at + (wide ? 32 : 16), f->word, size);
	sample_put(f, at + (wide ? 40 : 20), f->word, size);
}

static void
sample_headers(const struct sample_file *f)
{
	int wide = f->word == 8;
	size_t counts = wide ? 52 : 40;

	memcpy(f->b, ELFMAG, SELFMAG);
	f->b[EI_CLASS] = wide ? ELFCLASS64 : ELFCLASS32;
	f->b[EI_DATA] = f->s->big ? ELFDATA2MSB : ELFDATA2LSB;
	f->b[EI_VERSION] = EV_CURRENT;
	sample_put(f, 16, 2, f->s->kind == SAMPLE_STATIC ? ET_EXEC : ET_DYN);
	sample_put(f, 18, 2, f->s->machine);
	sample_put(f, 24, f->word, sample_address(f, SAMPLE_CODE));
	sample_put(f, wide ? 32 : 28, f->word, wide ? 64 : 52);
	sample_put(f, counts + 2, 2, wide ? 56 : 32);
	sample_put(f, counts + 4, 2, 4);
	sample_segment(f, 0, PT_LOAD, PF_R, SAMPLE_READ, SAMPLE_CODE);
	sample_segment(f, 1, PT_LOAD, PF_R | PF_X, SAMPLE_CODE, SAMPLE_DATA - SAMPLE_CODE);
	sample_segment(f, 2, PT_LOAD, PF_R | PF_W, SAMPLE_DATA, SAMPLE_SIZE - SAMPLE_DATA);
}

static uint64_t
sample_function(const struct sample_file *f, size_t i)
{
	int g = name_group(f->name[i]);

	/* an alias leads to where the first of its group does */
	for (size_t k = 0; g >= 0 && k < i; k++)
		if (name_group(f->name[k]) == g)
			i = k;
	return sample_address(f, SAMPLE_CODE + SAMPLE_LEAD + SAMPLE_FUNCTION * i);
}

static size_t
sample_index(const struct sample_file *f, const char *name)
{
	size_t i = 0;

	while (i < f->count && strcmp(f->name[i], name) != 0)
		i++;
	return i;
}

static void
sample_read_names(struct sample_file *f)
{
	char *rest = f->text, *word;

	strcpy(f->text, f->s->names ? f->s->names : sample_names);
	while ((word = strtok_r(rest, " ", &rest)))
		f->name[f->count++] = word;
}

static size_t
sample_put_names(struct sample_file *f, size_t at)
{
	size_t start[256], parts = name_parts(f->count);

	if (!f->s->no_banner)
		strcpy((char *)f->b + at, "BusyBox v1.36.1 (2024-01-01)");
	at += 64;
	if (f->s->garbage)
		memcpy(f->b + at - 3, "\x8a[\xc3", 3);
	f->names_at = at;
	for (size_t i = 0; i < f->count; i++) {
		start[i] = at - f->names_at;
		strcpy((char *)f->b + at, f->name[i]);
		at += strlen(f->name[i]) + 1;
	}
	at = (at + 16) & ~(size_t)7;
	for (size_t p = 1; p < parts && !f->s->no_offsets; p++, at += 2)
		sample_put(f, at, 2, start[name_part_start(f->count, p)]);
	return (at + 15) & ~(size_t)7;
}

static void
sample_dynamic(const struct sample_file *f, size_t *at, uint64_t tag, uint64_t value)
{
	sample_put(f, *at, f->word, tag);
	sample_put(f, *at + f->word, f->word, value);
	*at += 2 * f->word;
}

static uint32_t
sample_relative(uint16_t machine)
{
	switch (machine) {
	case EM_AARCH64:
		return R_AARCH64_RELATIVE;
	case EM_ARM:
		return R_ARM_RELATIVE;
	case EM_S390:
		return R_390_RELATIVE;
	case EM_PPC:
	case EM_PPC64:
		return 22;
	default:
		return R_X86_64_RELATIVE; /* and i386's */
	}
}

static size_t
sample_relocations(const struct sample_file *f, size_t at, size_t words, uint64_t *tags)
{
	size_t start = at, addend = f->s->kind == SAMPLE_REL ? 0 : 1;

	if (f->s->kind == SAMPLE_RELR) {
		uint64_t per = 8 * f->word - 1;

		sample_put(f, at, f->word, sample_address(f, f->table_at));
		at += f->word;
		for (size_t done = 1; done < words; done += per, at += f->word) {
			uint64_t left = words - done, bits = left < per ? left : per;

			sample_put(f, at, f->word, (((uint64_t)1 << bits) - 1) << 1 | 1);
		}
		tags[0] = 36, tags[1] = 35;
	} else {
		for (size_t i = 0; i < words; i++) {
			size_t off = f->table_at + i * f->word;

			sample_put(f, at, f->word, sample_address(f, off));
			sample_put(f, at + f->word, f->word, sample_relative(f->s->machine));
			if (addend) {
				memcpy(f->b + at + 2 * f->word, f->b + off, f->word);
				if (f->s->kind == SAMPLE_RELA)
					memset(f->b + off, 0, f->word);
			}
			at += (2 + addend) * f->word;
		}
		tags[0] = addend ? DT_RELA : DT_REL, tags[1] = addend ? DT_RELASZ : DT_RELSZ;
	}
	return at - start;
}

/* A search as a compiler unrolls it: it begins at the last part, and counts all addresses
 * from one place that lies far from everything. */
static void
sample_search(const struct sample_file *f)
{
	size_t at = SAMPLE_CODE + SAMPLE_DERIVED, parts = name_parts(f->count), start[8];
	uint32_t got = 0x7654321, here = (uint32_t)sample_address(f, at);
	const char *p = (const char *)f->b + f->names_at;

	for (size_t i = 0, part = 0; part < parts; p += strlen(p) + 1, i++)
		if (i == name_part_start(f->count, part))
			start[part++] = (size_t)(p - (const char *)f->b);
	memcpy(f->b + at - 4, "\x8b\x1c\x24\xc3", 4); /* mov ebx, [esp]; ret */
	f->b[at] = 0xe8;
	sample_put(f, at + 1, 4, (uint32_t)-9);
	memcpy(f->b + at + 5, "\x81\xc3", 2); /* add ebx */
	sample_put(f, at + 7, 4, got - (here + 5));
	for (size_t part = parts; part-- > 0;) {
		int first = part == 0 || part == parts - 1;

		at += part == parts - 1 ? 11 : 6;
		f->b[at] = 0x8d;                    /* lea */
		f->b[at + 1] = first ? 0xbb : 0xaf; /* edi, [ebx …]; ebp, [edi …] */
		sample_put(f, at + 2, 4,
		    first ? sample_address(f, start[part]) - got
			  : start[part] - start[parts - 1]);
	}
	memcpy(f->b + at + 6, "\x8d\xb3", 2); /* lea esi, [ebx …] */
	sample_put(f, at + 8, 4, sample_address(f, f->table_at + f->s->before * f->word) - got);
}

/* x86's forms, which is what the unit tests look at. */
static void
sample_code(const struct sample_file *f)
{
	unsigned char *code = f->b + SAMPLE_CODE;
	static const unsigned char failing[] = {0x6a, 1, 0x58, 0xc3};
	uint64_t here = sample_address(f, SAMPLE_CODE);

	memset(code, 0x90, SAMPLE_LEAD + SAMPLE_FUNCTION * f->count);
	if (!f->s->no_failure)
		memcpy(code + 32, failing, sizeof failing);
	if (!f->s->no_references) {
		memcpy(code, "\x48\x8d\x05", 3);
		sample_put(f, SAMPLE_CODE + 3, 4, sample_address(f, f->names_at) - (here + 7));
		memcpy(code + 8, "\x48\x8d\x05", 3);
		sample_put(f, SAMPLE_CODE + 11, 4,
		    sample_address(f, f->table_at + f->s->before * f->word) - (here + 15));
	}
	if (f->s->derived)
		sample_search(f);
	if (f->s->caller) {
		uint64_t from = sample_function(f, sample_index(f, f->s->caller));
		uint64_t to = sample_function(f, sample_index(f, f->s->callee));

		code[from - here] = 0xe8;
		sample_put(f, (size_t)(SAMPLE_CODE + from - here + 1), 4, to - (from + 5));
	}
}

/* A switch of one function with a case in the middle of another's code. */
static void
sample_jump_table(const struct sample_file *f, size_t at)
{
	uint64_t from = sample_function(f, sample_index(f, f->s->jumper)), table;
	uint64_t to = sample_function(f, sample_index(f, f->s->jumped)) + SAMPLE_FUNCTION / 2;
	size_t code = (size_t)(SAMPLE_CODE + from - sample_address(f, SAMPLE_CODE));

	table = sample_address(f, at);
	sample_put(f, at, 4, from - table);
	sample_put(f, at + 4, 4, to - table);
	sample_put(f, at + 8, 4, 0x7fffffff);
	memcpy(f->b + code, "\x48\x8d\x05", 3);
	sample_put(f, code + 3, 4, table - (from + 7));
}

/* Section headers: the one that must be there, and .text. */
static void
sample_sections(const struct sample_file *f, size_t at)
{
	int wide = f->word == 8;
	size_t size = wide ? 64 : 40, s = at + size;

	sample_put(f, wide ? 40 : 32, f->word, at);
	sample_put(f, wide ? 58 : 46, 2, size);
	sample_put(f, wide ? 60 : 48, 2, 2);
	sample_put(f, s + 4, 4, SHT_PROGBITS);
	sample_put(f, s + 8, f->word, SHF_ALLOC | SHF_EXECINSTR);
	sample_put(f, s + 8 + f->word, f->word, sample_address(f, SAMPLE_CODE));
	sample_put(f, s + 8 + 2 * f->word, f->word, SAMPLE_CODE);
	sample_put(f, s + 8 + 3 * f->word, f->word, SAMPLE_DATA - SAMPLE_CODE);
}

/* Returns SAMPLE_SIZE bytes for free(3); f says what stands where. */
static unsigned char *
sample_build(struct sample_file *f, const struct sample *s)
{
	size_t at, words, dynamic = SAMPLE_DYNAMIC, bytes;
	uint64_t tags[2];

	*f = (struct sample_file){.s = s, .b = calloc(1, SAMPLE_SIZE), .word = s->wide ? 8 : 4};
	f->base = s->kind == SAMPLE_STATIC ? 0x400000 : 0;
	sample_read_names(f);
	sample_headers(f);
	at = sample_put_names(f, 512);
	f->table_at = SAMPLE_DATA + 64;
	words = s->before + f->count + s->after;
	for (size_t i = 0; i < words; i++) {
		int ours = i >= s->before && i - s->before < f->count;

		sample_put(f, f->table_at + i * f->word, f->word,
		    ours ? sample_function(f, i - s->before)
			 : sample_address(f, SAMPLE_CODE + 4 * (i + 1)));
	}
	sample_code(f);
	if (s->kind != SAMPLE_STATIC) {
		bytes = sample_relocations(f, at, words, tags);
		sample_segment(f, 3, PT_DYNAMIC, PF_R | PF_W, dynamic, 6 * f->word);
		sample_dynamic(f, &dynamic, tags[0], sample_address(f, at));
		sample_dynamic(f, &dynamic, tags[1], bytes);
		at += bytes;
	}
	if (s->jumper)
		sample_jump_table(f, at);
	if (s->sections)
		sample_sections(f, at + 16);
	f->table_at += s->before * f->word;
	return f->b;
}

#endif
