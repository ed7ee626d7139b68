#include "applets_code.h"

#include <elf.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

/* ---- what instructions may refer to ----
 *
 * Machine code is searched without knowing where instructions begin: each place that could
 * be one is taken for one. On x86 what is found is therefore more than there is, never
 * less, as far as the ways are concerned in which compilers form an address: a branch, an
 * address relative to the instruction, an absolute one, one relative to the table of
 * offsets.
 */

enum reference { ADDRESS, BRANCH, SHORT_BRANCH };

typedef void found_fn(void *arg, uint64_t from, uint64_t to, enum reference kind);

struct search {
	const struct elf *e;
	uint64_t got;       /* i386: what position-independent code counts from */
	uint64_t low, high; /* the addresses that the program has */
	found_fn *found;
	void *arg;
};

static int64_t
sign_extend(uint64_t v, unsigned bits)
{
	uint64_t sign = (uint64_t)1 << (bits - 1);

	return (int64_t)(((v & (2 * sign - 1)) ^ sign) - sign);
}

/* What a byte of code says of those after it (Intel's manual, volume 2, appendix A and table
 * 2-2): that four of them count from the instruction, or one. Branches are call, jmp and
 * jcc, whose wide form has 0x0f before it; an address is that of a ModRM byte. */
enum form { NO_FORM, WIDE_BRANCH, TIGHT_BRANCH, RELATIVE_ADDRESS };

/* clang-format off */
#define ONE_BYTE_FORMS \
	[0x05] = RELATIVE_ADDRESS, [0x0d] = RELATIVE_ADDRESS, [0x15] = RELATIVE_ADDRESS, \
	[0x1d] = RELATIVE_ADDRESS, [0x25] = RELATIVE_ADDRESS, [0x2d] = RELATIVE_ADDRESS, \
	[0x35] = RELATIVE_ADDRESS, [0x3d] = RELATIVE_ADDRESS, \
	[0x70 ... 0x7f] = TIGHT_BRANCH, [0xe0 ... 0xe3] = TIGHT_BRANCH, [0xeb] = TIGHT_BRANCH, \
	[0xe8 ... 0xe9] = WIDE_BRANCH
/* the second for what stands after 0x0f */
static const unsigned char x86_form[2][256] = {
	{ONE_BYTE_FORMS},
	{ONE_BYTE_FORMS, [0x80 ... 0x8f] = WIDE_BRANCH},
};
/* clang-format on */

/* x86 has the low byte first, as programs for it are. */
static int64_t
x86_number(const unsigned char *p, size_t width)
{
	uint32_t v;

	if (width == 1)
		return (int8_t)*p;
	memcpy(&v, p, sizeof v);
	return (int32_t)le32toh(v);
}

/* What the bytes from code[i] on count from the instruction. */
static void __attribute__((noinline))
find_relative(const struct search *s, const struct elf_segment *seg, uint64_t i, enum form form)
{
	size_t width = form == TIGHT_BRANCH ? 1 : 4;
	uint64_t here = seg->vaddr + i, to;
	int wide = s->e->word == 8;

	if (width > seg->filesz - i || (form == RELATIVE_ADDRESS && !wide))
		return;
	to = here + width + (uint64_t)x86_number(s->e->bytes + seg->offset + i, width);
	to = wide ? to : to & UINT32_MAX;
	if (to - s->low < s->high - s->low)
		s->found(s->arg, here, to,
		    form == TIGHT_BRANCH       ? SHORT_BRANCH
		    : form == RELATIVE_ADDRESS ? ADDRESS
					       : BRANCH);
}

/* Whether four bytes at p may count from a register: a ModRM byte says so, or one that has a
 * SIB byte behind it (Intel's manual, volume 2, table 2-2). */
static int
x86_is_displacement(const unsigned char *p, size_t before)
{
	return (before >= 1 && (p[-1] & 0xc0) == 0x80) ||
	       (before >= 2 && (p[-2] & 0xc7) == 0x84);
}

