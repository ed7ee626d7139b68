/* A container as a Deployment of a Kubernetes cluster, by kubectl: applied on the server's
 * side, watched until it has rolled out, undone where it doesn't. The manifests are
 * export_kube.h's, as d export writes them. */
#ifndef WHITTLE_KUBE_H
#define WHITTLE_KUBE_H

#include "roll.h"

struct kube_state {
	const char *image_id, *digest,
	    *transaction;        /* notes of d's; "" where another made it */
	int64_t replicas, ready; /* that are wanted, and that answer */
	bool current;            /* all of them are of what was applied last */
};

/* kubectl's words with these behind: which cluster, which namespace. */
void kube_words(const struct app *a, struct words *out);

/* What the Deployment is called there. */
const char *kube_name(const struct container *c);

/* The Deployment. 1, 0 where there is none, -1 after a message. */
int kube_see(struct app *a, const struct container *c, struct kube_state *out);

/* As roll.h has them. */
enum roll_end kube_deploy(struct journal *j, struct roll *r);
enum roll_end kube_look(struct journal *j, struct roll *r);

/* Ends its pod; the Deployment stays. An exit status. */
int kube_stop(struct app *a, const struct container *c);

/* What there is to do for it, given the image that is live, NULL: none. NULL: nothing. */
const char *kube_todo(struct app *a, const struct container *c, const struct image *live);

#endif
