#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <yaml.h>

#include "cleanup.h"
#include "file.h"
#include "report.h"
#include "strbuf.h"

enum { FILE_MAX = 1024 * 1024, LEVELS_MAX = 32, WORD_MAX = 64 };

/* ---- messages ---- */

__attribute__((format(printf, 4, 0))) static void
complain_at(struct settings *s, size_t line, size_t column, const char *fmt, va_list ap)
{
	struct strbuf text = STRBUF_INIT;

	s->errors++;
	strbuf_vprintf(&text, fmt, ap);
	if (line)
		report("%s:%zu:%zu: %s", s->file, line, column, text.s);
	else
		report("%s: %s", s->file, text.s);
	strbuf_free(&text);
}

void
settings_error(struct settings *s, const struct node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_at(s, node ? node->line : 0, node ? node->column : 0, fmt, ap);
	va_end(ap);
}

/* libyaml counts from 0. Always -1. */
__attribute__((format(printf, 3, 4))) static int
refuse(struct settings *s, const yaml_mark_t *mark, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_at(s, mark->line + 1, mark->column + 1, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- YAML to nodes ---- */

static void
node_free(struct node *n)
{
	size_t i;

	if (!n)
		return;
	for (i = 0; i < n->count; i++) {
		node_free(n->item[i]);
		if (n->kind == NODE_MAP)
			node_free(n->key[i]);
	}
	free(n->item);
	free(n->key);
	free(n->text);
	free(n);
}

void
settings_free(struct settings *s)
{
	node_free(s->root);
	free(s->file);
	*s = (struct settings){0};
}

struct reader {
	struct settings *s;
	const char *bytes; /* all of the document's file */
	size_t n;
	yaml_parser_t parser;
	yaml_event_t event; /* the one at hand */
};

/* libyaml names the place of a bad character by its byte alone. */
static yaml_mark_t
mark_of_byte(const struct reader *r, size_t offset)
{
	yaml_mark_t mark = {0};
	size_t i;

	for (i = 0; i < offset && i < r->n; i++) {
		mark.column++;
		if (r->bytes[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int
refuse_character(struct reader *r)
{
	yaml_mark_t mark = mark_of_byte(r, r->parser.problem_offset);

	return refuse(
	    r->s, &mark, "bad character: %s, write the file as UTF-8 text", r->parser.problem);
}

static int
next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	if (r->parser.error == YAML_MEMORY_ERROR)
		return refuse(r->s, &r->parser.mark, "out of memory");
	if (r->parser.error == YAML_READER_ERROR)
		return refuse_character(r);
	return refuse(r->s, &r->parser.problem_mark, "bad YAML: %s%s%s", r->parser.problem,
	    r->parser.context ? " " : "", r->parser.context ? r->parser.context : "");
}

/* Anchors and tags change the meaning of text elsewhere in the file. */
static int
is_plain(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return refuse(r->s, &r->event.start_mark,
		    "anchor '&%s' is not supported, write the value out", anchor);
	if (tag)
		return refuse(
		    r->s, &r->event.start_mark, "tag '%s' is not supported, leave it out", tag);
	return 0;
}

static struct node *
new_node(const struct reader *r, enum node_kind kind)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->line = r->event.start_mark.line + 1;
	n->column = r->event.start_mark.column + 1;
	return n;
}

static int read_node(struct reader *r, struct node **out, int level);

static int
read_scalar(struct reader *r, struct node **out)
{
	const char *value = (const char *)r->event.data.scalar.value;
	size_t length = r->event.data.scalar.length;

	if (is_plain(r, r->event.data.scalar.anchor, r->event.data.scalar.tag))
		return -1;
	if (memchr(value, '\0', length))
		return refuse(r->s, &r->event.start_mark, "NUL byte in a value, remove it");
	*out = new_node(r, NODE_SCALAR);
	(*out)->text = xstrndup(value, length);
	(*out)->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static void
make_room(struct node *n)
{
	if (n->count & (n->count - 1))
		return;
	n->item = xreallocarray(n->item, n->count ? 2 * n->count : 1, sizeof(*n->item));
	if (n->kind == NODE_MAP)
		n->key = xreallocarray(n->key, n->count ? 2 * n->count : 1, sizeof(*n->key));
}

static int
read_list(struct reader *r, struct node *n, int level)
{
	for (;;) {
		if (next_event(r))
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		make_room(n);
		n->item[n->count++] = NULL;
		if (read_node(r, &n->item[n->count - 1], level + 1))
			return -1;
	}
}

static int
by_text_then_line(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static int
has_no_double_key(struct settings *s, const struct node *map)
{
	cleanup_free struct node **sorted = xreallocarray(NULL, map->count, sizeof(*sorted));
	size_t i;

	if (map->count < 2)
		return 0;
	memcpy(sorted, map->key, map->count * sizeof(*sorted));
	qsort(sorted, map->count, sizeof(*sorted), by_text_then_line);
	for (i = 1; i < map->count; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) != 0)
			continue;
		settings_error(s, sorted[i],
		    "duplicate key '%s', already set in line %zu, remove one", sorted[i]->text,
		    sorted[i - 1]->line);
		return -1;
	}
	return 0;
}

static int
read_map(struct reader *r, struct node *n, int level)
{
	for (;;) {
		if (next_event(r))
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return has_no_double_key(r->s, n);
		if (r->event.type != YAML_SCALAR_EVENT && r->event.type != YAML_ALIAS_EVENT)
			return refuse(r->s, &r->event.start_mark,
			    "a key must be a plain word, not a list or a map");
		make_room(n);
		n->key[n->count] = n->item[n->count] = NULL;
		n->count++;
		if (read_node(r, &n->key[n->count - 1], level + 1) || next_event(r) ||
		    read_node(r, &n->item[n->count - 1], level + 1))
			return -1;
	}
}

/* The node that the event at hand begins. What was read goes to *out also on failure,
 * so that freeing the root frees it. */
static int
read_node(struct reader *r, struct node **out, int level)
{
	if (level > LEVELS_MAX)
		return refuse(r->s, &r->event.start_mark, "more than %d levels, flatten it",
		    (int)LEVELS_MAX);
	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(r, out);
	case YAML_SEQUENCE_START_EVENT:
		if (is_plain(r, r->event.data.sequence_start.anchor,
			r->event.data.sequence_start.tag))
			return -1;
		*out = new_node(r, NODE_LIST);
		return read_list(r, *out, level);
	case YAML_MAPPING_START_EVENT:
		if (is_plain(
			r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag))
			return -1;
		*out = new_node(r, NODE_MAP);
		return read_map(r, *out, level);
	case YAML_ALIAS_EVENT:
		return refuse(r->s, &r->event.start_mark,
		    "alias '*%s' is not supported, write the value out (or quote it)",
		    r->event.data.alias.anchor);
	default:
		return refuse(r->s, &r->event.start_mark, "bad YAML: unexpected event");
	}
}

/* `key: value` below `---`, or nothing at all: both have one value at the most. */
static int
is_empty_document(const struct reader *r)
{
	return r->event.type == YAML_SCALAR_EVENT && r->event.data.scalar.length == 0 &&
	       r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       !r->event.data.scalar.anchor && !r->event.data.scalar.tag;
}

static int
read_document(struct reader *r)
{
	if (next_event(r) || next_event(r)) /* the stream's start, the document's start */
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if (next_event(r))
		return -1;
	if (!is_empty_document(r) && read_node(r, &r->s->root, 1))
		return -1;
	if (next_event(r) || next_event(r)) /* the document's end, what comes then */
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return refuse(r->s, &r->event.start_mark,
		    "a second document begins here, keep one to a file");
	return 0;
}

int
settings_parse(struct settings *s, const char *name, const char *bytes, size_t n)
{
	struct reader r = {.s = s};
	const char *nul = memchr(bytes, '\0', n);
	yaml_mark_t mark;
	int status;

	*s = (struct settings){.file = xstrdup(name)};
	/* What some editors put before UTF-8. */
	if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		bytes += 3;
		n -= 3;
	}
	r.bytes = bytes;
	r.n = n;
	if (n > FILE_MAX) {
		settings_error(
		    s, NULL, "more than %d bytes, which is too large", (int)FILE_MAX);
		return -1;
	}
	/* It would end the document there, and nobody would be told of the rest. */
	if (nul) {
		mark = mark_of_byte(&r, (size_t)(nul - bytes));
		return refuse(s, &mark, "NUL byte, remove it and whatever isn't text");
	}
	if (!yaml_parser_initialize(&r.parser)) {
		settings_error(s, NULL, "out of memory");
		return -1;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, n);
	status = read_document(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return status;
}

/* What is too much is left to settings_parse() to say. */
static int
read_bytes(const char *file, struct strbuf *out)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -1;
	return file_read(fd, FILE_MAX, out) && errno != EFBIG ? -1 : 0;
}

int
settings_read(struct settings *s, const char *file)
{
	struct strbuf bytes = STRBUF_INIT;
	int status = -1;

	if (read_bytes(file, &bytes)) {
		*s = (struct settings){.file = xstrdup(file), .errors = 1};
		report("read '%s':", file);
	} else {
		status = settings_parse(s, file, bytes.s ? bytes.s : "", bytes.len);
	}
	strbuf_free(&bytes);
	return status;
}

/* ---- the checks ---- */

const struct node *
settings_get(const struct node *map, const char *key)
{
	size_t i;

	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (i = 0; i < map->count; i++)
		if (strcmp(map->key[i]->text, key) == 0)
			return map->item[i];
	return NULL;
}

static bool
is_among(const char *word, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(word, *known) == 0)
			return true;
	return false;
}

void
settings_known(
    struct settings *s, const struct node *map, const char *const *known, const char *prefix)
{
	size_t i, skip = prefix ? strlen(prefix) : 0;

	if (!map || map->kind != NODE_MAP)
		return;
	for (i = 0; i < map->count; i++) {
		const char *key = map->key[i]->text;
		bool prefixed = skip && strncmp(key, prefix, skip) == 0;
		const char *bare = prefixed ? key + skip : key;
		const char *near;

		if (is_among(key, known) || (prefixed && is_among(bare, known)))
			continue;
		near = nearest_word(bare, known);
		if (near)
			settings_error(s, map->key[i], "unknown key '%s', did you mean '%s%s'?",
			    key, prefixed ? prefix : "", near);
		else
			settings_error(s, map->key[i], "unknown key '%s', remove it", key);
	}
}

static const char *
kind_name(const struct node *n)
{
	return n->kind == NODE_LIST ? "a list" : n->kind == NODE_MAP ? "a map" : "text";
}

static int
want_scalar(struct settings *s, const struct node *n, const char *what)
{
	if (n->kind == NODE_SCALAR)
		return 0;
	settings_error(s, n, "expected %s, not %s", what, kind_name(n));
	return -1;
}

int
settings_string(struct settings *s, const struct node *n, const char **out)
{
	if (want_scalar(s, n, "text"))
		return -1;
	*out = n->text;
	return 0;
}

int
settings_bool(struct settings *s, const struct node *n, bool *out)
{
	static const char *const yes[] = {"true", "yes", "on", "1", NULL};
	static const char *const no[] = {"false", "no", "off", "0", NULL};
	size_t i;

	if (want_scalar(s, n, "true or false"))
		return -1;
	for (i = 0; yes[i]; i++) {
		if (strcasecmp(n->text, yes[i]) != 0 && strcasecmp(n->text, no[i]) != 0)
			continue;
		*out = strcasecmp(n->text, yes[i]) == 0;
		return 0;
	}
	settings_error(s, n, "expected true or false, not '%s'", n->text);
	return -1;
}

/* Decimal alone: to YAML 1.1, 010 is eight, and to most people ten. */
static int
parse_decimal(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-');
	char *end;
	long long value;

	if (!isdigit((unsigned char)*digits) || (digits[0] == '0' && digits[1] != '\0'))
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end != '\0' || errno)
		return -1;
	*out = value;
	return 0;
}

