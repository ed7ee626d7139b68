/* Containers' directories from what other tools run containers by. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "import_compose.h"
#include "import_quadlet.h"
#include "import_run.h"
#include "import_set.h"
#include "options.h"
#include "reader.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "strbuf.h"
#include "verbs.h"
#include "yaml_json.h"

enum { BYTES_MAX = 1 << 20 };

/* ---- reading ---- */

static char *
read_file(const char *path, size_t *n)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char *bytes = pool_zero(BYTES_MAX + 2, 1);
	ssize_t got = 0;

	*n = 0;
	while (
	    fd >= 0 && *n <= BYTES_MAX && (got = read(fd, bytes + *n, BYTES_MAX + 1 - *n)) > 0)
		*n += (size_t)got;
	if (fd < 0 || got < 0) {
		report("read '%s':", path);
		return NULL;
	}
	if (*n > BYTES_MAX) {
		report("%s: more than 1 MiB", path);
		return NULL;
	}
	return bytes;
}

static bool
ends_in(const char *path, const char *suffix)
{
	size_t len = strlen(path), n = strlen(suffix);

	return len > n && strcmp(path + len - n, suffix) == 0;
}

/* Letters, digits, "-" and "_", as compose makes a project's name of its directory's. */
static const char *
project_name(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	char *name = pool_dup(slash && slash[1] ? slash + 1 : "default"), *p = name;

	for (const char *s = name; *s; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || strchr("_-", *s))
			*p++ = *s;
		else if (*s >= 'A' && *s <= 'Z')
			*p++ = (char)(*s - 'A' + 'a');
	*p = '\0';
	return *name && *name != '-' && *name != '_' ? name : "default";
}

static int
place(struct import *im, const char *path)
{
	char real[PATH_MAX], *slash;

	if (!realpath(path, real)) {
		report("open '%s':", path);
		return -1;
	}
	slash = strrchr(real, '/');
	*slash = '\0';
	im->dir = pool_dup(*real ? real : "/");
	im->project = project_name(im->dir);
	return 0;
}

static int
take_unit(struct import *im, const char *path)
{
	size_t n;
	const char *text = read_file(path, &n);

	return !text || place(im, path) || import_quadlet(im, path, text, im->dir) ? -1 : 0;
}

static int
take_directory(struct import *im, const char *path)
{
	struct dirent **all = NULL;
	int n = scandir(path, &all, NULL, alphasort), units = 0, bad = 0;

	for (int i = 0; i < n; i++) {
		if (ends_in(all[i]->d_name, ".container")) {
			units++;
			bad |= take_unit(im, pool_printf("%s/%s", path, all[i]->d_name));
		}
		free(all[i]);
	}
	free(all);
	if (!units)
		report("%s: no .container units there", path);
	return bad || !units ? -1 : 0;
}

/* FILE, or FILE:SERVICE. */
static int
take_path(struct import *im, const char *path)
{
	const char *colon = strrchr(path, ':');
	struct stat st;
	const char *bytes;
	size_t n;

	im->only = NULL;
	if (colon && access(path, F_OK)) {
		im->only = colon + 1;
		path = pool_dupn(path, (size_t)(colon - path));
	}
	if (stat(path, &st)) {
		report("open '%s':", path);
		return -1;
	}
	if (im->only && (S_ISDIR(st.st_mode) || ends_in(path, ".container"))) {
		report("'%s:%s': only compose files have services", path, im->only);
		return -1;
	}
	if (S_ISDIR(st.st_mode))
		return take_directory(im, path);
	if (ends_in(path, ".container"))
		return take_unit(im, path);
	bytes = read_file(path, &n);
	return !bytes || place(im, path) || import_compose(im, path, bytes, n) ? -1 : 0;
}

/* [sudo] podman|docker [container] run|create …, as it is copied from a page. */
static int
take_line(struct import *im, int argc, char **argv)
{
	struct words words = {0};
	json_t *service;
	const char *name;
	char here[PATH_MAX];
	int i = 0;

	if (i < argc && strcmp(argv[i], "sudo") == 0)
		i++;
	if (i < argc && (ends_in(argv[i], "podman") || ends_in(argv[i], "docker") ||
			    strcmp(argv[i], "podman") == 0 || strcmp(argv[i], "docker") == 0))
		i++;
	if (i < argc && strcmp(argv[i], "container") == 0)
		i++;
	if (i >= argc || (strcmp(argv[i], "run") != 0 && strcmp(argv[i], "create") != 0)) {
		report("expected 'podman run ...' or 'docker run ...' after --");
		return -1;
	}
	for (i++; i < argc; i++)
		words_add(&words, argv[i]);
	im->dir = getcwd(here, sizeof(here)) ? pool_dup(here) : "/";
	im->project = project_name(im->dir);
	service = import_run(&words, &name);
	if (!service)
		return -1;
	import_service(im, name, service, NULL);
	json_decref(service);
	return 0;
}

