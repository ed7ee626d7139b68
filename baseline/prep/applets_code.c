#include "applets_code.h"

#include <elf.h>
#include <string.h>

#include "strbuf.h"

/* ---- what instructions may refer to ----
 *
 * Machine code is searched without knowing where instructions begin: each place that could
 * be one is taken for one. What is found is therefore more than there is, never less, as
 * far as the ways are concerned in which compilers form an address: a branch, an address
 * relative to the instruction, an absolute one, one relative to the table of offsets.
 */

struct search {
	const struct elf *e;
	uint64_t got; /* i386: what position-independent code counts from */
	int pages; /* an address whose lower half isn't seen counts as all that it could be */
	void (*found)(void *arg, uint64_t from, uint64_t to);
	void *arg;
};

static int64_t
sign_extend(uint64_t v, unsigned bits)
{
	uint64_t sign = (uint64_t)1 << (bits - 1);

	return (int64_t)(((v & (2 * sign - 1)) ^ sign) - sign);
}

/* call, jmp, jcc, or an operand whose address counts from the instruction: the byte before
 * the four says so (Intel's manual, volume 2, appendix A and table 2-2). */
static int
x86_relative(const unsigned char *p, size_t before, int wide)
{
	if (before >= 1 && (p[-1] == 0xe8 || p[-1] == 0xe9))
		return 1;
	if (before >= 2 && p[-2] == 0x0f && (p[-1] & 0xf0) == 0x80)
		return 1;
	return wide && before >= 1 && (p[-1] & 0xc7) == 0x05;
}

