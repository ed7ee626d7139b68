/* This host and its containers as the page shows them, in JSON: page(1) describes it. */
#ifndef WHITTLE_HOSTVIEW_H
#define WHITTLE_HOSTVIEW_H

#include <jansson.h>

#include "app.h"

/* log: the container whose log's end is in it, "" for that of each, NULL for none.
 * NULL after a message. */
json_t *hostview(struct app *a, const char *log);

#endif
