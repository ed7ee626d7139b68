#include "options.h"

#include <getopt.h>

#include "report.h"

enum { LONG_BASE = 256 };

static size_t
options_in(const struct option_of *o)
{
	size_t n = 0;

	while (o[n].name || o[n].letter)
		n++;
	return n;
}

static void
fill_getopt(const struct option_of *o, bool first, struct option *longs, char *shorts)
{
	if (first)
		*shorts++ = '+';
	*shorts++ = ':';
	for (size_t i = 0; o[i].name || o[i].letter; i++) {
		if (o[i].letter) {
			*shorts++ = o[i].letter;
			if (o[i].value || o[i].list)
				*shorts++ = ':';
		}
		longs[i] = (struct option){o[i].name ? o[i].name : "",
		    o[i].value || o[i].list ? required_argument : no_argument, NULL,
		    (int)(LONG_BASE + i)};
	}
	*shorts = '\0';
}

static const struct option_of *
option_named(const struct option_of *o, int got)
{
	if (got >= LONG_BASE)
		return &o[got - LONG_BASE];
	for (; o->name || o->letter; o++)
		if (o->letter == got)
			return o;
	return NULL;
}

int
take_options(struct app *a, int argc, char ***argv, const struct option_of *o, bool first)
{
	size_t n = options_in(o);
	struct option *longs = pool_zero(n + 1, sizeof(*longs));
	char *shorts = pool_zero(n * 2 + 3, 1);
	const struct option_of *found;
	int got;

	fill_getopt(o, first, longs, shorts);
	opterr = 0;
	optind = 1;
	while ((got = getopt_long(argc, *argv, shorts, longs, NULL)) != -1) {
		found = got == '?' || got == ':' ? NULL : option_named(o, got);
		if (!found) {
			report("%s: %s '%s'", a->called_as,
			    got == ':' ? "no value after" : "unknown option",
			    (*argv)[optind - 1]);
			usage(a);
			return -1;
		}
		if (found->value)
			*found->value = optarg;
		else if (found->list)
			words_add(found->list, optarg);
		else
			*found->set = true;
	}
	*argv += optind;
	return argc - optind;
}

int
usage(const struct app *a)
{
	report("usage: d %s%s%s", a->called_as, *a->verb->args ? " " : "", a->verb->args);
	return EXIT_TROUBLE;
}

int
no_arguments(struct app *a, int argc, char **argv)
{
	argc = take_options(a, argc, &argv, NO_OPTIONS, false);
	if (argc > 0)
		usage(a);
	return argc ? -1 : 0;
}

/* ---- a key of settings.yaml as an option ---- */

void
key_options(struct key_options *k, const struct option_of *own)
{
	const char *const *keys = container_keys();
	size_t n = 0, count = 0;

	while (keys[count])
		count++;
	k->value = pool_zero(count, sizeof(*k->value));
	k->option = pool_zero(options_in(own) + count + 1, sizeof(*k->option));
	for (; own->name; own++)
		k->option[n++] = *own;
	for (size_t i = 0; keys[i]; i++)
		k->option[n++] = (struct option_of)VALUED(0, keys[i], k->value[i]);
}

void
keys_given(const struct key_options *k, struct words *flags)
{
	const char *const *keys = container_keys();

	for (size_t i = 0; keys[i]; i++)
		if (k->value[i]) {
			words_addf(flags, "--%s", keys[i]);
			words_add(flags, k->value[i]);
		}
}
