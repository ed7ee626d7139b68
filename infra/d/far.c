#include "far.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "digest.h"
#include "file.h"
#include "report.h"
#include "run.h"
#include "self.h"
#include "strbuf.h"

/* What ssh itself ends with; what our own scripts end with where d isn't there as it is here.
 */
enum {
	SSH_FAILED = 255,
	NO_D = 125,
	TEXT_MAX = 64 << 20,
	SOCKET_NAME = 64,
	AT_ONCE = 16,
	LIMIT_S = 120,
	TIME_IS_UP = 124, /* of run() */
	SAID_MAX = 1 << 20
};

/* This process's own file, though another took its name meanwhile. */
static const char self[] = "/proc/self/exe";

/* ---- ssh ---- */

/* Where the sockets of connections are: a directory of this user's alone. NULL: none that is
 * safe, or short enough for a socket's address. */
static const char *
control_directory(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *dir = run && *run      ? pool_printf("%s/whittle-ssh", run)
			  : geteuid() == 0 ? "/run/whittle-ssh"
					   : pool_printf("/tmp/whittle-ssh-%d", (int)geteuid());
	struct stat st;

	if (strlen(dir) + SOCKET_NAME > 104 || make_directories(dir, 0700) || lstat(dir, &st) ||
	    !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return NULL;
	return dir;
}

/* ssh takes the first value of an option that it meets. A host whose key isn't known is
 * refused, whatever the user's configuration says: what goes there is root's. */
static void
add_ssh(struct words *argv, const struct fleet_host *h, bool terminal)
{
	const char *dir = control_directory();

	words_add(argv, "ssh");
	words_add(argv, "-oBatchMode=yes");
	words_add(argv, "-oStrictHostKeyChecking=yes");
	words_add_all(argv, &h->options);
	words_add(argv, "-oConnectTimeout=10");
	words_add(argv, "-oServerAliveInterval=15");
	words_add(argv, "-oServerAliveCountMax=4");
	words_add(argv, "-oForwardAgent=no");
	words_add(argv, "-oForwardX11=no");
	if (dir) {
		words_add(argv, "-oControlMaster=auto");
		words_addf(argv, "-oControlPath=%s/%%C", dir);
		words_add(argv, "-oControlPersist=60");
	}
	words_add(argv, terminal ? "-t" : "-T");
	words_add(argv, "--");
	words_add(argv, h->ssh);
}

static const char *
one(const char *word)
{
	struct words w = {0};

	words_add(&w, word);
	return words_line(&w);
}

/* By sh, whatever the user's shell there is. */
static void
add_script(struct words *argv, const char *script)
{
	words_addf(argv, "exec sh -c %s", one(script));
}

/* The last line that isn't empty: ssh says at its end what went wrong. */
static void
take_reason(struct far_answer *a, const struct strbuf *said)
{
	const char *s = said->s ? said->s : "";
	size_t end = said->len, start;

	while (end && strchr("\r\n ", s[end - 1]))
		end--;
	for (start = end; start && s[start - 1] != '\n';)
		start--;
	if (end - start >= sizeof(a->why))
		end = start + sizeof(a->why) - 1;
	memcpy(a->why, s + start, end - start);
	a->why[end - start] = '\0';
}

/* ---- what is there ---- */

/* For the shell there: below the state that d takes by itself where none is said. */
static const char *
far_directory(const struct fleet_host *h)
{
	return h->state ? one(pool_printf("%s/bin", h->state))
			: "\"$(if [ \"$(id -u)\" = 0 ]; then echo /var/lib; else echo "
			  "\"${XDG_STATE_HOME:-$HOME/.local/state}\"; fi)/whittle/bin\"";
}

static const char *
far_environment(const struct fleet_host *h)
{
	struct words w = {0};

	words_add(&w, "env");
	if (h->state)
		words_addf(&w, "WHITTLE_STATE=%s", h->state);
	if (h->engine)
		words_addf(
		    &w, "%sENGINE=%s", strchr(h->engine, '/') ? "WHITTLE_" : "", h->engine);
	for (size_t i = 0; i < h->env.n; i++)
		words_addf(&w, "%s=%s", h->env.v[i].key, h->env.v[i].value);
	return words_line(&w);
}

static int
digest_of(const char *path, char hex[SHA256_HEX])
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && sha256_fd(fd, hex) == 0)
		return 0;
	report("read '%s':", path);
	return -1;
}

