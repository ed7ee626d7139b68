/* This program's own file. */
#ifndef WHITTLE_SELF_H
#define WHITTLE_SELF_H

/* Its path; ends the program where that can't be read. */
const char *program_path(void);

#endif
