#include "values_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "container.h"
#include "settings.h"

int
take_name(struct reader *r, const struct node *n)
{
	if (text_value(r, n, &r->c->name))
		return -1;
	if (!is_name(r->c->name))
		return wrong_value(r, n, "a name of letters, digits, '_', '.' and '-'");
	return 0;
}

int
take_hostname(struct reader *r, const struct node *n)
{
	if (text_value(r, n, &r->c->hostname))
		return -1;
	if (*r->c->hostname && (!is_name(r->c->hostname) || strlen(r->c->hostname) > 64 ||
				   strchr(r->c->hostname, '_')))
		return wrong_value(r, n, "a host name: letters, digits, '.' and '-'");
	return 0;
}

static bool
is_reference(const char *s)
{
	return s[strspn(s,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:@")] ==
		   '\0' &&
	       *s != '-' && *s != '/';
}

/* NULL where nothing is written. */
static int
reference(struct reader *r, const struct node *n, const char **out)
{
	*out = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, out))
		return -1;
	if (!is_reference(*out))
		return wrong_value(
		    r, n, "a part of an image's name: letters, digits, and _.-/:@");
	return 0;
}

int
take_image(struct reader *r, const struct node *n)
{
	int bad = reference(r, n, &r->c->image);

	if (!r->c->image)
		r->c->image = r->c->key;
	return bad;
}

int
take_tag(struct reader *r, const struct node *n)
{
	int bad = reference(r, n, &r->c->tag);

	if (!r->c->tag)
		r->c->tag = r->c->test ? "latest" : "live";
	return bad;
}

int
take_repo1(struct reader *r, const struct node *n)
{
	if (is_empty(n))
		return wrong_value(r, n, "a repository");
	return reference(r, n, &r->c->repo1);
}

int
take_repo2(struct reader *r, const struct node *n)
{
	return reference(r, n, &r->c->repo2);
}

int
take_user(struct reader *r, const struct node *n)
{
	const char *user;

	r->c->user = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &user))
		return -1;
	if (user[strspn(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789_.-:")] ||
	    *user == ':' || *user == '-')
		return wrong_value(r, n, "USER or USER:GROUP, by name or number");
	r->c->user = user;
	return 0;
}

enum { ENV_FILE_MAX = 1 << 20 };

static int
pair_of_text(struct reader *r, const struct node *n, struct pair *p)
{
	const char *text, *sign;

	if (settings_string(r->s, n, &text))
		return -1;
	sign = strchr(text, '=');
	if (!sign || sign == text)
		return wrong_value(r, n, "NAME=VALUE");
	p->key = pool_dupn(text, (size_t)(sign - text));
	p->value = pool_dup(sign + 1);
	return 0;
}

/* A null of a map has a value of NULL: that name is taken away. */
static int
pair_of_map(struct reader *r, const struct node *map, size_t i, struct pair *p)
{
	const struct node *value = map->item[i];

	p->key = pool_dup(map->key[i]->text);
	if (!*p->key || strchr(p->key, '='))
		return wrong_value(r, map->key[i], "a name, not empty and without '='");
	if (value->kind == NODE_SCALAR && *value->text && is_empty(value))
		return 0;
	return text_value(r, value, &p->value);
}

void
put_pair(struct pairs *list, struct pair p)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].key, p.key) == 0) {
			list->v[i] = p;
			return;
		}
	*GROW(*list) = p;
}

/* One element: NAME=VALUE, or a map of them. */
static int
take_pairs(struct reader *r, const struct node *n, struct pairs *list)
{
	size_t count = n->kind == NODE_MAP ? n->count : 1;

	for (size_t i = 0; i < count; i++) {
		struct pair p = {0};

		if (n->kind == NODE_MAP ? pair_of_map(r, n, i, &p) : pair_of_text(r, n, &p))
			return -1;
		put_pair(list, p);
	}
	return 0;
}

int
take_env(struct reader *r, const struct node *n)
{
	return take_pairs(r, n, &r->c->env);
}

int
take_label(struct reader *r, const struct node *n)
{
	return take_pairs(r, n, &r->c->labels);
}

/* A name of the image's, a number, or "host/NAME". */
int
take_group(struct reader *r, const struct node *n)
{
	const char *text, *name;

	if (settings_string(r->s, n, &text))
		return -1;
	name = strncmp(text, "host/", 5) == 0 ? text + 5 : text;
	if (!is_name(name))
		return wrong_value(r, n, "a group of the image, a number, or host/GROUP");
	words_add(&r->c->groups, text);
	return 0;
}

int
take_env_file(struct reader *r, const struct node *n)
{
	const char *text;

	if (settings_string(r->s, n, &text))
		return -1;
	if (!*text || climbs(text))
		return wrong_value(r, n, "the path of a file, without '..'");
	if (*text == '/' || !r->c->directory)
		words_add(&r->c->env_files, text);
	else
		words_addf(&r->c->env_files, "%s/%s", r->c->directory, text);
	return 0;
}

bool
is_variable(const char *name, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	if (!len || !strchr(letters, *name))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!strchr(letters, name[i]) && (name[i] < '0' || name[i] > '9'))
			return false;
	return true;
}

/* One line without its newline. */
static const char *
env_line(const char *line, struct pairs *out)
{
	const char *sign = strchr(line, '=');

	if (!*line || *line == '#')
		return NULL;
	if (!sign || !is_variable(line, (size_t)(sign - line)))
		return "want NAME=VALUE, a comment or an empty line";
	if (sign[1] == '"' || sign[1] == '\'')
		return "a value is taken as it is: remove the quotes";
	put_pair(
	    out, (struct pair){pool_dupn(line, (size_t)(sign - line)), pool_dup(sign + 1)});
	return NULL;
}

void
read_env_file(struct settings *s, const char *path, struct pairs *out)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cleanup_file FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	cleanup_free char *line = NULL;
	size_t cap = 0, number = 0;
	struct stat st;
	ssize_t n;

	if (!f || fstat(fd, &st)) {
		settings_error(s, NULL, "env_files: open '%s': %s", path, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > ENV_FILE_MAX) {
		settings_error(
		    s, NULL, "env_files: '%s' is not a regular file of up to 1 MiB", path);
		return;
	}
	while ((n = getline(&line, &cap, f)) > 0) {
		const char *why;

		number++;
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		why = strlen(line) != (size_t)n ? "a NUL byte" : env_line(line, out);
		if (why) {
			settings_error(s, NULL, "env_files: %s:%zu: %s", path, number, why);
			return;
		}
	}
}
