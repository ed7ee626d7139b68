#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "report.h"
#include "strbuf.h"

/* Members of "config" that say how a container runs, and what type each must have. */
static const struct {
	const char *name;
	json_type type;
} kept[] = {
    {"Cmd", JSON_ARRAY},
    {"Entrypoint", JSON_ARRAY},
    {"Env", JSON_ARRAY},
    {"ExposedPorts", JSON_OBJECT},
    {"Healthcheck", JSON_OBJECT},
    {"Labels", JSON_OBJECT},
    {"OnBuild", JSON_ARRAY},
    {"Shell", JSON_ARRAY},
    {"StopSignal", JSON_STRING},
    {"StopTimeout", JSON_INTEGER},
    {"User", JSON_STRING},
    {"Volumes", JSON_OBJECT},
    {"WorkingDir", JSON_STRING},
};

/* What an engine's Go program writes for "nothing here". */
static int
is_nothing(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL:
	case JSON_FALSE:
		return 1;
	case JSON_STRING:
		return json_string_length(v) == 0;
	case JSON_ARRAY:
		return json_array_size(v) == 0;
	case JSON_OBJECT:
		return json_object_size(v) == 0;
	case JSON_INTEGER:
		return json_integer_value(v) == 0;
	default:
		return 0;
	}
}

static json_t *
with_protocol(const json_t *ports)
{
	json_t *out = json_object(), *unused;
	const char *port;

	json_object_foreach ((json_t *)ports, port, unused) {
		cleanup_free char *full =
		    strchr(port, '/') ? xstrdup(port) : xasprintf("%s/tcp", port);

		json_object_set_new(out, full, json_object());
	}
	return out;
}

static json_t *
keys_alone(const json_t *in)
{
	json_t *out = json_object(), *unused;
	const char *key;

	json_object_foreach ((json_t *)in, key, unused)
		json_object_set_new(out, key, json_object());
	return out;
}

static json_t *
users_labels(const json_t *in)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach ((json_t *)in, key, value)
		if (strncmp(key, "io.buildah.", 11) && strncmp(key, "whittle.", 8) &&
		    json_is_string(value))
			json_object_set(out, key, value);
	return out;
}

static json_t *
without_nothings(const json_t *in)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach ((json_t *)in, key, value)
		if (!is_nothing(value))
			json_object_set(out, key, value);
	return out;
}

/* "/" is where a container starts anyway; a '/' at the end means nothing. */
static json_t *
working_directory(const json_t *in)
{
	const char *s = json_string_value(in);
	size_t n = strlen(s);

	while (n && s[n - 1] == '/')
		n--;
	return json_stringn(s, n);
}

static json_t *
canonical_member(const char *name, const json_t *v)
{
	if (strcmp(name, "ExposedPorts") == 0)
		return with_protocol(v);
	if (strcmp(name, "Volumes") == 0)
		return keys_alone(v);
	if (strcmp(name, "Labels") == 0)
		return users_labels(v);
	if (strcmp(name, "Healthcheck") == 0)
		return without_nothings(v);
	if (strcmp(name, "WorkingDir") == 0)
		return working_directory(v);
	return json_deep_copy(v);
}

static json_t *
canonical_inner(const json_t *in, const char *what)
{
	json_t *out = json_object(), *v, *made;
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		v = json_object_get(in, kept[i].name);
		if (!v || is_nothing(v))
			continue;
		if (json_typeof(v) != kept[i].type) {
			report(
			    "%s: the config's '%s' is of the wrong type", what, kept[i].name);
			json_decref(out);
			return NULL;
		}
		made = canonical_member(kept[i].name, v);
		if (!is_nothing(made))
			json_object_set(out, kept[i].name, made);
		json_decref(made);
	}
	return out;
}

json_t *
config_canonical(const json_t *in, const char *what)
{
	static const char *const top[] = {
	    "architecture", "os", "variant", "os.version", "author", NULL};
	json_t *out = json_object(), *inner;
	size_t i;

	for (i = 0; top[i]; i++) {
		json_t *v = json_object_get(in, top[i]);

		if (json_string_length(v))
			json_object_set(out, top[i], v);
		else if (i < 2)
			report("%s: the config has no '%s'", what, top[i]);
	}
	inner = canonical_inner(json_object_get(in, "config"), what);
	if (!inner || !json_object_get(out, "os") || !json_object_get(out, "architecture")) {
		json_decref(inner);
		json_decref(out);
		return NULL;
	}
	json_object_set_new(out, "config", inner);
	return out;
}

void
format_time(time_t t, char out[32])
{
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void
config_finish(json_t *config, const char *diff_id, time_t epoch)
{
	cleanup_free char *id = xasprintf("sha256:%s", diff_id);
	char date[32];

	format_time(epoch, date);
	json_object_set_new(config, "created", json_string(date));
	json_object_set_new(config, "history",
	    json_pack("[{s:s, s:s}]", "created", date, "created_by", "whittle pack"));
	json_object_set_new(
	    config, "rootfs", json_pack("{s:s, s:[s]}", "type", "layers", "diff_ids", id));
}

void
config_label(json_t *config, const char *key, const char *value)
{
	json_t *inner = json_object_get(config, "config");
	json_t *labels = json_object_get(inner, "Labels");

	if (!labels) {
		labels = json_object();
		json_object_set_new(inner, "Labels", labels);
	}
	json_object_set_new(labels, key, json_string(value));
}

const char *
config_get_label(const json_t *config, const char *key)
{
	return json_string_value(
	    json_object_get(json_object_get(json_object_get(config, "config"), "Labels"), key));
}
