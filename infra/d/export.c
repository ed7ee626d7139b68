/* Images as archives, one file each, for backups. */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "replace.h"
#include "report.h"
#include "strbuf.h"
#include "verbs.h"

struct export
{
	struct app *a;
	const char *dir;
	bool dry;
	regex_t filter;
	bool filtered;
	const char *label;
};

static bool
has_label(const struct export *x, const char *id)
{
	struct strbuf out = STRBUF_INIT;
	const char *sign = strchr(x->label, '=');
	const char *key = sign ? pool_dupn(x->label, (size_t)(sign - x->label)) : x->label;
	bool has;

	if (engine_try(&x->a->engine, &out, "image", "inspect", "--format",
		pool_printf("{{index .Config.Labels \"%s\"}}", key), id, NULL)) {
		strbuf_free(&out);
		return false;
	}
	out.s[strcspn(out.s, "\n")] = '\0';
	has = sign ? strcmp(out.s, sign + 1) == 0
		   : *out.s && strcmp(out.s, "<no value>") != 0 && strcmp(out.s, "<nil>") != 0;
	strbuf_free(&out);
	return has;
}

/* Under another name until it is whole. */
static int
save(const struct export *x, const char *tag, const char *path)
{
	const char *draft = pool_printf("%s.part", path);
	cleanup_fd int fd = -1;

	unlink(draft);
	if (engine_call(&x->a->engine, NULL, "save", "-o", draft, tag, NULL)) {
		unlink(draft);
		return -1;
	}
	fd = open(draft, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) || rename(draft, path)) {
		report("write '%s':", path);
		unlink(draft);
		return -1;
	}
	return 0;
}

static int
export_one(const struct export *x, const struct place *p)
{
	struct container c;
	struct image image;
	const char *tag, *path;
	int got;

	if (x->filtered && regexec(&x->filter, p->name, 0, NULL, 0) != 0)
		return 0;
	if (host_container(&x->a->host, p, false, NULL, NULL, &c))
		return -1;
	got = image_of(x->a, &c, &tag, &image);
	if (got < 1 || (x->label && !has_label(x, image.id)))
		return got < 0 ? -1 : 0;
	path = pool_printf("%s/%s-%s.tar", x->dir, p->name, short_id(image.id));
	if (access(path, F_OK) == 0) {
		say("KEEP", "%s", path);
		return 0;
	}
	say(x->dry ? "WOULD" : "EXPORT", "%s", path);
	return x->dry ? 0 : save(x, tag, path);
}

int
do_image_export(struct app *a, int argc, char **argv)
{
	struct export x = {.a = a, .dir = "."};
	const char *filter = NULL;
	const struct option_of options[] = {VALUED('d', "dir", x.dir),
	    VALUED('f', "filter", filter), VALUED('l', "label", x.label),
	    SWITCH('n', "dryrun", x.dry), NO_MORE};
	struct places some;
	int bad = 0;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0 || pick_all(a, argc, argv, &some))
		return EXIT_TROUBLE;
	if (filter && regcomp(&x.filter, filter, REG_EXTENDED | REG_NOSUB)) {
		report("'%s' is no extended regular expression", filter);
		return EXIT_TROUBLE;
	}
	x.filtered = filter != NULL;
	for (size_t i = 0; i < some.n; i++)
		bad |= export_one(&x, &some.v[i]);
	if (filter)
		regfree(&x.filter);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}
