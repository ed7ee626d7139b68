/* setup: gives a user, or docker, a free range of ids, and takes it back. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "digest.h"
#include "etcfile.h"
#include "report.h"
#include "source.h"
#include "state.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

enum { OPTION_SIZE = 256, OPTION_UNDO };
enum { SIZE_DEFAULT = 65536, FIRST_DEFAULT = 100000, LAST_DEFAULT = 600100000 };
static const char daemon_file[] = "daemon.json";
static const char remap_key[] = "userns-remap";

struct request {
	const char *who, *root_path;
	bool docker, dry, yes, undo;
	uint32_t size;
};

/* What is to be done; NULL where nothing is. */
struct plan {
	char *owner;           /* as the lines name it */
	char *subuid, *subgid; /* a line each, without newline: to be added, or removed */
	char *daemon;          /* daemon.json as it is to be; "" for none */
	char *daemon_before;   /* as it is; "" for none */
};

static void
plan_free(struct plan *p)
{
	free(p->owner);
	free(p->subuid);
	free(p->subgid);
	free(p->daemon);
	free(p->daemon_before);
	*p = (struct plan){0};
}

static bool
plan_is_empty(const struct plan *p)
{
	return !p->subuid && !p->subgid && !p->daemon;
}

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
plans_agree(const struct plan *a, const struct plan *b)
{
	return same(a->subuid, b->subuid) && same(a->subgid, b->subgid) &&
	       same(a->daemon, b->daemon) && same(a->daemon_before, b->daemon_before);
}

/* --- a free range --- */

/* A setting of login.defs(5), or its default. */
static uint32_t
login_number(int root, const char *key, uint32_t otherwise)
{
	cleanup_fd int fd = open_in_root(root, "etc/login.defs", O_RDONLY, 0);
	struct accounts lines;
	size_t i, n = strlen(key);
	uint32_t value = otherwise;

	if (fd < 0 || accounts_read(fd, &lines))
		return otherwise;
	for (i = 0; i < lines.count; i++) {
		const char *text = lines.line[i].text + strspn(lines.line[i].text, " \t");
		size_t blanks;

		if (strncmp(text, key, n) != 0 || (blanks = strspn(text + n, " \t")) == 0)
			continue;
		text += n + blanks;
		{
			cleanup_free char *word = xstrndup(text, strspn(text, "0123456789"));

			account_id(word, &value);
		}
	}
	accounts_free(&lines);
	return value;
}

/* Where the first thing that meets [first, end) ends; first itself where nothing does. */
static uint64_t
behind_subids(const struct subids *s, uint64_t first, uint64_t end)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->entry[i].first < end && subid_end(&s->entry[i]) > first)
			return subid_end(&s->entry[i]);
	return first;
}

static uint64_t
behind_accounts(const struct accounts *a, uint64_t first, uint64_t end)
{
	uid_t id;
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->line[i].fields > 2 && account_id(a->line[i].field[2], &id) == 0 &&
		    id >= first && id < end)
			return (uint64_t)id + 1;
	return first;
}

/* The first range of that size that nobody has, in users and groups alike, so that both
 * can be the same. Returns 0 where there is none. */
static uint32_t
free_range(const struct userns_files *f, int root, uint32_t size)
{
	uint64_t first = login_number(root, "SUB_UID_MIN", FIRST_DEFAULT);
	uint64_t last = login_number(root, "SUB_UID_MAX", LAST_DEFAULT);
	uint64_t next;

	for (; first + size <= last + 1 && first + size <= UINT32_MAX; first = next) {
		uint64_t end = first + size;

		next = behind_subids(&f->subuid, first, end);
		if (next == first)
			next = behind_subids(&f->subgid, first, end);
		if (next == first)
			next = behind_accounts(&f->passwd, first, end);
		if (next == first)
			next = behind_accounts(&f->group, first, end);
		if (next == first)
			return (uint32_t)first;
	}
	return 0;
}

/* --- planning --- */

