/* The tables of BusyBox found and cut in programs of every shape, and refused in others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "applets_cut.h"
#include "applets_find.h"
#include "applets_sample.h"
#include "applets_scan.h"
#include "strbuf.h"

/* ---- shapes ---- */

static const struct {
	const char *what;
	struct sample s;
} shapes[] = {
    {"x86-64, PIE, RELR", {.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_RELR}},
    {"x86-64, PIE, RELA", {.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_RELA}},
    {"x86-64, PIE, RELA, prelinked",
	{.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_PRELINKED}},
    {"x86-64, static", {.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_STATIC}},
    {"x86, PIE, REL", {.machine = EM_386, .kind = SAMPLE_REL}},
    {"x86, PIE, RELR", {.machine = EM_386, .kind = SAMPLE_RELR}},
    {"x86, static", {.machine = EM_386, .kind = SAMPLE_STATIC}},
    {"aarch64, PIE, RELA", {.wide = 1, .machine = EM_AARCH64, .kind = SAMPLE_RELA}},
    {"aarch64, PIE, RELR", {.wide = 1, .machine = EM_AARCH64, .kind = SAMPLE_RELR}},
    {"aarch64, static", {.wide = 1, .machine = EM_AARCH64, .kind = SAMPLE_STATIC}},
    {"aarch64, big-endian", {.wide = 1, .big = 1, .machine = EM_AARCH64, .kind = SAMPLE_RELA}},
    {"arm, PIE, REL", {.machine = EM_ARM, .kind = SAMPLE_REL}},
    {"arm, static", {.machine = EM_ARM, .kind = SAMPLE_STATIC}},
    {"arm, big-endian", {.big = 1, .machine = EM_ARM, .kind = SAMPLE_REL}},
    {"s390x, PIE, RELA", {.wide = 1, .big = 1, .machine = EM_S390, .kind = SAMPLE_RELA}},
    {"s390x, PIE, RELR", {.wide = 1, .big = 1, .machine = EM_S390, .kind = SAMPLE_RELR}},
    {"powerpc, static", {.big = 1, .machine = EM_PPC, .kind = SAMPLE_STATIC}},
    {"powerpc, PIE, RELA", {.big = 1, .machine = EM_PPC, .kind = SAMPLE_RELA}},
    {"more pointers on both sides",
	{.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_RELR, .before = 3, .after = 5}},
    {"no NUL before the names", {.wide = 1, .machine = EM_X86_64, .garbage = 1}},
    {"no [, no false",
	{.wide = 1,
	    .machine = EM_X86_64,
	    .kind = SAMPLE_RELA,
	    .names =
		"ash awk base64 basename bunzip2 bzcat cat chmod chown cp cut date dd df "
		"dmesg du echo egrep env expr factor fgrep find free getty grep gunzip gzip "
		"halt head id ls poweroff ps reboot sh vi wget zcat"}},
    {"no offsets into the names", {.wide = 1, .machine = EM_X86_64, .no_offsets = 1}},
    {"offsets in the code, more pointers on both sides", {.machine = EM_386,
							     .kind = SAMPLE_STATIC,
							     .before = 3,
							     .after = 5,
							     .no_offsets = 1,
							     .no_references = 1,
							     .derived = 1}},
    {"few names, confirmed by aliases",
	{.machine = EM_ARM, .kind = SAMPLE_REL, .names = "[ cat false ls sh test"}},
    {"few names, confirmed by the code",
	{.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_RELA, .names = "cat echo ls sh wget"}},
};

static const char *
alive_names(const struct applets *a, struct strbuf *b)
{
	strbuf_cut(b, 0);
	for (size_t i = 0; i < a->count; i++)
		if (a->applet[i].alive)
			strbuf_printf(b, "%s%s", b->len ? " " : "", a->applet[i].name);
	return b->s ? b->s : "";
}

/* The value that the program would find in its table. */
static uint64_t
stored_entry(const struct applets *a, const struct sample_file *f, size_t i)
{
	struct elf_pointers p;
	uint64_t value = 0;

	assert_null(elf_pointers(&a->elf, &p));
	for (size_t k = 0; k < p.n; k++)
		if (p.p[k].at == sample_address(f, f->table_at + i * f->word))
			value = p.p[k].value;
	elf_pointers_free(&p);
	return value;
}

