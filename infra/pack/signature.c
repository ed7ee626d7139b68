#include "signature.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "record.h"
#include "report.h"
#include "run.h"
#include "strbuf.h"

extern char **environ;

enum tool { MINISIGN, SIGNIFY, NO_TOOL };

/* Both write who made a key into its first line. */
static enum tool
tool_of(const char *key)
{
	size_t n;
	cleanup_free char *text = read_whole(key, &n);

	if (!text) {
		report("open key '%s':", key);
		return NO_TOOL;
	}
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "untrusted comment:", 18) == 0) {
		if (strstr(text, "minisign"))
			return MINISIGN;
		if (strstr(text, "signify") || strstr(text, "public key") ||
		    strstr(text, "secret key"))
			return SIGNIFY;
	}
	report("'%s' is not a key of minisign or signify", key);
	return NO_TOOL;
}

/* On Debian "signify" is another program. */
static const char *
signify(void)
{
	const char *path = getenv("PATH");
	cleanup_free char *copy = xstrdup(path ? path : "/usr/bin:/bin");
	char *at, *directory;

	for (directory = strtok_r(copy, ":", &at); directory;
	     directory = strtok_r(NULL, ":", &at)) {
		cleanup_free char *program = xasprintf("%s/signify-openbsd", directory);

		if (access(program, X_OK) == 0)
			return "signify-openbsd";
	}
	return "signify";
}

/* With this process's terminal, since a passphrase may be asked for. */
static int
run_here(const char *const *argv)
{
	pid_t pid;
	int status,
	    error = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);

	if (error) {
		errno = error;
		report("run '%s':", argv[0]);
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	report("'%s' failed", argv[0]);
	return -1;
}

int
signature_make(const char *file, const char *secret_key, const char *comment)
{
	cleanup_free char *new = xasprintf("%s.sig.new", file), *to = xasprintf("%s.sig", file);
	const char *minisign[] = {"minisign", "-S", "-q", "-s", secret_key, "-x", new, "-t",
	    comment, "-m", file, NULL};
	const char *others[] = {signify(), "-S", "-s", secret_key, "-x", new, "-m", file, NULL};
	enum tool tool = tool_of(secret_key);

	if (tool == NO_TOOL || run_here(tool == MINISIGN ? minisign : others))
		return -1;
	if (file_put_synced(AT_FDCWD, new, to)) {
		report("write '%s':", to);
		return -1;
	}
	return 0;
}

int
signature_check(const char *file, const char *public_key)
{
	cleanup_free char *signature = xasprintf("%s.sig", file);
	const char *minisign[] = {
	    "minisign", "-V", "-q", "-p", public_key, "-x", signature, "-m", file, NULL};
	const char *others[] = {
	    signify(), "-V", "-q", "-p", public_key, "-x", signature, "-m", file, NULL};
	enum tool tool = tool_of(public_key);
	struct run r = {
	    .argv = tool == MINISIGN ? minisign : others, .discard_out = 1, .discard_err = 1};
	int status;

	if (tool == NO_TOOL)
		return -1;
	status = run(&r);
	if (status == 126 || status == 127 || status < 0) {
		report("'%s' is required to verify the signature, and can't be run", r.argv[0]);
		return -1;
	}
	return status == 0;
}
