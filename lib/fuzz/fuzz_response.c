/* The response reader: the first byte says how large the pieces are that it is fed. It must
 * come to the same verdict as when it is fed everything at once. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum verdict
verdict_on(const char *bytes, size_t n, size_t step, const char *want, char why[80])
{
	struct response r;
	enum verdict verdict = RESPONSE_MORE;
	size_t now;

	response_init(&r, want);
	while (n > 0 && verdict == RESPONSE_MORE) {
		now = n < step ? n : step;
		verdict = response_feed(&r, bytes, now);
		bytes += now;
		n -= now;
	}
	if (verdict == RESPONSE_MORE)
		verdict = response_end(&r);
	memcpy(why, r.why, 80);
	response_free(&r);
	return verdict;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	const char *want = size && data[0] & 1 ? "all ok" : NULL;
	char whole_why[80], pieces_why[80];
	enum verdict whole, pieces;

	if (size < 1)
		return 0;
	whole = verdict_on(bytes, size - 1, size, want, whole_why);
	pieces = verdict_on(bytes, size - 1, (size_t)(data[0] >> 1) + 1, want, pieces_why);
	if (whole == RESPONSE_MORE || whole != pieces || strcmp(whole_why, pieces_why) != 0)
		abort();
	return 0;
}
