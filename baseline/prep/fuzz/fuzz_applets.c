/* Whatever a file holds: reading and cutting it stays within its bytes, and what is cut
 * reads as cut. An input is a program that is right (see applets_sample.h), chosen by its
 * first four bytes, with changes: an offset of two bytes, a value of one. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/applets_sample.h"
#include "applets_cut.h"
#include "applets_find.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static uint8_t *
program(uint32_t seed)
{
	static const uint16_t machines[] = {
	    EM_X86_64, EM_386, EM_AARCH64, EM_ARM, EM_S390, EM_PPC, EM_PPC64, EM_X86_64};
	static const char *const names[] = {NULL, "[ cat false ls sh test",
	    "cat echo ls sh wget", "[ [[ / cat /// ls/ sh test"};
	struct sample s = {
	    .wide = seed & 1,
	    .big = seed >> 1 & 1,
	    .machine = machines[seed >> 2 & 7],
	    .kind = (enum sample_kind)((seed >> 5 & 7) % 5),
	    .names = names[seed >> 8 & 3],
	    .before = seed >> 10 & 3,
	    .after = seed >> 12 & 3,
	    .garbage = seed >> 14 & 1,
	    .sections = seed >> 15 & 1,
	    .no_offsets = seed >> 16 & 1,
	    .derived = seed >> 17 & 1,
	};
	struct sample_file f;

	return sample_build(&f, &s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct applets a;
	uint8_t *image;
	size_t length = SAMPLE_SIZE;

	if (size < 4)
		return 0;
	image = program(data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16);
	if (data[3] & 1)
		length -= (size_t)(data[3] >> 1) * 64;
	for (data += 4, size -= 4; size >= 3; data += 3, size -= 3) {
		size_t at = data[0] | (size_t)data[1] << 8;

		if (at < length)
			image[at] = data[2];
	}
	image = xrealloc(image, length); /* so that the sanitizer sees a byte too much */
	if (applets_parse(&a, image, length) == 0) {
		require(a.count > 0);
		cut(&a);
	}
	applets_free(&a);
	return 0;
}