static void
check_found(const struct applets *a, const struct sample_file *f)
{
	assert_int_equal(a->count, f->count);
	for (size_t i = 0; i < f->count; i++) {
		assert_string_equal(a->applet[i].name, f->name[i]);
		assert_true(a->applet[i].alive);
		assert_int_equal(a->applet[i].entry.value, sample_function(f, i));
	}
}

static void
check_cut(const struct applets *a, const struct sample_file *f, const uint64_t *before)
{
	uint64_t dead = 0;

	for (size_t i = 0; i < f->count; i++) {
		int kept = strcmp(f->name[i], "cat") == 0 || strcmp(f->name[i], "ls") == 0 ||
			   strcmp(f->name[i], "sh") == 0;
		uint64_t entry = stored_entry(a, f, i);

		assert_int_equal(a->applet[i].alive, kept);
		if (kept) {
			assert_int_equal(entry, before[i]);
			continue;
		}
		assert_true(dead == 0 || entry == dead);
		dead = entry;
		assert_null(a->applet[i].name);
		assert_int_equal(
		    a->image[a->applet[i].name_at + a->applet[i].name_len - 1], '/');
	}
}

static void
finds_and_cuts(void **state)
{
	struct strbuf names = STRBUF_INIT, unknown = STRBUF_INIT;

	(void)state;
	for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
		struct sample_file f;
		struct applets a;
		uint64_t before[256];
		unsigned char *once = xmalloc(SAMPLE_SIZE);
		unsigned char *bytes = sample_build(&f, &shapes[k].s);

		if (applets_parse(&a, bytes, SAMPLE_SIZE))
			fail_msg("%s: %s", shapes[k].what, a.why);
		check_found(&a, &f);
		for (size_t i = 0; i < f.count; i++)
			before[i] = stored_entry(&a, &f, i);
		applets_choose(&a, "cat,ls,sh", 1, &unknown);
		assert_int_equal(unknown.len, 0);
		if (applets_cut(&a))
			fail_msg("%s: %s", shapes[k].what, a.why);
		assert_string_equal(alive_names(&a, &names), "cat ls sh");
		assert_int_equal(a.cut, f.count - 3);
		check_cut(&a, &f, before);

		memcpy(once, a.image, SAMPLE_SIZE);
		applets_choose(&a, "cat,ls,sh", 1, &unknown);
		assert_int_equal(applets_cut(&a), 0);
		assert_int_equal(a.cut, 0);
		assert_int_equal(a.changed, 0);
		assert_memory_equal(a.image, once, SAMPLE_SIZE);

		applets_choose(&a, "ls", 0, &unknown);
		assert_int_equal(unknown.len, 0);
		assert_int_equal(applets_cut(&a), 0);
		assert_string_equal(alive_names(&a, &names), "cat sh");
		applets_free(&a);
		free(once);
	}
	strbuf_free(&names);
	strbuf_free(&unknown);
}

/* ---- refused ---- */

struct damage {
	const char *what, *why; /* why: a part of what is said */
	struct sample s;
	void (*harm)(struct sample_file *f, size_t *size);
};

static void
cut_short(struct sample_file *f, size_t *size)
{
	(void)f;
	*size -= 1;
}

static void
cut_to_header(struct sample_file *f, size_t *size)
{
	(void)f;
	*size = 40;
}

static void
other_kind(struct sample_file *f, size_t *size)
{
	(void)size;
	sample_put(f, 16, 2, ET_REL);
}

static void
no_elf(struct sample_file *f, size_t *size)
{
	(void)size;
	memcpy(f->b, "#!/bin/sh", 9);
}

static void
swap_two_names(struct sample_file *f, size_t *size)
{
	char *ls = (char *)f->b + f->names_at;

	(void)size;
	while (strcmp(ls, "ls") != 0)
		ls += strlen(ls) + 1;
	memcpy(ls, "zz", 2);
}

static void
other_offset(struct sample_file *f, size_t *size)
{
	(void)size;
	f->b[SAMPLE_CODE + SAMPLE_DERIVED + 19]++; /* the second part's distance */
}

static void
other_table(struct sample_file *f, size_t *size)
{
	(void)size;
	f->b[SAMPLE_CODE + SAMPLE_DERIVED + 37]++; /* the entry points' distance */
}

static void
part_an_alias(struct sample_file *f, size_t *size)
{
	(void)size;
	sample_put(f, f->table_at + sample_index(f, "zcat") * f->word, f->word,
	    sample_address(f, SAMPLE_CODE));
}

