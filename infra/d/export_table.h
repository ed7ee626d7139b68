/* How each key of settings.yaml is expressed by each target, or why it can't be. */
#ifndef WHITTLE_EXPORT_TABLE_H
#define WHITTLE_EXPORT_TABLE_H

#include <stdbool.h>

#include "export_set.h"

/* Something that the settings say and the target doesn't. */
struct loss {
	const char *key, *why;
	bool secures; /* the container would be less confined */
};

struct losses {
	struct loss *v;
	size_t n;
};

/* What the target can't express of what this container's settings say. */
void export_losses(const struct export *x, const struct export_item *i, struct losses *out);

/* The target's own word for a key, NULL: none. known gets whether the key is in the table. */
const char *export_word(enum target to, const char *key, bool *known);

/* Whether the target does so whatever the settings say. */
bool export_always(enum target to, const char *key);

/*
 * The container's own settings that the target's words don't hold, or don't hold exactly, as
 * they are written: keys and values, for d import to find. The tests' settings are among them.
 * A new reference; empty where there is none.
 */
json_t *export_kept(const struct export *x, const struct export_item *i);

#endif
