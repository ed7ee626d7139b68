/* Docker Swarm, by the docker command: calls, and what there is of one container's service. */
#ifndef WHITTLE_SWARM_SEE_H
#define WHITTLE_SWARM_SEE_H

#include <stdint.h>

#include "app.h"

struct strbuf;

/* One copy of the service, also of those that ended. */
struct swarm_task {
	const char *id, *node; /* the node's name */
	const char *container; /* its ID there; "": none yet */
	const char *state;     /* Swarm's: "running", "failed", "rejected" ... */
	const char *image;     /* as it was pulled, by digest */
	const char *transaction, *error;
	bool wanted; /* meant to run */
};

struct swarm_service {
	const char *image;                   /* as nodes pull it */
	const char *key, *image_id, *digest; /* labels of d's; "" where another made it */
	const char *transaction, *contained; /* what its containers are labelled with */
	int64_t replicas;
	const char *update, *message; /* of the last update, Swarm's words; "": none */
	LIST_OF(swarm_task) tasks;
};

/* Labels of a service, and those of its containers. */
#define SWARM_KEY         "whittle.name"
#define SWARM_IMAGE       "whittle.image"
#define SWARM_DIGEST      "whittle.digest"
#define SWARM_TRANSACTION "whittle.transaction"

/* The stack that all services of d's are in, and what one is called there. */
extern const char swarm_stack[];
const char *swarm_name(const struct container *c);

/* docker's words with these behind: those that say which docker. */
void swarm_words(const struct app *a, struct words *out);

/* Runs docker so, with input where in isn't NULL. out may be NULL. Exit status, -1 after a
 * message; a failure has one too. */
int swarm_call(
    struct app *a, const struct words *args, const char *in, size_t in_len, struct strbuf *out);

/* The same of words up to NULL. */
int swarm_do(struct app *a, struct strbuf *out, ...) __attribute__((sentinel));

/* The same, and a failure is no reason for a message. */
int swarm_try(struct app *a, ...) __attribute__((sentinel));

/* The service and its tasks. 1, 0 where there is none, -1 after a message. */
int swarm_see(struct app *a, const struct container *c, struct swarm_service *out);

/* How many run that are meant to; of one transaction, unless that is NULL. */
int64_t swarm_running(const struct swarm_service *s, const char *transaction);

#endif
