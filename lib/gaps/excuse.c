/*
 * Gaps that are as they should be. pgk-prune keeps the log without a gap from
 * some base backup on that ended longer ago than the log is kept; of what lies
 * before, it keeps only what older base backups need to be whole.
 */
#include <stdlib.h>
#include <string.h>

#include "gaps/gaps_int.h"

/* Whether a base backup cannot do without this segment. */
static bool
is_needed(const struct gaps *g, uint64_t segment)
{
	uint64_t from = segment * g->segment_size;

	for (size_t i = 0; i < g->backup_count; i++)
		if (g->backups[i].begin < from + g->segment_size &&
		    g->backups[i].start > from)
			return true;
	return false;
}

/* Whether the range holds nothing else. */
static bool
is_island(const struct gaps *g, const struct gaps_range *r)
{
	for (uint64_t s = r->start / g->segment_size;
	    s * g->segment_size < r->end; s++)
		if (!is_needed(g, s))
			return false;
	return true;
}

static void
forget(struct gaps *g, const char *missing)
{
	for (size_t i = 0; i < g->fault_count; i++) {
		struct gaps_fault *f = &g->faults[i];

		/* not that of a base backup that needs it */
		if (f->kind != ERR_ABSENT || strcmp(f->name, missing) != 0 ||
		    strncmp(f->text, "segment ", 8) != 0)
			continue;
		free(f->text);
		memmove(f, f + 1, (g->fault_count - i - 1) * sizeof *f);
		g->fault_count--;
		g->missing--;
		return;
	}
}

const struct gaps_backup *
gaps_anchor(const struct gaps *g, int64_t now, int64_t keep)
{
	const struct gaps_backup *newest = NULL;

	for (size_t i = 0; i < g->backup_count; i++) {
		const struct gaps_backup *b = &g->backups[i];

		if (b->usable && b->time < now - keep &&
		    (newest == NULL || b->time > newest->time))
			newest = b;
	}
	return newest;
}

/* The first segment of a timeline that leads to the anchor. */
static void
forget_begin(struct gaps *g, const struct gaps_histories *all,
    const struct gaps_backup *anchor, const struct gaps_range *first)
{
	const struct lsn_history *h = gaps_history(all, first->timeline);
	const struct lsn_history *line = gaps_history(all, anchor->timeline);
	char name[LSN_NAME_MAX];

	if (h == NULL || h->count == 0 || line == NULL ||
	    lsn_history_end(line, first->timeline) == 0 ||
	    first->start > anchor->begin)
		return;
	forget(g, lsn_segment_of(first->timeline, h->items[h->count - 1].end,
	    g->segment_size, name));
}

/*
 * Whether the gap behind a range is pgk-prune's. On a timeline that the way to
 * the anchor has left by then it may go on behind that, for what base backups
 * need is kept on whatever timeline.
 */
static bool
is_pruned(const struct gaps *g, const struct lsn_history *line,
    const struct gaps_backup *anchor, const struct gaps_range *r)
{
	uint64_t left = r->timeline == anchor->timeline ? UINT64_MAX :
	    line != NULL ? lsn_history_end(line, r->timeline) : 0;

	return is_island(g, r) && (r[1].start <= anchor->begin ||
	    (r->end >= left && is_island(g, &r[1])));
}

void
gaps_excuse(struct gaps *g, const struct gaps_histories *all, int64_t now,
    int64_t keep)
{
	const struct gaps_backup *anchor = gaps_anchor(g, now, keep);
	const struct lsn_history *line;

	if (anchor == NULL)
		return;
	line = gaps_history(all, anchor->timeline);
	for (size_t i = 0; i < g->range_count; i++) {
		const struct gaps_range *r = &g->ranges[i];

		if (i == 0 || r[-1].timeline != r->timeline)
			forget_begin(g, all, anchor, r);
		if (r->missing[0] != '\0' && i + 1 < g->range_count &&
		    r[1].timeline == r->timeline &&
		    is_pruned(g, line, anchor, r))
			forget(g, r->missing);
	}
}
