#include "notify_send.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine.h"
#include "file.h"
#include "host.h"
#include "notifiers.h"
#include "path.h"
#include "run.h"
#include "strbuf.h"

enum { SEND_MS = 60000, SECRET_MAX = 4096 };

const char *
host_name(void)
{
	static char name[256];

	if (!*name && gethostname(name, sizeof(name) - 1))
		snprintf(name, sizeof(name), "localhost");
	return name;
}

/* The first line of the file; NULL with *why. */
static const char *
secret_of(const struct notifier *n, const char **why)
{
	char text[SECRET_MAX];
	cleanup_fd int fd = open(n->secret, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (len < 0) {
		*why = pool_printf("read '%s': %s", n->secret, strerror(errno));
		return NULL;
	}
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text) {
		*why = pool_printf("'%s' is empty", n->secret);
		return NULL;
	}
	return pool_dup(text);
}

/* ---- curl ---- */

/* A line of curl's --config: whatever is secret stands there, and never among arguments. */
static void
put_option(struct strbuf *out, const char *name, const char *value)
{
	strbuf_printf(out, "%s = \"", name);
	for (; *value; value++)
		switch (*value) {
		case '\n':
			strbuf_puts(out, "\\n");
			break;
		case '\r':
			strbuf_puts(out, "\\r");
			break;
		case '"':
		case '\\':
			strbuf_putc(out, '\\');
			/* fall through */
		default:
			strbuf_putc(out, *value);
		}
	strbuf_puts(out, "\"\n");
}

static bool
is_loopback(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
	       (strncmp(host, "localhost", 9) == 0 && (!host[9] || strchr(":/", host[9])));
}

/* A temporary failure is tried again by curl; none takes longer than a minute with that. */
static const char *
run_curl(struct strbuf *config)
{
	static const char *const argv[] = {"curl", "-q", "--config", "-", NULL};
	struct strbuf err = STRBUF_INIT;
	const char *why = NULL;
	char *said;
	int status;

	strbuf_puts(config, "silent\nshow-error\nfail\nuser-agent = \"d\"\nmax-time = 15\n"
			    "connect-timeout = 5\nretry = 2\nretry-connrefused\n"
			    "retry-max-time = 30\noutput = \"/dev/null\"\n");
	status = run(&(struct run){.argv = argv,
	    .in = config->s,
	    .in_len = config->len,
	    .discard_out = 1,
	    .err = &err,
	    .timeout_ms = SEND_MS});
	said = engine_gist(&err);
	if (status == 127)
		why = "curl is required, and isn't installed";
	else if (status)
		why =
		    *said ? pool_dup(said) : pool_printf("curl failed with status %d", status);
	free(said);
	strbuf_free(&err);
	explicit_bzero(config->s, config->len);
	return why;
}

static const char *
put_credentials(const struct notifier *n, struct strbuf *config)
{
	const char *why = NULL, *secret;

	if (!n->secret)
		return NULL;
	secret = secret_of(n, &why);
	if (!secret)
		return why;
	if (n->user)
		put_option(config, "user", pool_printf("%s:%s", n->user, secret));
	else if (n->kind == NOTIFY_GOTIFY)
		put_option(config, "header", pool_printf("X-Gotify-Key: %s", secret));
	else
		put_option(config, "header", pool_printf("Authorization: Bearer %s", secret));
	return NULL;
}

static void
put_gotify(struct strbuf *config, const struct notifier *n, const struct message *m)
{
	json_t *o = json_pack("{s:s, s:s, s:i}", "title", m->title, "message", m->text,
	    "priority", m->bad ? 8 : 4);
	cleanup_free char *text = json_dumps(o, 0);
	size_t len = strlen(n->url);

	put_option(config, "url",
	    pool_printf("%s%smessage", n->url, n->url[len - 1] == '/' ? "" : "/"));
	put_option(config, "header", "Content-Type: application/json");
	put_option(config, "data-raw", text ? text : "{}");
	json_decref(o);
}

static void
put_ntfy(struct strbuf *config, const struct notifier *n, const struct message *m)
{
	put_option(config, "url", n->url);
	put_option(config, "header", "Content-Type: text/plain; charset=utf-8");
	put_option(config, "header", pool_printf("Title: %s", m->title));
	put_option(config, "header", m->bad ? "Priority: high" : "Priority: default");
	put_option(config, "data-raw", m->text);
}

