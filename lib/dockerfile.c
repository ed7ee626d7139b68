#include "dockerfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "platform.h"
#include "report.h"
#include "strbuf.h"

enum { FILE_MAX = 4 << 20, STAGES_MAX = 1000, VALUE_MAX = 65536, DEPTH_MAX = 32 };

struct reader {
	struct dockerfile *d;
	const char *p, *end;
	size_t line; /* of what p stands on */
};

static int wrong(const struct dockerfile *d, size_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
wrong(const struct dockerfile *d, size_t line, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	report("%s:%zu: %s", d->file, line, b.s);
	strbuf_free(&b);
	return -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static const char *
skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

/* ---- variables ---- */

static void
define(struct docker_variables *all, char *name, char *value, bool of_env)
{
	all->v = xreallocarray(all->v, all->n + 1, sizeof(*all->v));
	all->v[all->n++] = (struct docker_variable){name, value, of_env};
}

static const struct docker_variable *
find_variable(const struct docker_variables *all, const char *name)
{
	for (size_t i = all->n; i-- > 0;)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

static const char *
value_of(const struct docker_variables *all, const char *name)
{
	const struct docker_variable *v = find_variable(all, name);

	return v ? v->value : NULL;
}

static void
variables_free(struct docker_variables *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->v[i].name);
		free(all->v[i].value);
	}
	free(all->v);
	*all = (struct docker_variables){NULL, 0};
}

/* Where a text with variables stands. */
struct scope {
	const struct dockerfile *d;
	const struct docker_variables *variables;
	size_t line;
	unsigned depth;
};

static int expand(struct scope *s, const char **p, char until, struct strbuf *out);

/* ${name#pattern} and its kin: the shortest or longest match at the begin or end goes. */
static void
cut_match(const char *value, const char *pattern, bool at_end, bool longest, struct strbuf *out)
{
	cleanup_free char *copy = xstrdup(value);
	size_t len = strlen(value), best = SIZE_MAX;

	for (size_t n = 0; n <= len && (longest || best == SIZE_MAX); n++) {
		const char *part = at_end ? copy + len - n : copy;
		char kept = copy[n];

		if (!at_end)
			copy[n] = '\0';
		if (fnmatch(pattern, part, 0) == 0)
			best = n;
		if (!at_end)
			copy[n] = kept;
	}
	if (best == SIZE_MAX)
		best = 0;
	if (at_end)
		strbuf_add(out, value, len - best);
	else
		strbuf_puts(out, value + best);
}

static int
apply_modifier(struct scope *s, const char *name, const char *modifier, const char *word,
    struct strbuf *out)
{
	const char *value = value_of(s->variables, name);
	bool there = value && (*modifier != ':' || *value);

	switch (modifier[*modifier == ':']) {
	case '-':
		strbuf_puts(out, there ? value : word);
		return 0;
	case '+':
		strbuf_puts(out, there ? word : "");
		return 0;
	case '?':
		if (!there)
			return wrong(s->d, s->line, "'%s' has no value: %s", name, word);
		strbuf_puts(out, value);
		return 0;
	case '#':
	case '%':
		cut_match(
		    value ? value : "", word, *modifier == '%', modifier[1] == *modifier, out);
		return 0;
	default:
		return wrong(s->d, s->line, "'${%s%s…}' is not understood", name, modifier);
	}
}

static size_t
name_length(const char *p)
{
	size_t n = 0;

	if (isalpha((unsigned char)*p) || *p == '_')
		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
	return n;
}

/* p stands behind "${". */
static int
expand_braces(struct scope *s, const char **p, struct strbuf *out)
{
	cleanup_free char *name = NULL;
	struct strbuf word = STRBUF_INIT;
	char modifier[3] = "";
	const char *value;
	size_t n = name_length(*p);
	int bad;

	if (!n)
		return wrong(s->d, s->line, "'${' without a variable's name");
	name = xstrndup(*p, n);
	*p += n;
	if (**p == '}') {
		++*p;
		value = value_of(s->variables, name);
		strbuf_puts(out, value ? value : "");
		return 0;
	}
	modifier[0] = **p ? *(*p)++ : '\0';
	if (modifier[0] == ':' ||
	    ((modifier[0] == '#' || modifier[0] == '%') && **p == modifier[0]))
		modifier[1] = **p ? *(*p)++ : '\0';
	bad = expand(s, p, '}', &word) ||
	      apply_modifier(s, name, modifier, word.s ? word.s : "", out);
	strbuf_free(&word);
	return bad ? -1 : 0;
}

static int
expand_variable(struct scope *s, const char **p, struct strbuf *out)
{
	cleanup_free char *name = NULL;
	const char *value;
	size_t n;

	if (**p == '{') {
		++*p;
		return expand_braces(s, p, out);
	}
	n = name_length(*p);
	if (!n) {
		strbuf_putc(out, '$');
		return 0;
	}
	name = xstrndup(*p, n);
	*p += n;
	value = value_of(s->variables, name);
	strbuf_puts(out, value ? value : "");
	return 0;
}

/* Up to the character `until`, which is passed over: quotes and escapes go, variables are
 * replaced. */
static int
expand(struct scope *s, const char **p, char until, struct strbuf *out)
{
	char quote = 0;
	int bad = 0;

	if (++s->depth > DEPTH_MAX)
		return wrong(s->d, s->line, "variables within variables, too deep");
	while (!bad && **p && (quote || **p != until)) {
		char c = *(*p)++;

		if (c == quote)
			quote = 0;
		else if (!quote && (c == '\'' || c == '"'))
			quote = c;
		else if (c == s->d->escape && **p && quote != '\'' &&
			 (!quote || strchr("\"$", **p) || **p == c))
			strbuf_putc(out, *(*p)++);
		else if (c == '$' && quote != '\'')
			bad = expand_variable(s, p, out);
		else
			strbuf_putc(out, c);
		if (out->len > VALUE_MAX)
			bad = wrong(s->d, s->line, "a value of more than 64 KiB");
	}
	s->depth--;
	if (bad)
		return -1;
	if (quote)
		return wrong(s->d, s->line, "a quote that doesn't end");
	if (until && **p != until)
		return wrong(s->d, s->line, "'${' without '}'");
	*p += until != '\0';
	return 0;
}

/* A word's meaning; NULL after a report(). */
static char *
expanded(const struct dockerfile *d, size_t line, const struct docker_variables *variables,
    const char *word)
{
	struct scope s = {.d = d, .variables = variables, .line = line};
	struct strbuf b = STRBUF_INIT;

	if (expand(&s, &word, '\0', &b)) {
		strbuf_free(&b);
		return NULL;
	}
	return strbuf_steal(&b);
}

/* The next word as it is written, quotes and what they hold included; NULL at the end. */
static char *
next_word(char escape, const char **p)
{
	const char *begin;
	char quote = 0;

	*p = skip_blanks(*p);
	begin = *p;
	for (; **p && (quote || (!is_blank(**p) && **p != '\n')); ++*p)
		if (**p == escape && (*p)[1] && quote != '\'')
			++*p;
		else if (quote ? **p == quote : **p == '\'' || **p == '"')
			quote = quote ? 0 : **p;
	return *p == begin ? NULL : xstrndup(begin, (size_t)(*p - begin));
}

/* ---- lines ---- */

/* A line without its end; 0 where there is none left. */
static int
next_line(struct reader *r, const char **line, size_t *len)
{
	const char *stop;

	if (r->p == r->end)
		return 0;
	stop = memchr(r->p, '\n', (size_t)(r->end - r->p));
	*line = r->p;
	*len = (size_t)((stop ? stop : r->end) - r->p);
	r->p = stop ? stop + 1 : r->end;
	r->line++;
	if (*len && (*line)[*len - 1] == '\r')
		--*len;
	return 1;
}

static void
trim_left(const char **line, size_t *len)
{
	while (*len && is_blank(**line))
		++*line, --*len;
}

/* Whether the line goes on: it ends with the escape character, which another one before it
 * would take that meaning from. *len is then less by it. */
static bool
goes_on(char escape, const char *line, size_t *len)
{
	size_t n = *len;

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	if (!n || line[n - 1] != escape || (n > 1 && line[n - 2] == escape))
		return false;
	*len = n - 1;
	return true;
}

/* An instruction's lines as one; 0 where there is none left. */
static int
join_lines(struct reader *r, struct strbuf *b, size_t *begin)
{
	const char *line;
	size_t len;
	bool first = true;

	while (next_line(r, &line, &len)) {
		const char *text = line;
		size_t rest = len;
		bool more;

		trim_left(&text, &rest);
		/* Comments and empty lines end nothing. */
		if (!rest || *text == '#')
			continue;
		if (first) {
			*begin = r->line;
			line = text;
			len = rest;
		}
		first = false;
		more = goes_on(r->d->escape, line, &len);
		strbuf_add(b, line, len);
		if (!more)
			return 1;
	}
	return !first;
}

/* "# escape=`", in the lines before anything else. */
static void
read_directives(struct reader *r)
{
	struct reader ahead = *r;
	const char *line, *sign;
	size_t len;

	while (next_line(&ahead, &line, &len)) {
		trim_left(&line, &len);
		if (!len || *line != '#')
			return;
		line++, len--;
		trim_left(&line, &len);
		sign = memchr(line, '=', len);
		if (!sign)
			return;
		if (len > 6 && strncasecmp(line, "escape", 6) == 0 &&
		    (line[6] == '=' || is_blank(line[6]))) {
			const char *value = sign + 1;

			while (value < line + len && is_blank(*value))
				value++;
			if (value < line + len && (*value == '`' || *value == '\\'))
				r->d->escape = *value;
		}
	}
}

/* ---- here-documents ---- */

/* The name of "<<NAME", "3<<-'NAME'"; NULL where the word is none. */
static char *
document_name(const char *word, bool *tabs)
{
	char *name;
	size_t n = 0;

	while (isdigit((unsigned char)*word))
		word++;
	if (strncmp(word, "<<", 2) != 0)
		return NULL;
	word += 2;
	*tabs = *word == '-';
	word += *tabs;
	if (!*word || strchr(word, '<'))
		return NULL;
	name = xstrdup(word);
	for (; *word; word++)
		if (*word != '"' && *word != '\'')
			name[n++] = *word;
	name[n] = '\0';
	return name;
}

static int
read_document(struct reader *r, struct docker_step *s, const char *name, bool tabs)
{
	struct strbuf b = STRBUF_INIT;
	const char *line;
	size_t len, wanted = strlen(name);

	strbuf_puts(&b, "");
	while (next_line(r, &line, &len)) {
		while (tabs && len && *line == '\t')
			line++, len--;
		if (len == wanted && memcmp(line, name, len) == 0) {
			s->document =
			    xreallocarray(s->document, s->documents + 1, sizeof(*s->document));
			s->document[s->documents++] = strbuf_steal(&b);
			return 0;
		}
		strbuf_add(&b, line, len);
		strbuf_putc(&b, '\n');
	}
	strbuf_free(&b);
	return wrong(r->d, s->line, "the here-document '%s' doesn't end", name);
}

static bool
takes_documents(const struct docker_step *s)
{
	static const char *const names[] = {"RUN", "COPY", "ADD"};
	size_t n = strcspn(s->value, " \t");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(s->name, names[i]) == 0 ||
		    (strcmp(s->name, "ONBUILD") == 0 && n == strlen(names[i]) &&
			strncasecmp(s->value, names[i], n) == 0))
			return true;
	return false;
}

