/* What was carved away and asked for all the same. */
#ifndef LEARN_MISSED_H
#define LEARN_MISSED_H

/*
 * Prints, as lines for the list, each path that the runs in the directories asked for, that
 * isn't below root, and that the rule carve removed as the ledger says; not what the list
 * (NULL: none) forbids. An exit status: 0 nothing, 1 something.
 */
int missed(const char *root, const char *ledger, const char *list, char **runs);

/*
 * Prints what the rule carve removed, as the ledger says, although a configuration file that
 * stayed names it, by its whole path or by one from the file's own directory: "PATH  # named by
 * FILE". 1 where there is anything: no test asks for it.
 */
int missed_named(const char *root, const char *ledger);

#endif
