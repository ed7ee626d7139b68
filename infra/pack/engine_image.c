#include "engine_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"
#include "image.h"
#include "imageid.h"
#include "report.h"
#include "store.h"
#include "strbuf.h"

static int
is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

const char *
engine_command(void)
{
	static char beside[4200];
	static char *installed;
	const char *given = getenv("WHITTLE_ENGINE");
	ssize_t n;
	char *slash;

	if (given && *given)
		return given;
	/* In the project this program is infra/pack/pack. */
	n = readlink("/proc/self/exe", beside, 4096);
	if (n > 0) {
		beside[n] = '\0';
		if ((slash = strstr(beside, "/infra/pack/"))) {
			strcpy(slash, "/infra/engine");
			if (is_program(beside))
				return beside;
		}
	}
	if (!installed)
		installed = engine_beside();
	if (installed)
		return installed;
	return is_program("/usr/bin/podman") || is_program("/usr/local/bin/podman") ? "podman"
										    : "docker";
}

char *
full_image_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	int tagged = strchr(slash ? slash : name, ':') != NULL;

	if (strspn(name, "0123456789abcdef") == SHA256_HEX - 1 && !name[SHA256_HEX - 1])
		return xstrdup(name);

	return xasprintf(
	    "%s%s%s", slash ? "" : "localhost/whittle/", name, tagged ? "" : ":latest");
}

const char *
last_line(struct strbuf *said)
{
	char *last;

	while (said->len && said->s[said->len - 1] == '\n')
		strbuf_cut(said, said->len - 1);
	if (!said->len)
		return "no reason given";
	last = strrchr(said->s, '\n');
	return last ? last + 1 : said->s;
}

/* The engine, found once; NULL after a report(). */
static const struct engine *
the_engine(void)
{
	static struct engine e;

	if (!e.program && engine_open(&e, engine_command()))
		return NULL;
	return &e;
}

/* Quiet unless it fails; then what it said. out may be NULL. */
static int
run_engine(const char *const *args, struct strbuf *out)
{
	const struct engine *e = the_engine();
	struct strbuf err = STRBUF_INIT;
	int status = e ? engine_run(e, args, out, &err) : -1;
	cleanup_free char *gist = engine_gist(&err);

	if (status == 127 || (e && status < 0))
		report("'%s' can't be run: set WHITTLE_ENGINE", e->program);
	else if (status > 0)
		report("%s %s failed: %s", engine_name(e), args[0], gist);
	strbuf_free(&err);
	return status ? -1 : 0;
}

char *
scratch_directory(void)
{
	const char *dir = getenv("TMPDIR");
	char *name = xasprintf("%s/pack.XXXXXX", dir && *dir ? dir : "/tmp");

	if (mkdtemp(name))
		return name;
	report("make a directory '%s':", name);
	free(name);
	return NULL;
}

/* ---- image IDs and the engine's own, see imageid.h ---- */

/* Whether the engine calls images by the digest of a manifest or an index: 1, 0, -1 after a
 * report(). */
static int
names_manifests(void)
{
	static int known = -1;
	const char *const args[] = {"info", "-f", "{{json .DriverStatus}}", NULL};
	struct strbuf out = STRBUF_INIT;

	if (known < 0 && run_engine(args, &out) == 0)
		known = out.s && strstr(out.s, "io.containerd.snapshotter") != NULL;
	strbuf_free(&out);
	return known;
}

/* The engine's own ID of what a reference names: 0, 1 where there is none, -1. */
static int
inspect_id(const char *reference, char local[SHA256_HEX])
{
	const char *const args[] = {"image", "inspect", "-f", "{{.Id}}", reference, NULL};
	const struct engine *e = the_engine();
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	int status = e ? engine_run(e, args, &out, &err) : -1, result = -1;

	if (out.len && out.s[out.len - 1] == '\n')
		strbuf_cut(&out, out.len - 1);
	if (status == 127)
		report("'%s' can't be run: set WHITTLE_ENGINE", e->program);
	else if (e && status)
		result = engine_missing(e, "image", reference, status, &err) ? -1 : 1;
	else if (e && out.s && imageid_parse(out.s, local) == 0)
		result = 0;
	else if (e)
		report("%s image inspect %s: no image ID in its output", engine_name(e),
		    reference);
	strbuf_free(&out);
	strbuf_free(&err);
	return result;
}

