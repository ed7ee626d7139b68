#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

enum { DEEPEST = 20 }; /* of what is nested in each other */

struct word {
	struct strbuf text; /* without quotes */
	size_t line;
	int literal; /* nothing in it is expanded */
	int quoted;  /* some of it stood in quotes: no word of the grammar */
};

/* What was found, until it is known which functions there are. */
struct command {
	char *name;
	size_t line;
	int function; /* defined, not called */
};

struct script {
	struct command *command;
	size_t count, room;
};

struct parser {
	struct script *script;
	const char *p, *end;
	size_t line;
	int depth;
	char closing;          /* what ends this part: ')', '`', or 0: the text's end */
	int expect;            /* the next word is a command's name */
	int follows;           /* it is if it isn't an option: the word before calls it */
	int code;              /* the next word that is no option is a script itself */
	int exec;              /* find: what follows -exec is a command */
	int patterns;          /* of a case: up to the next ')' */
	int cases;             /* how many are open */
	struct strbuf heredoc; /* the words that end those that are to come, each with a NUL */
};

static void parse(struct parser *s);

static int
is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return 1;
	return 0;
}

static void
add(struct parser *s, const char *name, size_t line, int function)
{
	struct script *t = s->script;

	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->command = xreallocarray(t->command, t->room, sizeof(*t->command));
	}
	t->command[t->count++] = (struct command){xstrdup(name), line, function};
}

static void
parse_text(struct script *script, const char *text, size_t n, size_t line, int depth)
{
	struct parser s = {
	    .script = script, .p = text, .end = text + n, .line = line, .depth = depth};

	parse(&s);
	strbuf_free(&s.heredoc);
}

/* Parses what is nested, up to its closing character, and goes on behind that. */
static void
parse_nested(struct parser *s, char closing)
{
	struct parser inner = {.script = s->script,
	    .p = s->p,
	    .end = s->end,
	    .line = s->line,
	    .depth = s->depth + 1,
	    .closing = closing};

	if (inner.depth > DEEPEST) {
		s->p = s->end;
		return;
	}
	parse(&inner);
	strbuf_free(&inner.heredoc);
	s->p = inner.p;
	s->line = inner.line;
}

/* ---- words ---- */

static void
take(struct parser *s, struct word *w)
{
	if (*s->p == '\n')
		s->line++;
	strbuf_putc(&w->text, *s->p++);
}

static int
looking_at(const struct parser *s, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

static void read_expansion(struct parser *s, struct word *w);

/* ${…} and $((…)), which may have substitutions in them. */
static void
read_braces(struct parser *s, struct word *w, char open, char close)
{
	int depth = 1;

	while (s->p < s->end && depth > 0) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			take(s, w);
		else if (*s->p == '$' || *s->p == '`') {
			read_expansion(s, w);
			continue;
		} else if (*s->p == open)
			depth++;
		else if (*s->p == close)
			depth--;
		take(s, w);
	}
}

static void
read_expansion(struct parser *s, struct word *w)
{
	w->literal = 0;
	if (s->depth >= DEEPEST) {
		s->p = s->end;
		return;
	}
	s->depth++;
	if (*s->p == '`') {
		s->p++;
		parse_nested(s, '`');
	} else if (looking_at(s, "$((")) {
		s->p += 2;
		read_braces(s, w, '(', ')');
	} else if (looking_at(s, "$(")) {
		s->p += 2;
		parse_nested(s, ')');
	} else if (looking_at(s, "${")) {
		s->p += 2;
		read_braces(s, w, '{', '}');
	} else {
		take(s, w);
	}
	s->depth--;
}

static void
read_single_quotes(struct parser *s, struct word *w)
{
	w->quoted = 1;
	for (s->p++; s->p < s->end && *s->p != '\'';)
		take(s, w);
	s->p += s->p < s->end;
}

static void
read_double_quotes(struct parser *s, struct word *w)
{
	w->quoted = 1;
	for (s->p++; s->p < s->end && *s->p != '"';) {
		if (*s->p == '$' || (*s->p == '`' && s->closing != '`')) {
			read_expansion(s, w);
			continue;
		}
		if (*s->p == '\\' && s->p + 1 < s->end && strchr("$`\"\\\n", s->p[1]))
			s->p++;
		take(s, w);
	}
	s->p += s->p < s->end;
}

static int
ends_word(const struct parser *s)
{
	return strchr(" \t\n;&|<>()", *s->p) != NULL || (*s->p == '`' && s->closing == '`');
}

static void
read_word(struct parser *s, struct word *w)
{
	*w = (struct word){.line = s->line, .literal = 1};
	while (s->p < s->end && !ends_word(s)) {
		if (*s->p == '\'')
			read_single_quotes(s, w);
		else if (*s->p == '"')
			read_double_quotes(s, w);
		else if (*s->p == '$' || *s->p == '`')
			read_expansion(s, w);
		else if (*s->p == '\\' && s->p + 1 < s->end) {
			s->p++;
			w->quoted |= *s->p != '\n';
			if (*s->p == '\n') {
				s->line++;
				s->p++;
			} else {
				take(s, w);
			}
		} else {
			if (strchr("*?[", *s->p) && w->text.len)
				w->literal = 0;
			take(s, w);
		}
	}
	if (!w->text.s)
		strbuf_puts(&w->text, "");
}

