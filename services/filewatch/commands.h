/* filewatch's verbs about a baseline. Each gets its own name as argv[0] and returns the exit
 * status. */
#ifndef FILEWATCH_COMMANDS_H
#define FILEWATCH_COMMANDS_H

int command_baseline(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_accept(int argc, char **argv);

#endif
