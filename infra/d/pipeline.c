#include "pipeline.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "report.h"
#include "run.h"
#include "signals.h"
#include "state.h"

int
pipeline_make(struct app *a, const struct place *p, const char *const *targets, bool loud,
    const char **log)
{
	struct words argv = {0};
	int fd = -1, status;

	*log = NULL;
	if (!p->makefile) {
		report("%s: its directory has no Makefile, so nothing can be built", p->name);
		return -1;
	}
	words_add(&argv, "make");
	words_add(&argv, "--no-print-directory");
	words_add(&argv, "-C");
	words_add(&argv, p->directory);
	for (; *targets; targets++)
		words_add(&argv, *targets);
	if (!loud) {
		*log = state_log(&a->host, p->name, targets[-1], &fd);
		if (!*log)
			return -1;
	}
	setenv("WHITTLE_REPO", a->host.repo1, 1);
	/* A build or a test takes its time; a promotion is only a few calls of the engine. */
	status = run(&(struct run){.argv = (const char *const *)argv.w,
	    .log = fd,
	    .timeout_ms = strcmp(targets[-1], "install") == 0 ? engine_limit_ms() : 0,
	    .hurry = &interrupted});
	if (fd >= 0)
		close(fd);
	if (status < 0)
		report("start make:");
	return status;
}

const char *
stamped(const struct place *p, const char *stamp, const char *key)
{
	cleanup_file FILE *f = fopen(pool_printf("%s/%s", p->directory, stamp), "re");
	cleanup_free char *line = NULL;
	size_t cap = 0, len = strlen(key);

	while (f && getline(&line, &cap, f) > 0) {
		if (strncmp(line, key, len) != 0 || line[len] != ' ')
			continue;
		line[strcspn(line, "\n")] = '\0';
		return pool_dup(line + len + 1);
	}
	return NULL;
}