static void
break_the_run(struct sample_file *f, size_t *size)
{
	(void)size;
	sample_put(f, f->table_at + 9 * f->word, f->word, 0);
}

static void
second_table(struct sample_file *f, size_t *size)
{
	(void)size;
	memcpy(f->b + f->table_at + 0x300, f->b + f->table_at, f->count * f->word);
}

/* The same pointers over and over, each pair of words naming up to 64 of them. */
static void
endless_relr(struct sample_file *f, size_t *size)
{
	size_t dynamic = SAMPLE_DYNAMIC;

	(void)size;
	for (size_t at = 0x1000; at < SAMPLE_CODE; at += 16) {
		sample_put(f, at, 8, sample_address(f, f->table_at));
		sample_put(f, at + 8, 8, UINT64_MAX);
	}
	sample_put(f, dynamic + 8, 8, sample_address(f, 0x1000));
	sample_put(f, dynamic + 24, 8, SAMPLE_CODE - 0x1000);
}

static const struct damage damages[] = {
    {"a script", "isn't an ELF program", {.wide = 1, .machine = EM_X86_64}, no_elf},
    {"no BusyBox", "isn't a BusyBox", {.wide = 1, .machine = EM_X86_64, .no_banner = 1}, NULL},
    {"an object file", "another kind of ELF file", {.wide = 1, .machine = EM_X86_64},
	other_kind},
    {"the last byte missing", "is cut short", {.wide = 1, .machine = EM_X86_64}, cut_short},
    {"half a header", "is cut short", {.wide = 1, .machine = EM_X86_64}, cut_to_header},
    {"a processor from elsewhere", "isn't known here", {.wide = 1, .machine = EM_IA_64}, NULL},
    {"PowerPC64 with descriptors", "isn't known here",
	{.wide = 1, .big = 1, .machine = EM_PPC64}, NULL},
    {"no offsets into the names, one pointer more", "no table of applets that is certain",
	{.wide = 1, .machine = EM_X86_64, .no_offsets = 1, .before = 1}, NULL},
    {"offsets in the code, one of them another", "no table of applets that is certain",
	{.machine = EM_386, .no_offsets = 1, .no_references = 1, .before = 1, .derived = 1},
	other_offset},
    {"offsets in the code, another table of entry points", "isn't certain which entry points",
	{.machine = EM_386, .no_offsets = 1, .no_references = 1, .before = 1, .derived = 1},
	other_table},
    {"names out of order", "no table of applets that is certain",
	{.wide = 1, .machine = EM_X86_64}, swap_two_names},
    {"a pointer less", "isn't certain which entry points", {.wide = 1, .machine = EM_X86_64},
	break_the_run},
    {"two aliases with two functions", "isn't certain which entry points",
	{.wide = 1, .machine = EM_X86_64}, part_an_alias},
    {"the entry points twice", "isn't certain which entry points",
	{.wide = 1, .machine = EM_X86_64}, second_table},
    {"few names, one of them unknown", "no table of applets that is certain",
	{.wide = 1, .machine = EM_X86_64, .names = "cat frobnicate ls sh"}, NULL},
    {"few names, one pointer more", "no table of applets that is certain",
	{.wide = 1, .machine = EM_X86_64, .names = "cat echo ls sh", .after = 1}, NULL},
    {"few names that no code refers to", "no table of applets that is certain",
	{.wide = 1, .machine = EM_X86_64, .names = "cat echo ls sh", .no_references = 1}, NULL},
    {"two names", "no table of applets that is certain",
	{.wide = 1, .machine = EM_X86_64, .names = "cat ls"}, NULL},
    {"relocations without end", "has damaged relocations",
	{.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_RELR}, endless_relr},
};

static void
refuses(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof damages / sizeof *damages; k++) {
		const struct damage *d = &damages[k];
		struct sample_file f;
		struct applets a;
		size_t size = SAMPLE_SIZE;
		unsigned char *bytes = sample_build(&f, &d->s), *exact;

		if (d->harm)
			d->harm(&f, &size);
		/* of its own size, so that the sanitizer sees a byte too much */
		exact = memcpy(xmalloc(size), bytes, size);
		free(bytes);
		if (applets_parse(&a, exact, size) == 0)
			fail_msg("%s: taken", d->what);
		if (!strstr(a.why, d->why))
			fail_msg("%s: %s", d->what, a.why);
		applets_free(&a);
	}
}

