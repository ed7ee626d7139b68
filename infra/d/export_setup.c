#include "export_setup.h"

#include <inttypes.h>
#include <string.h>

#include "export_set.h"
#include "strbuf.h"

/* One line for a shell. */
static void
command(struct strbuf *b, const struct words *words)
{
	words_quote(words, b);
	strbuf_putc(b, '\n');
}

static void
add_owner(struct words *w, const struct export_item *i, size_t k)
{
	if (i->uid && i->uid[k] >= 0) {
		words_add(w, "-o");
		words_addf(w, "%" PRId64, i->uid[k]);
	}
	if (i->gid && i->gid[k] >= 0) {
		words_add(w, "-g");
		words_addf(w, "%" PRId64, i->gid[k]);
	}
}

/* What is there stays as it is: this is for a host that hasn't run it yet. */
static void
add_volume(struct export *x, struct strbuf *b, const struct export_item *i, size_t k)
{
	const struct volume *v = &i->c->vols.v[k];
	const char *at = export_vol_source(i->c, v), *path;
	bool file = strcmp(v->type, "file") == 0;
	struct words w = {0}, test = {0};

	words_add(&test, "[");
	words_add(&test, "-e");
	words_add(&test, at);
	words_add(&test, "]");
	words_quote(&test, b);
	strbuf_puts(b, " || ");
	words_add(&w, "install");
	if (!file)
		words_add(&w, "-d");
	words_add(&w, "-m");
	words_add(&w, v->perm ? v->perm : file ? "0644" : "0755");
	add_owner(&w, i, k);
	if (v->contents) {
		path = pool_printf("files/%s/%zu", i->c->key, k);
		export_add(x, path, v->contents, strlen(v->contents), 0600);
		words_add(&w, path);
	} else if (file) {
		words_add(&w, "/dev/null");
	}
	words_add(&w, at);
	command(b, &w);
}

static void
add_volumes(struct export *x, struct strbuf *b, const struct export_item *i)
{
	struct words made = {0};

	for (size_t k = 0; k < i->c->vols.n; k++) {
		const char *at = export_vol_source(i->c, &i->c->vols.v[k]);
		const char *slash = strrchr(at, '/');
		struct words w = {0};
		const char *parent =
		    pool_dupn(at, slash && slash > at ? (size_t)(slash - at) : 1);

		if (!words_have(&made, parent)) {
			words_add(&made, parent);
			words_add(&w, "mkdir");
			words_add(&w, "-p");
			words_add(&w, parent);
			command(b, &w);
		}
		add_volume(x, b, i, k);
	}
}

/* What writes the value to standard output. */
static void
add_value(struct strbuf *b, const struct secret *s)
{
	struct words w = {0};

	if (s->kind == SECRET_FILE)
		words_add(&w, "cat");
	if (s->kind == SECRET_AGE)
		strbuf_puts(
		    b, "age -d -i \"${XDG_CONFIG_HOME:-$HOME/.config}/whittle/age.key\" ");
	words_add_all(&w, &s->source);
	words_quote(&w, b);
}

static void
add_secret(const struct export *x, struct strbuf *b, const struct export_item *i,
    const struct secret *s)
{
	const char *name = pool_printf("%s-%s", i->c->key, s->name);
	int64_t uid = s->uid >= 0 ? s->uid
		      : i->who    ? i->who->uid
				  : 0,
		gid = s->gid >= 0 ? s->gid
		      : i->who    ? i->who->gid
				  : 0;

	switch (x->to) {
	case TO_QUADLET:
		add_value(b, s);
		strbuf_printf(b, " | podman secret create --replace %s -\n", name);
		break;
	case TO_SWARM:
		strbuf_printf(b, "docker secret inspect %s >/dev/null 2>&1 || ", name);
		add_value(b, s);
		strbuf_printf(b, " | docker secret create %s -\n", name);
		break;
	case TO_COMPOSE:
		strbuf_puts(b, "mkdir -p -m 0700 secrets\n(umask 077; ");
		add_value(b, s);
		strbuf_printf(b,
		    " >secrets/%s)\nchown %" PRId64 ":%" PRId64
		    " secrets/%s\nchmod %04o secrets/%s\n",
		    name, uid, gid, name, (unsigned)s->mode, name);
		break;
	default:
		break;
	}
}

/* A cluster's secrets come as one object each container. */
static void
add_kube_secrets(struct strbuf *b, const struct export_item *i)
{
	if (!i->c->secrets.n)
		return;
	strbuf_puts(b, "work=$(mktemp -d)\ntrap 'rm -rf \"$work\"' EXIT\n");
	for (size_t k = 0; k < i->c->secrets.n; k++) {
		add_value(b, &i->c->secrets.v[k]);
		strbuf_printf(b, " >\"$work\"/%s\n", i->c->secrets.v[k].name);
	}
	strbuf_printf(b,
	    "kubectl create secret generic %s-secrets --from-file=\"$work\" --dry-run=client "
	    "-o "
	    "yaml | kubectl apply -f -\nrm -f \"$work\"/*\n",
	    i->c->key);
}

static void
add_profile(struct export *x, const struct export_item *i)
{
	if (i->seccomp_text && x->to != TO_SWARM)
		export_add(x,
		    pool_printf("%s/%s.json", x->to == TO_KUBE ? "seccomp/whittle" : "seccomp",
			i->c->key),
		    i->seccomp_text, i->seccomp_len, 0644);
}

void
export_setup(struct export *x)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t k = 0; k < x->items.n; k++) {
		const struct export_item *i = &x->items.v[k];

		add_profile(x, i);
		if (x->to == TO_KUBE) {
			add_kube_secrets(&b, i);
			continue;
		}
		add_volumes(x, &b, i);
		for (size_t s = 0; s < i->c->secrets.n; s++)
			add_secret(x, &b, i, &i->c->secrets.v[s]);
	}
	if (b.len) {
		const char *script = pool_printf("#!/bin/sh\n# What has to be there before the "
						 "first start. Safe to run again.\n"
						 "set -eu\ncd \"$(dirname \"$0\")\"\n%s",
		    b.s);

		export_add(x, "setup.sh", script, strlen(script), 0755);
	}
	strbuf_free(&b);
}
