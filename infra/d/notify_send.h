/* How a message gets to a notifier: by curl(1), which speaks HTTP, TLS and SMTP, or sendmail.
 */
#ifndef WHITTLE_NOTIFY_SEND_H
#define WHITTLE_NOTIFY_SEND_H

#include <stdbool.h>

struct notifier;

struct message {
	const char *title, *text; /* text: lines */
	const char *event, *name, *image, *time;
	bool bad; /* it tells of a failure */
};

/* Tries a few times within a minute. NULL, or why it didn't arrive, on one line. */
const char *notify_send(const struct notifier *n, const struct message *m);

/* This host's name. */
const char *host_name(void);

#endif
