/* Messages to standard error, in one shape: "prog: what went wrong 'subject': reason". */
#ifndef WHITTLE_REPORT_H
#define WHITTLE_REPORT_H

#include <stdarg.h>
#include <stdnoreturn.h>

/* Exit statuses that every program shares. */
enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_TROUBLE = 2 };

/* The program's name in messages; "?" until set. Keeps the pointer. */
extern const char *report_prog;

/* How many times report() was called: a program that keeps going exits with
 * EXIT_TROUBLE where this isn't 0. */
extern unsigned long report_count;

/* Hears the text of each message as well; NULL: nobody does. */
extern void (*report_heard)(const char *text);

/*
 * Prints one message as a whole line, in a single write(2). A format that ends in ':'
 * gets a blank and strerror(errno) appended. Control bytes, DEL and bytes that aren't
 * valid UTF-8 come out as \ooo, so that a file's name can't forge a line or drive a
 * terminal. errno is kept.
 */
void report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void vreport(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* report(), then exit(EXIT_TROUBLE). For main and its helpers, never in lib/ itself. */
noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
