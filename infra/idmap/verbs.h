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

#endif
