/* Who refers to an address, as far as machine code can be read without doubt. */
#ifndef APPLETS_CODE_H
#define APPLETS_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "applets_elf.h"

/* Whether code of this processor can be searched for what it refers to. */
int code_is_readable(const struct elf *e);

/*
 * One bit for each byte of the file, its offset's: set where an instruction may form the
 * address of that byte. For free(3).
 */
unsigned char *code_targets(const struct elf *e);

/*
 * Whether code that may form the address of the file's byte from goes on to form that of the
 * byte to by adding the distance (x86: lea, within 256 bytes). Reads all code, and is for an
 * address that few places form.
 */
int code_derives(const struct elf *e, size_t from, size_t to);

/* The address of an instruction sequence that returns 1 and does nothing else, as a
 * pointer to a function. Returns 0, or -1 where there is none. */
int code_find_failure(const struct elf *e, uint64_t *pointer);

/*
 * Fills the code that nothing leads to with instructions that end the process. entries are
 * the entry points of all applets, sorted; first_cut is the lowest that was cut; pointers
 * are those of the program as it now is. Returns 0 with the number of bytes, or -1 where
 * the code can't be followed: it is for another processor than x86-64, the section headers
 * don't say that all from first_cut to the last entry is code, or jump tables have no end.
 */
int code_erase(struct elf *e, const struct elf_pointers *pointers, const uint64_t *entries,
    size_t n, uint64_t first_cut, size_t *bytes);

#endif
