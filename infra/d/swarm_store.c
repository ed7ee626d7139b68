#include "swarm_store.h"

#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "digest.h"
#include "file.h"
#include "report.h"
#include "secrets.h"
#include "state.h"
#include "strbuf.h"
#include "swarm_see.h"

/* A config is a message among managers; older ones take this much. */
enum { CONFIG_MAX = 500 * 1000, SALT_BYTES = 32, DIGITS = 12, NAME_PART = 24 };

static const char salt_file[] = "swarm-salt.json";

/* ---- names ---- */

/* "KEY-WHAT-DIGEST", of characters that Swarm takes. */
static const char *
stored_name(const struct container *c, const char *what, const char hex[SHA256_HEX])
{
	const char *slash = strrchr(what, '/');
	char *part =
	    pool_dupn(slash ? slash + 1 : what, strnlen(slash ? slash + 1 : what, NAME_PART));

	for (char *p = part; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			*p = '-';
	return pool_printf("%s-%s-%.*s", c->key, part, DIGITS, hex);
}

/* Everybody may see the names: without what is only known here a short secret could be guessed
 * from its digest. NULL after a message. */
static const char *
salt_of(struct app *a, const char *key)
{
	unsigned char bytes[SALT_BYTES];
	char hex[2 * SALT_BYTES + 1];
	json_t *o = state_read(&a->host, key, salt_file);
	const char *got = pool_dup(json_string_value(json_object_get(o, "salt")));

	json_decref(o);
	if (got)
		return got;
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		report("%s: random bytes:", key);
		return NULL;
	}
	hex_of(bytes, sizeof(bytes), hex);
	o = json_pack("{s:s}", "salt", hex);
	if (state_write(&a->host, key, salt_file, o) == 0)
		got = pool_dup(hex);
	json_decref(o);
	return got;
}

int
swarm_store_secrets(struct app *a, struct export_item *i)
{
	const char *salt = i->c->secrets.n ? salt_of(a, i->c->key) : "";
	char hex[SHA256_HEX];

	for (size_t k = 0; salt && k < i->c->secrets.n; k++) {
		struct strbuf value = STRBUF_INIT;

		if (secret_read(i->c, &i->c->secrets.v[k], &value)) {
			secret_free(&value);
			return -1;
		}
		strbuf_puts(&value, salt);
		sha256_bytes(value.s, value.len, hex);
		secret_free(&value);
		words_add(&i->secrets, stored_name(i->c, i->c->secrets.v[k].name, hex));
	}
	return salt ? 0 : -1;
}

/* ---- files ---- */

/* What a file of mount_ro holds: of vols' contents, or of a regular file that is small enough.
 * false: it is neither, and stays what it is, a path on a node. */
static bool
file_text(const struct container *c, const struct mount *m, struct strbuf *out)
{
	cleanup_fd int fd = -1;
	struct stat st;

	for (size_t k = 0; k < c->vols.n; k++)
		if (c->vols.v[k].contents &&
		    strcmp(export_vol_source(c, &c->vols.v[k]), m->source) == 0) {
			strbuf_puts(out, c->vols.v[k].contents);
			return out->len <= CONFIG_MAX;
		}
	fd = open(m->source, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size <= CONFIG_MAX && file_read(fd, CONFIG_MAX, out) == 0;
}

static void
name_configs(struct export_item *i)
{
	char hex[SHA256_HEX];

	for (size_t k = 0; k < i->c->mount_ro.n; k++) {
		const struct mount *m = &i->c->mount_ro.v[k];
		struct strbuf b = STRBUF_INIT;

		if (file_text(i->c, m, &b) && b.len) {
			sha256_bytes(b.s, b.len, hex);
			*GROW(i->configs) =
			    (struct pair){m->target, stored_name(i->c, m->target, hex)};
		}
		strbuf_free(&b);
	}
}

int
swarm_store_name(struct app *a, struct export_item *i)
{
	name_configs(i);
	return swarm_store_secrets(a, i);
}

/* ---- the store ---- */

static int
list(struct app *a, const char *kind, const char *key, struct words *out)
{
	struct strbuf said = STRBUF_INIT;
	char *save = NULL;
	int status = swarm_do(a, &said, kind, "ls", "--filter",
	    pool_printf("label=%s=%s", SWARM_KEY, key), "--format", "{{.Name}}", NULL);

	for (char *line = status ? NULL : strtok_r(said.s, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		words_add(out, line);
	strbuf_free(&said);
	return status ? -1 : 0;
}

static int
create(struct app *a, const char *kind, const char *key, const char *name,
    const struct strbuf *value)
{
	struct words args = {0};

	words_add(&args, kind);
	words_add(&args, "create");
	words_add(&args, "--label");
	words_addf(&args, "%s=%s", SWARM_KEY, key);
	words_add(&args, name);
	words_add(&args, "-");
	return swarm_call(a, &args, value->s, value->len, NULL) ? -1 : 0;
}

static int
fill_secrets(struct app *a, const struct export_item *i)
{
	struct words there = {0};
	int bad = i->secrets.n ? list(a, "secret", i->c->key, &there) : 0;

	for (size_t k = 0; !bad && k < i->secrets.n; k++) {
		struct strbuf value = STRBUF_INIT;

		if (!words_have(&there, i->secrets.w[k]))
			bad = secret_read(i->c, &i->c->secrets.v[k], &value) ||
			      create(a, "secret", i->c->key, i->secrets.w[k], &value);
		secret_free(&value);
	}
	return bad ? -1 : 0;
}

static int
fill_configs(struct app *a, const struct export_item *i)
{
	struct words there = {0};
	int bad = i->configs.n ? list(a, "config", i->c->key, &there) : 0;

	for (size_t k = 0; !bad && k < i->c->mount_ro.n; k++) {
		const char *name = export_config(i, i->c->mount_ro.v[k].target);
		struct strbuf text = STRBUF_INIT;

		if (name && !words_have(&there, name))
			bad = !file_text(i->c, &i->c->mount_ro.v[k], &text) ||
			      create(a, "config", i->c->key, name, &text);
		strbuf_free(&text);
	}
	return bad ? -1 : 0;
}

int
swarm_store_fill(struct app *a, const struct export_item *i)
{
	return fill_secrets(a, i) || fill_configs(a, i) ? -1 : 0;
}

/* Swarm itself refuses to remove what a service uses. */
void
swarm_store_tidy(struct app *a, const struct container *c)
{
	static const char *const kinds[] = {"secret", "config"};

	for (size_t k = 0; k < 2; k++) {
		struct words there = {0};

		if (list(a, kinds[k], c->key, &there))
			return;
		for (size_t i = 0; i < there.n; i++)
			swarm_try(a, kinds[k], "rm", there.w[i], NULL);
	}
}
