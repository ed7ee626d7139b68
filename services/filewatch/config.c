#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "cleanup.h"
#include "report.h"
#include "settings.h"
#include "strbuf.h"
#include "text.h"

enum { NEEDLE_MAX = 4096, MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* What each key's reader gets: where the answer goes is known to the reader. */
struct context {
	struct settings *s;
	struct config *c;
	struct rule *rule; /* NULL outside of rules */
};

/* Most values are of one of a few kinds, and only need a place. */
enum kind { BY_READER, DURATION, TEXT, PATH, BOOL, INTEGER, SIZE };

struct key {
	const char *name;
	void (*read)(struct context *x, const struct node *n); /* BY_READER */
	enum kind kind;
	bool in_rule;     /* the place is in the rule, not in the config */
	size_t at;        /* where there */
	const char *what; /* PATH: what it is the path of */
	int64_t min, max; /* INTEGER */
};

#define IN_RULE(k, member)   .kind = k, .in_rule = true, .at = offsetof(struct rule, member)
#define IN_CONFIG(k, member) .kind = k, .at = offsetof(struct config, member)

static void read_value(struct context *x, const struct node *n, const struct key *k);

static void
read_keys(struct context *x, const struct node *map, const struct key *keys)
{
	const char *names[32];
	size_t i;

	for (i = 0; keys[i].name; i++)
		names[i] = keys[i].name;
	names[i] = NULL;
	settings_known(x->s, map, names, NULL);
	for (i = 0; keys[i].name; i++) {
		const struct node *n = settings_get(map, keys[i].name);

		if (n)
			read_value(x, n, &keys[i]);
	}
}

static bool
want_map(struct context *x, const struct node *n, const char *what)
{
	if (n->kind == NODE_MAP)
		return true;
	settings_error(x->s, n, "%s is a map: write 'key: value' lines", what);
	return false;
}

static void
read_positive_duration(struct context *x, const struct node *n, int64_t *ms)
{
	int64_t value;

	if (settings_duration(x->s, n, &value))
		return;
	if (value == 0 || value > (int64_t)36525 * DAY)
		settings_error(
		    x->s, n, "expected a duration from 1ms to 36525d, not '%s'", n->text);
	else
		*ms = value;
}

static void
read_text(struct context *x, const struct node *n, char **out)
{
	const char *text;

	if (settings_string(x->s, n, &text))
		return;
	if (*text == '\0') {
		settings_error(x->s, n, "expected text, this is empty");
		return;
	}
	free(*out);
	*out = xstrdup(text);
}

static void
read_path_of(struct context *x, const struct node *n, const char *what, char **out)
{
	read_text(x, n, out);
	if (*out && **out != '/')
		settings_error(x->s, n, "the %s's path must be absolute", what);
}

static void
read_value(struct context *x, const struct node *n, const struct key *k)
{
	char *base = k->in_rule ? (char *)x->rule : (char *)x->c;
	void *at = base + k->at;

	switch (k->kind) {
	case BY_READER:
		k->read(x, n);
		break;
	case DURATION:
		read_positive_duration(x, n, at);
		break;
	case TEXT:
		read_text(x, n, at);
		break;
	case PATH:
		read_path_of(x, n, k->what, at);
		break;
	case BOOL:
		settings_bool(x->s, n, at);
		break;
	case INTEGER:
		settings_integer(x->s, n, k->min, k->max, at);
		break;
	case SIZE:
		settings_size(x->s, n, at);
		break;
	}
}

/* ---- rules ---- */

static void
read_empty(struct context *x, const struct node *n)
{
	const char *text;

	if (settings_string(x->s, n, &text))
		return;
	if (strcmp(text, "file") == 0)
		x->rule->empty = EMPTY_FILE;
	else if (strcmp(text, "dir") == 0)
		x->rule->empty = EMPTY_DIR;
	else
		settings_error(x->s, n, "expected file or dir, not '%s'", text);
}

static void
needle_free(struct needle *n)
{
	if (!n)
		return;
	if (n->regex)
		regfree(n->regex);
	free(n->regex);
	free(n->text);
	free(n);
}

static void
compile(struct context *x, const struct node *n, struct needle *needle)
{
	regex_t *re = xcalloc(1, sizeof(*re));
	int error = regcomp(re, needle->text, REG_EXTENDED | REG_NOSUB);
	char why[128];

	if (error == 0) {
		needle->regex = re;
		return;
	}
	regerror(error, re, why, sizeof(why));
	settings_error(x->s, n, "bad regular expression '%s': %s", needle->text, why);
	free(re);
}

/* "TEXT", {text: TEXT} or {regex: ERE}. */
static struct needle *
read_needle(struct context *x, const struct node *n)
{
	static const char *const keys[] = {"text", "regex", NULL};
	const struct node *value = n, *regex = NULL;
	struct needle *needle;
	const char *text;

	if (n->kind == NODE_MAP) {
		settings_known(x->s, n, keys, NULL);
		value = settings_get(n, "text");
		regex = settings_get(n, "regex");
		if (!value == !regex) {
			settings_error(x->s, n, "expected one of 'text:' and 'regex:'");
			return NULL;
		}
		value = value ? value : regex;
	}
	if (settings_string(x->s, value, &text))
		return NULL;
	if (*text == '\0' || strlen(text) > NEEDLE_MAX || strchr(text, '\n')) {
		settings_error(x->s, value, "expected one line of 1 to %d bytes to look for",
		    (int)NEEDLE_MAX);
		return NULL;
	}
	needle = xcalloc(1, sizeof(*needle));
	needle->text = xstrdup(text);
	needle->len = strlen(text);
	needle->is_regex = regex != NULL;
	if (regex)
		compile(x, regex, needle);
	return needle;
}

static void
read_not_found(struct context *x, const struct node *n)
{
	x->rule->not_found = read_needle(x, n);
}

static void
read_found(struct context *x, const struct node *n)
{
	x->rule->found = read_needle(x, n);
}

static int
read_count_value(struct settings *s, const struct node *n, int64_t *out)
{
	return settings_integer(s, n, 0, INT32_MAX, out);
}

/* "3" is exactly three; {min: 1, max: 5} leaves either side open. */
static void
read_bounds(struct context *x, const struct node *n, struct bounds *b,
    int (*read_one)(struct settings *, const struct node *, int64_t *))
{
	static const char *const keys[] = {"min", "max", NULL};
	const struct node *min, *max;

	*b = (struct bounds){true, 0, INT64_MAX};
	if (n->kind == NODE_SCALAR) {
		if (read_one(x->s, n, &b->min) == 0)
			b->max = b->min;
		return;
	}
	if (!want_map(x, n, "this"))
		return;
	settings_known(x->s, n, keys, NULL);
	min = settings_get(n, "min");
	max = settings_get(n, "max");
	if (!min && !max)
		settings_error(x->s, n, "expected 'min:', 'max:' or both");
	if ((min && read_one(x->s, min, &b->min)) || (max && read_one(x->s, max, &b->max)))
		return;
	if (b->min > b->max)
		settings_error(x->s, n, "min is more than max");
}

static void
read_count(struct context *x, const struct node *n)
{
	read_bounds(x, n, &x->rule->count, read_count_value);
}

static void
read_size(struct context *x, const struct node *n)
{
	read_bounds(x, n, &x->rule->size, settings_size);
}

/* A number, or a name that the accounts file knows. */
static int64_t
read_id(struct context *x, const struct node *n, const char *name, const char *file)
{
	cleanup_fd int fd = -1;
	struct accounts a;
	uid_t id;
	int known;

	if (account_id(name, &id) == 0)
		return id;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || accounts_read(fd, &a)) {
		settings_error(x->s, n, "can't look '%s' up in %s: %s, write the number", name,
		    file, strerror(errno));
		return NOT_SET;
	}
	known = accounts_lookup(&a, name, &id) == 0;
	accounts_free(&a);
	if (known)
		return id;
	settings_error(x->s, n, "'%s' isn't in %s, write the number", name, file);
	return NOT_SET;
}

