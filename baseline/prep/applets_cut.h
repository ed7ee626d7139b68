/* Taking applets out of a BusyBox for good. */
#ifndef APPLETS_CUT_H
#define APPLETS_CUT_H

struct applets;
struct strbuf;

/*
 * Dooms the applets that a list names (keep 0), or all others (keep 1), dead ones with a
 * name included. Words stand between commas or blanks. Those that no applet has, or that
 * can't be kept or cut, are added to unknown, with blanks between.
 */
void applets_choose(struct applets *a, const char *list, int keep, struct strbuf *unknown);

/*
 * Cuts the doomed applets in the image: their entries lead to a function that only fails,
 * their names become slashes, which no command's name can hold (the table keeps its size
 * and its order, on which the program's search, its help texts and its tables of flags
 * stand), and code that nothing leads to any more becomes traps where that is certain.
 * The outcome is read and searched again, as the program would do it, before this returns
 * 0. -1: why says what is in the way; the image is not to be used.
 */
int applets_cut(struct applets *a);

/*
 * Writes the image to a new file dirfd/name, to be renamed to where it belongs: whole on
 * the disk, with mode, owner, access control list, capabilities and user's attributes of
 * like_fd. What was of that name is gone. Returns 0, or -1 with errno and no such file.
 */
int applets_write(const struct applets *a, int dirfd, const char *name, int like_fd);

#endif