/* How many ids a user has, and whether by number: docker takes those alone then. */
static uint64_t
ids_of(const struct subids *s, const char *name, const char *number, bool *by_number)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < s->count; i++) {
		bool num = strcmp(s->entry[i].owner, number) == 0;

		if (num || strcmp(s->entry[i].owner, name) == 0)
			n += s->entry[i].count;
		*by_number = *by_number || num;
	}
	return n;
}

/* Where one file alone lacks that many ids: the range that stands in the other, if it is
 * free here as well. So it is after a kill between the two. Returns 0 where there is none. */
static uint32_t
range_of_the_other(const struct subids *other, const struct subids *here,
    const struct accounts *accounts, const char *name, const char *number, uint32_t count)
{
	size_t i;

	for (i = 0; i < other->count; i++) {
		const struct subid *e = &other->entry[i];

		if ((strcmp(e->owner, name) == 0 || strcmp(e->owner, number) == 0) &&
		    e->count == count &&
		    behind_subids(here, e->first, subid_end(e)) == e->first &&
		    behind_accounts(accounts, e->first, subid_end(e)) == e->first)
			return e->first;
	}
	return 0;
}

static int
plan_ranges(const struct userns_files *f, int root, const struct request *r, struct plan *p)
{
	bool by_number = false;
	uid_t uid;
	bool known = accounts_lookup(&f->passwd, p->owner, &uid) == 0;
	cleanup_free char *number = known ? xasprintf("%u", (unsigned)uid) : xstrdup("");
	uint64_t uids = ids_of(&f->subuid, p->owner, number, &by_number);
	uint64_t gids = ids_of(&f->subgid, p->owner, number, &by_number);
	uint64_t has = uids < gids ? uids : gids;
	const char *owner = by_number ? number : p->owner;
	uint32_t first = 0, count;

	/* "containers" is whose ids root's podman takes for --userns=auto; nobody is that. */
	if (!known && !r->docker && strcmp(p->owner, "containers") != 0) {
		report("no user '%s'", p->owner);
		return -1;
	}
	if (has >= r->size)
		return 0;
	count = (uint32_t)(r->size - has);
	if (uids >= r->size)
		first = range_of_the_other(
		    &f->subuid, &f->subgid, &f->group, p->owner, number, count);
	else if (gids >= r->size)
		first = range_of_the_other(
		    &f->subgid, &f->subuid, &f->passwd, p->owner, number, count);
	if (!first)
		first = free_range(f, root, count);
	if (!first) {
		report("no contiguous range of %u ids is free", count);
		return -1;
	}
	if (uids < r->size)
		p->subuid = xasprintf("%s:%u:%u", owner, first, count);
	if (gids < r->size)
		p->subgid = xasprintf("%s:%u:%u", owner, first, count);
	return 0;
}

static json_t *
parse_daemon(const char *text)
{
	json_error_t error;
	json_t *all = *text ? json_loads(text, JSON_REJECT_DUPLICATES, &error) : json_object();

	if (json_is_object(all))
		return all;
	report("/etc/docker/daemon.json:%d: %s", all ? 1 : error.line,
	    all ? "no object" : error.text);
	json_decref(all);
	return NULL;
}

/* The text with the setting put first: all else stays as its author laid it out. */
static char *
with_remap(const char *text, bool empty)
{
	const char *brace = strchr(text, '{');

	if (!brace)
		return xasprintf("{\n    \"%s\": \"default\"\n}\n", remap_key);
	return xasprintf("%.*s{\n    \"%s\": \"default\"%s%s", (int)(brace - text), text,
	    remap_key, empty ? "\n" : ",", brace + 1);
}

/* Whose ranges docker uses, and daemon.json with userns-remap where it has none. */
static int
plan_docker(int docker, struct plan *p)
{
	struct strbuf text = STRBUF_INIT;
	const char *setting;
	json_t *all;
	int bad = docker >= 0 ? etc_read(docker, daemon_file, &text) : 0;

	strbuf_puts(&text, "");
	all = bad ? NULL : parse_daemon(text.s);
	if (all) {
		setting = json_string_value(json_object_get(all, remap_key));
		if (setting && *setting && strcmp(setting, "default") != 0)
			p->owner = xstrndup(setting, strcspn(setting, ":"));
		if (!setting || !*setting)
			p->daemon = with_remap(text.s, json_object_size(all) == 0);
		p->daemon_before = xstrdup(text.s);
	}
	if (all && json_object_get(all, remap_key) && !(setting && *setting)) {
		report("/etc/docker/daemon.json: userns-remap is there, but empty: take it out "
		       "first");
		json_decref(all);
		all = NULL;
	}
	bad = !all;
	json_decref(all);
	strbuf_free(&text);
	return bad ? -1 : 0;
}