/* ---- what a word is ---- */

static int
is_assignment(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	return n > 0 && !(*s >= '0' && *s <= '9') &&
	       (s[n] == '=' || (s[n] == '+' && s[n + 1] == '='));
}

/* Options, and numbers that belong to them: nice -n 5, timeout 10s. */
static int
is_option(const char *s)
{
	return *s == '-' || (*s >= '0' && *s <= '9');
}

static int
is_function(const struct parser *s)
{
	const char *p = s->p;

	while (p < s->end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == s->end || *p != '(')
		return 0;
	for (p++; p < s->end && (*p == ' ' || *p == '\t');)
		p++;
	return p < s->end && *p == ')';
}

/* A word of the grammar: returns 1 where it was one. */
static int
take_grammar(struct parser *s, const char *word)
{
	static const char *const before_command[] = {
	    "!", "{", "if", "then", "elif", "else", "while", "until", "do", "time", NULL};
	static const char *const others[] = {"}", "fi", "done", "for", "select", "in", NULL};

	if (is_one_of(word, before_command))
		return 1;
	if (strcmp(word, "case") == 0) {
		s->cases++;
		s->patterns = 1;
		s->expect = 0;
		return 1;
	}
	if (strcmp(word, "esac") == 0) {
		s->cases -= s->cases > 0;
		s->expect = 0;
		return 1;
	}
	if (is_one_of(word, others)) {
		s->expect = 0;
		return 1;
	}
	return 0;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void
take_command(struct parser *s, const struct word *w)
{
	static const char *const callers[] = {"busybox", "chroot", "command", "doas", "env",
	    "exec", "flock", "gosu", "ionice", "nice", "nohup", "setpriv", "setsid",
	    "setuidgid", "stdbuf", "su-exec", "sudo", "timeout", "unshare", "watch", "xargs",
	    NULL};
	/* of these the first word is a user, a directory or a file */
	static const char *const with_subject[] = {
	    "chroot", "flock", "gosu", "setuidgid", "su-exec", NULL};
	static const char *const shells[] = {
	    "ash", "bash", "dash", "hush", "ksh", "sh", "su", NULL};
	const char *name = last_part(w->text.s);

	s->expect = 0;
	s->follows = 0;
	if (!w->literal || w->text.len == 0 || strlen(w->text.s) != w->text.len)
		return;
	add(s, w->text.s, w->line, 0);
	s->follows = is_one_of(name, callers) ? 1 + is_one_of(name, with_subject) : 0;
	s->exec |= strcmp(name, "find") == 0;
	if (strcmp(name, "eval") == 0 || strcmp(name, "trap") == 0)
		s->code = 1;
	else if (is_one_of(name, shells))
		s->code = 2; /* after -c */
}

static void
take_argument(struct parser *s, const struct word *w)
{
	const char *text = w->text.s;

	if (s->code == 2) {
		if (text[0] == '-' && text[1] != '-' && strchr(text, 'c'))
			s->code = 1;
	} else if (s->code == 1 && (text[0] != '-' || !text[1])) {
		s->code = 0; /* "-" takes a trap away */
		if (w->literal && *text != '-' && s->depth < DEEPEST)
			parse_text(s->script, text, w->text.len, w->line, s->depth + 1);
	}
	if (s->exec && (strcmp(text, "-exec") == 0 || strcmp(text, "-execdir") == 0 ||
			   strcmp(text, "-ok") == 0))
		s->follows = 1;
	else if (s->follows && !is_option(text) && !is_assignment(text) && --s->follows == 0)
		take_command(s, w);
}

static void
take_word(struct parser *s, const struct word *w)
{
	const char *text = w->text.s;

	if (s->patterns) {
		/* "in" is behind the word that a case is about; esac may end it at once */
		if (s->patterns == 2 && !w->quoted && strcmp(text, "esac") == 0) {
			s->cases -= s->cases > 0;
			s->patterns = 0;
		} else if (!w->quoted && strcmp(text, "in") == 0) {
			s->patterns = 2;
		}
	} else if (!s->expect) {
		take_argument(s, w);
	} else if (!w->quoted && w->literal && *text && is_function(s)) {
		add(s, text, w->line, 1);
		while (*s->p++ != ')')
			;
	} else if ((!w->quoted && take_grammar(s, text)) || is_assignment(text)) {
		return;
	} else {
		take_command(s, w);
	}
}

/* ---- what stands between words ---- */

static void
next_command(struct parser *s)
{
	s->expect = 1;
	s->follows = s->code = s->exec = 0;
}

static void
skip_heredocs(struct parser *s)
{
	size_t at = 0;

	while (at < s->heredoc.len && s->p < s->end) {
		const char *word = s->heredoc.s + at;
		size_t n = strlen(word);

		while (s->p < s->end) {
			const char *nl = memchr(s->p, '\n', (size_t)(s->end - s->p));
			const char *line = s->p, *stop = nl ? nl : s->end;

			s->p = nl ? nl + 1 : s->end;
			s->line += nl != NULL;
			while (line < stop && *line == '\t')
				line++;
			if ((size_t)(stop - line) == n && memcmp(line, word, n) == 0)
				break;
		}
		at += n + 1;
	}
	strbuf_cut(&s->heredoc, 0);
}

static void
skip_blanks(struct parser *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || looking_at(s, "\\\n"))) {
		if (*s->p == '\\') {
			s->p++;
			s->line++;
		}
		s->p++;
	}
}

