#include "tag_range.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MAX = 8, DIGITS_MAX = 17 };

struct version {
	long long number[NUMBERS_MAX];
	size_t n;
	size_t width[2];    /* digits of the first two */
	const char *prefix; /* "v" or "" */
	const char *suffix; /* what follows the numbers */
};

/* ---- versions ---- */

/* "v1.27.3-alpine"; for one part of a range the numbers end where no number follows. */
static int
parse_version(const char *text, struct version *v)
{
	const char *p = text;

	*v = (struct version){.prefix = *p == 'v' ? "v" : ""};
	p += *p == 'v';
	for (;;) {
		size_t digits = strspn(p, "0123456789");

		if (!digits || digits > DIGITS_MAX || v->n == NUMBERS_MAX)
			return -1;
		if (v->n < 2)
			v->width[v->n] = digits;
		v->number[v->n++] = strtoll(p, NULL, 10);
		p += digits;
		if (*p != '.' || !strchr("0123456789", p[1]) || !p[1])
			break;
		p++;
	}
	v->suffix = p;
	return 0;
}

/* Any digits in it are its numbers: what a regular expression has found. */
static void
loose_version(const char *text, struct version *v)
{
	*v = (struct version){.prefix = "", .suffix = ""};
	for (const char *p = text; *p && v->n < NUMBERS_MAX;) {
		size_t digits = strspn(p, "0123456789");

		if (digits && digits <= DIGITS_MAX)
			v->number[v->n++] = strtoll(p, NULL, 10);
		p += digits ? digits : 1;
	}
}

