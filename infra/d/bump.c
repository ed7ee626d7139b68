#include "bump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_call.h"
#include "file.h"
#include "registry.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "settings.h"
#include "strbuf.h"

enum { PROGRAM_MS = 900000, FILE_MAX = 4 << 20 };

static const char *const files[] = {"Dockerfile", "settings.yaml", "packages.lock"};

/* ---- whole files ---- */

/* Its text; NULL where it isn't there, with errno ENOENT, or after a message. */
static char *
read_text(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct strbuf b = STRBUF_INIT;
	char chunk[8192], *got;
	ssize_t n = 0;

	while (fd >= 0 && b.len <= FILE_MAX && (n = read(fd, chunk, sizeof(chunk))) > 0)
		strbuf_add(&b, chunk, (size_t)n);
	if (fd < 0 || n < 0 || b.len > FILE_MAX) {
		if (errno != ENOENT)
			report("read '%s':", path);
		strbuf_free(&b);
		return NULL;
	}
	got = pool_dupn(b.s ? b.s : "", b.len);
	strbuf_free(&b);
	return got;
}

/* Where it is a link, the file that it leads to; owner and mode stay. */
static int
write_text(const char *path, const char *text)
{
	cleanup_free char *real = realpath(path, NULL);
	struct stat st;
	const struct new_file f = {.bytes = text, .n = strlen(text), .like = &st};

	if (real && stat(real, &st) == 0 && file_replace(AT_FDCWD, real, &f, NULL) == 0)
		return 0;
	report("write '%s':", path);
	return -1;
}

json_t *
bump_save(const struct place *p)
{
	json_t *saved = json_object();

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *path = pool_printf("%s/%s", p->directory, files[i]);
		const char *text = read_text(path);

		if (text)
			json_object_set_new(saved, path, json_string(text));
	}
	return saved;
}

int
bump_restore(const json_t *saved, const json_t *written)
{
	const char *path, *text, *now, *last;
	json_t *one;
	int bad = 0;

	json_object_foreach ((json_t *)saved, path, one) {
		text = json_string_value(one);
		now = read_text(path);
		last = json_string_value(json_object_get(written, path));
		if (!text || !now || strcmp(now, text) == 0)
			continue;
		if (!last || strcmp(now, last) == 0)
			bad |= write_text(path, text);
		else
			report(
			    "'%s' was changed meanwhile, and isn't put back as it was", path);
	}
	return bad;
}

/* ---- Dockerfile ---- */

static bool
ends_word(char c)
{
	return !c || strchr(" \t\r\n,\"'", c);
}

/* Every place where the image stands as a word of its own; NULL where there is none. */
static char *
replace_word(const char *text, const char *old, const char *new)
{
	struct strbuf b = STRBUF_INIT;
	const char *p = text, *at, *begin = text;
	size_t len = strlen(old), n = 0;
	char *got = NULL;

	while ((at = strstr(p, old))) {
		bool word =
		    (at == begin || ends_word(at[-1]) || at[-1] == '=') && ends_word(at[len]);

		strbuf_add(&b, p, (size_t)(at - p));
		strbuf_puts(&b, word ? new : old);
		n += word;
		p = at + len;
	}
	strbuf_puts(&b, p);
	if (n)
		got = pool_dup(b.s);
	strbuf_free(&b);
	return got;
}

/* ---- settings.yaml ---- */

/* The scalar as it stands in the text replaced by another; NULL where it is written in another
 * way than this expects, as a block or with escapes. */
static char *
replace_scalar(const char *text, const struct node *n, const char *new)
{
	const char *p = text;
	size_t len = strlen(n->text);

	for (size_t line = 1; line < n->line && p; line++) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (!p || strcspn(p, "\n") < n->column - 1)
		return NULL;
	p += n->column - 1;
	p += *p == '"' || *p == '\'';
	if (strncmp(p, n->text, len) != 0)
		return NULL;
	return pool_printf("%.*s%s%s", (int)(p - text), text, new, p + len);
}

/* The key that has the tag, with what it is to be: image where that names one, else tag. */
static char *
rewrite_settings(const char *path, const char *text, const struct finding *f)
{
	struct reference r = reference_parse(f->subject);
	const char *digest = r.digest && f->digest ? f->digest : NULL;
	const char *value = f->kind == FOUND_TAG ? f->want : r.tag;
	const struct node *n, *image;
	struct settings s = {0};
	char *got = NULL;

	value = pool_printf("%s%s%s", value, digest ? "@" : "", digest ? digest : "");
	if (settings_parse(&s, path, text, strlen(text)) == 0) {
		image = settings_get(s.root, "image");
		n = settings_get(s.root, "tag");
		if (image && image->kind == NODE_SCALAR &&
		    strcmp(image->text, f->subject) == 0) {
			n = image;
			value = pool_printf("%s:%s", r.repository, value);
		}
		got = n && n->kind == NODE_SCALAR ? replace_scalar(text, n, value) : NULL;
	}
	settings_free(&s);
	return got;
}

