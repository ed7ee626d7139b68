#include "applets_code.h"

#include <elf.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "applets_scan.h"
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
enum form { WIDE_BRANCH = 1, TIGHT_BRANCH = 2, RELATIVE_ADDRESS = 4 };

/*
 * The form of each byte: none where the highest of four bytes says that they lead farther
 * than `far` times 16 MiB, nor for a short branch forwards, to where the same code gets
 * anyway.
 */
static void
mark_forms(const unsigned char *restrict code, unsigned char *restrict form, unsigned char far)
{
	for (size_t i = 0; i < SCAN_BLOCK; i++) {
		unsigned char before = code[i], op = code[i + 1], next = code[i + 2];
		unsigned char near =
		    (unsigned char)(code[i + 5] + far) <= (unsigned char)(2 * far - 1);
		unsigned char jcc = (before == 0x0f) & ((op & 0xf0) == 0x80);
		unsigned char wide = near & (((op & 0xfe) == 0xe8) | jcc);
		unsigned char tight =
		    (((op & 0xf0) == 0x70) | ((op & 0xfc) == 0xe0) | (op == 0xeb)) &
		    (next >> 7);
		unsigned char address = near & ((op & 0xc7) == 0x05);

		form[i] = (unsigned char)(wide * WIDE_BRANCH | tight * TIGHT_BRANCH |
					  address * RELATIVE_ADDRESS);
	}
}

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

struct x86_code {
	const struct search *s;
	const struct elf_segment *seg;
};

/* What the bytes after code[i] count from the instruction. */
static int
find_relative(void *arg, size_t i, unsigned char form)
{
	const struct x86_code *x = arg;
	const struct search *s = x->s;
	size_t width = form == TIGHT_BRANCH ? 1 : 4;
	uint64_t here = x->seg->vaddr + i + 1, to;
	int wide = s->e->word == 8;

	if (width >= x->seg->filesz - i || (form == RELATIVE_ADDRESS && !wide))
		return 0;
	to = here + width + (uint64_t)x86_number(s->e->bytes + x->seg->offset + i + 1, width);
	to = wide ? to : to & UINT32_MAX;
	if (to - s->low < s->high - s->low)
		s->found(s->arg, here, to,
		    form == TIGHT_BRANCH       ? SHORT_BRANCH
		    : form == RELATIVE_ADDRESS ? ADDRESS
					       : BRANCH);
	return 0;
}

/* Whether four bytes at p may count from a register: a ModRM byte says so, or one that has a
 * SIB byte behind it (Intel's manual, volume 2, table 2-2). */
static int
x86_is_displacement(const unsigned char *p, size_t before)
{
	return (before >= 1 && (p[-1] & 0xc0) == 0x80) ||
	       (before >= 2 && (p[-2] & 0xc7) == 0x84);
}

/* What the four bytes from code[i] on say by themselves, and from the table of offsets on. */
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