/* The image's archive, without looking at its layers. */
static int
save_archive(
    const char *reference, int (*open_it)(struct image *, const char *), struct image *i)
{
	cleanup_free char *directory = scratch_directory(), *file = NULL;
	int bad;

	memset(i, 0, sizeof(*i));
	if (!directory)
		return -1;
	file = xasprintf("%s/image.tar", directory);
	{
		const char *const args[] = {"save", "-o", file, reference, NULL};

		bad = run_engine(args, NULL) || open_it(i, file);
	}
	/* The mapping keeps it. */
	unlink(file);
	rmdir(directory);
	i->file = "the engine's archive";
	return bad ? -1 : 0;
}

/* The image ID of the engine's own ID. */
static int
id_of_local(const char *local, char id[SHA256_HEX])
{
	cleanup_free char *state = store_root(NULL), *reference = NULL;
	struct image i = {.file = NULL};
	const struct engine *e = the_engine();
	int docker = e && e->kind == DOCKER, manifests = 0, bad = 0;

	if (docker && imageid_known(state, local, id))
		return 0;
	if (!e || (docker && (manifests = names_manifests()) < 0))
		return -1;
	memcpy(id, local, SHA256_HEX);
	if (manifests) {
		reference = xasprintf("sha256:%s", local);
		bad = save_archive(reference, image_open_config, &i);
		memcpy(id, i.id, SHA256_HEX);
		image_close(&i);
	}
	/* A directory that can't be written to only costs the same question again. */
	if (docker && !bad)
		imageid_note(state, local, id);
	return bad;
}

/* Every image that the engine has, until one is the image of that ID. */
static int
search_local(const char *id, char local[SHA256_HEX])
{
	const char *const args[] = {"images", "-q", "-a", "--no-trunc", NULL};
	struct strbuf out = STRBUF_INIT;
	char means[SHA256_HEX], *line, *save = NULL;
	int found = run_engine(args, &out);

	for (line = found || !out.s ? NULL : strtok_r(out.s, "\n", &save); line && !found;
	     line = strtok_r(NULL, "\n", &save))
		if (imageid_parse(line, local) == 0 && id_of_local(local, means) == 0)
			found = strcmp(means, id) == 0;
	strbuf_free(&out);
	return found;
}

int
engine_local_id(const char *id, char local[SHA256_HEX])
{
	enum { MANY = 16 };
	cleanup_free char *state = store_root(NULL);
	char candidate[MANY][SHA256_HEX];
	const struct engine *e = the_engine();
	unsigned n, k;
	int found;

	memcpy(local, id, SHA256_HEX);
	if (!e || e->kind == PODMAN)
		return e ? 0 : -1;
	n = imageid_locals(state, id, MANY, candidate);
	for (k = 0; n > 1 && k < n; k++)
		if ((found = inspect_id(candidate[k], local)) <= 0)
			return found;
	if (n == 1)
		memcpy(local, candidate[0], SHA256_HEX);
	if (n || imageid_known(state, id, candidate[0]))
		return 0;
	if ((found = names_manifests()) <= 0)
		return found;
	found = search_local(id, local);
	if (!found)
		memcpy(local, id, SHA256_HEX);
	return found < 0 ? -1 : 0;
}

int
engine_find_local(const char *reference, char local[SHA256_HEX])
{
	cleanup_free char *own = NULL;
	char id[SHA256_HEX];
	int status = inspect_id(reference, local);

	/* One that the engine doesn't call so may be an image ID that it calls otherwise. */
	if (status != 1 || imageid_parse(reference, id))
		return status;
	if (engine_local_id(id, local))
		return -1;
	if (strcmp(id, local) == 0)
		return 1;
	own = xasprintf("sha256:%s", local);
	return inspect_id(own, local);
}

int
engine_find_id(const char *reference, char id[SHA256_HEX])
{
	char local[SHA256_HEX];
	int status = engine_find_local(reference, local);

	return status ? status : id_of_local(local, id);
}

int
engine_image_id(const char *name, char id[SHA256_HEX])
{
	cleanup_free char *full = full_image_name(name);
	int status = engine_find_id(full, id);

	if (status == 1)
		report("no image '%s' here", full);
	return status ? -1 : 0;
}

int
engine_save(const char *name, struct image *i)
{
	cleanup_free char *full = full_image_name(name);
	char id[SHA256_HEX], local[SHA256_HEX];

	memset(i, 0, sizeof(*i));
	if (imageid_parse(full, id) == 0) {
		if (engine_local_id(id, local))
			return -1;
		free(full);
		full = xasprintf("sha256:%s", local);
	}
	return save_archive(full, image_open, i);
}

int
engine_load(const char *file)
{
	const char *const args[] = {"load", "-q", "-i", file, NULL};

	return run_engine(args, NULL);
}