/* ---- all of it ---- */

struct rewriting {
	struct app *a;
	const struct place *p;
	const char *path[2], *old[2], *new[2]; /* Dockerfile and settings.yaml */
	struct words pull;
	bool packages;
};

static int
plan_one(struct rewriting *w, const struct finding *f)
{
	struct reference r = reference_parse(f->subject);
	size_t i = f->from ? 0 : 1;
	char *text;

	if (f->kind == FOUND_PACKAGE)
		w->packages = true;
	if (f->kind != FOUND_TAG && f->kind != FOUND_DIGEST)
		return 0;
	/* An upgrade pulls what it starts, and moves the tag back where that fails. */
	if (f->kind == FOUND_DIGEST && !r.digest) {
		if (f->from || w->p->makefile)
			words_add(&w->pull, f->subject);
		else
			say("MOVED", "%s: 'd upgrade %s' takes it", f->subject, w->p->name);
		return 0;
	}
	if (!w->new[i])
		w->new[i] = w->old[i] = read_text(w->path[i]);
	text = !w->new[i] ? NULL
	       : f->from  ? replace_word(w->new[i], f->subject,
				pool_printf("%s:%s%s%s", r.repository,
                                   f->kind == FOUND_TAG ? f->want : r.tag, r.digest ? "@" : "",
                                   r.digest ? f->digest : ""))
			  : rewrite_settings(w->path[i], w->new[i], f);
	if (!text) {
		report(
		    "%s: '%s' doesn't stand in '%s' as one word: change it there by hand, %s",
		    w->p->name, f->subject, w->path[i], finding_text(f));
		return -1;
	}
	w->new[i] = text;
	return 0;
}

static void
print_change(const char *path, const char *old, const char *new)
{
	for (size_t line = 1; *old && *new; line++) {
		size_t a = strcspn(old, "\n"), b = strcspn(new, "\n");

		if (a != b || strncmp(old, new, a) != 0)
			printf("%s:%zu\n-%.*s\n+%.*s\n", path, line, (int)a, old, (int)b, new);
		old += a + (old[a] == '\n');
		new += b + (new[b] == '\n');
	}
}

static int
run_packages(const struct rewriting *w)
{
	const char *argv[] = {
	    pool_printf("%s/infra/packages", w->a->host.project), "bump", NULL};
	struct strbuf err = STRBUF_INIT, out = STRBUF_INIT;
	int status = run(&(struct run){.argv = argv,
	    .cwd = w->p->directory,
	    .out = &out,
	    .err = &err,
	    .timeout_ms = PROGRAM_MS});

	if (status)
		report("%s: %s", w->p->name, engine_gist(&err));
	else
		printf("%s/packages.lock\n%s", w->p->directory, out.s ? out.s : "");
	strbuf_free(&out);
	strbuf_free(&err);
	return status ? -1 : 0;
}

static int
write_all_files(struct rewriting *w)
{
	for (size_t i = 0; i < 2; i++)
		if (w->new[i] && write_text(w->path[i], w->new[i]))
			return -1;
	if (w->packages && run_packages(w))
		return -1;
	for (size_t i = 0; i < w->pull.n; i++) {
		say("PULL", "%s", w->pull.w[i]);
		if (engine_call(&w->a->engine, NULL, "pull", "-q", w->pull.w[i], NULL))
			return -1;
	}
	return 0;
}

int
bump(struct app *a, const struct place *p, const struct findings *f, bool dry)
{
	struct rewriting w = {.a = a, .p = p};
	json_t *saved;
	int bad = 0;

	for (size_t i = 0; i < 2; i++)
		w.path[i] = pool_printf("%s/%s", p->directory, files[i]);
	for (size_t i = 0; i < f->n; i++)
		bad |= plan_one(&w, &f->v[i]);
	if (bad)
		return -1;
	for (size_t i = 0; i < 2; i++)
		if (w.new[i])
			print_change(w.path[i], w.old[i], w.new[i]);
	fflush(stdout);
	if (dry)
		return 0;
	saved = bump_save(p);
	bad = write_all_files(&w);
	if (bad)
		bump_restore(saved, NULL);
	json_decref(saved);
	return bad;
}
