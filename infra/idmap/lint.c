/* lint: mistakes in subuid, subgid and what stands beside them. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "cleanup.h"
#include "mounts.h"
#include "report.h"
#include "run.h"
#include "source.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

enum { OPTION_JSON = OPTION_OWN, OPTION_NEED, OPTION_IMAGE };
enum { OVERFLOW_ID = 65534, NEED_DEFAULT = 65536 };

struct finding {
	const char *file;
	size_t line; /* 0: the file as a whole */
	char *text;
};

struct lint {
	int root;
	bool whole; /* the root is this system's own */
	uint32_t need;
	const char *need_of; /* who needs that many */
	struct accounts passwd, group;
	struct subids subuid, subgid;
	const char *parsing;
	struct finding *finding;
	size_t count;
};

static void find(struct lint *l, const char *file, size_t line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
find(struct lint *l, const char *file, size_t line, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	l->finding = xreallocarray(l->finding, l->count + 1, sizeof(*l->finding));
	l->finding[l->count++] = (struct finding){file, line, strbuf_steal(&b)};
}

/* --- reading --- */

static void
find_bad_line(size_t line, const char *what, void *arg)
{
	struct lint *l = arg;

	find(l, l->parsing, line, "%s", what);
}

static int
read_lines(const struct lint *l, const char *path, struct accounts *a)
{
	cleanup_fd int fd = open_in_root(l->root, path + 1, O_RDONLY, 0);

	memset(a, 0, sizeof(*a));
	return fd < 0 || accounts_read(fd, a) ? -1 : 0;
}

static void
read_subids(struct lint *l, const char *path, struct subids *s)
{
	cleanup_fd int fd = open_in_root(l->root, path + 1, O_RDONLY, 0);

	l->parsing = path;
	if (fd < 0 || subids_read(s, fd, find_bad_line, l) < 0)
		find(l, path, 0, "can't be read: %s", strerror(errno));
}

/* --- ranges --- */

static int
by_first(const void *a, const void *b)
{
	const struct subid *x = *(const struct subid *const *)a;
	const struct subid *y = *(const struct subid *const *)b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static void
lint_overlaps(struct lint *l, const char *file, const struct subids *s)
{
	cleanup_free const struct subid **sorted =
	    xreallocarray(NULL, s->count + 1, sizeof(*sorted));
	const struct subid *reach = NULL; /* of those so far, the one that ends last */
	size_t i;

	for (i = 0; i < s->count; i++)
		sorted[i] = &s->entry[i];
	if (s->count)
		qsort(sorted, s->count, sizeof(*sorted), by_first);
	for (i = 0; i < s->count; i++) {
		if (reach && sorted[i]->first < subid_end(reach))
			find(l, file, sorted[i]->line,
			    "the range of '%s' overlaps that of '%s' in line %zu",
			    sorted[i]->owner, reach->owner, reach->line);
		if (!reach || subid_end(sorted[i]) > subid_end(reach))
			reach = sorted[i];
	}
}

static void
lint_accounts(struct lint *l, const char *file, const struct subids *s,
    const struct accounts *accounts, const char *kind)
{
	size_t i, j;
	uid_t id;

	for (i = 0; i < s->count; i++) {
		const struct subid *e = &s->entry[i];

		for (j = 0; j < accounts->count; j++) {
			const struct account_line *a = &accounts->line[j];

			if (a->fields < 3 || account_id(a->field[2], &id) || id < e->first ||
			    id >= subid_end(e))
				continue;
			if (strcmp(a->field[0], e->owner) == 0 ||
			    strcmp(a->field[2], e->owner) == 0)
				find(l, file, e->line,
				    "the range of '%s' holds the own id of '%s', %u", e->owner,
				    a->field[0], (unsigned)id);
			else
				find(l, file, e->line,
				    "the range of '%s' holds the id of the %s '%s', %u",
				    e->owner, kind, a->field[0], (unsigned)id);
		}
		if (e->first <= OVERFLOW_ID && subid_end(e) > OVERFLOW_ID)
			find(l, file, e->line,
			    "the range of '%s' holds %d, which stands for ids that nobody has",
			    e->owner, (int)OVERFLOW_ID);
	}
}

/* --- owners --- */

/* Names that the engines know without an account. */
static bool
is_service(const char *owner)
{
	return strcmp(owner, "containers") == 0 || strcmp(owner, "dockremap") == 0;
}

/* The two ways to write an owner are one. */
static bool
same_owner(const struct lint *l, const char *a, const char *b)
{
	uid_t x, y;

	if (strcmp(a, b) == 0)
		return true;
	if (accounts_lookup(&l->passwd, a, &x) && account_id(a, &x))
		return false;
	if (accounts_lookup(&l->passwd, b, &y) && account_id(b, &y))
		return false;
	return x == y;
}

static bool
is_first(const struct lint *l, const struct subids *s, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (same_owner(l, s->entry[j].owner, s->entry[i].owner))
			return false;
	return true;
}

static uint64_t
ids_of(const struct lint *l, const struct subids *s, const char *owner)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < s->count; i++)
		if (same_owner(l, s->entry[i].owner, owner))
			n += s->entry[i].count;
	return n;
}

