#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "gaps/gaps_int.h"

struct finder {
	struct gaps *g;
	const struct archive_list *l;
	const struct gaps_histories *all;
	struct gaps_range *open; /* the last one, of the timeline at hand */
	uint64_t next;           /* the segment that would go on from it */
};

static int
missing_segment(struct gaps *g, uint32_t timeline, uint64_t segment,
    const char *why, struct err *e)
{
	const struct lsn_name n = { LSN_SEGMENT, timeline, segment, 0 };
	char name[LSN_NAME_MAX];
	struct err text = ERR_INIT;

	lsn_write_name(&n, g->segment_size, name);
	err_set(&text, ERR_ABSENT, "segment %s is missing%s", name, why);
	return gaps_add_fault(g, ERR_ABSENT, &n, text.text, e);
}

static int
begin_range(struct finder *f, uint32_t timeline, uint64_t segment,
    struct err *e)
{
	struct gaps *g = f->g;
	struct gaps_range *p = buf_more(g->ranges, g->range_count, sizeof *p,
	    e);
	const struct lsn_history *h = gaps_history(f->all, timeline);

	if (p == NULL)
		return -1;
	g->ranges = p;
	f->open = &p[g->range_count++];
	f->open->timeline = timeline;
	f->open->start = f->open->end = segment * g->segment_size;
	lsn_segment_of(timeline, f->open->start, g->segment_size,
	    f->open->first);
	/* what stands before the switch is the older timeline's */
	if (h != NULL && h->count > 0 &&
	    h->items[h->count - 1].end / g->segment_size == segment)
		f->open->start = h->items[h->count - 1].end;
	return 0;
}

/* A segment of the timeline, whole or as far as its runs go. */
static int
add_segment(struct finder *f, const struct lsn_name *n, uint32_t bytes,
    uint64_t stored, bool whole, struct err *e)
{
	struct gaps *g = f->g;

	if (f->open != NULL && f->next < n->segment) {
		lsn_segment_of(n->timeline, f->next * g->segment_size,
		    g->segment_size, f->open->missing);
		if (missing_segment(g, n->timeline, f->next,
		    ", and later ones are there", e) == -1)
			return -1;
		f->open = NULL;
	}
	if (f->open == NULL && begin_range(f, n->timeline, n->segment,
	    e) == -1)
		return -1;
	f->open->end = n->segment * g->segment_size + bytes;
	f->open->stored += stored;
	f->open->segments += whole;
	lsn_segment_of(n->timeline, n->segment * g->segment_size,
	    g->segment_size, f->open->last);
	f->next = n->segment + whole;
	return 0;
}

/* All that lies under one segment's number: *i is moved behind it. */
static int
take_segment(struct finder *f, size_t *i, struct err *e)
{
	const struct archive_file *files = f->l->files;
	const struct lsn_name n = files[*i].name;
	const struct archive_file *whole = NULL, *runs = NULL;
	uint64_t stored = 0;
	size_t count = 0;

	for (; *i < f->l->count && files[*i].name.timeline == n.timeline &&
	    files[*i].name.segment == n.segment &&
	    files[*i].name.kind != LSN_HISTORY; (*i)++) {
		const struct archive_file *one = &files[*i];

		if (one->run) {
			runs = count++ == 0 ? one : runs;
			stored += one->stored;
		} else if (one->name.kind == LSN_SEGMENT && whole == NULL) {
			whole = one;
		}
	}
	if (whole != NULL)
		return add_segment(f, &n, f->l->segment_size, whole->stored,
		    true, e);
	if (count > 0 && archive_covered(runs, count) > 0)
		return add_segment(f, &n, archive_covered(runs, count),
		    stored, false, e);
	return 0;
}

/* Whether the log of a timeline is there up to a switch in this segment. */
static bool
leads_to(const struct gaps *g, uint32_t timeline, uint64_t segment)
{
	for (size_t i = 0; i < g->range_count; i++)
		if (g->ranges[i].timeline == timeline &&
		    g->ranges[i].start / g->segment_size <= segment &&
		    g->ranges[i].end / g->segment_size >= segment)
			return true;
	return false;
}

/* The first segment of a timeline is the one with the switch. */
static int
check_switch(struct gaps *g, const struct gaps_histories *all,
    const struct gaps_range *first, struct err *e)
{
	const struct lsn_history *h = gaps_history(all, first->timeline);
	const struct lsn_name n = { LSN_HISTORY, first->timeline, 0, 0 };
	struct err text = ERR_INIT;
	uint64_t segment;

	if (first->timeline == 1)
		return 0;
	if (h != NULL && h->count == 0) /* it needs a key */
		return 0;
	if (h == NULL) {
		for (size_t i = 0; i < g->fault_count; i++)
			if (strncmp(g->faults[i].name + 8, ".history", 8) ==
			    0 && strtoul(g->faults[i].name, NULL, 16) ==
			    first->timeline)
				return 0; /* said to be damaged */
		err_set(&text, ERR_ABSENT, "the history of timeline %" PRIu32
		    " is missing", first->timeline);
		return gaps_add_fault(g, ERR_ABSENT, &n, text.text, e);
	}
	segment = h->items[h->count - 1].end / g->segment_size;
	if (first->start / g->segment_size <= segment ||
	    !leads_to(g, h->items[h->count - 1].timeline, segment))
		return 0;
	return missing_segment(g, first->timeline, segment, ", in which its "
	    "timeline begins", e);
}

int
gaps_find_ranges(struct gaps *g, const struct archive_list *l,
    const struct gaps_histories *all, struct err *e)
{
	struct finder f = { g, l, all, NULL, 0 };
	uint32_t timeline = 0;
	size_t i = 0;

	while (i < l->count) {
		if (l->files[i].name.timeline != timeline)
			f.open = NULL;
		timeline = l->files[i].name.timeline;
		if (l->files[i].name.kind == LSN_HISTORY)
			i++;
		else if (take_segment(&f, &i, e) == -1)
			return -1;
	}
	for (i = 0; i < g->range_count; i++)
		if ((i == 0 || g->ranges[i - 1].timeline !=
		    g->ranges[i].timeline) &&
		    check_switch(g, all, &g->ranges[i], e) == -1)
			return -1;
	return 0;
}
