/* Each key of the schema, at each target: it changes the files, or the report names it. */
#include "export.h"
#include "export_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "import_compose.h"
#include "import_quadlet.h"
#include "settings.h"
#include "strbuf.h"
#include "yaml_json.h"

#define ENV_FILE "/tmp/whittle-test-export.env"
#include "samples.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
described(const char *yaml, struct container *c)
{
	struct settings s = {0};
	struct layer layer = {&s, NULL};

	*c = (struct container){.key = "web",
	    .directory = "/c/web",
	    .repo1 = "localhost/whittle",
	    .vol_base = "/vol",
	    .settings = yaml};
	assert_int_equal(settings_parse(&s, "s", yaml, strlen(yaml)), 0);
	layer.map = s.root;
	if (container_apply(c, &layer, 1, 1))
		fail_msg("%s", yaml);
	settings_free(&s);
}

static void
export_it(enum target to, struct container *c, struct losses *losses, struct export *x)
{
	struct export_item i = {.c = c};

	*x = (struct export){.to = to, .dir = "/x"};
	i.image = i.image_name = container_image(c);
	if (c->seccomp && *c->seccomp == '/')
		i.seccomp_text = "{}", i.seccomp_len = 2;
	*GROW(x->items) = i;
	export_losses(x, &x->items.v[0], losses);
	export_all(x);
}

/* What one settings file comes to, but for what is only kept for the way back: all files as one
 * text, and the keys of the report. */
static char *
exported(enum target to, const char *yaml, struct losses *losses)
{
	struct container c;
	struct strbuf b = STRBUF_INIT;
	struct export x;

	described(yaml, &c);
	c.settings = NULL;
	export_it(to, &c, losses, &x);
	for (size_t k = 0; k < x.files.n; k++)
		strbuf_printf(&b, "# %s\n%.*s\n", x.files.v[k].path, (int)x.files.v[k].n,
		    x.files.v[k].bytes);
	return strbuf_steal(&b);
}

/* Out and in again: the description of what comes back. */
static char *
there_and_back(enum target to, const char *yaml)
{
	const char *unit = to == TO_QUADLET ? "web.container" : "compose.yaml";
	struct import im = {.dir = "/x", .project = "x", .vol_base = "/vol"};
	struct container c;
	struct losses losses = {0};
	struct export x;
	struct strbuf b = STRBUF_INIT;
	const char *back;

	described(yaml, &c);
	export_it(to, &c, &losses, &x);
	for (size_t k = 0; k < x.files.n; k++) {
		const struct export_file *f = &x.files.v[k];

		if (strcmp(f->path, unit) == 0)
			assert_int_equal(to == TO_QUADLET
					     ? import_quadlet(&im, unit, f->bytes, "/x")
					     : import_compose(&im, unit, f->bytes, f->n),
			    0);
	}
	assert_int_equal(im.items.n, 1);
	assert_string_equal(im.items.v[0].name, "web");
	yaml_from_json(&b, im.items.v[0].settings);
	back = pool_dup(json_object_size(im.items.v[0].settings) ? b.s : "");
	strbuf_free(&b);
	json_decref(im.items.v[0].settings);
	described(back, &c);
	return container_json(&c);
}

static bool
names(const struct losses *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].key, key) == 0)
			return true;
	return false;
}

static void
no_key_is_forgotten(void **state)
{
	const char *const *keys = container_keys();
	char one_yaml[512], other_yaml[512];
	FILE *f = fopen(ENV_FILE, "we");
	size_t k;

	(void)state;
	fputs("LINE=of the file\n", f);
	fclose(f);
	for (k = 0; keys[k]; k++) {
		size_t i = samples_of(keys[k]);

		snprintf(one_yaml, sizeof(one_yaml), "%s\n%s: %s\n", samples[i].also, keys[k],
		    samples[i].one);
		snprintf(other_yaml, sizeof(other_yaml), "%s\n%s: %s\n", samples[i].also,
		    keys[k], samples[i].other);
		for (enum target to = 0; to < TARGETS; to++) {
			struct losses of_one = {0}, of_other = {0};
			char *one = exported(to, one_yaml, &of_one),
			     *other = exported(to, other_yaml, &of_other);
			bool known, said;

			export_word(to, keys[k], &known);
			said = strcmp(one, other) != 0 || names(&of_one, keys[k]) ||
			       names(&of_other, keys[k]) || export_always(to, keys[k]);
			if (!known || !said)
				print_error("%s: %s: %s\n%s", target_names[to], keys[k],
				    known ? "neither in the files nor in the report"
					  : "not in the table",
				    one);
			assert_true(known && said);
			free(one);
			free(other);
		}
	}
	unlink(ENV_FILE);
}