/* "USER", "USER:GROUP", ":GROUP". */
static void
read_owner(struct context *x, const struct node *n)
{
	cleanup_free char *user = NULL;
	const char *text;
	char *group;

	if (settings_string(x->s, n, &text))
		return;
	user = xstrdup(text);
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	if (*user == '\0' && (!group || *group == '\0'))
		settings_error(x->s, n, "expected USER, USER:GROUP or :GROUP, not '%s'", text);
	if (*user)
		x->rule->uid = read_id(x, n, user, "/etc/passwd");
	if (group && *group)
		x->rule->gid = read_id(x, n, group, "/etc/group");
}

static int32_t
read_octal(struct context *x, const struct node *n)
{
	const char *text;
	char *end;
	unsigned long mode;

	if (settings_string(x->s, n, &text))
		return NOT_SET;
	mode = strtoul(text, &end, 8);
	if (strspn(text, "01234567") != strlen(text) || strlen(text) < 3 || mode > 07777) {
		settings_error(
		    x->s, n, "expected a mode in octal such as 0644, not '%s'", text);
		return NOT_SET;
	}
	return (int32_t)mode;
}

/* "0644" is exactly that; {max: 0750} allows fewer permissions, but none beyond. */
static void
read_mode(struct context *x, const struct node *n)
{
	static const char *const keys[] = {"max", NULL};
	const struct node *max;

	if (n->kind == NODE_SCALAR) {
		x->rule->mode = read_octal(x, n);
		return;
	}
	if (!want_map(x, n, "this"))
		return;
	settings_known(x->s, n, keys, NULL);
	max = settings_get(n, "max");
	if (max)
		x->rule->mode_max = read_octal(x, max);
	else
		settings_error(x->s, n, "expected 'max: MODE'");
}