/* ---- checking ---- */

static const char *
yaml_of(const struct import_item *i)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	yaml_from_json(&b, i->settings);
	got = pool_dup(json_object_size(i->settings) ? b.s : "");
	strbuf_free(&b);
	return got;
}

/* What came out has to be settings that d takes, before anything is written or told. dir: the
 * directory of containers that it is written to; NULL: it isn't. */
static int
check_item(struct app *a, const char *dir, const struct import_item *i)
{
	const struct place p = {
	    .name = i->name, .directory = pool_printf("%s/%s", dir ? dir : "", i->name)};
	struct container c;

	if (!is_name(i->name)) {
		report("'%s' is not a valid name for a container's directory", i->name);
		return -1;
	}
	if (dir && access(p.directory, F_OK) == 0) {
		report("'%s' is there already", p.directory);
		return -1;
	}
	return host_container(&a->host, &p, false, NULL, yaml_of(i), &c);
}

/* ---- the report ---- */

static void
tell_notes(const struct import *im)
{
	for (size_t i = 0; i < im->notes.n; i++)
		printf("%-12s %-18s %s\n", im->notes.v[i].name, im->notes.v[i].key,
		    im->notes.v[i].why);
	for (size_t i = 0; i < im->items.n; i++)
		if (im->items.v[i].build && !im->items.v[i].image)
			printf("%-12s %-18s %s\n", im->items.v[i].name, "build",
			    "its image is to be built first: d new --compose does");
}

static void
tell_json(const struct import *im)
{
	json_t *items = json_array(), *notes = json_array(), *all;

	for (size_t i = 0; i < im->items.n; i++)
		json_array_append_new(
		    items, json_pack("{s:s, s:O, s:s?, s:O?}", "name", im->items.v[i].name,
			       "settings", im->items.v[i].settings, "image",
			       im->items.v[i].image, "build", im->items.v[i].build));
	for (size_t i = 0; i < im->notes.n; i++)
		json_array_append_new(
		    notes, json_pack("{s:s, s:s, s:s}", "name", im->notes.v[i].name, "key",
			       im->notes.v[i].key, "why", im->notes.v[i].why));
	all = json_pack("{s:o, s:o}", "containers", items, "report", notes);
	json_dumpf(all, stdout, JSON_INDENT(1));
	printf("\n");
	json_decref(all);
}

/* ---- writing ---- */

static int
write_item(const char *dir, const struct import_item *i)
{
	const char *own = pool_printf("%s/%s", dir, i->name), *yaml = yaml_of(i);
	const char *path = pool_printf("%s/settings.yaml", own);

	if (make_directories(own, 0755) ||
	    file_replace(AT_FDCWD, path,
		&(struct new_file){.bytes = yaml, .n = strlen(yaml), .mode = 0644}, NULL)) {
		report("write '%s':", path);
		return -1;
	}
	say("WRITE", "%s", path);
	return 0;
}

static bool
only_ours(const struct import *im)
{
	for (size_t i = 0; i < im->items.n; i++)
		if (im->items.v[i].image)
			return false;
	return true;
}

int
do_import(struct app *a, int argc, char **argv)
{
	struct import im = {.vol_base = a->host.vol_base};
	const char *dir = a->host.directories.n ? a->host.directories.w[0] : NULL;
	bool json = false, dry = false;
	const struct option_of options[] = {VALUED('o', "output", dir),
	    VALUED(0, "registry", im.registry), SWITCH('n', "dry-run", dry),
	    SWITCH(0, "json", json), NO_MORE};
	bool line = false;
	int bad = 0;

	for (int i = 1; i < argc; i++)
		line |= strcmp(argv[i], "--") == 0;
	argc = take_options(a, argc, &argv, options, line);
	if (argc < 1)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	im.started = json;
	if (line)
		bad = take_line(&im, argc, argv);
	for (int i = 0; !line && !bad && i < argc; i++)
		bad = take_path(&im, argv[i]);
	if (bad)
		return EXIT_TROUBLE;
	if (!json && !dir) {
		report("no directory of containers: -o says where, or settings.yaml(5), "
		       "containers");
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < im.items.n; i++)
		bad |= check_item(a, json ? NULL : dir, &im.items.v[i]);
	if (bad)
		return EXIT_TROUBLE;
	if (json) {
		tell_json(&im);
		return EXIT_YES;
	}
	tell_notes(&im);
	if (!only_ours(&im))
		printf("%-12s %-18s %s\n", "-", "defaults",
		    "a read-only root, no capabilities, nobody instead of root: d fix loosens "
		    "what one needs");
	for (size_t i = 0; !dry && !bad && i < im.items.n; i++)
		bad = write_item(dir, &im.items.v[i]);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}
