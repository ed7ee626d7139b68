#include "applets_find.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets_code.h"
#include "applets_names.h"
#include "applets_scan.h"
#include "cleanup.h"
#include "strbuf.h"

/* What the names are sure of, from the best down. In the second pass the compiler has put the
 * offsets into the code; below 32 applets there are none. */
enum pass { OFFSETS_IN_FILE, OFFSETS_IN_CODE, NO_OFFSETS, PASSES };

enum {
	STRAY_NAMES = 64, /* strings before the table that look like names, at most */
	FEWEST = 3,       /* fewer applets can't be told from other tables */
	MOST = 4096,
	MOST_TRIES = 1000,     /* a hostile file could have any number of things to try, */
	MOST_DERIVATIONS = 10, /* also of those for which all code is read */
	MAX_SIZE = 32 << 20,
};

int
applets_refuse(struct applets *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, sizeof a->why, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- finding the tables ---- */

/* Strings in a row that an empty one ends, the names among them in strict order. */
struct row {
	size_t room[MOST]; /* filled from its end */
	size_t *at, n;     /* the file's offset of each string */
	int names;         /* not all of them were cut */
};

/* What may be the table of names, and the pointers that go with it. */
struct table {
	size_t count;
	size_t at[MOST];         /* the file's offset of each name */
	signed char group[MOST]; /* of aliases, or NO_GROUP, or IS_CUT */
	size_t no_false;         /* the number of "false"; MOST: not there */
	const struct elf_pointer *entry;
};

enum { NO_GROUP = -1, IS_CUT = -2 };

struct search {
	struct applets *a;
	struct elf_pointers pointers;
	unsigned char *targets; /* what code refers to; NULL until somebody asks */
	struct row row;
	struct table *trial, *found; /* the latter once tables isn't 0 */
	enum pass pass;
	size_t tries, derivations; /* how often offsets were looked for, and how dearly */
	size_t tables;             /* how many tables of names were found */
	size_t nameable; /* the number of names in one that has no entry points; 0: none */
};

static const char *
string_at(const struct search *s, size_t at)
{
	return (const char *)s->a->image + at;
}

/* The names from the row's string `first` on, before them the one at `start`. */
static void
take_names(const struct search *s, size_t start, size_t first, struct table *t)
{
	size_t extra = start != s->row.at[first];

	t->count = s->row.n - first + extra;
	t->at[0] = start;
	memcpy(t->at + extra, s->row.at + first, (s->row.n - first) * sizeof *t->at);
}

static void
sort_names_out(const struct search *s, struct table *t)
{
	t->no_false = MOST;
	for (size_t i = 0; i < t->count; i++) {
		const char *name = string_at(s, t->at[i]);
		int cut = name_kind(name, strlen(name)) == CUT_NAME;

		t->group[i] = cut ? IS_CUT : (signed char)name_group(name);
		if (strcmp(name, "false") == 0)
			t->no_false = i;
	}
}

static int
are_known(const struct search *s, const struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const char *name = string_at(s, t->at[i]);

		if (name_kind(name, strlen(name)) != CUT_NAME && !name_is_known(name))
			return 0;
	}
	return 1;
}

static int
is_referred_to(struct search *s, size_t off)
{
	if (!s->targets)
		s->targets = code_targets(&s->a->elf);
	return s->targets[off / 8] >> off % 8 & 1;
}

static size_t
part_offset(const struct table *t, size_t part)
{
	return t->at[name_part_start(t->count, part)];
}

/*
 * Whether the code forms the address of the first name, and of the names at which its search
 * begins: each by itself, or from that of the last one, with which it begins.
 */
static int
has_offsets_in_code(struct search *s, const struct table *t)
{
	size_t last = name_parts(t->count) - 1;

	if (last == 0 || !code_is_readable(&s->a->elf) || !are_known(s, t) ||
	    !is_referred_to(s, t->at[0]) || !is_referred_to(s, part_offset(t, last)))
		return 0;
	for (size_t part = 1; part < last; part++) {
		if (!is_referred_to(s, part_offset(t, part)) &&
		    (s->derivations++ >= MOST_DERIVATIONS ||
			!code_derives(&s->a->elf, part_offset(t, last), part_offset(t, part))))
			return 0;
	}
	return 1;
}

