#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "mounts.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"
#include "usage.h"

bool
source_option(struct source *s, int option, char *argument, const char *verb)
{
	const char **list = option == OPTION_UIDMAP ? s->uidmap : s->gidmap;
	unsigned *count = option == OPTION_UIDMAP ? &s->uidmaps : &s->gidmaps;

	switch (option) {
	case 'm':
		s->map = argument;
		return true;
	case 'R':
		s->root = argument;
		return true;
	case OPTION_USER:
		s->user = argument;
		return true;
	case OPTION_UIDMAP:
	case OPTION_GIDMAP:
		if (*count == SOURCE_RANGES_MAX)
			die("more than %d ranges", (int)SOURCE_RANGES_MAX);
		list[(*count)++] = argument;
		return true;
	case 'h':
		exit(verb_usage(verb, EXIT_YES));
	default:
		return false;
	}
}

int
source_root(const struct source *s)
{
	const char *path = s->root ? s->root : "/";
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die("open '%s':", path);
	return fd;
}

/* --- processes --- */

static int
map_of_process(const char *pid, struct idmap *m, struct strbuf *why)
{
	static const char *const file[] = {"uid_map", "gid_map"};
	size_t i;

	for (i = 0; i < 2; i++) {
		cleanup_free char *path = xasprintf("/proc/%s/%s", pid, file[i]);
		cleanup_free char *text = read_proc(path);

		if (!text) {
			strbuf_printf(why, "read '%s': %s", path, strerror(errno));
			return -1;
		}
		if (id_map_parse_proc(i ? &m->gid : &m->uid, text, strlen(text), why))
			return -1;
	}
	return 0;
}

/* --- engines --- */

static bool
in_path(const char *program)
{
	const char *const argv[] = {program, "--version", NULL};
	struct run r = {.argv = argv, .discard_out = 1, .discard_err = 1, .timeout_ms = 20000};

	return run(&r) < 126;
}

/* What to run: what ENGINE_CMD or ENGINE names, else podman, else docker. */
static const char *
engine(bool *docker)
{
	const char *wrapper = getenv("ENGINE_CMD"), *named = getenv("ENGINE");
	const char *kind, *slash;

	if (!named || !*named)
		named = in_path("podman") ? "podman" : "docker";
	slash = strrchr(named, '/');
	kind = slash ? slash + 1 : named;
	*docker = strcmp(kind, "docker") == 0;
	return wrapper && *wrapper ? wrapper : named;
}

/* Runs the engine with words, NULL after the last. Returns its output, NULL where it
 * failed. */
static char *
ask_engine(const char *const *words)
{
	bool docker;
	const char *argv[8] = {engine(&docker)};
	struct strbuf out = STRBUF_INIT;
	struct run r = {.argv = argv, .out = &out, .discard_err = 1, .timeout_ms = 60000};
	size_t i;

	for (i = 0; words[i] && i + 2 < sizeof(argv) / sizeof(argv[0]); i++)
		argv[i + 1] = words[i];
	if (run(&r) != 0) {
		strbuf_free(&out);
		return NULL;
	}
	return strbuf_steal(&out);
}

/* The first line, taken off what *p points to. */
static char *
next_line(char **p)
{
	char *line = *p, *nl = strchr(line, '\n');

	*p = nl ? nl + 1 : line + strlen(line);
	if (nl)
		*nl = '\0';
	return line;
}

int
container_find(const char *name, struct container *c)
{
	static const char podman_format[] = "{{.State.Pid}}\n{{.Config.User}}\n"
					    "{{json .HostConfig.IDMappings}}\n";
	static const char docker_format[] = "{{.State.Pid}}\n{{.Config.User}}\n"
					    "{{.HostConfig.UsernsMode}}\n";
	cleanup_free char *got = NULL;
	char *p;

	*c = (struct container){.name = name};
	engine(&c->docker);
	got = ask_engine((const char *const[]){"container", "inspect", "--format",
	    c->docker ? docker_format : podman_format, name, NULL});
	if (!got) {
		report("no container '%s'", name);
		return -1;
	}
	p = got;
	c->pid = atol(next_line(&p));
	c->user = xstrdup(next_line(&p));
	c->idmaps = xstrdup(next_line(&p));
	return 0;
}

void
container_free(struct container *c)
{
	free(c->user);
	free(c->idmaps);
}