static const enum target both_ways[] = {TO_COMPOSE, TO_QUADLET};

static void
comes_back(const char *yaml)
{
	struct container c;

	for (size_t i = 0; i < COUNT(both_ways); i++) {
		const char *got = there_and_back(both_ways[i], yaml), *want;

		described(yaml, &c);
		want = container_json(&c);
		if (strcmp(got, want) != 0)
			print_error(
			    "%s: %s\n%s\n%s\n", target_names[both_ways[i]], yaml, want, got);
		assert_string_equal(got, want);
	}
}

static void
every_key_comes_back(void **state)
{
	char yaml[512];
	FILE *f = fopen(ENV_FILE, "we");

	(void)state;
	fputs("LINE=of the file\n", f);
	fclose(f);
	for (size_t i = 0; i < COUNT(samples); i++) {
		snprintf(yaml, sizeof(yaml), "%s\n%s: %s\n", samples[i].also, samples[i].key,
		    samples[i].one);
		comes_back(yaml);
		snprintf(yaml, sizeof(yaml), "%s\n%s: %s\n", samples[i].also, samples[i].key,
		    samples[i].other);
		comes_back(yaml);
	}
	comes_back("env: {A: 'a \"b\" $HOME 100% \\ \\n', B: \"two\\nlines\", C: null}");
	comes_back("cmd: [sh, -c, 'echo $$ \"x\" %h']\nlabels: {a: 'b = c'}");
	comes_back("memory: 0\ncpus: 0\npids: 0\nread_only: no\nno_new_privileges: no");
	comes_back("entrypoint: [/a]\nhealth: none\nuser: nobody\nnetwork: host");
	unlink(ENV_FILE);
}

/* What would let a reader take a value for something else. */
static void
values_stay_values(void **state)
{
	static const struct {
		enum target to;
		const char *yaml, *holds;
	} table[] = {
	    {TO_COMPOSE, "env: {A: 'a $b', C: 'yes', D: '1'}",
		"A: \"a $$b\"\n      C: \"yes\"\n      D: \"1\"\n"},
	    {TO_COMPOSE, "env: {A: \"x\\ny\"}", "A: |-\n        x\n        y\n"},
	    {TO_COMPOSE, "labels: {'a: b': '# c'}", "\"a: b\": \"# c\"\n"},
	    {TO_KUBE, "cmd: [echo, $(HOME)]", "- \"$$(HOME)\"\n"},
	    {TO_QUADLET, "env: {A: 'a \"b\" $c 100%'}",
		"Environment=\"A=a \\\"b\\\" $$c 100%%\"\n"},
	    {TO_QUADLET, "cmd: [echo, \"a\\nb\"]", "Exec=\"echo\" \"a\\nb\"\n"},
	    {TO_QUADLET, "env: {A: null}", "PodmanArgs=--unsetenv=A\n"},
	    {TO_QUADLET, "userns: b:0:100000:65536", "UIDMap=0:100000:65536\n"},
	    {TO_SWARM, "rollout: {publish: host}\nports: ['0.0.0.0:80:8080']", "mode: host\n"},
	    {TO_SWARM, "rollout: {order: start-first}", "order: start-first\n"},
	    {TO_SWARM, "mount_rw: [a:/a]\nrollout: {placement: [node.role == worker]}",
		"placement:\n        constraints:\n        - \"node.role == worker\"\n"},
	    {TO_SWARM, "memory: 1g", "memory: \"1073741824b\"\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct losses l = {0};
		char *got;

		got = exported(table[i].to, table[i].yaml, &l);
		if (!strstr(got, table[i].holds))
			print_error("want: %s\nin: %s\n", table[i].holds, got);
		assert_non_null(strstr(got, table[i].holds));
		free(got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_key_is_forgotten),
	    cmocka_unit_test(every_key_comes_back),
	    cmocka_unit_test(values_stay_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
