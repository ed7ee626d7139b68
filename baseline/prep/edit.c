#include "edit.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"

const char *const account_paths[EDITS] = {
    [EDIT_PASSWD] = "/etc/passwd",
    [EDIT_GROUP] = "/etc/group",
    [EDIT_SHADOW] = "/etc/shadow",
    [EDIT_GSHADOW] = "/etc/gshadow",
};

/* A line under work: its fields, which may be replaced. */
struct line {
	size_t number;
	const struct account_line *old;
	size_t fields;
	const char *field[9];
	char *own[9]; /* the memory of replaced fields */
};

static void
replace(struct line *l, size_t i, char *value)
{
	free(l->own[i]);
	l->own[i] = value;
	l->field[i] = value;
}

static void
start_line(struct line *l, const struct accounts *a, size_t i)
{
	memset(l, 0, sizeof(*l));
	l->number = i + 1;
	l->old = &a->line[i];
	l->fields = l->old->fields;
	memcpy(l->field, l->old->field, sizeof(l->field));
}

static void
free_line(struct line *l)
{
	size_t i;

	for (i = 0; i < sizeof(l->own) / sizeof(l->own[0]); i++)
		free(l->own[i]);
}

static char *
join(const char *const *field, size_t n)
{
	struct strbuf b = STRBUF_INIT;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i)
			strbuf_putc(&b, ':');
		strbuf_puts(&b, field[i]);
	}
	return strbuf_steal(&b);
}

/* "*", "!", "!!", "x" and the like say only that there is no password. */
static int
is_hash(const char *password)
{
	return password[strspn(password, "*!x")] != '\0';
}

/* The line as the ledger may hold it. */
static void
put_line(struct strbuf *out, const char *key, const char *const *field, size_t n)
{
	const char *shown[9];
	char digest[8 + SHA256_HEX] = "sha256:";
	char *text;

	memcpy(shown, field, n * sizeof(*shown));
	if (n > 1 && is_hash(field[1])) {
		sha256_bytes(field[1], strlen(field[1]), digest + 7);
		shown[1] = digest;
	}
	text = join(shown, n);
	strbuf_put_json_member(out, key, text);
	free(text);
}

static void
begin_entry(struct strbuf *list, const struct line *l)
{
	strbuf_printf(list, "%s{\"line\":%zu,", list->len ? "," : "", l->number);
	put_line(list, "text", (const char *const *)l->old->field, l->old->fields);
}

struct lists {
	struct strbuf removed, changed;
};

static void
drop_line(struct edit *e, struct lists *lists, const struct line *l)
{
	e->removed++;
	begin_entry(&lists->removed, l);
	strbuf_putc(&lists->removed, '}');
}

static void
keep_line(struct edit *e, struct lists *lists, const struct line *l, const char *text)
{
	strbuf_puts(&e->text, text);
	strbuf_putc(&e->text, '\n');
	if (l->fields) {
		if (e->kept.count % 64 == 0)
			e->kept.name = xreallocarray(
			    e->kept.name, e->kept.count + 64, sizeof(*e->kept.name));
		e->kept.name[e->kept.count++] = xstrdup(l->field[0]);
	}
	if (strcmp(text, l->old->text) == 0)
		return;
	e->changed++;
	begin_entry(&lists->changed, l);
	strbuf_putc(&lists->changed, ',');
	put_line(&lists->changed, "to", l->field, l->fields);
	strbuf_putc(&lists->changed, '}');
}

