/* Whatever a file holds: reading and cutting it stays within its bytes, and what is cut
 * reads as cut. Inputs begin as programs that are right, see applets_sample.h. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/applets_sample.h"
#include "applets.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static void
require(int holds)
{
	if (!holds)
		abort();
}

/* Dooms every third applet, keeps a living one, cuts; what stayed is what it was. */
static void
cut(struct applets *a)
{
	size_t count = a->count, doomed = 0;
	unsigned char *before;

	for (size_t i = 0; i < count; i++)
		a->applet[i].doomed = i % 3 == 1 && a->applet[i].name != NULL;
	for (size_t i = 0; i < count; i++)
		doomed += a->applet[i].doomed && a->applet[i].alive;
	if (applets_cut(a) < 0)
		return;
	require(a->count == count && a->cut == doomed);
	for (size_t i = 0; i < count; i++)
		require(i % 3 != 1 || !a->applet[i].alive);

	before = memcpy(xmalloc(a->size), a->image, a->size);
	for (size_t i = 0; i < count; i++)
		a->applet[i].doomed = i % 3 == 1 && a->applet[i].name != NULL;
	require(applets_cut(a) == 0 && a->cut == 0);
	require(memcmp(before, a->image, a->size) == 0);
	free(before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct applets a;

	if (applets_parse(&a, memcpy(xmalloc(size ? size : 1), data, size), size) == 0) {
		require(a.count > 0);
		cut(&a);
	}
	applets_free(&a);
	return 0;
}

static size_t
fresh(uint8_t *data, size_t max, unsigned seed)
{
	static const uint16_t machines[] = {
	    EM_X86_64, EM_386, EM_AARCH64, EM_ARM, EM_S390, EM_PPC, EM_PPC64};
	static const char *const names[] = {NULL, "[ cat false ls sh test",
	    "cat echo ls sh wget", "[ [[ / cat /// ls/ sh test"};
	struct sample s = {.wide = seed & 1,
	    .big = seed >> 1 & 1,
	    .machine = machines[(seed >> 2) % 7],
	    .kind = (enum sample_kind)((seed >> 5) % 5),
	    .names = names[seed >> 8 & 3],
	    .before = seed >> 10 & 3,
	    .after = seed >> 12 & 3,
	    .garbage = seed >> 14 & 1,
	    .unwind = seed >> 15 & 1};
	struct sample_file f;
	uint8_t *made = sample_build(&f, &s);
	size_t size = max < SAMPLE_SIZE ? max : SAMPLE_SIZE;

	memcpy(data, made, size);
	free(made);
	return size;
}

/* Beside libFuzzer's own changes, that mostly miss what matters: a number of the
 * headers, the tables or the relocations gets another value. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	static const struct {
		size_t from, to;
	} parts[] = {{0, 400}, {512, 1400}, {1400, 5120}, {SAMPLE_CODE, SAMPLE_DATA},
	    {SAMPLE_DATA, SAMPLE_DATA + 640}, {SAMPLE_DYNAMIC, SAMPLE_DYNAMIC + 128}};
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, '/', 0x40, 8};
	unsigned part = (seed >> 3) % 6;
	size_t at;

	if (size < SAMPLE_SIZE / 2 || seed % 64 == 0)
		return fresh(data, max, seed / 64);
	if (seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, max);
	srand(seed);
	for (int n = 1 + rand() % 4; n > 0; n--) {
		at = parts[part].from + (size_t)rand() % (parts[part].to - parts[part].from);
		if (at < size)
			data[at] = rand() & 1 ? values[rand() & 7] : (uint8_t)rand();
	}
	return size;
}