/* What they say by themselves, and from the table of offsets on. */
static void
find_absolute(const struct search *s, const struct elf_segment *seg, uint64_t i)
{
	size_t at = (size_t)(seg->offset + i);
	uint64_t here = seg->vaddr + i, v = elf_get(s->e, at, 4);

	if (!s->e->relocated && v >= s->low && v < s->high)
		s->found(s->arg, here, v, ADDRESS);
	if (s->e->word == 4 && s->got && x86_is_displacement(s->e->bytes + at, (size_t)i))
		s->found(s->arg, here, (s->got + v) & UINT32_MAX, ADDRESS);
}

static void
search_x86(const struct search *s, const struct elf_segment *seg)
{
	const unsigned char *code = s->e->bytes + seg->offset, *form_of = x86_form[0];
	int absolute = s->e->word == 4 || !s->e->relocated;

	/* a short branch forwards leads to where the same code gets to anyway */
	for (uint64_t i = 0; i + 1 < seg->filesz; i++) {
		enum form form = form_of[code[i]];

		if (absolute && i + 4 <= seg->filesz)
			find_absolute(s, seg, i);
		if (form != NO_FORM && (form != TIGHT_BRANCH || code[i + 1] >= 0x80))
			find_relative(s, seg, i + 1, form);
		form_of = x86_form[code[i] == 0x0f];
	}
}

/* Instructions stand low byte first even in a big-endian program. */
static uint32_t
aarch64_instruction(const struct elf *e, uint64_t off)
{
	const unsigned char *p = e->bytes + off;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Arm's manual, C4.1: adr, or adrp (a page's address) with an add to the same register
 * soon after. */
static void
search_aarch64(const struct search *s, const struct elf_segment *seg)
{
	for (uint64_t i = 0; i + 4 <= seg->filesz; i += 4) {
		uint64_t here = seg->vaddr + i, page;
		uint32_t op = aarch64_instruction(s->e, seg->offset + i), add;
		uint64_t low = ((op >> 3) & 0x1ffffc) | ((op >> 29) & 3);

		if ((op & 0x9f000000) == 0x10000000)
			s->found(s->arg, here, here + (uint64_t)sign_extend(low, 21), ADDRESS);
		if ((op & 0x9f000000) != 0x90000000)
			continue;
		page = (here & ~(uint64_t)4095) + (uint64_t)sign_extend(low, 21) * 4096;
		for (uint64_t k = i + 4; k <= i + 64 && k + 4 <= seg->filesz; k += 4) {
			add = aarch64_instruction(s->e, seg->offset + k);
			if ((add & 0xffc00000) == 0x91000000 && ((add >> 5) & 31) == (op & 31))
				s->found(s->arg, here, page + ((add >> 10) & 0xfff), ADDRESS);
		}
	}
}

int
code_is_readable(const struct elf *e)
{
	return e->machine->number == EM_X86_64 || e->machine->number == EM_386 ||
	       e->machine->number == EM_AARCH64;
}

/* What code on i386 counts from: call a function that is mov reg, [esp]; ret, then add
 * reg, distance. Returns 0 where p isn't that. */
static uint64_t
got_of_call(const struct elf *e, const unsigned char *p, size_t left, uint64_t here)
{
	uint64_t after = here + 5, to;
	size_t at = (size_t)(p - e->bytes), off, add = left > 5 && p[5] == 0x05 ? 6 : 7;

	if (left < add + 4 || p[0] != 0xe8 ||
	    (add == 7 && (p[5] != 0x81 || (p[6] & 0xf8) != 0xc0)))
		return 0;
	to = (after + elf_get(e, at + 1, 4)) & UINT32_MAX;
	if (elf_offset(e, to, 4, &off) < 0 || e->bytes[off] != 0x8b ||
	    e->bytes[off + 2] != 0x24 || e->bytes[off + 3] != 0xc3)
		return 0;
	return (after + elf_get(e, at + add, 4)) & UINT32_MAX;
}

/* The table of offsets of a program that has no dynamic section to say where it is: what
 * most of the code counts from (Boyer and Moore's vote). Returns 0 where there is none. */
static uint64_t
vote_for_got(const struct elf *e)
{
	uint64_t got = 0, v;
	size_t votes = 0, for_it = 0, all = 0;

	for (int counting = 0; counting < 2; counting++) {
		for (size_t i = 0; i < e->loads; i++) {
			const struct elf_segment *l = &e->load[i];

			for (uint64_t k = 0; l->executable && k < l->filesz; k++) {
				v = got_of_call(e, e->bytes + l->offset + k,
				    (size_t)(l->filesz - k), l->vaddr + k);
				if (v == 0)
					continue;
				if (counting)
					all++, for_it += v == got;
				else if (votes == 0)
					got = v, votes = 1;
				else
					votes += v == got ? 1 : (size_t)-1;
			}
		}
	}
	return 2 * for_it > all ? got : 0;
}