static int
read_documents(struct reader *r, struct docker_step *s)
{
	const char *p = s->value;
	char *word;
	int bad = 0;

	if (!takes_documents(s))
		return 0;
	while (!bad && (word = next_word(r->d->escape, &p))) {
		bool tabs;
		cleanup_free char *name = document_name(word, &tabs);

		if (name)
			bad = read_document(r, s, name, tabs);
		free(word);
	}
	return bad;
}

/* ---- instructions ---- */

/* A word without its quotes and escapes, variables left as they are. */
static char *
unquoted(char escape, const char *word)
{
	char *out = xstrdup(word), *to = out;
	char quote = 0;

	for (; *word; word++)
		if (*word == quote)
			quote = 0;
		else if (!quote && (*word == '"' || *word == '\''))
			quote = *word;
		else if (*word == escape && quote != '\'' && word[1] && word[1] != '$')
			*to++ = *++word;
		else
			*to++ = *word;
	*to = '\0';
	return out;
}

static void
split_step(const struct dockerfile *d, const char *text, size_t line, struct docker_step *s)
{
	const char *p = text;
	size_t n = strcspn(p, " \t\r\v\f");
	char *word, *c;

	*s = (struct docker_step){.line = line, .name = xstrndup(p, n)};
	for (c = s->name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	p = skip_blanks(p + n);
	while (strncmp(p, "--", 2) == 0) {
		word = next_word(d->escape, &p);
		if (word[2] == '\0') {
			free(word);
			p = skip_blanks(p);
			break;
		}
		s->flag = xreallocarray(s->flag, s->flags + 1, sizeof(*s->flag));
		s->flag[s->flags++] = unquoted(d->escape, word + 2);
		free(word);
		p = skip_blanks(p);
	}
	n = strlen(p);
	while (n && is_blank(p[n - 1]))
		n--;
	s->value = xstrndup(p, n);
}

static void
step_free(struct docker_step *s)
{
	free(s->name);
	free(s->value);
	for (size_t i = 0; i < s->flags; i++)
		free(s->flag[i]);
	free(s->flag);
	for (size_t i = 0; i < s->documents; i++)
		free(s->document[i]);
	free(s->document);
	*s = (struct docker_step){.name = NULL};
}

/* "NAME", "NAME=value": the global value or --build-arg's where none is said here. */
static int
define_argument(
    struct dockerfile *d, struct docker_variables *to, const char *word, size_t line)
{
	cleanup_free char *plain = unquoted(d->escape, word);
	const char *sign = strchr(word, '=');
	char *name = xstrndup(plain, strcspn(plain, "="));
	const struct docker_variable *given = find_variable(&d->given, name),
				     *there = find_variable(to, name);
	char *value = NULL;

	if (there && there->of_env) {
		free(name);
		return 0;
	}
	if (given && given->value)
		value = xstrdup(given->value);
	else if (sign && !(value = expanded(d, line, to, sign + 1))) {
		free(name);
		return -1;
	} else if (!sign && to != &d->global && value_of(&d->global, name))
		value = xstrdup(value_of(&d->global, name));
	else if (!sign && there) {
		free(name);
		return 0;
	}
	define(to, name, value, false);
	return 0;
}

static int
read_arguments(struct dockerfile *d, struct docker_variables *to, const struct docker_step *s)
{
	const char *p = s->value;
	char *word;
	int bad = 0;

	while (!bad && (word = next_word(d->escape, &p))) {
		bad = define_argument(d, to, word, s->line);
		free(word);
	}
	return bad;
}

/* "A=b C='d e'", or the older "A b". */
static int
read_environment(struct dockerfile *d, struct docker_variables *to, const struct docker_step *s)
{
	const char *p = s->value, *sign;
	char *word, *value;
	bool older = true;

	while ((word = next_word(d->escape, &p))) {
		sign = strchr(word, '=');
		older = older && !sign;
		if (older)
			p = skip_blanks(p);
		value = older ? expanded(d, s->line, to, p)
			      : expanded(d, s->line, to, sign ? sign + 1 : "");
		if (!value) {
			free(word);
			return -1;
		}
		define(to, xstrndup(word, strcspn(word, "=")), value, true);
		free(word);
		if (older)
			return 0;
		older = false;
	}
	return 0;
}

/* ---- stages ---- */

/* A stage before that one, by its name or number. */
static size_t
find_stage(const struct dockerfile *d, size_t before, const char *name)
{
	char *end;
	unsigned long number;

	for (size_t i = before; i-- > 0;)
		if (d->stage[i].name && strcasecmp(d->stage[i].name, name) == 0)
			return i;
	if (*name && strspn(name, "0123456789") == strlen(name)) {
		errno = 0;
		number = strtoul(name, &end, 10);
		if (!errno && number < before)
			return number;
	}
	return NO_STAGE;
}

static void
inherit(struct docker_stage *s, const struct docker_stage *from)
{
	for (size_t i = 0; i < from->variables.n; i++) {
		const struct docker_variable *v = &from->variables.v[i];

		if (v->of_env)
			define(&s->variables, xstrdup(v->name),
			    v->value ? xstrdup(v->value) : NULL, true);
	}
}

static int
begin_stage(struct dockerfile *d, const struct docker_step *step)
{
	cleanup_free char *image = NULL, *as = NULL, *name = NULL, *more = NULL;
	const char *p = step->value;
	struct docker_stage *s;
	char *c;

	if (d->stages == STAGES_MAX)
		return wrong(d, step->line, "more than %d stages", STAGES_MAX);
	image = next_word(d->escape, &p);
	as = next_word(d->escape, &p);
	name = next_word(d->escape, &p);
	more = next_word(d->escape, &p);
	if (!image || more || (as && (!name || strcasecmp(as, "AS") != 0)))
		return wrong(d, step->line, "want FROM IMAGE or FROM IMAGE AS NAME");
	d->stage = xreallocarray(d->stage, d->stages + 1, sizeof(*d->stage));
	s = &d->stage[d->stages];
	*s = (struct docker_stage){.line = step->line, .base = NO_STAGE};
	s->image = expanded(d, step->line, &d->global, image);
	if (!s->image)
		return -1;
	if (!*s->image || strchr(":@/", s->image[strlen(s->image) - 1])) {
		free(s->image);
		return wrong(d, step->line,
		    "FROM '%s' names no image: give the variable a value by ARG before the "
		    "first FROM, or by --build-arg",
		    image);
	}
	if (strspn(s->image, "0123456789") != strlen(s->image))
		s->base = find_stage(d, d->stages, s->image);
	if (s->base != NO_STAGE)
		inherit(s, &d->stage[s->base]);
	if (name) {
		s->name = unquoted(d->escape, name);
		for (c = s->name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
	}
	d->stages++;
	return 0;
}

/* Takes the step over, or frees it. */
static int
take_step(struct dockerfile *d, struct docker_step *step)
{
	struct docker_stage *s = d->stages ? &d->stage[d->stages - 1] : NULL;
	int bad = 0;

	if (strcmp(step->name, "FROM") == 0) {
		bad = begin_stage(d, step);
	} else if (!s) {
		bad = strcmp(step->name, "ARG") == 0
			  ? read_arguments(d, &d->global, step)
			  : wrong(d, step->line, "'%s' before the first FROM", step->name);
	} else {
		if (strcmp(step->name, "ARG") == 0)
			bad = read_arguments(d, &s->variables, step);
		else if (strcmp(step->name, "ENV") == 0)
			bad = read_environment(d, &s->variables, step);
		s->step = xreallocarray(s->step, s->steps + 1, sizeof(*s->step));
		s->step[s->steps++] = *step;
		return bad;
	}
	step_free(step);
	return bad;
}

static int
read_steps(struct reader *r)
{
	struct strbuf b = STRBUF_INIT;
	struct docker_step step;
	size_t begin = 0;
	int bad = 0;

	while (!bad && join_lines(r, &b, &begin)) {
		/* An escape at its very end may have left nothing. */
		if (b.len && *skip_blanks(b.s)) {
			split_step(r->d, skip_blanks(b.s), begin, &step);
			bad = read_documents(r, &step);
			if (bad)
				step_free(&step);
			else
				bad = take_step(r->d, &step);
		}
		if (b.s)
			strbuf_cut(&b, 0);
	}
	strbuf_free(&b);
	return bad;
}

/* ---- the engine's words ---- */

/* "--NAME VALUE" or "--NAME=VALUE" at *word, which moves over it; NULL where it is another. */
static const char *
option(const char *const **word, const char *name)
{
	const char *w = **word;
	size_t n = strlen(name);

	if (strncmp(w, name, n) != 0)
		return NULL;
	if (w[n] == '=')
		return w + n + 1;
	return !w[n] && (*word)[1] ? *++*word : NULL;
}

static void
define_pair(struct docker_variables *to, const char *text)
{
	const char *sign = strchr(text, '=');
	char *name = xstrndup(text, strcspn(text, "="));
	const char *value = sign ? sign + 1 : getenv(name);

	define(to, name, value ? xstrdup(value) : NULL, false);
}

static void
read_params(struct dockerfile *d, const char *const *word)
{
	const char *value;

	for (; word && *word; word++)
		if ((value = option(&word, "--build-arg"))) {
			define_pair(&d->given, value);
		} else if ((value = option(&word, "--build-context"))) {
			define_pair(&d->context, value);
		} else if ((value = option(&word, "--target"))) {
			free(d->target);
			d->target = xstrdup(value);
		}
}

/* What a FROM knows without any ARG. */
static void
define_platform(struct dockerfile *d)
{
	static const char *const sides[] = {"TARGET", "BUILD"};
	struct platform here = platform_here();

	for (size_t i = 0; i < 2; i++) {
		define(&d->global, xasprintf("%sOS", sides[i]), xstrdup("linux"), false);
		define(&d->global, xasprintf("%sARCH", sides[i]), xstrdup(here.architecture),
		    false);
		define(
		    &d->global, xasprintf("%sVARIANT", sides[i]), xstrdup(here.variant), false);
		define(&d->global, xasprintf("%sPLATFORM", sides[i]),
		    xasprintf("linux/%s%s%s", here.architecture, *here.variant ? "/" : "",
			here.variant),
		    false);
	}
}

int
dockerfile_parse(struct dockerfile *d, const char *file, const char *bytes, size_t n,
    const char *const *params)
{
	struct reader r = {.d = d, .p = bytes, .end = bytes + n};

	*d = (struct dockerfile){.file = xstrdup(file), .escape = '\\'};
	if (n > FILE_MAX) {
		report("%s: more than 4 MiB", file);
		return -1;
	}
	if (n && memchr(bytes, '\0', n)) {
		report("%s: a NUL byte: not a Dockerfile", file);
		return -1;
	}
	if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		r.p += 3;
	read_params(d, params);
	define_platform(d);
	read_directives(&r);
	if (read_steps(&r))
		return -1;
	if (!d->stages) {
		report("%s: no FROM in it", file);
		return -1;
	}
	if (d->target && find_stage(d, d->stages, d->target) == NO_STAGE) {
		report("%s: no stage '%s', which --target names", file, d->target);
		return -1;
	}
	return 0;
}

int
dockerfile_read(struct dockerfile *d, const char *file, const char *const *params)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct strbuf b = STRBUF_INIT;
	struct stat st;
	int bad;

	*d = (struct dockerfile){.file = NULL};
	if (fd < 0 || fstat(fd, &st)) {
		report("open '%s':", file);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		report("%s: not a regular file", file);
		return -1;
	}
	/* What is too much is left to dockerfile_parse() to say. */
	if (file_read(fd, FILE_MAX, &b) && errno != EFBIG) {
		report("read '%s':", file);
		strbuf_free(&b);
		return -1;
	}
	bad = dockerfile_parse(d, file, b.s ? b.s : "", b.len, params);
	strbuf_free(&b);
	return bad;
}

void
dockerfile_free(struct dockerfile *d)
{
	for (size_t i = 0; i < d->stages; i++) {
		struct docker_stage *s = &d->stage[i];

		for (size_t k = 0; k < s->steps; k++)
			step_free(&s->step[k]);
		free(s->step);
		free(s->name);
		free(s->image);
		variables_free(&s->variables);
	}
	free(d->stage);
	free(d->file);
	free(d->target);
	variables_free(&d->global);
	variables_free(&d->given);
	variables_free(&d->context);
	*d = (struct dockerfile){.file = NULL};
}

const struct docker_stage *
dockerfile_result(const struct dockerfile *d)
{
	return &d->stage[d->target ? find_stage(d, d->stages, d->target) : d->stages - 1];
}

/* ---- images ---- */

struct listing {
	const struct dockerfile *d;
	bool needed[STAGES_MAX];
	char **image;
	size_t n;
};

static void
add_image(struct listing *l, const char *image)
{
	const struct docker_variable *context = find_variable(&l->d->context, image);
	const char *scheme;

	if (context) {
		scheme = context->value ? strstr(context->value, "://") : NULL;
		if (!scheme || (strncmp(context->value, "docker-image", 12) != 0 &&
				   strncmp(context->value, "container-image", 15) != 0))
			return; /* a directory, say */
		image = scheme + 3;
	}
	if (strcmp(image, "scratch") == 0)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->image[i], image) == 0)
			return;
	l->image = xreallocarray(l->image, l->n + 2, sizeof(*l->image));
	l->image[l->n++] = xstrdup(image);
	l->image[l->n] = NULL;
}

