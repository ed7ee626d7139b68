#include "stamp.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "strbuf.h"

json_t *
stamp_parse(struct bytes text)
{
	cleanup_free char *copy = bytes_text(text);
	char *rest = copy, *line, *blank;
	json_t *stamp = json_object();

	while ((line = strsep(&rest, "\n"))) {
		blank = strchr(line, ' ');
		if (!blank)
			continue;
		*blank = '\0';
		json_object_set_new(stamp, line, json_text(blank + 1));
	}
	return stamp;
}
