#include "hostview.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "digest.h"
#include "engine_json.h"
#include "generations.h"
#include "history.h"
#include "log.h"
#include "overview.h"
#include "pipeline.h"
#include "run.h"
#include "self.h"
#include "snapshots.h"
#include "state.h"
#include "strbuf.h"

enum {
	EVENTS = 100,
	PATHS = 2000,   /* of an image: those that it has, then those that it hasn't any more */
	CHANGED = 1000, /* from one image to the next */
	LOG_LINES = 100,
	LOG_BYTES = 32 * 1024,
	LOG_MS = 3000,
	PROGRAM_MS = 60000,
};

static const char details_file[] = "page.json";

/* A string of any bytes. */
static json_t *
text(const char *s)
{
	struct strbuf b = STRBUF_INIT;
	json_t *got;

	if (!s)
		return json_null();
	strbuf_put_json(&b, s, strlen(s));
	got = json_loads(b.s, JSON_DECODE_ANY, NULL);
	strbuf_free(&b);
	return got ? got : json_string("?");
}

static json_t *
instant(time_t t)
{
	return t > 0 ? json_integer((json_int_t)t) : json_null();
}

static json_t *
instant_of(const json_t *o, const char *key)
{
	const char *time = json_string_value(json_object_get(o, key));

	return instant(time ? engine_time(time) : 0);
}

/* ---- what d keeps ---- */

static void
add_event(const json_t *o, void *arg)
{
	json_t *list = arg;

	if (json_array_size(list) == EVENTS)
		json_array_remove(list, 0);
	json_array_append_new(list,
	    json_pack("{s:o, s:O*, s:O*, s:O*, s:O*}", "time", instant_of(o, "time"), "event",
		json_object_get(o, "event"), "image", json_object_get(o, "image"), "text",
		json_object_get(o, "text"), "user", json_object_get(o, "user")));
}

static json_t *
events(struct app *a, const char *name)
{
	json_t *list = json_array();

	history_each(&a->host, name, add_event, list);
	return list;
}

static json_t *
generations(struct app *a, const char *name)
{
	json_t *list = json_array();
	struct generations g;
	struct snapshots s;

	if (generations_read(&a->host, name, &g))
		return list;
	if (snapshots_read(&a->host, name, &s))
		s.n = 0;
	for (size_t i = 0; i < g.n; i++) {
		json_t *data = json_array();

		for (size_t k = 0; k < s.n; k++)
			if (s.v[k].whole && s.v[k].generation == g.v[i].n)
				json_array_append_new(
				    data, json_pack("{s:o, s:o}", "time",
					      instant(engine_time(s.v[k].time)), "why",
					      text(s.v[k].why)));
		json_array_append_new(
		    list, json_pack("{s:i, s:o, s:o, s:b, s:o}", "n", g.v[i].n, "time",
			      instant(engine_time(g.v[i].time)), "image", text(g.v[i].image),
			      "current", g.v[i].n == g.current, "data", data));
	}
	return list;
}

static json_t *
quarantine_list(struct app *a, const char *name)
{
	json_t *all = state_read(&a->host, name, "quarantine.json"), *list = json_array(), *one;
	const char *image;

	json_object_foreach (all, image, one)
		json_array_append_new(
		    list, json_pack("{s:s, s:o, s:O*}", "image", image, "time",
			      instant_of(one, "time"), "why", json_object_get(one, "why")));
	json_decref(all);
	return list;
}

/* What "d outdated" or "d scan" found last, its time as a number. */
static json_t *
found_last(struct app *a, const char *name, const char *file)
{
	json_t *o = state_read(&a->host, name, file);

	if (!o)
		return json_null();
	json_object_set_new(o, "time", instant_of(o, "time"));
	return o;
}

static json_t *
tests(const struct place *p)
{
	static const char stamp[] = "test-stamp";
	const char *image = stamped(p, stamp, "image"), *n;
	static const char *const counts[] = {"passed", "failed", "skipped"};
	struct stat st;
	json_t *o;

	if (!image || stat(pool_printf("%s/%s", p->directory, stamp), &st))
		return json_null();
	o = json_pack("{s:o, s:o}", "image", text(image), "time", instant(st.st_mtime));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if ((n = stamped(p, stamp, counts[i])))
			json_object_set_new(o, counts[i], json_integer(atoll(n)));
	return o;
}

/* ---- what pack says of images ---- */

