#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "image_files.h"
#include "report.h"

/* A user that exists nowhere and owns nothing, for images that would run as root. */
enum { NOBODY = 65534, ACCOUNTS_MAX = 1 << 20 };

/* ---- the image's accounts ---- */

/* Comes from an image: a regular file of sane size or none. */
static int
read_accounts(int dir, const char *name, const char *key, struct accounts *out)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 ? errno == ELOOP : fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		report("%s: the image's /etc/%s is not a regular file", key, name);
		return -1;
	}
	if (fd >= 0 && st.st_size > ACCOUNTS_MAX)
		errno = EFBIG;
	else if (fd >= 0 && accounts_read(fd, out) == 0)
		return 0;
	report("%s: read the image's /etc/%s:", key, name);
	return -1;
}

int
image_accounts_read(struct app *a, const struct container *c, const struct image *image,
    struct image_accounts *out)
{
	const char *directory = image          ? image_files(a, c->key, c->test, image)
				: c->directory ? pool_printf("%s/files/etc", c->directory)
					       : NULL;
	cleanup_fd int dir = directory ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	*out = (struct image_accounts){0};
	if (dir < 0)
		return image ? -1 : 0;
	return read_accounts(dir, "passwd", c->key, &out->passwd) ||
		       read_accounts(dir, "group", c->key, &out->group)
		   ? -1
		   : 0;
}

void
image_accounts_free(struct image_accounts *a)
{
	accounts_free(&a->passwd);
	accounts_free(&a->group);
}

int
image_account(
    const struct image_accounts *a, const char *key, bool group, const char *who, uid_t *id)
{
	if (account_id(who, id) == 0 ||
	    accounts_lookup(group ? &a->group : &a->passwd, who, id) == 0)
		return 0;
	report("%s: the image has no %s '%s'", key, group ? "group" : "user", who);
	return -1;
}

/* ---- who runs ---- */

/* As engines read one: a sign may stand before it, and -0 is 0. */
static bool
is_number(const char *text, uid_t *id)
{
	bool minus = *text == '-';

	text += minus || *text == '+';
	return account_id(text, id) == 0 && (!minus || *id == 0);
}

/* The first line of passwd with that name or number. */
static const struct account_line *
passwd_line(const struct accounts *passwd, const char *name, uid_t id)
{
	for (size_t i = 0; i < passwd->count; i++) {
		const struct account_line *l = &passwd->line[i];
		uid_t its;

		if (l->fields > 3 && (name ? strcmp(l->field[0], name) == 0
					   : account_id(l->field[2], &its) == 0 && its == id))
			return l;
	}
	return NULL;
}

static bool
is_member(const struct account_line *group, const char *name)
{
	size_t len = strlen(name);
	const char *p = group->fields > 3 ? group->field[3] : "";

	for (; *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, name, len) == 0 && (p[len] == ',' || !p[len]))
			return true;
	return false;
}

static void
further_groups(const struct accounts *group, const char *name, struct words *out)
{
	uid_t id;

	for (size_t i = 0; i < group->count; i++)
		if (is_member(&group->line[i], name) &&
		    account_id(group->line[i].field[2], &id) == 0 &&
		    !words_have(out, pool_printf("%u", (unsigned)id)))
			words_addf(out, "%u", (unsigned)id);
}

/* "U" or "U:G". */
static int
resolve(const struct container *c, const struct image_accounts *accounts, const char *spec,
    struct identity *out)
{
	const char *colon = strchr(spec, ':');
	const char *user = colon ? pool_dupn(spec, (size_t)(colon - spec)) : spec;
	const struct account_line *line;
	uid_t uid = 0, gid = 0;
	bool number = is_number(user, &uid);

	line = passwd_line(&accounts->passwd, number ? NULL : user, uid);
	if (!line && !number && strcmp(user, "root") != 0 && *user) {
		report("%s: the image has no user '%s'", c->key, user);
		return -1;
	}
	if (line && (account_id(line->field[2], &uid) || account_id(line->field[3], &gid))) {
		report("%s: the image's account '%s' has no ids", c->key, line->field[0]);
		return -1;
	}
	if (colon && colon[1] && !is_number(colon + 1, &gid) &&
	    image_account(accounts, c->key, true, colon + 1, &gid))
		return -1;
	if (!(colon && colon[1]) && line)
		further_groups(&accounts->group, line->field[0], &out->groups);
	out->uid = uid;
	out->gid = gid;
	return 0;
}

/* Needs no accounts. */
static bool
is_all_numbers(const char *spec)
{
	const char *colon = strchr(spec, ':');
	uid_t id;

	return colon && is_number(pool_dupn(spec, (size_t)(colon - spec)), &id) &&
	       is_number(colon + 1, &id);
}

/* The settings' groups; with no accounts, those that are numbers or the host's. */
static int
add_groups(const struct container *c, const struct image_accounts *accounts, struct words *out)
{
	for (size_t i = 0; i < c->groups.n; i++) {
		const char *name = c->groups.w[i], *number;
		uid_t id;

		if (strncmp(name, "host/", 5) == 0) {
			const struct group *g = getgrnam(name + 5);

			if (!g) {
				report("%s: the host has no group '%s'", c->key, name + 5);
				return -1;
			}
			id = g->gr_gid;
		} else if (!is_number(name, &id) &&
			   image_account(accounts, c->key, true, name, &id)) {
			return -1;
		}
		number = pool_printf("%u", (unsigned)id);
		if (!words_have(out, number))
			words_add(out, number);
	}
	return 0;
}

static bool
needs_accounts(const struct container *c, const char *spec)
{
	uid_t id;

	for (size_t i = 0; i < c->groups.n; i++)
		if (strncmp(c->groups.w[i], "host/", 5) != 0 && !is_number(c->groups.w[i], &id))
			return true;
	return !is_all_numbers(spec);
}

int
identity_of(
    struct app *a, const struct container *c, const struct image *image, struct identity *out)
{
	const char *spec = c->user ? c->user : image && image->user ? image->user : "0:0";
	struct image_accounts accounts = {0};
	int bad;

	*out = (struct identity){0};
	if (!image && (!c->user || needs_accounts(c, spec)))
		return 0;
	if (needs_accounts(c, spec) && image_accounts_read(a, c, image, &accounts))
		return -1;
	bad = resolve(c, &accounts, spec, out);
	if (!bad && !c->user && out->uid == 0)
		*out = (struct identity){.uid = NOBODY, .gid = NOBODY, .was_root = true};
	bad = bad || add_groups(c, &accounts, &out->groups);
	image_accounts_free(&accounts);
	return bad ? -1 : 1;
}

bool
identity_is_root(const struct container *c, const struct identity *who)
{
	const char *user = c->user ? pool_dupn(c->user, strcspn(c->user, ":")) : "";
	uid_t id;

	if (who)
		return who->uid == 0;
	return strcmp(user, "root") == 0 || (is_number(user, &id) && id == 0);
}
