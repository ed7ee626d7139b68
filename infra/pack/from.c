/* pack from: the images that a Dockerfile's build needs. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dockerfile.h"
#include "report.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

static int
print_images(const char *file, const char *const *params)
{
	struct dockerfile d;
	char **images = NULL;

	if (dockerfile_read(&d, file, params) == 0)
		images = dockerfile_images(&d);
	for (char **i = images; i && *i; i++)
		puts(*i);
	free_strings(images);
	dockerfile_free(&d);
	return images ? EXIT_YES : EXIT_TROUBLE;
}

static int
print_volume(const struct dockerfile *d, const struct docker_stage *s,
    const struct docker_step *step, const char *word)
{
	cleanup_free char *path = dockerfile_word(d, s, step, word);

	if (path && *path == '/' && !strchr(path, '\n'))
		printf("VOLUME %s\n", path);
	return path ? 0 : -1;
}

/* A JSON array, or words. */
static int
print_volumes_of(
    const struct dockerfile *d, const struct docker_stage *s, const struct docker_step *step)
{
	json_t *array = json_loads(step->value, 0, NULL);
	int bad = 0;

	if (json_is_array(array)) {
		for (size_t i = 0; i < json_array_size(array) && !bad; i++) {
			const char *path = json_string_value(json_array_get(array, i));

			bad = path && print_volume(d, s, step, path);
		}
	} else {
		cleanup_free char *words = xstrdup(step->value);
		char *rest = words, *word;

		while (!bad && (word = strsep(&rest, " \t")))
			bad = *word && print_volume(d, s, step, word);
	}
	json_decref(array);
	return bad;
}

/* Of all instructions: each adds to those before. */
static int
print_volumes(const struct dockerfile *d)
{
	const struct docker_stage *s = dockerfile_result(d);
	int bad = 0;

	for (;; s = &d->stage[s->base]) {
		for (size_t i = 0; i < s->steps && !bad; i++)
			if (strcmp(s->step[i].name, "VOLUME") == 0)
				bad = print_volumes_of(d, s, &s->step[i]);
		if (bad || s->base == NO_STAGE)
			return bad;
	}
}

/* What the built image starts, and as whom, by the last instruction of each kind, its
 * volumes, and FROM what it has the others. */
static int
print_starts(const char *file, const char *const *params)
{
	static const char *const names[] = {"ENTRYPOINT", "CMD", "HEALTHCHECK", "USER"};
	const struct docker_stage *s;
	struct dockerfile d;
	int bad = dockerfile_read(&d, file, params);

	if (!bad) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			const struct docker_step *step =
			    dockerfile_last(&d, dockerfile_result(&d), names[i]);

			if (step)
				printf("%s %s\n", step->name, step->value);
		}
		bad = print_volumes(&d);
		for (s = dockerfile_result(&d); s->base != NO_STAGE; s = &d.stage[s->base])
			;
		if (strcmp(s->image, "scratch") != 0)
			printf("FROM %s\n", s->image);
	}
	dockerfile_free(&d);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

int
verb_from(int argc, char **argv)
{
	static const struct option options[] = {
	    {"starts", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	int (*print)(const char *file, const char *const *params) = print_images;
	int opt;

	while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
		if (opt == 's')
			print = print_starts;
		else
			return verb_usage("from", opt == 'h' ? EXIT_YES : EXIT_TROUBLE);
	if (optind == argc)
		return verb_usage("from", EXIT_TROUBLE);
	return print(argv[optind], (const char *const *)argv + optind + 1);
}