static void
read_missing(struct context *x, const struct node *n)
{
	const char *text;

	if (settings_string(x->s, n, &text))
		return;
	if (strcmp(text, "ok") == 0)
		x->rule->missing_ok = true;
	else
		settings_error(x->s, n, "expected ok, not '%s'", text);
}

/* "BASELINE" or {baseline: FILE, root: /, every: 1d, rate: 20m}. */
static void
read_integrity(struct context *x, const struct node *n)
{
	static const struct key keys[] = {
	    {"baseline", IN_RULE(PATH, integrity), .what = "baseline"},
	    {"root", IN_RULE(PATH, integrity_root), .what = "root"},
	    {"every", IN_RULE(DURATION, integrity_every)},
	    {"rate", IN_RULE(SIZE, integrity_rate)}, {0}};

	if (n->kind == NODE_SCALAR) {
		read_value(x, n, &keys[0]);
		return;
	}
	if (!want_map(x, n, "integrity"))
		return;
	read_keys(x, n, keys);
	if (!settings_get(n, "baseline"))
		settings_error(x->s, n, "expected 'baseline: FILE'");
}

static void
read_path(struct context *x, const struct node *n)
{
	const char *path, *wrong;

	if (settings_string(x->s, n, &path))
		return;
	x->rule->path = xstrdup(path);
	wrong = pattern_parse(&x->rule->pattern, path);
	if (wrong)
		settings_error(x->s, n, "bad path '%s': %s", path, wrong);
}

/* ---- what a rule's parts mean together ---- */

static bool
has_check(const struct rule *r)
{
	return r->max_age != NOT_SET || r->min_age != NOT_SET || r->empty || r->not_found ||
	       r->found || r->count.set || r->size.set || r->uid != NOT_SET ||
	       r->gid != NOT_SET || r->mode != NOT_SET || r->mode_max != NOT_SET ||
	       r->integrity;
}

static void
check_together(struct context *x, const struct node *n)
{
	const struct rule *r = x->rule;

	if (!r->path) {
		if (!settings_get(n, "path"))
			settings_error(x->s, n, "this rule has no 'path:'");
		return;
	}
	if (r->skip && (has_check(r) || r->missing_ok || r->grace != NOT_SET))
		settings_error(x->s, n, "a rule with skip can't check anything");
	if (r->max_age != NOT_SET && r->min_age > r->max_age)
		settings_error(x->s, n, "min-age is more than max-age, no file can be right");
	if (r->pattern.newest && r->count.set)
		settings_error(x->s, n, "{NEWEST} is always one file, count says nothing");
	if (r->integrity && !r->pattern.direct)
		settings_error(x->s, n, "integrity needs the path of one file or directory");
	if (r->empty == EMPTY_DIR && (r->not_found || r->found || r->size.set))
		settings_error(x->s, n, "an empty directory has no text and no size");
	if (r->empty && r->pattern.newest && r->empty == EMPTY_DIR)
		settings_error(x->s, n, "{NEWEST} is a file, not a directory");
}

static void
add_separator(struct strbuf *b)
{
	if (b->len)
		strbuf_puts(b, "; ");
}

static void
put_age(struct strbuf *b, const char *what, int64_t ms)
{
	if (ms == NOT_SET)
		return;
	add_separator(b);
	strbuf_puts(b, what);
	put_duration(b, ms);
	strbuf_puts(b, " old");
}

static void
put_needle(struct strbuf *b, const char *what, const struct needle *n)
{
	if (!n)
		return;
	add_separator(b);
	strbuf_printf(
	    b, "%s %s%s%s", what, n->is_regex ? "/" : "'", n->text, n->is_regex ? "/" : "'");
}