static int
x86_short_branch(unsigned char op)
{
	return op == 0xeb || (op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0;
}

static void
search_x86(const struct search *s, const struct elf_segment *seg)
{
	const unsigned char *code = s->e->bytes + seg->offset;
	int wide = s->e->word == 8;
	uint64_t mask = wide ? UINT64_MAX : UINT32_MAX;

	for (uint64_t i = 0; i < seg->filesz; i++) {
		uint64_t here = seg->vaddr + i, v;

		if (i > 0 && x86_short_branch(code[i - 1]))
			s->found(s->arg, here,
			    (here + 1 + (uint64_t)sign_extend(code[i], 8)) & mask);
		if (i + 4 > seg->filesz)
			continue;
		v = elf_get(s->e, (size_t)(seg->offset + i), 4);
		if (x86_relative(code + i, i < 2 ? (size_t)i : 2, wide))
			s->found(
			    s->arg, here, (here + 4 + (uint64_t)sign_extend(v, 32)) & mask);
		if (!s->e->relocated)
			s->found(s->arg, here, v);
		if (!wide && s->got)
			s->found(s->arg, here, (s->got + v) & mask);
	}
}

/* The address that adrp and a following add to the same register form. */
static void
search_aarch64_page(const struct search *s, const struct elf_segment *seg, uint64_t i,
    uint64_t page, unsigned reg)
{
	uint64_t here = seg->vaddr + i, end = i + 64 < seg->filesz ? i + 64 : seg->filesz;
	int seen = 0;

	for (uint64_t j = i + 4; j + 4 <= end; j += 4) {
		uint64_t op = elf_get(s->e, (size_t)(seg->offset + j), 4);

		if ((op & 0xffc00000) == 0x91000000 && ((op >> 5) & 31) == reg) {
			s->found(s->arg, here, page + ((op >> 10) & 0xfff));
			seen = 1;
		}
	}
	for (unsigned at = 0; s->pages && !seen && elf_is_code(s->e, page + at) && at < 4096;
	     at += 4)
		s->found(s->arg, here, page + at);
}

/* Arm's manual, C4.1: adr, adrp, b and bl, b.cond and cbz, ldr of a literal, tbz. */
static void
search_aarch64(const struct search *s, const struct elf_segment *seg)
{
	for (uint64_t i = 0; i + 4 <= seg->filesz; i += 4) {
		uint64_t here = seg->vaddr + i, op = 0, low, off19;

		/* Instructions stand low byte first even in a big-endian program. */
		for (unsigned b = 0; b < 4; b++)
			op |= (uint64_t)s->e->bytes[seg->offset + i + b] << (8 * b);
		low = ((op >> 3) & 0x1ffffc) | ((op >> 29) & 3);
		off19 = (uint64_t)sign_extend(op >> 5, 19) * 4;
		if ((op & 0x9f000000) == 0x10000000)
			s->found(s->arg, here, here + (uint64_t)sign_extend(low, 21));
		else if ((op & 0x9f000000) == 0x90000000)
			search_aarch64_page(s, seg, i,
			    (here & ~(uint64_t)4095) + (uint64_t)sign_extend(low, 21) * 4096,
			    (unsigned)op & 31);
		else if ((op & 0x7c000000) == 0x14000000)
			s->found(s->arg, here, here + (uint64_t)sign_extend(op, 26) * 4);
		else if ((op & 0xff000000) == 0x54000000 || (op & 0x7e000000) == 0x34000000 ||
			 (op & 0x3b000000) == 0x18000000)
			s->found(s->arg, here, here + off19);
		else if ((op & 0x7e000000) == 0x36000000)
			s->found(s->arg, here, here + (uint64_t)sign_extend(op >> 5, 14) * 4);
		/* a literal: an address beside the code */
		if (!s->e->relocated)
			s->found(s->arg, here, op);
	}
}

static int
is_readable(const struct elf *e)
{
	return e->machine->number == EM_X86_64 || e->machine->number == EM_386 ||
	       e->machine->number == EM_AARCH64;
}

static void
search_code(
    const struct elf *e, int pages, void (*found)(void *, uint64_t, uint64_t), void *arg)
{
	struct search s = {e, elf_dynamic(e, DT_PLTGOT, 0), pages, found, arg};

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
set_bit(void *arg, uint64_t from, uint64_t to)
{
	struct targets *t = arg;
	size_t off;

	(void)from;
	if (elf_offset(t->e, to, 1, &off) == 0)
		t->bits[off / 8] |= (unsigned char)(1 << off % 8);
}

unsigned char *
code_targets(const struct elf *e)
{
	struct targets t = {e, xcalloc(e->size / 8 + 1, 1)};

	if (is_readable(e))
		search_code(e, 0, set_bit, &t);
	return t.bits;
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

/* ---- bounds ----
 *
 * The Linux Standard Base's .eh_frame and .eh_frame_hdr, in the one shape that linkers
 * write; in any other nothing is known.
 */

enum { PCREL_SDATA4 = 0x1b, UDATA4 = 0x03, DATAREL_SDATA4 = 0x3b };

static uint64_t
leb128(const struct elf *e, size_t *at, size_t end)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < end; shift += 7) {
		unsigned char b = e->bytes[(*at)++];

		if (shift < 63)
			value |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return value;
}

/* Whether the entry that many describe says its functions' addresses as four bytes that
 * count from themselves, and has nothing else to say. */
static int
is_plain_cie(const struct elf *e, uint64_t vaddr)
{
	size_t at, end;
	uint64_t len;

	if (elf_offset(e, vaddr, 12, &at) < 0)
		return 0;
	len = elf_get(e, at, 4);
	if (len < 12 || elf_offset(e, vaddr, 4 + len, &at) < 0 || elf_get(e, at + 4, 4) != 0)
		return 0;
	end = at + 4 + (size_t)len;
	if (e->bytes[at + 8] != 1 || memcmp(e->bytes + at + 9, "zR", 3) != 0)
		return 0;
	at += 12;
	leb128(e, &at, end); /* code alignment */
	leb128(e, &at, end); /* data alignment */
	at++;                /* return address column */
	return leb128(e, &at, end) == 1 && at < end && e->bytes[at] == PCREL_SDATA4;
}

static int
read_fde(const struct elf *e, uint64_t vaddr, struct code_range *out)
{
	size_t at;
	uint64_t back;

	if (elf_offset(e, vaddr, 16, &at) < 0)
		return -1;
	back = elf_get(e, at + 4, 4);
	if (elf_get(e, at, 4) < 12 || back == 0 || !is_plain_cie(e, vaddr + 4 - back))
		return -1;
	out->start = vaddr + 8 + (uint64_t)sign_extend(elf_get(e, at + 8, 4), 32);
	out->end = out->start + elf_get(e, at + 12, 4);
	if (e->word == 4) {
		out->start &= UINT32_MAX;
		out->end &= UINT32_MAX;
	}
	return 0;
}

/* The table's row of that start, by bisection; its address counts from the table's head. */
static size_t
find_row(const struct elf *e, size_t rows, size_t n, uint64_t start)
{
	size_t low = 0, high = n;
	int64_t wanted = (int64_t)(start - e->unwind.vaddr);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (sign_extend(elf_get(e, rows + 8 * mid, 4), 32) < wanted)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint64_t
row_value(const struct elf *e, size_t at)
{
	uint64_t v = e->unwind.vaddr + (uint64_t)sign_extend(elf_get(e, at, 4), 32);

	return e->word == 8 ? v : v & UINT32_MAX;
}

int
code_bounds(const struct elf *e, uint64_t start, struct code_range *out)
{
	size_t head = (size_t)e->unwind.offset, rows = head + 12, n, i, off;

	if (!is_readable(e) || e->unwind.filesz < 12 || e->bytes[head] != 1 ||
	    e->bytes[head + 1] != PCREL_SDATA4 || e->bytes[head + 2] != UDATA4 ||
	    e->bytes[head + 3] != DATAREL_SDATA4)
		return -1;
	n = (size_t)elf_get(e, head + 8, 4);
	if (n > (e->unwind.filesz - 12) / 8)
		return -1;
	i = find_row(e, rows, n, start);
	if (i == n || row_value(e, rows + 8 * i) != start)
		return -1;
	if (read_fde(e, row_value(e, rows + 8 * i + 4), out) < 0 || out->start != start)
		return -1;
	if (i + 1 < n && row_value(e, rows + 8 * (i + 1)) < out->end)
		return -1;
	out->used = 0;
	return out->end > start && elf_is_code(e, start) && elf_is_code(e, out->end - 1) &&
		       elf_offset(e, start, out->end - start, &off) == 0
		   ? 0
		   : -1;
}

/* ---- what is left without a way to it ---- */

struct marking {
	struct code_range *ranges;
	size_t n;
	int changed;
};

static struct code_range *
range_of(const struct marking *m, uint64_t address)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->ranges[mid].end <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->n && address >= m->ranges[low].start ? &m->ranges[low] : NULL;
}

static void
mark_target(void *arg, uint64_t from, uint64_t to)
{
	struct marking *m = arg;
	struct code_range *target = range_of(m, to), *source;

	if (!target || target->used)
		return;
	source = range_of(m, from);
	if (source && !source->used)
		return;
	target->used = 1;
	m->changed = 1;
}

void
code_mark_used(const struct elf *e, const struct elf_pointers *pointers,
    struct code_range *ranges, size_t n)
{
	struct marking m = {ranges, n, 1};

	/* A pointer into the middle is a function's own: a jump table's. */
	for (size_t i = 0; i < pointers->n; i++) {
		struct code_range *r = range_of(&m, pointers->p[i].value);

		if (r && r->start == pointers->p[i].value)
			r->used = 1;
	}
	mark_target(&m, 0, e->entry);
	mark_target(&m, 0, elf_dynamic(e, DT_INIT, 0));
	mark_target(&m, 0, elf_dynamic(e, DT_FINI, 0));
	/* What only one of these refers to is reached once that one is. */
	while (m.changed) {
		m.changed = 0;
		search_code(e, 1, mark_target, &m);
	}
}

void
code_trap(struct elf *e, const struct code_range *range)
{
	size_t off;

	/* int3; on aarch64 all zeros is an instruction that never will be one */
	if (elf_offset(e, range->start, range->end - range->start, &off) == 0)
		memset(e->bytes + off, e->machine->number == EM_AARCH64 ? 0 : 0xcc,
		    (size_t)(range->end - range->start));
}