/* How long a host has for an answer that needs no work. */
static unsigned
limit_ms(void)
{
	const char *text = getenv("WHITTLE_HOST_LIMIT");
	double seconds = text ? strtod(text, NULL) : 0;

	return seconds >= 1 && seconds < 86400 ? (unsigned)(seconds * 1000) : LIMIT_S * 1000;
}

static int
run_ssh(const struct words *argv, struct strbuf *err)
{
	return run(&(struct run){.argv = (const char *const *)argv->w,
	    .err = err,
	    .most = SAID_MAX,
	    .discard_out = 1,
	    .timeout_ms = limit_ms()});
}

/* Whoever accepts a connection and then says nothing, as a host does whose disk hangs. */
static struct far_answer
silent(void)
{
	struct far_answer a = {.kind = FAR_UNREACHABLE};

	snprintf(a.why, sizeof(a.why), "no answer within %u s", limit_ms() / 1000);
	return a;
}

/* Whether d is there, byte by byte, for the shell there; NULL after a message. */
static const char *
is_there(const struct fleet_host *h)
{
	char hex[SHA256_HEX];

	return digest_of(self, hex)
		   ? NULL
		   : pool_printf(
			 "[ \"$({ sha256sum <%s/d; } 2>/dev/null | cut -c1-64)\" = %s ]",
			 far_directory(h), hex);
}

static const char *
start_of(const struct fleet_host *h, const struct words *words)
{
	return pool_printf(
	    "exec %s %s/d %s", far_environment(h), far_directory(h), words_line(words));
}

/* Opens the connection and looks whether d is there: until then nothing has begun. */
static struct far_answer
look(const struct fleet_host *h)
{
	struct far_answer a = {.kind = FAR_TROUBLE};
	struct strbuf err = STRBUF_INIT;
	struct words argv = {0};
	const char *there = is_there(h);
	int status;

	if (!there)
		return a;
	add_ssh(&argv, h, false);
	add_script(&argv, pool_printf("%s || exit %d", there, NO_D));
	status = run_ssh(&argv, &err);
	take_reason(&a, &err);
	strbuf_free(&err);
	if (status == TIME_IS_UP)
		return silent();
	a.kind = status == 0            ? FAR_ANSWERED
		 : status == SSH_FAILED ? FAR_UNREACHABLE
		 : status == NO_D       ? FAR_NO_D
					: FAR_TROUBLE;
	return a;
}

