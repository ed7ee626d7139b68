/* A refusal says why; a fuzzer hears that a million times: the target's standard error is
 * closed, libFuzzer's own reports go on. */
#ifndef FUZZ_QUIET_H
#define FUZZ_QUIET_H

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char flag[] = "-close_fd_mask=2";
	char **more = calloc((size_t)*argc + 2, sizeof(*more));

	if (!more)
		abort();
	memcpy(more, *argv, (size_t)*argc * sizeof(*more));
	more[(*argc)++] = flag;
	*argv = more;
	return 0;
}

#endif
