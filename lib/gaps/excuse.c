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

void
gaps_excuse(struct gaps *g, int64_t now, int64_t keep)
{
	const struct gaps_backup *anchor = gaps_anchor(g, now, keep);
	uint64_t floor = anchor != NULL ? anchor->begin : 0;

	for (size_t i = 0; i + 1 < g->range_count; i++) {
		const struct gaps_range *r = &g->ranges[i];

		if (r->missing[0] != '\0' && r[1].timeline == r->timeline &&
		    r[1].start <= floor && is_island(g, r))
			forget(g, r->missing);
	}
}
