#include "values_limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "container.h"
#include "idmap.h"
#include "settings.h"
#include "strbuf.h"

int
take_cpus(struct reader *r, const struct node *n)
{
	const char *text;
	char *end;
	double cpus;

	r->c->cpus = 0;
	if (is_empty(n))
		return 0;
	if (settings_string(r->s, n, &text))
		return -1;
	cpus = strtod(text, &end);
	if (text[strspn(text, "0123456789.")] || end == text || *end || cpus > 4096 ||
	    (cpus > 0 && cpus < 0.01))
		return wrong_value(r, n, "a number of CPUs, such as 0.5; 0 for no limit");
	r->c->cpus = (int64_t)(cpus * 1000 + 0.5);
	return 0;
}

static const char *const capability_names[] = {"AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE",
    "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
    "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE",
    "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
    "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN",
    "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM", NULL};

int
take_cap(struct reader *r, const struct node *n)
{
	const char *text;
	char *cap;

	if (settings_string(r->s, n, &text))
		return -1;
	cap = pool_dup(text);
	for (char *p = cap; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	if (strncmp(cap, "CAP_", 4) == 0)
		cap += 4;
	if (known_word(r, n, "capability", cap, capability_names))
		return -1;
	if (!words_have(&r->c->caps, cap)) {
		words_add(&r->c->caps, cap);
		words_sort(&r->c->caps);
	}
	return 0;
}

int
take_seccomp(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->seccomp = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &text))
		return -1;
	if (strcmp(text, "default") == 0)
		return 0;
	if (strcmp(text, "unconfined") == 0 || *text == '/') {
		r->c->seccomp = text;
		return 0;
	}
	if (strchr(text, '/') || strstr(text, ".json")) {
		r->c->seccomp =
		    r->c->directory ? pool_printf("%s/%s", r->c->directory, text) : text;
		return 0;
	}
	return wrong_value(
	    r, n, "default, unconfined, or a profile's file (a name with .json)");
}

int
take_verify_key(struct reader *r, const struct node *n)
{
	const char *text;

	r->c->verify_key = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &text))
		return -1;
	r->c->verify_key = *text == '/' || !r->c->directory
			       ? text
			       : pool_printf("%s/%s", r->c->directory, text);
	return 0;
}

int
take_userns(struct reader *r, const struct node *n)
{
	static const char *const modes[] = {"host", "auto", "keep-id", "nomap", NULL};
	struct idmap map = IDMAP_INIT;
	struct strbuf why = STRBUF_INIT;
	const char *text;
	int bad = 0;

	r->c->userns = NULL;
	if (is_empty(n))
		return 0;
	if (text_value(r, n, &text))
		return -1;
	if (!among(text, modes)) {
		bad = idmap_parse(&map, text, &why);
		if (bad)
			settings_error(r->s, n,
			    "'%s': want host, auto, keep-id, nomap, or a map "
			    "INSIDE:OUTSIDE:COUNT: %s",
			    text, why.s ? why.s : "");
	}
	idmap_free(&map);
	strbuf_free(&why);
	r->c->userns = text;
	return bad;
}

static int
limit_value(const char *s, size_t len, int64_t *out)
{
	cleanup_free char *text = xstrndup(s, len);
	char *end;

	if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0) {
		*out = -1;
		return 0;
	}
	errno = 0;
	*out = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno ? 0 : -1;
}

static int
add_limit(struct reader *r, const struct node *n, const char *name, const char *value)
{
	static const char *const names[] = {"core", "cpu", "data", "fsize", "locks", "memlock",
	    "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending",
	    "stack", NULL};
	const char *colon = strchr(value, ':');
	struct limit l = {.name = pool_dup(name)};
	size_t len = colon ? (size_t)(colon - value) : strlen(value);

	if (known_word(r, n, "limit", name, names))
		return -1;
	if (limit_value(value, len, &l.soft) ||
	    limit_value(colon ? colon + 1 : value, colon ? strlen(colon + 1) : len, &l.hard) ||
	    (l.hard >= 0 && (l.soft > l.hard || l.soft < 0)))
		return wrong_value(
		    r, n, "SOFT[:HARD], numbers or unlimited, SOFT not above HARD");
	*GROW(r->c->ulimits) = l;
	return 0;
}

int
take_ulimit(struct reader *r, const struct node *n)
{
	const char *text, *sign;

	if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->count; i++)
			if (settings_string(r->s, n->item[i], &text) ||
			    add_limit(r, n->item[i], n->key[i]->text, text))
				return -1;
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	sign = strchr(text, '=');
	if (!sign)
		return wrong_value(r, n, "NAME=SOFT[:HARD]");
	return add_limit(r, n, pool_dupn(text, (size_t)(sign - text)), sign + 1);
}

/* Those that are a container's own, namespaces(7); others would change the host. */
static int
add_sysctl(struct reader *r, const struct node *n, const char *name, const char *value)
{
	static const char *const own[] = {"fs.mqueue.", "kernel.msg", "kernel.sem",
	    "kernel.shm", "kernel.domainname", "net.", NULL};
	bool known = false;

	for (size_t i = 0; own[i]; i++)
		known |= strncmp(name, own[i], strlen(own[i])) == 0;
	if (!known || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789_.-/")])
		return wrong_value(
		    r, n, "NAME=VALUE, a setting that namespaces have: net., kernel.shm, …");
	*GROW(r->c->sysctls) = (struct pair){name, pool_dup(value)};
	return 0;
}

int
take_sysctl(struct reader *r, const struct node *n)
{
	const char *text, *sign;

	if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->count; i++)
			if (settings_string(r->s, n->item[i], &text) ||
			    add_sysctl(r, n->item[i], pool_dup(n->key[i]->text), text))
				return -1;
		return 0;
	}
	if (settings_string(r->s, n, &text))
		return -1;
	sign = strchr(text, '=');
	return add_sysctl(
	    r, n, sign ? pool_dupn(text, (size_t)(sign - text)) : "", sign ? sign + 1 : "");
}
