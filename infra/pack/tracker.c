#include "tracker.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "report.h"
#include "secdb.h"
#include "strbuf.h"

/* ---- versions ---- */

/* What a character counts outside of digits: '~' comes before the end, letters before all
 * else. */
static int
weight(char c)
{
	if (c == '~')
		return -1;
	if (c == '\0' || (c >= '0' && c <= '9'))
		return 0;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return (unsigned char)c;
	return (unsigned char)c + 256;
}

/* Text and numbers in turn, as far as n bytes go. */
static int
compare_piece(const char *a, size_t na, const char *b, size_t nb)
{
	cleanup_free char *x = xstrndup(a, na), *y = xstrndup(b, nb);
	const char *p = x, *q = y;

	while (*p || *q) {
		size_t np, nq;
		int order;

		while (weight(*p) || weight(*q)) {
			if (weight(*p) != weight(*q))
				return weight(*p) < weight(*q) ? -1 : 1;
			p++;
			q++;
		}
		p += strspn(p, "0");
		q += strspn(q, "0");
		np = strspn(p, "0123456789");
		nq = strspn(q, "0123456789");
		order = np != nq ? (np < nq ? -1 : 1) : strncmp(p, q, np);
		if (order)
			return order;
		p += np;
		q += nq;
	}
	return 0;
}

static void
split(const char *version, const char **upstream, size_t *n, const char **revision)
{
	const char *dash;

	*upstream = strchr(version, ':') ? strchr(version, ':') + 1 : version;
	dash = strrchr(*upstream, '-');
	*n = dash ? (size_t)(dash - *upstream) : strlen(*upstream);
	*revision = dash ? dash + 1 : "";
}

int
deb_version_compare(const char *a, const char *b)
{
	const char *ua, *ub, *ra, *rb;
	size_t na, nb;
	int order;

	split(a, &ua, &na, &ra);
	split(b, &ub, &nb, &rb);
	order = compare_piece(a, (size_t)(ua - a), b, (size_t)(ub - b));
	/* No epoch is epoch 0. */
	if ((ua == a) != (ub == b))
		order = ua == a ? -(strtoul(b, NULL, 10) > 0) : strtoul(a, NULL, 10) > 0;
	if (!order)
		order = compare_piece(ua, na, ub, nb);
	return order ? order : compare_piece(ra, strlen(ra), rb, strlen(rb));
}

/* ---- the tracker ---- */

static int
is_debians(const json_t *tracker)
{
	json_t *package, *cve;
	const char *name, *id;

	json_object_foreach ((json_t *)tracker, name, package)
		json_object_foreach (package, id, cve)
			return json_is_object(json_object_get(cve, "releases"));
	return 0;
}

json_t *
tracker_read(const char *path)
{
	json_error_t error;
	json_t *tracker = json_load_file(path, 0, &error);

	if (!tracker) {
		report("tracker '%s': line %d: %s", path, error.line, error.text);
		return NULL;
	}
	if (json_is_array(json_object_get(tracker, "packages")) || is_debians(tracker))
		return tracker;
	report("tracker '%s': neither Debian's security tracker nor Alpine's security database",
	    path);
	json_decref(tracker);
	return NULL;
}

/* "resolved" with a version is open before that; version 0 means that it never was there. */
static int
is_open(const json_t *about, const char *version)
{
	const char *status = json_string_value(json_object_get(about, "status"));
	const char *fixed = json_string_value(json_object_get(about, "fixed_version"));

	if (!status)
		return 0;
	if (strcmp(status, "open") == 0)
		return 1;
	return strcmp(status, "resolved") == 0 && fixed && strcmp(fixed, "0") != 0 &&
	       deb_version_compare(version, fixed) < 0;
}

json_t *
tracker_open(
    const json_t *tracker, const char *source, const char *version, const char *release)
{
	json_t *open = json_object(), *list, *one;
	const char *id;
	size_t i;

	if (!json_is_array(json_object_get(tracker, "packages"))) {
		json_object_foreach (json_object_get(tracker, source), id, one)
			if (is_open(json_object_get(json_object_get(one, "releases"), release),
				version))
				json_object_set_new(open, id, json_true());
		return open;
	}
	list = secdb_open(tracker, source, version);
	json_array_foreach (list, i, one)
		json_object_set_new(
		    open, json_string_value(json_object_get(one, "id")), json_true());
	json_decref(list);
	return open;
}
