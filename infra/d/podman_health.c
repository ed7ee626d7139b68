#include "podman_health.h"

#include <string.h>

#include "pool.h"
#include "strbuf.h"

/* Several words as JSON, which must not begin with "CMD"; one after "CMD": alone it would be a
 * shell's line. */
const char *
podman_health(const struct words *command)
{
	struct strbuf b = STRBUF_INIT;
	const char *got;

	if (command->n == 1)
		return pool_printf("CMD %s", command->w[0]);
	for (size_t i = 0; i < command->n; i++) {
		strbuf_putc(&b, i ? ',' : '[');
		strbuf_put_json(&b, command->w[i], strlen(command->w[i]));
	}
	strbuf_putc(&b, ']');
	got = pool_dup(b.s);
	strbuf_free(&b);
	return got;
}
