#include "text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "strbuf.h"

void
put_duration(struct strbuf *b, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} unit[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
	enum { UNITS = sizeof(unit) / sizeof(unit[0]) };
	size_t i = 0;

	if (ms < 0)
		ms = 0;
	while (i < UNITS && ms < unit[i].ms)
		i++;
	if (i == UNITS) {
		strbuf_printf(b, "%" PRId64 " ms", ms);
		return;
	}
	strbuf_printf(b, "%" PRId64 " %s", ms / unit[i].ms, unit[i].name);
	ms %= unit[i].ms;
	if (i + 1 < UNITS && ms >= unit[i + 1].ms)
		strbuf_printf(b, " %" PRId64 " %s", ms / unit[i + 1].ms, unit[i + 1].name);
}

void
put_size(struct strbuf *b, int64_t bytes)
{
	static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t i = 0;
	int64_t tenths = bytes; /* of the unit, once one was chosen */

	if (bytes < 1024) {
		strbuf_printf(b, "%" PRId64 " %s", bytes, bytes == 1 ? "byte" : "bytes");
		return;
	}
	while (tenths >= 1024 * 1024 && i + 1 < sizeof(unit) / sizeof(unit[0])) {
		tenths /= 1024;
		i++;
	}
	tenths = tenths > INT64_MAX / 10 ? INT64_MAX / 1024 : tenths * 10 / 1024;
	if (tenths % 10)
		strbuf_printf(
		    b, "%" PRId64 ".%" PRId64 " %s", tenths / 10, tenths % 10, unit[i]);
	else
		strbuf_printf(b, "%" PRId64 " %s", tenths / 10, unit[i]);
}

/* In UTC; between stands between the day and the time. */
static void
put_instant(struct strbuf *b, int64_t ns, char between)
{
	time_t t = (time_t)(ns / 1000000000 - (ns % 1000000000 < 0));
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strbuf_printf(b, "%04d-%02d-%02d%c%02d:%02d:%02d", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, between, tm.tm_hour, tm.tm_min, tm.tm_sec);
	else
		strbuf_putc(b, '?');
}

void
put_time(struct strbuf *b, int64_t ns)
{
	put_instant(b, ns, ' ');
}

void
put_time_iso(struct strbuf *b, int64_t ns)
{
	put_instant(b, ns, 'T');
	strbuf_putc(b, 'Z');
}

/* Marks that have what comes after them shown in another order: they could make a name look
 * like another one (Unicode's Bidi_Control). Controls of one and of two bytes. */
static int
is_control(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	if (len == 1)
		return u[0] < 0x20 || u[0] == 0x7f;
	if (len == 2)
		return (u[0] == 0xc2 && u[1] < 0xa0) || (u[0] == 0xd8 && u[1] == 0x9c);
	if (len == 3 && u[0] == 0xe2 && u[1] == 0x80)
		return u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xaa && u[2] <= 0xae);
	return len == 3 && u[0] == 0xe2 && u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9;
}

void
put_html(struct strbuf *b, const char *s)
{
	size_t n = strlen(s), len;

	for (; n > 0; s += len, n -= len) {
		len = utf8_sequence(s, n);
		if (len == 0 || is_control(s, len)) {
			strbuf_puts(b, "\xef\xbf\xbd");
			len = len ? len : 1;
		} else if (*s == '&') {
			strbuf_puts(b, "&amp;");
		} else if (*s == '<') {
			strbuf_puts(b, "&lt;");
		} else if (*s == '>') {
			strbuf_puts(b, "&gt;");
		} else if (*s == '"') {
			strbuf_puts(b, "&quot;");
		} else if (*s == '\'') {
			strbuf_puts(b, "&#39;");
		} else {
			strbuf_add(b, s, len);
		}
	}
}
