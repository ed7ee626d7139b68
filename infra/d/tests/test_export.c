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

#include "settings.h"
#include "strbuf.h"

#define ENV_FILE "/tmp/whittle-test-export.env"
#include "samples.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What one settings file comes to: all files as one text, and the keys of the report. */
static char *
exported(enum target to, const char *yaml, struct losses *losses)
{
	struct container *c = pool_zero(1, sizeof(*c));
	struct settings s = {0};
	struct layer layer = {&s, NULL};
	struct strbuf b = STRBUF_INIT;
	struct export x = {.to = to, .dir = "/x"};
	struct export_item i = {.c = c};

	*c = (struct container){.key = "web",
	    .directory = "/c/web",
	    .repo1 = "localhost/whittle",
	    .vol_base = "/vol"};
	assert_int_equal(settings_parse(&s, "s", yaml, strlen(yaml)), 0);
	layer.map = s.root;
	if (container_apply(c, &layer, 1, 1))
		fail_msg("%s", yaml);
	settings_free(&s);
	i.image = i.image_name = container_image(c);
	if (c->seccomp && *c->seccomp == '/')
		i.seccomp_text = "{}", i.seccomp_len = 2;
	*GROW(x.items) = i;
	export_losses(&x, &x.items.v[0], losses);
	export_all(&x);
	for (size_t k = 0; k < x.files.n; k++)
		strbuf_printf(&b, "# %s\n%.*s\n", x.files.v[k].path, (int)x.files.v[k].n,
		    x.files.v[k].bytes);
	return strbuf_steal(&b);
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
	    cmocka_unit_test(values_stay_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
