/* Why a container doesn't start: infra/explain's table of causes. */
#ifndef WHITTLE_EXPLAIN_H
#define WHITTLE_EXPLAIN_H

struct app;

/*
 * Prints to standard error what is known of why a container (by its ID, still there) ended or
 * never began, with the lines for its settings that mend it; key is its directory's name. The
 * same lines go to the file that WHITTLE_EXPLAIN names, for a program. Says nothing where
 * there is no project, or no cause is known.
 */
void explain(struct app *a, const char *key, const char *id);

#endif
