/* Changing a settings.yaml that people write: everything else in it stays as it is. */
#ifndef LEARN_EDIT_H
#define LEARN_EDIT_H

#include <stddef.h>

struct strbuf;

/*
 * argv: FILE and one of
 *
 *   set KEY VALUE     the key's value, whatever it was; at the end where there is no such key
 *   add KEY ITEM      one more element of its list, unless it is in there
 *   drop KEY WORD...  out of its list what is one of the words, or has one as a field between
 *                     colons and commas, or as the value of path or target; without elements
 *                     the key goes as well
 *   unset KEY         the key with its value
 *
 * VALUE and ITEM are written as they are, and the result must be such a file: it replaces the
 * old one in one step. Comments stay, but for those of the lines that go. An exit status: 0
 * changed, 1 nothing to change, 2 trouble.
 */
int edit(char **argv);

/* The same for a text, which name stands for in messages: out gets the new one where there is
 * something to change. */
int edit_text(const char *name, const char *text, size_t n, char **change, struct strbuf *out);

#endif