static int
open_docker(int root)
{
	return open_in_root(root, "etc/docker", O_RDONLY | O_DIRECTORY, 0);
}

static int
make_plan(int root, const struct request *r, struct plan *p)
{
	cleanup_fd int docker = open_docker(root);
	struct userns_files f;
	struct strbuf why = STRBUF_INIT;
	int bad = userns_files_read(&f, root, &why);

	*p = (struct plan){0};
	if (bad)
		report("%s: fix that first", why.s);
	if (!bad && r->docker)
		bad = plan_docker(docker, p);
	if (!p->owner)
		p->owner = xstrdup(r->docker ? "dockremap" : r->who);
	if (!bad)
		bad = plan_ranges(&f, root, r, p);
	userns_files_free(&f);
	strbuf_free(&why);
	return bad;
}

/* --- what was given, kept for --undo --- */

static char *
record_name(const struct request *r)
{
	cleanup_free char *root = realpath(r->root_path ? r->root_path : "/", NULL);
	char hex[SHA256_HEX];

	sha256_bytes(root ? root : "", root ? strlen(root) : 0, hex);
	hex[16] = '\0';
	return xasprintf("setup-%s-%s.json", r->who, hex);
}

static json_t *
load_record(int state, const char *name)
{
	cleanup_fd int fd = openat(state, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	json_error_t error;

	return fd < 0 ? NULL : json_loadfd(fd, 0, &error);
}

static void
append_line(json_t *record, const char *key, const char *line)
{
	json_t *list = json_object_get(record, key);

	if (!list) {
		list = json_array();
		json_object_set_new(record, key, list);
	}
	if (line)
		json_array_append_new(list, json_string(line));
}

/* Before anything is changed, so that no kill leaves a change that can't be undone. */
static int
save_record(int state, const char *name, const struct plan *p)
{
	json_t *record = load_record(state, name);
	struct strbuf text = STRBUF_INIT;
	char *dump;
	int bad;

	if (!json_is_object(record))
		record = json_object();
	append_line(record, "subuid", p->subuid);
	append_line(record, "subgid", p->subgid);
	if (p->daemon) {
		json_object_set_new(record, "daemon_before", json_string(p->daemon_before));
		json_object_set_new(record, "daemon_after", json_string(p->daemon));
	}
	dump = json_dumps(record, JSON_INDENT(2));
	strbuf_printf(&text, "%s\n", dump);
	bad = etc_replace(state, name, &text, 0600, 0);
	free(dump);
	json_decref(record);
	strbuf_free(&text);
	return bad;
}

/* --- carrying out --- */

/* The text without the first line that is exactly this one. */
static bool
remove_line(struct strbuf *text, const char *line)
{
	size_t n = strlen(line);
	char *p = text->s;

	while (*p) {
		size_t len = strcspn(p, "\n");

		if (len == n && strncmp(p, line, n) == 0) {
			char *rest = p + len + (p[len] == '\n');

			memmove(p, rest, strlen(rest) + 1);
			strbuf_cut(text, strlen(text->s));
			return true;
		}
		p += len + (p[len] == '\n');
	}
	return false;
}

static int
edit_subids(int etc, const char *name, const char *line, bool undo)
{
	struct strbuf text = STRBUF_INIT;
	int bad;

	if (!line)
		return 0;
	bad = etc_read(etc, name, &text);
	if (!bad && undo) {
		if (remove_line(&text, line))
			bad = etc_replace(etc, name, &text, 0644, 1);
	} else if (!bad) {
		if (text.len && text.s[text.len - 1] != '\n')
			strbuf_putc(&text, '\n');
		strbuf_printf(&text, "%s\n", line);
		bad = etc_replace(etc, name, &text, 0644, 1);
	}
	strbuf_free(&text);
	return bad;
}

static int
edit_daemon(int root, int etc, const char *to)
{
	cleanup_fd int docker = -1;
	struct strbuf text = STRBUF_INIT;
	int bad;

	if (!to)
		return 0;
	if (mkdirat(etc, "docker", 0755) && errno != EEXIST) {
		report("make '/etc/docker':");
		return -1;
	}
	docker = open_docker(root);
	if (docker < 0) {
		report("open '/etc/docker':");
		return -1;
	}
	if (!*to)
		return unlinkat(docker, daemon_file, 0) && errno != ENOENT ? -1 : 0;
	strbuf_puts(&text, to);
	bad = etc_replace(docker, daemon_file, &text, 0644, 0);
	strbuf_free(&text);
	return bad;
}

static int
apply(int root, int etc, const struct plan *p, bool undo)
{
	return edit_subids(etc, "subuid", p->subuid, undo) ||
		       edit_subids(etc, "subgid", p->subgid, undo) ||
		       edit_daemon(root, etc, p->daemon)
		   ? -1
		   : 0;
}

/* --- asking --- */

static void
print_line(const char *file, char sign, const char *line)
{
	if (line)
		printf("/etc/%s: %c%s\n", file, sign, line);
}

static void
print_plan(const struct plan *p, bool undo)
{
	char sign = undo ? '-' : '+';

	print_line("subuid", sign, p->subuid);
	print_line("subgid", sign, p->subgid);
	if (p->daemon)
		printf("/etc/docker/daemon.json: %c\"%s\": \"default\"\n", sign, remap_key);
	fflush(stdout);
}

/* Returns EXIT_YES to go on. */
static int
confirm(const struct request *r)
{
	char answer[16] = "";

	if (r->yes)
		return EXIT_YES;
	if (!isatty(STDIN_FILENO)) {
		report("standard input is not a terminal; use --yes");
		return EXIT_TROUBLE;
	}
	printf("do it? [y/N] ");
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y'))
		return EXIT_YES;
	return EXIT_NO;
}

/* --- the verb --- */

static int
give(int root, int etc, const struct request *r)
{
	cleanup_free char *name = record_name(r);
	cleanup_fd int state = -1;
	struct plan shown, plan = {0};
	struct etc_lock lock = {-1, -1, 0};
	int status = make_plan(root, r, &shown) ? EXIT_TROUBLE : EXIT_YES;

	if (!status && plan_is_empty(&shown)) {
		printf("%s has its ids: nothing to do\n", shown.owner);
		plan_free(&shown);
		return EXIT_YES;
	}
	if (!status)
		print_plan(&shown, false);
	if (!status && !r->dry)
		status = confirm(r);
	if (status || r->dry) {
		plan_free(&shown);
		return status;
	}
	state = open_state_directory();
	if (state < 0 || etc_lock(&lock, etc)) {
		status = EXIT_TROUBLE;
	} else if (make_plan(root, r, &plan)) {
		status = EXIT_TROUBLE;
	} else if (!r->yes && !plans_agree(&shown, &plan)) {
		report("the files changed meanwhile: run it again");
		status = EXIT_NO;
	} else if (save_record(state, name, &plan) || apply(root, etc, &plan, false)) {
		status = EXIT_TROUBLE;
	} else if (r->docker) {
		puts("docker uses it once it is restarted. Its images and containers of before "
		     "stand "
		     "under another\ndirectory then, and come back when userns-remap goes.");
	}
	etc_unlock(&lock);
	plan_free(&shown);
	plan_free(&plan);
	return status;
}

/* daemon.json as it is to be after the undo; *back is NULL where it has no such setting
 * now. Returns 0, or -1 after a report(). */
static int
daemon_back(int root, const json_t *record, char **back)
{
	const char *before = json_string_value(json_object_get(record, "daemon_before"));
	const char *after = json_string_value(json_object_get(record, "daemon_after"));
	cleanup_fd int docker = open_docker(root);
	struct strbuf text = STRBUF_INIT;
	json_t *all;
	int bad;

	*back = NULL;
	if (!before || !after || (docker < 0 && errno == ENOENT))
		return 0;
	if (docker < 0)
		report("open '/etc/docker':");
	bad = docker < 0 || etc_read(docker, daemon_file, &text);
	if (!bad && strcmp(text.s, after) == 0) {
		*back = xstrdup(before);
	} else if (!bad && !(all = parse_daemon(text.s))) {
		bad = -1;
	} else if (!bad) {
		/* Others wrote it since: only the setting goes, and with it the layout. */
		if (json_object_del(all, remap_key) == 0) {
			char *dump = json_dumps(all, JSON_INDENT(4));

			*back = xasprintf("%s\n", dump);
			free(dump);
		}
		json_decref(all);
	}
	strbuf_free(&text);
	return bad ? -1 : 0;
}

static int
take_back_lines(int root, int etc, const json_t *record, bool dry)
{
	static const char *const key[] = {"subuid", "subgid"};
	struct plan p = {0};
	int bad = daemon_back(root, record, &p.daemon);
	size_t i, k;

	for (k = 0; k < 2 && !bad; k++) {
		const json_t *list = json_object_get(record, key[k]);

		for (i = 0; i < json_array_size(list) && !bad; i++) {
			const char *line = json_string_value(json_array_get(list, i));

			if (dry && line)
				print_line(key[k], '-', line);
			else
				bad = edit_subids(etc, key[k], line, true);
		}
	}
	if (dry && !bad)
		print_plan(&p, true);
	else if (!bad)
		bad = apply(root, etc, &p, true);
	plan_free(&p);
	return bad;
}

static int
take_back(int root, int etc, const struct request *r)
{
	cleanup_free char *name = record_name(r);
	cleanup_fd int state = open_state_directory();
	json_t *record = state < 0 ? NULL : load_record(state, name);
	struct etc_lock lock = {-1, -1, 0};
	int status;

	if (!record) {
		report("setup gave '%s' no range: nothing to undo", r->who);
		return EXIT_NO;
	}
	status = take_back_lines(root, etc, record, true) ? EXIT_TROUBLE : EXIT_YES;
	if (!status && !r->dry)
		status = confirm(r);
	if (!status && !r->dry) {
		if (etc_lock(&lock, etc) || take_back_lines(root, etc, record, false) ||
		    unlinkat(state, name, 0))
			status = EXIT_TROUBLE;
		etc_unlock(&lock);
	}
	json_decref(record);
	return status;
}

static void
read_request(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {{"root", required_argument, NULL, 'R'},
	    {"size", required_argument, NULL, OPTION_SIZE},
	    {"undo", no_argument, NULL, OPTION_UNDO}, {"dry-run", no_argument, NULL, 'n'},
	    {"yes", no_argument, NULL, 'y'}, {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	int c;

	*r = (struct request){.size = SIZE_DEFAULT};
	while ((c = getopt_long(argc, argv, "R:nyh", options, NULL)) != -1) {
		if (c == 'R')
			r->root_path = optarg;
		else if (c == OPTION_SIZE && account_id(optarg, &r->size) == 0 && r->size)
			continue;
		else if (c == OPTION_UNDO)
			r->undo = true;
		else if (c == 'n')
			r->dry = true;
		else if (c == 'y')
			r->yes = true;
		else if (c == 'h')
			exit(verb_usage(argv[0], EXIT_YES));
		else
			exit(verb_usage(argv[0], EXIT_TROUBLE));
	}
	if (argc - optind != 1)
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	r->who = argv[optind];
	r->docker = strcmp(r->who, "docker") == 0;
	if (!*r->who || strpbrk(r->who, ":/\n"))
		die("no user '%s'", r->who);
}

int
verb_setup(int argc, char **argv)
{
	cleanup_fd int root = -1, etc = -1;
	struct source source = {0};
	struct request r;

	read_request(argc, argv, &r);
	source.root = r.root_path;
	root = source_root(&source);
	etc = open_in_root(root, "etc", O_RDONLY | O_DIRECTORY, 0);
	if (etc < 0)
		die("open '/etc':");
	return r.undo ? take_back(root, etc, &r) : give(root, etc, &r);
}
