#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "image.h"
#include "report.h"
#include "run.h"
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

/* podman and docker, of several versions. */
static int
says_no_image(const char *said)
{
	return said &&
	       (strcasestr(said, "no such image") || strcasestr(said, "image not known") ||
		   strcasestr(said, "no such object"));
}

int
engine_find_id(const char *reference, char id[SHA256_HEX])
{
	const char *argv[] = {
	    engine_command(), "image", "inspect", "-f", "{{.Id}}", reference, NULL};
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	struct run r = {.argv = argv, .out = &out, .err = &err};
	int status = run(&r);
	const char *got = out.s ? out.s : "";
	int result = -1;

	if (strncmp(got, "sha256:", 7) == 0)
		got += 7;
	if (status == 126 || status == 127 || status < 0) {
		report("'%s' can't be run: set WHITTLE_ENGINE", argv[0]);
	} else if (status == 0 && strspn(got, "0123456789abcdef") == SHA256_HEX - 1) {
		memcpy(id, got, SHA256_HEX - 1);
		id[SHA256_HEX - 1] = '\0';
		result = 0;
	} else if (says_no_image(err.s)) {
		result = 1;
	} else {
		report("the engine can't tell about '%s': %s", reference, last_line(&err));
	}
	strbuf_free(&out);
	strbuf_free(&err);
	return result;
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

/* Quiet unless it fails; then what it said last. */
static int
run_engine(const char *const *argv)
{
	struct strbuf err = STRBUF_INIT;
	struct run r = {.argv = argv, .err = &err, .discard_out = 1};
	int status = run(&r);

	if (status)
		report("'%s %s' failed: %s", argv[0], argv[1], last_line(&err));
	strbuf_free(&err);
	return status ? -1 : 0;
}

char *
scratch_folder(void)
{
	const char *dir = getenv("TMPDIR");
	char *name = xasprintf("%s/pack.XXXXXX", dir && *dir ? dir : "/tmp");

	if (mkdtemp(name))
		return name;
	report("make a folder '%s':", name);
	free(name);
	return NULL;
}

int
engine_save(const char *name, struct image *i)
{
	cleanup_free char *full = full_image_name(name), *folder = scratch_folder(),
			  *file = NULL;
	int bad;

	memset(i, 0, sizeof(*i));
	if (!folder)
		return -1;
	file = xasprintf("%s/image.tar", folder);
	{
		const char *argv[] = {engine_command(), "save", "-o", file, full, NULL};

		bad = run_engine(argv) || image_open(i, file);
	}
	/* The mapping keeps it. */
	unlink(file);
	rmdir(folder);
	i->file = "the engine's archive";
	return bad ? -1 : 0;
}

int
engine_load(const char *file)
{
	const char *argv[] = {engine_command(), "load", "-q", "-i", file, NULL};

	return run_engine(argv);
}
