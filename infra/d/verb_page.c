/* The page of this host, and of others that described themselves: written, or served. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "far.h"
#include "file.h"
#include "hostview.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "self.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"

enum { DESCRIPTION_MAX = 64 << 20, NOBODY = 65534 };

/* page: beside this program where both are installed, else the project's. */
static const char *
page_program(const struct app *a)
{
	const char *self = program_path();
	const char *beside = pool_printf("%.*s/page", (int)(strrchr(self, '/') - self), self);

	return a->host.project && access(beside, X_OK) != 0
		   ? pool_printf("%s/infra/page/page", a->host.project)
		   : beside;
}

/* ---- descriptions ---- */

/* Adds it as one line. */
static void
add_line(struct strbuf *out, const json_t *o)
{
	char *line = json_dumps(o, JSON_COMPACT);

	if (line)
		strbuf_printf(out, "%s\n", line);
	free(line);
}

/* Whether page takes it: one host that lies must not keep the others from being shown. */
static bool
is_description(const json_t *o)
{
	const json_t *list = json_object_get(o, "containers"), *one;
	size_t i;

	if (json_integer_value(json_object_get(o, "whittle")) != 1 || !json_is_array(list) ||
	    !json_string_length(json_object_get(o, "host")))
		return false;
	json_array_foreach (list, i, one)
		if (!json_string_length(json_object_get(one, "name")))
			return false;
	return true;
}

/* Another host's description, as "d page --json" writes it there. 0, or -1 after a message. */
static int
add_file(struct strbuf *out, const char *path)
{
	struct strbuf b = STRBUF_INIT;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int bad = fd < 0 || file_read(fd, DESCRIPTION_MAX, &b);
	json_t *o = NULL;

	if (bad)
		report("read '%s':", path);
	else if (!(o = json_loadb(b.s ? b.s : "", b.len, 0, NULL)) || !is_description(o)) {
		report("'%s' isn't a description of a host", path);
		bad = -1;
	}
	if (!bad)
		add_line(out, o);
	json_decref(o);
	strbuf_free(&b);
	return bad ? -1 : 0;
}

static int
add_files(struct strbuf *out, const struct words *files)
{
	int bad = 0;

	for (size_t i = 0; i < files->n; i++)
		bad |= add_file(out, files->w[i]);
	return bad;
}

static const char *
why_not(const struct far_answer *a)
{
	return a->kind == FAR_ANSWERED ? "d page --json has no description there"
	       : a->kind == FAR_NO_D   ? "d isn't there: d hosts add brings it"
	       : *a->why               ? a->why
				       : "no reason given";
}

/* What a host said of itself when it was reached; else what it said the last time, and why it
 * wasn't. */
static void
add_far(struct app *a, struct strbuf *out, const struct fleet_host *h, const struct far_text *t)
{
	static const char kept[] = ".page";
	const char *file = pool_printf("%s.json", h->name);
	const char *text = far_text(t->out);
	json_t *o = t->answer.kind == FAR_ANSWERED && t->answer.status == EXIT_YES && text
			? json_loads(text, 0, NULL)
			: NULL;

	if (is_description(o)) {
		json_object_set_new(o, "host", json_string(h->name));
		state_write(&a->host, kept, file, o);
	} else {
		json_decref(o);
		o = state_read(&a->host, kept, file);
		if (!is_description(o))
			o = json_pack("{s:i, s:s, s:i, s:[]}", "whittle", 1, "host", h->name,
			    "time", 0, "containers");
		json_object_set_new(o, "error", json_string(why_not(&t->answer)));
	}
	add_line(out, o);
	json_decref(o);
}

static void
add_fleet(struct app *a, struct strbuf *out, const char *log)
{
	const struct fleet *all = &a->host.fleet;
	struct far_text *text = pool_zero(all->n + 1, sizeof(*text));
	struct words words = {0};

	words_add(&words, "page");
	words_add(&words, "--json");
	words_add(&words, "--log");
	words_add(&words, log);
	far_all(all, &words, FAR_QUICK, text);
	for (size_t i = 0; i < all->n; i++) {
		add_far(a, out, &all->v[i], &text[i]);
		close(text[i].out);
		close(text[i].err);
	}
}

/* ---- d page ---- */

static int
write_pages(struct app *a, const char *directory, const struct strbuf *lines)
{
	const char *argv[] = {page_program(a), "-o", directory, NULL};
	int status = run(
	    &(struct run){.argv = argv, .in = lines->s ? lines->s : "", .in_len = lines->len});

	if (status == 126 || status == 127 || status < 0)
		report("start '%s':", argv[0]);
	return status == EXIT_YES ? EXIT_YES : EXIT_TROUBLE;
}

