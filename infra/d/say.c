#include "say.h"

#include <stdarg.h>
#include <stdio.h>

#include "pool.h"
#include "strbuf.h"

void
say(const char *step, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "  %-9s %s\n", step, b.s ? b.s : "");
	strbuf_free(&b);
}

const char *
age_text(time_t since)
{
	long s = (long)(time(NULL) - since);

	if (!since)
		return "-";
	if (s < 120)
		return pool_printf("%lds", s < 0 ? 0 : s);
	if (s < 2 * 3600)
		return pool_printf("%ldm", s / 60);
	if (s < 2 * 86400)
		return pool_printf("%ldh", s / 3600);
	return pool_printf("%ldd", s / 86400);
}