/* What follows --from= or from= in stage k. */
static int
add_source(struct listing *l, size_t k, const struct docker_variables *variables, size_t line,
    const char *from)
{
	cleanup_free char *name = expanded(l->d, line, variables, from);
	size_t stage;

	if (!name)
		return -1;
	if (!*name)
		return wrong(l->d, line, "from='%s' names neither an image nor a stage", from);
	stage = find_stage(l->d, k, name);
	if (stage != NO_STAGE && !find_variable(&l->d->context, name))
		l->needed[stage] = true;
	else
		add_image(l, name);
	return 0;
}

/* from= in the fields of --mount=, which are as in CSV: quotes may stand around one. */
static int
add_mount(struct listing *l, size_t k, const struct docker_variables *variables, size_t line,
    const char *fields)
{
	cleanup_free char *copy = xstrdup(fields);
	char *save = NULL, *field;
	int bad = 0;

	for (field = strtok_r(copy, ",", &save); field && !bad;
	     field = strtok_r(NULL, ",", &save)) {
		field += strspn(field, " \"");
		field[strcspn(field, "\"")] = '\0';
		if (strncasecmp(field, "from=", 5) == 0)
			bad = add_source(l, k, variables, line, field + 5);
	}
	return bad;
}

static int
add_of_step(struct listing *l, size_t k, const struct docker_step *s)
{
	const struct docker_variables *variables = &l->d->stage[k].variables;
	int bad = 0;

	for (size_t i = 0; i < s->flags && !bad; i++)
		if (strcmp(s->name, "COPY") == 0 && strncasecmp(s->flag[i], "from=", 5) == 0)
			bad = add_source(l, k, variables, s->line, s->flag[i] + 5);
		else if (strcmp(s->name, "RUN") == 0 &&
			 strncasecmp(s->flag[i], "mount=", 6) == 0)
			bad = add_mount(l, k, variables, s->line, s->flag[i] + 6);
	return bad;
}

