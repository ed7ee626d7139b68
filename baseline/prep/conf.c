#include "conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "report.h"
#include "settings.h"
#include "strbuf.h"

enum { FILE_MAX = 1024 * 1024 };

/* A list of names, with commas or blanks between. */
static const char a_list[] = "a list";
/* The same of absolute paths. */
static const char paths[] = "paths";

/* words: NULL for a regular expression. */
static const struct key {
	const char *name, *initial, *words, *meaning;
} keys[CONF_KEYS] = {
    [ACCOUNTS_DONT_DELETE_REGEX] = {"ACCOUNTS_DONT_DELETE_REGEX", "", NULL,
	"lines of passwd that stay"},
    [APK_CLEANUP] = {"APK_CLEANUP", "1", "0 1 2",
	"1: package managers go (apk, dpkg, rpm), 2: only their caches"},
    [APPLETS_KEEP] = {"APPLETS_KEEP", "", a_list,
	"applets that stay in every BusyBox, all others are cut out of it; empty: all stay"},
    [APPLETS_RM] = {"APPLETS_RM", "", a_list, "applets that are cut out of every BusyBox"},
    [CRONTABS_REMOVE] = {"CRONTABS_REMOVE", "1", "0 1", "cron's tables go"},
    [GROUP_DONT_DELETE_REGEX] = {"GROUP_DONT_DELETE_REGEX", "", NULL,
	"lines of group that stay"},
    [HARDEN_SELF_REMOVE] = {"HARDEN_SELF_REMOVE", "1", "0 1",
	"/prep, /prep-local and /prep.conf go at the end"},
    [PROBE_RM] = {"PROBE_RM", "0", "0 1", "/bin/probe goes"},
    [ROOT_RM_HOMEDIR] = {"ROOT_RM_HOMEDIR", "1", "0 1", "/root goes"},
    [RUNTIME_MOUNTS] = {"RUNTIME_MOUNTS", "", paths,
	"what is mounted when the image runs: links that lead there aren't dangling"},
    [SBIN_DONT_DELETE_REGEX] = {"SBIN_DONT_DELETE_REGEX", "nologin", NULL,
	"what stays of /sbin and /usr/sbin"},
    [SECRETS_ALLOW_REGEX] = {"SECRETS_ALLOW_REGEX", "", NULL, "what may look like a secret"},
    [SECRETS_FAIL] = {"SECRETS_FAIL", "0", "0 1",
	"private keys, .git, .npmrc and the like: nothing is changed, exit status 1"},
    [SHELL_DISABLE_LOGIN] = {"SHELL_DISABLE_LOGIN", "1", "0 1",
	"every account's shell becomes /sbin/nologin, its password is locked"},
    [SHELL_RM] = {"SHELL_RM", "0", "0 1", "every shell goes, BusyBox too"},
    [SUDO_RM] = {"SUDO_RM", "1", "0 1", "sudo and doas go"},
    [SUID_ACTION] = {"SUID_ACTION", "remove", "remove strip",
	"what happens to setuid and setgid files and to those with capabilities"},
    [SUID_DONT_DELETE_REGEX] = {"SUID_DONT_DELETE_REGEX", "", NULL, "such files that stay"},
    [SYSDIRS_RM_REGEX] = {"SYSDIRS_RM_REGEX", "/(hexdump|chgrp|chmod|chown|ln|od|strings|su)$",
	NULL, "dangerous programs under /bin /etc /lib /sbin /usr: they go"},
    [SYSDIRS_UID0_AND_755] = {"SYSDIRS_UID0_AND_755", "1", "0 1",
	"directories of /bin /etc /lib /sbin /usr: root's, mode 0755"},
    [WORLD_WRITABLE_DIRS_RM] = {"WORLD_WRITABLE_DIRS_RM", "1", "0 1",
	"no directory stays writable for all"},
    [WORLD_WRITABLE_FILES_RM] = {"WORLD_WRITABLE_FILES_RM", "1", "0 1",
	"no file stays writable for all"},
};

/* Variables that begin or end so are meant for prep. */
static const char *const family_starts[] = {
    "APPLETS_", "HARDEN_", "SBIN_", "SUID_", "SYSDIRS_", "WORLD_WRITABLE_", NULL};
static const char *const family_ends[] = {"_DONT_DELETE_REGEX", "_RM_REGEX", NULL};

const char *
conf_name(enum conf_key key)
{
	return keys[key].name;
}

const char *
conf_default(enum conf_key key)
{
	return keys[key].initial;
}

const char *
conf_meaning(enum conf_key key)
{
	return keys[key].meaning;
}