/* Whether what the program has in memory holds such bytes. */
static int
has_bytes(const struct elf *e, const void *bytes, size_t n)
{
	for (size_t i = 0; i < e->loads; i++) {
		const struct elf_segment *l = &e->load[i];

		if (memmem(e->bytes + l->offset, (size_t)l->filesz, bytes, n))
			return 1;
	}
	return 0;
}

/* Whether the table of offsets into the names is in the program. */
static int
has_offsets(struct search *s, const struct table *t)
{
	unsigned char bytes[16];
	struct elf view = s->a->elf;
	size_t n = 0;

	if (name_parts(t->count) == 1 || s->tries++ >= MOST_TRIES)
		return 0;
	view.bytes = bytes;
	for (size_t part = 1; part < name_parts(t->count); part++, n += 2) {
		size_t offset = part_offset(t, part) - t->at[0];

		if (offset > UINT16_MAX)
			return 0;
		elf_put(&view, n, 2, offset);
	}
	return has_bytes(&s->a->elf, bytes, n);
}

/* Where the entries of what was cut lead. Returns 0 where nothing says so. */
static int
dead_entry(const struct table *t, const struct elf_pointer *entry, uint64_t *value)
{
	size_t i = 0;

	while (i < t->count && t->group[i] != IS_CUT)
		i++;
	if (i == t->count)
		i = t->no_false;
	if (i == MOST)
		return 0;
	*value = entry[i].value;
	return 1;
}

/*
 * Whether the names fit the pointers from entry on: what is cut leads to one place (to
 * "false", if that is there), and aliases that live share theirs. Returns how often that
 * was borne out, or -1 where it wasn't.
 */
static int
fits(const struct table *t, const struct elf_pointer *entry)
{
	uint64_t shared[NAME_GROUPS], dead = 0;
	unsigned char seen[NAME_GROUPS] = {0};
	int known = dead_entry(t, entry, &dead), fit = 0, cut = 0;

	for (size_t i = 0; i < t->count; i++) {
		int g = t->group[i];

		if (g == IS_CUT) {
			if (entry[i].value != dead)
				return -1;
			fit += cut++ > 0;
		} else if (g != NO_GROUP && !(known && entry[i].value == dead)) {
			if (seen[g] && shared[g] != entry[i].value)
				return -1;
			fit += seen[g];
			seen[g] = 1;
			shared[g] = entry[i].value;
		}
	}
	return cut && t->no_false != MOST && entry[t->no_false].value != dead ? -1 : fit;
}

/* The length of the run of pointers that begins at p[i]: words in a row, rewritable. */
static size_t
run_at(const struct search *s, size_t i)
{
	const struct elf_pointer *p = s->pointers.p;
	size_t n = 0;

	while (i + n < s->pointers.n && p[i + n].stored &&
	       p[i + n].at == p[i].at + n * s->a->elf.word)
		n++;
	return n;
}

/* Whether more than the pointers' number speaks for t, whose names have no offsets: the
 * code refers to where both tables begin; or, where code can't be read, the names are a
 * whole row, and some are aliases. */
static int
is_confirmed(struct search *s, const struct table *t, const struct elf_pointer *entry, int fit)
{
	size_t off;

	if (!code_is_readable(&s->a->elf))
		return fit > 0 && t->at[0] == s->row.at[0];
	return is_referred_to(s, t->at[0]) && elf_offset(&s->a->elf, entry->at, 1, &off) == 0 &&
	       is_referred_to(s, off);
}

/*
 * Finds the entry points of t. Where the names have offsets, the pointers must fit at one
 * place alone, confirmed by aliases or by there being not one pointer more. Where these are
 * not in the file, is_confirmed() too, and where there are none, there must not be a pointer
 * more. Returns how many places fit.
 */
