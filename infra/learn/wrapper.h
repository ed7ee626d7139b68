/* An engine's command line, changed so that what it starts is recorded. */
#ifndef LEARN_WRAPPER_H
#define LEARN_WRAPPER_H

/*
 * Runs the engine that LEARN_ENGINE names with the words of argv. Where they start a container
 * of the image LEARN_IMAGE (an id, or one of its names in LEARN_NAMES, blanks between) or run
 * something in one, the recorder (LEARN_PROGRAM, mounted read-only) comes in between and writes
 * to LEARN_OUT. All others go through unchanged. Returns an exit status where it can't.
 */
int wrapper(int argc, char **argv);

/* Runs the image's health check once in a container of it: the engine's own runs of it are
 * none of the wrapper's. Its exit status, 0 where the image has none. */
int health(const char *container);

#endif
