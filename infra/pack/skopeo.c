#include "skopeo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_image.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

enum { WORDS_MAX = 20 };

/* What a registry, or a proxy in front of it, says of a temporary failure. */
static int
says_later(const char *said)
{
	static const char *const later[] = {"429", "toomanyrequests", "Too Many Requests",
	    " 500 ", " 502 ", " 503 ", " 504 ", "Bad Gateway", "Service Unavailable",
	    "Gateway Timeout", "Internal Server Error"};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strcasestr(said, later[i]))
			return 1;
	return 0;
}

int
skopeo_try(const char *const *words, struct strbuf *out, int quiet)
{
	enum { TRIES = 4 };
	/* podman looks into this file, skopeo has to be told. */
	const char *conf = getenv("CONTAINERS_REGISTRIES_CONF");
	const char *argv[WORDS_MAX], *verb = words[0];
	struct strbuf err = STRBUF_INIT;
	size_t n = 0, before = out ? out->len : 0;
	int status, k;

	argv[n++] = "skopeo";
	if (conf && *conf) {
		argv[n++] = "--registries-conf";
		argv[n++] = conf;
	}
	argv[n++] = "--insecure-policy";
	argv[n++] = verb;
	argv[n++] = "--retry-times";
	argv[n++] = "2";
	while (*++words && n < WORDS_MAX - 1)
		argv[n++] = *words;
	argv[n] = NULL;
	for (k = 0;; k++) {
		status =
		    run(&(struct run){.argv = argv, .out = out, .err = &err, .discard_out = 1});
		if (!status || k + 1 == TRIES || !says_later(err.s ? err.s : ""))
			break;
		if (out && out->s)
			strbuf_cut(out, before);
		if (err.s)
			strbuf_cut(&err, 0);
		sleep(1U << k);
	}
	if (status == 127)
		report("skopeo is required for registries, and isn't installed");
	else if (status && !quiet)
		report("skopeo %s failed: %s", verb, last_line(&err));
	strbuf_free(&err);
	return status ? -1 : 0;
}

int
skopeo(const char *const *words, struct strbuf *out)
{
	return skopeo_try(words, out, 0);
}

int
is_digest(const char *s)
{
	return strncmp(s, "sha256:", 7) == 0 && strspn(s + 7, "0123456789abcdef") == 64 &&
	       !s[71];
}
