#include "idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "strbuf.h"

/* One more than the last id that there can be. */
static const uint64_t ids_end = UINT32_MAX;

void
idmap_free(struct idmap *m)
{
	free(m->uid.range);
	free(m->gid.range);
	*m = (struct idmap)IDMAP_INIT;
}

static bool
meet(uint32_t a, uint32_t b, uint32_t a_count, uint32_t b_count)
{
	return a < (uint64_t)b + b_count && b < (uint64_t)a + a_count;
}

int
id_map_add(struct id_map *m, uint32_t inside, uint32_t outside, uint32_t count)
{
	size_t i;

	errno = 0;
	if (count == 0)
		errno = EINVAL;
	else if ((uint64_t)inside + count > ids_end || (uint64_t)outside + count > ids_end)
		errno = ERANGE;
	for (i = 0; i < m->count && !errno; i++) {
		const struct id_range *r = &m->range[i];

		if (meet(inside, r->inside, count, r->count) ||
		    meet(outside, r->outside, count, r->count))
			errno = EEXIST;
	}
	if (!errno && m->count == IDMAP_RANGES_MAX)
		errno = E2BIG;
	if (errno)
		return -1;
	m->range = xreallocarray(m->range, m->count + 1, sizeof(*m->range));
	m->range[m->count++] = (struct id_range){inside, outside, count};
	return 0;
}

bool
id_map_out(const struct id_map *m, uint32_t inside, uint32_t *outside)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct id_range *r = &m->range[i];

		if (inside >= r->inside && inside - r->inside < r->count) {
			*outside = r->outside + (inside - r->inside);
			return true;
		}
	}
	return false;
}

bool
id_map_in(const struct id_map *m, uint32_t outside, uint32_t *inside)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		const struct id_range *r = &m->range[i];

		if (outside >= r->outside && outside - r->outside < r->count) {
			*inside = r->inside + (outside - r->outside);
			return true;
		}
	}
	return false;
}

uint64_t
id_map_size(const struct id_map *m)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < m->count; i++)
		n += m->range[i].count;
	return n;
}

bool
id_map_overlaps(const struct id_map *m, uint32_t *id)
{
	bool found = false;
	size_t i, j;

	for (i = 0; i < m->count; i++) {
		for (j = 0; j < m->count; j++) {
			const struct id_range *a = &m->range[i], *b = &m->range[j];
			uint32_t first = a->inside > b->outside ? a->inside : b->outside;

			if (!meet(a->inside, b->outside, a->count, b->count))
				continue;
			/* The same number on both sides: shifted or not, it is right. */
			if (a == b && a->inside == a->outside)
				continue;
			if (!found || first < *id)
				*id = first;
			found = true;
		}
	}
	return found;
}

int
id_map_through(const struct id_map *inner, const struct id_map *outer, struct id_map *out)
{
	size_t i, j;

	for (i = 0; i < inner->count; i++) {
		struct id_range left = inner->range[i];

		while (left.count) {
			uint32_t to, n = 0;

			for (j = 0; j < outer->count && !n; j++) {
				const struct id_range *o = &outer->range[j];
				uint32_t skip = left.outside - o->inside;

				if (left.outside < o->inside || skip >= o->count)
					continue;
				to = o->outside + skip;
				n = o->count - skip < left.count ? o->count - skip : left.count;
			}
			if (!n) {
				errno = ENOENT;
				return -1;
			}
			if (id_map_add(out, left.inside, to, n))
				return -1;
			left.inside += n;
			left.outside += n;
			left.count -= n;
		}
	}
	return 0;
}

void
idmap_identity(struct idmap *m)
{
	id_map_add(&m->uid, 0, 0, UINT32_MAX);
	id_map_add(&m->gid, 0, 0, UINT32_MAX);
}

static bool
is_identity(const struct id_map *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		if (m->range[i].inside != m->range[i].outside)
			return false;
	return m->count > 0;
}

bool
idmap_is_identity(const struct idmap *m)
{
	return is_identity(&m->uid) && is_identity(&m->gid);
}

static int
by_inside(const void *a, const void *b)
{
	const struct id_range *x = a, *y = b;

	return x->inside < y->inside ? -1 : x->inside > y->inside;
}

/* A sorted copy in which ranges that continue each other are one. */
static struct id_map
normal_form(const struct id_map *m)
{
	struct id_map n = {NULL, 0};
	size_t i;

	if (!m->count)
		return n;
	n.range = xreallocarray(NULL, m->count, sizeof(*n.range));
	memcpy(n.range, m->range, m->count * sizeof(*n.range));
	qsort(n.range, m->count, sizeof(*n.range), by_inside);
	for (i = 0; i < m->count; i++) {
		struct id_range *last = n.count ? &n.range[n.count - 1] : NULL;
		struct id_range r = n.range[i];

		if (last && last->inside + last->count == r.inside &&
		    last->outside + last->count == r.outside)
			last->count += r.count;
		else
			n.range[n.count++] = r;
	}
	return n;
}