static int
find_key(const char *name)
{
	int i;

	for (i = 0; i < CONF_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

static const char *
likely_key(const char *name)
{
	const char *names[CONF_KEYS + 1];
	size_t i;

	if (strcmp(name, "KMC_RM") == 0) /* what the helper program was once called */
		return keys[PROBE_RM].name;
	for (i = 0; i < CONF_KEYS; i++)
		names[i] = keys[i].name;
	names[i] = NULL;
	return nearest_word(name, names);
}

static void
report_unknown(const char *where, const char *name)
{
	const char *meant = likely_key(name);

	if (meant)
		report("%s: unknown key '%s', is '%s' meant?", where, name, meant);
	else
		report("%s: unknown key '%s'", where, name);
}

/* Which of words (divided by blanks) value is, -1 for none. */
static int
find_word(const char *words, const char *value)
{
	size_t n = strlen(value);
	const char *p;
	int i;

	/* Nothing is how a shell script says no. */
	if (n == 0 && words[0] == '0')
		return 0;
	for (p = words, i = 0;; i++) {
		size_t len = strcspn(p, " ");

		if (n == len && memcmp(p, value, n) == 0)
			return i;
		if (p[len] == '\0')
			return -1;
		p += len + 1;
	}
}

static int
set_regex(struct conf_value *v, const char *where, const struct key *key, const char *value)
{
	char why[256];
	regex_t regex;
	int error;

	if (*value) {
		error = regcomp(&regex, value, REG_EXTENDED);
		if (error) {
			regerror(error, NULL, why, sizeof(why));
			report("%s: %s: bad regular expression '%s': %s", where, key->name,
			    value, why);
			return -1;
		}
	}
	if (v->compiled) {
		regfree(&v->regex);
		endings_free(&v->endings);
	}
	v->compiled = *value != '\0';
	if (v->compiled) {
		v->regex = regex;
		endings_read(&v->endings, value);
	}
	return 0;
}

static int
check_names(const char *where, const char *key, const char *value)
{
	size_t n =
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			  "[_.+-, \t\n");

	if (value[n] == '\0')
		return 0;
	report("%s: %s: '%s' is no part of a list of names", where, key, value + n);
	return -1;
}

static int
check_paths(const char *where, const char *key, const char *value)
{
	static const char between[] = ", \t\n";

	for (value += strspn(value, between); *value; value += strspn(value, between)) {
		size_t n = strcspn(value, between);

		if (*value != '/') {
			report(
			    "%s: %s: '%.*s' isn't an absolute path", where, key, (int)n, value);
			return -1;
		}
		value += n;
	}
	return 0;
}

int
conf_set(struct conf *c, const char *where, const char *name, const char *value)
{
	int i = find_key(name);
	struct conf_value *v;

	if (i < 0) {
		report_unknown(where, name);
		return -1;
	}
	v = &c->value[i];
	if (keys[i].words == a_list) {
		if (check_names(where, name, value))
			return -1;
	} else if (keys[i].words == paths) {
		if (check_paths(where, name, value))
			return -1;
	} else if (keys[i].words) {
		int word = find_word(keys[i].words, value);

		if (word < 0) {
			report("%s: %s: bad value '%s', want one of: %s", where, name, value,
			    keys[i].words);
			return -1;
		}
		v->word = word;
	} else if (set_regex(v, where, &keys[i], value)) {
		return -1;
	}
	free(v->text);
	v->text = xstrdup(value);
	return 0;
}

void
conf_init(struct conf *c)
{
	int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < CONF_KEYS; i++)
		if (conf_set(c, "defaults", keys[i].name, keys[i].initial))
			abort();
}

void
conf_free(struct conf *c)
{
	int i;

	for (i = 0; i < CONF_KEYS; i++) {
		free(c->value[i].text);
		if (c->value[i].compiled) {
			regfree(&c->value[i].regex);
			endings_free(&c->value[i].endings);
		}
	}
	memset(c, 0, sizeof(*c));
}

/* The value of a KEY=value line in place: without quotes. NULL after a report(). */
static char *
unquote(char *value, const char *where)
{
	size_t n = strlen(value);
	char quote = *value;
	char *p;

	if (quote == '"' || quote == '\'') {
		if (n < 2 || value[n - 1] != quote) {
			report("%s: no closing %c, or text after it", where, quote);
			return NULL;
		}
		value[n - 1] = '\0';
		value++;
		if (strchr(value, quote)) {
			report("%s: a %c within %c%c", where, quote, quote, quote);
			return NULL;
		}
	}
	/* Someone expects a shell's expansion; as an expression it could never match. */
	if (quote != '\'' && (p = strchr(value, '$')) &&
	    (p[1] == '{' || p[1] == '_' || (p[1] >= 'A' && p[1] <= 'Z'))) {
		report("%s: '%s' is not expanded here", where, p);
		return NULL;
	}
	return value;
}