static void
edit_finish(struct edit *e, struct lists *lists)
{
	strbuf_printf(&e->lines, "\"removed\":[%s],\"changed\":[%s]",
	    lists->removed.s ? lists->removed.s : "", lists->changed.s ? lists->changed.s : "");
	strbuf_free(&lists->removed);
	strbuf_free(&lists->changed);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
has_name(const struct edit_names *names, const char *name)
{
	return names->count && bsearch(&name, names->name, names->count, sizeof(name), by_name);
}

/* An empty password lets anyone in. With all a hash goes out of use as well, in the way
 * of "passwd -l". */
static void
lock_password(struct line *l, int all)
{
	const char *password = l->fields > 1 ? l->field[1] : NULL;

	if (!password)
		return;
	if (*password == '\0')
		replace(l, 1, xstrdup("!"));
	else if (all && is_hash(password) && *password != '!' && *password != '*')
		replace(l, 1, xasprintf("!%s", password));
}

/* Leaves in a list of names, divided by commas, only accounts. */
static void
filter_members(struct line *l, size_t i, const struct edit_names *accounts)
{
	struct strbuf b = STRBUF_INIT;
	const char *p;
	size_t n;

	if (i >= l->fields)
		return;
	for (p = l->field[i]; *p; p += n + (p[n] == ',')) {
		char *name;

		n = strcspn(p, ",");
		name = xstrndup(p, n);
		if (n && has_name(accounts, name))
			strbuf_printf(&b, "%s%s", b.len ? "," : "", name);
		free(name);
	}
	replace(l, i, strbuf_steal(&b));
}

static void
adjust_passwd(struct line *l, const struct edit_rules *r)
{
	int no_login = conf_word(r->conf, SHELL_DISABLE_LOGIN);

	lock_password(l, no_login);
	if (no_login && l->fields >= 7) {
		replace(l, 6, xstrdup("/sbin/nologin"));
		l->fields = 7;
	}
}

static void
adjust_group(struct line *l, const struct edit_rules *r)
{
	filter_members(l, 3, r->accounts);
}

static void
adjust_shadow(struct line *l, const struct edit_rules *r)
{
	lock_password(l, conf_word(r->conf, SHELL_DISABLE_LOGIN));
}

static void
adjust_gshadow(struct line *l, const struct edit_rules *r)
{
	filter_members(l, 2, r->accounts);
	filter_members(l, 3, r->accounts);
}

static int
has_started_member(const struct line *l, const struct starts *s)
{
	const char *p;
	size_t n;
	int found = 0;

	for (p = l->fields > 3 ? l->field[3] : ""; *p && !found; p += n + (p[n] == ',')) {
		char *name;

		n = strcspn(p, ",");
		name = xstrndup(p, n);
		found = starts_have_user(s, name, "");
		free(name);
	}
	return found;
}

/*
 * The expression sees the line as it will stand, not as it stood: were it to look for
 * something that the same run takes out, a second run would drop the line.
 */
static int
stays(const struct line *l, enum edit_file file, const char *text, const struct edit_rules *r)
{
	const char *number = l->fields > 2 ? l->field[2] : "";

	switch (file) {
	case EDIT_PASSWD:
		if (l->fields > 3 && starts_have_user(r->starts, l->field[0], number)) {
			starts_add_account(r->starts, l->field[0], l->field[3]);
			return 1;
		}
		return conf_matches_account(r->conf, ACCOUNTS_DONT_DELETE_REGEX, text);
	case EDIT_GROUP:
		if (l->fields > 2 && (starts_have_group(r->starts, l->field[0], number) ||
					 has_started_member(l, r->starts)))
			return 1;
		return conf_matches_account(r->conf, GROUP_DONT_DELETE_REGEX, text);
	case EDIT_SHADOW:
		return l->fields && has_name(r->accounts, l->field[0]);
	default:
		return l->fields && has_name(r->groups, l->field[0]);
	}
}

void
edit_make(struct edit *e, enum edit_file file, const struct accounts *a,
    const struct edit_rules *rules)
{
	static void (*const adjust[EDITS])(struct line *, const struct edit_rules *) = {
	    adjust_passwd, adjust_group, adjust_shadow, adjust_gshadow};
	struct lists lists = {STRBUF_INIT, STRBUF_INIT};
	size_t i;

	for (i = 0; i < a->count; i++) {
		struct line l;
		char *text;

		start_line(&l, a, i);
		adjust[file](&l, rules);
		text = join(l.field, l.fields);
		if (stays(&l, file, text, rules))
			keep_line(e, &lists, &l, text);
		else
			drop_line(e, &lists, &l);
		free(text);
		free_line(&l);
	}
	if (e->kept.count)
		qsort(e->kept.name, e->kept.count, sizeof(*e->kept.name), by_name);
	edit_finish(e, &lists);
}

void
edit_free(struct edit *e)
{
	size_t i;

	for (i = 0; i < e->kept.count; i++)
		free(e->kept.name[i]);
	free(e->kept.name);
	strbuf_free(&e->text);
	strbuf_free(&e->lines);
	memset(e, 0, sizeof(*e));
}