static size_t
find_entries(struct search *s, struct table *t)
{
	size_t places = 0, run;

	for (size_t i = 0; i < s->pointers.n && places < 2; i += run ? run : 1) {
		const struct elf_pointer *p = s->pointers.p + i;

		run = run_at(s, i);
		if (run < t->count || (s->pass == NO_OFFSETS && run != t->count))
			continue;
		for (size_t k = 0; k + t->count <= run && places < 2; k++) {
			int fit = fits(t, p + k);

			if (fit < 0 || (fit == 0 && run != t->count) ||
			    (s->pass != OFFSETS_IN_FILE && !is_confirmed(s, t, p + k, fit)))
				continue;
			t->entry = p + k;
			places++;
		}
	}
	return places;
}

static int
are_names(struct search *s, const struct table *t)
{
	switch (s->pass) {
	case OFFSETS_IN_FILE:
		return has_offsets(s, t);
	case OFFSETS_IN_CODE:
		return has_offsets_in_code(s, t);
	default:
		return are_known(s, t);
	}
}

/* Returns whether it was the table. */
static int
try_names(struct search *s, size_t start, size_t first)
{
	struct table *t = s->trial;

	take_names(s, start, first, t);
	if (t->count < FEWEST || !are_names(s, t))
		return 0;
	sort_names_out(s, t);
	if (find_entries(s, t) != 1) {
		if (s->pass != NO_OFFSETS)
			s->nameable = t->count;
		return 0;
	}
	if (s->tables++ == 0) {
		s->trial = s->found;
		s->found = t;
	}
	return 1;
}

/*
 * An end of the row may be the table. What stands before the first name needn't end in a
 * NUL, so that this name may be the end of what looks like another string.
 */
static void
try_row(struct search *s)
{
	const struct row *row = &s->row;

	for (size_t first = 0; first <= STRAY_NAMES && first < row->n; first++) {
		const char *next = string_at(s, row->at[first]);

		if (try_names(s, row->at[first], first))
			return;
		for (size_t len = 1; len <= LONGEST_NAME && len + 1 < row->at[first]; len++) {
			size_t start = row->at[first] - 1 - len;
			enum name_kind kind = name_kind(string_at(s, start), len);

			if (s->a->image[start] == '\0')
				break;
			if (kind != NO_NAME &&
			    (kind == CUT_NAME || strcmp(string_at(s, start), next) < 0) &&
			    try_names(s, start, first))
				return;
		}
	}
}

/* Collects the strings before an empty one, backwards, as long as they can be the table. */
static void
read_row(struct search *s, size_t begin, size_t empty)
{
	struct row *row = &s->row;
	const char *next = NULL;
	size_t at = empty;

	row->n = 0;
	while (at > begin && row->n < MOST - 1) {
		size_t end = at - 1; /* of the string before, its NUL */
		enum name_kind kind;

		for (at = end; at > begin && s->a->image[at - 1] != '\0'; at--)
			if (end - at > LONGEST_NAME)
				break;
		kind = name_kind(string_at(s, at), end - at);
		if (kind == NO_NAME ||
		    (kind == NAME && next && strcmp(string_at(s, at), next) >= 0))
			break;
		if (kind == NAME)
			next = string_at(s, at);
		row->room[MOST - ++row->n] = at;
	}
	row->at = row->room + MOST - row->n;
	row->names = next != NULL;
}

/* The last byte of a string that may be a name, before an empty one. */
static void
mark_ends(const unsigned char *restrict b, unsigned char *restrict mark, unsigned char limit)
{
	(void)limit;
	for (size_t i = 0; i < SCAN_BLOCK; i++)
		mark[i] = (b[i + 1] > ' ') & (b[i + 1] <= '~') & (b[i + 2] == 0) &
			  (b[i + 3] == 0) & ((b[i] == 0) | ((b[i] > ' ') & (b[i] <= '~')));
}

struct segment_search {
	struct search *s;
	size_t begin, size; /* of the segment, in the file */
};

static int
search_end(void *arg, size_t at, unsigned char mark)
{
	const struct segment_search *here = arg;
	struct search *s = here->s;

	(void)mark;
	if (here->size - at <= 2)
		return 0;
	read_row(s, here->begin, here->begin + at + 2);
	if (s->row.names)
		try_row(s);
	return s->tables > 1;
}