static int
is_key_char(char c)
{
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9');
}

static int
parse_line(struct conf *c, const char *where, char *line, int *seen)
{
	size_t n = 0;
	char *value;
	int key;

	while (is_key_char(line[n]))
		n++;
	if (n == 0 || line[n] != '=') {
		report("%s: want KEY=value, have '%s'", where, line);
		return -1;
	}
	line[n] = '\0';
	value = unquote(line + n + 1, where);
	if (!value)
		return -1;
	key = find_key(line);
	if (key >= 0 && seen[key]++) {
		report("%s: duplicate key '%s'", where, line);
		return -1;
	}
	return conf_set(c, where, line, value);
}

/* Without the blanks around it. */
static char *
trim(char *line)
{
	size_t n;

	line += strspn(line, " \t");
	for (n = strlen(line); n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'); n--)
		line[n - 1] = '\0';
	return line;
}

/* Control bytes, a NUL and a carriage return among them. */
static int
has_control(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
			return 1;
	return 0;
}

int
conf_parse(struct conf *c, const char *file, const char *bytes, size_t n)
{
	int seen[CONF_KEYS] = {0};
	const char *p, *end = bytes + n;
	size_t number = 0;
	int bad = 0;

	for (p = bytes; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);
		char *where = xasprintf("%s:%zu", file, ++number);
		char *copy = xstrndup(p, len), *line = trim(copy);

		if (has_control(p, len)) {
			report("%s: control byte in the line", where);
			bad = -1;
		} else if (*line && *line != '#' && parse_line(c, where, line, seen)) {
			bad = -1;
		}
		free(copy);
		free(where);
		p += len + 1;
	}
	return bad;
}

int
conf_read(struct conf *c, int fd, const char *file)
{
	struct strbuf b = STRBUF_INIT;
	int result = -1;

	if (file_read(fd, FILE_MAX, &b))
		report("read '%s':", file);
	else
		result = conf_parse(c, file, b.s ? b.s : "", b.len);
	strbuf_free(&b);
	return result;
}

static int
begins_with(const char *s, const char *start)
{
	return strncmp(s, start, strlen(start)) == 0;
}

static int
looks_like_ours(const char *name)
{
	size_t n = strlen(name), i;

	for (i = 0; family_starts[i]; i++)
		if (begins_with(name, family_starts[i]))
			return 1;
	for (i = 0; family_ends[i]; i++) {
		size_t len = strlen(family_ends[i]);

		if (n > len && strcmp(name + n - len, family_ends[i]) == 0)
			return 1;
	}
	return 0;
}

int
conf_environ(struct conf *c, const char *where, char *const *env)
{
	int bad = 0;

	for (; *env; env++) {
		size_t n = strcspn(*env, "=");
		char *name;

		if ((*env)[n] != '=')
			continue;
		name = xstrndup(*env, n);
		if (find_key(name) >= 0)
			bad |= conf_set(c, where, name, *env + n + 1);
		else if (looks_like_ours(name)) {
			report_unknown(where, name);
			bad = -1;
		}
		free(name);
	}
	return bad;
}

void
conf_export(const struct conf *c)
{
	int i;

	for (i = 0; i < CONF_KEYS; i++)
		if (setenv(keys[i].name, c->value[i].text, 1))
			die("set '%s' in the environment:", keys[i].name);
}

int
conf_word(const struct conf *c, enum conf_key key)
{
	return c->value[key].word;
}

int
conf_matches(const struct conf *c, enum conf_key key, const char *text)
{
	const struct conf_value *v = &c->value[key];

	if (v->endings.count)
		return endings_match(&v->endings, text);
	return v->compiled && regexec(&v->regex, text, 0, NULL, 0) == 0;
}

int
conf_matches_account(const struct conf *c, enum conf_key key, const char *line)
{
	const struct conf_value *v = &c->value[key];
	size_t name = strcspn(line, ":"), from = 0;
	regmatch_t m;

	if (!v->compiled)
		return 0;
	/* The leftmost match decides nothing where it is only a part of the name: another
	 * one may follow. */
	while (regexec(&v->regex, line + from, 1, &m, from ? REG_NOTBOL : 0) == 0) {
		size_t start = from + (size_t)m.rm_so, end = from + (size_t)m.rm_eo;

		if (start == end || start >= name || (start == 0 && end >= name))
			return 1;
		from = start + 1;
	}
	return 0;
}