static void
put_bound(struct strbuf *b, int64_t value, bool is_size)
{
	if (is_size)
		put_size(b, value);
	else
		strbuf_printf(b, "%" PRId64 " %s", value, value == 1 ? "match" : "matches");
}

static void
put_bounds(struct strbuf *b, const struct bounds *range, bool is_size)
{
	if (!range->set)
		return;
	add_separator(b);
	if (range->min == range->max) {
		strbuf_puts(b, "exactly ");
		put_bound(b, range->min, is_size);
		return;
	}
	if (range->min > 0) {
		strbuf_puts(b, "at least ");
		put_bound(b, range->min, is_size);
	}
	if (range->max < INT64_MAX) {
		strbuf_puts(b, range->min > 0 ? ", at most " : "at most ");
		put_bound(b, range->max, is_size);
	}
}

static void
put_owner_and_mode(struct strbuf *b, const struct rule *r)
{
	if (r->uid != NOT_SET) {
		add_separator(b);
		strbuf_printf(b, "user %" PRId64, r->uid);
	}
	if (r->gid != NOT_SET) {
		add_separator(b);
		strbuf_printf(b, "group %" PRId64, r->gid);
	}
	if (r->mode != NOT_SET) {
		add_separator(b);
		strbuf_printf(b, "mode %04o", (unsigned)r->mode);
	}
	if (r->mode_max != NOT_SET) {
		add_separator(b);
		strbuf_printf(b, "mode at most %04o", (unsigned)r->mode_max);
	}
}

static char *
summarize(const struct rule *r)
{
	struct strbuf b = STRBUF_INIT;

	if (r->skip)
		return xstrdup("skipped");
	put_age(&b, "at most ", r->max_age);
	put_age(&b, "at least ", r->min_age);
	if (r->empty) {
		add_separator(&b);
		strbuf_puts(&b, r->empty == EMPTY_DIR ? "empty directory" : "empty file");
	}
	put_needle(&b, "without", r->not_found);
	put_needle(&b, "with", r->found);
	put_bounds(&b, &r->count, false);
	put_bounds(&b, &r->size, true);
	put_owner_and_mode(&b, r);
	if (r->integrity) {
		add_separator(&b);
		strbuf_printf(&b, "as in %s", r->integrity);
	}
	if (r->missing_ok) {
		add_separator(&b);
		strbuf_puts(&b, "may be missing");
	}
	if (b.len == 0)
		strbuf_puts(&b, "exists");
	if (r->grace != NOT_SET) {
		strbuf_puts(&b, "; wrong for ");
		put_duration(&b, r->grace);
		strbuf_puts(&b, " before it counts");
	}
	return strbuf_steal(&b);
}

static const struct rule no_rule = {.max_age = NOT_SET,
    .min_age = NOT_SET,
    .grace = NOT_SET,
    .uid = NOT_SET,
    .gid = NOT_SET,
    .mode = NOT_SET,
    .mode_max = NOT_SET,
    .integrity_every = DAY};

static void
read_rule(struct context *x, const struct node *n)
{
	static const struct key keys[] = {{"path", .read = read_path},
	    {"max-age", IN_RULE(DURATION, max_age)}, {"min-age", IN_RULE(DURATION, min_age)},
	    {"empty", .read = read_empty}, {"not-found", .read = read_not_found},
	    {"found", .read = read_found}, {"count", .read = read_count},
	    {"size", .read = read_size}, {"owner", .read = read_owner},
	    {"mode", .read = read_mode}, {"skip", IN_RULE(BOOL, skip)},
	    {"missing", .read = read_missing}, {"grace", IN_RULE(DURATION, grace)},
	    {"integrity", .read = read_integrity}, {0}};
	struct rule *r = x->rule;

	*r = no_rule;
	r->line = n->line;
	if (n->kind != NODE_MAP) {
		settings_error(x->s, n, "a rule is a map: write '- path: /…'");
		return;
	}
	read_keys(x, n, keys);
	check_together(x, n);
	r->summary = summarize(r);
}

static void
read_rules(struct context *x, const struct node *n)
{
	size_t i;

	if (n->kind != NODE_LIST) {
		settings_error(x->s, n, "rules is a list: write '- path: /…' lines");
		return;
	}
	x->c->rule = xcalloc(n->count + 1, sizeof(*x->c->rule));
	x->c->rules = n->count;
	for (i = 0; i < n->count; i++) {
		struct context in_rule = {x->s, x->c, &x->c->rule[i]};

		read_rule(&in_rule, n->item[i]);
	}
}

