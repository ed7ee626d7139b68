#include "lock.h"

#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "needs.h"
#include "recover.h"
#include "select.h"
#include "state.h"

enum { OTHERS_WAIT_MS = 10 * 60 * 1000 };

static unsigned
patience(bool for_another)
{
	return for_another ? OTHERS_WAIT_MS : state_patience();
}

/* One that is only shared is recovered under a lock of its own before. */
static int
lock_one(struct app *a, const char *name, const char *what, unsigned wait_ms, bool shared)
{
	const struct place *p = place_find(a, name);
	int fd;

	if (shared && journal_is_there(&a->host, name)) {
		fd = lock_one(a, name, what, wait_ms, false);
		if (fd < 0)
			return -1;
		close(fd);
	}
	fd = state_lock(&a->host, name, what, wait_ms, shared);
	if (fd >= 0 && !shared && p && recover(a, p)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
lock_container(struct app *a, const struct place *p, bool for_another, struct locks *out)
{
	const char *what = pool_printf("'d %s %s'", a->called_as, p->name);
	struct words owners = {0}, all = {0};

	*out = (struct locks){0};
	if (needs_check(a, p->name))
		return -1;
	needs_owners(a, p->name, &owners);
	needs_sharers(a, p->name, &all);
	words_add_all(&all, &owners);
	words_add(&all, p->name);
	needs_sort(a, &all);
	out->fd = pool_zero(all.n, sizeof(*out->fd));
	for (size_t i = 0; i < all.n; i++) {
		bool own = strcmp(all.w[i], p->name) == 0;
		int fd = lock_one(a, all.w[i], what, patience(for_another || !own),
		    words_have(&owners, all.w[i]));

		if (fd < 0) {
			unlock_container(out);
			return -1;
		}
		out->fd[out->n++] = fd;
	}
	return 0;
}

void
unlock_container(struct locks *l)
{
	while (l->n)
		close(l->fd[--l->n]);
}
