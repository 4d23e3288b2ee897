#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prune/prune_int.h"
#include "unit/unit.h"

void
prune_keep(struct prune_decision *d, const char *fmt, ...)
{
	va_list ap;

	d->verdict = PRUNE_KEEP;
	va_start(ap, fmt);
	vsnprintf(d->reason, sizeof d->reason, fmt, ap);
	va_end(ap);
}

static void
keep_all(struct prune_decision *out, size_t count, const char *reason)
{
	for (size_t i = 0; i < count; i++)
		prune_keep(&out[i], "%s", reason);
}

const char *
prune_age_text(int64_t age, char out[UNIT_TEXT_MAX])
{
	if (age >= 2 * 86400)
		age -= age % 86400;
	else if (age >= 2 * 3600)
		age -= age % 3600;
	return unit_duration(age, out);
}

/* by age alone */
static void
judge_age(const struct repo_set *set, const struct prune_rule *rule,
    struct prune_decision *d)
{
	char age[UNIT_TEXT_MAX], limit[UNIT_TEXT_MAX];
	int64_t old = rule->now > set->end ? rule->now - set->end : 0;

	d->set = d->base = set;
	d->verdict = old > rule->keep ? PRUNE_DELETE : PRUNE_KEEP;
	snprintf(d->reason, sizeof d->reason, "%s old, kept %s",
	    prune_age_text(old, age), unit_duration(rule->keep, limit));
}

bool
prune_clock(const struct repo_list *list, int64_t now, int64_t keep,
    char reason[PRUNE_REASON])
{
	const struct repo_set *newest = NULL;
	char age[UNIT_TEXT_MAX];

	for (size_t i = 0; i < list->count; i++) {
		const struct repo_set *set = list->sets[i];
		int64_t last = set->start > set->end ? set->start : set->end;

		if (last - PRUNE_SKEW > now) {
			snprintf(reason, PRUNE_REASON, "a clock is wrong: "
			    "%.80s is dated in the future", set->name);
			return false;
		}
		if (newest == NULL || set->end > newest->end)
			newest = set;
	}
	if (newest == NULL || newest->end >= now - keep ||
	    newest->end >= now - PRUNE_STALE)
		return true;
	snprintf(reason, PRUNE_REASON, "a clock is wrong or backups have "
	    "stopped: the newest is %s old",
	    prune_age_text(now - newest->end, age));
	return false;
}

static bool
holds(const struct repo_set *set, const char *database)
{
	if (database == NULL)
		return set->database_count == 0;
	for (size_t i = 0; i < set->database_count; i++)
		if (strcmp(set->databases[i].name, database) == 0)
			return true;
	return false;
}

/*
 * The order of sets from new to old, by time (the list's own, reversed) or
 * by sequence: indexes into the list.
 */
struct order {
	const struct repo_list *list;
	size_t *index;
};

static int
by_sequence(const void *a, const void *b, void *ctx)
{
	const struct repo_list *list = ctx;
	const struct repo_set *x = list->sets[*(const size_t *)a];
	const struct repo_set *y = list->sets[*(const size_t *)b];

	if (x->sequence != y->sequence)
		return x->sequence > y->sequence ? -1 : 1;
	return *(const size_t *)a > *(const size_t *)b ? -1 : 1;
}

/* Keep the first min_keep of `database` in this order. */
static void
keep_newest(const struct order *order, const char *database,
    unsigned min_keep, struct prune_decision *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < order->list->count && n < min_keep; i++) {
		struct prune_decision *d = &out[order->index[i]];

		if (!holds(d->set, database))
			continue;
		n++;
		if (d->verdict == PRUNE_KEEP)
			continue;
		if (database == NULL)
			prune_keep(d, "among the newest %u", min_keep);
		else if (min_keep == 1)
			prune_keep(d, "the newest of \"%.80s\"", database);
		else
			prune_keep(d, "among the newest %u of \"%.80s\"",
			    min_keep, database);
	}
}

/*
 * For every database of every set that would go. Asking again for a database
 * that was asked for keeps the same sets, so that repeating does no harm; it
 * ends early because a database's newest come first.
 */
static void
keep_newest_of_all(const struct order *order, unsigned min_keep,
    struct prune_decision *out)
{
	for (size_t i = 0; i < order->list->count; i++) {
		const struct repo_set *set = order->list->sets[i];

		if (out[i].verdict == PRUNE_KEEP)
			continue;
		if (set->database_count == 0)
			keep_newest(order, NULL, min_keep, out);
		for (size_t k = 0; k < set->database_count; k++)
			keep_newest(order, set->databases[k].name, min_keep,
			    out);
	}
}

/* What something kept builds on stays, until nothing changes any more. */
static void
keep_parents(const struct repo_list *list, struct prune_decision *out)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < list->count; i++) {
			const char *parent = list->sets[i]->parent;

			if (out[i].verdict != PRUNE_KEEP || parent == NULL)
				continue;
			for (size_t k = 0; k < list->count; k++) {
				if (out[k].verdict == PRUNE_KEEP ||
				    strcmp(list->sets[k]->name, parent) != 0)
					continue;
				prune_keep(&out[k], "%.120s builds on it",
				    list->sets[i]->name);
				changed = true;
			}
		}
	}
}

static void
judge_sets(const struct repo_list *list, const struct prune_rule *rule,
    struct prune_decision *out)
{
	size_t n = list->count;
	struct order order = { list, calloc(n + 1, sizeof(size_t)) };

	if (order.index == NULL) {
		keep_all(out, n, "out of memory");
		return;
	}
	for (size_t i = 0; i < n; i++)
		order.index[i] = n - 1 - i;
	keep_newest_of_all(&order, rule->min_keep, out);
	qsort_r(order.index, n, sizeof *order.index, by_sequence,
	    (void *)(uintptr_t)list);
	keep_newest_of_all(&order, rule->min_keep, out);
	keep_parents(list, out);
	free(order.index);
}

bool
prune_judge(const struct repo_list *list, const struct prune_rule *rule,
    struct prune_decision *out)
{
	bool chains = list->count > 0 &&
	    list->sets[0]->kind == REPO_INCREMENTAL;
	char reason[PRUNE_REASON];

	assert(rule->min_keep > 0 && rule->keep >= 0);
	for (size_t i = 0; i < list->count; i++)
		judge_age(list->sets[i], rule, &out[i]);
	if (rule->keep == 0) {
		keep_all(out, list->count, "the policy keeps all");
		return true;
	}
	if (!prune_clock(list, rule->now, rule->keep, reason)) {
		keep_all(out, list->count, reason);
		return false;
	}
	if (!chains)
		judge_sets(list, rule, out);
	else if (prune_judge_chains(list, rule, out) == -1)
		keep_all(out, list->count, "out of memory");
	return true;
}
