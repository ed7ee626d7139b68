/* This program's own file, and pack's. */
#ifndef WHITTLE_SELF_H
#define WHITTLE_SELF_H

/* Its path; ends the program where that can't be read. */
const char *program_path(void);

/* pack: beside this program where both are installed, else the project's. */
const char *pack_program(const char *project);

#endif
