/* The verbs, each in a file of its name or beside the one it takes back; pack.c has the table.
 */
#ifndef PACK_VERBS_H
#define PACK_VERBS_H

int verb_build(int argc, char **argv);
int verb_bump(int argc, char **argv);
int verb_diff(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_from(int argc, char **argv);
int verb_id(int argc, char **argv);
int verb_load(int argc, char **argv);
int verb_outdated(int argc, char **argv);
int verb_provenance(int argc, char **argv);
int verb_pull(int argc, char **argv);
int verb_push(int argc, char **argv);
int verb_save(int argc, char **argv);
int verb_sign(int argc, char **argv);
int verb_size(int argc, char **argv);
int verb_verify(int argc, char **argv);

#endif
