/* Files of variables as compose reads them: .env and env_file. */
#ifndef WHITTLE_IMPORT_ENV_H
#define WHITTLE_IMPORT_ENV_H

#include <stdbool.h>

#include "container.h"

/* Puts variables into a text. */
struct import_fill {
	const char *(*put)(void *with, const char *text);
	void *with;
};

/*
 * Adds the file's variables: blanks around names and values, "export", comments behind a value
 * and quotes go; variables are put in but for values in single quotes. A name without a value
 * has NULL. *plain: every value is the rest of its line, as the settings' env_files have it. -1
 * with errno where it can't be read.
 */
int import_env(
    const char *path, const struct import_fill *fill, struct pairs *out, bool *plain);

#endif
