/* A shift's way through the tree. */
#ifndef IDMAP_PASS_H
#define IDMAP_PASS_H

struct shift;

/* Goes through the tree and changes what is to be changed, or prints it (dry). Returns 0,
 * or -1 after a report() where it can't begin; how it went stands in *s. */
int shift_pass(struct shift *s);

/* Looks for an inode with an id that is on both sides of the map. Returns 1 where
 * there is one, and names it. */
int shift_scan(struct shift *s);

#endif
