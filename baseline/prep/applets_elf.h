/* An ELF program as bytes in memory, read and rewritten in place. Every number in it is
 * taken to be hostile: nothing here reads or writes beyond the file's bytes. */
#ifndef APPLETS_ELF_H
#define APPLETS_ELF_H

#include <stddef.h>
#include <stdint.h>

enum { ELF_LOADS = 32, ELF_CODES = 32 };

struct elf_segment {
	uint64_t vaddr, memsz;   /* addresses, as the program's own headers count them */
	uint64_t offset, filesz; /* where its bytes stand in the file */
	int writable, executable;
};

/* What of a processor matters here. */
struct elf_machine {
	uint16_t number;    /* e_machine */
	uint32_t relative;  /* the relocation that adds the load address alone */
	uint32_t irelative; /* the one that asks a function for the address */
	const char *name;
};

struct elf {
	unsigned char *bytes;
	size_t size;
	size_t word;   /* bytes of an address: 4 or 8 */
	int big;       /* most significant byte first */
	int relocated; /* ET_DYN: addresses move, so relocations name them */
	const struct elf_machine *machine;
	uint64_t entry;
	struct elf_segment load[ELF_LOADS]; /* those without code first */
	size_t loads;
	struct elf_segment dynamic;     /* filesz 0: none */
	struct elf_segment interpreter; /* the same; its bytes are the loader's path */
	/* Where its code is: by the section headers, else its executable segments. */
	struct elf_range {
		uint64_t start, end;
	} code[ELF_CODES];
	size_t codes;
	int sections; /* there are section headers that say where code is */
};

/*
 * Reads the headers of a program (ET_EXEC, ET_DYN). The bytes stay the caller's.
 * Returns NULL, or what is wrong with the file, in words that follow its name.
 */
const char *elf_open(struct elf *e, unsigned char *bytes, size_t size);

/* A number of 1, 2, 4 or 8 bytes in the file's byte order; off must be checked. */
uint64_t elf_get(const struct elf *e, size_t off, size_t width);
void elf_put(struct elf *e, size_t off, size_t width, uint64_t value);

/* The segment that has the len bytes at an address in the file; NULL where none has. */
const struct elf_segment *elf_segment_of(const struct elf *e, uint64_t vaddr, uint64_t len);

/* Where the len bytes at an address stand in the file. Returns 0, or -1 where they
 * aren't all there. */
int elf_offset(const struct elf *e, uint64_t vaddr, uint64_t len, size_t *off);

/* Whether an address lies in the code (its lowest bit says "Thumb" on ARM). */
int elf_is_code(const struct elf *e, uint64_t vaddr);
uint64_t elf_code_address(const struct elf *e, uint64_t pointer);

/* The value of an entry of the dynamic section, the first of its tag, or missing. */
uint64_t elf_dynamic(const struct elf *e, uint64_t tag, uint64_t missing);

struct elf_section {
	uint32_t type;
	uint64_t flags, address, size;
};

/* Section header i. Returns 0, or -1 where there is none. */
int elf_section(const struct elf *e, size_t i, struct elf_section *out);

/* A word of the program that holds an address of code once it runs. */
struct elf_pointer {
	uint64_t at;    /* the word's own address */
	uint64_t value; /* what it holds, before the load address is added */
	size_t stored;  /* the file's offset of value: the word, or an addend; 0: not plain */
	size_t copy;    /* the same value once more, where an addend was also put in place */
};

struct elf_pointers {
	struct elf_pointer *p; /* by address */
	size_t n;
};

/*
 * Every such word: from the relocations where there are any (RELR, REL, RELA), else each
 * aligned word of the file that could be one. Returns NULL, or what is wrong.
 */
const char *elf_pointers(const struct elf *e, struct elf_pointers *out);
void elf_pointers_free(struct elf_pointers *p);

/* Writes a pointer's value to where it is stored. */
void elf_set_pointer(struct elf *e, struct elf_pointer *p, uint64_t value);

#endif
