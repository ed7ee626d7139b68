/* Who is told of events, and whether that works. */
#include <stdio.h>
#include <string.h>

#include "notifiers.h"
#include "notify.h"
#include "notify_send.h"
#include "options.h"
#include "report.h"
#include "state.h"
#include "strbuf.h"
#include "verbs.h"

static const char *
where(const struct notifier *n)
{
	const char *host = n->url ? strstr(n->url, "://") + 3 : NULL;

	/* The rest of an address may be all that keeps others from using it. */
	if (host)
		return pool_dupn(host, strcspn(host, "/"));
	return n->sendmail.w[0];
}

static void
print_one(const struct app *a, const struct notifier *n)
{
	struct strbuf events = STRBUF_INIT;

	for (size_t i = 0; i < n->events.n; i++)
		strbuf_printf(&events, "%s%s", i ? " " : "", n->events.w[i]);
	printf("%-12s %-24s %zu waiting  %s\n", n->name, where(n), notify_waiting(&a->host, n),
	    events.s ? events.s : "-");
	strbuf_free(&events);
}

static int
test_one(const struct notifier *n)
{
	const struct message m = {.title = pool_printf("test on %s", host_name()),
	    .text = "d notify --test: this notifier works",
	    .event = "test",
	    .name = "",
	    .image = "",
	    .time = state_now()};
	const char *why = notify_send(n, &m);

	if (why)
		report("notifying '%s' failed: %s", n->name, why);
	else
		printf("%s: delivered to %s\n", n->name, where(n));
	return why ? EXIT_NO : EXIT_YES;
}

int
do_notify(struct app *a, int argc, char **argv)
{
	bool test = false;
	const struct option_of options[] = {SWITCH(0, "test", test), NO_MORE};
	const struct notifiers *all = &a->host.notifiers;
	int status = EXIT_YES, named = 0;

	argc = take_options(a, argc, &argv, options, false);
	if (argc < 0)
		return EXIT_TROUBLE;
	for (size_t i = 0; i < all->n; i++) {
		bool wanted = argc == 0;

		for (int k = 0; k < argc; k++)
			wanted |= strcmp(argv[k], all->v[i].name) == 0;
		named += wanted;
		if (wanted && test)
			status |= test_one(&all->v[i]);
		else if (wanted)
			print_one(a, &all->v[i]);
	}
	if (!all->n)
		report("the host's settings have no notify");
	else if (named < argc)
		report("no such notifier in the host's settings");
	return !all->n || named < argc ? EXIT_TROUBLE : status;
}
