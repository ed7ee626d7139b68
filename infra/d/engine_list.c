#include "engine_list.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"
#include "engine_call.h"
#include "engine_json.h"
#include "file.h"
#include "report.h"
#include "strbuf.h"

/* All objects of what the ids name. One that is gone by now is left out: the engine then
 * fails, but tells of the others all the same. */
static json_t *
inspect_all(const struct engine *e, const struct words *args)
{
	struct strbuf out = STRBUF_INIT;
	json_t *list;

	engine_run(e, (const char *const *)args->w, &out, NULL);
	list = engine_json(e, &out);
	strbuf_free(&out);
	return list;
}

int
engine_see_all(const struct engine *e, struct seen_list *all)
{
	struct words query = {0}, args = {0};
	json_t *list, *o;
	size_t i;

	*all = (struct seen_list){0};
	words_add(&query, "ps");
	words_add(&query, "-aq");
	words_add(&query, "--no-trunc");
	words_add(&args, "container");
	words_add(&args, "inspect");
	if (engine_lines(e, &args, &query))
		return -1;
	if (args.n == 2)
		return 0;
	list = inspect_all(e, &args);
	if (!list)
		return -1;
	all->v = pool_zero(json_array_size(list) + 1, sizeof(*all->v));
	json_array_foreach (list, i, o) {
		seen_from_inspect(e, o, &all->v[all->n]);
		seen_doubt(e, &all->v[all->n++]);
	}
	json_decref(list);
	return 0;
}

int
engine_list(const struct engine *e, struct seen_list *all)
{
	struct strbuf out = STRBUF_INIT;
	json_t *list = NULL, *o;
	size_t i;

	if (e->kind == DOCKER)
		return engine_see_all(e, all);
	*all = (struct seen_list){0};
	if (engine_call(e, &out, "ps", "-a", "--no-trunc", "--format", "json", NULL) == 0)
		list = engine_json(e, &out);
	strbuf_free(&out);
	if (!list)
		return -1;
	all->v = pool_zero(json_array_size(list) + 1, sizeof(*all->v));
	json_array_foreach (list, i, o) {
		seen_from_ps(e, o, &all->v[all->n]);
		seen_doubt(e, &all->v[all->n++]);
	}
	json_decref(list);
	return 0;
}

const struct seen *
seen_named(const struct seen_list *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

/* ---- images ---- */

/* "ID\tNAME:TAG\tCREATED\tSIZE": one line a name. */
static void
add_image(const struct engine *e, struct images *all, char *line)
{
	char *save = NULL, *id = strtok_r(line, "\t", &save),
	     *tag = strtok_r(NULL, "\t", &save);
	char *created = strtok_r(NULL, "\t", &save), *size = strtok_r(NULL, "\t", &save);
	const char *named;
	struct image *i = NULL;
	struct tm tm = {0};

	if (!size)
		return;
	named = image_id(e, id);
	for (size_t k = 0; k < all->n && !i; k++)
		if (strcmp(all->v[k].id, named) == 0)
			i = &all->v[k];
	if (!i) {
		i = &all->v[all->n++];
		i->id = named;
		i->size = pool_dup(size);
		if (strptime(created, "%Y-%m-%d %H:%M:%S", &tm))
			i->created = timegm(&tm);
	}
	if (!strstr(tag, "<none>"))
		words_add(&i->tags, tag);
}

int
engine_images(const struct engine *e, bool dangling, struct images *all)
{
	static const char format[] =
	    "{{.ID}}\t{{.Repository}}:{{.Tag}}\t{{.CreatedAt}}\t{{.Size}}";
	struct words query = {0}, lines = {0};

	*all = (struct images){0};
	words_add(&query, "images");
	words_add(&query, "--no-trunc");
	if (!dangling) {
		words_add(&query, "-f");
		words_add(&query, "dangling=false");
	}
	words_add(&query, "--format");
	words_add(&query, format);
	if (engine_lines(e, &lines, &query))
		return -1;
	all->v = pool_zero(lines.n + 1, sizeof(*all->v));
	for (size_t i = 0; i < lines.n; i++)
		add_image(e, all, lines.w[i]);
	return 0;
}

bool
engine_lists_images(const struct engine *e, struct words *half)
{
	static const char *const list[] = {"images", "-q", NULL};
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	char id[IMAGE_HEX + 1];
	int status = engine_run(e, list, &out, &err);

	for (const char *at = err.s; (at = engine_half_made(at, id));)
		if (!words_have(half, id))
			words_add(half, id);
	strbuf_free(&out);
	strbuf_free(&err);
	return status == 0;
}

/* ---- both at once ---- */

/* Asks the engine in a process beside this one; what it answers goes to the descriptor *out. */
static pid_t
ask_beside(const struct engine *e, const struct words *args, int *out)
{
	struct strbuf text = STRBUF_INIT;
	pid_t pid;

	*out = memfd_create("engine", MFD_CLOEXEC);
	pid = *out < 0 ? -1 : fork();
	if (pid == 0) {
		int status;

		/* It ends with us, and its engine with it. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		status = engine_run(e, (const char *const *)args->w, &text, NULL);

		_exit(status < 0 || write_all(*out, text.s ? text.s : "", text.len));
	}
	return pid;
}

static int
answer_of(pid_t pid, int from, struct strbuf *out)
{
	char chunk[65536];
	off_t at = 0;
	int status;
	ssize_t n;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	for (; (n = pread(from, chunk, sizeof(chunk), at)) > 0; at += n)
		strbuf_add(out, chunk, (size_t)n);
	return n == 0 && status == 0 ? 0 : -1;
}

int
engine_list_with_images(const struct engine *e, const struct words *names,
    struct seen_list *all, struct images *images)
{
	struct strbuf out = STRBUF_INIT;
	struct words args = {0};
	json_t *list = NULL, *o;
	cleanup_fd int from = -1;
	pid_t pid;
	size_t i;
	int bad;

	*images = (struct images){0};
	if (!names->n)
		return engine_list(e, all);
	words_add(&args, "image");
	words_add(&args, "inspect");
	words_add_all(&args, names);
	pid = ask_beside(e, &args, &from);
	bad = engine_list(e, all);
	if (pid < 0 || answer_of(pid, from, &out))
		report("start '%s':", e->program);
	else if (!bad)
		list = engine_json(e, &out);
	strbuf_free(&out);
	images->v = pool_zero(json_array_size(list) + 1, sizeof(*images->v));
	json_array_foreach (list, i, o)
		image_from_inspect(e, o, &images->v[images->n++]);
	bad = bad || !list;
	json_decref(list);
	return bad ? -1 : 0;
}

const struct image *
image_tagged(const struct images *all, const char *tag)
{
	for (size_t i = 0; tag && i < all->n; i++)
		if (words_have(&all->v[i].tags, tag))
			return &all->v[i];
	return NULL;
}
