#include "values_update.h"

#include <string.h>

#include "calendar.h"
#include "container.h"
#include "settings.h"
#include "tag_range.h"

static int
time_in(struct reader *r, const struct node *map, const char **out)
{
	const struct node *n = settings_get(map, "at");
	struct calendar ignored;

	if (!n)
		return 0;
	if (text_value(r, n, out))
		return -1;
	return calendar_parse(*out, &ignored) ? wrong_value(r, n, calendar_wanted) : 0;
}

/* ---- tags ---- */

static int
range_value(struct reader *r, const struct node *n, const char **out)
{
	const char *why;

	if (text_value(r, n, out))
		return -1;
	if (tag_range_check(*out, &why) == 0)
		return 0;
	settings_error(r->s, n, "%s", why);
	return -1;
}

/* A range for every image, or a map of images to ranges. */
int
take_tags(struct reader *r, const struct node *n)
{
	struct pair p = {"", NULL};

	r->c->tags = (struct pairs){0};
	if (is_empty(n))
		return 0;
	if (n->kind == NODE_LIST)
		return wrong_value(r, n, "a range of tags, or a map of images to ranges");
	if (n->kind == NODE_SCALAR) {
		if (range_value(r, n, &p.value))
			return -1;
		*GROW(r->c->tags) = p;
	}
	for (size_t i = 0; n->kind == NODE_MAP && i < n->count; i++) {
		p.key = pool_dup(n->key[i]->text);
		if (range_value(r, n->item[i], &p.value))
			return -1;
		*GROW(r->c->tags) = p;
	}
	return 0;
}

/* ---- update ---- */

int
take_update(struct reader *r, const struct node *n)
{
	static const char *const known[] = {"at", "wait", "hold", "if", "spread", NULL};
	static const char *const holds[] = {"none", "major", "minor", NULL};
	static const char *const conditions[] = {"always", "ready", NULL};
	struct update u = {.hold = HOLD_MAJOR, .spread = 30 * 60 * 1000};
	const char *hold = "major", *condition = "always";

	r->c->update = (struct update){.hold = HOLD_MAJOR};
	if (is_empty(n))
		return 0;
	if (known_map(r, n, known, "at, wait, hold, if, spread") || time_in(r, n, &u.at) ||
	    duration_in(r, n, "wait", &u.wait) || duration_in(r, n, "spread", &u.spread) ||
	    text_in(r, n, "hold", &hold) || text_in(r, n, "if", &condition))
		return -1;
	if (!among(hold, holds))
		return wrong_value(r, settings_get(n, "hold"), "none, major or minor");
	if (!among(condition, conditions))
		return wrong_value(r, settings_get(n, "if"), "always or ready");
	if (!u.at && settings_get(n, "if"))
		return wrong_value(r, n, "at as well: if is about updates by themselves");
	u.hold = *hold == 'n'                 ? HOLD_NONE
		 : strcmp(hold, "major") == 0 ? HOLD_MAJOR
					      : HOLD_MINOR;
	u.if_ready = *condition == 'r';
	r->c->update = u;
	return 0;
}

/* ---- jobs ---- */

static int
take_job(struct reader *r, const struct node *n, struct job_spec *out)
{
	static const char *const known[] = {"cmd", "at", "in", "on_failure", "within", NULL};
	static const char *const places[] = {"beside", "fresh", NULL};
	static const char *const reactions[] = {"notify", "ignore", NULL};
	const char *in = "beside", *reaction = "notify";
	const struct node *cmd;

	out->within = 3600 * 1000;
	if (known_map(r, n, known, "cmd, at, in, on_failure, within"))
		return -1;
	cmd = settings_get(n, "cmd");
	if (!cmd || is_empty(cmd))
		return wrong_value(r, n, "cmd, a command");
	if (take_words(r, cmd, &out->cmd) || time_in(r, n, &out->at) ||
	    duration_in(r, n, "within", &out->within) || text_in(r, n, "in", &in) ||
	    text_in(r, n, "on_failure", &reaction))
		return -1;
	if (!among(in, places))
		return wrong_value(r, settings_get(n, "in"), "beside or fresh");
	if (!among(reaction, reactions))
		return wrong_value(r, settings_get(n, "on_failure"), "notify or ignore");
	if (out->within < 1000)
		return wrong_value(r, settings_get(n, "within"), "a second at least");
	out->fresh = *in == 'f';
	out->ignore = *reaction == 'i';
	return 0;
}

int
take_jobs(struct reader *r, const struct node *n)
{
	memset(&r->c->jobs, 0, sizeof(r->c->jobs));
	if (is_empty(n))
		return 0;
	if (n->kind != NODE_MAP)
		return wrong_value(
		    r, n, "a map of names to maps of cmd, at, in, on_failure, within");
	for (size_t i = 0; i < n->count; i++) {
		struct job_spec job = {.name = pool_dup(n->key[i]->text)};

		if (!is_name(job.name))
			return wrong_value(
			    r, n->key[i], "a name of letters, digits, '_', '.' and '-'");
		if (take_job(r, n->item[i], &job))
			return -1;
		*GROW(r->c->jobs) = job;
	}
	return 0;
}
