/* show, out, in, explain: maps and ids for people and scripts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "idmap.h"
#include "report.h"
#include "source.h"
#include "strbuf.h"
#include "usage.h"
#include "verbs.h"

enum { OPTION_JSON = OPTION_OWN, OPTION_PASSWD, OPTION_GROUP, OPTION_SERVICE };

struct request {
	struct source source;
	bool json, gid;
	const char *passwd, *group, *service;
};

static void
read_request(int argc, char **argv, const char *allowed, struct request *r)
{
	static const struct option options[] = {SOURCE_LONG,
	    {"json", no_argument, NULL, OPTION_JSON},
	    {"passwd", required_argument, NULL, OPTION_PASSWD},
	    {"group", required_argument, NULL, OPTION_GROUP},
	    {"service", required_argument, NULL, OPTION_SERVICE},
	    {"gid", no_argument, NULL, 'g'}, {NULL, 0, NULL, 0}};
	int c;

	memset(r, 0, sizeof(*r));
	while ((c = getopt_long(argc, argv, SOURCE_SHORT "g", options, NULL)) != -1) {
		if (source_option(&r->source, c, optarg, argv[0]))
			continue;
		if (c == OPTION_JSON && strchr(allowed, 'j'))
			r->json = true;
		else if (c == OPTION_PASSWD && strchr(allowed, 'p'))
			r->passwd = optarg;
		else if (c == OPTION_GROUP && strchr(allowed, 'p'))
			r->group = optarg;
		else if (c == OPTION_SERVICE && strchr(allowed, 's'))
			r->service = optarg;
		else if (c == 'g' && strchr(allowed, 'g'))
			r->gid = true;
		else
			exit(verb_usage(argv[0], EXIT_TROUBLE));
	}
}

/* A file of accounts that the user named; empty where none was. */
static void
read_named(const char *path, struct accounts *a)
{
	cleanup_fd int fd = -1;

	memset(a, 0, sizeof(*a));
	if (!path)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || accounts_read(fd, a))
		die("read '%s':", path);
}

/* --- show --- */

static void
json_ranges(struct strbuf *b, const char *key, const struct id_map *m)
{
	size_t i;

	strbuf_printf(b, "\"%s\":[", key);
	for (i = 0; i < m->count; i++)
		strbuf_printf(b, "%s{\"inside\":%u,\"outside\":%u,\"count\":%u}", i ? "," : "",
		    m->range[i].inside, m->range[i].outside, m->range[i].count);
	strbuf_puts(b, "]");
}

static void
print_json(const struct idmap *m)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_puts(&b, "{");
	json_ranges(&b, "uid", &m->uid);
	strbuf_puts(&b, ",");
	json_ranges(&b, "gid", &m->gid);
	strbuf_puts(&b, "}");
	puts(b.s);
	strbuf_free(&b);
}

int
verb_show(int argc, char **argv)
{
	struct idmap m = IDMAP_INIT;
	struct strbuf text = STRBUF_INIT;
	struct request r;

	read_request(argc, argv, "j", &r);
	if (optind != argc)
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	if (source_map(&r.source, &m))
		return EXIT_TROUBLE;
	if (r.json) {
		print_json(&m);
	} else {
		idmap_format(&m, &text);
		puts(text.s ? text.s : "");
	}
	strbuf_free(&text);
	idmap_free(&m);
	return EXIT_YES;
}

/* --- out, in --- */

static bool
parse_id(const struct accounts *names, const char *word, uid_t *id)
{
	return accounts_lookup(names, word, id) == 0 || account_id(word, id) == 0;
}

/* One id a line, in the order asked; '-' for one that the map doesn't hold. */
static int
translate(int argc, char **argv, bool inward)
{
	struct idmap m = IDMAP_INIT;
	struct accounts names;
	struct request r;
	int status = EXIT_YES, i;

	read_request(argc, argv, "pg", &r);
	if (optind == argc)
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	if (source_map(&r.source, &m))
		return EXIT_TROUBLE;
	read_named(r.gid ? r.group : r.passwd, &names);
	for (i = optind; i < argc; i++) {
		const struct id_map *half = r.gid ? &m.gid : &m.uid;
		uint32_t id, to;

		if (inward ? account_id(argv[i], &id) != 0 : !parse_id(&names, argv[i], &id))
			die("no id '%s'%s", argv[i],
			    inward ? "" : ": neither a number nor a name that is known");
		if (!(inward ? id_map_in(half, id, &to) : id_map_out(half, id, &to))) {
			puts("-");
			status = EXIT_NO;
		} else if (inward && accounts_name(&names, to)) {
			printf("%u %s\n", to, accounts_name(&names, to));
		} else {
			printf("%u\n", to);
		}
	}
	accounts_free(&names);
	idmap_free(&m);
	return status;
}

int
verb_out(int argc, char **argv)
{
	return translate(argc, argv, false);
}

int
verb_in(int argc, char **argv)
{
	return translate(argc, argv, true);
}

