/* Starting at boot: by systemd, OpenRC or cron, whichever the host has. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot_units.h"
#include "cleanup.h"
#include "engine_call.h"
#include "file.h"
#include "mounts.h"
#include "options.h"
#include "path.h"
#include "report.h"
#include "run.h"
#include "say.h"
#include "self.h"
#include "service.h"
#include "strbuf.h"
#include "verbs.h"

enum manager { SYSTEMD, OPENRC, CRON };
static const char *const manager_names[] = {"systemd", "openrc", "cron"};

static const char unit[] = "whittle.service", stop_unit[] = "whittle-stop.service",
		  scopes[] = "libpod-.scope.d", scopes_unit[] = "libpod-.scope.d/whittle.conf",
		  timed_unit[] = "whittle@.service", timer_unit[] = "whittle@.timer",
		  cron_mark[] = " # whittle";
static const char *const timed[] = {"auto", "jobs"};

struct boot {
	struct app *a;
	enum manager manager;
	bool user;        /* systemd: the user's own manager */
	const char *root; /* where another system's files are, "" for this one's */
	struct container *c;
	size_t n;   /* those that start by themselves here */
	bool timed; /* something is to be done at certain times */
};

/* ---- what this host is like ---- */

static bool
has_file(const struct boot *b, const char *path)
{
	return access(pool_printf("%s%s", b->root, path), F_OK) == 0;
}

static enum manager
find_manager(const struct boot *b)
{
	if (*b->root
		? has_file(b, "/lib/systemd/systemd") || has_file(b, "/usr/lib/systemd/systemd")
		: access("/run/systemd/system", F_OK) == 0)
		return SYSTEMD;
	return has_file(b, "/sbin/openrc-run") || has_file(b, "/usr/sbin/openrc-run") ? OPENRC
										      : CRON;
}

/* The variables that d finds its settings, state and engine by: at boot nobody sets them. */
static void
environment(struct app *a, struct words *out)
{
	static const char *const names[] = {"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
	    "WHITTLE_CONTAINERS", "WHITTLE_ENGINE", "WHITTLE_SETTINGS", "WHITTLE_STATE",
	    "WHITTLE_VOLUMES", "ENGINE", "CONTAINER_HOST", "CONTAINERS_STORAGE_CONF",
	    "DOCKER_CONTEXT", "DOCKER_HOST"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			words_addf(out, "%s=%s", names[i], value);
	}
	if (a->host.project)
		words_addf(out, "WHITTLE_HOME=%s", a->host.project);
}

static int
collect(struct boot *b)
{
	struct app *a = b->a;

	b->c = pool_zero(a->places.n + 1, sizeof(*b->c));
	for (size_t i = 0; i < a->places.n; i++) {
		struct container *c = &b->c[b->n];

		if (describe(a, &a->places.v[i], false, c))
			return -1;
		b->timed |= c->update.at != NULL;
		for (size_t k = 0; k < c->jobs.n; k++)
			b->timed |= c->jobs.v[k].at != NULL;
		b->n += wave_is_here(c);
	}
	return 0;
}

/* Everything that has to be mounted first; what is below another is waited for with it. */
static void
needed_paths(struct boot *b, struct words *out)
{
	struct app *a = b->a;
	struct strbuf graph = STRBUF_INIT;
	struct words all = {0};

	words_add(&all, a->host.vol_base);
	words_add(&all, a->host.state);
	if (a->host.project)
		words_add(&all, a->host.project);
	words_add_all(&all, &a->host.directories);
	for (size_t i = 0; i < b->n; i++)
		mounts_sources(&b->c[i], &all);
	/* docker's own unit waits for its storage. */
	if (a->engine.kind == PODMAN && engine_try(&a->engine, &graph, "info", "--format",
					    "{{.Store.GraphRoot}}", NULL) == 0)
		words_add(&all, engine_last_line(&graph));
	strbuf_free(&graph);
	words_sort(&all); /* what is above others comes before them */
	for (size_t i = 0; i < all.n; i++) {
		bool covered = all.w[i][0] != '/';

		for (size_t k = 0; k < out->n && !covered; k++)
			covered = path_below(out->w[k], all.w[i]) != NULL;
		if (!covered)
			words_add(out, all.w[i]);
	}
}

/* ---- systemd ---- */

