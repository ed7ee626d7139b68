#include "runs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "report.h"
#include "strbuf.h"

/* Far more than any tests leave. */
enum { TESTS_BYTES_MAX = 16 << 20, TRACES_MAX = 20000 };

/* How much of a test's name, of so many bytes, is the name alone: bats --timing puts "in 12ms"
 * behind it, which would be another reason in the list each time. */
static int
untimed(const char *name, size_t length)
{
	size_t n = length;

	if (n < 2 || strncmp(name + n - 2, "ms", 2) != 0)
		return (int)length;
	for (n -= 2; n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9';)
		n--;
	return (int)(n > 4 && strncmp(name + n - 4, " in ", 4) == 0 ? n - 4 : length);
}

/* As root in a directory that may be another's: a link, a pipe or a device is none of ours. */
static FILE *
open_tests(const char *path, int flags, const char *mode)
{
	int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	struct stat st;
	FILE *f = NULL;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode) && st.st_size <= TESTS_BYTES_MAX)
			f = fdopen(fd, mode);
		else
			errno = S_ISREG(st.st_mode) ? EFBIG : ENOTSUP;
	}
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

int
runs_tests(const char *file)
{
	cleanup_free char *line = NULL;
	FILE *out = open_tests(file, O_WRONLY | O_CREAT | O_TRUNC, "w");
	size_t room = 0;
	ssize_t n;

	if (!out) {
		report("open '%s':", file);
		return EXIT_TROUBLE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((n = getline(&line, &room, stdin)) > 0) {
		int passed = strncmp(line, "ok ", 3) == 0;
		int failed = strncmp(line, "not ok ", 7) == 0;
		struct timespec t;
		const char *name, *skip;

		fwrite(line, 1, (size_t)n, stdout);
		if (!passed && !failed && strncmp(line, "1..", 3) != 0)
			continue;
		clock_gettime(CLOCK_REALTIME, &t);
		name = line + (passed ? 3 : failed ? 7 : 0);
		if (passed || failed)
			name += strspn(name, "0123456789 ");
		line[strcspn(line, "\n")] = '\0';
		skip = strstr(name, " # skip");
		if (!skip)
			skip = name + strlen(name);
		fprintf(out, "%lld\t%s\t%.*s%s\n",
		    (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000,
		    passed   ? "ok"
		    : failed ? "not"
			     : "begin",
		    untimed(name, (size_t)(skip - name)), name, skip);
		fflush(out);
	}
	if (fclose(out)) {
		report("write '%s':", file);
		return EXIT_TROUBLE;
	}
	return EXIT_YES;
}

/* Nothing where there is no such file. Returns -1 after a report(). */
static int
read_tests(const char *run, struct tests *t)
{
	int length = (int)strlen(run);
	cleanup_free char *path = NULL, *line = NULL;
	cleanup_file FILE *f = NULL;
	size_t room = 0;

	memset(t, 0, sizeof(*t));
	while (length > 1 && run[length - 1] == '/')
		length--;
	path = xasprintf("%.*s.tests", length, run);
	f = open_tests(path, O_RDONLY, "r");
	if (!f && errno != ENOENT) {
		report("read '%s':", path);
		return -1;
	}
	while (f && getline(&line, &room, f) > 0) {
		char *save = line, *when = strsep(&save, "\t"), *how = strsep(&save, "\t");

		if (!save)
			continue;
		save[strcspn(save, "\n")] = '\0';
		t->test = xreallocarray(t->test, t->count + 1, sizeof(*t->test));
		t->test[t->count++] = (struct test){strtoll(when, NULL, 10), xstrdup(save)};
		t->passed += strcmp(how, "ok") == 0 && !strstr(save, "# skip");
	}
	return 0;
}

static void
free_tests(struct tests *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->test[i].name);
	free(t->test);
}

size_t
runs_test_at(const struct tests *t, int64_t when)
{
	size_t i;

	for (i = 0; i < t->count && when > t->test[i].over; i++)
		;
	return i;
}

void
runs_put_when(struct strbuf *b, const struct tests *tests, size_t test)
{
	if (test == 0) {
		strbuf_puts(b, " at the start");
	} else if (test >= tests->count) {
		strbuf_puts(b, " at the end");
	} else {
		strbuf_puts(b, " in '");
		strbuf_put_visible(b, tests->test[test].name, strlen(tests->test[test].name));
		strbuf_putc(b, '\'');
	}
}

struct visiting {
	const struct tests *tests;
	void (*visit)(const struct trace_line *l, const struct tests *tests, void *arg);
	void *arg;
};

static void
visit_line(const struct trace_line *l, void *arg)
{
	struct visiting *v = arg;

	v->visit(l, v->tests, v->arg);
}

int
runs_read(const char *run, unsigned long *most,
    void (*visit)(const struct trace_line *l, const struct tests *tests, void *arg), void *arg)
{
	cleanup_free char *pattern = xasprintf("%s/*.trace", run);
	struct tests tests;
	struct visiting v = {&tests, visit, arg};
	glob_t found;
	int status = 0;
	size_t i;

	if (glob(pattern, 0, NULL, &found)) {
		report("'%s' holds no trace: was anything started?", run);
		return -1;
	}
	if (found.gl_pathc > TRACES_MAX) {
		report("'%s': more than %d traces", run, TRACES_MAX);
		globfree(&found);
		return -1;
	}
	if (read_tests(run, &tests)) {
		globfree(&found);
		return -1;
	}
	if (most && tests.passed > *most)
		*most = tests.passed;
	for (i = 0; i < found.gl_pathc; i++)
		if (trace_read(found.gl_pathv[i], visit_line, &v))
			status = -1;
	globfree(&found);
	free_tests(&tests);
	return status;
}
