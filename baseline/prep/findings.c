#include "findings.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "busybox.h"
#include "cleanup.h"
#include "report.h"

enum { HEAD = 64 * 1024 }; /* a key stands near the beginning of its file */

struct finder {
	struct plan *plan;
	void (*found)(struct finder *f, const char *rule, uint32_t i, const char *text);
	int json;
	unsigned long count;
	struct strbuf line, path;
};

/* The plan */

static void show(struct plan *p, uint32_t i, uint8_t pass, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
show(struct plan *p, uint32_t i, uint8_t pass, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	const char *path = tree_path(p->tree, i, &p->path);
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	strbuf_putc(&b, ' ');
	strbuf_put_visible(&b, path, p->path.len);
	printf("%s (%s)\n", b.s, plan_pass(p, pass)->name);
	strbuf_free(&b);
}

void
show_plan(struct plan *p)
{
	uint32_t i;
	size_t k;

	for (i = 0; i < p->tree->count; i++) {
		const struct entry *e = &p->tree->e[i];

		if (e->remove)
			show(p, i, e->remove, "remove");
		if (e->spared)
			show(p, i, e->spared, "kept: entry point");
		if (e->chown)
			show(p, i, e->chown, "owner %u:%u to %u:%u", (unsigned)e->uid,
			    (unsigned)e->gid, (unsigned)e->new_uid, (unsigned)e->new_gid);
		if (e->chmod)
			show(p, i, e->chmod, "mode %04o to %04o%s", (unsigned)(e->mode & 07777),
			    (unsigned)e->new_mode, e->strip ? " and no capability" : "");
		if (e->edit && busybox_of(p, i))
			show(p, i, e->edit, "cut %zu applets out of",
			    busybox_of(p, i)->applets.cut);
		for (k = 0; e->edit && k < EDITS; k++)
			if (p->edits[k].entry == i && p->edits[k].lines.s)
				show(p, i, e->edit, "edit, %zu lines out and %zu changed,",
				    p->edits[k].removed, p->edits[k].changed);
	}
}

/* The audit */

static void
print_finding(struct finder *f, const char *rule, uint32_t i, const char *text)
{
	const char *path = tree_path(f->plan->tree, i, &f->path);

	f->count++;
	strbuf_cut(&f->line, 0);
	if (f->json) {
		strbuf_printf(&f->line, "{\"rule\":\"%s\",", rule);
		strbuf_put_json_member(&f->line, "path", path);
		strbuf_putc(&f->line, ',');
		strbuf_put_json_member(&f->line, "finding", text);
		strbuf_putc(&f->line, '}');
	} else {
		strbuf_put_visible(&f->line, path, f->path.len);
		strbuf_puts(&f->line, ": ");
		strbuf_put_visible(&f->line, text, strlen(text));
		strbuf_printf(&f->line, " (%s)", rule);
	}
	puts(f->line.s);
}

static void
report_finding(struct finder *f, const char *rule, uint32_t i, const char *text)
{
	f->count++;
	report("%s in '%s' (%s)", text, tree_path(f->plan->tree, i, &f->path), rule);
}

static void
find_planned(struct finder *f)
{
	const struct tree *t = f->plan->tree;
	uint32_t i;

	for (i = 0; i < t->count; i++) {
		const struct entry *e = &t->e[i];
		const uint8_t changes[] = {e->remove, e->chown, e->chmod, e->edit};
		size_t k;

		/* Of a directory that goes as a whole the directory is enough. */
		if (e->remove && t->e[e->parent].remove == e->remove)
			continue;
		for (k = 0; k < sizeof(changes); k++)
			if (changes[k] && (k == 0 || changes[k] != changes[k - 1]))
				f->found(f, plan_pass(f->plan, changes[k])->name, i,
				    plan_pass(f->plan, changes[k])->finding);
	}
}

struct suspect {
	const char *pattern; /* of a name */
	const char *finding;
};

static const struct suspect secrets[] = {
    {".aws", "cloud credentials"},
    {".azure", "cloud credentials"},
    {".boto", "cloud credentials"},
    {".config/gcloud", "cloud credentials"},
    {".docker/config.json", "registry credentials"},
    {".dockercfg", "registry credentials"},
    {".env", "settings that often hold secrets"},
    {".git", "source history"},
    {".git-credentials", "credentials"},
    {".gnupg", "private keys"},
    {".htpasswd", "passwords"},
    {".kube", "cluster credentials"},
    {".my.cnf", "credentials"},
    {".netrc", "credentials"},
    {".npmrc", "registry credentials"},
    {".pgpass", "credentials"},
    {".pypirc", "registry credentials"},
    {".s3cfg", "cloud credentials"},
    {".vault-token", "credentials"},
    {"*.jks", "key store"},
    {"*.kdbx", "password store"},
    {"*.keystore", "key store"},
    {"*.p12", "key store"},
    {"*.pfx", "key store"},
    {"*.ppk", "private key"},
    {"*.tfstate", "infrastructure state, which holds secrets"},
    {"credentials.json", "credentials"},
    {"credentials.xml", "credentials"},
    {"id_dsa", "private key"},
    {"id_ecdsa", "private key"},
    {"id_ecdsa_sk", "private key"},
    {"id_ed25519", "private key"},
    {"id_ed25519_sk", "private key"},
    {"id_rsa", "private key"},
    {"secring.gpg", "private keys"},
    {"ssh_host_*_key", "private key"},
};

static const struct suspect leftovers[] = {
    {".*_history", "shell history"},
    {".DS_Store", "leftover of a desktop"},
    {".cache", "cache"},
    {".dockerignore", "leftover of a build"},
    {".gitignore", "leftover of a repository"},
    {".gitmodules", "leftover of a repository"},
    {".hg", "leftover of a repository"},
    {".lesshst", "history"},
    {".npm", "cache"},
    {".svn", "leftover of a repository"},
    {".viminfo", "history"},
    {".vimrc", "leftover of a person"},
    {".wget-hsts", "history"},
    {"Containerfile", "leftover of a build"},
    {"Dockerfile", "leftover of a build"},
    {"Dockerfile.*", "leftover of a build"},
    {"compose.y*ml", "leftover of a build"},
    {"docker-compose*.y*ml", "leftover of a build"},
};

/* A pattern with a slash is about the directory's name, too. */
static int
is_suspect(const struct tree *t, uint32_t i, const char *pattern)
{
	const char *slash = strchr(pattern, '/');
	const char *directory;

	if (!slash)
		return fnmatch(pattern, tree_name(t, i), 0) == 0;
	directory = tree_name(t, t->e[i].parent);
	return strcmp(tree_name(t, i), slash + 1) == 0 &&
	       strlen(directory) == (size_t)(slash - pattern) &&
	       strncmp(directory, pattern, (size_t)(slash - pattern)) == 0;
}

static const struct suspect *
find_suspect(const struct tree *t, uint32_t i, const struct suspect *list, size_t n)
{
	size_t k;

	for (k = 0; k < n; k++)
		if (is_suspect(t, i, list[k].pattern))
			return &list[k];
	return NULL;
}

/* "-----BEGIN … PRIVATE KEY-----" on a line of its own, in a text file. */
static int
holds_private_key(const char *text, size_t n)
{
	static const char begin[] = "-----BEGIN ", what[] = "PRIVATE KEY-----";
	const char *p, *end = text + n;

	if (memchr(text, '\0', n))
		return 0;
	for (p = text; p < end; p++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);

		if (len > sizeof(begin) && memcmp(p, begin, sizeof(begin) - 1) == 0 &&
		    memmem(p, len, what, sizeof(what) - 1))
			return 1;
		p += len;
	}
	return 0;
}