int
do_page(struct app *a, int argc, char **argv)
{
	bool json = false, all = false;
	const char *directory = NULL, *log = "";
	struct words files = {0};
	const struct option_of options[] = {VALUED('o', "output", directory),
	    SWITCH(0, "json", json), SWITCH(0, "all", all), VALUED(0, "log", log),
	    LISTED(0, "from", files), NO_MORE};
	struct strbuf lines = STRBUF_INIT;
	json_t *o;
	int status = EXIT_TROUBLE;

	argc = take_options(a, argc, &argv, options, false);
	if (argc || json == (directory != NULL))
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	o = hostview(a, log);
	if (!o)
		return EXIT_TROUBLE;
	add_line(&lines, o);
	json_decref(o);
	if ((all || directory) && a->host.fleet.n)
		add_fleet(a, &lines, log);
	if (add_files(&lines, &files))
		status = EXIT_TROUBLE;
	else if (!json)
		status = write_pages(a, directory, &lines);
	else if (write_all(STDOUT_FILENO, lines.s, lines.len))
		report("write to standard output:");
	else
		status = EXIT_YES;
	strbuf_free(&lines);
	return status;
}

/* ---- d serve ---- */

/* What answers requests gets descriptions, and nothing else: it is another user's process
 * where this one is root's, and never gets more rights. */
static void
be_page(int program, const char *const *argv, const int *in, const int *out)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 || chdir("/"))
		_exit(126);
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
				  setresuid(NOBODY, NOBODY, NOBODY))) {
		report("become nobody:");
		_exit(126);
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* another user's is forgotten */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Its directory may be one that only root gets through. */
	syscall(
	    SYS_execveat, program, "", argv, (char *const[]){NULL}, 0x1000 /* AT_EMPTY_PATH */);
	report("start '%s':", argv[0]);
	_exit(126);
}

/* Returns its process ID, or -1 after a message; *to and *from are its ends of two pipes. */
static pid_t
start_page(const char *const *argv, int *to, int *from)
{
	int in[2], out[2];
	cleanup_fd int program = open(argv[0], O_PATH | O_CLOEXEC);
	pid_t pid;

	if (program < 0 || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		report("start '%s':", argv[0]);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		be_page(program, argv, in, out);
	if (pid < 0)
		report("start '%s':", argv[0]);
	close(in[0]);
	close(out[1]);
	*to = in[1];
	*from = out[0];
	return pid;
}

/* This host as it is now, by a process of its own that gives all memory back, and settings are
 * read anew; then those of the files. What can't be had is said, and left out. */
static void
describe_all(const char *log, const struct words *files, struct strbuf *out)
{
	const char *argv[] = {program_path(), "page", "--json", "--all", "--log", log, NULL};
	size_t before = out->len;

	if (run(&(struct run){.argv = argv, .out = out}) != EXIT_YES) {
		report("this host can't be described");
		strbuf_cut(out, before);
	}
	add_files(out, files);
	strbuf_puts(out, "\n");
}

/* A line asks for descriptions, and for the log of the container that it names. The last one
 * counts. Returns -1 at the end. */
static int
wait_for_question(int from, struct strbuf *log)
{
	char chunk[4096];
	ssize_t n = read(from, chunk, sizeof(chunk));

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return -1;
	strbuf_add(log, chunk, (size_t)n);
	return 0;
}

/* free(3) it; NULL: no line is complete. */
static char *
last_question(struct strbuf *asked)
{
	char *end = asked->len ? strrchr(asked->s, '\n') : NULL, *start, *got;

	if (!end)
		return NULL;
	*end = '\0';
	start = strrchr(asked->s, '\n');
	got = xstrdup(start ? start + 1 : asked->s);
	strbuf_cut(asked, 0);
	return got;
}

static void
answer_questions(int to, int from, const struct words *files)
{
	struct strbuf asked = STRBUF_INIT, lines = STRBUF_INIT;

	while (wait_for_question(from, &asked) == 0) {
		cleanup_free char *log = last_question(&asked);

		if (!log)
			continue;
		/* No name of a container is empty or has a blank. */
		describe_all(*log ? log : " ", files, &lines);
		if (write_all(to, lines.s, lines.len))
			break;
		strbuf_cut(&lines, 0);
	}
	strbuf_free(&asked);
	strbuf_free(&lines);
}

int
do_serve(struct app *a, int argc, char **argv)
{
	const char *port = "8300";
	struct words files = {0}, hosts = {0}, args = {0};
	const struct option_of options[] = {VALUED('p', "port", port), LISTED(0, "host", hosts),
	    LISTED(0, "from", files), NO_MORE};
	int to, from, status;
	pid_t pid;

	argc = take_options(a, argc, &argv, options, false);
	if (argc)
		return argc < 0 ? EXIT_TROUBLE : usage(a);
	words_add(&args, page_program(a));
	words_add(&args, "serve");
	words_add(&args, "--port");
	words_add(&args, port);
	for (size_t i = 0; i < hosts.n; i++) {
		words_add(&args, "--host");
		words_add(&args, hosts.w[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	pid = start_page((const char *const *)args.w, &to, &from);
	if (pid < 0)
		return EXIT_TROUBLE;
	answer_questions(to, from, &files);
	close(to);
	close(from);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_TROUBLE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_TROUBLE;
}