static void
search_segment(struct search *s, const struct elf_segment *seg)
{
	struct segment_search here = {s, (size_t)seg->offset, (size_t)seg->filesz};

	if (s->tables < 2)
		scan(s->a->image + here.begin, here.size, 0, here.size, mark_ends, 0,
		    search_end, &here);
}

static int
search_tables(struct search *s)
{
	const char *why = elf_pointers(&s->a->elf, &s->pointers);

	if (why)
		return applets_refuse(s->a, "%s", why);
	for (s->pass = 0; s->pass < PASSES; s->pass++) {
		for (size_t i = 0; i < s->a->elf.loads; i++)
			if (!s->a->elf.load[i].writable)
				search_segment(s, &s->a->elf.load[i]);
		if (s->tables || (s->nameable && s->pass == OFFSETS_IN_FILE))
			break;
	}
	s->a->has_offsets = s->pass != NO_OFFSETS;
	if (s->tables > 1)
		return applets_refuse(
		    s->a, "isn't clear: more than one table of names has its entry points");
	if (s->tables == 0 && s->nameable)
		return applets_refuse(s->a,
		    "has a table of %zu names, but it isn't certain which entry "
		    "points go with it",
		    s->nameable);
	if (s->tables == 0)
		return applets_refuse(s->a,
		    "has no table of applets that is certain: no sorted names "
		    "with a table of offsets or of entry points that fits them");
	return 0;
}

/* ---- what the tables say ---- */

static void
set_aliases(struct applets *a)
{
	for (size_t i = 0; i < a->count; i++) {
		size_t k = 0;

		while (k < i && !(a->applet[k].alive &&
				    a->applet[k].entry.value == a->applet[i].entry.value))
			k++;
		a->applet[i].same_as = a->applet[i].alive ? k : i;
	}
}

static int
lives(const struct applets *a, const char *name)
{
	const struct applet *p = applets_find(a, name);

	return p && p->alive;
}

/* Applets that a shell of BusyBox may have built in. hush has all of them but the last two. */
static const char *const builtins[] = {
    "[", "[[", "echo", "kill", "printf", "pwd", "test", "true", "false", "sleep"};

enum { BUILTINS = sizeof builtins / sizeof *builtins, OF_HUSH = BUILTINS - 2 };

static unsigned
builtin_bit(const char *name)
{
	for (unsigned i = 0; i < BUILTINS; i++)
		if (strcmp(builtins[i], name) == 0)
			return 1u << i;
	return 0;
}

static void
mark_digits(const unsigned char *restrict b, unsigned char *restrict mark, unsigned char limit)
{
	(void)limit;
	for (size_t i = 0; i < SCAN_BLOCK; i++)
		mark[i] = (b[i] == 0) & ((b[i + 1] & 0xf8) == '0') & (b[i + 2] >= '[') &
			  (b[i + 2] <= 'z');
}

struct segment_builtins {
	struct applets *a;
	const char *bytes;
	size_t size;
};

static int
take_builtin(void *arg, size_t at, unsigned char mark)
{
	const struct segment_builtins *here = arg;
	const char *name = here->bytes + at + 1;

	(void)mark;
	if (here->size - at <= 8 || !memchr(name, '\0', 8))
		return 0;
	here->a->is_ash |= strcmp(name, "exec") == 0;
	here->a->of_ash |= builtin_bit(name);
	return 0;
}

/* ash's table of built-in commands has a digit from 0 to 7 before each name (shell/ash.c).
 * What isn't changed by a cut is looked for once. */
static void
find_builtins(struct applets *a)
{
	for (size_t i = 0; i < a->elf.loads && !a->is_ash; i++) {
		const struct elf_segment *l = &a->elf.load[i];
		struct segment_builtins here = {
		    a, (const char *)a->image + l->offset, (size_t)l->filesz};

		scan(a->image + l->offset, here.size, 0, here.size, mark_digits, 0,
		    take_builtin, &here);
	}
}

