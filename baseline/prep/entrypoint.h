/* What an image starts, found in a tree. */
#ifndef PREP_ENTRYPOINT_H
#define PREP_ENTRYPOINT_H

struct plan;
struct starts;

/*
 * Marks what is to stay in the plan's tree: the programs that are named, what links of those
 * names lead to, their ELF interpreters, the programs of "#!" lines and, where those are
 * shells, what the scripts call.
 */
void starts_mark(struct plan *p, const struct starts *s);

#endif
