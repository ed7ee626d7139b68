#include "recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_inspect.h"
#include "file.h"
#include "generations.h"
#include "history.h"
#include "replace.h"
#include "report.h"
#include "say.h"
#include "select.h"
#include "sharing.h"
#include "state.h"
#include "strbuf.h"
#include "tags.h"

enum { ORPHANS_MS = 90000 };

/* ---- what an earlier run's children still do ---- */

static bool
is_engine_of(const char *pid, const char *mark)
{
	struct strbuf env = STRBUF_INIT;
	char comm[32] = "";
	cleanup_fd int at = -1;
	bool found = false;
	ssize_t n;
	int fd = open(pool_printf("/proc/%s/comm", pid), O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, comm, sizeof(comm) - 1);
		comm[n > 0 ? n : 0] = '\0';
		comm[strcspn(comm, "\n")] = '\0';
		close(fd);
	}
	if (strcmp(comm, "podman") != 0 && strcmp(comm, "docker") != 0 &&
	    strcmp(comm, "engine") != 0 && strcmp(comm, "make") != 0)
		return false;
	at = open(pool_printf("/proc/%s/environ", pid), O_RDONLY | O_CLOEXEC);
	if (at >= 0)
		file_read(at, SIZE_MAX, &env);
	found = env.s && memmem(env.s, env.len, mark, strlen(mark) + 1);
	strbuf_free(&env);
	return found;
}

static bool
orphans_live(const char *id)
{
	const char *mark = pool_printf("WHITTLE_TRANSACTION=%s", id);
	cleanup_dir DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9' &&
		    atoi(e->d_name) != (int)getpid() && is_engine_of(e->d_name, mark))
			return true;
	return false;
}

/* A killed d leaves its engine command running; what that does comes first. */
static void
wait_for_orphans(const char *id)
{
	for (int waited = 0; waited < ORPHANS_MS && orphans_live(id); waited += 50)
		usleep(50000);
}

/* ---- to one of the two ends ---- */

static int
promote(struct journal *j, const struct replacement *r)
{
	return tags_move(j->a, r->place, journal_text(j, "reference"), r->image.id,
	    strcmp(r->verb, "back") == 0);
}

/* It has gone on meanwhile. */
static int
go_on_in_cluster(struct journal *j)
{
	const char *verb = journal_text(j, "verb"), *text = journal_text(j, "settings");
	bool upgrade = strcmp(verb, "upgrade") == 0;
	struct container c;
	struct replacement r = {.verb = verb, .place = j->place, .want = &c};
	int status;

	if (host_container(&j->a->host, j->place, false, NULL, text ? text : "", &c))
		return -1;
	r.image.id = pool_dup(journal_text(j, "image"));
	r.promote = upgrade || strcmp(verb, "back") == 0 ? promote : NULL;
	status = replace_look_in_cluster(j, &r);
	if (status == EXIT_NO && upgrade && r.image_failed)
		quarantine(&j->a->host, j->place->name, r.image.id, r.why);
	return status == EXIT_YES || status == EXIT_NO ? 0 : -1;
}

/* Past promote the new one was ready and the tags may be half moved: they are moved to the
 * end. Every other step leads back. */
static int
go_on(struct journal *j)
{
	const char *step = journal_text(j, "step"), *image = journal_text(j, "image"),
		   *name = journal_text(j, journal_true(j, "beside") ? "new" : "name");
	bool promoting = step && strcmp(step, "promote") == 0;
	struct seen now;
	int got;

	if (step && strcmp(step, "finish") == 0) {
		say("FINISH", "%s: the new container stays", j->place->name);
		return replace_finish(j);
	}
	if (journal_text(j, "swarm") || journal_text(j, "kube"))
		return go_on_in_cluster(j);
	if (!promoting)
		return replace_undo(
		    j, pool_printf("it was cut off at '%s'", step ? step : "?"));
	got = name ? engine_see(&j->a->engine, name, &now) : 0;
	if (got < 0)
		return -1;
	if (!got || !now.running || strcmp(now.image, image ? image : "") != 0)
		return replace_undo(j, "it was cut off, and the new container doesn't run");
	if (tags_move(j->a, j->place, journal_text(j, "reference"), image,
		strcmp(journal_text(j, "verb"), "back") == 0))
		return replace_undo(j, "it was cut off, and the tags couldn't be moved");
	event(&j->a->host, j->place->name, "started", image, "finished after it was cut off");
	say("FINISH", "%s: the new container stays", j->place->name);
	return replace_finish(j);
}

int
recover(struct app *a, const struct place *p)
{
	struct journal j;
	int got = journal_open(a, p, &j);

	if (got <= 0)
		return got;
	report("%s: an earlier '%s' was cut off at '%s'", p->name,
	    journal_text(&j, "verb") ? journal_text(&j, "verb") : "?",
	    journal_text(&j, "step") ? journal_text(&j, "step") : "?");
	wait_for_orphans(j.id ? j.id : "");
	if (!journal_text(&j, "name")) {
		say("FORGET", "%s: nothing was changed yet", p->name);
		return replace_drop(&j);
	}
	if (go_on(&j) == 0)
		return 0;
	journal_close(&j);
	return -1;
}

/* By a run that isn't there any more. */
static bool
is_cut_off(struct app *a, const char *name)
{
	return (journal_is_there(&a->host, name) || sharing_pending(&a->host, name)) &&
	       !state_is_locked(&a->host, name);
}

/* It was stopped for another, and the run that would have started it again is gone. */
static int
recover_sharing(struct app *a, const struct place *p)
{
	int wanted = sharing_wanted(a, p->name);

	if (wanted > 0)
		words_add(&a->restart_after, p->name);
	return wanted == 0 ? sharing_done(&a->host, p->name) : wanted < 0 ? -1 : 0;
}

int
recover_all(struct app *a)
{
	struct words names = {0};
	int bad = 0, lock;

	state_names(&a->host, &names);
	for (size_t i = 0; i < names.n; i++) {
		const struct place *p = place_find(a, names.w[i]);

		if (!is_cut_off(a, names.w[i]) || !p)
			continue;
		lock = state_lock(&a->host, names.w[i], "d (recovery)", 0, false);
		if (lock < 0)
			continue;
		bad |= recover(a, p) | recover_sharing(a, p);
		close(lock);
	}
	return bad;
}

void
recover_left(struct app *a, struct words *out)
{
	struct words names = {0};

	state_names(&a->host, &names);
	for (size_t i = 0; i < names.n; i++)
		if (is_cut_off(a, names.w[i]))
			words_add(out, names.w[i]);
}

void
recover_tell(struct app *a)
{
	struct words names = {0};

	recover_left(a, &names);
	for (size_t i = 0; i < names.n; i++)
		report("%s: an earlier run was cut off: d recover finishes or undoes it",
		    names.w[i]);
}
