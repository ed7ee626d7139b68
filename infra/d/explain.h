/* Why a container doesn't start: infra/explain's table of causes. */
#ifndef WHITTLE_EXPLAIN_H
#define WHITTLE_EXPLAIN_H

struct app;
struct container;
struct image;

/*
 * Prints to standard error what is known of why a container (by its ID, still there) ended or
 * never began, with the lines for its settings that mend it. The same lines go to the file that
 * WHITTLE_EXPLAIN names, for a program. Says nothing where there is no project, or no cause is
 * known.
 */
void explain(
    struct app *a, const struct container *c, const struct image *image, const char *id);

#endif