/* What ONBUILD of the stage that stage k starts from adds to it. */
static int
add_triggers(struct listing *l, size_t k)
{
	const struct docker_stage *base = &l->d->stage[l->d->stage[k].base];
	struct docker_step trigger;
	int bad = 0;

	for (size_t i = 0; i < base->steps && !bad; i++) {
		if (strcmp(base->step[i].name, "ONBUILD") != 0)
			continue;
		split_step(l->d, base->step[i].value, base->step[i].line, &trigger);
		bad = add_of_step(l, k, &trigger);
		step_free(&trigger);
	}
	return bad;
}

static int
add_of_stage(struct listing *l, size_t k)
{
	const struct docker_stage *s = &l->d->stage[k];
	int bad = 0;

	if (s->base == NO_STAGE || find_variable(&l->d->context, s->image))
		add_image(l, s->image);
	else {
		l->needed[s->base] = true;
		bad = add_triggers(l, k);
	}
	for (size_t i = 0; i < s->steps && !bad; i++)
		bad = add_of_step(l, k, &s->step[i]);
	return bad;
}

char **
dockerfile_images(const struct dockerfile *d)
{
	struct listing *l = xcalloc(1, sizeof(*l));
	size_t k = (size_t)(dockerfile_result(d) - d->stage) + 1;
	char **images;
	int bad = 0;

	l->d = d;
	l->image = xcalloc(1, sizeof(*l->image));
	l->needed[k - 1] = true;
	/* A stage needs only those before it. */
	while (k-- > 0 && !bad)
		if (l->needed[k])
			bad = add_of_stage(l, k);
	images = l->image;
	free(l);
	if (bad) {
		free_strings(images);
		return NULL;
	}
	return images;
}

void
free_strings(char **strings)
{
	for (char **s = strings; s && *s; s++)
		free(*s);
	free(strings);
}

const struct docker_step *
dockerfile_last(const struct dockerfile *d, const struct docker_stage *s, const char *name)
{
	for (;;) {
		for (size_t i = s->steps; i-- > 0;)
			if (strcmp(s->step[i].name, name) == 0)
				return &s->step[i];
		if (s->base == NO_STAGE)
			return NULL;
		s = &d->stage[s->base];
	}
}

char *
dockerfile_word(const struct dockerfile *d, const struct docker_stage *s,
    const struct docker_step *step, const char *word)
{
	return expanded(d, step->line, &s->variables, word);
}
