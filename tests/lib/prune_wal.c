/*
 * Which WAL goes, against what really happened: a cluster that writes, is
 * backed up, promoted and recovered to earlier points is played through, so
 * that when each byte was written and which way leads to it are known.
 */
#include <stdlib.h>
#include <string.h>

#include "prune/prune.h"
#include "tap.h"

#define DAY 86400
#define NOW (1000 * DAY)
#define SEGMENT ((uint64_t)1 << 20)
#define TIMELINES 6
#define SEGMENTS 64
#define BASES 24

static uint64_t state = 88172645463325252u;

static unsigned
chance(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % below);
}

struct world {
	int64_t now;
	struct {
		uint32_t parent;  /* 0: none */
		uint64_t from;    /* left the parent there */
		uint64_t to;      /* written so far */
		int64_t when[SEGMENTS]; /* last written; 0: never */
	} line[TIMELINES + 1];    /* by timeline, from 1 */
	uint32_t last;            /* timeline */
	uint32_t current;
	struct prune_base base[BASES];
	unsigned bases;
};

/* Write up to `bytes` on a timeline, now. */
static void
put(struct world *w, uint32_t timeline, uint64_t bytes)
{
	uint64_t to = w->line[timeline].to + bytes;

	if (to > SEGMENTS * SEGMENT)
		to = SEGMENTS * SEGMENT;
	for (uint64_t s = w->line[timeline].to / SEGMENT;
	    s < SEGMENTS && s * SEGMENT < to; s++)
		w->line[timeline].when[s] = w->now;
	w->line[timeline].to = to;
}

static void
branch(struct world *w, uint32_t parent, uint64_t at)
{
	uint32_t timeline = ++w->last;

	w->line[timeline].parent = parent;
	w->line[timeline].from = w->line[timeline].to = at;
	w->current = timeline;
	/* the segment is copied, and goes on */
	put(w, timeline, 1 + chance(SEGMENT));
}

static void
back_up(struct world *w)
{
	static const char *const names[] = { "b0", "b1", "b2", "b3", "b4",
		"b5", "b6", "b7", "b8", "b9", "b10", "b11", "b12", "b13",
		"b14", "b15", "b16", "b17", "b18", "b19", "b20", "b21",
		"b22", "b23" };
	struct prune_base *b = &w->base[w->bases];

	b->name = names[w->bases++];
	b->timeline = w->current;
	b->lsn = w->line[w->current].to;
	w->now += chance(DAY / 4);
	put(w, w->current, 1 + chance(2 * SEGMENT));
	b->end_lsn = w->line[w->current].to;
	b->end = w->now;
}

/* Recover from a base backup to a point its line reached, and go on there. */
static void
recover(struct world *w)
{
	const struct prune_base *b = &w->base[chance(w->bases)];
	uint64_t room = w->line[b->timeline].to - b->end_lsn;

	branch(w, b->timeline, b->end_lsn + (room > 0 ?
	    chance((unsigned)room) : 0));
}

static void
play(struct world *w)
{
	*w = (struct world){ .now = NOW - (1 + chance(40)) * DAY, .last = 1,
		.current = 1 };
	w->line[1].to = SEGMENT;
	while (w->now < NOW - DAY) {
		unsigned what = chance(20);

		if (what < 6 && w->bases < BASES) {
			back_up(w);
		} else if (what == 6 && w->last < TIMELINES) {
			branch(w, w->current, w->line[w->current].to);
		} else if (what == 7 && w->last < TIMELINES && w->bases > 0) {
			recover(w);
		} else if (what == 8) {
			/* an old primary does not know that it is */
			put(w, 1 + chance(w->last), SEGMENT / 2);
		} else {
			put(w, w->current, chance(2 * SEGMENT));
		}
		w->now += chance(2 * DAY);
	}
	w->now = NOW;
	for (unsigned i = 0; i < w->bases; i++) {
		if (w->base[i].end > NOW)
			w->base[i].end = NOW;
		w->base[i].kept = chance(3) > 0;
		w->base[i].read = w->base[i].kept && chance(20) == 0;
		w->base[i].onward = w->base[i].kept && chance(20) == 0;
	}
}

