/* Who is told of events: notify in the host's settings. */
#ifndef WHITTLE_NOTIFIERS_H
#define WHITTLE_NOTIFIERS_H

#include <stdbool.h>
#include <time.h>

#include "pool.h"

struct settings;

enum notifier_kind { NOTIFY_NTFY, NOTIFY_GOTIFY, NOTIFY_MAIL, NOTIFY_WEBHOOK };

struct notifier {
	const char *name; /* by which people and the queue know it; no two have one */
	enum notifier_kind kind;
	const char *url;          /* mail: the SMTP server's; NULL: by sendmail */
	struct words to;          /* mail: addresses */
	const char *from;         /* mail: an address; NULL: this user's */
	struct words sendmail;    /* mail: the program with its arguments */
	const char *user;         /* who authenticates with the secret; NULL: it is a token */
	const char *secret;       /* the file that holds a token or password; NULL: none */
	struct words headers;     /* webhook: "NAME: VALUE" */
	const char *template;     /* webhook: what is sent, with ${EVENT} and its like */
	const char *type;         /* webhook: its Content-Type */
	struct words events;      /* which it hears of */
	struct words urgent;      /* which of these also in quiet hours */
	int quiet_from, quiet_to; /* minutes of the day; the same: no quiet hours */
};

struct notifiers {
	struct notifier *v;
	size_t n;
};

/* Reads the key notify of a settings file, whose relative paths stand below base. Wrong values
 * are counted in s->errors. */
void notifiers_read(struct settings *s, const char *base, struct notifiers *out);

/* Whether it is told of that event now. */
bool notifier_hears(const struct notifier *n, const char *event);
bool notifier_is_quiet(const struct notifier *n, const char *event, const struct tm *now);

/* What a template's variables stand for: pairs of a name and a value, the last NULL. */
char *template_fill(const struct notifier *n, const char *const *values);

#endif