static void
needs_a_function_that_fails(void **state)
{
	const struct sample s = {.wide = 1,
	    .machine = EM_X86_64,
	    .kind = SAMPLE_RELA,
	    .names = "[ cat ls sh test",
	    .no_failure = 1};
	struct strbuf unknown = STRBUF_INIT;
	struct sample_file f;
	struct applets a;

	(void)state;
	assert_int_equal(applets_parse(&a, sample_build(&f, &s), SAMPLE_SIZE), 0);
	applets_choose(&a, "cat", 1, &unknown);
	assert_int_equal(applets_cut(&a), -1);
	assert_non_null(strstr(a.why, "no function that only fails"));
	applets_free(&a);
}

static void
leaves_something(void **state)
{
	const struct sample s = {
	    .wide = 1, .machine = EM_X86_64, .names = "[ busybox cat test"};
	struct strbuf unknown = STRBUF_INIT;
	struct sample_file f;
	struct applets a;

	(void)state;
	assert_int_equal(applets_parse(&a, sample_build(&f, &s), SAMPLE_SIZE), 0);
	applets_choose(&a, "[ cat\ttest", 0, &unknown);
	assert_int_equal(applets_cut(&a), -1);
	assert_non_null(strstr(a.why, "without any applet"));
	applets_choose(&a, "busybox nano", 0, &unknown);
	assert_string_equal(unknown.s, "busybox nano");
	strbuf_free(&unknown);
	applets_free(&a);
}

/* ---- code ---- */

/* The functions in the order of their code, and what is in it: nothing but nop, unless it
 * was erased or the sample has an instruction there. */
static int
is_erased(const struct applets *a, const struct sample_file *f, const char *name, size_t from,
    size_t to)
{
	size_t at = SAMPLE_CODE + (size_t)(sample_function(f, sample_index(f, name)) -
					   sample_address(f, SAMPLE_CODE));
	size_t traps = 0;

	for (size_t i = from; i < to; i++)
		traps += a->image[at + i] == 0xcc;
	assert_true(traps == 0 || traps == to - from);
	return traps > 0;
}

static void
erases_what_nothing_leads_to(void **state)
{
	static const enum sample_kind kinds[] = {SAMPLE_RELA, SAMPLE_RELR, SAMPLE_STATIC};
	/* wget is called, vi jumped into, false where the dead lead; the last function,
	 * that of yes, has no known end */
	static const char *const gone[] = {"ash", "awk", "grep", "sed", "test", "xargs", "vi"};
	static const char *const there[] = {
	    "cat", "ls", "false", "gunzip", "zcat", "wget", "yes"};
	struct strbuf unknown = STRBUF_INIT;

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		const struct sample s = {.wide = 1,
		    .machine = EM_X86_64,
		    .kind = kinds[k],
		    .sections = 1,
		    .caller = "cat",
		    .callee = "wget",
		    .jumper = "ls",
		    .jumped = "vi"};
		struct sample_file f;
		struct applets a;
		size_t traps = 0;

		assert_int_equal(applets_parse(&a, sample_build(&f, &s), SAMPLE_SIZE), 0);
		applets_choose(&a, "cat ls gunzip", 1, &unknown);
		assert_int_equal(applets_cut(&a), 0);
		for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
			if (!is_erased(&a, &f, gone[i], 0, SAMPLE_FUNCTION / 2))
				fail_msg("%s is there", gone[i]);
		for (size_t i = 0; i < sizeof there / sizeof *there; i++)
			if (is_erased(&a, &f, there[i], 0, SAMPLE_FUNCTION))
				fail_msg("%s is gone", there[i]);
		assert_false(is_erased(&a, &f, "vi", SAMPLE_FUNCTION / 2, SAMPLE_FUNCTION));
		for (size_t i = 0; i < SAMPLE_LEAD; i++)
			assert_int_not_equal(a.image[SAMPLE_CODE + i], 0xcc);
		for (size_t i = SAMPLE_CODE; i < SAMPLE_DATA; i++)
			traps += a.image[i] == 0xcc;
		assert_int_equal(a.erased, traps);
		applets_free(&a);
	}
}