static void
lint_owners(struct lint *l, const char *file, const struct subids *s, const char *other_file,
    const struct subids *other)
{
	size_t i;
	uid_t id;

	for (i = 0; i < s->count; i++) {
		const struct subid *e = &s->entry[i];
		bool service = is_service(e->owner);
		uint64_t n;

		if (!is_first(l, s, i))
			continue;
		if (!service && accounts_lookup(&l->passwd, e->owner, &id) &&
		    (account_id(e->owner, &id) || !accounts_name(&l->passwd, id)))
			find(l, file, e->line, "'%s' is no user", e->owner);
		if (!ids_of(l, other, e->owner))
			find(l, file, e->line, "'%s' has no range in %s", e->owner, other_file);
		/* A user's own id is one more. */
		n = ids_of(l, s, e->owner) + !service;
		if (n < l->need)
			find(l, file, e->line, "'%s' has %llu ids, %s needs %u", e->owner,
			    (unsigned long long)n, l->need_of, l->need);
	}
}

/* docker takes a user's lines by number, and those by name only where there are none. */
static void
lint_docker(struct lint *l, const char *file, const struct subids *s)
{
	uid_t id;
	size_t i, j;

	for (i = 0; i < s->count; i++) {
		const char *owner = s->entry[i].owner;

		if (account_id(owner, &id) || !accounts_name(&l->passwd, id))
			continue;
		for (j = 0; j < s->count; j++)
			if (strcmp(s->entry[j].owner, accounts_name(&l->passwd, id)) == 0) {
				find(l, file, s->entry[j].line,
				    "'%s' has lines by number too: docker would not see this "
				    "one",
				    s->entry[j].owner);
				break;
			}
	}
}

/* --- beside the files --- */

static bool
has_capability(int fd, unsigned bit)
{
	cleanup_free char *path = xasprintf("/proc/self/fd/%d", fd);
	struct vfs_ns_cap_data cap;
	ssize_t n = getxattr(path, "security.capability", &cap, sizeof(cap));

	return n >= (ssize_t)(2 * sizeof(uint32_t)) && (cap.data[0].permitted >> bit & 1);
}

static void
lint_helper(struct lint *l, const char *path, unsigned bit)
{
	cleanup_fd int fd = open_in_root(l->root, path + 1, O_PATH, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		find(l, path, 0, "isn't there: rootless containers need it (Debian: uidmap)");
	else if (!(st.st_mode & S_ISUID && st.st_uid == 0) && !has_capability(fd, bit))
		find(l, path, 0,
		    "is neither setuid root nor has it cap_set%cid: it can't map anything",
		    bit == CAP_SETUID ? 'u' : 'g');
}

static bool
anyone_rootless(const struct lint *l)
{
	size_t i;

	for (i = 0; i < l->subuid.count; i++)
		if (!is_service(l->subuid.entry[i].owner))
			return true;
	return false;
}

static void
lint_number(struct lint *l, const char *path, long bad, const char *what)
{
	cleanup_free char *text = read_proc(path);

	if (text && *text && strtol(text, NULL, 10) == bad)
		find(l, path, 0, "%s", what);
}

static void
lint_kernel(struct lint *l)
{
	lint_number(
	    l, "/proc/sys/user/max_user_namespaces", 0, "0: no user namespace can be made");
	lint_number(l, "/proc/sys/kernel/unprivileged_userns_clone", 0,
	    "0: only root can make user namespaces");
	lint_number(l, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1,
	    "1: programs without an AppArmor profile for it can't use user namespaces");
}

static void
lint_nsswitch(struct lint *l)
{
	static const char file[] = "/etc/nsswitch.conf";
	struct accounts lines;
	size_t i;

	if (read_lines(l, file, &lines))
		return;
	for (i = 0; i < lines.count; i++) {
		const char *rest = lines.line[i].text;

		if (strncmp(rest, "subid:", 6) != 0)
			continue;
		rest += 6 + strspn(rest + 6, " \t");
		if (strncmp(rest, "files", 5) != 0)
			find(l, file, i + 1,
			    "ids come from '%s', not from /etc/subuid and /etc/subgid", rest);
	}
	accounts_free(&lines);
}

static void
lint_daemon(struct lint *l)
{
	static const char file[] = "/etc/docker/daemon.json";
	cleanup_fd int fd = open_in_root(l->root, file + 1, O_RDONLY, 0);
	struct userns_files f = {l->passwd, l->group, l->subuid, l->subgid};
	struct idmap m = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT;
	json_error_t error;
	json_t *all;
	const char *setting;

	if (fd < 0)
		return;
	all = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	setting = json_string_value(json_object_get(all, "userns-remap"));
	if (!all)
		find(l, file, error.line > 0 ? (size_t)error.line : 0, "%s", error.text);
	else if (setting && *setting && userns_docker(&m, &f, setting, &why))
		find(l, file, 0, "userns-remap '%s': %s", setting, why.s);
	json_decref(all);
	idmap_free(&m);
	strbuf_free(&why);
}

/* --- how many ids an image needs --- */

static uint32_t
highest(const struct accounts *a)
{
	uint32_t max = 0;
	uid_t id;
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->line[i].fields > 2 && account_id(a->line[i].field[2], &id) == 0 &&
		    id > max)
			max = id;
	return max;
}