static void
gather_facts(struct boot *b, struct unit_facts *f)
{
	*f = (struct unit_facts){.program = program_path(),
	    .user = b->user,
	    .docker = b->a->engine.kind == DOCKER && !b->user};
	environment(b->a, &f->env);
	needed_paths(b, &f->paths);
}

static const char *
config_directory(const struct boot *b)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (!b->user)
		return pool_printf("%s/etc/systemd/system", b->root);
	return config && *config ? pool_printf("%s/systemd/user", config)
				 : pool_printf("%s/.config/systemd/user", home ? home : "");
}

static const char *
unit_path(const struct boot *b, const char *name)
{
	return pool_printf("%s/%s", config_directory(b), name);
}

static int
systemctl(const struct boot *b, const char *verb, const char *what)
{
	struct words args = {0};
	struct strbuf err = STRBUF_INIT;
	int status;

	words_add(&args, "systemctl");
	if (b->user)
		words_add(&args, "--user");
	if (*b->root)
		words_addf(&args, "--root=%s", b->root);
	words_add(&args, verb);
	if (strcmp(verb, "start") == 0) /* up-all takes its time, and tells the journal */
		words_add(&args, "--no-block");
	if (what)
		words_add(&args, what);
	status = run(&(struct run){.argv = (const char *const *)args.w,
	    .discard_out = 1,
	    .err = &err,
	    .timeout_ms = 60000});
	if (status > 1 || (status && strcmp(verb, "is-enabled") != 0))
		report("systemctl %s failed: %s", verb, engine_gist(&err));
	strbuf_free(&err);
	return status;
}

/* ---- OpenRC ---- */

static void
openrc_script(struct boot *b, struct strbuf *out)
{
	struct words env = {0}, self = {0};
	struct strbuf line = STRBUF_INIT;

	environment(b->a, &env);
	words_add(&self, program_path());
	strbuf_puts(out,
	    "#!/sbin/openrc-run\n# Made by \"d enable\"; \"d disable\" removes it.\n"
	    "description=\"containers that d starts by itself\"\n");
	for (size_t i = 0; i < env.n; i++) {
		struct words one = {0};
		const char *value = strchr(env.w[i], '=') + 1;

		words_add(&one, value);
		strbuf_cut(&line, 0);
		words_quote(&one, &line);
		strbuf_printf(
		    out, "export %.*s%s\n", (int)(value - env.w[i]), env.w[i], line.s);
	}
	strbuf_cut(&line, 0);
	words_quote(&self, &line);
	strbuf_printf(out,
	    "\n# Nothing is needed: Debian's OpenRC has neither localmount nor net, but "
	    "sysvinit's "
	    "scripts.\n"
	    "depend() {\n\tuse localmount net netmount %s\n"
	    "\tafter mountall.sh mountnfs.sh networking cgroups firewall\n}\n"
	    "\n# OpenRC doesn't stop what didn't start, and most of them did.\n"
	    "start() {\n\tebegin \"Starting containers\"\n\t%s up-all\n\teend $? || :\n}\n"
	    "\nstop() {\n\tebegin \"Stopping containers\"\n\t%s down-all\n\teend $?\n}\n",
	    b->a->engine.kind == DOCKER ? "docker" : "dns", line.s, line.s);
	strbuf_free(&line);
}

static const char *
openrc_path(const struct boot *b)
{
	return pool_printf("%s/etc/init.d/whittle", b->root);
}

static const char *
openrc_link(const struct boot *b)
{
	return pool_printf("%s/etc/runlevels/default/whittle", b->root);
}

/* ---- cron ---- */

/* crontab(5): the first % that isn't behind a backslash ends the command. */
static void
put_cron_line(struct boot *b, struct strbuf *out, const char *when, const char *verb)
{
	struct words words = {0};
	struct strbuf line = STRBUF_INIT;

	words_add(&words, "env");
	environment(b->a, &words);
	words_add(&words, program_path());
	words_add(&words, verb);
	words_quote(&words, &line);
	strbuf_printf(out, "%s ", when);
	for (const char *p = line.s; *p; p++) {
		if (*p == '%')
			strbuf_putc(out, '\\');
		strbuf_putc(out, *p);
	}
	strbuf_printf(out, "%s\n", cron_mark);
	strbuf_free(&line);
}

/* Our lines: what starts at boot, where nothing else does that, and what is done at certain
 * times, where something is. */
