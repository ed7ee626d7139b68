/* The names of applets in the program file, and how the program itself searches them. */
#ifndef APPLETS_NAMES_H
#define APPLETS_NAMES_H

#include <stddef.h>

enum {
	LONGEST_NAME = 40, /* BusyBox 1.37 needs 17 */
	NAME_GROUPS = 17,
};

/* A string of the table. That of a cut applet ends in slashes, which no command's name can
 * hold; before them may stand the start of a name that was kept. */
enum name_kind { NO_NAME, NAME, CUT_NAME };

enum name_kind name_kind(const char *s, size_t len);

/* Names that lead to one function in each BusyBox from 1.30 to 1.37, however configured,
 * have the same number, 0..NAME_GROUPS-1; -1: no such name. */
int name_group(const char *name);

/* Whether some BusyBox from 1.30 to 1.37 can have an applet of that name. */
int name_is_known(const char *name);

/*
 * find_applet_by_name() of libbb/appletlib.c doesn't search from the beginning: 16-bit
 * offsets say where each eighth of the names begins (each fourth below 128 of them; there
 * are none below 32). The last part whose first name isn't greater than the wanted one is
 * searched string by string.
 */
size_t name_parts(size_t count);
size_t name_part_start(size_t count, size_t part);

/*
 * The number that the program finds for a name; -1: none. There are two ways: in 1.30 a
 * search is bounded by the next part, later by the first string that is greater.
 */
long name_look_up(const char *const *names, size_t count, const char *name, int bounded);

/*
 * A string of len bytes that counts as cut and sorts between two names, "" and NULL being
 * the ends of the order. Returns 0, or -1 where there is none. out holds len + 1.
 */
int name_between(const char *before, const char *after, char *out, size_t len);

#endif
