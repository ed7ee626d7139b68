/* filewatch's verb that asks another filewatch. It gets its own name as argv[0] and returns the
 * exit status. */
#ifndef FILEWATCH_HEALTHZ_H
#define FILEWATCH_HEALTHZ_H

int command_healthz(int argc, char **argv);

#endif