static unsigned
living_builtins(const struct applets *a)
{
	int shell = lives(a, "sh") || lives(a, "ash") || lives(a, "bash");
	unsigned has = shell && a->is_ash ? a->of_ash : 0;

	if (lives(a, "hush") || (shell && !a->is_ash))
		has |= (1u << OF_HUSH) - 1;
	return has;
}

int
applets_has_builtin(const struct applets *a, const char *name)
{
	return (a->builtins & builtin_bit(name)) != 0;
}

static void
take_table(struct applets *a, const struct table *t)
{
	uint64_t dead = 0;
	int known = dead_entry(t, t->entry, &dead);

	a->count = t->count;
	a->applet = xcalloc(t->count, sizeof *a->applet);
	for (size_t i = 0; i < t->count; i++) {
		struct applet *p = &a->applet[i];

		p->name_at = t->at[i];
		p->name_len = strlen((const char *)a->image + t->at[i]);
		p->entry = t->entry[i];
		if (t->group[i] == IS_CUT)
			continue;
		p->name = xstrndup((const char *)a->image + t->at[i], p->name_len);
		p->alive = i == t->no_false || !known || p->entry.value != dead;
	}
	set_aliases(a);
	a->builtins = living_builtins(a);
	for (size_t i = 0; i < t->count; i++)
		a->applet[i].builtin =
		    a->applet[i].name && applets_has_builtin(a, a->applet[i].name);
}

static void
free_table(struct applets *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->applet[i].name);
	free(a->applet);
	a->applet = NULL;
	a->count = 0;
}

int
applets_reread(struct applets *a)
{
	cleanup_free struct search *s = xcalloc(1, sizeof *s);
	int failed;

	free_table(a);
	s->a = a;
	s->trial = xmalloc(sizeof *s->trial);
	s->found = xmalloc(sizeof *s->found);
	failed = search_tables(s);
	if (!failed)
		take_table(a, s->found);
	free(s->trial);
	free(s->found);
	free(s->targets);
	elf_pointers_free(&s->pointers);
	return failed;
}

int
applets_parse(struct applets *a, unsigned char *image, size_t size)
{
	static const char banner[] = "BusyBox v1.";
	const char *why;

	*a = (struct applets){.image = image, .size = size};
	why = elf_open(&a->elf, image, size);
	if (why)
		return applets_refuse(a, "%s", why);
	/* "BusyBox v1.36.1 (…)" is in every one */
	a->is_busybox = has_bytes(&a->elf, banner, sizeof banner - 1);
	if (!a->is_busybox)
		return applets_refuse(
		    a, "isn't a BusyBox, or is packed: it doesn't name itself so");
	find_builtins(a);
	return applets_reread(a);
}

int
applets_read(struct applets *a, int fd)
{
	struct stat st;
	cleanup_free unsigned char *image = NULL;
	size_t got = 0;
	ssize_t n;

	*a = (struct applets){0};
	if (fstat(fd, &st) < 0)
		return applets_refuse(a, "can't be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return applets_refuse(a, "isn't a regular file");
	if (st.st_size > MAX_SIZE)
		return applets_refuse(a, "is larger than 32 MiB, as no BusyBox is");
	image = xmalloc((size_t)st.st_size + 1);
	while (got < (size_t)st.st_size &&
	       (n = pread(fd, image + got, (size_t)st.st_size - got, (off_t)got)) != 0) {
		if (n < 0 && errno != EINTR)
			return applets_refuse(a, "can't be read: %s", strerror(errno));
		got += n > 0 ? (size_t)n : 0;
	}
	return applets_parse(a, steal_pointer(&image), got);
}

void
applets_free(struct applets *a)
{
	free_table(a);
	free(a->image);
	a->image = NULL;
}

struct applet *
applets_find(const struct applets *a, const char *name)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->applet[i].name && strcmp(a->applet[i].name, name) == 0)
			return &a->applet[i];
	return NULL;
}

size_t
applets_nameless(const struct applets *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += a->applet[i].name == NULL;
	return n;
}

int
applets_is_dispatcher(const char *name)
{
	return strncmp(name, "busybox", 7) == 0;
}
