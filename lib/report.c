#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strbuf.h"

const char *report_prog = "?";
unsigned long report_count;
void (*report_heard)(const char *text);

void
vreport(const char *fmt, va_list ap)
{
	int saved = errno;
	struct strbuf text = STRBUF_INIT, line = STRBUF_INIT;
	size_t n = strlen(fmt);

	__atomic_add_fetch(&report_count, 1, __ATOMIC_RELAXED); /* threads report, too */
	strbuf_vprintf(&text, fmt, ap);
	if (n > 0 && fmt[n - 1] == ':')
		strbuf_printf(&text, " %s", strerror(saved));
	strbuf_printf(&line, "%s: ", report_prog);
	strbuf_put_visible(&line, text.s ? text.s : "", text.len);
	strbuf_putc(&line, '\n');
	if (write(STDERR_FILENO, line.s, line.len) < 0) {
		/* nowhere left to complain */
	}
	if (report_heard)
		report_heard(text.s ? text.s : "");
	strbuf_free(&text);
	strbuf_free(&line);
	errno = saved;
}

void
report(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(fmt, ap);
	va_end(ap);
}

noreturn void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(fmt, ap);
	va_end(ap);
	exit(EXIT_TROUBLE);
}