/* Whether recovery from b may come by this segment. */
static bool
reaches(const struct world *w, const struct prune_base *b, uint32_t timeline,
    uint64_t segment)
{
	uint32_t t = timeline;

	if (t == b->timeline)
		return (segment + 1) * SEGMENT > b->lsn;
	while (w->line[t].parent != 0) {
		if (w->line[t].parent == b->timeline)
			return w->line[t].from >= b->end_lsn;
		t = w->line[t].parent;
	}
	return false;
}

/* The timeline whose segment holds the byte at lsn on the way to `timeline`. */
static uint32_t
writer_of(const struct world *w, uint32_t timeline, uint64_t lsn)
{
	while (w->line[timeline].parent != 0 &&
	    lsn < w->line[timeline].from / SEGMENT * SEGMENT)
		timeline = w->line[timeline].parent;
	return timeline;
}

static void
list(const struct world *w, struct archive_list *l)
{
	l->files = calloc(TIMELINES * (SEGMENTS + 1), sizeof *l->files);
	l->count = 0;
	l->segment_size = SEGMENT;
	for (uint32_t t = 1; t <= w->last; t++) {
		if (t > 1)
			l->files[l->count++].name = (struct lsn_name){
				LSN_HISTORY, t, 0, 0 };
		for (uint64_t s = 0; s < SEGMENTS; s++)
			if (w->line[t].when[s] != 0)
				l->files[l->count++].name = (struct lsn_name){
					LSN_SEGMENT, t, s, 0 };
	}
}

static void
ancestry(const struct world *w, uint32_t timeline, struct lsn_history *h)
{
	uint32_t up[TIMELINES], n = 0;
	uint64_t end[TIMELINES];

	for (uint32_t t = timeline; w->line[t].parent != 0;
	    t = w->line[t].parent) {
		up[n] = w->line[t].parent;
		end[n++] = w->line[t].from;
	}
	h->timeline = timeline;
	h->items = calloc(n + 1, sizeof *h->items);
	for (h->count = 0; h->count < n; h->count++) {
		h->items[h->count].timeline = up[n - 1 - h->count];
		h->items[h->count].end = end[n - 1 - h->count];
	}
}

/* Up to where timeline t is on the line to b's start; 0: it is not. */
static uint64_t
on_line(const struct world *w, const struct prune_base *b, uint32_t t)
{
	uint64_t end = b->lsn;
	uint32_t at = b->timeline;

	for (; at != t && at != 0; at = w->line[at].parent)
		if (w->line[at].from < end)
			end = w->line[at].from;
	return at == t ? end : 0;
}

/* Where b's line left the ancestor t; on b's own timeline b's start. */
static uint64_t
line_left(const struct world *w, const struct prune_base *b, uint32_t t)
{
	uint32_t at = b->timeline;

	if (at == t)
		return b->lsn;
	while (w->line[at].parent != t)
		at = w->line[at].parent;
	return w->line[at].from;
}

/* Whether the two part before b's start. */
static bool
left_line(const struct world *w, const struct prune_base *b,
    uint32_t timeline)
{
	uint64_t left = UINT64_MAX, line;

	for (uint32_t t = timeline; t != 0; t = w->line[t].parent) {
		if (t == b->timeline || on_line(w, b, t) > 0) {
			line = line_left(w, b, t);
			return t != b->timeline || left <= line;
		}
		left = w->line[t].from;
	}
	return false;
}

/* Whether it left the line of an old base backup before that one's start. */
static bool
left_early(const struct world *w, uint32_t timeline, int64_t keep)
{
	for (unsigned i = 0; i < w->bases; i++)
		if (w->base[i].end < NOW - keep &&
		    w->base[i].timeline != timeline &&
		    left_line(w, &w->base[i], timeline))
			return true;
	return false;
}

static unsigned deleted, dead, overdue;

