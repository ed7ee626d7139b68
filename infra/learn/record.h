/* Runs a command and writes down what it and all that it starts ask the kernel for. */
#ifndef LEARN_RECORD_H
#define LEARN_RECORD_H

/*
 * Becomes the command, with a recorder beside it that writes a trace (trace.h) to a new file in
 * the directory out. The recorder is a process of its own: the command keeps this process's
 * number, its signals and its descriptors, so that an engine sees no difference.
 * Needs no privilege: one may trace what one starts oneself. Returns an exit status where the
 * command couldn't be started: 126 or 127 as a shell has it, 2 where nothing can be recorded.
 */
int record(const char *out, char **argv);

#endif
