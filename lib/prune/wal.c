/*
 * Which WAL goes. A line of timelines is a timeline and the parts of its
 * ancestors that lead to it. A base backup B that ended long ago proves the
 * age of its line before its start; what left the line there is not on it:
 *
 *	timeline 1  ====a=======p- - - - - - - - -    B of timeline 2 proves a to
 *	                        \                     p of 1 and p to s of 2; the
 *	timeline 2               ======s--B--------   rest of 1 left it at p
 */
#include "prune/prune_int.h"

struct place {
	uint32_t timeline;
	uint64_t from, to; /* bytes of the segment */
};

struct judge {
	const struct prune_base *bases;
	size_t base_count;
	const struct lsn_history *histories;
	size_t history_count;
	int64_t oldest; /* what ended before this is old */
	uint32_t live;  /* the newest timeline */
};

/* The ancestry of a timeline, or NULL when it is not known. */
static const struct lsn_history *
history_of(const struct judge *j, uint32_t timeline)
{
	for (size_t i = 0; i < j->history_count; i++)
		if (j->histories[i].timeline == timeline)
			return &j->histories[i];
	return NULL;
}

/* Up to where `timeline` belongs to the line that ends at B's start. */
static uint64_t
proven_to(const struct judge *j, const struct prune_base *b,
    uint32_t timeline)
{
	const struct lsn_history *h;
	uint64_t end;

	if (timeline == b->timeline)
		return b->lsn;
	if ((h = history_of(j, b->timeline)) == NULL)
		return 0;
	end = lsn_history_end(h, timeline);
	return end < b->lsn ? end : b->lsn;
}

static bool
is_old(const struct judge *j, const struct prune_base *b)
{
	return b->end < j->oldest;
}

/* Whether recovery from B can replay what lies at this place. */
static bool
can_take(const struct judge *j, const struct prune_base *b,
    const struct place *at)
{
	const struct lsn_history *h;

	if (at->timeline == b->timeline)
		return at->to > b->lsn;
	/* ways unknown are taken for open */
	if (at->timeline < b->timeline)
		return false;
	if ((h = history_of(j, at->timeline)) == NULL)
		return true;
	return lsn_history_end(h, b->timeline) >= b->end_lsn;
}

/*
 * Whether the timeline left B's line before B's start. Both come from one
 * timeline, and part where the first of them leaves what they share: be it the
 * line.
 */
static bool
left_before(const struct judge *j, const struct prune_base *b,
    uint32_t timeline)
{
	const struct lsn_history *h = history_of(j, timeline);
	const struct lsn_history *line = history_of(j, b->timeline);

	/* an ancestor: all of it that is not on the line left it */
	if (line != NULL && lsn_history_end(line, timeline) > 0 &&
	    timeline != b->timeline)
		return true;
	for (size_t i = 0; h != NULL && i < h->count; i++) {
		if (h->items[i].timeline == b->timeline)
			return h->items[i].end <= b->lsn;
		if (line != NULL && h->items[i].end !=
		    lsn_history_end(line, h->items[i].timeline))
			return true;
	}
	return h != NULL && line != NULL;
}

/* What keeps it whatever its age; *out is set then. */
static bool
is_wanted(const struct judge *j, const struct place *at,
    struct prune_wal *out)
{
	for (size_t i = 0; i < j->base_count; i++) {
		const struct prune_base *b = &j->bases[i];

		if (b->kept && at->from < b->end_lsn && at->to > b->lsn) {
			*out = (struct prune_wal){ PRUNE_KEEP,
				PRUNE_WAL_NEEDED, b };
			return true;
		}
	}
	for (size_t i = 0; i < j->base_count; i++) {
		const struct prune_base *b = &j->bases[i];

		if (b->kept && b->read && at->to > b->lsn) {
			*out = (struct prune_wal){ PRUNE_KEEP,
				PRUNE_WAL_READ, b };
			return true;
		}
		if (b->kept && b->onward && can_take(j, b, at)) {
			*out = (struct prune_wal){ PRUNE_KEEP,
				PRUNE_WAL_ONWARD, b };
			return true;
		}
	}
	return false;
}

/* The newest base backup that proves it to be old, or NULL. */
static const struct prune_base *
proof_of(const struct judge *j, const struct place *at)
{
	const struct prune_base *best = NULL;

	for (size_t i = 0; i < j->base_count; i++) {
		const struct prune_base *b = &j->bases[i];

		if (is_old(j, b) && at->to <= proven_to(j, b, at->timeline) &&
		    (best == NULL || b->end > best->end))
			best = b;
	}
	return best;
}

static struct prune_wal
judge_branch(const struct judge *j, const struct place *at)
{
	const struct prune_base *left = NULL;

	for (size_t i = 0; i < j->base_count; i++) {
		const struct prune_base *b = &j->bases[i];

		if (is_old(j, b) && at->timeline != b->timeline &&
		    left_before(j, b, at->timeline))
			left = b;
	}
	if (left == NULL)
		return (struct prune_wal){ PRUNE_KEEP, PRUNE_WAL_YOUNG, NULL };
	if (at->timeline == j->live)
		return (struct prune_wal){ PRUNE_KEEP, PRUNE_WAL_LIVE, NULL };
	for (size_t i = 0; i < j->base_count; i++)
		if (j->bases[i].kept && can_take(j, &j->bases[i], at))
			return (struct prune_wal){ PRUNE_KEEP,
				PRUNE_WAL_BRANCH, &j->bases[i] };
	return (struct prune_wal){ PRUNE_DELETE, PRUNE_WAL_DEAD, left };
}

void
prune_judge_wal(const struct archive_list *wal,
    const struct prune_base *bases, size_t base_count,
    const struct lsn_history *histories, size_t history_count, int64_t now,
    int64_t keep, struct prune_wal *out)
{
	struct judge j = { bases, base_count, histories, history_count,
		now - keep, 0 };

	for (size_t i = 0; i < wal->count; i++)
		if (wal->files[i].name.timeline > j.live)
			j.live = wal->files[i].name.timeline;
	for (size_t i = 0; i < wal->count; i++) {
		const struct lsn_name *name = &wal->files[i].name;
		struct place at = { name->timeline,
			name->segment * wal->segment_size,
			(name->segment + 1) * wal->segment_size };
		const struct prune_base *b;

		if (name->kind == LSN_HISTORY)
			out[i] = (struct prune_wal){ PRUNE_KEEP,
				PRUNE_WAL_HISTORY, NULL };
		else if (is_wanted(&j, &at, &out[i]))
			continue;
		else if ((b = proof_of(&j, &at)) != NULL)
			out[i] = (struct prune_wal){ PRUNE_DELETE,
				PRUNE_WAL_OLD, b };
		else
			out[i] = judge_branch(&j, &at);
	}
}