static void
search_code(const struct elf *e, found_fn *found, void *arg)
{
	struct search s = {e, elf_dynamic(e, DT_PLTGOT, 0), UINT64_MAX, 0, found, arg};

	if (!s.got && e->machine->number == EM_386)
		s.got = vote_for_got(e);
	for (size_t i = 0; i < e->loads; i++) {
		const struct elf_segment *l = &e->load[i];

		s.low = l->vaddr < s.low ? l->vaddr : s.low;
		s.high = l->vaddr + l->memsz > s.high ? l->vaddr + l->memsz : s.high;
	}
	for (size_t i = 0; i < e->loads; i++) {
		if (!e->load[i].executable)
			continue;
		if (e->machine->number == EM_AARCH64)
			search_aarch64(&s, &e->load[i]);
		else
			search_x86(&s, &e->load[i]);
	}
}

struct targets {
	const struct elf *e;
	unsigned char *bits;
};

static void
set_bit(void *arg, uint64_t from, uint64_t to, enum reference kind)
{
	struct targets *t = arg;
	size_t off;

	(void)from;
	(void)kind;
	if (elf_offset(t->e, to, 1, &off) == 0)
		t->bits[off / 8] |= (unsigned char)(1 << off % 8);
}

unsigned char *
code_targets(const struct elf *e)
{
	struct targets t = {e, xcalloc(e->size / 8 + 1, 1)};

	search_code(e, set_bit, &t);
	return t.bits;
}

struct derivation {
	const struct elf *e;
	size_t from;
	int64_t distance;
	int found;
};

/* lea reg, [reg + distance], without a SIB byte (Intel's manual, volume 2, table 2-2). */
static int
is_lea(const struct elf *e, const unsigned char *p, size_t left, int64_t distance)
{
	if (left < 3 || p[0] != 0x8d || (p[1] & 7) == 4)
		return 0;
	if (p[1] >> 6 == 1)
		return sign_extend(p[2], 8) == distance;
	return p[1] >> 6 == 2 && left >= 6 &&
	       sign_extend(elf_get(e, (size_t)(p + 2 - e->bytes), 4), 32) == distance;
}

static void
seek_lea(void *arg, uint64_t here, uint64_t to, enum reference kind)
{
	struct derivation *d = arg;
	size_t off, end;

	if (d->found || kind != ADDRESS || elf_offset(d->e, to, 1, &off) < 0 ||
	    off != d->from || elf_offset(d->e, here, 1, &off) < 0)
		return;
	end = off + 256 < d->e->size ? off + 256 : d->e->size;
	for (; off < end && !d->found; off++)
		d->found = is_lea(d->e, d->e->bytes + off, end - off, d->distance);
}

int
code_derives(const struct elf *e, size_t from, size_t to)
{
	struct derivation d = {e, from, (int64_t)to - (int64_t)from, 0};

	if (e->machine->number == EM_X86_64 || e->machine->number == EM_386)
		search_code(e, seek_lea, &d);
	return d.found;
}

/* ---- a function that fails ---- */

