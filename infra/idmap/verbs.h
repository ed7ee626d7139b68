/* The verbs, one file each; idmap.c has the table. argv[0] is the verb itself. They return
 * the exit status. */
#ifndef IDMAP_VERBS_H
#define IDMAP_VERBS_H

int verb_show(int argc, char **argv);
int verb_out(int argc, char **argv);
int verb_in(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_lint(int argc, char **argv);
int verb_setup(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_shift(int argc, char **argv);
int verb_unshift(int argc, char **argv);
int verb_mount(int argc, char **argv);
int verb_doctor(int argc, char **argv);

/* A wrong call: says which verb's help to read, and ends the program. */
_Noreturn void wrong_usage(const char *verb);

/* Prints what --help of a verb says, and ends the program. */
_Noreturn void verb_help(const char *verb);

/* Opens the folder where this program keeps what must outlive it, making it where it
 * isn't: $WHITTLE_STATE/idmap. Returns a descriptor, or -1 after a report(). */
int open_state_folder(void);

#endif