/* With this process's own input, output and error. */
static int
run_as_self(const struct words *argv)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv->w[0], argv->w);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (pid < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A command there may end with ssh's own status: then the connection is still there. */
static struct far_answer
judge(const struct fleet_host *h, int status)
{
	struct far_answer again;

	if (status < 0)
		return (struct far_answer){.kind = FAR_TROUBLE};
	if (status != SSH_FAILED)
		return (struct far_answer){.status = status};
	again = look(h);
	if (again.kind != FAR_ANSWERED) {
		again.kind = FAR_LOST;
		return again;
	}
	return (struct far_answer){.kind = FAR_LOST, .why = "the connection ended"};
}

struct far_answer
far_d(const struct fleet_host *h, const struct words *words, bool terminal)
{
	struct far_answer a = look(h);
	struct words argv = {0};

	if (a.kind != FAR_ANSWERED)
		return a;
	add_ssh(&argv, h, terminal);
	add_script(&argv, start_of(h, words));
	return judge(h, terminal ? run_as_self(&argv)
				 : run(&(struct run){.argv = (const char *const *)argv.w}));
}

void
far_variables(const struct fleet_host *h)
{
	struct words argv = {0};

	add_ssh(&argv, h, false);
	setenv("FAR_SSH", words_line(&argv), 1);
	setenv("FAR_BIN", far_directory(h), 1);
	setenv("FAR_ENV", far_environment(h), 1);
	setenv("FAR_REGISTRY", h->registry ? h->registry : "", 1);
	setenv("FAR_TLS", h->plain ? "no" : "yes", 1);
}

struct far_answer
far_judge(int status, const struct strbuf *said)
{
	struct far_answer a = {.kind = status < 0             ? FAR_TROUBLE
				       : status == SSH_FAILED ? FAR_UNREACHABLE
							      : FAR_ANSWERED,
	    .status = status};

	take_reason(&a, said);
	return a;
}

/* ---- several at once ---- */

static struct strbuf
said_in(int fd)
{
	struct strbuf b = STRBUF_INIT;

	if (lseek(fd, 0, SEEK_SET) < 0 || file_read(fd, SAID_MAX, &b))
		strbuf_cut(&b, 0);
	return b;
}

/* In one call. */
static struct far_answer
ask_once(const struct fleet_host *h, const struct words *words, unsigned most_ms, int err)
{
	/* Its last line: a banner may stand before. */
	static const char none[] = "whittle: not this d";
	struct far_answer a = {.kind = FAR_TROUBLE};
	struct strbuf said = STRBUF_INIT;
	struct words argv = {0};
	const char *there = is_there(h);

	if (!there)
		return a;
	add_ssh(&argv, h, false);
	add_script(&argv, pool_printf("%s || { echo %s >&2; exit %d; }; %s", there, one(none),
			      NO_D, start_of(h, words)));
	a.status =
	    run(&(struct run){.argv = (const char *const *)argv.w, .timeout_ms = most_ms});
	said = said_in(err);
	take_reason(&a, &said);
	a.kind = a.status < 0                                   ? FAR_TROUBLE
		 : a.status == SSH_FAILED                       ? FAR_UNREACHABLE
		 : a.status == NO_D && strcmp(a.why, none) == 0 ? FAR_NO_D
								: FAR_ANSWERED;
	if (most_ms && a.status == TIME_IS_UP)
		a = silent();
	/* Then nothing of it is d's. */
	if (a.kind != FAR_ANSWERED && ftruncate(err, 0))
		a.kind = FAR_TROUBLE;
	strbuf_free(&said);
	return a;
}

/* ssh ends at a file that got too long. */
static _Noreturn void
ask(const struct fleet_host *h, const struct words *words, enum far_how how,
    const struct far_text *t, struct far_answer *answer)
{
	struct rlimit most = {TEXT_MAX, TEXT_MAX};

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setrlimit(RLIMIT_FSIZE, &most);
	if (dup2(t->out, STDOUT_FILENO) < 0 || dup2(t->err, STDERR_FILENO) < 0)
		_exit(EXIT_TROUBLE);
	*answer = how == FAR_WORK
		      ? far_d(h, words, false)
		      : ask_once(h, words, how == FAR_QUICK ? limit_ms() : 0, t->err);
	_exit(0);
}

static void
wait_for(pid_t *pid)
{
	while (*pid > 0 && waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}

void
far_all(const struct fleet *some, const struct words *words, enum far_how how,
    struct far_text *text)
{
	size_t size = some->n * sizeof(struct far_answer);
	struct far_answer *shared =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t *pid = pool_zero(some->n, sizeof(*pid));

	if (shared == MAP_FAILED)
		die("map memory:");
	for (size_t i = 0; i < some->n; i++) {
		if (i >= AT_ONCE)
			wait_for(&pid[i - AT_ONCE]);
		shared[i] = (struct far_answer){.kind = FAR_TROUBLE};
		text[i].out = memfd_create("out", MFD_CLOEXEC);
		text[i].err = memfd_create("err", MFD_CLOEXEC);
		if (text[i].out < 0 || text[i].err < 0)
			continue;
		pid[i] = fork();
		if (pid[i] == 0)
			ask(&some->v[i], words, how, &text[i], &shared[i]);
	}
	for (size_t i = 0; i < some->n; i++) {
		wait_for(&pid[i]);
		text[i].answer = shared[i];
		text[i].answer.why[sizeof(text[i].answer.why) - 1] = '\0';
	}
	munmap(shared, size);
}

void
far_close(struct far_text *t)
{
	if (t->out >= 0)
		close(t->out);
	if (t->err >= 0)
		close(t->err);
}

char *
far_text(int fd)
{
	struct strbuf b = STRBUF_INIT;
	char *got = NULL;

	if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 && file_read(fd, TEXT_MAX, &b) == 0)
		got = pool_dup(b.s ? b.s : "");
	strbuf_free(&b);
	return got;
}

bool
far_tell(const struct fleet_host *h, const struct far_answer *a)
{
	const char *why = *a->why ? a->why : "no reason given";

	switch (a->kind) {
	case FAR_ANSWERED:
		return false;
	case FAR_UNREACHABLE:
		report("%s: can't be reached: %s", h->name, why);
		break;
	case FAR_NO_D:
		report("%s: d isn't there, or another version of it: d hosts add %s", h->name,
		    h->name);
		break;
	case FAR_LOST:
		report("%s: the connection was lost while d ran there: %s", h->name, why);
		break;
	case FAR_TROUBLE:
		report("%s: ssh can't be run: %s", h->name, why);
		break;
	}
	return true;
}

json_t *
far_list(const struct fleet_host *h, const struct far_text *t)
{
	json_t *list = NULL;
	char *text;

	if (far_tell(h, &t->answer))
		return NULL;
	text = far_text(t->out);
	if (text && (t->answer.status == EXIT_YES || t->answer.status == EXIT_NO))
		list = json_loads(text, 0, NULL);
	if (json_is_array(list))
		return list;
	json_decref(list);
	text = far_text(t->err);
	report("%s: d there: %s", h->name,
	    text && *text ? pool_dupn(text, strcspn(text, "\n")) : "no answer");
	return NULL;
}

/* ---- bringing ---- */

/* Another kind of machine would only say that it can't run the file. */
static int
same_machine(const struct fleet_host *h)
{
	struct words argv = {0};
	struct strbuf out = STRBUF_INIT, err = STRBUF_INIT;
	struct far_answer a = {.kind = FAR_UNREACHABLE};
	struct utsname here;
	int status, bad = -1;

	uname(&here);
	add_ssh(&argv, h, false);
	add_script(&argv, "uname -m");
	status = run(&(struct run){.argv = (const char *const *)argv.w,
	    .out = &out,
	    .err = &err,
	    .most = SAID_MAX,
	    .timeout_ms = limit_ms()});
	take_reason(&a, &err);
	if (status == SSH_FAILED)
		far_tell(h, &a);
	else if (status || !out.len)
		report("%s: uname there: %s", h->name, *a.why ? a.why : "no answer");
	else if (strncmp(out.s, here.machine, strlen(here.machine)) != 0)
		report("%s: it is of another kind of machine, %s, and d here is for %s",
		    h->name, pool_dupn(out.s, strcspn(out.s, "\n")), here.machine);
	else
		bad = 0;
	strbuf_free(&out);
	strbuf_free(&err);
	return bad;
}

/* A file by standard input, beside its place until its digest is right. */
static int
bring_file(const struct fleet_host *h, const char *path, const char *name)
{
	struct words argv = {0};
	struct strbuf bytes = STRBUF_INIT, err = STRBUF_INIT;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct far_answer a = {.kind = FAR_UNREACHABLE};
	char hex[SHA256_HEX];
	int status;

	if (digest_of(path, hex))
		return -1;
	if (fd < 0 || file_read(fd, TEXT_MAX, &bytes)) {
		report("read '%s':", path);
		strbuf_free(&bytes);
		return -1;
	}
	add_ssh(&argv, h, false);
	add_script(
	    &argv, pool_printf(
		       "set -e; umask 077; dir=%s; mkdir -p \"$dir\"; f=$dir/%s; "
		       "[ \"$(sha256sum <\"$f\" 2>/dev/null | cut -c1-64)\" != %s ] || exit 0; "
		       "trap 'rm -f \"$f.new.$$\"' EXIT; cat >\"$f.new.$$\"; "
		       "[ \"$(sha256sum <\"$f.new.$$\" | cut -c1-64)\" = %s ] || exit %d; "
		       "chmod 755 \"$f.new.$$\"; mv \"$f.new.$$\" \"$f\"",
		       far_directory(h), name, hex, hex, NO_D));
	status = run(&(struct run){.argv = (const char *const *)argv.w,
	    .err = &err,
	    .most = SAID_MAX,
	    .discard_out = 1,
	    .in = bytes.s,
	    .in_len = bytes.len});
	take_reason(&a, &err);
	if (status == NO_D)
		report("%s: '%s' didn't arrive as it was sent", h->name, name);
	else if (status == SSH_FAILED)
		far_tell(h, &a);
	else if (status)
		report("%s: bring '%s': %s", h->name, name, *a.why ? a.why : "no reason given");
	strbuf_free(&bytes);
	strbuf_free(&err);
	return status ? -1 : 0;
}

int
far_bring(const struct fleet_host *h, const struct pairs *programs)
{
	if (same_machine(h))
		return -1;
	for (size_t i = 0; i < programs->n; i++)
		if (bring_file(h, programs->v[i].value, programs->v[i].key))
			return -1;
	/* The last: where it is, the others are. */
	return bring_file(h, self, "d");
}