/* ---- the rest ---- */

/* "PORT", "HOST:PORT", "[IPV6]:PORT". */
static void
read_listen(struct context *x, const struct node *n)
{
	const char *text, *colon, *port;
	char *end;
	unsigned long number;

	if (settings_string(x->s, n, &text))
		return;
	colon = strrchr(text, ':');
	port = colon ? colon + 1 : text;
	number = strtoul(port, &end, 10);
	if (*port < '0' || *port > '9' || *end || number > 65535 || colon == text) {
		settings_error(
		    x->s, n, "expected an address such as 127.0.0.1:8080, not '%s'", text);
		return;
	}
	free(x->c->port);
	x->c->port = xstrdup(port);
	if (!colon)
		return;
	free(x->c->host);
	x->c->host = *text == '[' && colon[-1] == ']'
			 ? xstrndup(text + 1, (size_t)(colon - text) - 2)
			 : xstrndup(text, (size_t)(colon - text));
}

static void
read_command(struct context *x, const struct node *n)
{
	char **argv;
	size_t i;

	if (n->kind != NODE_LIST || n->count == 0) {
		settings_error(x->s, n, "command is a list: [/path/of/program, argument, …]");
		return;
	}
	argv = xcalloc(n->count + 1, sizeof(*argv));
	for (i = 0; i < n->count; i++) {
		const char *text;

		argv[i] = xstrdup(settings_string(x->s, n->item[i], &text) == 0 ? text : "");
	}
	if (argv[0][0] != '/')
		settings_error(x->s, n->item[0], "the program's path must be absolute");
	x->c->notify.command = argv;
}

static void
read_notify(struct context *x, const struct node *n)
{
	static const struct key keys[] = {{"command", .read = read_command},
	    {"every", IN_CONFIG(DURATION, notify.every)},
	    {"timeout", IN_CONFIG(DURATION, notify.timeout)}, {0}};

	if (!want_map(x, n, "notify"))
		return;
	read_keys(x, n, keys);
	if (!settings_get(n, "command"))
		settings_error(x->s, n, "expected 'command: [/path/of/program]'");
}

static void
read_sidecar(struct context *x, const struct node *n)
{
	static const struct key keys[] = {
	    {"baseline", IN_CONFIG(PATH, sidecar.baseline), .what = "baseline"},
	    {"neighbour", IN_CONFIG(TEXT, sidecar.neighbour)},
	    {"interval", IN_CONFIG(DURATION, sidecar.interval)},
	    {"restarts", IN_CONFIG(INTEGER, sidecar.restarts), .min = 0, .max = 1000},
	    {"within", IN_CONFIG(DURATION, sidecar.restart_window)},
	    {"term-wait", IN_CONFIG(DURATION, sidecar.term_wait)}, {0}};

	if (!want_map(x, n, "sidecar"))
		return;
	read_keys(x, n, keys);
	if (!settings_get(n, "baseline"))
		settings_error(x->s, n, "expected 'baseline: FILE'");
}

/* The neighbour has a place among the rules, so that it is shown and counted as they are. */
static void
add_sidecar_rule(struct config *c)
{
	struct rule *r;

	if (!c->sidecar.baseline)
		return;
	if (!c->rule)
		c->rule = xcalloc(1, sizeof(*c->rule));
	r = &c->rule[c->rules++];
	*r = no_rule;
	r->is_sidecar = r->missing_ok = true;
	r->path = c->sidecar.neighbour ? xasprintf("neighbour %s", c->sidecar.neighbour)
				       : xstrdup("neighbour");
	r->summary = xasprintf("as in %s", c->sidecar.baseline);
	pattern_parse(&r->pattern, "/proc/neighbour");
}

/* ---- all of it ---- */

static int
by_path(const void *a, const void *b)
{
	return strcmp(
	    (*(const struct rule *const *)a)->path, (*(const struct rule *const *)b)->path);
}