static bool
equal(const struct id_map *a, const struct id_map *b)
{
	struct id_map x = normal_form(a), y = normal_form(b);
	bool same = x.count == y.count;
	size_t i;

	for (i = 0; same && i < x.count; i++)
		same = x.range[i].inside == y.range[i].inside &&
		       x.range[i].outside == y.range[i].outside &&
		       x.range[i].count == y.range[i].count;
	free(x.range);
	free(y.range);
	return same;
}

bool
idmap_equal(const struct idmap *a, const struct idmap *b)
{
	return equal(&a->uid, &b->uid) && equal(&a->gid, &b->gid);
}

/* A decimal number up to 2^32-1 at *p; *p is moved behind it. */
static bool
take_number(const char **p, const char *end, uint32_t *n)
{
	const char *start = *p;
	uint64_t got = 0;

	while (*p < end && **p >= '0' && **p <= '9') {
		got = got * 10 + (uint64_t)(*(*p)++ - '0');
		if (got > UINT32_MAX)
			return false;
	}
	*n = (uint32_t)got;
	return *p > start;
}

static bool
take(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	++*p;
	return true;
}

static int
refuse(struct strbuf *why, const char *text, size_t n, const char *reason)
{
	strbuf_puts(why, "range '");
	strbuf_put_visible(why, text, n);
	strbuf_printf(why, "': %s", reason);
	return -1;
}

static const char *
add_error(void)
{
	switch (errno) {
	case EINVAL:
		return "a range of no ids";
	case ERANGE:
		return "an id beyond 4294967294";
	case EEXIST:
		return "overlaps a range before it";
	default:
		return "more than 340 ranges";
	}
}

static int
parse_item(struct idmap *m, const char *text, size_t n, struct strbuf *why)
{
	const char *p = text, *end = text + n;
	char which = 'b';
	uint32_t in, out, count;

	if (n > 1 && p[1] == ':' && strchr("ugb", p[0])) {
		which = p[0];
		p += 2;
	}
	if (!take_number(&p, end, &in) || !take(&p, end, ':') || !take_number(&p, end, &out) ||
	    !take(&p, end, ':') || !take_number(&p, end, &count) || p != end)
		return refuse(why, text, n, "want [u:|g:|b:]INSIDE:OUTSIDE:COUNT");
	if ((which != 'g' && id_map_add(&m->uid, in, out, count)) ||
	    (which != 'u' && id_map_add(&m->gid, in, out, count)))
		return refuse(why, text, n, add_error());
	return 0;
}

int
idmap_parse(struct idmap *m, const char *text, struct strbuf *why)
{
	for (;;) {
		size_t n = strcspn(text, ",");

		if (parse_item(m, text, n, why))
			return -1;
		if (text[n] == '\0')
			return 0;
		text += n + 1;
	}
}

static void
skip_blanks(const char **p, const char *end)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		++*p;
}

int
id_map_parse_proc(struct id_map *m, const char *text, size_t n, struct strbuf *why)
{
	const char *p = text, *end = text + n;

	while (p < end) {
		const char *line = p, *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		uint32_t v[3];
		size_t i;

		for (i = 0; i < 3; i++) {
			skip_blanks(&p, stop);
			if (!take_number(&p, stop, &v[i]))
				break;
		}
		skip_blanks(&p, stop);
		if (i < 3 || p != stop)
			return refuse(why, line, (size_t)(stop - line), "want three numbers");
		if (id_map_add(m, v[0], v[1], v[2]))
			return refuse(why, line, (size_t)(stop - line), add_error());
		p = nl ? nl + 1 : end;
	}
	return 0;
}

static void
format_one(const struct id_map *m, char which, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		strbuf_printf(out, "%s%c:%u:%u:%u", out->len ? "," : "", which,
		    m->range[i].inside, m->range[i].outside, m->range[i].count);
}

void
idmap_format(const struct idmap *m, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	if (m->uid.count == m->gid.count && m->uid.count &&
	    memcmp(m->uid.range, m->gid.range, m->uid.count * sizeof(*m->uid.range)) == 0) {
		format_one(&m->uid, 'b', &text);
	} else {
		format_one(&m->uid, 'u', &text);
		format_one(&m->gid, 'g', &text);
	}
	strbuf_add(out, text.s ? text.s : "", text.len);
	strbuf_free(&text);
}