int
settings_integer(
    struct settings *s, const struct node *n, int64_t min, int64_t max, int64_t *out)
{
	int64_t value;

	if (want_scalar(s, n, "a number"))
		return -1;
	if (parse_decimal(n->text, &value) || value < min || value > max) {
		settings_error(s, n,
		    "expected a whole number from %" PRId64 " to %" PRId64 ", not '%s'", min,
		    max, n->text);
		return -1;
	}
	*out = value;
	return 0;
}

int
settings_duration(struct settings *s, const struct node *n, int64_t *ms)
{
	if (want_scalar(s, n, "a duration"))
		return -1;
	if (parse_duration(n->text, ms) == 0)
		return 0;
	if (errno == ERANGE)
		settings_error(s, n, "duration '%s' is too long", n->text);
	else
		settings_error(s, n,
		    "expected a duration such as 90s, 2h or 1d12h "
		    "(units w d h m s ms, largest first), not '%s'",
		    n->text);
	return -1;
}

int
settings_size(struct settings *s, const struct node *n, int64_t *bytes)
{
	if (want_scalar(s, n, "a size"))
		return -1;
	if (parse_size(n->text, bytes) == 0)
		return 0;
	if (errno == ERANGE)
		settings_error(s, n, "size '%s' is too large", n->text);
	else
		settings_error(
		    s, n, "expected a size such as 512, 64k, 1.5m or 2g, not '%s'", n->text);
	return -1;
}

