#include "secdb.h"

#include <string.h>

#include "report.h"
#include "version.h"

json_t *
secdb_parse(const char *text, size_t n, const char *what)
{
	json_error_t error;
	json_t *db = json_loadb(text, n, 0, &error);

	if (json_is_array(json_object_get(db, "packages")))
		return db;
	report(
	    "'%s' is no security database: %s", what, db ? "it lists no packages" : error.text);
	json_decref(db);
	return NULL;
}

/* "CVE-2023-1 GHSA-x": the first word is the name, the others are aliases. */
static void
add_open(json_t *list, const char *fixed, const char *names)
{
	json_array_append_new(list, json_pack("{s:s, s:o}", "fixed", fixed, "id",
					json_stringn(names, strcspn(names, " "))));
}

static void
add_fixes(json_t *list, const json_t *fixes, const char *version)
{
	json_t *names, *one;
	const char *fixed;
	size_t i;

	json_object_foreach ((json_t *)fixes, fixed, names) {
		/* Version 0 is for what never was in the package. */
		if (strcmp(fixed, "0") == 0 || version_compare(version, fixed) >= 0)
			continue;
		json_array_foreach (names, i, one)
			if (json_is_string(one))
				add_open(list, fixed, json_string_value(one));
	}
}

json_t *
secdb_open(const json_t *db, const char *origin, const char *version)
{
	json_t *packages = json_object_get(db, "packages"), *one, *list = json_array();
	size_t i;

	json_array_foreach (packages, i, one) {
		const json_t *pkg = json_object_get(one, "pkg");
		const char *name = json_string_value(json_object_get(pkg, "name"));

		if (name && strcmp(name, origin) == 0)
			add_fixes(list, json_object_get(pkg, "secfixes"), version);
	}
	return list;
}