int
container_of_image(const char *image, struct container *c)
{
	/* An image without a command wants one, though it is never run. */
	char *id = ask_engine((const char *const[]){"create", image, "none", NULL});

	if (!id) {
		report("no image '%s'", image);
		return -1;
	}
	id[strcspn(id, "\n")] = '\0';
	*c = (struct container){.name = id};
	return 0;
}

void
container_remove(struct container *c)
{
	free(ask_engine((const char *const[]){"rm", c->name, NULL}));
	free((char *)c->name);
	container_free(c);
}

static const char *
own_user(char number[16])
{
	struct strbuf b = STRBUF_INIT;

	if (geteuid() == 0)
		return NULL;
	strbuf_printf(&b, "%u", (unsigned)geteuid());
	strcpy(number, b.s);
	strbuf_free(&b);
	return number;
}

static int
docker_map(const struct container *c, const struct userns_files *f, struct idmap *m,
    struct strbuf *why)
{
	cleanup_free char *dir = NULL;
	char *p;

	if (strcmp(c->idmaps, "host") == 0) {
		idmap_identity(m);
		return 0;
	}
	dir = ask_engine((const char *const[]){"info", "--format", "{{.DockerRootDir}}", NULL});
	if (!dir) {
		strbuf_puts(why, "docker doesn't answer");
		return -1;
	}
	p = dir;
	return userns_docker_running(m, f, next_line(&p), why);
}

int
container_map(const struct container *c, const struct userns_files *f, struct idmap *m)
{
	struct strbuf why = STRBUF_INIT;
	char number[16];
	int bad;

	if (c->pid > 0) {
		cleanup_free char *pid = xasprintf("%ld", c->pid);

		bad = map_of_process(pid, m, &why);
	} else if (c->docker) {
		bad = docker_map(c, f, m, &why);
	} else {
		bad = userns_inspected(m, f, own_user(number), c->idmaps, &why);
	}
	if (bad)
		report("map of container '%s': %s", c->name, why.s);
	strbuf_free(&why);
	return bad;
}

/* The first file's bytes in a tar stream, ustar(5): a block of header, then they. */
static size_t
first_in_tar(const struct strbuf *tar, const char **bytes)
{
	enum { BLOCK = 512, SIZE_AT = 124, SIZE_LEN = 12, TYPE_AT = 156 };
	char digits[SIZE_LEN + 1] = "";
	unsigned long size;

	if (tar->len < BLOCK || (tar->s[TYPE_AT] != '0' && tar->s[TYPE_AT] != '\0'))
		return 0;
	memcpy(digits, tar->s + SIZE_AT, SIZE_LEN);
	size = strtoul(digits, NULL, 8);
	*bytes = tar->s + BLOCK;
	return size <= tar->len - BLOCK ? size : 0;
}

int
container_accounts(const struct container *c, const char *path, struct accounts *a)
{
	bool docker;
	cleanup_free char *from = xasprintf("%s:%s", c->name, path);
	const char *const argv[] = {engine(&docker), "cp", from, "-", NULL};
	cleanup_fd int fd = memfd_create("accounts", MFD_CLOEXEC);
	struct strbuf tar = STRBUF_INIT;
	struct run r = {.argv = argv, .out = &tar, .discard_err = 1, .timeout_ms = 60000};
	const char *bytes = NULL;
	size_t n = run(&r) == 0 ? first_in_tar(&tar, &bytes) : 0;
	int bad = !n || fd < 0 || write(fd, bytes, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) ||
		  accounts_read(fd, a);

	strbuf_free(&tar);
	return bad ? -1 : 0;
}

/* --- the words of --map --- */

/* What stands after "WORD:", "" for the word alone; NULL where text is another word. */
static const char *
after(const char *text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0 || (text[n] && text[n] != ':'))
		return NULL;
	return text[n] ? text + n + 1 : text + n;
}

/* userns-remap in docker's settings below root, "" where it isn't set. NULL with why. */
static char *
docker_setting(int root, struct strbuf *why)
{
	static const char file[] = "etc/docker/daemon.json";
	cleanup_fd int fd = open_in_root(root, file, O_RDONLY, 0);
	json_error_t error;
	json_t *all;
	const char *value;
	char *copy;

	if (fd < 0 && errno == ENOENT)
		return xstrdup("");
	all = fd < 0 ? NULL : json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(all)) {
		strbuf_printf(why, "/%s: %s", file,
		    fd < 0 ? strerror(errno)
		    : all  ? "no object"
			   : error.text);
		json_decref(all);
		return NULL;
	}
	value = json_string_value(json_object_get(all, "userns-remap"));
	copy = xstrdup(value ? value : "");
	json_decref(all);
	return copy;
}