/* ---- durations, sizes, words ---- */

static int
fail(int error)
{
	errno = error;
	return -1;
}

/* Digits at *p; *p is moved behind them. */
static int
take_number(const char **p, int64_t *out)
{
	int64_t value = 0;

	if (!isdigit((unsigned char)**p))
		return fail(EINVAL);
	for (; isdigit((unsigned char)**p); (*p)++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, **p - '0', &value))
			return fail(ERANGE);
	*out = value;
	return 0;
}

int
parse_duration(const char *text, int64_t *ms)
{
	static const struct {
		char name[3];
		int64_t ms;
	} unit[] = {{"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000},
	    {"s", 1000}, {"ms", 1}};
	enum { UNITS = sizeof(unit) / sizeof(unit[0]) };
	const char *p = text;
	int64_t sum = 0, value;
	size_t i, next = 0, len;

	do {
		if (take_number(&p, &value))
			return -1;
		len = strspn(p, "abcdefghijklmnopqrstuvwxyz");
		if (len == 0 && sum == 0 && next == 0 && *p == '\0') {
			i = UNITS - 2; /* a bare number is seconds */
		} else {
			for (i = next; i < UNITS; i++)
				if (strlen(unit[i].name) == len &&
				    strncmp(p, unit[i].name, len) == 0)
					break;
		}
		if (i == UNITS)
			return fail(EINVAL);
		if (__builtin_mul_overflow(value, unit[i].ms, &value) ||
		    __builtin_add_overflow(sum, value, &sum))
			return fail(ERANGE);
		next = i + 1;
		p += len;
	} while (*p);
	*ms = sum;
	return 0;
}

/* The power of 1024 that a unit names, -1 for none: "", "b", "k", "kb", "ki", "kib" … */
static int
size_unit(const char *p)
{
	static const char letters[] = "kmgtp";
	const char *found;

	if (*p == '\0' || strcasecmp(p, "b") == 0)
		return 0;
	found = strchr(letters, tolower((unsigned char)*p));
	if (!found)
		return -1;
	p++;
	if (*p == '\0' || strcasecmp(p, "b") == 0 || strcasecmp(p, "i") == 0 ||
	    strcasecmp(p, "ib") == 0)
		return (int)(found - letters) + 1;
	return -1;
}

int
parse_size(const char *text, int64_t *bytes)
{
	enum { DECIMALS_MAX = 3 }; /* 999 * 1024^5 still fits into 63 bits */
	const char *p = text;
	int64_t whole, part = 0, scale = 1, sum;
	int power;

	if (take_number(&p, &whole))
		return -1;
	if (*p == '.') {
		const char *start = ++p;

		if (take_number(&p, &part))
			return -1;
		if (p - start > DECIMALS_MAX)
			return fail(EINVAL);
		for (; start < p; start++)
			scale *= 10;
	}
	power = size_unit(p);
	if (power < 0 || (power == 0 && scale > 1))
		return fail(EINVAL);
	if (__builtin_mul_overflow(whole, (int64_t)1 << (10 * power), &sum) ||
	    __builtin_add_overflow(sum, part * ((int64_t)1 << (10 * power)) / scale, &sum))
		return fail(ERANGE);
	*bytes = sum;
	return 0;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Optimal string alignment: insert, delete, replace or swap two neighbours, each one
 * step. Case doesn't count. Both words have at most WORD_MAX bytes. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t row[3][WORD_MAX + 1];
	size_t *two_up = row[0], *up = row[1], *here = row[2];
	size_t i, k, n = strlen(a), m = strlen(b);

	for (k = 0; k <= m; k++)
		up[k] = k;
	for (i = 1; i <= n; i++) {
		size_t *oldest = two_up;
		int c = tolower((unsigned char)a[i - 1]);

		here[0] = i;
		for (k = 1; k <= m; k++) {
			int d = tolower((unsigned char)b[k - 1]);

			here[k] = min3(up[k] + 1, here[k - 1] + 1, up[k - 1] + (c != d));
			if (i > 1 && k > 1 && c == tolower((unsigned char)b[k - 2]) &&
			    d == tolower((unsigned char)a[i - 2]) &&
			    two_up[k - 2] + 1 < here[k])
				here[k] = two_up[k - 2] + 1;
		}
		two_up = up;
		up = here;
		here = oldest;
	}
	return up[m];
}

const char *
nearest_word(const char *word, const char *const *known)
{
	const char *best = NULL;
	size_t len = strlen(word), best_distance;

	if (len < 2 || len > WORD_MAX)
		return NULL;
	best_distance = len < 6 ? 2 : len / 3 + 1;
	for (; *known; known++) {
		size_t distance;

		if (strlen(*known) > WORD_MAX)
			continue;
		distance = edit_distance(word, *known);
		if (distance < best_distance) {
			best_distance = distance;
			best = *known;
		}
	}
	return best;
}

int
settings_same(const struct node *a, const struct node *b)
{
	size_t i;

	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->count != b->count)
		return 0;
	if (a->kind == NODE_SCALAR)
		return strcmp(a->text, b->text) == 0;
	for (i = 0; i < a->count; i++)
		if (!settings_same(a->item[i], b->item[i]) ||
		    (a->kind == NODE_MAP && strcmp(a->key[i]->text, b->key[i]->text) != 0))
			return 0;
	return 1;
}