/* Whether the verdict on one segment is right; all ways are known if `all`. */
static bool
check(const struct world *w, const struct lsn_name *name, int64_t keep,
    bool all, const struct prune_wal *d)
{
	uint64_t from = name->segment * SEGMENT, to = from + SEGMENT;
	bool kept = d->verdict == PRUNE_KEEP, reached = false, old;
	int64_t when = w->line[name->timeline].when[name->segment];

	if (name->kind == LSN_HISTORY)
		return kept;
	for (unsigned i = 0; i < w->bases; i++) {
		const struct prune_base *b = &w->base[i];

		if (!b->kept)
			continue;
		/* what a kept one cannot do without, and a reader may want */
		if (from < b->end_lsn && to > b->lsn &&
		    writer_of(w, b->timeline, from) == name->timeline && !kept)
			return false;
		if ((b->read || b->onward) && !kept &&
		    reaches(w, b, name->timeline, name->segment))
			return false;
		reached = reached ||
		    reaches(w, b, name->timeline, name->segment);
	}
	if (!kept) {
		old = when < NOW - keep;
		deleted++;
		dead += d->why == PRUNE_WAL_DEAD;
		if (name->timeline == w->last && !old)
			return false;
		return d->why != PRUNE_WAL_DEAD ? old : !reached &&
		    left_early(w, name->timeline, keep);
	}
	/* kept though old, on the line of an old base backup before it? */
	if (!all || d->why == PRUNE_WAL_NEEDED ||
	    d->why == PRUNE_WAL_READ || d->why == PRUNE_WAL_ONWARD)
		return true;
	/* or though nobody takes that way any more? */
	if (d->why == PRUNE_WAL_YOUNG && !reached &&
	    name->timeline != w->last && left_early(w, name->timeline, keep)) {
		overdue++;
		return false;
	}
	for (unsigned i = 0; i < w->bases; i++) {
		const struct prune_base *b = &w->base[i];

		if (b->end < NOW - keep &&
		    to <= on_line(w, b, name->timeline)) {
			overdue++;
			return false;
		}
	}
	return true;
}

static bool
one(void)
{
	static struct world w;
	struct archive_list l;
	struct lsn_history h[TIMELINES];
	struct prune_wal *out;
	int64_t keep = (1 + chance(20)) * DAY;
	bool all = chance(3) > 0, good = true;
	size_t count = 0;

	play(&w);
	list(&w, &l);
	out = calloc(l.count + 1, sizeof *out);
	for (uint32_t t = 2; t <= w.last; t++)
		if (all || chance(2) == 0)
			ancestry(&w, t, &h[count++]);
	prune_judge_wal(&l, w.base, w.bases, h, count, NOW, keep, out);
	for (size_t i = 0; i < l.count; i++) {
		if (check(&w, &l.files[i].name, keep, all, &out[i]))
			continue;
		printf("# timeline %u segment %u: why %u\n",
		    l.files[i].name.timeline,
		    (unsigned)l.files[i].name.segment, out[i].why);
		good = false;
	}
	for (size_t i = 0; i < count; i++)
		lsn_history_free(&h[i]);
	free(out);
	archive_list_free(&l);
	return good;
}

/* No base backup, none old: nothing goes. */
static void
test_none(void)
{
	struct archive_file f[2] = { { .name = { LSN_SEGMENT, 1, 1, 0 } },
		{ .name = { LSN_SEGMENT, 1, 9, 0 } } };
	struct archive_list l = { f, 2, SEGMENT };
	struct prune_base b = { "b", NOW - 7 * DAY, 1, 5 * SEGMENT,
		6 * SEGMENT, true, false, false };
	struct prune_wal out[2];

	prune_judge_wal(&l, NULL, 0, NULL, 0, NOW, DAY, out);
	EQ(out[0].verdict, PRUNE_KEEP);
	EQ(out[0].why, PRUNE_WAL_YOUNG);
	prune_judge_wal(&l, &b, 1, NULL, 0, NOW, 7 * DAY, out);
	EQ(out[0].verdict, PRUNE_KEEP);
	prune_judge_wal(&l, &b, 1, NULL, 0, NOW, 7 * DAY - 1, out);
	EQ(out[0].verdict, PRUNE_DELETE);
	EQ(out[0].why, PRUNE_WAL_OLD);
	OK(out[0].base == &b);
	EQ(out[1].verdict, PRUNE_KEEP);
	/* gone in this run it proves the same */
	b.kept = false;
	prune_judge_wal(&l, &b, 1, NULL, 0, NOW, 7 * DAY - 1, out);
	EQ(out[0].verdict, PRUNE_DELETE);
}

int
main(void)
{
	unsigned wrong = 0;

	test_none();
	for (unsigned i = 0; i < 20000 && wrong < 3; i++)
		wrong += !one();
	EQ(wrong, 0);
	printf("# %u deleted, %u of dead timelines\n", deleted, dead);
	/* what never happens is not tested */
	OK(deleted > 10000);
	OK(dead > 1000);
	EQ(overdue, 0);
	return done();
}
