/* Any bytes as a Dockerfile: a refusal, or stages and images that agree with each other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dockerfile.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	static const char *const params[] = {
	    "--build-arg", "A=b", "--build-context=c=docker-image://d", NULL};
	struct dockerfile d;
	char **images;

	if (dockerfile_parse(&d, "fuzz", (const char *)bytes, n, params) == 0) {
		images = dockerfile_images(&d);
		for (char **i = images; i && *i; i++)
			if (!**i || strcmp(*i, "scratch") == 0)
				abort();
		for (size_t i = 0; i < d.stages; i++)
			if (d.stage[i].base != NO_STAGE && d.stage[i].base >= i)
				abort();
		dockerfile_last(&d, dockerfile_result(&d), "CMD");
		free_strings(images);
	}
	dockerfile_free(&d);
	return 0;
}
