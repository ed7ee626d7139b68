/* Standard input, output and error, as main finds and leaves them. */
#ifndef WHITTLE_STREAMS_H
#define WHITTLE_STREAMS_H

/* Where one of the descriptors 0 to 2 is closed, it becomes /dev/null: else the next file that
 * is opened would get what is printed. */
void streams_begin(void);

/* The exit status, or EXIT_TROUBLE after a message where what was printed didn't get out, but
 * to a pipe that nobody reads any more. */
int streams_end(int status);

#endif
