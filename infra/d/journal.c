#include "journal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "generations.h"
#include "state.h"

static const char journal_file[] = "journal.json";

static int
journal_write(struct journal *j)
{
	return state_write(&j->a->host, j->place->name, journal_file, j->o);
}

int
journal_begin(struct app *a, const struct place *p, const char *verb, struct journal *out)
{
	struct generations readable;
	struct timespec now;

	/* What is begun is to end with one more. */
	if (generations_read(&a->host, p->name, &readable))
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct journal){.a = a, .place = p};
	out->id =
	    pool_printf("%lld.%09ld.%d", (long long)now.tv_sec, now.tv_nsec, (int)getpid());
	out->o = json_pack("{s:s, s:s, s:s, s:s}", "id", out->id, "verb", verb, "step", "begin",
	    "time", state_now());
	/* What a child of ours is called by, should it live longer than we do. */
	setenv("WHITTLE_TRANSACTION", out->id, 1);
	return journal_write(out);
}

int
journal_open(struct app *a, const struct place *p, struct journal *out)
{
	*out = (struct journal){.a = a, .place = p};
	errno = 0;
	out->o = state_read(&a->host, p->name, journal_file);
	if (!out->o)
		return errno == EBADMSG ? -1 : 0;
	out->id = pool_dup(journal_text(out, "id"));
	if (out->id)
		setenv("WHITTLE_TRANSACTION", out->id, 1);
	return 1;
}

bool
journal_is_there(const struct host *h, const char *name)
{
	return state_has(h, name, journal_file);
}

void
journal_close(struct journal *j)
{
	unsetenv("WHITTLE_TRANSACTION");
	json_decref(j->o);
	j->o = NULL;
}

bool
journal_may_restore(const struct host *h, const char *name)
{
	json_t *o = state_read(h, name, journal_file);
	bool may = json_is_true(json_object_get(o, "data_at_risk"));

	json_decref(o);
	return may;
}

int
journal_set(struct journal *j, const char *key, json_t *value)
{
	json_object_set_new(j->o, key, value);
	return journal_write(j);
}

int
journal_step(struct journal *j, const char *step)
{
	return journal_set(j, "step", json_string(step));
}

int
journal_end(struct journal *j)
{
	journal_close(j);
	return state_remove(&j->a->host, j->place->name, journal_file);
}

const char *
journal_text(const struct journal *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j->o, key));

	return text && *text ? text : NULL;
}

bool
journal_true(const struct journal *j, const char *key)
{
	return json_is_true(json_object_get(j->o, key));
}
