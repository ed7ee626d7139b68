/* This program's own file, and others of the project's. */
#ifndef WHITTLE_SELF_H
#define WHITTLE_SELF_H

/* Its path; ends the program where that can't be read. */
const char *program_path(void);

/* One beside this program where both are installed, else the project's. */
const char *other_program(const char *project, const char *name, const char *in_project);
const char *pack_program(const char *project);

#endif
