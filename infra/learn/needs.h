/* From traces to the list of what an image keeps. */
#ifndef LEARN_NEEDS_H
#define LEARN_NEEDS_H

struct needs_options {
	const char *root; /* the image's files */
	const char *own;  /* what its maker put into it, all of which stays; NULL: nothing */
	const char *list; /* the list; made where there is none */
	int forget;       /* what was learned earlier and isn't needed now goes */
	int dry;          /* say what would change, change nothing */
};

/*
 * Merges what the runs in the directories (each with *.trace and a file "tests") needed into
 * the list, and prints what came and went. An exit status: 0 nothing changed or it was written,
 * 1 with `dry` where something would change.
 */
int needs(const struct needs_options *o, char **runs);

#endif
