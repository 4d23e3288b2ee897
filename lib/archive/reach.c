/*
 * Which file of the segment that holds a switch PostgreSQL wants: that of the
 * newest timeline that begins in it or before. It holds what the older one
 * wrote up to the switch. Until it is there the older one's, whole, partial
 * or in runs, still gives what comes before the switch.
 */
#include <string.h>

#include "archive/archive_int.h"

/* What the list has of one segment. */
struct there {
	const struct archive_file *whole, *partial, *runs; /* or NULL */
	size_t run_count;
};

static size_t
lower_bound(const struct archive_list *l, uint32_t timeline,
    uint64_t segment)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct lsn_name *n = &l->files[mid].name;

		if (n->timeline < timeline || (n->timeline == timeline &&
		    (n->kind == LSN_HISTORY || n->segment < segment)))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
look_up(const struct archive_list *l, uint32_t timeline, uint64_t segment,
    struct there *t)
{
	*t = (struct there){ NULL, NULL, NULL, 0 };
	for (size_t i = lower_bound(l, timeline, segment); i < l->count;
	    i++) {
		const struct archive_file *f = &l->files[i];

		if (f->name.timeline != timeline ||
		    f->name.segment != segment)
			break;
		if (f->run && t->run_count++ == 0)
			t->runs = f;
		else if (!f->run && f->name.kind == LSN_SEGMENT &&
		    t->whole == NULL)
			t->whole = f;
		else if (f->name.kind == LSN_PARTIAL && t->partial == NULL)
			t->partial = f;
	}
}

/*
 * How much of segment `s` is there on `timeline`, which ends at `end` in this
 * ancestry: the first byte that is not.
 */
static uint64_t
covered(const struct archive_list *l, uint32_t timeline, uint64_t s,
    uint64_t end, bool partial)
{
	uint64_t from = s * l->segment_size, to = from;
	struct there t;

	look_up(l, timeline, s, &t);
	if (t.whole != NULL)
		to = from + l->segment_size;
	else if (partial && t.partial != NULL && end != UINT64_MAX)
		to = end; /* the server kept it when it left the timeline */
	if (to == from && partial && t.run_count > 0)
		to = from + archive_covered(t.runs, t.run_count);
	return to < end ? to : end;
}

/* How far the segment that is not there as it should be goes all the same. */
static void
last_of(const struct archive_list *l, const struct lsn_history *h,
    uint64_t s, bool partial, struct archive_reach *out)
{
	uint64_t from = s * l->segment_size, at = from, to;

	/* from the oldest timeline in this segment to the newest */
	for (size_t i = 0; i <= h->count; i++) {
		uint32_t timeline = i < h->count ? h->items[i].timeline :
		    h->timeline;
		uint64_t end = lsn_history_end(h, timeline);

		if (end <= from)
			continue;
		if (i > 0 && h->items[i - 1].end >= from + l->segment_size)
			break;
		to = covered(l, timeline, s, end, partial);
		if (to > at) {
			at = to;
			out->end_timeline = timeline;
		}
	}
	if (at > out->end)
		out->end = at;
}

/* Whether a later segment on this path is there. */
static bool
goes_on(const struct archive_list *l, const struct lsn_history *h,
    uint64_t s)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct lsn_name *n = &l->files[i].name;

		if (n->kind == LSN_SEGMENT && n->segment > s &&
		    n->segment * l->segment_size <
		    lsn_history_end(h, n->timeline))
			return true;
	}
	return false;
}

void
archive_reach(const struct archive_list *l, const struct lsn_history *h,
    uint32_t timeline, uint64_t start, bool partial,
    struct archive_reach *out)
{
	uint32_t size = l->segment_size, newest;
	uint64_t s = start / size;
	struct there t;

	memset(out, 0, sizeof *out);
	out->end = start;
	out->end_timeline = timeline;
	if (start >= lsn_history_end(h, timeline)) { /* not on this path */
		lsn_segment_of(timeline, start, size, out->missing);
		return;
	}
	for (;; s++) {
		newest = lsn_history_at(h, s * size + size - 1);
		look_up(l, newest, s, &t);
		if (t.whole == NULL)
			break;
		out->segments++;
		out->stored += t.whole->stored;
		out->end = (s + 1) * size;
		out->end_timeline = newest;
	}
	lsn_segment_of(newest, s * size, size, out->missing);
	last_of(l, h, s, partial, out);
	out->gap = goes_on(l, h, s);
}
