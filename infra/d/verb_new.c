/* Making a container's directory, and mending what keeps one from starting: infra/new and
 * infra/fix, which call this program in their turn. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "report.h"
#include "settings.h"
#include "verbs.h"

static int
hand_over(struct app *a, const char *script, int argc, char **argv)
{
	struct words args = {0};

	if (!a->host.project) {
		report("there is no project whose containers these are: settings.yaml(5), "
		       "project");
		return EXIT_TROUBLE;
	}
	words_addf(&args, "%s/infra/%s", a->host.project, script);
	for (int i = 1; i < argc; i++)
		words_add(&args, argv[i]);
	execv(args.w[0], args.w);
	report("start '%s':", args.w[0]);
	return EXIT_TROUBLE;
}

int
do_new(struct app *a, int argc, char **argv)
{
	return hand_over(a, "new", argc, argv);
}

int
do_fix(struct app *a, int argc, char **argv)
{
	return hand_over(a, "fix", argc, argv);
}

/* ---- YAML for scripts ---- */

static json_t *
scalar(const struct node *n)
{
	char *end;
	long long number;

	if (n->quoted)
		return json_string(n->text);
	if (!*n->text || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0)
		return json_null();
	if (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)
		return json_boolean(*n->text == 't');
	errno = 0;
	number = strtoll(n->text, &end, 10);
	/* A leading zero is a file mode's, or an account's. */
	if (!*end && !errno && (*n->text != '0' || !n->text[1]))
		return json_integer(number);
	return json_string(n->text);
}

static json_t *
as_json(const struct node *n)
{
	json_t *o;

	if (!n)
		return json_null();
	if (n->kind == NODE_SCALAR)
		return scalar(n);
	o = n->kind == NODE_LIST ? json_array() : json_object();
	for (size_t i = 0; i < n->count; i++)
		if (n->kind == NODE_LIST)
			json_array_append_new(o, as_json(n->item[i]));
		else
			json_object_set_new(o, n->key[i]->text, as_json(n->item[i]));
	return o;
}

int
do_read_yaml(struct app *a, int argc, char **argv)
{
	struct settings s = {0};
	json_t *o;
	int bad;

	(void)a;
	if (argc != 2) {
		report("read-yaml: name one file");
		return EXIT_TROUBLE;
	}
	bad = settings_read(&s, argv[1]);
	if (!bad) {
		o = as_json(s.root);
		bad =
		    json_dumpf(o, stdout, JSON_COMPACT | JSON_ENCODE_ANY) || putchar('\n') < 0;
		json_decref(o);
	}
	settings_free(&s);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}