static int
is_private_key(struct finder *f, uint32_t i)
{
	static char head[HEAD];
	const struct entry *e = &f->plan->tree->e[i];
	cleanup_fd int fd = -1;
	size_t n = 0;
	ssize_t k;

	if (!is_file(e) || e->size < 64 || e->mount)
		return 0;
	fd = tree_open(f->plan->tree, i);
	if (fd < 0)
		return 0;
	while (
	    n < HEAD && ((k = read(fd, head + n, HEAD - n)) > 0 || (k < 0 && errno == EINTR)))
		if (k > 0)
			n += (size_t)k;
	return holds_private_key(head, n);
}

/* A secret in a directory that goes is none for long; the audit speaks of it all the same. */
static void
find_secrets(struct finder *f, int only_staying)
{
	struct plan *p = f->plan;
	const struct suspect *s;
	uint32_t i;

	for (i = 1; i < p->tree->count; i++) {
		const struct entry *e = &p->tree->e[i];

		if (e->mount || (only_staying && e->remove))
			continue;
		s = find_suspect(p->tree, i, secrets, sizeof(secrets) / sizeof(secrets[0]));
		if (!s && !is_private_key(f, i))
			continue;
		if (!plan_matches(p, SECRETS_ALLOW_REGEX, i))
			f->found(f, "secret", i, s ? s->finding : "private key");
	}
}

