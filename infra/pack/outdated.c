/* pack outdated: the pins against what upstreams publish, and the packages of images against
 * Alpine's security database. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "engine_image.h"
#include "json.h"
#include "record.h"
#include "report.h"
#include "secdb.h"
#include "sources.h"
#include "store.h"
#include "strbuf.h"
#include "upstream.h"
#include "usage.h"
#include "verbs.h"
#include "version.h"

struct asking {
	struct pins pins;
	struct upstreams upstreams;
	struct lists lists;
	const char *state;
	json_t *pinned; /* array of {name, pinned, newest, outdated, held?: {newest, reason}} */
	json_t *open;   /* array of {image, package, version, fixed, id} */
	json_t *databases; /* by address */
	int trouble;
};

static json_t *
describe_pin(const struct pin *pin, const char *newest)
{
	return json_pack("{s:s, s:s, s:s, s:b}", "name", pin->name, "pinned", pin->version,
	    "newest", newest, "outdated", version_compare(pin->version, newest) < 0);
}

/* What there is that isn't wanted is told, and doesn't count. */
static int
note_pin(struct asking *a, const struct pin *pin, const struct upstream *u, const char *text,
    size_t n)
{
	const struct hold *hold = upstreams_hold(&a->upstreams, pin->name);
	struct release wanted = {0}, newest = {0};
	int bad = newest_release(u, hold, text, n, &wanted) ||
		  newest_release(u, NULL, text, n, &newest);

	if (!bad) {
		json_t *one = describe_pin(pin, wanted.version ? wanted.version : pin->version);

		if (wanted.held)
			json_object_set_new(one, "held",
			    json_pack("{s:s, s:s}", "newest", newest.version, "reason",
				hold->reason));
		json_array_append_new(a->pinned, one);
	}
	release_free(&wanted);
	release_free(&newest);
	return bad;
}

static void
ask_upstream(struct asking *a, const struct pin *pin)
{
	const struct upstream *u = upstreams_find(&a->upstreams, pin->name);
	cleanup_free char *address = NULL, *text = NULL;
	size_t n;

	/* A package of a release of Debian, which looks after it itself. */
	if (!u && strncmp(pin->origin, "deb:", 4) == 0)
		return;
	if (!u) {
		report("note: where '%s' publishes its releases isn't known", pin->name);
		return;
	}
	address = fill_in(u->list, pin->version);
	text = list_text(&a->lists, address, &n);
	if (!text || note_pin(a, pin, u, text, n))
		a->trouble = 1;
}

static void
ask_upstreams(struct asking *a)
{
	size_t i;

	/* Several origins of a version have a line each. */
	for (i = 0; i < a->pins.count; i++)
		if (pins_find(&a->pins, a->pins.pin[i].name, NULL) == &a->pins.pin[i])
			ask_upstream(a, &a->pins.pin[i]);
}

static void
check_package(struct asking *a, const json_t *db, const char *image, const json_t *part)
{
	const char *name = json_string_value(json_object_get(part, "name"));
	const char *version = json_string_value(json_object_get(part, "version"));
	const char *origin = json_property(part, "whittle:origin");
	json_t *open, *one;
	size_t i;

	if (!name || !version)
		return;
	open = secdb_open(db, *origin ? origin : name, version);
	json_array_foreach (open, i, one) {
		json_object_set_new(one, "image", json_string(image));
		json_object_set_new(one, "package", json_string(name));
		json_object_set_new(one, "version", json_string(version));
		json_array_append(a->open, one);
	}
	json_decref(open);
}

static const char *
system_version(const json_t *sbom)
{
	json_t *parts = json_object_get(sbom, "components"), *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		const char *type = json_string_value(json_object_get(part, "type"));
		const char *name = json_string_value(json_object_get(part, "name"));

		if (type && name && strcmp(type, "operating-system") == 0 &&
		    strcmp(name, "alpine") == 0)
			return json_string_value(json_object_get(part, "version"));
	}
	return NULL;
}

/* A list is asked for once, however many images there are. */
static const json_t *
database(struct asking *a, const char *address)
{
	cleanup_free char *text = NULL;
	json_t *db = json_object_get(a->databases, address);
	size_t n;

	if (db)
		return db;
	text = list_text(&a->lists, address, &n);
	db = text ? secdb_parse(text, n, address) : NULL;
	if (!db)
		a->trouble = 1;
	json_object_set_new(a->databases, address, db ? db : json_object());
	return json_object_get(a->databases, address);
}

static void
check_sbom(struct asking *a, const char *image, const json_t *sbom)
{
	const char *version = system_version(sbom);
	json_t *parts = json_object_get(sbom, "components"), *part;
	size_t i, k;

	/* Without a version nothing of it is Alpine's. */
	for (k = 0; version && k < a->upstreams.securities; k++) {
		cleanup_free char *address = fill_in(a->upstreams.security[k], version);
		const json_t *db = database(a, address);

		json_array_foreach (parts, i, part) {
			if (strcmp(json_property(part, "whittle:kind"), "apk") == 0)
				check_package(a, db, image, part);
		}
	}
}