static int
map_of_docker(const struct userns_files *f, int root, const char *setting, struct idmap *m,
    struct strbuf *why)
{
	cleanup_free char *value = *setting ? xstrdup(setting) : docker_setting(root, why);

	if (!value)
		return -1;
	if (*value)
		return userns_docker(m, f, value, why);
	idmap_identity(m);
	return 0;
}

/* The maps of root's containers that there are, which --userns=auto keeps clear of. */
static struct idmap *
taken_maps(const struct userns_files *f, const char *user, size_t *count)
{
	struct idmap *taken = NULL;
	cleanup_free char *ids = NULL;
	char *p, *id;

	*count = 0;
	if (user) /* only that user's podman knows */
		return NULL;
	ids = ask_engine((const char *const[]){"ps", "--all", "--quiet", "--no-trunc", NULL});
	for (p = ids; p && *(id = next_line(&p));) {
		struct container c = {0};
		struct idmap m = IDMAP_INIT;

		if (container_find(id, &c) == 0 && !c.docker && container_map(&c, f, &m) == 0 &&
		    !idmap_is_identity(&m)) {
			taken = xreallocarray(taken, *count + 1, sizeof(*taken));
			taken[(*count)++] = m;
		} else {
			idmap_free(&m);
		}
		container_free(&c);
	}
	return taken;
}

static int
map_of_podman(const struct source *s, const struct userns_files *f, const char *userns,
    struct idmap *m, struct strbuf *why)
{
	char number[16];
	struct userns_podman p = {.user = s->user ? s->user : own_user(number),
	    .userns = userns,
	    .uidmap = s->uidmap,
	    .gidmap = s->gidmap};
	struct idmap *taken = NULL;
	size_t i;
	int bad;

	if (after(userns, "auto"))
		p.taken = taken = taken_maps(f, p.user, &p.taken_count);
	bad = userns_podman(m, f, &p, why);
	for (i = 0; i < p.taken_count; i++)
		idmap_free(&taken[i]);
	free(taken);
	return bad;
}

static int
map_of_container(const char *name, const struct userns_files *f, struct idmap *m)
{
	struct container c;
	int bad = container_find(name, &c);

	if (!bad) {
		bad = container_map(&c, f, m);
		container_free(&c);
	}
	return bad;
}

/* What containers get here without being asked; NULL where that is no map at all. */
static const char *
default_map(int root)
{
	struct strbuf why = STRBUF_INIT;
	cleanup_free char *setting = geteuid() ? NULL : docker_setting(root, &why);
	const char *map = geteuid() ? "podman" : setting && *setting ? "docker" : NULL;

	strbuf_free(&why);
	return map;
}

static int
read_map(const struct source *s, const struct userns_files *f, int root, struct idmap *m,
    struct strbuf *why)
{
	const char *rest;

	if ((rest = after(s->map, "subid")) && *rest)
		return userns_subids(m, f, rest, why);
	if ((rest = after(s->map, "rootless")) && *rest)
		return userns_rootless(m, f, rest, why);
	if ((rest = after(s->map, "docker")))
		return map_of_docker(f, root, rest, m, why);
	if ((rest = after(s->map, "podman")))
		return map_of_podman(s, f, rest, m, why);
	if ((rest = after(s->map, "pid")) && *rest)
		return map_of_process(rest, m, why);
	return idmap_parse(m, s->map, why);
}

int
source_map(const struct source *given, struct idmap *m)
{
	cleanup_fd int root = source_root(given);
	struct source s = *given;
	struct strbuf why = STRBUF_INIT;
	struct userns_files f;
	const char *container;
	int bad;

	if (!s.map && !(s.map = default_map(root)))
		die("--map is required; idmap(8) lists the ways");
	bad = userns_files_read(&f, root, &why);
	container = after(s.map, "container");
	if (!bad && container && *container)
		bad = map_of_container(container, &f, m);
	else if (!bad)
		bad = read_map(&s, &f, root, m, &why);
	if (bad && why.len)
		report("map '%s': %s", s.map, why.s);
	userns_files_free(&f);
	strbuf_free(&why);
	return bad;
}
