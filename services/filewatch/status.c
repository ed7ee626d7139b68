#include "status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "strbuf.h"

const char *
state_name(enum state s)
{
	static const char *const name[STATES] = {
	    "failing", "pending", "grace", "ok", "skipped"};

	return name[s];
}

const char *
how_name(enum how h)
{
	return h == HOW_EVENTS ? "events" : h == HOW_POLL ? "poll" : "events, poll";
}

bool
status_is_ok(const struct status *s)
{
	return s->by_state[STATE_FAIL] == 0 && s->by_state[STATE_PENDING] == 0;
}

void
status_finish(struct status *s)
{
	size_t i;

	memset(s->by_state, 0, sizeof(s->by_state));
	s->changed = 0;
	for (i = 0; i < s->rules; i++) {
		s->by_state[s->rule[i].state]++;
		if (s->rule[i].since > s->changed)
			s->changed = s->rule[i].since;
	}
}

struct status *
status_hold(struct status *s)
{
	__atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
	return s;
}

void
rule_status_clear(struct rule_status *r)
{
	size_t i;

	for (i = 0; i < r->shown_count; i++)
		free(r->shown[i].path);
	free(r->shown);
	free(r->trouble);
}

void
status_drop(struct status *s)
{
	size_t i;

	if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (i = 0; i < s->rules; i++)
		rule_status_clear(&s->rule[i]);
	free(s->rule);
	config_drop(s->config);
	free(s);
}

static void
describe_count(struct strbuf *b, const struct rule_status *r)
{
	const struct bounds *want = &r->rule->count;
	bool few = (int64_t)r->files < want->min;

	strbuf_printf(b, "%zu %s, at %s %" PRId64, r->files,
	    r->files == 1 ? "match" : "matches", few ? "least" : "most",
	    few ? want->min : want->max);
}

static void
describe_rule(struct strbuf *b, const struct rule_status *r)
{
	if (r->findings & RULE_NOT_SCANNED)
		strbuf_puts(b, "not checked yet");
	if (r->findings & RULE_NO_MATCH)
		strbuf_puts(b, r->rule->pattern.direct ? "missing" : "no match");
	if (r->findings & RULE_COUNT)
		describe_count(b, r);
	if (r->findings & RULE_UNVERIFIED)
		strbuf_puts(b, "not compared with its baseline yet");
	if (r->trouble) {
		if (b->len)
			strbuf_puts(b, "; ");
		strbuf_puts(b, r->trouble);
	}
}

void
status_describe(struct strbuf *b, const struct rule_status *r, int64_t now)
{
	const struct bad_file *first = r->shown;

	describe_rule(b, r);
	if (r->bad == 0)
		return;
	if (b->len)
		strbuf_puts(b, "; ");
	if (!r->rule->pattern.direct) {
		if (r->files > 1)
			strbuf_printf(b, "%zu of %zu: ", r->bad, r->files);
		strbuf_printf(b, "%s: ", first->path);
	}
	judge_describe(b, r->rule, &first->facts, first->findings, now);
}

static int
by_state_then_line(const void *a, const void *b)
{
	const struct rule_status *x = *(const struct rule_status *const *)a;
	const struct rule_status *y = *(const struct rule_status *const *)b;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	return x < y ? -1 : x > y;
}

const struct rule_status **
status_sorted(const struct status *s)
{
	const struct rule_status **sorted = xcalloc(s->rules, sizeof(*sorted));
	size_t i;

	for (i = 0; i < s->rules; i++)
		sorted[i] = &s->rule[i];
	if (s->rules)
		qsort(sorted, s->rules, sizeof(*sorted), by_state_then_line);
	return sorted;
}
