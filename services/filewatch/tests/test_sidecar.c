/* What the sidecar does with two looks at its neighbour, and that it gives back what each
 * found, also where the neighbour ends meanwhile. The looks themselves are played. */
#define compare         played_compare
#define comparison_free counted_free
#define neighbour_lives played_lives
#define neighbour_root  played_root
#define neighbour_end   played_end
#define sidecar_start   unused_start
#define sidecar_stop    unused_stop
#define sidecar_mailbox unused_mailbox
#define sidecar_check   unused_check
#include "../sidecar.c"
#undef comparison_free
/* The real one, which the header declared by the other name. */
void comparison_free(struct comparison *c);

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* One case: what each look finds, and whether the neighbour lives after it. */
struct look {
	const char *changed; /* NULL: nothing */
	bool lives;
};

static const struct {
	struct look first, second;
	size_t looks, ended;
	bool again;
} table[] = {
    {{NULL, true}, {NULL, true}, 1, 0, false},
    {{"/a", true}, {"/a", true}, 2, 1, false},
    {{"/a", true}, {"/b", true}, 2, 0, true},
    {{"/a", true}, {NULL, true}, 2, 0, true},
    {{NULL, false}, {NULL, true}, 1, 0, false},
    {{"/a", false}, {NULL, true}, 1, 0, false},
    {{"/a", true}, {"/a", false}, 2, 0, true},
    {{"/a", true}, {NULL, false}, 2, 0, true},
};

static const struct look *look;
static size_t looks, ended, given, freed;

int
played_compare(struct comparison *c)
{
	look = looks++ == 0 ? look : look + 1;
	if (look->changed) {
		c->difference = xcalloc(1, sizeof(*c->difference));
		c->difference->kind = DIFFERENCE_CHANGED;
		c->difference->now.path = xstrdup(look->changed);
		c->count = 1;
		given++;
	}
	return 0;
}

void
counted_free(struct comparison *c)
{
	freed += c->difference != NULL;
	comparison_free(c);
}

bool
played_lives(const struct neighbour *n)
{
	(void)n;
	return look->lives;
}

int
played_root(const struct neighbour *n, char path[32])
{
	(void)n;
	strcpy(path, "/");
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

size_t
played_end(const struct neighbour *n, int64_t term_wait_ms, bool *left)
{
	(void)n;
	(void)term_wait_ms;
	*left = false;
	ended++;
	return 1;
}

static void
all_is_given_back(void **state)
{
	const struct config config = {.sidecar = {.restarts = 3, .restart_window = 1000}};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(table); i++) {
		struct counters counters = {0};
		struct sidecar_watch s = {.config = &config, .counters = &counters, .stop = -1};
		const struct look both[] = {table[i].first, table[i].second};

		looks = ended = given = freed = 0;
		look = both;
		mailbox_init(&s.mailbox, -1);
		throttle_init(&s.throttle, 0);
		check_neighbour(&s);
		assert_int_equal(looks, table[i].looks);
		assert_int_equal(ended, table[i].ended);
		assert_int_equal(s.changed, table[i].again);
		assert_int_equal(freed, given);
		mailbox_clear(&s.mailbox);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_is_given_back)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