static const struct {
	uint16_t machine;
	int big;
	unsigned align, mark; /* mark: what a pointer to it has added */
	unsigned char len, code[8];
} failures[] = {
    {EM_X86_64, 0, 1, 0, 4, {0x6a, 1, 0x58, 0xc3}},    /* push 1; pop rax; ret */
    {EM_X86_64, 0, 1, 0, 6, {0xb8, 1, 0, 0, 0, 0xc3}}, /* mov eax, 1; ret */
    {EM_386, 0, 1, 0, 4, {0x6a, 1, 0x58, 0xc3}},
    {EM_386, 0, 1, 0, 6, {0xb8, 1, 0, 0, 0, 0xc3}},
    {EM_AARCH64, 0, 4, 0, 8, {0x20, 0, 0x80, 0x52, 0xc0, 3, 0x5f, 0xd6}}, /* mov w0, 1; ret */
    {EM_AARCH64, 1, 4, 0, 8, {0x20, 0, 0x80, 0x52, 0xc0, 3, 0x5f, 0xd6}},
    {EM_ARM, 0, 2, 1, 4, {1, 0x20, 0x70, 0x47}}, /* movs r0, 1; bx lr */
    {EM_ARM, 0, 4, 0, 8, {1, 0, 0xa0, 0xe3, 0x1e, 0xff, 0x2f, 0xe1}},
    {EM_S390, 1, 2, 0, 6, {0xa7, 0x29, 0, 1, 7, 0xfe}},            /* lghi r2, 1; br r14 */
    {EM_PPC, 1, 4, 0, 8, {0x38, 0x60, 0, 1, 0x4e, 0x80, 0, 0x20}}, /* li r3, 1; blr */
    {EM_PPC64, 0, 4, 0, 8, {1, 0, 0x60, 0x38, 0x20, 0, 0x80, 0x4e}},
};

static int
find_code(const struct elf *e, const unsigned char *code, size_t len, unsigned align,
    uint64_t *address)
{
	for (size_t i = 0; i < e->loads; i++) {
		const struct elf_segment *s = &e->load[i];
		const unsigned char *from = e->bytes + s->offset, *hit = from;
		const unsigned char *end = from + s->filesz;

		while (s->executable && (hit = memmem(hit, (size_t)(end - hit), code, len))) {
			*address = s->vaddr + (uint64_t)(hit - from);
			if (*address % align == 0)
				return 0;
			hit++;
		}
	}
	return -1;
}

int
code_find_failure(const struct elf *e, uint64_t *pointer)
{
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		if (failures[i].machine != e->machine->number || failures[i].big != e->big)
			continue;
		if (find_code(e, failures[i].code, failures[i].len, failures[i].align,
			pointer) == 0) {
			*pointer += failures[i].mark;
			return 0;
		}
	}
	return -1;
}

/* ---- what nothing leads to ----
 *
 * Known are the entry points of all applets: no code runs on into them from above. A
 * function is in one piece from its first byte on, so that whoever gets to an address may
 * get to everything from there to the next entry point, and to what that refers to. Parts
 * that compilers take out of a function are entered by wide branches or jump tables. What
 * is before the first entry point that was cut or after the last one of all may do
 * anything.
 */

struct span {
	uint32_t from, to; /* counted from the region's start */
};

struct spans {
	struct span *s;
	size_t n, room;
};

struct reach {
	const struct elf *e;
	uint64_t start, size; /* the region */
	const uint64_t *entries;
	size_t entry_count;
	uint64_t low, high;  /* the entry points around the code that is looked at */
	unsigned char *live; /* one for each byte */
	struct spans edges;  /* from one place to another, as they are found: upwards */
	struct spans todo;   /* what has become live, and its edges weren't followed yet */
};

static void
push(struct spans *list, uint32_t from, uint32_t to)
{
	if (list->n == list->room) {
		list->room = list->room ? 2 * list->room : 4096;
		list->s = xreallocarray(list->s, list->room, sizeof *list->s);
	}
	list->s[list->n++] = (struct span){from, to};
}

