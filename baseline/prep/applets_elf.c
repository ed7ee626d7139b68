#include "applets_elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR   36
#endif

/* The numbers of R_*_IRELATIVE aren't in every elf.h. PowerPC64 counts as known in its second
 * ABI alone, little endian: in the first one a pointer to a function isn't the address of
 * its code. */
static const struct elf_machine machines[] = {
    {EM_X86_64, R_X86_64_RELATIVE, 37, "x86-64"},
    {EM_386, R_386_RELATIVE, 42, "x86"},
    {EM_AARCH64, R_AARCH64_RELATIVE, 1032, "aarch64"},
    {EM_ARM, R_ARM_RELATIVE, 160, "arm"},
    {EM_S390, R_390_RELATIVE, 61, "s390x"},
    {EM_PPC, 22, 248, "powerpc"},
    {EM_PPC64, R_PPC64_RELATIVE, 248, "powerpc64"},
};

uint64_t
elf_get(const struct elf *e, size_t off, size_t width)
{
	const unsigned char *p = e->bytes + off;
	uint64_t value = 0;

	if (e->big)
		for (size_t i = 0; i < width; i++)
			value = value << 8 | p[i];
	else
		for (size_t i = width; i-- > 0;)
			value = value << 8 | p[i];
	return value;
}

void
elf_put(struct elf *e, size_t off, size_t width, uint64_t value)
{
	for (size_t i = 0; i < width; i++)
		e->bytes[off + (e->big ? width - 1 - i : i)] =
		    (unsigned char)(value >> (8 * i));
}

static int
within(uint64_t start, uint64_t len, uint64_t size)
{
	return start <= size && len <= size - start;
}

const struct elf_segment *
elf_segment_of(const struct elf *e, uint64_t vaddr, uint64_t len)
{
	for (size_t i = 0; i < e->loads; i++) {
		const struct elf_segment *s = &e->load[i];

		if (vaddr >= s->vaddr && within(vaddr - s->vaddr, len, s->filesz))
			return s;
	}
	return NULL;
}

int
elf_offset(const struct elf *e, uint64_t vaddr, uint64_t len, size_t *off)
{
	const struct elf_segment *s = elf_segment_of(e, vaddr, len);

	if (!s)
		return -1;
	*off = (size_t)(s->offset + (vaddr - s->vaddr));
	return 0;
}

uint64_t
elf_code_address(const struct elf *e, uint64_t pointer)
{
	return e->machine->number == EM_ARM ? pointer & ~(uint64_t)1 : pointer;
}

int
elf_is_code(const struct elf *e, uint64_t vaddr)
{
	vaddr = elf_code_address(e, vaddr);
	for (size_t i = 0; i < e->codes; i++)
		if (vaddr >= e->code[i].start && vaddr < e->code[i].end)
			return 1;
	return 0;
}

/* ---- headers ---- */

static void
add_load(struct elf *e, const struct elf_segment *s)
{
	size_t at = e->loads++;

	for (; !s->executable && at > 0 && e->load[at - 1].executable; at--)
		e->load[at] = e->load[at - 1];
	e->load[at] = *s;
}

static const char *
read_segment(struct elf *e, size_t off)
{
	int wide = e->word == 8;
	uint64_t type = elf_get(e, off, 4), flags = elf_get(e, off + (wide ? 4 : 24), 4);
	struct elf_segment s = {
	    .offset = elf_get(e, off + (wide ? 8 : 4), e->word),
	    .vaddr = elf_get(e, off + (wide ? 16 : 8), e->word),
	    .filesz = elf_get(e, off + (wide ? 32 : 16), e->word),
	    .memsz = elf_get(e, off + (wide ? 40 : 20), e->word),
	    .writable = (flags & PF_W) != 0,
	    .executable = (flags & PF_X) != 0,
	};

	if (type != PT_LOAD && type != PT_DYNAMIC && type != PT_INTERP)
		return NULL;
	if (!within(s.offset, s.filesz, e->size))
		return "is cut short: a segment goes on after its end";
	if (s.memsz < s.filesz || s.vaddr + s.memsz < s.vaddr)
		return "has a damaged segment";
	if (type == PT_DYNAMIC)
		e->dynamic = s;
	else if (type == PT_INTERP)
		e->interpreter = s;
	else if (e->loads == ELF_LOADS)
		return "has more segments than a program has";
	else
		add_load(e, &s);
	return NULL;
}

