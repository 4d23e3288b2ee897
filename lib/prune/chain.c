/*
 * Base backups go and stay by chains. A chain is found from each of its sets
 * by going up to the one without a parent; one whose way ends at a parent that
 * is not there, or nowhere, can restore nothing and counts as none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prune/prune_int.h"

#define NONE SIZE_MAX

/* A chain under the index of its full base backup. */
struct chain {
	bool whole;      /* the full one is there */
	bool kept;
	size_t newest;   /* member that ended last */
	size_t size;     /* members; 0: no set is the base of others */
	uint64_t sequence; /* the highest of its members */
	char why[PRUNE_REASON];
};

struct chains {
	const struct repo_list *list;
	const struct prune_rule *rule;
	size_t *by_name; /* indexes of sets, sorted */
	size_t *root;    /* of each set */
	struct chain *chain;
};

static int
compare_names(const void *a, const void *b, void *ctx)
{
	const struct repo_list *list = ctx;

	return strcmp(list->sets[*(const size_t *)a]->name,
	    list->sets[*(const size_t *)b]->name);
}

static size_t
find(const struct chains *c, const char *name)
{
	size_t low = 0, high = c->list->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name,
		    c->list->sets[c->by_name[mid]]->name);

		if (order == 0)
			return c->by_name[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NONE;
}

/* The last one on the way up from set i; *whole: it has no parent. */
static size_t
climb(const struct chains *c, size_t i, bool *whole)
{
	*whole = false;
	for (size_t steps = 0; steps <= c->list->count; steps++) {
		const char *parent = c->list->sets[i]->parent;
		size_t up = parent != NULL ? find(c, parent) : NONE;

		if (up == NONE) {
			*whole = parent == NULL;
			return i;
		}
		i = up;
	}
	return i; /* they build on each other */
}

static void
gather(struct chains *c)
{
	for (size_t i = 0; i < c->list->count; i++) {
		const struct repo_set *set = c->list->sets[i];
		bool whole;
		struct chain *x;

		c->root[i] = climb(c, i, &whole);
		x = &c->chain[c->root[i]];
		x->whole = whole;
		if (x->size++ == 0 ||
		    set->end > c->list->sets[x->newest]->end)
			x->newest = i;
		if (set->sequence > x->sequence)
			x->sequence = set->sequence;
	}
}

static int64_t
age_of(const struct chains *c, size_t i)
{
	int64_t end = c->list->sets[i]->end;

	return c->rule->now > end ? c->rule->now - end : 0;
}

/* Whether chain a is to be counted before chain b. */
static bool
is_newer(const struct chains *c, size_t a, size_t b, bool by_sequence)
{
	const struct chain *x = &c->chain[a], *y = &c->chain[b];
	int64_t x_end = c->list->sets[x->newest]->end;
	int64_t y_end = c->list->sets[y->newest]->end;

	if (by_sequence && x->sequence != y->sequence)
		return x->sequence > y->sequence;
	if (x_end != y_end)
		return x_end > y_end;
	return a > b;
}

/* Keep the newest whole chains. */
static void
keep_newest(struct chains *c, bool by_sequence)
{
	size_t last = NONE;

	for (unsigned n = 0; n < c->rule->min_keep; n++) {
		size_t best = NONE;

		for (size_t i = 0; i < c->list->count; i++)
			if (c->chain[i].size > 0 && c->chain[i].whole &&
			    (last == NONE ||
			    is_newer(c, last, i, by_sequence)) &&
			    (best == NONE ||
			    is_newer(c, i, best, by_sequence)))
				best = i;
		if (best == NONE)
			return;
		last = best;
		if (c->chain[best].kept)
			continue;
		c->chain[best].kept = true;
		if (c->rule->min_keep == 1)
			snprintf(c->chain[best].why,
			    sizeof c->chain[best].why, "the newest chain");
		else
			snprintf(c->chain[best].why,
			    sizeof c->chain[best].why,
			    "among the newest %u chains", c->rule->min_keep);
	}
}

/* The newest usable base backup from before the time that WAL is kept for. */
static void
keep_anchor(struct chains *c)
{
	char limit[UNIT_TEXT_MAX];
	size_t best = NONE;
	struct chain *x;

	for (size_t i = 0; i < c->list->count; i++)
		if (c->chain[c->root[i]].whole &&
		    age_of(c, i) > c->rule->wal_keep && (best == NONE ||
		    c->list->sets[i]->end >= c->list->sets[best]->end))
			best = i;
	if (best == NONE || (x = &c->chain[c->root[best]])->kept)
		return;
	x->kept = true;
	snprintf(x->why, sizeof x->why, "the WAL of the last %s begins with "
	    "%.100s", unit_duration(c->rule->wal_keep, limit),
	    c->list->sets[best]->name);
}

static void
judge(struct chains *c)
{
	int64_t keep = c->rule->keep > c->rule->wal_keep ? c->rule->keep :
	    c->rule->wal_keep;

	for (size_t i = 0; i < c->list->count; i++) {
		struct chain *x = &c->chain[i];
		char age[UNIT_TEXT_MAX], limit[UNIT_TEXT_MAX];
		int64_t old;

		if (x->size == 0)
			continue;
		old = age_of(c, x->newest);
		x->kept = old <= keep;
		snprintf(x->why, sizeof x->why, "%s%s old, kept %s%s",
		    x->size == 1 ? "" : "the newest of its chain is ",
		    prune_age_text(old, age), unit_duration(keep, limit),
		    keep == c->rule->keep ? "" : " like the WAL");
	}
	keep_newest(c, false);
	keep_newest(c, true);
	if (c->rule->wal_keep > 0)
		keep_anchor(c);
}

int
prune_judge_chains(const struct repo_list *list,
    const struct prune_rule *rule, struct prune_decision *out)
{
	size_t n = list->count;
	struct chains c = { list, rule, calloc(n + 1, sizeof(size_t)),
		calloc(n + 1, sizeof(size_t)),
		calloc(n + 1, sizeof(struct chain)) };
	int rc = -1;

	if (c.by_name == NULL || c.root == NULL || c.chain == NULL)
		goto done;
	for (size_t i = 0; i < n; i++)
		c.by_name[i] = i;
	qsort_r(c.by_name, n, sizeof *c.by_name, compare_names,
	    (void *)(uintptr_t)list);
	gather(&c);
	judge(&c);
	for (size_t i = 0; i < n; i++) {
		const struct chain *x = &c.chain[c.root[i]];

		out[i].base = list->sets[c.root[i]];
		prune_keep(&out[i], "%s", x->why);
		if (!x->kept)
			out[i].verdict = PRUNE_DELETE;
	}
	rc = 0;
done:
	free(c.by_name);
	free(c.root);
	free(c.chain);
	return rc;
}