/* Its answer; NULL where it has none, such as for an image that it didn't make. */
static json_t *
ask_pack(struct app *a, const char *verb, const char *one, const char *two)
{
	const char *argv[] = {
	    a->engine.pack, verb, "--json", "--store", a->engine.store, one, two, NULL};
	struct strbuf out = STRBUF_INIT;
	json_t *got;

	run(&(struct run){
	    .argv = argv, .out = &out, .discard_err = 1, .timeout_ms = PROGRAM_MS});
	got = out.len ? json_loadb(out.s, out.len, 0, NULL) : NULL;
	strbuf_free(&out);
	return got;
}

static json_t *
size_of(struct app *a, const char *image)
{
	json_t *o = ask_pack(a, "size", image, NULL), *got;
	const json_t *before = json_object_get(o, "before"),
		     *after = json_object_get(o, "after");

	got = before && after ? json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*, s:O*}", "before",
				    json_object_get(before, "bytes"), "after",
				    json_object_get(after, "bytes"), "files_before",
				    json_object_get(before, "files"), "files_after",
				    json_object_get(after, "files"), "programs_before",
				    json_object_get(before, "programs"), "programs_after",
				    json_object_get(after, "programs"))
			      : NULL;
	json_decref(o);
	return got ? got : json_null();
}

/* A path with what there is to say: that it is there, its size, where it is from, and what the
 * ledger has about it. */
static json_t *
path_of(const json_t *line)
{
	const json_t *is = json_object_get(line, "is");

	return json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*, s:O*}", "path",
	    json_object_get(line, "path"), "present", json_object_get(line, "present"), "type",
	    json_object_get(is, "type"), "size", json_object_get(is, "size"), "from",
	    json_object_get(is, "from"), "why", json_object_get(line, "why"));
}

static bool
is_directory(const json_t *line)
{
	const char *type =
	    json_string_value(json_object_get(json_object_get(line, "is"), "type"));

	return type && strcmp(type, "dir") == 0;
}

static json_t *
contents(struct app *a, const char *image)
{
	json_t *all = ask_pack(a, "explain", "--all", image), *list = json_array(), *line;
	json_int_t left_out = 0;
	size_t i;

	json_array_foreach (all, i, line) {
		if (is_directory(line) && !json_array_size(json_object_get(line, "why")))
			continue;
		if (json_array_size(list) < PATHS)
			json_array_append_new(list, path_of(line));
		else
			left_out++;
	}
	if (!json_is_array(all)) {
		json_decref(list);
		return json_null();
	}
	json_decref(all);
	return json_pack("{s:o, s:I}", "paths", list, "left_out", left_out);
}

static json_t *
difference(struct app *a, const char *from, const char *to)
{
	json_t *all = from ? ask_pack(a, "diff", from, to) : NULL, *got;
	json_t *list = json_object_get(all, "changes");
	size_t n = json_array_size(list);

	while (json_array_size(list) > CHANGED)
		json_array_remove(list, json_array_size(list) - 1);
	got = list ? json_pack("{s:s, s:O, s:I, s:O*, s:O*}", "from", from, "list", list,
			 "left_out", (json_int_t)(n - json_array_size(list)), "old_bytes",
			 json_object_get(all, "old_bytes"), "new_bytes",
			 json_object_get(all, "new_bytes"))
		   : json_null();
	json_decref(all);
	return got;
}

/* ---- what changes with image and settings only ---- */

static const char *
image_before(struct app *a, const char *name, const char *image)
{
	const char *before = NULL;
	struct generations g;

	if (generations_read(&a->host, name, &g))
		return NULL;
	for (size_t i = 0; i < g.n && g.v[i].n != g.current; i++)
		if (strcmp(g.v[i].image, image) != 0)
			before = g.v[i].image;
	return before;
}

static void
add_stat(struct strbuf *b, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		strbuf_printf(
		    b, "\n%lld.%ld", (long long)st.st_mtim.tv_sec, (long)st.st_mtim.tv_nsec);
	else
		strbuf_puts(b, "\n-");
}

/* All that the details are made of, as a digest. */
static const char *
details_key(struct app *a, const struct overview *o, const char *before)
{
	char settings[SHA256_HEX], hex[SHA256_HEX];
	struct strbuf b = STRBUF_INIT;

	container_digest(o->c, settings);
	strbuf_printf(&b, "%s\n%s\n%s\n%s", container_json(o->c), settings,
	    o->live ? o->live->id : "", before ? before : "");
	add_stat(&b, program_path());
	add_stat(&b, a->engine.pack);
	add_stat(&b, pool_printf("%s/learned/%s.json", a->engine.store, o->place->name));
	sha256_bytes(b.s, b.len, hex);
	strbuf_free(&b);
	return pool_dup(hex);
}

