#include "overview.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "engine_json.h"
#include "engine_list.h"
#include "generations.h"
#include "journal.h"
#include "kube.h"
#include "pipeline.h"
#include "relay.h"
#include "service.h"
#include "state.h"
#include "swarm_see.h"

const char *const live_words[] = {
    [LIVE_YES] = "yes", [LIVE_NO] = "no", [LIVE_NONE] = "none", [LIVE_DOWN] = "-"};

/* What the container's processes hold, as its control group counts it. */
static int64_t
memory_in(const char *group, const char *hierarchy, const char *file)
{
	char text[32] = "";
	cleanup_fd int fd = open(
	    pool_printf("/sys/fs/cgroup%s%s/%s", hierarchy, group, file), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	return n > 0 ? strtoll(text, NULL, 10) : -1;
}

static int64_t
memory_of(pid_t pid)
{
	cleanup_file FILE *f = fopen(pool_printf("/proc/%d/cgroup", (int)pid), "re");
	cleanup_free char *line = NULL;
	int64_t got = -1;
	size_t cap = 0;

	while (f && got < 0 && getline(&line, &cap, f) > 0) {
		char *first = strchr(line, ':'),
		     *second = first ? strchr(first + 1, ':') : NULL;

		if (!second)
			continue;
		second[strcspn(second, "\n")] = '\0';
		*second = '\0';
		if (strcmp(first + 1, "memory") == 0)
			got = memory_in(second + 1, "/memory", "memory.usage_in_bytes");
		else if (!first[1])
			got = memory_in(second + 1, "", "memory.current");
	}
	return got;
}

/* When it went live; images that are made to be the same at any time have no age. */
static time_t
image_since(struct app *a, const struct place *p, const struct image *live)
{
	const char *promoted = stamped(p, "install-stamp", "image");
	struct generations g;
	struct stat st;

	if (generations_read(&a->host, p->name, &g) == 0)
		for (size_t i = 0; i < g.n; i++)
			if (strcmp(g.v[i].image, live->id) == 0)
				return engine_time(g.v[i].time);
	return promoted && strcmp(promoted, live->id) == 0 &&
		       stat(pool_printf("%s/install-stamp", p->directory), &st) == 0
		   ? st.st_mtime
		   : live->created;
}

struct copies {
	const char *where, *image;
	int64_t running, wanted;
};

/* 1, 0 where there is nothing of it, -1 after a message. */
static int
see_copies(struct app *a, const struct container *c, struct copies *out)
{
	struct swarm_service s;
	struct kube_state k;
	int got;

	if (container_in_kube(c)) {
		got = kube_see(a, c, &k);
		*out = (struct copies){"kube", k.image_id, k.ready, k.replicas};
	} else {
		got = swarm_see(a, c, &s);
		*out =
		    (struct copies){"swarm", s.image_id, swarm_running(&s, NULL), s.replicas};
	}
	return got;
}

/* As a swarm or a cluster has it: how many of its copies run. */
static void
overview_copies(struct app *a, struct overview *o)
{
	struct copies n;
	int got = see_copies(a, o->c, &n);

	o->state = got < 0 ? pool_printf("%s?", n.where)
		   : !got  ? "-"
			   : pool_printf("%s %d/%d", n.where, (int)n.running, (int)n.wanted);
	o->is_live = !o->live                                       ? LIVE_NONE
		     : got < 1 || !n.running                        ? LIVE_DOWN
		     : n.image && strcmp(o->live->id, n.image) == 0 ? LIVE_YES
								    : LIVE_NO;
	if (journal_is_there(&a->host, o->c->key))
		o->state = state_is_locked(&a->host, o->c->key) ? "changing" : "cut off";
	o->mood = got < 0 || n.running < n.wanted ? MOOD_BAD
		  : !n.running                    ? MOOD_PLAIN
		  : o->is_live == LIVE_NO         ? MOOD_WARN
						  : MOOD_GOOD;
}

static void
overview_one(struct app *a, const struct seen_list *seen, const struct images *images,
    struct overview *o)
{
	const struct container *c = o->c;
	const struct seen *now = o->now = seen_named(seen, c->name), *relay;
	struct image *image = pool_zero(1, sizeof(*image));
	bool running = now && now->running;

	if (image_among(a, images, c, image) == 1) {
		o->live = image;
		o->live_since = image_since(a, o->place, image);
	}
	if (container_in_cluster(c)) {
		overview_copies(a, o);
		return;
	}
	o->state = now ? now->state : c->on.n ? "elsewhere" : "-";
	o->is_live = !o->live                               ? LIVE_NONE
		     : !running                             ? LIVE_DOWN
		     : strcmp(o->live->id, now->image) == 0 ? LIVE_YES
							    : LIVE_NO;
	if (running) {
		/* podman without systemd never asks: what it says then means nothing. */
		if (!(a->engine.kind == PODMAN && a->engine.no_timers))
			o->health = now->health;
		relay = c->swap.beside ? seen_named(seen, relay_name(c->name)) : NULL;
		o->front = relay && relay->running ? relay : now;
		o->memory = memory_of(now->pid);
	}
	if (journal_is_there(&a->host, c->key))
		o->state = state_is_locked(&a->host, c->key) ? "changing" : "cut off";
	if (running && !(o->health && strcmp(o->health, "unhealthy") == 0))
		o->mood = o->is_live == LIVE_NO ? MOOD_WARN : MOOD_GOOD;
	else
		o->mood = running || wave_is_here(c) ? MOOD_BAD : MOOD_PLAIN;
}

int
overview_all(struct app *a, struct overview **out)
{
	struct container *c = pool_zero(a->places.n + 1, sizeof(*c)), *next = c;
	struct overview *o = pool_zero(a->places.n + 1, sizeof(*o));
	struct images *images = pool_zero(1, sizeof(*images));
	struct seen_list *seen = pool_zero(1, sizeof(*seen));

	for (size_t i = 0; i < a->places.n; i++) {
		o[i] = (struct overview){.place = &a->places.v[i],
		    .state = "settings?",
		    .is_live = LIVE_DOWN,
		    .memory = -1,
		    .mood = MOOD_BAD};
		if (settings_in_force(a, o[i].place, next) == 0)
			o[i].c = next++;
	}
	if (look_at_all(a, c, (size_t)(next - c), seen, images))
		return -1;
	for (size_t i = 0; i < a->places.n; i++)
		if (o[i].c)
			overview_one(a, seen, images, &o[i]);
	*out = o;
	return (int)a->places.n;
}