static const char *
read_segments(struct elf *e)
{
	int wide = e->word == 8;
	uint64_t phoff = elf_get(e, wide ? 32 : 28, e->word);
	uint64_t shoff = elf_get(e, wide ? 40 : 32, e->word);
	size_t counts = wide ? 54 : 42; /* e_phentsize, e_phnum, e_shentsize, e_shnum */
	uint64_t size = elf_get(e, counts, 2), n = elf_get(e, counts + 2, 2);
	uint64_t sections = elf_get(e, counts + 4, 2) * elf_get(e, counts + 6, 2);

	if (size != (wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || n == 0)
		return "has no program headers";
	if (!within(phoff, size * n, e->size) || !within(shoff, shoff ? sections : 0, e->size))
		return "is cut short: its headers go on after its end";
	for (uint64_t i = 0; i < n; i++) {
		const char *why = read_segment(e, (size_t)(phoff + i * size));

		if (why)
			return why;
	}
	return NULL;
}

int
elf_section(const struct elf *e, size_t i, struct elf_section *out)
{
	int wide = e->word == 8;
	uint64_t table = elf_get(e, wide ? 40 : 32, e->word), at;
	size_t size = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), counts = wide ? 58 : 46;

	if (table == 0 || elf_get(e, counts, 2) != size || i >= elf_get(e, counts + 2, 2))
		return -1;
	at = table + i * size; /* elf_open() saw that the table is in the file */
	out->type = (uint32_t)elf_get(e, (size_t)at + 4, 4);
	out->flags = elf_get(e, (size_t)at + 8, e->word);
	out->address = elf_get(e, (size_t)at + 8 + e->word, e->word);
	out->size = elf_get(e, (size_t)at + 8 + 3 * e->word, e->word);
	return 0;
}

static void
add_code(struct elf *e, uint64_t start, uint64_t size)
{
	if (size > 0 && e->codes < ELF_CODES)
		e->code[e->codes++] = (struct elf_range){start, start + size};
}

static void
find_code(struct elf *e)
{
	struct elf_section s;

	for (size_t i = 0; elf_section(e, i, &s) == 0; i++)
		for (size_t k = 0; k < e->loads; k++)
			if (s.type == SHT_PROGBITS && (s.flags & SHF_EXECINSTR) &&
			    e->load[k].executable && s.address >= e->load[k].vaddr &&
			    within(s.address - e->load[k].vaddr, s.size, e->load[k].filesz))
				add_code(e, s.address, s.size);
	e->sections = e->codes > 0;
	for (size_t k = 0; !e->sections && k < e->loads; k++)
		if (e->load[k].executable)
			add_code(e, e->load[k].vaddr, e->load[k].filesz);
}

static const struct elf_machine *
known_machine(uint64_t number, int big)
{
	for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
		if (machines[i].number == number && !(number == EM_PPC64 && big))
			return &machines[i];
	return NULL;
}