static uint32_t
needed_by_image(const char *image)
{
	struct accounts passwd = {NULL, 0}, group = {NULL, 0};
	struct container c = {0};
	uint32_t max;

	if (container_of_image(image, &c))
		exit(EXIT_TROUBLE);
	container_accounts(&c, "/etc/passwd", &passwd);
	container_accounts(&c, "/etc/group", &group);
	container_remove(&c);
	max = highest(&passwd) > highest(&group) ? highest(&passwd) : highest(&group);
	accounts_free(&passwd);
	accounts_free(&group);
	return max + 1;
}

/* --- the verb --- */

static void
lint(struct lint *l)
{
	read_lines(l, "/etc/passwd", &l->passwd);
	read_lines(l, "/etc/group", &l->group);
	read_subids(l, "/etc/subuid", &l->subuid);
	read_subids(l, "/etc/subgid", &l->subgid);
	lint_overlaps(l, "/etc/subuid", &l->subuid);
	lint_overlaps(l, "/etc/subgid", &l->subgid);
	lint_accounts(l, "/etc/subuid", &l->subuid, &l->passwd, "user");
	lint_accounts(l, "/etc/subgid", &l->subgid, &l->group, "group");
	lint_owners(l, "/etc/subuid", &l->subuid, "/etc/subgid", &l->subgid);
	lint_owners(l, "/etc/subgid", &l->subgid, "/etc/subuid", &l->subuid);
	lint_docker(l, "/etc/subuid", &l->subuid);
	lint_docker(l, "/etc/subgid", &l->subgid);
	lint_daemon(l);
	lint_nsswitch(l);
	if (anyone_rootless(l)) {
		lint_helper(l, "/usr/bin/newuidmap", CAP_SETUID);
		lint_helper(l, "/usr/bin/newgidmap", CAP_SETGID);
	}
	if (l->whole)
		lint_kernel(l);
}

static void
print_words(const struct lint *l)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct finding *f = &l->finding[i];
		struct strbuf b = STRBUF_INIT;

		strbuf_put_visible(&b, f->text, strlen(f->text));
		if (f->line)
			printf("%s:%zu: %s\n", f->file, f->line, b.s);
		else
			printf("%s: %s\n", f->file, b.s);
		strbuf_free(&b);
	}
}

static void
print_json(const struct lint *l)
{
	struct strbuf b = STRBUF_INIT;
	size_t i;

	strbuf_puts(&b, "[");
	for (i = 0; i < l->count; i++) {
		strbuf_puts(&b, i ? ",{" : "{");
		strbuf_put_json_member(&b, "file", l->finding[i].file);
		strbuf_printf(&b, ",\"line\":%zu,", l->finding[i].line);
		strbuf_put_json_member(&b, "message", l->finding[i].text);
		strbuf_puts(&b, "}");
	}
	strbuf_puts(&b, "]");
	puts(b.s);
	strbuf_free(&b);
}

int
verb_lint(int argc, char **argv)
{
	static const struct option options[] = {{"root", required_argument, NULL, 'R'},
	    {"json", no_argument, NULL, OPTION_JSON},
	    {"need", required_argument, NULL, OPTION_NEED},
	    {"image", required_argument, NULL, OPTION_IMAGE}, {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	struct lint l = {.need = NEED_DEFAULT, .need_of = "an image with a user nobody"};
	struct source source = {0};
	bool json = false;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "R:h", options, NULL)) != -1) {
		if (c == 'R')
			source.root = optarg;
		else if (c == OPTION_JSON)
			json = true;
		else if (c == OPTION_NEED && account_id(optarg, &l.need) == 0)
			l.need_of = "a container";
		else if (c == OPTION_IMAGE)
			l.need = needed_by_image(l.need_of = optarg);
		else if (c == 'h')
			exit(verb_usage(argv[0], EXIT_YES));
		else
			exit(verb_usage(argv[0], EXIT_TROUBLE));
	}
	if (argc != optind)
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	l.root = source_root(&source);
	l.whole = !source.root;
	lint(&l);
	if (json)
		print_json(&l);
	else
		print_words(&l);
	for (i = 0; i < l.count; i++)
		free(l.finding[i].text);
	free(l.finding);
	accounts_free(&l.passwd);
	accounts_free(&l.group);
	subids_free(&l.subuid);
	subids_free(&l.subgid);
	close(l.root);
	return l.count ? EXIT_NO : EXIT_YES;
}