/* Two direct rules for one path are one too many: which of them is meant? */
static void
index_rules(struct context *x)
{
	struct config *c = x->c;
	size_t i;

	c->direct = xcalloc(c->rules, sizeof(*c->direct));
	c->skipping = xcalloc(c->rules, sizeof(*c->skipping));
	for (i = 0; i < c->rules; i++) {
		const struct rule *r = &c->rule[i];

		if (r->is_sidecar)
			continue;
		if (r->path && r->pattern.direct)
			c->direct[c->directs++] = r;
		else if (r->path && r->skip)
			c->skipping[c->skippings++] = r;
	}
	if (c->directs)
		qsort(c->direct, c->directs, sizeof(*c->direct), by_path);
	for (i = 1; i < c->directs; i++) {
		const struct rule *one = c->direct[i - 1], *two = c->direct[i];
		const struct node at = {
		    .line = one->line > two->line ? one->line : two->line, .column = 1};

		if (strcmp(one->path, two->path) == 0)
			settings_error(x->s, &at,
			    "path '%s' has a rule already in line %zu, put both into one",
			    one->path, one->line < two->line ? one->line : two->line);
	}
}

static void
read_root(struct context *x, const struct node *root)
{
	static const struct key keys[] = {{"listen", .read = read_listen},
	    {"title", IN_CONFIG(TEXT, title)}, {"interval", IN_CONFIG(DURATION, interval)},
	    {"poll", IN_CONFIG(DURATION, poll)}, {"stale", IN_CONFIG(DURATION, stale)},
	    {"connections", IN_CONFIG(INTEGER, connections), .min = 1, .max = 10000},
	    {"notify", .read = read_notify}, {"sidecar", .read = read_sidecar},
	    {"rules", .read = read_rules}, {0}};

	if (!root || root->kind != NODE_MAP) {
		settings_error(x->s, root, "expected 'rules:' and a list of rules");
		return;
	}
	read_keys(x, root, keys);
	if (x->c->rules == 0 && !x->c->sidecar.baseline && x->s->errors == 0)
		settings_error(x->s, NULL, "no rules: there is nothing to watch");
	add_sidecar_rule(x->c);
	index_rules(x);
}

static struct config *
config_from(struct settings *s, const char *name)
{
	struct config *c = xcalloc(1, sizeof(*c));
	struct context x = {s, c, NULL};

	*c = (struct config){
	    .file = xstrdup(name),
	    .host = xstrdup("127.0.0.1"),
	    .port = xstrdup("8080"),
	    .title = xstrdup("filewatch"),
	    .interval = 5 * MINUTE,
	    .poll = 10 * 1000,
	    .stale = 30 * 1000,
	    .connections = 64,
	    .notify = {.every = MINUTE, .timeout = 30 * 1000},
	    .sidecar = {.interval = 5 * 1000,
		.restarts = 3,
		.restart_window = 10 * MINUTE,
		.term_wait = 5 * 1000},
	    .references = 1,
	};
	read_root(&x, s->root);
	if (s->errors == 0)
		return c;
	config_drop(c);
	return NULL;
}

struct config *
config_parse(const char *name, const char *bytes, size_t n)
{
	struct settings s;
	struct config *c = NULL;

	if (settings_parse(&s, name, bytes, n) == 0)
		c = config_from(&s, name);
	settings_free(&s);
	return c;
}

struct config *
config_read(const char *file)
{
	struct settings s;
	struct config *c = NULL;

	if (settings_read(&s, file) == 0)
		c = config_from(&s, file);
	settings_free(&s);
	return c;
}

static void
rule_free(struct rule *r)
{
	pattern_free(&r->pattern);
	needle_free(r->not_found);
	needle_free(r->found);
	free(r->integrity);
	free(r->integrity_root);
	free(r->summary);
	free(r->path);
}

struct config *
config_hold(struct config *c)
{
	__atomic_add_fetch(&c->references, 1, __ATOMIC_RELAXED);
	return c;
}

void
config_drop(struct config *c)
{
	size_t i;

	if (!c || __atomic_sub_fetch(&c->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (i = 0; i < c->rules; i++)
		rule_free(&c->rule[i]);
	for (i = 0; c->notify.command && c->notify.command[i]; i++)
		free(c->notify.command[i]);
	free(c->notify.command);
	free(c->sidecar.baseline);
	free(c->sidecar.neighbour);
	free(c->rule);
	free(c->direct);
	free(c->skipping);
	free(c->title);
	free(c->host);
	free(c->port);
	free(c->file);
	free(c);
}

const struct rule *
config_direct(const struct config *c, const char *path)
{
	size_t low = 0, high = c->directs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(path, c->direct[middle]->path);

		if (order == 0)
			return c->direct[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool
config_is_exception(const struct config *c, const char *path)
{
	size_t i;

	if (config_direct(c, path))
		return true;
	for (i = 0; i < c->skippings; i++)
		if (pattern_matches(&c->skipping[i]->pattern, path))
			return true;
	return false;
}