/* call, from the middle of one function to the start of another. */
static void
put_call(const struct sample_file *f, unsigned char *image, const char *from, const char *to)
{
	uint64_t here = sample_function(f, sample_index(f, from)) + SAMPLE_FUNCTION / 2 + 1;
	uint64_t distance = sample_function(f, sample_index(f, to)) - (here + 5);
	unsigned char *p = image + SAMPLE_CODE + (here - sample_address(f, SAMPLE_CODE));

	*p = 0xe8;
	for (size_t i = 0; i < 4; i++)
		p[1 + i] = (unsigned char)(distance >> (8 * i));
}

/* vi is jumped into before its call of sed, grep is dead as a whole. */
static void
follows_what_became_live_and_nothing_else(void **state)
{
	const struct sample s = {.wide = 1,
	    .machine = EM_X86_64,
	    .kind = SAMPLE_RELA,
	    .sections = 1,
	    .jumper = "ls",
	    .jumped = "vi"};
	struct strbuf unknown = STRBUF_INIT;
	struct sample_file f;
	struct applets a;

	(void)state;
	assert_int_equal(applets_parse(&a, sample_build(&f, &s), SAMPLE_SIZE), 0);
	put_call(&f, a.image, "vi", "sed");
	put_call(&f, a.image, "sed", "chmod");
	put_call(&f, a.image, "chmod", "xargs");
	put_call(&f, a.image, "grep", "awk");
	applets_choose(&a, "cat ls gunzip", 1, &unknown);
	assert_int_equal(applets_cut(&a), 0);
	assert_false(is_erased(&a, &f, "vi", SAMPLE_FUNCTION / 2, SAMPLE_FUNCTION));
	assert_false(is_erased(&a, &f, "sed", 0, SAMPLE_FUNCTION));
	assert_false(is_erased(&a, &f, "chmod", 0, SAMPLE_FUNCTION));
	assert_false(is_erased(&a, &f, "xargs", 0, SAMPLE_FUNCTION));
	assert_true(is_erased(&a, &f, "vi", 0, SAMPLE_FUNCTION / 2));
	assert_true(is_erased(&a, &f, "grep", 0, SAMPLE_FUNCTION));
	assert_true(is_erased(&a, &f, "awk", 0, SAMPLE_FUNCTION));
	applets_free(&a);
}

static void
erases_nothing_where_it_cannot_know(void **state)
{
	static const struct sample samples[] = {
	    {.wide = 1, .machine = EM_X86_64, .kind = SAMPLE_RELA},
	    {.machine = EM_386, .kind = SAMPLE_REL, .sections = 1},
	    {.wide = 1, .machine = EM_AARCH64, .kind = SAMPLE_RELA, .sections = 1},
	};
	struct strbuf unknown = STRBUF_INIT;

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct sample_file f;
		struct applets a;
		unsigned char before[SAMPLE_DATA - SAMPLE_CODE];

		assert_int_equal(
		    applets_parse(&a, sample_build(&f, &samples[k]), SAMPLE_SIZE), 0);
		memcpy(before, a.image + SAMPLE_CODE, sizeof before);
		applets_choose(&a, "cat", 1, &unknown);
		assert_int_equal(applets_cut(&a), 0);
		assert_int_equal(a.erased, 0);
		assert_memory_equal(before, a.image + SAMPLE_CODE, sizeof before);
		applets_free(&a);
	}
}

/* ---- scanning ---- */

/* The sum of a byte, the one before and the last that it may look at, where that is odd. */
static void
mark_odd_sums(
    const unsigned char *restrict b, unsigned char *restrict mark, unsigned char limit)
{
	for (size_t i = 0; i < SCAN_BLOCK; i++) {
		mark[i] = (unsigned char)(b[i] + b[i + 1] + b[i + 1 + SCAN_AHEAD] + limit);
		mark[i] = mark[i] & 1 ? mark[i] : 0;
	}
}

struct expected {
	const unsigned char *b;
	size_t size, next, end, left;
};

static unsigned char
odd_sum(const struct expected *x, size_t at)
{
	unsigned sum = (at > 0 ? x->b[at - 1] : 0) + x->b[at] +
		       (at + SCAN_AHEAD < x->size ? x->b[at + SCAN_AHEAD] : 0) + 3u;

	return sum & 1 ? (unsigned char)sum : 0;
}

