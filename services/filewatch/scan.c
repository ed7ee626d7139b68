#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "beneath.h"
#include "cleanup.h"
#include "config.h"
#include "strbuf.h"
#include "walk.h"

struct candidate {
	char *path; /* NULL: none */
	struct stat st;
	bool is_link;
	int error;
};

struct scan {
	int rootfd;
	const struct config *config;
	const struct rule *rule;
	const struct scan_visitor *v;
	void *arg;
	struct strbuf path; /* of the entry at hand, the base before it */
	size_t base_len;
	struct candidate *newest; /* one for each level that the walk is in */
	size_t levels;
};

int
look_at(int rootfd, const char *path, struct stat *st, bool *is_link)
{
	cleanup_fd int fd = open_in_root(rootfd, path, O_PATH | O_NOFOLLOW, 0);
	cleanup_fd int target = -1;

	*is_link = false;
	if (fd < 0 || fstat(fd, st))
		return errno;
	if (!S_ISLNK(st->st_mode))
		return 0;
	*is_link = true;
	target = open_in_root(rootfd, path, O_PATH, 0);
	if (target < 0 || fstat(target, st))
		return errno;
	return 0;
}

static const char *
full_path(struct scan *s, const char *below)
{
	strbuf_cut(&s->path, s->base_len);
	strbuf_puts(&s->path, strcmp(below, "/") == 0 ? "" : below);
	return s->path.len ? s->path.s : "/";
}

static bool
is_newer(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* A file that can't be looked at might be the newest, so it must not be passed over. */
static void
offer_newest(struct scan *s, size_t level, const char *path, const struct stat *st,
    bool is_link, int error)
{
	struct candidate *best;

	while (s->levels <= level) {
		s->newest = xreallocarray(s->newest, s->levels + 1, sizeof(*s->newest));
		s->newest[s->levels++] = (struct candidate){0};
	}
	best = &s->newest[level];
	if (best->path && (best->error || (!error && !is_newer(st, &best->st))))
		return;
	free(best->path);
	*best = (struct candidate){xstrdup(path), *st, is_link, error};
}

static void
leave_directory(const struct walk_entry *e, void *arg)
{
	struct scan *s = arg;
	struct candidate *best;

	if (e->depth + 1 >= s->levels)
		return;
	best = &s->newest[e->depth + 1];
	if (best->path)
		s->v->file(s->arg, best->path, &best->st, best->is_link, best->error);
	free(best->path);
	*best = (struct candidate){0};
}

static void
offer(struct scan *s, const struct walk_entry *e, const char *path)
{
	bool wants_directories = s->rule->empty == EMPTY_DIR;
	struct stat st = e->st;
	bool is_link = S_ISLNK(st.st_mode);
	int error = 0;

	if (is_link)
		error = look_at(s->rootfd, path, &st, &is_link);
	if ((!error && S_ISDIR(st.st_mode)) != wants_directories)
		return;
	if (config_is_exception(s->config, path))
		return;
	if (!s->rule->pattern.newest)
		s->v->file(s->arg, path, &st, is_link, error);
	else if (error || S_ISREG(st.st_mode))
		offer_newest(s, e->depth, path, &st, is_link, error);
}

static enum walk_action
scan_visit(const struct walk_entry *e, void *arg)
{
	struct scan *s = arg;
	const struct pattern *p = &s->rule->pattern;
	pattern_state state = pattern_walk(p, e->path);
	const char *path = full_path(s, e->path);

	if (e->depth > 0 && pattern_is_match(p, state))
		offer(s, e, path);
	if (!S_ISDIR(e->st.st_mode) || !pattern_goes_on(p, state))
		return WALK_SKIP;
	if (s->v->directory)
		s->v->directory(s->arg, path, &e->st);
	return WALK_GO;
}

static void
trouble(const char *path, void *arg)
{
	struct scan *s = arg;
	int error = errno;

	s->v->trouble(s->arg, full_path(s, path), error);
}

static void
scan_direct(struct scan *s)
{
	struct stat st;
	bool is_link;
	int error = look_at(s->rootfd, s->rule->path, &st, &is_link);

	if (error != ENOENT && error != ENOTDIR)
		s->v->file(s->arg, s->rule->path, &st, is_link, error);
}

static void
scan_wildcards(struct scan *s)
{
	static const struct walk_options options = {
	    .cross_mounts = 1, .trouble = trouble, .leave = leave_directory};
	const char *base = s->rule->pattern.base;
	cleanup_fd int fd = open_in_root(s->rootfd, base, O_RDONLY | O_DIRECTORY, 0);
	size_t i;

	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			s->v->trouble(s->arg, base, errno);
		return;
	}
	strbuf_puts(&s->path, strcmp(base, "/") == 0 ? "" : base);
	s->base_len = s->path.len;
	if (walk_tree(fd, &options, scan_visit, s) < 0)
		s->v->trouble(s->arg, base, errno);
	for (i = 0; i < s->levels; i++)
		free(s->newest[i].path);
	free(s->newest);
	strbuf_free(&s->path);
}

void
scan_rule(int rootfd, const struct config *c, const struct rule *r,
    const struct scan_visitor *v, void *arg)
{
	struct scan s = {.rootfd = rootfd, .config = c, .rule = r, .v = v, .arg = arg};

	if (r->pattern.direct)
		scan_direct(&s);
	else
		scan_wildcards(&s);
}