static int
compare(const struct version *a, const struct version *b)
{
	for (size_t i = 0; i < a->n || i < b->n; i++) {
		long long x = i < a->n ? a->number[i] : -1, y = i < b->n ? b->number[i] : -1;

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static enum tag_step
step_between(const struct version *a, const struct version *b)
{
	for (size_t i = 0; i < a->n || i < b->n; i++)
		if (i >= a->n || i >= b->n || a->number[i] != b->number[i])
			return i == 0 ? STEP_MAJOR : i == 1 ? STEP_MINOR : STEP_PATCH;
	return STEP_NONE;
}

/* ---- ranges ---- */

/* A year, of four digits or two, and a month come first. */
static bool
is_calver(const struct version *v)
{
	return v->n >= 2 &&
	       ((v->width[0] == 4 && v->number[0] >= 2000 && v->number[0] < 2100) ||
		   (v->width[0] == 2 && v->number[0] >= 10)) &&
	       v->number[1] >= 1 && v->number[1] <= 12;
}

struct bound {
	char op; /* '~' '^' 'x' '=' '<' '>'; "<=" is 'l', ">=" is 'g' */
	struct version v;
};

/* One part, "~1.27"; *p is moved behind it and the blanks. -1 where it is none. */
static int
take_bound(const char **p, struct bound *out)
{
	size_t len = strcspn(*p, " ");
	const char *text = pool_dupn(*p, len), *rest;

	*p += len + strspn(*p + len, " ");
	out->op = *text;
	if (!strchr("~^=<>", *text))
		out->op = 'x';
	else
		text++;
	if (*text == '=' && (out->op == '<' || out->op == '>')) {
		out->op = out->op == '<' ? 'l' : 'g';
		text++;
	}
	if (parse_version(text, &out->v) || *out->v.prefix)
		return -1;
	rest = out->v.suffix;
	if (out->op == 'x')
		return strcmp(rest, ".x") == 0 || strcmp(rest, ".*") == 0 ? 0 : -1;
	return *rest ? -1 : 0;
}

static bool
same_numbers(const struct version *a, const struct version *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((i < a->n ? a->number[i] : 0) != (i < b->n ? b->number[i] : 0))
			return false;
	return true;
}

/* Missing numbers of a bound are 0. */
static int
against(const struct version *v, const struct version *bound)
{
	for (size_t i = 0; i < NUMBERS_MAX; i++) {
		long long x = i < v->n ? v->number[i] : 0,
			  y = i < bound->n ? bound->number[i] : 0;

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static bool
within(const struct bound *b, const struct version *v)
{
	size_t fixed;

	switch (b->op) {
	case '~': /* the last number may grow, or the third of 1.27 */
		fixed = b->v.n > 2 ? b->v.n - 1 : b->v.n;
		return against(v, &b->v) >= 0 && same_numbers(v, &b->v, fixed);
	case '^': /* all behind the first that isn't 0 may */
		for (fixed = 1; fixed < b->v.n && b->v.number[fixed - 1] == 0;)
			fixed++;
		return against(v, &b->v) >= 0 && same_numbers(v, &b->v, fixed);
	case 'x':
		return same_numbers(v, &b->v, b->v.n);
	case '<':
		return against(v, &b->v) < 0;
	case 'l':
		return against(v, &b->v) <= 0;
	case '>':
		return against(v, &b->v) > 0;
	case 'g':
		return against(v, &b->v) >= 0;
	default:
		return against(v, &b->v) == 0;
	}
}

/* Whether a version is in the range, which isn't a regular expression. */
static bool
in_range(const char *range, const struct version *v)
{
	struct bound b;

	if (!range)
		return true;
	if (strcmp(range, "calver") == 0)
		return is_calver(v);
	while (*range)
		if (take_bound(&range, &b) || !within(&b, v))
			return false;
	return true;
}

/* ---- regular expressions ---- */

static bool
is_regex(const char *range)
{
	size_t len = range ? strlen(range) : 0;

	return len > 2 && range[0] == '/' && range[len - 1] == '/';
}

static int
compile(const char *range, regex_t *re)
{
	return regcomp(re, pool_dupn(range + 1, strlen(range) - 2), REG_EXTENDED);
}

/* The version that a tag has by the expression; false where it doesn't match. */
static bool
matched(const regex_t *re, const char *tag, struct version *v)
{
	regmatch_t m[2];
	size_t group = re->re_nsub ? 1 : 0;

	if (regexec(re, tag, 2, m, 0) || m[group].rm_so < 0)
		return false;
	loose_version(
	    pool_dupn(tag + m[group].rm_so, (size_t)(m[group].rm_eo - m[group].rm_so)), v);
	return true;
}

/* ---- both ---- */

int
tag_range_check(const char *range, const char **why)
{
	struct bound b;
	char reason[128];
	regex_t re;
	int code;

	if (*range == '/') {
		code = is_regex(range) ? compile(range, &re) : REG_BADPAT;
		if (!code) {
			regfree(&re);
			return 0;
		}
		if (is_regex(range))
			regerror(code, &re, reason, sizeof(reason));
		*why = pool_printf("'%s' is not a valid extended regular expression: %s", range,
		    is_regex(range) ? reason : "want /.../");
		return -1;
	}
	if (strcmp(range, "calver") == 0)
		return 0;
	*why = pool_printf("'%s': want ~1.27, ^1.27, 1.x, >=1.2 <2, calver or /REGEX/", range);
	if (!*range)
		return -1;
	for (const char *p = range; *p;)
		if (take_bound(&p, &b))
			return -1;
	return 0;
}

/* Whether one could follow the other, apart from being newer. */
static bool
alike(const char *range, const struct version *now, bool known, const struct version *v)
{
	if (!known)
		return range && !*v->suffix && in_range(range, v);
	return v->n == now->n && strcmp(v->prefix, now->prefix) == 0 &&
	       strcmp(v->suffix, now->suffix) == 0 &&
	       (v->width[0] == now->width[0] || now->width[0] < 4) && in_range(range, v);
}

const char *
tag_newest(const char *range, const char *current, const struct words *tags, enum tag_step most)
{
	bool by_regex = is_regex(range), known;
	struct version now = {0}, best = {0}, v;
	const char *got = NULL;
	regex_t re;

	if (by_regex && compile(range, &re))
		return NULL;
	known = by_regex ? matched(&re, current, &now) : parse_version(current, &now) == 0;
	for (size_t i = 0; i < tags->n; i++) {
		const char *tag = tags->w[i];

		if (by_regex ? !matched(&re, tag, &v)
			     : parse_version(tag, &v) || !alike(range, &now, known, &v))
			continue;
		if ((known && (compare(&v, &now) <= 0 || step_between(&now, &v) > most)) ||
		    (got && compare(&v, &best) <= 0))
			continue;
		got = tag;
		best = v;
	}
	if (by_regex)
		regfree(&re);
	return got;
}

enum tag_step
tag_step(const char *range, const char *from, const char *to)
{
	struct version a = {0}, b = {0};
	bool both;
	regex_t re;

	if (is_regex(range)) {
		if (compile(range, &re))
			return STEP_MAJOR;
		both = matched(&re, from, &a) && matched(&re, to, &b);
		regfree(&re);
	} else {
		both = parse_version(from, &a) == 0 && parse_version(to, &b) == 0;
	}
	return both ? step_between(&a, &b) : STEP_MAJOR;
}
