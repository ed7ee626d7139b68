/* What is said about a tree: the plan in plain lines, and the audit. */
#ifndef PREP_FINDINGS_H
#define PREP_FINDINGS_H

#include "plan.h"

/* Prints the plan to standard output, one line a change. */
void show_plan(struct plan *p);

/*
 * Prints one line a finding: whatever the plan would change, and what no pass mends
 * (secrets, leftovers of a build, ids that two accounts share). With json each line is
 * an object with the members rule, path and finding. entry_point is the command line that
 * the image is started with, which isn't in the tree; NULL: none. Returns how many there are.
 */
unsigned long audit(struct plan *p, int json, const char *entry_point);

/* Reports the secrets that would stay in the tree. Returns how many there are. */
unsigned long report_secrets(struct plan *p);

#endif