/* The number of the first entry point above an address; that of all where there is none. */
static size_t
next_index(const struct reach *r, uint64_t address)
{
	size_t low = 0, high = r->entry_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->entries[mid] <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
enter(struct reach *r, uint64_t address)
{
	/* the region ends at the last entry point, so that there is one */
	uint64_t end = r->entries[next_index(r, address)] - r->start;
	uint64_t from = address - r->start, at = from;

	/* where it was entered before, it was so up to the end */
	while (at < end && !r->live[at])
		r->live[at++] = 1;
	if (at > from)
		push(&r->todo, (uint32_t)from, (uint32_t)at);
}

static int
is_inside(const struct reach *r, uint64_t address)
{
	return address >= r->start && address - r->start < r->size;
}

static void
add_edge(struct reach *r, uint64_t from, uint64_t to)
{
	if (!is_inside(r, to))
		return;
	if (is_inside(r, from))
		push(&r->edges, (uint32_t)(from - r->start), (uint32_t)(to - r->start));
	else
		enter(r, to);
}

/* A table of a switch: distances from its own start to places in the code. */
static void
add_jump_table(struct reach *r, uint64_t from, uint64_t table)
{
	size_t off;

	for (uint64_t at = table; elf_offset(r->e, at, 4, &off) == 0; at += 4) {
		uint64_t to = table + (uint64_t)sign_extend(elf_get(r->e, off, 4), 32);

		if (!elf_is_code(r->e, to))
			break;
		add_edge(r, from, to);
	}
}

static void
add_reference(void *arg, uint64_t from, uint64_t to, enum reference kind)
{
	struct reach *r = arg;

	if (from >= r->high || from < r->low) {
		size_t next = next_index(r, from);

		r->low = next > 0 ? r->entries[next - 1] : 0;
		r->high = next < r->entry_count ? r->entries[next] : UINT64_MAX;
	}
	/* A short branch stays within its function. */
	if (kind == SHORT_BRANCH && (to < r->low || to >= r->high))
		return;
	/* Whoever gets to an address gets to all that follows up to the next entry point. */
	if (to < from || to >= r->high)
		add_edge(r, from, to);
	if (kind == ADDRESS)
		add_jump_table(r, from, to);
}

/* Follows the edges that begin in what is live, until nothing more becomes so. */
static void
follow(struct reach *r)
{
	while (r->todo.n > 0) {
		struct span part = r->todo.s[--r->todo.n];
		size_t low = 0, high = r->edges.n;

		while (low < high) {
			size_t mid = low + (high - low) / 2;

			if (r->edges.s[mid].from < part.from)
				low = mid + 1;
			else
				high = mid;
		}
		for (; low < r->edges.n && r->edges.s[low].from < part.to; low++)
			enter(r, r->start + r->edges.s[low].to);
	}
}

/* Symbols that the program offers to its libraries. */
static void
add_symbols(struct reach *r)
{
	const struct elf *e = r->e;
	size_t size = e->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), off;
	struct elf_section s;

	for (size_t i = 0; elf_section(e, i, &s) == 0; i++) {
		if (s.type != SHT_DYNSYM || elf_offset(e, s.address, s.size, &off) < 0)
			continue;
		for (uint64_t k = 0; k + size <= s.size; k += size)
			add_edge(r, 0, elf_get(e, off + k + (e->word == 8 ? 8 : 4), e->word));
	}
}

static int
is_all_code(const struct reach *r)
{
	const struct elf *e = r->e;

	for (size_t i = 0; e->sections && i < e->codes; i++)
		if (r->start >= e->code[i].start && r->start < e->code[i].end &&
		    r->size <= e->code[i].end - r->start)
			return 1;
	return 0;
}

/* All that leads into the region, from outside or from itself. */
static void
add_edges(struct reach *r, const struct elf_pointers *pointers)
{
	for (size_t i = 0; i < pointers->n; i++)
		add_edge(r, 0, pointers->p[i].value);
	add_edge(r, 0, r->e->entry);
	add_edge(r, 0, elf_dynamic(r->e, DT_INIT, 0));
	add_edge(r, 0, elf_dynamic(r->e, DT_FINI, 0));
	add_symbols(r);
	search_code(r->e, add_reference, r);
}

int
code_erase(struct elf *e, const struct elf_pointers *pointers, const uint64_t *entries,
    size_t n, uint64_t first_cut, size_t *bytes)
{
	struct reach r = {.e = e, .start = first_cut, .entries = entries, .entry_count = n};
	size_t off, erased = 0;

	*bytes = 0;
	if (e->machine->number != EM_X86_64 || n == 0 || entries[n - 1] <= first_cut)
		return -1;
	r.size = entries[n - 1] - first_cut;
	if (!is_all_code(&r) || r.size >= UINT32_MAX ||
	    elf_offset(e, r.start, r.size, &off) < 0)
		return -1;
	r.live = xcalloc(r.size, 1);
	add_edges(&r, pointers);
	follow(&r);
	for (size_t i = 0; i < r.size; i++) {
		erased += !r.live[i];
		if (!r.live[i])
			e->bytes[off + i] = 0xcc; /* int3 */
	}
	*bytes = erased;
	free(r.live);
	free(r.edges.s);
	free(r.todo.s);
	return 0;
}