static void
put_webhook(struct strbuf *config, const struct notifier *n, const struct message *m)
{
	const char *const values[] = {"EVENT", m->event, "HOST", host_name(), "IMAGE", m->image,
	    "NAME", m->name, "TEXT", m->text, "TIME", m->time, "TITLE", m->title, NULL};

	put_option(config, "url", n->url);
	put_option(config, "header", pool_printf("Content-Type: %s", n->type));
	for (size_t i = 0; i < n->headers.n; i++)
		put_option(config, "header", n->headers.w[i]);
	put_option(config, "data-raw", template_fill(n, values));
}

static const char *
by_http(const struct notifier *n, const struct message *m)
{
	struct strbuf config = STRBUF_INIT;
	const char *why;

	if (n->kind == NOTIFY_GOTIFY)
		put_gotify(&config, n, m);
	else if (n->kind == NOTIFY_NTFY)
		put_ntfy(&config, n, m);
	else
		put_webhook(&config, n, m);
	strbuf_puts(&config, "proto = \"=http,https\"\n");
	why = put_credentials(n, &config);
	if (!why)
		why = run_curl(&config);
	strbuf_free(&config);
	return why;
}

/* ---- mail ---- */

/* As RFC 5322 has it, lines ending in LF: sendmail and curl make that CR LF. */
static void
put_mail(struct strbuf *out, const struct notifier *n, const struct message *m)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S %z", &tm);
	if (n->from)
		strbuf_printf(out, "From: %s\n", n->from);
	strbuf_puts(out, "To: ");
	for (size_t i = 0; i < n->to.n; i++)
		strbuf_printf(out, "%s%s", i ? ",\n " : "", n->to.w[i]);
	strbuf_printf(out,
	    "\nSubject: %s\nDate: %s\nMessage-ID: <%lld.%d@%s>\nMIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
	    "Auto-Submitted: auto-generated\n\n%s\n",
	    m->title, date, (long long)now, (int)getpid(), host_name(), m->text);
}

static const char *
by_sendmail(const struct notifier *n, const struct strbuf *mail)
{
	struct strbuf err = STRBUF_INIT;
	struct words argv = {0};
	const char *why = NULL;
	char *said;
	int status;

	words_add_all(&argv, &n->sendmail);
	if (strcmp(argv.w[0], "sendmail") == 0 && access("/usr/sbin/sendmail", X_OK) == 0)
		argv.w[0] = pool_dup("/usr/sbin/sendmail");
	words_add(&argv, "-i");
	words_add(&argv, "--");
	words_add_all(&argv, &n->to);
	status = run(&(struct run){.argv = (const char *const *)argv.w,
	    .in = mail->s,
	    .in_len = mail->len,
	    .discard_out = 1,
	    .err = &err,
	    .timeout_ms = SEND_MS});
	said = engine_gist(&err);
	if (status)
		why = pool_printf("%s failed with status %d%s%s", n->sendmail.w[0], status,
		    *said ? ": " : "", said);
	free(said);
	strbuf_free(&err);
	return why;
}

/* curl's standard input is its config: the message is in memory that it opens by name, so that
 * nothing stays where one of the two is killed. */
static const char *
by_smtp(const struct notifier *n, const struct strbuf *mail)
{
	struct strbuf config = STRBUF_INIT;
	const char *why;
	cleanup_fd int fd = memfd_create("mail", MFD_CLOEXEC);

	if (fd < 0 || write_all(fd, mail->s, mail->len))
		return pool_printf("keep the mail in memory: %s", strerror(errno));
	put_option(&config, "url", n->url);
	put_option(&config, "mail-from", n->from);
	for (size_t i = 0; i < n->to.n; i++)
		put_option(&config, "mail-rcpt", n->to.w[i]);
	put_option(&config, "upload-file", pool_printf("/proc/%d/fd/%d", (int)getpid(), fd));
	strbuf_puts(&config, "crlf\nproto = \"=smtp,smtps\"\n");
	if (n->secret && !is_loopback(n->url))
		strbuf_puts(&config, "ssl-reqd\n");
	why = put_credentials(n, &config);
	if (!why)
		why = run_curl(&config);
	strbuf_free(&config);
	return why;
}

const char *
notify_send(const struct notifier *n, const struct message *m)
{
	struct strbuf mail = STRBUF_INIT;
	const char *why;

	if (n->kind != NOTIFY_MAIL)
		return by_http(n, m);
	put_mail(&mail, n, m);
	why = n->url ? by_smtp(n, &mail) : by_sendmail(n, &mail);
	strbuf_free(&mail);
	return why;
}