static void
find_leftovers(struct finder *f)
{
	struct tree *t = f->plan->tree;
	const struct suspect *s;
	uint32_t i;

	for (i = 1; i < t->count; i++) {
		if (t->e[i].mount)
			continue;
		s = find_suspect(t, i, leftovers, sizeof(leftovers) / sizeof(leftovers[0]));
		if (s)
			f->found(f, "leftover", i, s->finding);
	}
}

static void
found_temporary(uint32_t i, void *arg)
{
	struct finder *f = arg;

	if (!f->plan->tree->e[i].mount)
		f->found(f, "leftover", i, "temporary file");
}

struct named_id {
	uid_t id;
	const char *name;
	size_t line;
};

static int
by_id(const void *a, const void *b)
{
	const struct named_id *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Two names for one id are one account with two passwords. */
static void
tell_shared_ids(struct finder *f, uint32_t entry, const struct accounts *a)
{
	struct named_id *ids = xcalloc(a->count, sizeof(*ids));
	size_t i, n = 0;

	for (i = 0; i < a->count; i++) {
		const struct account_line *l = &a->line[i];

		if (l->fields < 3 || account_id(l->field[2], &ids[n].id))
			continue;
		ids[n].name = l->field[0];
		ids[n++].line = i;
	}
	if (n)
		qsort(ids, n, sizeof(*ids), by_id);
	for (i = 1; i < n; i++) {
		cleanup_free char *text = NULL;

		if (ids[i].id != ids[i - 1].id)
			continue;
		text = xasprintf("'%s' shares the id %u with '%s'", ids[i].name,
		    (unsigned)ids[i].id, ids[i - 1].name);
		f->found(f, "shared-id", entry, text);
	}
	free(ids);
}

static void
find_shared_ids(struct finder *f, const char *path)
{
	struct tree *t = f->plan->tree;
	uint32_t entry = tree_resolve(t, TREE_ROOT, path, 1);
	struct accounts a;
	cleanup_fd int fd = -1;

	if (entry == NO_ENTRY || !is_file(&t->e[entry]))
		return;
	fd = tree_open(t, entry);
	if (fd < 0)
		return;
	if (accounts_read(fd, &a)) {
		report("read '%s':", tree_path(t, entry, &f->path));
		return;
	}
	tell_shared_ids(f, entry, &a);
	accounts_free(&a);
}

static void
found_call(void *arg, uint32_t script, const char *name, size_t line)
{
	struct finder *f = arg;
	cleanup_free char *text =
	    script == TREE_ROOT
		? xasprintf("the entry point calls '%s', an applet that is cut", name)
		: xasprintf("calls '%s' in line %zu, an applet that is cut", name, line);

	f->found(f, "applets", script, text);
}

unsigned long
audit(struct plan *p, int json, const char *entry_point)
{
	struct finder f = {.plan = p, .found = print_finding, .json = json};

	find_planned(&f);
	find_secrets(&f, 0);
	find_leftovers(&f);
	tree_glob(p->tree, "/tmp/*", found_temporary, &f);
	tree_glob(p->tree, "/var/tmp/*", found_temporary, &f);
	find_shared_ids(&f, "/etc/passwd");
	find_shared_ids(&f, "/etc/group");
	busybox_find_calls(p, entry_point, found_call, &f);
	strbuf_free(&f.line);
	strbuf_free(&f.path);
	return f.count;
}

unsigned long
report_secrets(struct plan *p)
{
	struct finder f = {.plan = p, .found = report_finding};

	find_secrets(&f, 1);
	strbuf_free(&f.path);
	return f.count;
}
