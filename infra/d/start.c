#include "start.h"

#include "app.h"
#include "engine_args.h"
#include "identity.h"
#include "image_volumes.h"

int
start_complete(struct app *a, const struct container *c, const char *old, struct start *s)
{
	struct identity *who = pool_zero(1, sizeof(*who));
	int got = identity_of(a, c, s->facts, who);

	if (got < 0)
		return -1;
	s->who = got ? who : NULL;
	return s->facts ? image_volumes_carry(a, c, s->facts, old, &s->volumes) : 0;
}
