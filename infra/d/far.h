/* d on other hosts, by ssh: one connection a host, kept for a minute. */
#ifndef WHITTLE_FAR_H
#define WHITTLE_FAR_H

#include <jansson.h>
#include <stdbool.h>

#include "fleet.h"

enum far_kind {
	FAR_ANSWERED,    /* d ran there and ended */
	FAR_UNREACHABLE, /* nothing was begun there, or no answer came to a question in time */
	FAR_NO_D,        /* this very program isn't there; nothing was begun */
	FAR_LOST,        /* the connection ended while d ran there */
	FAR_TROUBLE,     /* no program could be started here */
};

struct far_answer {
	enum far_kind kind;
	int status;    /* of FAR_ANSWERED: d's exit status */
	char why[256]; /* of the others: what ssh said, or what is there instead */
};

/* Runs d there with these words on this process's standard input, output and error. terminal:
 * with a terminal of its own there. */
struct far_answer far_d(const struct fleet_host *h, const struct words *words, bool terminal);

/* Puts what infra/send needs to reach the host into the environment, and tells its end. */
void far_variables(const struct fleet_host *h);
struct strbuf;
struct far_answer far_judge(int status, const struct strbuf *said);

/* What was written there: files in memory, closed by the caller. */
struct far_text {
	struct far_answer answer;
	int out, err;
};

enum far_how {
	FAR_WORK,     /* it is looked first whether anything can be begun */
	FAR_QUESTION, /* nothing is changed by it, so that one call does */
	FAR_QUICK     /* the same, and a host that hasn't answered in time isn't waited for */
};

/* The same on all of them at once, up to sixteen. What one of them writes is cut off at 64 MiB.
 */
void far_all(const struct fleet *some, const struct words *words, enum far_how how,
    struct far_text *text);

void far_close(struct far_text *t);

/* The JSON list that d printed there; NULL after a message. */
json_t *far_list(const struct fleet_host *h, const struct far_text *t);

/* The text of such a file; NULL where it isn't one that can be read whole. */
char *far_text(int fd);

/* Brings this program, and others by their names there and paths here, and checks that they
 * arrived. 0, or -1 after a message. */
int far_bring(const struct fleet_host *h, const struct pairs *programs);

/* Says why an answer is none of d's; false where it is one. */
bool far_tell(const struct fleet_host *h, const struct far_answer *answer);

#endif
