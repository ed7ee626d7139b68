/* Any bytes as a shell script: the words found in it are there, and it comes to an end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(void *arg, const char *word, size_t len, size_t line)
{
	size_t *lines = arg;

	if (len == 0 || strlen(word) != len || line == 0 || line > *lines)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char shell[16];
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	commands_in((const char *)data, size, look_at, &lines);
	commands_shell((const char *)data, size, shell, sizeof shell);
	return 0;
}