static char *
cron_lines(struct boot *b)
{
	struct strbuf out = STRBUF_INIT;
	char *got;

	if (b->manager == CRON)
		put_cron_line(b, &out, "@reboot", "up-all");
	for (size_t i = 0; b->timed && i < 2; i++)
		put_cron_line(b, &out, "*/5 * * * *", timed[i]);
	got = pool_dup(out.s ? out.s : "");
	strbuf_free(&out);
	return got;
}

static bool
ends_with_mark(const char *line, size_t len)
{
	size_t mark = strlen(cron_mark);

	return len >= mark && memcmp(line + len - mark, cron_mark, mark) == 0;
}

/* What the programs that there are say of a user who has no crontab yet. */
static bool
says_none(const struct strbuf *err)
{
	return err->s && (strstr(err->s, "no crontab") || strstr(err->s, "no fcrontab") ||
			     strstr(err->s, "No such file"));
}

/*
 * The user's crontab without our lines, which *ours gets. -1 where there is no cron; 1, after a
 * message, where it can't be read: what is written then would take the user's own lines away.
 */
static int
crontab_read(struct strbuf *others, const char **ours)
{
	static const char *const argv[] = {"crontab", "-l", NULL};
	struct strbuf all = STRBUF_INIT, err = STRBUF_INIT;
	int status =
	    run(&(struct run){.argv = argv, .out = &all, .err = &err, .timeout_ms = 30000});
	bool none = status == 1 && !all.len && says_none(&err);

	*ours = "";
	if (status && !none) {
		bool there = status > 0 && status != 126 && status != 127;

		if (there)
			report(
			    "crontab -l failed with status %d: %s", status, engine_gist(&err));
		strbuf_free(&err);
		strbuf_free(&all);
		return there ? 1 : -1;
	}
	strbuf_free(&err);
	for (const char *p = all.s; p && *p;) {
		size_t len = strcspn(p, "\n");

		if (ends_with_mark(p, len)) {
			*ours = pool_printf("%s%.*s\n", *ours, (int)len, p);
		} else {
			strbuf_add(others, p, len);
			strbuf_putc(others, '\n');
		}
		p += len + (p[len] == '\n');
	}
	strbuf_free(&all);
	return 0;
}

static int
crontab_write(const struct strbuf *text)
{
	static const char *const argv[] = {"crontab", "-", NULL};
	struct strbuf err = STRBUF_INIT;
	int status = run(&(struct run){.argv = argv,
	    .in = text->s ? text->s : "",
	    .in_len = text->len,
	    .err = &err,
	    .timeout_ms = 10000});

	if (status)
		report("crontab failed: %s", engine_gist(&err));
	strbuf_free(&err);
	return status ? -1 : 0;
}

/* ---- files ---- */

/* Whether the file holds exactly that text. */
static bool
holds(const char *path, const struct strbuf *text)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct strbuf now = STRBUF_INIT;
	bool same;

	same = fd >= 0 && file_read(fd, text->len, &now) == 0 && now.len == text->len &&
	       memcmp(now.s, text->s, now.len) == 0;
	strbuf_free(&now);
	return same;
}

static int
put_file(const char *directory, const char *path, const struct strbuf *text, mode_t mode)
{
	const struct new_file f = {.bytes = text->s, .n = text->len, .mode = mode};

	if (make_directories(directory, 0755) || file_replace(AT_FDCWD, path, &f, NULL)) {
		report("write '%s':", path);
		return -1;
	}
	say("WROTE", "%s", path);
	return 0;
}

static int
remove_file(const char *path)
{
	if (unlink(path) && errno != ENOENT) {
		report("remove '%s':", path);
		return -1;
	}
	return 0;
}

/* ---- what is wrong ---- */

struct findings {
	int n;
};

