/* help, and the shells' completions. */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "report.h"
#include "verbs.h"

static void
print_verb(const struct verb *v)
{
	const char *use = pool_printf("%s%s%s", v->name, *v->args ? " " : "", v->args);

	if (strlen(use) > 30)
		printf("  %s\n  %-30s %s\n", use, "", v->help);
	else
		printf("  %-30s %s\n", use, v->help);
}

/* Apart: what is typed once it is known. */
static void
print_aliases(const struct verb *all)
{
	printf("\nShort and other names\n");
	for (const struct verb *v = all; v->name; v++)
		if (*v->aliases)
			printf("  %-30s %s\n", v->name, v->aliases);
}

static bool
matches(const struct verb *v, const regex_t *re)
{
	return regexec(re, v->name, 0, NULL, 0) == 0 ||
	       regexec(re, v->aliases, 0, NULL, 0) == 0 ||
	       regexec(re, v->help, 0, NULL, 0) == 0;
}

static int
help_about(const struct app *a, const char *pattern)
{
	regex_t re;
	int found = 0;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB)) {
		report("'%s' is not a valid extended regular expression", pattern);
		return EXIT_TROUBLE;
	}
	for (const struct verb *v = a->verbs; v->name; v++)
		if (matches(v, &re)) {
			print_verb(v);
			if (*v->aliases)
				printf("  %-30s also: %s\n", "", v->aliases);
			found++;
		}
	regfree(&re);
	if (!found)
		report("no verb matches '%s'", pattern);
	return found ? EXIT_YES : EXIT_NO;
}

int
do_help(struct app *a, int argc, char **argv)
{
	const char *group = "";

	if (argc > 2)
		return usage(a);
	if (argc == 2)
		return help_about(a, argv[1]);
	printf(
	    "usage: d [VERB [NAME] ...]\n\n"
	    "Every day\n"
	    "  d              every container: state, health, whether its live image runs\n"
	    "  d up NAME      start it, what it needs first\n"
	    "  d upgrade NAME build, test, replace, wait until ready, promote; or go back\n"
	    "  d back NAME    return to the version before, image and settings\n"
	    "  d log NAME     what it wrote\n\n"
	    "The start of a NAME is enough where it is the only one. d help REGEX shows the\n"
	    "verbs that match it, with their short names; d VERB --help one; d(1) is the\n"
	    "manual. Progress goes to standard error, answers to standard output.\n");
	for (const struct verb *v = a->verbs; v->name; v++) {
		if (strcmp(v->group, group) != 0)
			printf("\n%s\n", v->group);
		group = v->group;
		print_verb(v);
	}
	print_aliases(a->verbs);
	return EXIT_YES;
}

/* ---- completions ---- */

static void
print_words(const struct app *a)
{
	for (const struct verb *v = a->verbs; v->name; v++)
		printf("%s%s", v == a->verbs ? "" : " ", v->name);
}

static int
bash(const struct app *a)
{
	printf("_d() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	print_words(a);
	printf("' -- \"$word\"))\n"
	       "\telse\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$(d list-all 2>/dev/null)\" -- \"$word\"))\n"
	       "\tfi\n"
	       "}\n"
	       "complete -F _d d\n");
	return EXIT_YES;
}

static int
zsh(const struct app *a)
{
	printf("#compdef d\n"
	       "_d() {\n"
	       "\tif (( CURRENT == 2 )); then\n"
	       "\t\tlocal -a verbs=(\n");
	for (const struct verb *v = a->verbs; v->name; v++) {
		printf("\t\t\t'%s:", v->name);
		for (const char *p = v->help; *p; p++)
			printf("%s", *p == '\''  ? "'\\''"
				     : *p == ':' ? "\\:"
						 : (char[]){*p, 0});
		printf("'\n");
	}
	printf("\t\t)\n"
	       "\t\t_describe verb verbs\n"
	       "\telse\n"
	       "\t\tcompadd -- ${(f)\"$(d list-all 2>/dev/null)\"}\n"
	       "\tfi\n"
	       "}\n"
	       /* As a file in fpath it is the function itself. */
	       "if [ \"$funcstack[1]\" = _d ]; then _d; else compdef _d d; fi\n");
	return EXIT_YES;
}

static int
fish(const struct app *a)
{
	printf("complete -c d -f\n");
	for (const struct verb *v = a->verbs; v->name; v++) {
		printf("complete -c d -n __fish_use_subcommand -a %s -d '", v->name);
		for (const char *p = v->help; *p; p++)
			printf("%s%c", *p == '\'' || *p == '\\' ? "\\" : "", *p);
		printf("'\n");
	}
	printf("complete -c d -n 'not __fish_use_subcommand' -a '(d list-all 2>/dev/null)'\n");
	return EXIT_YES;
}

int
do_completion(struct app *a, int argc, char **argv)
{
	if (argc != 2)
		return usage(a);
	if (strcmp(argv[1], "bash") == 0)
		return bash(a);
	if (strcmp(argv[1], "zsh") == 0)
		return zsh(a);
	if (strcmp(argv[1], "fish") == 0)
		return fish(a);
	return usage(a);
}
