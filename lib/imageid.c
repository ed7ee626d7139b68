#include "imageid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"
#include "file.h"
#include "run.h"
#include "strbuf.h"

enum { DIGITS = SHA256_HEX - 1 };

int
imageid_parse(const char *text, char hex[SHA256_HEX])
{
	if (strncmp(text, "sha256:", 7) == 0)
		text += 7;
	if (strspn(text, "0123456789abcdef") != DIGITS || text[DIGITS])
		return -1;
	memcpy(hex, text, SHA256_HEX);
	return 0;
}

static char *
directory_of(const char *state)
{
	return xasprintf("%s/image-ids", state);
}

static bool
read_note(int dir, const char *local, char id[SHA256_HEX])
{
	char target[SHA256_HEX + 1];
	ssize_t n = readlinkat(dir, local, target, sizeof(target));

	if (n != DIGITS)
		return false;
	target[n] = '\0';
	return imageid_parse(target, id) == 0;
}

bool
imageid_known(const char *state, const char *local, char id[SHA256_HEX])
{
	cleanup_free char *directory = directory_of(state);
	cleanup_free char *path = xasprintf("%s/%s", directory, local);

	return read_note(AT_FDCWD, path, id);
}

int
imageid_note(const char *state, const char *local, const char *id)
{
	cleanup_free char *directory = directory_of(state);
	cleanup_free char *path = xasprintf("%s/%s", directory, local);

	if (make_directories(directory, 0755))
		return -1;
	return symlink(id, path) && errno != EEXIST ? -1 : 0;
}

unsigned
imageid_locals(const char *state, const char *id, unsigned max, char (*local)[SHA256_HEX])
{
	cleanup_free char *directory = directory_of(state);
	cleanup_dir DIR *d = opendir(directory);
	char name[SHA256_HEX], means[SHA256_HEX];
	struct dirent *e;
	unsigned n = 0;

	while (d && n < max && (e = readdir(d)))
		if (imageid_parse(e->d_name, name) == 0 && read_note(dirfd(d), name, means) &&
		    strcmp(means, id) == 0)
			memcpy(local[n++], name, SHA256_HEX);
	return n;
}

/* ---- what an engine calls them ---- */

/* pack looks into the image, and keeps what it finds. Returns 0, or -1 where it doesn't find
 * out. */
static int
ask_pack(const struct engine *e, const char *option, char hex[SHA256_HEX])
{
	cleanup_free char *engine = xasprintf("WHITTLE_ENGINE=%s", e->program);
	cleanup_free char *state = xasprintf("WHITTLE_STATE=%s", e->store);
	cleanup_free char *id = xasprintf("sha256:%s", hex);
	const char *const argv[] = {"env", engine, state, e->pack, "id", option, id, NULL};
	struct strbuf out = STRBUF_INIT;
	int status = run(&(struct run){.argv = argv, .out = &out, .discard_err = 1});

	if (out.len && out.s[out.len - 1] == '\n')
		strbuf_cut(&out, out.len - 1);
	status = status || !out.s ? -1 : imageid_parse(out.s, hex);
	strbuf_free(&out);
	return status;
}

char *
imageid_of(const struct engine *e, const char *own)
{
	char hex[SHA256_HEX], id[SHA256_HEX];

	if (imageid_parse(own, hex))
		return xstrdup(own);
	memcpy(id, hex, sizeof(id));
	if (e->kind == DOCKER && e->pack && !imageid_known(e->store, hex, id))
		ask_pack(e, "--", id);
	return xasprintf("sha256:%s", id);
}

char *
imageid_own(const struct engine *e, const char *id)
{
	char own[2][SHA256_HEX], hex[SHA256_HEX];
	unsigned n;

	if (e->kind != DOCKER || !e->pack || strncmp(id, "sha256:", 7) != 0 ||
	    imageid_parse(id, hex))
		return xstrdup(id);
	n = imageid_locals(e->store, hex, 2, own);
	if (n == 1)
		return xasprintf("sha256:%s", own[0]);
	if (n || !imageid_known(e->store, hex, own[0]))
		ask_pack(e, "-r", hex);
	return xasprintf("sha256:%s", hex);
}
