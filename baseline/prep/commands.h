/* Which commands a shell script calls by their names. */
#ifndef PREP_COMMANDS_H
#define PREP_COMMANDS_H

#include <stddef.h>

/*
 * Calls found for each word of a shell script (POSIX.1-2017, Shell Command Language) that
 * stands where a command's name does, and is written out: what comes of an expansion isn't
 * known. Inside of command substitutions, too, after words that call what follows them
 * (exec, xargs, env, busybox ...), and in text that sh -c, eval and trap are given. Not for
 * functions of the script itself, and not for words of the shell's grammar. line counts
 * from 1; word isn't terminated. Any bytes will do.
 */
void commands_in(const char *script, size_t n,
    void (*found)(void *arg, const char *word, size_t len, size_t line), void *arg);

/* Whether each shell has the command within itself, so that a script needs no program of it. */
int commands_is_builtin(const char *word, size_t len);

/* The name of the shell that a file's first line asks for, such as "sh" for "#!/bin/sh -e"
 * or "#! /usr/bin/env sh", into out; "" where it asks for none or for something else. */
void commands_shell(const char *script, size_t n, char *out, size_t size);

#endif
