/* Which tags of an image may follow the one that is used: ranges of versions. */
#ifndef WHITTLE_TAG_RANGE_H
#define WHITTLE_TAG_RANGE_H

#include "pool.h"

/* How far a version is from another, by the first of its numbers that differs. */
enum tag_step { STEP_NONE, STEP_PATCH, STEP_MINOR, STEP_MAJOR };

/*
 * A range is one or several of ~1.27, ^1.27, 1.x, >=1.2, <2, =1.2.3 with blanks between;
 * calver; or /REGEX/, an extended regular expression, whose first group (else what matches) is
 * the version. Returns 0, or -1 with what is wrong.
 */
int tag_range_check(const char *range, const char **why);

/*
 * The newest of the tags that is newer than the current one, in the range, and no further away
 * than `most`; NULL where there is none. Except by /REGEX/ a tag has what surrounds the numbers
 * in common with the current one, such as "v" and "-alpine", and as many numbers; range NULL:
 * just that.
 */
const char *tag_newest(
    const char *range, const char *current, const struct words *tags, enum tag_step most);

/* How far apart two tags are that tag_newest() compared. */
enum tag_step tag_step(const char *range, const char *from, const char *to);

#endif
