#include "wrapper.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"
#include "profile.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

static const char program_inside[] = "/.whittle/learn";
static const char out_inside[] = "/.whittle/out";

struct words {
	const char **w;
	size_t n, room;
};

static void
add(struct words *to, const char *word)
{
	if (to->n + 1 >= to->room) {
		to->room = to->room ? to->room * 2 : 64;
		to->w = xreallocarray(to->w, to->room, sizeof(*to->w));
	}
	to->w[to->n++] = word;
	to->w[to->n] = NULL;
}

static const char *
setting(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value)
		die("%s isn't set: learn stands for an engine only below infra/image learn",
		    name);
	return value;
}

static const char *
bare_id(const char *id)
{
	return strncmp(id, "sha256:", 7) == 0 ? id + 7 : id;
}

static int
is_image(const char *word)
{
	const char *id = bare_id(setting("LEARN_IMAGE")), *names = setting("LEARN_NAMES");
	size_t n = strlen(word);

	if (strcmp(bare_id(word), id) == 0 || (n >= 12 && strncmp(word, id, n) == 0))
		return 1;
	for (; *names; names += strspn(names, " ")) {
		size_t len = strcspn(names, " ");

		if (len == n && strncmp(names, word, n) == 0)
			return 1;
		names += len;
	}
	return 0;
}

/* What the engine knows of an image or a container, an object; NULL where there is none. */
static json_t *
ask(const char *what, const char *subject)
{
	const char *argv[] = {setting("LEARN_ENGINE"), what, "inspect", subject, NULL};
	struct strbuf out = STRBUF_INIT;
	json_t *all = NULL, *one = NULL;

	if (run(&(struct run){.argv = argv,
		.out = &out,
		.discard_err = 1,
		.timeout_ms = engine_limit_for(argv + 1)}) == 0 &&
	    out.len)
		all = json_loadb(out.s, out.len, 0, NULL);
	strbuf_free(&out);
	one = json_incref(json_array_get(all, 0));
	json_decref(all);
	return one;
}

static json_t *
image_facts(void)
{
	json_t *facts = ask("image", setting("LEARN_IMAGE"));

	if (!json_is_object(facts))
		die("the engine doesn't describe the image '%s'", setting("LEARN_IMAGE"));
	return facts;
}

/* The words of a list or of one text; these stay the JSON's. */
static void
add_json(struct words *to, const json_t *list)
{
	const json_t *word;
	size_t i;

	if (json_is_string(list))
		add(to, json_string_value(list));
	json_array_foreach (list, i, word)
		if (json_is_string(word))
			add(to, json_string_value(word));
}

static void
add_recorder(struct words *to)
{
	add(to, "record");
	add(to, out_inside);
	add(to, "--");
}

/* A profile forbids what recording takes: to learn it is left away, to prove (LEARN_PROFILE
 * names a file) it is widened by just that. */
static void
add_profile(struct words *to, const char *profile)
{
	const char *widened = getenv("LEARN_PROFILE");

	/* Who needs more than the engine's own forbids nothing. */
	if (strcmp(profile, "unconfined") == 0) {
		add(to, "--security-opt");
		add(to, "seccomp=unconfined");
		return;
	}
	if (!widened || !*widened)
		return;
	if (profile_widen(profile, widened))
		exit(EXIT_TROUBLE);
	add(to, "--security-opt");
	add(to, xasprintf("seccomp=%s", widened));
}

