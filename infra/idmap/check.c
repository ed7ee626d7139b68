/* check: where the ids of a tree stand, seen from a map. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "cleanup.h"
#include "convert.h"
#include "report.h"
#include "source.h"
#include "strbuf.h"
#include "sweep.h"
#include "usage.h"
#include "verbs.h"

enum { OPTION_JSON = OPTION_OWN, OPTION_CROSS };
enum { EXAMPLES_MAX = 5 };

/* What an inode is: of its ids' classes where they agree, else MIXED. */
enum { MIXED = ID_FOREIGN + 1, CLASSES };

static const struct {
	const char *key, *words;
} class_name[CLASSES] = {
    [ID_INSIDE] = {"inside", "inside the map"},
    [ID_UNSHIFTED] = {"unshifted", "unshifted"},
    [ID_TWICE] = {"twice", "shifted twice"},
    [ID_FOREIGN] = {"foreign", "foreign: in the map on neither side"},
    [MIXED] = {"mixed", "mixed: owner, group, ACL and capability don't agree"},
};

struct tally {
	unsigned long count[CLASSES];
	struct change_room room;
};

struct check {
	struct idmap map;
	uint32_t overflow;
	struct tally tally[SWEEP_WORKERS_MAX];
	pthread_mutex_t lock; /* of the examples */
	struct strbuf example[CLASSES];
	unsigned examples[CLASSES];
	bool json;
};

static void
keep_example(struct check *c, unsigned class, const struct sweep_entry *e)
{
	struct strbuf *b = &c->example[class];

	pthread_mutex_lock(&c->lock);
	if (c->examples[class] < EXAMPLES_MAX) {
		struct strbuf path = STRBUF_INIT;
		bool self = strcmp(e->at.name, ".") == 0;

		strbuf_puts(&path, sweep_path(e));
		if (!self || !path.len)
			strbuf_printf(&path, "%s%s", path.len ? "/" : "", e->at.name);
		if (c->json) {
			strbuf_printf(b, "%s{", c->examples[class] ? "," : "");
			strbuf_put_json_member(b, "path", path.s);
			strbuf_printf(
			    b, ",\"uid\":%u,\"gid\":%u}", e->st->stx_uid, e->st->stx_gid);
		} else {
			strbuf_printf(b, "    %u:%u  ", e->st->stx_uid, e->st->stx_gid);
			strbuf_put_visible(b, path.s, path.len);
			strbuf_putc(b, '\n');
		}
		c->examples[class]++;
		strbuf_free(&path);
	}
	pthread_mutex_unlock(&c->lock);
}

/* The ids beside owner and group agree with a class where a change towards it would leave
 * them alone. */
static bool
others_agree(struct check *c, const struct sweep_entry *e, unsigned class)
{
	struct convert towards = {.map = &c->map,
	    .back = class == ID_UNSHIFTED,
	    .unmapped = UNMAPPED_FAIL,
	    .overflow = c->overflow};
	struct change_room *room = &c->tally[e->worker].room;
	struct journal_entry entry;
	uint32_t bad;

	if (class != ID_INSIDE && class != ID_UNSHIFTED)
		return true;
	return change_plan(&towards, &e->at, e->st, room, &entry, &bad) == KEEP;
}

static void
check_entry(const struct sweep_entry *e, void *arg)
{
	struct check *c = arg;
	unsigned owner = classify_id(&c->map, false, e->st->stx_uid, c->overflow);
	unsigned group = classify_id(&c->map, true, e->st->stx_gid, c->overflow);
	unsigned class = owner == group && others_agree(c, e, owner) ? owner : MIXED;

	c->tally[e->worker].count[class]++;
	if (class != ID_INSIDE)
		keep_example(c, class, e);
}

static unsigned long
total(const struct check *c, unsigned class)
{
	unsigned long n = 0;
	size_t i;

	for (i = 0; i < SWEEP_WORKERS_MAX; i++)
		n += c->tally[i].count[class];
	return n;
}

static void
print_json(const struct check *c, const struct sweep *s, bool good)
{
	struct strbuf b = STRBUF_INIT;
	unsigned i;

	strbuf_printf(&b, "{\"good\":%s,\"counts\":{", good ? "true" : "false");
	for (i = 0; i < CLASSES; i++)
		strbuf_printf(&b, "%s\"%s\":%lu", i ? "," : "", class_name[i].key, total(c, i));
	strbuf_puts(&b, "},\"examples\":{");
	for (i = ID_INSIDE + 1; i < CLASSES; i++)
		strbuf_printf(&b, "%s\"%s\":[%s]", i > ID_INSIDE + 1 ? "," : "",
		    class_name[i].key, c->example[i].s ? c->example[i].s : "");
	strbuf_printf(
	    &b, "},\"mounts_left_alone\":%lu,\"unreadable\":%lu}", s->mounts, s->failures);
	puts(b.s);
	strbuf_free(&b);
}

static void
print_words(const struct check *c, const struct sweep *s)
{
	unsigned i;

	for (i = 0; i < CLASSES; i++) {
		unsigned long n = total(c, i);

		if (!n)
			continue;
		printf("%10lu  %s\n", n, class_name[i].words);
		if (c->example[i].s)
			fputs(c->example[i].s, stdout);
		if (i != ID_INSIDE && n > EXAMPLES_MAX)
			printf("    …\n");
	}
	if (s->mounts)
		printf("%10lu  mounts skipped\n", s->mounts);
}

static bool
all_inside(const struct check *c)
{
	unsigned i;

	for (i = 0; i < CLASSES; i++)
		if (i != ID_INSIDE && total(c, i))
			return false;
	return true;
}

static int
check_tree(struct check *c, struct sweep *s, const char *path)
{
	cleanup_free char *real = realpath(path, NULL);
	cleanup_fd int fd = real ? sweep_open(s, real) : -1;
	bool good;
	size_t i;

	if (fd < 0 || sweep_tree(s, fd)) {
		report("check '%s':", path);
		return EXIT_TROUBLE;
	}
	good = all_inside(c) && !s->failures;
	if (c->json)
		print_json(c, s, good);
	else
		print_words(c, s);
	for (i = 0; i < CLASSES; i++)
		strbuf_free(&c->example[i]);
	for (i = 0; i < SWEEP_WORKERS_MAX; i++)
		change_room_free(&c->tally[i].room);
	return s->failures ? EXIT_TROUBLE : good ? EXIT_YES : EXIT_NO;
}

int
verb_check(int argc, char **argv)
{
	static const struct option options[] = {SOURCE_LONG,
	    {"json", no_argument, NULL, OPTION_JSON},
	    {"cross-mounts", no_argument, NULL, OPTION_CROSS}, {NULL, 0, NULL, 0}};
	static struct check c = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct sweep s = {.visit = check_entry, .arg = &c};
	struct source source = {0};
	int option, status;

	while ((option = getopt_long(argc, argv, SOURCE_SHORT, options, NULL)) != -1) {
		if (source_option(&source, option, optarg, argv[0]))
			continue;
		if (option == OPTION_JSON)
			c.json = true;
		else if (option == OPTION_CROSS)
			s.cross_mounts = true;
		else
			exit(verb_usage(argv[0], EXIT_TROUBLE));
	}
	if (argc - optind != 1)
		exit(verb_usage(argv[0], EXIT_TROUBLE));
	if (source_map(&source, &c.map))
		return EXIT_TROUBLE;
	c.overflow = overflow_id();
	status = check_tree(&c, &s, argv[optind]);
	idmap_free(&c.map);
	return status;
}
