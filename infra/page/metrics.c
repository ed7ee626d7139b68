#include "metrics.h"

#include <inttypes.h>
#include <string.h>

#include "parts.h"

/* What stands between quotes there: backslash and quote are escaped, control bytes replaced.
 * Names are those of hosts and containers only, so that there are no more series than rows. */
static void
put_label(struct strbuf *b, const char *name)
{
	for (; *name; name++)
		if (*name == '\\' || *name == '"')
			strbuf_printf(b, "\\%c", *name);
		else if ((unsigned char)*name < 0x20 || *name == 0x7f)
			strbuf_puts(b, "\xef\xbf\xbd");
		else
			strbuf_putc(b, *name);
}

static void
put_series(struct strbuf *b, const char *metric, const struct item *i, double value)
{
	strbuf_printf(b, "whittle_%s{host=\"", metric);
	put_label(b, i->host_name);
	strbuf_puts(b, "\",name=\"");
	put_label(b, i->name);
	strbuf_printf(b, "\"} %.15g\n", value);
}

/* Each returns a value below 0 where it isn't known. */
static double
running(const struct item *i)
{
	return number_of(i->o, "since", 0) > 0;
}

static double
healthy(const struct item *i)
{
	const char *health = text_of(i->o, "health");

	return !health ? -1 : strcmp(health, "healthy") == 0;
}

static double
well(const struct item *i)
{
	return i->mood == GOOD || i->mood == OFF;
}

static double
is_live(const struct item *i)
{
	const char *live = text_of(i->o, "live");

	return !live ? -1 : strcmp(live, "yes") == 0 ? 1 : strcmp(live, "no") == 0 ? 0 : -1;
}

static double
started(const struct item *i)
{
	return number_of(i->o, "since", 0) > 0 ? (double)number_of(i->o, "since", 0) : -1;
}

static double
restarts(const struct item *i)
{
	return (double)number_of(i->o, "restarts", -1);
}

static double
updates(const struct item *i)
{
	size_t security;
	const json_t *found = updates_of(i, &security);

	return found ? (double)json_array_size(found) : -1;
}

static double
security_updates(const struct item *i)
{
	size_t security;

	return updates_of(i, &security) ? (double)security : -1;
}

static double
exposure(const struct item *i)
{
	const json_t *n = json_object_get(json_object_get(i->o, "audit"), "exposure");

	return json_is_number(n) ? json_number_value(n) : -1;
}

static double
memory(const struct item *i)
{
	return (double)number_of(i->o, "memory", -1);
}

static double
memory_limit(const struct item *i)
{
	return (double)number_of(i->o, "memory_limit", -1);
}

static double
image_bytes(const struct item *i)
{
	return (double)number_of(json_object_get(i->o, "size"), "after", -1);
}

static double
unpacked_bytes(const struct item *i)
{
	return (double)number_of(json_object_get(i->o, "size"), "before", -1);
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct item *i);
} metrics[] = {
    {"running", "gauge", "Whether it runs.", running},
    {"healthy", "gauge", "Whether its health check is content.", healthy},
    {"well", "gauge", "Whether it is as it should be, or off on purpose.", well},
    {"live", "gauge", "Whether what runs is the image that is live.", is_live},
    {"started_timestamp_seconds", "gauge", "When it was started.", started},
    {"restarts_total", "counter", "Restarts by the engine.", restarts},
    {"updates", "gauge", "Newer tags, images and packages.", updates},
    {"security_updates", "gauge", "Those of them for security.", security_updates},
    {"exposure", "gauge", "The audit's score, from 0 to 10.", exposure},
    {"memory_bytes", "gauge", "Memory in use.", memory},
    {"memory_limit_bytes", "gauge", "The limit of it.", memory_limit},
    {"image_bytes", "gauge", "The image's size.", image_bytes},
    {"image_before_bytes", "gauge", "Its size before it was carved.", unpacked_bytes},
};

static void
put_metric(struct strbuf *b, const char *name, const char *type, const char *help)
{
	strbuf_printf(
	    b, "# HELP whittle_%s %s\n# TYPE whittle_%s %s\n", name, help, name, type);
}

void
render_metrics(struct strbuf *b, const struct site *s, const struct item *i, time_t now)
{
	static const char seen[] = "host_described_timestamp_seconds";

	(void)i;
	(void)now;
	put_metric(b, seen, "gauge", "When the host was described last.");
	for (size_t h = 0; h < s->hosts; h++) {
		strbuf_printf(b, "whittle_%s{host=\"", seen);
		put_label(b, text_of(s->host[h], "host"));
		strbuf_printf(b, "\"} %" PRId64 "\n", number_of(s->host[h], "time", 0));
	}
	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		put_metric(b, metrics[m].name, metrics[m].type, metrics[m].help);
		for (size_t k = 0; k < s->items; k++) {
			double value = metrics[m].value(&s->item[k]);

			if (value >= 0)
				put_series(b, metrics[m].name, &s->item[k], value);
		}
	}
}
