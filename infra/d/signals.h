/* The signals that ask d to end. */
#ifndef WHITTLE_SIGNALS_H
#define WHITTLE_SIGNALS_H

/* Set by SIGINT, SIGTERM and SIGHUP once they are caught. */
extern volatile int interrupted;

/*
 * What changes something ends at a point of its own choosing. A signal that was ignored
 * when d was started (nohup, a shell's background job) stays ignored.
 */
void catch_signals(void);

#endif