/* --- explain --- */

/* What explain speaks about. */
struct subject {
	struct idmap map;
	struct accounts passwd, group; /* inside */
	struct userns_files host;
	const char *service; /* what runs inside, as the image's USER says it; "" for root */
};

static void
say_id(struct strbuf *b, const struct accounts *names, uint32_t id)
{
	const char *name = accounts_name(names, id);

	if (name) {
		strbuf_put_visible(b, name, strlen(name));
		strbuf_printf(b, " (%u)", id);
	} else {
		strbuf_printf(b, "%u", id);
	}
}

static void
say_account(const struct subject *s, const char *what, bool gid, uint32_t inside)
{
	struct strbuf b = STRBUF_INIT;
	const struct accounts *names = gid ? &s->host.group : &s->host.passwd;
	uint32_t outside;

	strbuf_printf(&b, "%s: %s ", what, gid ? "group" : "user");
	say_id(&b, gid ? &s->group : &s->passwd, inside);
	strbuf_puts(&b, " inside ");
	if (!id_map_out(gid ? &s->map.gid : &s->map.uid, inside, &outside)) {
		strbuf_puts(&b, "has no id outside: it can't run, and owns no file");
	} else {
		strbuf_puts(&b, "is ");
		say_id(&b, names, outside);
		strbuf_puts(&b, " outside");
		if (!accounts_name(names, outside))
			strbuf_printf(
			    &b, ", whom no %s of the host has", gid ? "group" : "account");
	}
	puts(b.s);
	strbuf_free(&b);
}

/* USER[:GROUP] by names of the inside or numbers; the group is else the user's own. */
static void
service_ids(const struct subject *s, uint32_t *uid, uint32_t *gid)
{
	cleanup_free char *user = xstrndup(s->service, strcspn(s->service, ":"));
	const char *colon = strchr(s->service, ':');
	size_t i;

	*uid = *gid = 0;
	if (*user && !parse_id(&s->passwd, user, uid))
		die("no user '%s' inside", user);
	for (i = 0; i < s->passwd.count; i++) {
		const struct account_line *l = &s->passwd.line[i];
		uint32_t id;

		if (l->fields > 3 && account_id(l->field[2], &id) == 0 && id == *uid) {
			account_id(l->field[3], gid);
			break;
		}
	}
	if (colon && !parse_id(&s->group, colon + 1, gid))
		die("no group '%s' inside", colon + 1);
}

static void
say_reach(const struct subject *s)
{
	uint32_t root;

	if (idmap_is_identity(&s->map)) {
		puts(
		    "There is no user namespace: ids are the same inside and outside, and root "
		    "inside is root outside.");
		return;
	}
	if (id_map_out(&s->map.uid, 0, &root) && root == 0)
		puts("Root inside is root outside: the map protects nothing.");
	printf(
	    "%llu user ids and %llu group ids are mapped; files of all others show inside as "
	    "65534 (nobody), and can't be changed there.\n",
	    (unsigned long long)id_map_size(&s->map.uid),
	    (unsigned long long)id_map_size(&s->map.gid));
}

static void
explain(const struct subject *s)
{
	uint32_t uid, gid;

	say_account(s, "root", false, 0);
	service_ids(s, &uid, &gid);
	if (uid || gid) {
		say_account(s, "the service", false, uid);
		say_account(s, "the service", true, gid);
	} else {
		puts("the service: runs as root inside");
	}
	say_reach(s);
}

static void
read_host(const struct source *source, struct userns_files *host)
{
	cleanup_fd int root = source_root(source);
	struct strbuf why = STRBUF_INIT;

	if (userns_files_read(host, root, &why))
		die("%s", why.s);
	strbuf_free(&why);
}

static int
explain_container(const char *name, struct subject *s)
{
	struct container c;
	int bad = container_find(name, &c);

	if (!bad && (bad = container_map(&c, &s->host, &s->map)) == 0) {
		container_accounts(&c, "/etc/passwd", &s->passwd);
		container_accounts(&c, "/etc/group", &s->group);
		if (!s->service)
			s->service = c.user;
		explain(s);
	}
	container_free(&c);
	return bad;
}

int
verb_explain(int argc, char **argv)
{
	struct subject s;
	struct request r;
	int bad;

	read_request(argc, argv, "ps", &r);
	if (argc - optind != (r.source.map ? 0 : 1))
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	memset(&s, 0, sizeof(s));
	read_host(&r.source, &s.host);
	s.service = r.service;
	if (r.source.map) {
		read_named(r.passwd, &s.passwd);
		read_named(r.group, &s.group);
		s.service = s.service ? s.service : "";
		bad = source_map(&r.source, &s.map);
		if (!bad)
			explain(&s);
	} else {
		bad = explain_container(argv[optind], &s);
	}
	idmap_free(&s.map);
	accounts_free(&s.passwd);
	accounts_free(&s.group);
	userns_files_free(&s.host);
	return bad ? EXIT_TROUBLE : EXIT_YES;
}