/* The word after an operator is a file's name, or what ends a here-document. */
static void
take_redirection(struct parser *s)
{
	struct word w;
	int heredoc = looking_at(s, "<<") && !looking_at(s, "<<<");

	while (s->p < s->end && strchr("<>&|-", *s->p))
		s->p++;
	skip_blanks(s);
	read_word(s, &w);
	if (heredoc && w.text.len)
		strbuf_add(&s->heredoc, w.text.s, w.text.len + 1);
	strbuf_free(&w.text);
}

/* Also behind the number of a descriptor, and bash's "&>". */
static int
at_redirection(struct parser *s)
{
	const char *p = s->p;

	while (p < s->end && *p >= '0' && *p <= '9')
		p++;
	if (p == s->p && looking_at(s, "&>"))
		p++;
	if (p == s->end || (*p != '<' && *p != '>'))
		return 0;
	s->p = p;
	return 1;
}

static void
skip_comment(struct parser *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

/* One character that isn't part of a word. Returns 0 where it ends this part. */
static int
take_operator(struct parser *s)
{
	char c = *s->p++;

	switch (c) {
	case '\n':
		s->line++;
		skip_heredocs(s);
		break;
	case ')':
		if (s->patterns != 2 && s->closing == ')')
			return 0;
		s->patterns = 0;
		break;
	case ';':
		/* ";;", and bash's ";&": more patterns come */
		if (s->p < s->end && (*s->p == ';' || *s->p == '&') && s->cases > 0)
			s->patterns = 2;
		break;
	case '`':
		return 0;
	default:
		break;
	}
	if (s->patterns == 0)
		next_command(s);
	return 1;
}

static void
parse(struct parser *s)
{
	next_command(s);
	while (skip_blanks(s), s->p < s->end) {
		struct word w;

		if (*s->p == '#') {
			skip_comment(s);
		} else if (at_redirection(s)) {
			take_redirection(s);
		} else if (ends_word(s)) {
			if (!take_operator(s))
				return;
		} else {
			read_word(s, &w);
			take_word(s, &w);
			strbuf_free(&w.text);
		}
	}
}

static int
is_defined(const struct script *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->command[i].function && strcmp(t->command[i].name, name) == 0)
			return 1;
	return 0;
}

void
commands_in(const char *script, size_t n,
    void (*found)(void *arg, const char *word, size_t len, size_t line), void *arg)
{
	struct script t = {NULL, 0, 0};

	parse_text(&t, script, n, 1, 0);
	for (size_t i = 0; i < t.count; i++)
		if (!t.command[i].function && !is_defined(&t, t.command[i].name))
			found(arg, t.command[i].name, strlen(t.command[i].name),
			    t.command[i].line);
	for (size_t i = 0; i < t.count; i++)
		free(t.command[i].name);
	free(t.command);
}

/* ---- the first line ---- */

/* The next word of the line, NULL at its end. */
static const char *
next_of_line(const char **p, const char *end, size_t *len)
{
	const char *word;

	while (*p < end && (**p == ' ' || **p == '\t'))
		++*p;
	word = *p;
	while (*p < end && **p != ' ' && **p != '\t')
		++*p;
	for (*len = (size_t)(*p - word); *len > 0 && memrchr(word, '/', *len); ++word, --*len)
		;
	return *len ? word : NULL;
}

void
commands_shell(const char *script, size_t n, char *out, size_t size)
{
	static const char *const shells[] = {
	    "ash", "bash", "dash", "hush", "ksh", "mksh", "sh", "zsh", NULL};
	const char *p = script + 2, *end, *word;
	size_t len;

	*out = '\0';
	if (n < 4 || memcmp(script, "#!", 2) != 0)
		return;
	end = memchr(script, '\n', n);
	if (!end)
		end = script + n;
	while ((word = next_of_line(&p, end, &len)) != NULL) {
		if (*word == '-')
			continue;
		snprintf(out, size, "%.*s", (int)(len < 64 ? len : 64), word);
		if (strcmp(out, "env") != 0 && strcmp(out, "busybox") != 0)
			break;
	}
	if (!is_one_of(out, shells))
		*out = '\0';
}

int
commands_is_builtin(const char *word, size_t len)
{
	static const char *const builtins[] = {
	    "[", "[[", "echo", "false", "kill", "printf", "pwd", "test", "true"};
	size_t k;

	for (k = 0; k < sizeof(builtins) / sizeof(builtins[0]); k++)
		if (strlen(builtins[k]) == len && memcmp(word, builtins[k], len) == 0)
			return 1;
	return 0;
}