/* run, create: argv[image] is the image. */
static void
wrap_start(struct words *to, int argc, char **argv, int from, int image)
{
	const json_t *config = json_object_get(image_facts(), "Config");
	json_t *given = NULL;
	const char *entrypoint = NULL;
	int i;

	for (i = 0; i <= from; i++)
		add(to, argv[i]);
	for (; i < image; i++) {
		if (strcmp(argv[i], "--entrypoint") == 0 && i + 1 < image) {
			entrypoint = argv[++i];
		} else if (strncmp(argv[i], "--entrypoint=", 13) == 0) {
			entrypoint = argv[i] + 13;
		} else if (strcmp(argv[i], "--security-opt") == 0 && i + 1 < image &&
			   strncmp(argv[i + 1], "seccomp=", 8) == 0) {
			add_profile(to, argv[++i] + 8);
		} else {
			add(to, argv[i]);
		}
	}
	add(to, "-v");
	add(to, xasprintf("%s:%s:ro", setting("LEARN_PROGRAM"), program_inside));
	add(to, "-v");
	add(to, xasprintf("%s:%s", setting("LEARN_OUT"), out_inside));
	add(to, "--entrypoint");
	add(to, program_inside);
	add(to, argv[image]);
	add_recorder(to);
	if (entrypoint && *entrypoint == '[')
		given = json_loads(entrypoint, 0, NULL);
	if (given)
		add_json(to, given);
	else if (entrypoint && *entrypoint)
		add(to, entrypoint);
	else if (!entrypoint)
		add_json(to, json_object_get(config, "Entrypoint"));
	for (i = image + 1; i < argc; i++)
		add(to, argv[i]);
	if (image + 1 == argc && !entrypoint)
		add_json(to, json_object_get(config, "Cmd"));
}

/* The options of exec that have a value behind them. */
static int
takes_value(const char *option)
{
	static const char *const all[] = {"-e", "--env", "--env-file", "-u", "--user", "-w",
	    "--workdir", "--detach-keys", "--preserve-fds"};
	size_t k;

	for (k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		if (strcmp(all[k], option) == 0)
			return 1;
	return 0;
}

static int
is_of_image(const char *container)
{
	json_t *facts = ask("container", container);
	const char *image = json_string_value(json_object_get(facts, "Image"));
	int yes = image && is_image(image);

	json_decref(facts);
	return yes;
}

static int
wrap_exec(struct words *to, int argc, char **argv, int from)
{
	int container = from + 1, i;

	while (container < argc && argv[container][0] == '-')
		container += takes_value(argv[container]) ? 2 : 1;
	if (container + 1 >= argc || !is_of_image(argv[container]))
		return -1;
	for (i = 0; i <= container; i++)
		add(to, argv[i]);
	add(to, program_inside);
	add_recorder(to);
	for (; i < argc; i++)
		add(to, argv[i]);
	return 0;
}

static int
wrap(struct words *to, int argc, char **argv)
{
	int verb = 1, i;

	while (verb < argc && (argv[verb][0] == '-' || strcmp(argv[verb], "container") == 0))
		verb++;
	if (verb == argc)
		return -1;
	if (strcmp(argv[verb], "exec") == 0)
		return wrap_exec(to, argc, argv, verb);
	if (strcmp(argv[verb], "run") != 0 && strcmp(argv[verb], "create") != 0)
		return -1;
	for (i = verb + 1; i < argc; i++)
		if (is_image(argv[i])) {
			wrap_start(to, argc, argv, verb, i);
			return 0;
		}
	return -1;
}

static int
start(const char **argv)
{
	execv(argv[0], (char *const *)argv);
	report("start '%s':", argv[0]);
	return errno == ENOENT ? 127 : 126;
}

int
wrapper(int argc, char **argv)
{
	struct words words = {0};

	argv[0] = (char *)setting("LEARN_ENGINE");
	if (wrap(&words, argc, argv) == 0)
		return start(words.w);
	return start((const char **)argv);
}

int
health(const char *container)
{
	json_t *facts = image_facts();
	/* podman has it beside the configuration. */
	const json_t *at = json_object_get(facts, "HealthCheck"),
		     *check =
			 at ? at
			    : json_object_get(json_object_get(facts, "Config"), "Healthcheck"),
		     *test = json_object_get(check, "Test");
	const char *kind = json_string_value(json_array_get(test, 0));
	struct words words = {0};
	size_t i;

	if (!kind || strcmp(kind, "NONE") == 0)
		return 0;
	add(&words, setting("LEARN_ENGINE"));
	add(&words, "exec");
	add(&words, container);
	add(&words, program_inside);
	add_recorder(&words);
	if (strcmp(kind, "CMD-SHELL") == 0) {
		add(&words, "/bin/sh");
		add(&words, "-c");
	}
	for (i = 1; i < json_array_size(test); i++)
		add(&words, json_string_value(json_array_get(test, i)));
	return start(words.w);
}
