#include "shift_state.h"

#include <errno.h>
#include <string.h>

#include "report.h"

volatile sig_atomic_t interrupted;

struct counts
shift_counts(const struct shift *s)
{
	struct counts all = {0};
	size_t i;

	for (i = 0; i <= SWEEP_WORKERS_MAX; i++) {
		const struct counts *c = &s->worker[i].counts;

		all.seen += __atomic_load_n(&c->seen, __ATOMIC_RELAXED);
		all.changed += __atomic_load_n(&c->changed, __ATOMIC_RELAXED);
		all.acls += c->acls;
		all.capabilities += c->capabilities;
		all.set_ids += c->set_ids;
	}
	return all;
}

static void
join(struct strbuf *b, const char *directory, const char *name)
{
	strbuf_puts(b, directory);
	if (strcmp(name, ".") != 0 || !b->len)
		strbuf_printf(b, "%s%s", b->len ? "/" : "", name);
}

void
put_place(struct strbuf *b, const char *directory, const char *name)
{
	struct strbuf path = STRBUF_INIT;

	join(&path, directory, name);
	strbuf_put_visible(b, path.s, path.len);
	strbuf_free(&path);
}

void
shift_complain(struct shift *s, const char *what, const char *directory, const char *name)
{
	struct strbuf place = STRBUF_INIT;
	int saved = errno;

	join(&place, directory, name);
	pthread_mutex_lock(&s->lock);
	errno = saved;
	report("%s '%s':", what, place.s);
	pthread_mutex_unlock(&s->lock);
	strbuf_free(&place);
}