/* What stands from code[begin] to code[end]. */
static void
search_x86(const struct search *s, const struct elf_segment *seg, uint64_t begin, uint64_t end)
{
	struct x86_code x = {s, seg};
	uint64_t far = (s->high - s->low) / (16 << 20) + 1;
	int absolute = s->e->word == 4 || !s->e->relocated;

	for (uint64_t i = begin; absolute && i < end && i + 4 <= seg->filesz; i++)
		find_absolute(s, seg, i);
	/* the byte that says what follows it stands before that */
	scan(s->e->bytes + seg->offset, seg->filesz, begin > 0 ? begin - 1 : 0, end - 1,
	    mark_forms, far < 128 ? (unsigned char)far : 128, find_relative, &x);
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
search_aarch64(
    const struct search *s, const struct elf_segment *seg, uint64_t begin, uint64_t end)
{
	for (uint64_t i = (begin + 3) / 4 * 4; i < end && i + 4 <= seg->filesz; i += 4) {
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

static struct search
start_search(const struct elf *e, found_fn *found, void *arg)
{
	struct search s = {e, elf_dynamic(e, DT_PLTGOT, 0), UINT64_MAX, 0, found, arg};

	if (!s.got && e->machine->number == EM_386)
		s.got = vote_for_got(e);
	for (size_t i = 0; i < e->loads; i++) {
		const struct elf_segment *l = &e->load[i];

		s.low = l->vaddr < s.low ? l->vaddr : s.low;
		s.high = l->vaddr + l->memsz > s.high ? l->vaddr + l->memsz : s.high;
	}
	return s;
}

/* What stands between two addresses. */
static void
search_range(const struct search *s, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < s->e->loads; i++) {
		const struct elf_segment *l = &s->e->load[i];
		uint64_t begin = from > l->vaddr ? from - l->vaddr : 0;
		uint64_t end = to > l->vaddr ? to - l->vaddr : 0;

		end = end < l->filesz ? end : l->filesz;
		if (!l->executable || begin >= end)
			continue;
		if (s->e->machine->number == EM_AARCH64)
			search_aarch64(s, l, begin, end);
		else
			search_x86(s, l, begin, end);
	}
}

static void
search_code(const struct elf *e, found_fn *found, void *arg)
{
	struct search s = start_search(e, found, arg);

	search_range(&s, 0, UINT64_MAX);
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
	uint64_t from, to;
};

struct reach {
	struct search code;
	uint64_t start, end; /* the region */
	/* Pieces of code, each up to an entry point. Whoever enters one gets to its end. */
	const uint64_t *entries;
	uint64_t *live; /* from where on each is live */
	size_t pieces;
	size_t here; /* the number of the piece that is looked at, and its ends */
	uint64_t low, high;
	struct span *todo; /* what has become live, and wasn't looked at yet */
	size_t todos, room;
	size_t table_words; /* of jump tables, as many as were read */
};

/* The number of the piece that an address is in; that of all where there is none. */
static size_t
piece_of(const struct reach *r, uint64_t address)
{
	size_t low = 0, high = r->pieces;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->entries[mid] <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Where a piece begins. */
static uint64_t
piece_start(const struct reach *r, size_t piece)
{
	return piece > 0 ? r->entries[piece - 1] : 0;
}

/* Whether an address is in the piece that is looked at. */
static int
is_near(const struct reach *r, uint64_t address)
{
	return address >= r->low && address < r->high;
}

/* Somebody gets to an address. The region ends at the last entry point, so that what is
 * inside of it is in a piece. */
static void
enter(struct reach *r, uint64_t address)
{
	size_t piece;

	if (address < r->start || address >= r->end)
		return;
	piece = is_near(r, address) ? r->here : piece_of(r, address);
	if (address >= r->live[piece])
		return;
	if (r->todos == r->room) {
		r->room = r->room ? 2 * r->room : 1024;
		r->todo = xreallocarray(r->todo, r->room, sizeof *r->todo);
	}
	r->todo[r->todos++] = (struct span){address, r->live[piece]};
	r->live[piece] = address;
}

/* A table of a switch: distances from its own start to places in the code. */
static void
enter_jump_table(struct reach *r, uint64_t table)
{
	const struct elf *e = r->code.e;
	const struct elf_segment *seg = elf_segment_of(e, table, 4);
	uint64_t end = seg ? seg->vaddr + seg->filesz : 0;

	for (uint64_t at = table; seg && end - at >= 4; at += 4) {
		uint64_t off = seg->offset + (at - seg->vaddr);
		uint64_t to = table + (uint64_t)x86_number(e->bytes + off, 4);

		r->table_words++;
		if (!elf_is_code(e, to) || r->table_words > e->size)
			break;
		enter(r, to);
	}
}

static void
enter_reference(void *arg, uint64_t from, uint64_t to, enum reference kind)
{
	struct reach *r = arg;
	int near;

	if (!is_near(r, from)) {
		r->here = piece_of(r, from);
		r->low = piece_start(r, r->here);
		r->high = r->here < r->pieces ? r->entries[r->here] : UINT64_MAX;
	}
	/* Forwards whoever is here gets by himself; a short branch stays in its function. */
	near = is_near(r, to);
	if (near ? to < from : kind != SHORT_BRANCH)
		enter(r, to);
	if (kind == ADDRESS)
		enter_jump_table(r, to);
}

/* Symbols that the program offers to its libraries, in the one table of those. */
static void
enter_symbols(struct reach *r)
{
	const struct elf *e = r->code.e;
	size_t size = e->word == 8 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), off;
	struct elf_section s;

	for (size_t i = 0; elf_section(e, i, &s) == 0; i++) {
		if (s.type != SHT_DYNSYM || elf_offset(e, s.address, s.size, &off) < 0)
			continue;
		for (uint64_t k = 0; k + size <= s.size; k += size)
			enter(r, elf_get(e, off + k + (e->word == 8 ? 8 : 4), e->word));
		return;
	}
}

static int
is_all_code(const struct elf *e, uint64_t start, uint64_t end)
{
	for (size_t i = 0; e->sections && i < e->codes; i++)
		if (start >= e->code[i].start && end <= e->code[i].end)
			return 1;
	return 0;
}

/* All that leads into the region from outside, and from what it led to. */
static void
enter_all(struct reach *r, const struct elf_pointers *pointers)
{
	const struct elf *e = r->code.e;

	for (size_t i = 0; i < pointers->n; i++)
		enter(r, pointers->p[i].value);
	enter(r, e->entry);
	enter(r, elf_dynamic(e, DT_INIT, 0));
	enter(r, elf_dynamic(e, DT_FINI, 0));
	enter_symbols(r);
	search_range(&r->code, 0, r->start);
	search_range(&r->code, r->end, UINT64_MAX);
	while (r->todos > 0) {
		struct span part = r->todo[--r->todos];

		search_range(&r->code, part.from, part.to);
	}
}

/* Fills each piece up to where it is live with int3. Returns the number of bytes. */
static size_t
fill_dead(struct elf *e, const struct reach *r, size_t region)
{
	size_t erased = 0;

	for (size_t i = 0; i < r->pieces; i++) {
		uint64_t from = piece_start(r, i);

		from = from > r->start ? from : r->start;
		if (r->live[i] <= from)
			continue;
		memset(e->bytes + region + (from - r->start), 0xcc, r->live[i] - from);
		erased += r->live[i] - from;
	}
	return erased;
}

int
code_erase(struct elf *e, const struct elf_pointers *pointers, const uint64_t *entries,
    size_t n, uint64_t first_cut, size_t *bytes)
{
	struct reach r = {.start = first_cut, .entries = entries, .pieces = n};
	size_t off;

	*bytes = 0;
	if (e->machine->number != EM_X86_64 || n == 0 || entries[n - 1] <= first_cut)
		return -1;
	r.end = entries[n - 1];
	if (!is_all_code(e, r.start, r.end) ||
	    elf_offset(e, r.start, r.end - r.start, &off) < 0)
		return -1;
	r.code = start_search(e, enter_reference, &r);
	r.live = xcalloc(n, sizeof *r.live);
	memcpy(r.live, entries, n * sizeof *r.live);
	enter_all(&r, pointers);
	if (r.table_words <= e->size)
		*bytes = fill_dead(e, &r, off);
	free(r.live);
	free(r.todo);
	return r.table_words <= e->size ? 0 : -1;
}
