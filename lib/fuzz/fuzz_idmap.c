/* Maps as text and as /proc shows them: what is taken keeps its promises. */
#include "idmap.h"

#include <stdlib.h>

#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In and out are each other's inverse at every range's ends. */
static void
check(const struct id_map *m)
{
	size_t i, j;

	if (m->count > IDMAP_RANGES_MAX)
		abort();
	for (i = 0; i < m->count; i++) {
		const struct id_range *r = &m->range[i];
		uint32_t ends[] = {0, r->count - 1}, out, in;

		for (j = 0; j < 2; j++)
			if (!id_map_out(m, r->inside + ends[j], &out) ||
			    out != r->outside + ends[j] || !id_map_in(m, out, &in) ||
			    in != r->inside + ends[j] || out == UINT32_MAX || in == UINT32_MAX)
				abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	struct idmap m = IDMAP_INIT, again = IDMAP_INIT, through = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT, shown = STRBUF_INIT;
	int good = idmap_parse(&m, text, &why) == 0;

	check(&m.uid);
	check(&m.gid);
	if (good) {
		idmap_format(&m, &shown);
		if (idmap_parse(&again, shown.s, &why) || !idmap_equal(&m, &again))
			abort();
		if (id_map_through(&m.uid, &again.gid, &through.uid) == 0 &&
		    id_map_size(&through.uid) != id_map_size(&m.uid))
			abort();
		check(&through.uid);
	} else if (!why.len) {
		abort();
	}
	idmap_free(&m);
	id_map_parse_proc(&m.uid, (const char *)data, size, &why);
	check(&m.uid);
	idmap_free(&m);
	idmap_free(&again);
	idmap_free(&through);
	strbuf_free(&why);
	strbuf_free(&shown);
	free(text);
	return 0;
}
