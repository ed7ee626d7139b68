#include "image_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "engine_call.h"
#include "engine_end.h"
#include "engine_json.h"
#include "file.h"
#include "report.h"
#include "state.h"
#include "strbuf.h"

/* What was copied is kept for as long as the image is: it is there, and on the disk, or an
 * account that nobody found this once would never be found again. A link isn't read by anybody.
 */
static int
sync_copy(const struct engine *e, const char *directory, const char *name)
{
	const char *path = pool_printf("%s/%s", directory, name);
	struct stat st;
	int fd, bad = lstat(path, &st);

	if (!bad && S_ISREG(st.st_mode)) {
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		bad = fd < 0 || file_close(&fd);
	}
	if (bad)
		report("%s cp: /etc/%s of the image didn't arrive as '%s':", engine_name(e),
		    name, path);
	return bad ? -1 : 0;
}

/* One file out of a container; none is fine. 0, or -1 after a message. */
static int
copy_one(const struct engine *e, const char *id, const char *name, const char *directory)
{
	struct strbuf err = STRBUF_INIT;
	cleanup_free char *gist = NULL;
	struct words args = {0};
	int status;

	words_add(&args, "cp");
	words_addf(&args, "%s:/etc/%s", id, name);
	words_addf(&args, "%s/%s", directory, name);
	status = engine_run(e, (const char *const *)args.w, NULL, &err);
	gist = engine_gist(&err);
	if (status > 0 && err.s &&
	    (strstr(err.s, "could not be found") || strstr(err.s, "ould not find the file") ||
		strstr(err.s, "No such container:path")))
		status = 0;
	else if (status)
		report("%s cp: /etc/%s of the image: %s", engine_name(e), name, gist);
	else
		status = sync_copy(e, directory, name);
	strbuf_free(&err);
	return status ? -1 : 0;
}

const char *
image_container(const struct engine *e, const struct image *image)
{
	struct strbuf out = STRBUF_INIT;
	const char *id = NULL;

	if (engine_call(e, &out, "create", "--pull", "never", image->id, "/none", NULL) == 0)
		id = engine_created(e, &out);
	strbuf_free(&out);
	return id;
}

static int
copy_out(const struct engine *e, const struct image *image, const char *directory)
{
	const char *id = image_container(e, image);
	int bad;

	if (!id)
		return -1;
	bad = copy_one(e, id, "passwd", directory) || copy_one(e, id, "group", directory);
	engine_remove(e, id, true);
	return bad ? -1 : 0;
}

static void
remove_copy(const char *directory)
{
	unlink(pool_printf("%s/passwd", directory));
	unlink(pool_printf("%s/group", directory));
	unlink(pool_printf("%s/capabilities", directory));
	rmdir(directory);
}

/* Those of other images, and what was cut off. */
static void
remove_copies_but(const char *state, const char *kept)
{
	cleanup_dir DIR *d = opendir(state);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strncmp(e->d_name, "accounts.", 9) == 0 && strcmp(e->d_name, kept) != 0)
			remove_copy(pool_printf("%s/%s", state, e->d_name));
}

const char *
image_files(struct app *a, const char *key, bool test, const struct image *image)
{
	const char *state = state_directory(&a->host, test ? pool_printf("%s/test", key) : key);
	const char *name = pool_printf("accounts.%s", short_id(image->id));
	const char *kept = state ? pool_printf("%s/%s", state, name) : NULL;
	char *draft;

	if (!state || access(kept, F_OK) == 0)
		return kept;
	remove_copies_but(state, name);
	draft = pool_printf("%s/accounts.XXXXXX", state);
	if (!mkdtemp(draft)) {
		report("make a directory in '%s':", state);
		return NULL;
	}
	if (copy_out(&a->engine, image, draft)) {
		remove_copy(draft);
		return NULL;
	}
	if (rename(draft, kept)) /* another was quicker */
		remove_copy(draft);
	else
		file_sync_directory(AT_FDCWD, kept);
	return kept;
}
