#include "volume_ids.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "cleanup.h"
#include "engine_call.h"
#include "report.h"
#include "strbuf.h"

/* An id as the host has it, as this process has to say it. */
static int
as_said_here(const struct id_context *p, bool group, uint32_t host, uint32_t *out)
{
	const struct id_map *m = group ? &p->self.gid : &p->self.uid;

	if (id_map_in(m, host, out))
		return 0;
	report("%s: %s %" PRIu32 " can't be given to a file by this user", p->c->key,
	    group ? "group" : "user", host);
	return -1;
}

int
id_outside(const struct id_context *p, bool group, uint32_t inside, uint32_t *out)
{
	const struct id_map *m = group ? &p->map.gid : &p->map.uid;
	int64_t shift = group ? p->c->shift_gids : p->c->shift_uids;
	uint32_t host;

	if (shift) {
		if (inside + shift > UINT32_MAX - 1) {
			report("%s: %" PRIu32 " shifted by %" PRId64 " is no id", p->c->key,
			    inside, shift);
			return -1;
		}
		return as_said_here(p, group, (uint32_t)(inside + shift), out);
	}
	if (!id_map_out(m, inside, &host)) {
		report("%s: %s %" PRIu32 " isn't in the container's user namespace", p->c->key,
		    group ? "group" : "user", inside);
		return -1;
	}
	return as_said_here(p, group, host, out);
}

static int
read_image_accounts(struct id_context *p)
{
	int bad =
	    p->accounts_read ? 0 : image_accounts_read(p->a, p->c, p->image, &p->accounts);

	p->accounts_read = !bad;
	return bad;
}

int
id_of_owner(struct id_context *p, const char *who, bool group, uint32_t *out)
{
	const char *prefix = group ? "group/" : "user/";
	const struct accounts *host = group ? &p->host.group : &p->host.passwd;
	uid_t id;

	if (strncmp(who, prefix, strlen(prefix)) != 0) {
		if (account_id(who, &id) && accounts_lookup(host, who, &id)) {
			report("%s: the host has no %s '%s'", p->c->key,
			    group ? "group" : "user", who);
			return -1;
		}
		return as_said_here(p, group, id, out);
	}
	who += strlen(prefix);
	if (account_id(who, &id)) {
		if (read_image_accounts(p) ||
		    image_account(&p->accounts, p->c->key, group, who, &id))
			return -1;
	}
	return id_outside(p, group, id, out);
}

int
id_of_service(struct id_context *p, uint32_t *uid, uint32_t *gid)
{
	struct identity who;
	int got = identity_of(p->a, p->c, p->image, &who);

	if (got == 0)
		report("%s: can't tell which user it runs as: its image isn't here", p->c->key);
	if (got != 1)
		return -1;
	return id_outside(p, false, who.uid, uid) || id_outside(p, true, who.gid, gid) ? -1 : 0;
}

/* ---- the map ---- */

static int
map_of_docker(struct id_context *p, struct strbuf *why)
{
	struct strbuf out = STRBUF_INIT;
	int bad;

	if (p->c->userns) { /* only "host" gets here */
		idmap_identity(&p->map);
		return 0;
	}
	bad = engine_call(&p->a->engine, &out, "info", "--format", "{{.DockerRootDir}}", NULL);
	if (!bad)
		bad = userns_docker_running(&p->map, &p->host, engine_last_line(&out), why);
	strbuf_free(&out);
	return bad ? -1 : 0;
}

static const char *
outer_user(void)
{
	const char *outer = getenv("WHITTLE_OUTER_UID");

	if (outer)
		return outer;
	return geteuid() ? pool_printf("%d", (int)geteuid()) : NULL;
}

static int
map_of_podman(struct id_context *p, struct strbuf *why)
{
	struct userns_podman ask = {.user = outer_user(), .userns = p->c->userns};
	struct strbuf json = STRBUF_INIT;
	struct words uids = {0}, gids = {0};
	int bad;

	/* A container that exists knows best; "auto" is only known then, and what is made
	 * before is set right afterwards. */
	if (!p->id && p->c->userns && strcmp(p->c->userns, "auto") == 0) {
		idmap_identity(&p->map);
		return 0;
	}
	if (p->id && p->c->userns) {
		bad = engine_call(&p->a->engine, &json, "inspect", "--format",
		    "{{json .HostConfig.IDMappings}}", p->id, NULL);
		if (!bad)
			bad = userns_inspected(&p->map, &p->host, ask.user, json.s, why);
		strbuf_free(&json);
		return bad ? -1 : 0;
	}
	if (p->c->userns && strchr(p->c->userns, ':')) {
		struct idmap given = IDMAP_INIT;

		bad = idmap_parse(&given, p->c->userns, why);
		for (size_t i = 0; i < given.uid.count; i++)
			words_addf(&uids, "%" PRIu32 ":%" PRIu32 ":%" PRIu32,
			    given.uid.range[i].inside, given.uid.range[i].outside,
			    given.uid.range[i].count);
		for (size_t i = 0; i < given.gid.count; i++)
			words_addf(&gids, "%" PRIu32 ":%" PRIu32 ":%" PRIu32,
			    given.gid.range[i].inside, given.gid.range[i].outside,
			    given.gid.range[i].count);
		idmap_free(&given);
		if (bad)
			return -1;
		ask.userns = NULL;
		ask.uidmap = (const char *const *)uids.w;
		ask.gidmap = (const char *const *)gids.w;
	}
	return userns_podman(&p->map, &p->host, &ask, why);
}

static int
read_self_map(const char *path, struct id_map *m, struct strbuf *why)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[8192];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return n < 0 ? -1 : id_map_parse_proc(m, text, (size_t)n, why);
}

int
id_context_open(struct id_context *p)
{
	struct strbuf why = STRBUF_INIT;
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int bad = userns_files_read(&p->host, root, &why);

	if (!bad && !(p->c->shift_uids && p->c->shift_gids))
		bad = p->a->engine.kind == DOCKER ? map_of_docker(p, &why)
						  : map_of_podman(p, &why);
	if (!bad)
		bad = read_self_map("/proc/self/uid_map", &p->self.uid, &why) ||
		      read_self_map("/proc/self/gid_map", &p->self.gid, &why);
	if (bad)
		report("%s: can't tell which users of the host its users are: %s", p->c->key,
		    why.s ? why.s : "no reason given");
	strbuf_free(&why);
	return bad ? -1 : 0;
}

void
id_context_close(struct id_context *p)
{
	userns_files_free(&p->host);
	image_accounts_free(&p->accounts);
	idmap_free(&p->map);
	idmap_free(&p->self);
}