const char *
elf_open(struct elf *e, unsigned char *bytes, size_t size)
{
	const char *why;
	uint64_t type;

	*e = (struct elf){.bytes = bytes, .size = size};
	if (size < EI_NIDENT || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return "isn't an ELF program";
	if ((bytes[EI_CLASS] != ELFCLASS32 && bytes[EI_CLASS] != ELFCLASS64) ||
	    (bytes[EI_DATA] != ELFDATA2LSB && bytes[EI_DATA] != ELFDATA2MSB))
		return "has a damaged ELF header";
	e->word = bytes[EI_CLASS] == ELFCLASS64 ? 8 : 4;
	e->big = bytes[EI_DATA] == ELFDATA2MSB;
	if (size < (e->word == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return "is cut short: no whole ELF header";
	type = elf_get(e, 16, 2);
	if (type != ET_EXEC && type != ET_DYN)
		return "isn't a program but another kind of ELF file";
	e->relocated = type == ET_DYN;
	e->entry = elf_get(e, 24, e->word);
	e->machine = known_machine(elf_get(e, 18, 2), e->big);
	if (!e->machine)
		return "is for a processor that isn't known here";
	why = read_segments(e);
	if (!why)
		find_code(e);
	return why;
}

uint64_t
elf_dynamic(const struct elf *e, uint64_t tag, uint64_t missing)
{
	const struct elf_segment *d = &e->dynamic;

	for (uint64_t at = 0; at + 2 * e->word <= d->filesz; at += 2 * e->word) {
		uint64_t t = elf_get(e, (size_t)(d->offset + at), e->word);

		if (t == tag)
			return elf_get(e, (size_t)(d->offset + at) + e->word, e->word);
		if (t == DT_NULL)
			break;
	}
	return missing;
}

/* ---- pointers to code ---- */

struct growing {
	const struct elf *e;
	struct elf_pointers *out;
	size_t room;
};

/* There can be no more distinct words than the file has room for: a file that names more
 * repeats itself in order to eat memory. */
static int
add_pointer(struct growing *g, struct elf_pointer p)
{
	if (!elf_is_code(g->e, p.value))
		return 0;
	if (g->out->n >= g->e->size / g->e->word)
		return -1;
	if (g->out->n == g->room) {
		g->room = g->room ? 2 * g->room : 512;
		g->out->p = xreallocarray(g->out->p, g->room, sizeof *g->out->p);
	}
	g->out->p[g->out->n++] = p;
	return 0;
}

static int
add_in_place(struct growing *g, uint64_t at)
{
	size_t off;

	if (elf_offset(g->e, at, g->e->word, &off) < 0)
		return 0;
	return add_pointer(
	    g, (struct elf_pointer){
		   .at = at, .value = elf_get(g->e, off, g->e->word), .stored = off});
}

static int
add_with_addend(struct growing *g, uint64_t at, size_t addend)
{
	size_t off, word = g->e->word;
	uint64_t value = elf_get(g->e, addend, word);
	struct elf_pointer p = {.at = at, .value = value, .stored = addend};

	if (elf_offset(g->e, at, word, &off) < 0)
		return 0;
	if (elf_get(g->e, off, word) == value)
		p.copy = off;
	return add_pointer(g, p);
}

/*
 * A relocation against a symbol, or (symbol 0) a function that is asked for the address: no
 * word that can be rewritten, but somebody may point there, or to where the word leads as
 * long as it isn't resolved.
 */
static int
add_other(struct growing *g, uint64_t at, uint64_t symbol, uint64_t addend)
{
	const struct elf *e = g->e;
	uint64_t size = e->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint64_t table = elf_dynamic(e, DT_SYMTAB, 0), value = addend;
	size_t off;

	if (symbol != 0 && elf_offset(e, table + symbol * size, size, &off) == 0)
		value += elf_get(e, off + (e->word == 8 ? 8 : 4), e->word);
	if (add_pointer(g, (struct elf_pointer){.at = at, .value = value}) < 0)
		return -1;
	if (elf_offset(e, at, e->word, &off) < 0)
		return 0;
	value = elf_get(e, off, e->word);
	return add_pointer(g, (struct elf_pointer){.at = at, .value = value});
}

static int
read_relocations(struct growing *g, uint64_t table, uint64_t bytes, int with_addend)
{
	const struct elf *e = g->e;
	size_t word = e->word, each = (with_addend ? 3 : 2) * word, off, addend_at;
	uint64_t at, info, symbol, type;

	if (bytes < each || elf_offset(e, table, bytes, &off) < 0)
		return bytes < each ? 0 : -1;
	for (; bytes >= each; bytes -= each, off += each) {
		int failed;

		at = elf_get(e, off, word);
		info = elf_get(e, off + word, word);
		symbol = word == 8 ? info >> 32 : info >> 8;
		type = word == 8 ? info & 0xffffffff : info & 0xff;
		addend_at = off + 2 * word;
		if (type != e->machine->relative)
			failed = add_other(g, at, type == e->machine->irelative ? 0 : symbol,
			    with_addend ? elf_get(e, addend_at, word) : 0);
		else
			failed = with_addend ? add_with_addend(g, at, addend_at)
					     : add_in_place(g, at);
		if (failed)
			return -1;
	}
	return 0;
}

/* RELR: an even word is an address; an odd one says, bit by bit, which of the words after
 * the last address are meant too. */
static int
read_relr(struct growing *g, uint64_t table, uint64_t bytes)
{
	const struct elf *e = g->e;
	size_t word = e->word, off;
	uint64_t next = 0;

	if (bytes < word || elf_offset(e, table, bytes, &off) < 0)
		return bytes < word ? 0 : -1;
	for (; bytes >= word; bytes -= word, off += word) {
		uint64_t v = elf_get(e, off, word);

		if (!(v & 1)) {
			if (add_in_place(g, v) < 0)
				return -1;
			next = v + word;
			continue;
		}
		for (size_t i = 0; (v >>= 1) != 0; i++)
			if ((v & 1) && add_in_place(g, next + i * word) < 0)
				return -1;
		next += (8 * word - 1) * word;
	}
	return 0;
}

static int
read_all_relocations(struct growing *g)
{
	const struct elf *e = g->e;

	if (read_relr(g, elf_dynamic(e, DT_RELR, 0), elf_dynamic(e, DT_RELRSZ, 0)) < 0)
		return -1;
	if (read_relocations(g, elf_dynamic(e, DT_RELA, 0), elf_dynamic(e, DT_RELASZ, 0), 1) <
	    0)
		return -1;
	if (read_relocations(g, elf_dynamic(e, DT_REL, 0), elf_dynamic(e, DT_RELSZ, 0), 0) < 0)
		return -1;
	return read_relocations(g, elf_dynamic(e, DT_JMPREL, 0), elf_dynamic(e, DT_PLTRELSZ, 0),
	    elf_dynamic(e, DT_PLTREL, DT_REL) == DT_RELA);
}

static int
read_all_words(struct growing *g)
{
	size_t word = g->e->word;

	for (size_t i = 0; i < g->e->loads; i++) {
		const struct elf_segment *s = &g->e->load[i];
		uint64_t skip = (word - s->vaddr % word) % word;

		for (uint64_t o = skip; o + word <= s->filesz; o += word) {
			size_t off = (size_t)(s->offset + o);

			if (add_pointer(g, (struct elf_pointer){.at = s->vaddr + o,
					       .value = elf_get(g->e, off, word),
					       .stored = off}) < 0)
				return -1;
		}
	}
	return 0;
}

static int
by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct elf_pointer *)a)->at,
		 y = ((const struct elf_pointer *)b)->at;

	return x < y ? -1 : x > y;
}

const char *
elf_pointers(const struct elf *e, struct elf_pointers *out)
{
	struct growing g = {.e = e, .out = out};

	*out = (struct elf_pointers){0};
	if ((e->relocated ? read_all_relocations(&g) : read_all_words(&g)) < 0) {
		elf_pointers_free(out);
		return "has damaged relocations";
	}
	if (out->n > 0)
		qsort(out->p, out->n, sizeof *out->p, by_address);
	return NULL;
}

void
elf_pointers_free(struct elf_pointers *p)
{
	free(p->p);
	*p = (struct elf_pointers){0};
}

void
elf_set_pointer(struct elf *e, struct elf_pointer *p, uint64_t value)
{
	elf_put(e, p->stored, e->word, value);
	if (p->copy)
		elf_put(e, p->copy, e->word, value);
	p->value = value;
}
