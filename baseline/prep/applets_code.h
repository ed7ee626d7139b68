/* Who refers to an address, as far as machine code can be read without doubt. */
#ifndef APPLETS_CODE_H
#define APPLETS_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "applets_elf.h"

/*
 * One bit for each byte of the file, its offset's: set where an instruction may form the
 * address of that byte. For free(3). No bit is set for a processor whose code isn't known.
 */
unsigned char *code_targets(const struct elf *e);

/* The address of an instruction sequence that returns 1 and does nothing else, as a
 * pointer to a function. Returns 0, or -1 where there is none. */
int code_find_failure(const struct elf *e, uint64_t *pointer);

struct code_range {
	uint64_t start, end;
	int used; /* something outside refers to it */
};

/*
 * The bounds of the function that begins at start, from the unwind tables. Returns 0, or
 * -1 where they don't say it exactly.
 */
int code_bounds(const struct elf *e, uint64_t start, struct code_range *out);

/*
 * Marks each range used that something refers to, other than the ranges that stay unused:
 * an instruction that may form an address inside it, or a pointer to its start. ranges
 * are sorted and apart.
 */
void code_mark_used(const struct elf *e, const struct elf_pointers *pointers,
    struct code_range *ranges, size_t n);

/* Fills a range with instructions that end the process. */
void code_trap(struct elf *e, const struct code_range *range);

#endif