static void
check_image(struct asking *a, const char *image)
{
	struct record r;
	json_t *sbom = NULL;

	if (record_open(&r, image, a->state) || record_json(&r, STORE_CDX, LABEL_CDX, &sbom))
		a->trouble = 1;
	else
		check_sbom(a, r.name, sbom);
	json_decref(sbom);
	record_close(&r);
}

/* Each name in the store once, if the engine has it as :live. */
static int
check_live(const char *directory, const char *name, const char *id, void *arg)
{
	struct asking *a = arg;
	cleanup_free char *image = xasprintf("%s:live", name), *full = full_image_name(image);
	char live[SHA256_HEX];

	(void)directory;
	if (engine_find_id(full, live) == 0 && strcmp(live, id) == 0)
		check_image(a, live);
	return 0;
}

static void
print_pin(const json_t *one)
{
	const char *name = json_string_value(json_object_get(one, "name"));
	const json_t *held = json_object_get(one, "held");

	printf("%-14s %-10s ", name, json_string_value(json_object_get(one, "pinned")));
	if (json_is_true(json_object_get(one, "outdated")))
		printf("%-10s is available: make bump NAME=%s\n",
		    json_string_value(json_object_get(one, "newest")), name);
	else if (held)
		printf("%-10s is available, held: %s\n",
		    json_string_value(json_object_get(held, "newest")),
		    json_string_value(json_object_get(held, "reason")));
	else
		puts("is the newest");
}

static void
print_answer(const struct asking *a)
{
	json_t *one;
	size_t i;

	json_array_foreach (a->pinned, i, one)
		print_pin(one);
	json_array_foreach (a->open, i, one)
		printf("%s: %s %s has %s open, fixed in %s\n",
		    json_string_value(json_object_get(one, "image")),
		    json_string_value(json_object_get(one, "package")),
		    json_string_value(json_object_get(one, "version")),
		    json_string_value(json_object_get(one, "id")),
		    json_string_value(json_object_get(one, "fixed")));
}

static void
print_json(const struct asking *a)
{
	json_t *j = json_pack("{s:O, s:O}", "pinned", a->pinned, "open", a->open);
	cleanup_free char *text = json_canonical(j);

	puts(text);
	json_decref(j);
}

static int
answer(const struct asking *a, int json)
{
	json_t *one;
	size_t i;
	int found = json_array_size(a->open) > 0;

	json_array_foreach (a->pinned, i, one)
		if (json_is_true(json_object_get(one, "outdated")))
			found = 1;
	if (json)
		print_json(a);
	else
		print_answer(a);
	return a->trouble ? EXIT_TROUBLE : found ? EXIT_NO : EXIT_YES;
}

int
verb_outdated(int argc, char **argv)
{
	enum { STORE = 256, JSON, LOCK, UPSTREAMS, CACHE, OFFLINE, LIVE };
	static const struct option options[] = {{"store", required_argument, NULL, STORE},
	    {"json", no_argument, NULL, JSON}, {"lock", required_argument, NULL, LOCK},
	    {"upstreams", required_argument, NULL, UPSTREAMS},
	    {"cache", required_argument, NULL, CACHE}, {"offline", no_argument, NULL, OFFLINE},
	    {"live", no_argument, NULL, LIVE}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *lock = "etc/sources.lock", *upstreams = "etc/upstreams";
	struct asking a = {.lists = {".cache/upstream", 0}};
	cleanup_free char *root = NULL;
	int opt, json = 0, live = 0, status = EXIT_TROUBLE;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		switch (opt) {
		case STORE:
			a.state = optarg;
			break;
		case JSON:
			json = 1;
			break;
		case LOCK:
			lock = optarg;
			break;
		case UPSTREAMS:
			upstreams = optarg;
			break;
		case CACHE:
			a.lists.cache = optarg;
			break;
		case OFFLINE:
			a.lists.offline = 1;
			break;
		case LIVE:
			live = 1;
			break;
		default:
			return verb_usage("outdated", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
		}
	a.pinned = json_array();
	a.open = json_array();
	a.databases = json_object();
	if (upstreams_read(lock, upstreams, &a.pins, &a.upstreams) == 0) {
		ask_upstreams(&a);
		for (; optind < argc; optind++)
			check_image(&a, argv[optind]);
		root = store_root(a.state);
		if (live)
			store_each(root, check_live, &a);
		status = answer(&a, json);
	}
	pins_free(&a.pins);
	upstreams_free(&a.upstreams);
	json_decref(a.pinned);
	json_decref(a.open);
	json_decref(a.databases);
	return status;
}
