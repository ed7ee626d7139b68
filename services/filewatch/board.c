#include "board.h"

#include "status.h"
#include "times.h"

void
board_init(struct board *b)
{
	*b = (struct board){.status = NULL};
	pthread_mutex_init(&b->lock, NULL);
	b->promise = monotonic_ns();
	b->stale = INT64_C(30000000000);
}

void
board_clear(struct board *b)
{
	status_drop(b->status);
	pthread_mutex_destroy(&b->lock);
}

void
board_publish(struct board *b, struct status *s)
{
	struct status *old;

	pthread_mutex_lock(&b->lock);
	old = b->status;
	b->status = s;
	pthread_mutex_unlock(&b->lock);
	status_drop(old);
}

struct status *
board_take(struct board *b)
{
	struct status *s;

	pthread_mutex_lock(&b->lock);
	s = b->status ? status_hold(b->status) : NULL;
	pthread_mutex_unlock(&b->lock);
	return s;
}

bool
board_is_stale(const struct board *b)
{
	return monotonic_ns() > b->promise + b->stale;
}