static int
is_next(void *arg, size_t at, unsigned char mark)
{
	struct expected *x = arg;

	while (x->next < x->end && odd_sum(x, x->next) == 0)
		x->next++;
	assert_int_equal(at, x->next);
	assert_int_equal(mark, odd_sum(x, at));
	x->next++;
	return x->left-- == 1;
}

static void
scans_to_the_ends(void **state)
{
	static const size_t sizes[] = {1, 2, 7, 8, 9, SCAN_BLOCK - 1, SCAN_BLOCK,
	    SCAN_BLOCK + 1, SCAN_BLOCK + SCAN_AHEAD, SCAN_BLOCK + SCAN_AHEAD + 1,
	    3 * SCAN_BLOCK + 5};
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		/* of that size to the byte, so that a sanitizer sees what reads beyond */
		unsigned char *b = malloc(sizes[i]);

		assert_non_null(b);
		for (size_t k = 0; k < sizes[i]; k++)
			b[k] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
		for (size_t begin = 0; begin <= sizes[i]; begin += 1 + begin / 8) {
			size_t end =
			    sizes[i] - begin / 3 < begin ? begin : sizes[i] - begin / 3;
			struct expected x = {b, sizes[i], begin, end, 0};

			scan(b, sizes[i], begin, end, mark_odd_sums, 3, is_next, &x);
			while (x.next < end)
				assert_int_equal(odd_sum(&x, x.next++), 0);
			x = (struct expected){b, sizes[i], begin, end, 2};
			scan(b, sizes[i], begin, end, mark_odd_sums, 3, is_next, &x);
			assert_true(x.left <= 2);
		}
		free(b);
	}
}

/* ---- names ---- */

static void
tells_names_apart(void **state)
{
	static const struct {
		const char *s;
		enum name_kind kind;
	} table[] = {
	    {"[", NAME},
	    {"mkfs.ext2", NAME},
	    {"ether-wake", NAME},
	    {"", NO_NAME},
	    {"/", CUT_NAME},
	    {"////", CUT_NAME},
	    {"cat//", CUT_NAME},
	    {"/dev/null", NO_NAME},
	    {"usr/bin/", NO_NAME},
	    {"a b", NO_NAME},
	    {"\x8a[", NO_NAME},
	    {"sha512suM", NAME},
	    {"much-too-long-for-a-name-of-a-command-in-any-busybox", NO_NAME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (name_kind(table[i].s, strlen(table[i].s)) != table[i].kind)
			fail_msg("%s", table[i].s);
	assert_true(name_is_known("["));
	assert_true(name_is_known("zcip"));
	assert_true(name_is_known("wget"));
	assert_false(name_is_known("wge"));
	assert_false(name_is_known("get"));
	assert_false(name_is_known("cat ch"));
}

static void
finds_strings_between(void **state)
{
	static const struct {
		const char *before, *after;
		size_t len;
		const char *want; /* NULL: none */
	} table[] = {
	    {"", "cat", 1, "/"},
	    {"", "cat", 5, "/////"},
	    {"cat", "ls", 6, "cat///"},
	    {"cat", "ls", 4, "cat/"},
	    {"cat", "ls", 3, "cb/"},
	    {"hostname", "httpd", 2, NULL},
	    {"ls", "sh", 2, "m/"},
	    {"unlink", "unshare", 6, "unlio/"},
	    {"dd", "dh", 2, NULL},
	    {"fsck", "fsck.minix", 8, NULL},
	    {"sh", NULL, 3, "sh/"},
	    {"sh", NULL, 2, "t/"},
	    {"zz", NULL, 2, "{/"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char out[LONGEST_NAME + 1];
		int found = name_between(table[i].before, table[i].after, out, table[i].len);

		if ((found == 0) != (table[i].want != NULL) ||
		    (table[i].want && strcmp(out, table[i].want) != 0))
			fail_msg("%s .. %s, %zu: %s", table[i].before,
			    table[i].after ? table[i].after : "", table[i].len,
			    found == 0 ? out : "none");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_and_cuts),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(needs_a_function_that_fails),
	    cmocka_unit_test(leaves_something),
	    cmocka_unit_test(erases_what_nothing_leads_to),
	    cmocka_unit_test(follows_what_became_live_and_nothing_else),
	    cmocka_unit_test(erases_nothing_where_it_cannot_know),
	    cmocka_unit_test(scans_to_the_ends),
	    cmocka_unit_test(tells_names_apart),
	    cmocka_unit_test(finds_strings_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