static void finding(struct findings *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void
finding(struct findings *f, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT, shown = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	strbuf_put_visible(&shown, b.s, b.len);
	printf("%s\n", shown.s);
	strbuf_free(&shown);
	strbuf_free(&b);
	f->n++;
}

/* loginctl(1) keeps a file for each user whose manager starts at boot. */
static void
look_at_linger(const struct boot *b, struct findings *f)
{
	const struct passwd *me = getpwuid(geteuid());

	if (geteuid() == 0 || !me || b->manager != SYSTEMD ||
	    has_file(b, pool_printf("/var/lib/systemd/linger/%s", me->pw_name)))
		return;
	finding(f,
	    "user %s doesn't linger: containers start with the first login and end with the "
	    "last session; loginctl enable-linger %s",
	    me->pw_name, me->pw_name);
}

/* The policy is the engine's: docker's daemon keeps to it at boot, podman has no daemon. */
static void
look_at_policies(const struct boot *b, struct findings *f)
{
	struct app *a = b->a;
	struct container c;

	if (a->engine.kind == DOCKER)
		return;
	for (size_t i = 0; i < a->places.n; i++) {
		if (describe(a, &a->places.v[i], false, &c) || wave_is_here(&c) ||
		    (strcmp(c.restart, "always") != 0 &&
			strcmp(c.restart, "unless-stopped") != 0))
			continue;
		finding(f,
		    "%s: 'restart: %s' doesn't survive a reboot with podman; 'autostart: 1' "
		    "does",
		    c.key, c.restart);
	}
}

static void
look_at_manager(struct boot *b, struct findings *f)
{
	struct strbuf want = STRBUF_INIT, others = STRBUF_INIT;
	struct unit_facts facts;
	const char *path, *lines;
	bool there = false, same = false;

	switch (b->manager) {
	case SYSTEMD:
		gather_facts(b, &facts);
		unit_of_boot(&facts, &want);
		path = unit_path(b, unit);
		there = access(path, F_OK) == 0 && systemctl(b, "is-enabled", unit) == 0;
		same = holds(path, &want);
		strbuf_cut(&want, 0);
		unit_of_stop(&facts, &want);
		same = same && holds(unit_path(b, stop_unit), &want);
		strbuf_cut(&want, 0);
		unit_of_scopes(&facts, &want);
		same = same && holds(unit_path(b, scopes_unit), &want);
		break;
	case OPENRC:
		openrc_script(b, &want);
		there = faccessat(AT_FDCWD, openrc_link(b), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		same = holds(openrc_path(b), &want);
		break;
	case CRON:
		there = crontab_read(&others, &lines) == 0 && strstr(lines, "@reboot ");
		same = there && strcmp(lines, cron_lines(b)) == 0;
		break;
	}
	if (!there && b->n)
		finding(f, "%zu container%s to start at boot, and nothing does that: d enable",
		    b->n, b->n == 1 ? " is" : "s are");
	else if (there && !same)
		finding(
		    f, "what starts containers at boot was made for other settings: d enable");
	strbuf_free(&want);
	strbuf_free(&others);
}

/* By systemd's timers, or by cron. */
static void
look_at_timers(struct boot *b, struct findings *f)
{
	struct strbuf want = STRBUF_INIT, others = STRBUF_INIT;
	struct unit_facts facts;
	const char *lines;
	bool there = true;

	if (b->manager == SYSTEMD) {
		gather_facts(b, &facts);
		unit_of_timed(&facts, &want);
		there = holds(unit_path(b, timed_unit), &want);
		for (size_t i = 0; i < 2; i++)
			there = there && systemctl(b, "is-enabled",
					     pool_printf("whittle@%s.timer", timed[i])) == 0;
	} else {
		there = crontab_read(&others, &lines) == 0 && *lines &&
			strstr(lines, cron_lines(b));
	}
	if (!there)
		finding(f,
		    "containers have jobs or updates at certain times, and nothing starts "
		    "them: d enable");
	strbuf_free(&want);
	strbuf_free(&others);
}

/* Whether what has to start at boot will. */
static int
look(struct boot *b)
{
	struct findings f = {0};

	if (b->n) {
		look_at_manager(b, &f);
		look_at_linger(b, &f);
	}
	if (b->timed)
		look_at_timers(b, &f);
	look_at_policies(b, &f);
	return f.n ? EXIT_NO : EXIT_YES;
}

/* ---- enable, disable ---- */

static int
put_unit(struct boot *b, const char *name,
    void (*text_of)(const struct unit_facts *, struct strbuf *))
{
	struct unit_facts facts;
	struct strbuf text = STRBUF_INIT;
	const char *path;
	int bad;

	gather_facts(b, &facts);
	text_of(&facts, &text);
	path = unit_path(b, name);
	bad = put_file(pool_dupn(path, (size_t)(strrchr(path, '/') - path)), path, &text, 0644);
	strbuf_free(&text);
	return bad;
}

/* Versions before this one wrote beside a unit that was installed what differs here. */
static int
remove_drop_in(const struct boot *b, const char *name)
{
	const char *directory = pool_printf("%s.d", unit_path(b, name));
	int bad = remove_file(pool_printf("%s/host.conf", directory));

	rmdir(directory);
	return bad;
}

static int
reload(const struct boot *b)
{
	return *b->root ? 0 : systemctl(b, "daemon-reload", NULL);
}

static int
enable_systemd(struct boot *b)
{
	if (put_unit(b, scopes_unit, unit_of_scopes) || put_unit(b, stop_unit, unit_of_stop) ||
	    put_unit(b, unit, unit_of_boot) || remove_drop_in(b, unit))
		return -1;
	/* The unit stays where that fails: what an earlier run enabled starts by it. Only a
	 * unit that has been started is stopped at the shutdown. */
	return reload(b) || systemctl(b, "enable", unit) ||
		       (!*b->root &&
			   (systemctl(b, "start", stop_unit) || systemctl(b, "start", unit)))
		   ? -1
		   : 0;
}

static bool
is_there(const struct boot *b, const char *name, const char *target)
{
	const char *link = pool_printf("%s/%s.wants/%s", config_directory(b), target, name);

	return access(unit_path(b, name), F_OK) == 0 ||
	       faccessat(AT_FDCWD, link, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
disable_systemd(struct boot *b)
{
	int bad = 0;

	if (is_there(b, unit, b->user ? "default.target" : "multi-user.target"))
		bad = systemctl(b, "disable", unit);
	bad = bad || remove_file(unit_path(b, unit)) || remove_file(unit_path(b, stop_unit)) ||
	      remove_file(unit_path(b, scopes_unit));
	rmdir(unit_path(b, scopes));
	return bad || remove_drop_in(b, unit) || reload(b) ? -1 : 0;
}

static int
timers_do(struct boot *b, const char *verb)
{
	int bad = 0;

	for (size_t i = 0; i < 2 && !bad; i++)
		bad = systemctl(b, verb, pool_printf("whittle@%s.timer", timed[i]));
	return bad;
}

/* Where nothing is to be done at certain times any more, that is taken away. */
static int
timers_systemd(struct boot *b, bool wanted)
{
	if (wanted)
		return put_unit(b, timed_unit, unit_of_timed) ||
			       put_unit(b, timer_unit, unit_of_timer) ||
			       remove_drop_in(b, timed_unit) || reload(b) ||
			       timers_do(b, "enable") || (!*b->root && timers_do(b, "start"))
			   ? -1
			   : 0;
	if (!is_there(b, "whittle@auto.timer", "timers.target") &&
	    !is_there(b, timer_unit, "timers.target"))
		return 0;
	return timers_do(b, "disable") || (!*b->root && timers_do(b, "stop")) ||
		       remove_file(unit_path(b, timer_unit)) ||
		       remove_file(unit_path(b, timed_unit)) || remove_drop_in(b, timed_unit) ||
		       reload(b)
		   ? -1
		   : 0;
}

static int
timers_cron(struct boot *b, bool wanted)
{
	struct strbuf text = STRBUF_INIT;
	const char *ours, *lines = wanted ? cron_lines(b) : "";
	int bad = crontab_read(&text, &ours);

	if (bad > 0) {
		strbuf_free(&text);
		return -1;
	}
	if (bad && *lines)
		report("crontab isn't there: something has to run 'd auto' and 'd jobs' every "
		       "five minutes");
	else if (bad || strcmp(ours, lines) == 0)
		bad = 0;
	else {
		strbuf_puts(&text, lines);
		bad = crontab_write(&text);
		if (!bad && *lines)
			say("WROTE", "crontab: %s", lines);
	}
	strbuf_free(&text);
	return bad;
}

/* On a host that runs by it: only a service that has been started is stopped at the shutdown.
 */
static int
openrc_start(const struct boot *b)
{
	static const char *const argv[] = {"rc-service", "whittle", "start", NULL};
	int status;

	if (*b->root || access("/run/openrc/softlevel", F_OK))
		return 0;
	status = run(&(struct run){.argv = argv});
	if (status)
		report("rc-service whittle start failed with status %d", status);
	return status ? -1 : 0;
}

static int
enable_openrc(struct boot *b)
{
	struct strbuf text = STRBUF_INIT;
	int bad;

	openrc_script(b, &text);
	bad = put_file(pool_printf("%s/etc/init.d", b->root), openrc_path(b), &text, 0755);
	strbuf_free(&text);
	if (bad)
		return -1;
	/* What "rc-update add whittle default" does. */
	if (make_directories(pool_printf("%s/etc/runlevels/default", b->root), 0755) ||
	    (symlink("/etc/init.d/whittle", openrc_link(b)) && errno != EEXIST)) {
		report("create '%s':", openrc_link(b));
		return -1;
	}
	return openrc_start(b);
}

static int
enable_cron(struct boot *b)
{
	struct strbuf text = STRBUF_INIT;
	const char *ours;
	int bad = crontab_read(&text, &ours);

	strbuf_free(&text);
	if (bad < 0) {
		report("neither systemd nor OpenRC nor crontab is there: whatever starts this "
		       "host's services has to run 'd up-all'");
		return -1;
	}
	return bad ? -1 : timers_cron(b, true);
}

static int
enable(struct boot *b)
{
	int bad = b->manager == SYSTEMD  ? enable_systemd(b)
		  : b->manager == OPENRC ? enable_openrc(b)
					 : enable_cron(b);

	if (!bad && b->manager == SYSTEMD)
		bad = timers_systemd(b, b->timed);
	else if (!bad && b->manager == OPENRC && (b->timed || !*b->root))
		bad = timers_cron(b, b->timed);
	if (bad)
		return EXIT_TROUBLE;
	if (!b->n)
		report("no container has a wave here (autostart): nothing starts yet");
	return look(b);
}

static int
disable(struct boot *b)
{
	int bad = 0;

	switch (b->manager) {
	case SYSTEMD:
		bad = timers_systemd(b, false) || disable_systemd(b);
		break;
	case OPENRC:
		bad = remove_file(openrc_link(b)) || remove_file(openrc_path(b)) ||
		      (!*b->root && timers_cron(b, false));
		break;
	case CRON:
		bad = timers_cron(b, false);
		break;
	}
	return bad ? EXIT_TROUBLE : EXIT_YES;
}

/* ---- the verbs ---- */

static int
take_manager(struct boot *b, const char *by)
{
	b->manager = find_manager(b);
	for (size_t i = 0; by && i < 3; i++)
		if (strcmp(by, manager_names[i]) == 0) {
			b->manager = (enum manager)i;
			by = NULL;
		}
	if (by)
		report("--by is systemd, openrc or cron");
	else if (b->manager == OPENRC && geteuid() != 0)
		report("only root can add services to OpenRC; use --by cron");
	else if (b->manager == CRON && *b->root)
		report("cron's tables can't be changed below --root");
	else
		return 0;
	return -1;
}

static int
boot_begin(struct app *a, int argc, char **argv, const struct option_of *options,
    const char *const *root, const char *const *by, struct boot *b)
{
	argc = take_options(a, argc, &argv, options, false);
	if (argc) {
		if (argc > 0)
			usage(a);
		return -1;
	}
	*b = (struct boot){.a = a, .root = *root ? *root : "", .user = geteuid() != 0};
	if (*b->root && *b->root != '/') {
		report("--root '%s' isn't an absolute path", b->root);
		return -1;
	}
	return take_manager(b, *by);
}

int
do_enable(struct app *a, int argc, char **argv)
{
	bool dry = false;
	const char *root = NULL, *by = NULL;
	const struct option_of options[] = {
	    SWITCH('n', "dry-run", dry), VALUED(0, "root", root), VALUED(0, "by", by), NO_MORE};
	struct boot b;

	if (boot_begin(a, argc, argv, options, &root, &by, &b) || collect(&b))
		return EXIT_TROUBLE;
	return dry ? look(&b) : enable(&b);
}

int
do_disable(struct app *a, int argc, char **argv)
{
	const char *root = NULL, *by = NULL;
	const struct option_of options[] = {
	    VALUED(0, "root", root), VALUED(0, "by", by), NO_MORE};
	struct boot b;

	/* Whatever the containers' settings are. */
	if (boot_begin(a, argc, argv, options, &root, &by, &b))
		return EXIT_TROUBLE;
	return disable(&b);
}