static json_t *
audited(struct app *a, const struct place *p)
{
	struct audit u;

	return audit_one(a, p, &u) ? json_null() : audit_json(p, &u, LOW);
}

/* They cost a few processes, so they are kept until they would be others. */
static json_t *
details(struct app *a, const struct overview *o)
{
	const char *name = o->place->name, *image = o->live ? o->live->id : NULL;
	const char *before = image ? image_before(a, name, image) : NULL;
	const char *key = details_key(a, o, before), *known;
	json_t *got = state_read(&a->host, name, details_file);

	known = json_string_value(json_object_get(got, "key"));
	if (known && strcmp(known, key) == 0)
		return got;
	json_decref(got);
	got = json_pack("{s:s, s:o, s:o, s:o, s:o}", "key", key, "audit", audited(a, o->place),
	    "size", image ? size_of(a, image) : json_null(), "contents",
	    image ? contents(a, image) : json_null(), "changes",
	    image ? difference(a, before, image) : json_null());
	state_write(&a->host, name, details_file, got);
	return got;
}

/* ---- one container ---- */

static json_t *
log_end(struct app *a, const char *id)
{
	struct strbuf b = STRBUF_INIT;
	json_t *got;
	int status = log_read(&a->engine,
	    &(struct log_query){.id = id, .lines = LOG_LINES, .limit_ms = LOG_MS}, &b, NULL);
	const char *s = b.s ? b.s : "";

	if (b.len > LOG_BYTES)
		s += b.len - LOG_BYTES;
	for (size_t i = 0; i < b.len; i++)
		b.s[i] = b.s[i] ? b.s[i] : ' ';
	got = status ? json_null() : text(s);
	strbuf_free(&b);
	return got;
}

static json_t *
port_words(const struct words *l)
{
	json_t *list = json_array();

	for (size_t i = 0; l && i < l->n; i++)
		json_array_append_new(list, text(l->w[i]));
	return list;
}

static void
add_engine(struct app *a, json_t *o, const struct overview *v)
{
	const struct seen *now = v->now;

	json_object_set_new(o, "health", text(v->health));
	json_object_set_new(o, "since", instant(now && now->running ? now->started : 0));
	json_object_set_new(
	    o, "exit", now && !now->running ? json_integer(now->exit_code) : json_null());
	json_object_set_new(o, "restarts", now ? json_integer(now->restarts) : json_null());
	json_object_set_new(o, "runs", text(now ? now->image : NULL));
	json_object_set_new(o, "image", text(v->live ? v->live->id : NULL));
	json_object_set_new(o, "reference", text(container_image(v->c)));
	json_object_set_new(o, "image_since", instant(v->live_since));
	json_object_set_new(o, "ports", port_words(v->front ? &v->front->ports : NULL));
	json_object_set_new(
	    o, "memory", v->memory >= 0 ? json_integer(v->memory) : json_null());
	json_object_set_new(
	    o, "memory_limit", v->c->memory ? json_integer(v->c->memory) : json_null());
	json_object_set_new(
	    o, "wave", v->c->wave >= 0 ? json_integer(v->c->wave) : json_null());
	(void)a;
}

static json_t *
container(struct app *a, const struct overview *v, const char *log)
{
	static const char *const moods[] = {[MOOD_GOOD] = "good",
	    [MOOD_WARN] = "warn",
	    [MOOD_BAD] = "bad",
	    [MOOD_PLAIN] = "off"};
	const char *name = v->place->name;
	json_t *o =
	    json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", text(name),
		"state", text(v->state), "live", live_words[v->is_live], "mood", moods[v->mood],
		"events", events(a, name), "generations", generations(a, name), "quarantine",
		quarantine_list(a, name), "updates", found_last(a, name, "updates.json"),
		"scan", found_last(a, name, "scan.json"), "tests", tests(v->place));
	json_t *more;

	if (!v->c)
		return o;
	add_engine(a, o, v);
	more = details(a, v);
	json_object_del(more, "key");
	json_object_update_missing(o, more);
	json_decref(more);
	if (v->now && log && (!*log || strcmp(log, name) == 0))
		json_object_set_new(o, "log", log_end(a, v->now->id));
	return o;
}

json_t *
hostview(struct app *a, const char *log)
{
	char name[256] = "?";
	struct overview *all;
	json_t *list;
	int n = overview_all(a, &all);

	if (n < 0)
		return NULL;
	gethostname(name, sizeof(name) - 1);
	list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, container(a, &all[i], log));
	return json_pack("{s:i, s:o, s:o, s:s, s:o}", "whittle", 1, "host", text(name), "time",
	    instant(time(NULL)), "engine", engine_name(&a->engine), "containers", list);
}
