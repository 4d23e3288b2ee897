#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log/log.h"
#include "receive/receive_int.h"

uint64_t
receiver_durable(const struct receiver *r)
{
	uint64_t durable = growing_durable(&r->grow);

	return durable > r->floor ? durable : r->floor;
}

static bool
is_log(const struct archive_file *f)
{
	return f->name.kind == LSN_SEGMENT;
}

static bool
same_segment(const struct archive_file *a, const struct archive_file *b)
{
	return is_log(a) && is_log(b) &&
	    a->name.timeline == b->name.timeline &&
	    a->name.segment == b->name.segment;
}

/*
 * The archive's last segment that is of the server's past. Abandoned
 * branches do not count; a newer timeline than the server's does.
 */
static int
find_last(const struct receiver *r, const struct archive_list *l,
    const struct archive_file **last, struct err *e)
{
	bool any = false;

	*last = NULL;
	for (size_t i = 0; i < l->count; i++) {
		const struct archive_file *f = &l->files[i];

		if (!is_log(f))
			continue;
		any = true;
		if (f->name.timeline > r->server_timeline) {
			err_set(e, ERR_REFUSED, "the server is on timeline %"
			    PRIu32 ", but the archive goes on on timeline %"
			    PRIu32, r->server_timeline, f->name.timeline);
			return err_hint(e, "is this an old primary after a "
			    "promotion? connect to the new one");
		}
		if (lsn_history_end(&r->history, f->name.timeline) >
		    f->name.segment * r->segment_size)
			*last = f;
	}
	if (any && *last == NULL)
		return err_set(e, ERR_REFUSED, "the archive holds nothing of "
		    "the past of the server's timeline %" PRIu32,
		    r->server_timeline);
	return 0;
}

/* Bytes before what the runs cover, if a key for them is at hand. */
static int
read_runs(struct receiver *r, struct err *e)
{
	struct growing *g = &r->grow;
	struct buf b = BUF_INIT((size_t)g->size + 1);
	char name[LSN_NAME_MAX];
	struct err why = ERR_INIT;
	int rc = 0;

	lsn_write_name(&g->name, g->size, name);
	if (archive_get(r->o->archive, name, r->o->identities, true, &b,
	    &why) == -1) {
		if (why.kind != ERR_KEY)
			rc = err_pass(e, &why);
	} else if (b.len == g->size) {
		memcpy(g->data, b.data, g->published);
		g->filled = g->published;
	}
	buf_free(&b);
	return rc;
}

/* Runs behind a hole, or whose bytes a longer one has, are of no use. */
static int
keep_run(struct receiver *r, const struct archive_file *f, struct err *e)
{
	struct growing *g = &r->grow;

	if (f->begin <= g->published && f->end > g->published) {
		if (growing_add_run(g, f, e) == -1)
			return -1;
		g->published = f->end;
		return 0;
	}
	log_debug("deleting \"%s\", which nothing needs", f->object);
	return archive_delete(r->o->archive, f, e);
}

/*
 * Take over the runs of the segment that grows. Of two that begin at one
 * place the longer comes second: then the first is deleted with the segment.
 */
static int
take_runs(struct receiver *r, const struct archive_list *l, struct err *e)
{
	struct growing *g = &r->grow;

	for (size_t i = 0; i < l->count; i++) {
		const struct archive_file *f = &l->files[i];

		if (f->run && f->name.timeline == g->name.timeline &&
		    f->name.segment == g->name.segment &&
		    keep_run(r, f, e) == -1)
			return -1;
	}
	return g->published > 0 ? read_runs(r, e) : 0;
}

/* A run whose segment is there whole: a run was stopped before deleting it. */
static int
drop_leftovers(struct receiver *r, const struct archive_list *l,
    struct err *e)
{
	const struct archive_file *whole = NULL;

	for (size_t i = 0; i < l->count; i++) {
		const struct archive_file *f = &l->files[i];

		if (is_log(f) && !f->run)
			whole = f;
		else if (f->run && whole != NULL && same_segment(f, whole) &&
		    archive_delete(r->o->archive, f, e) == -1)
			return -1;
	}
	return 0;
}

/*
 * The archive's end; or where its log breaks off behind the slot's
 * position, if that is earlier; in an empty one the slot's position, or the
 * server's.
 */
static int
find_start(struct receiver *r, const struct archive_list *l,
    uint32_t *timeline, uint64_t *start, struct err *e)
{
	const struct archive_file *last;
	struct archive_reach reach;
	uint64_t slot, end;

	if (find_last(r, l, &last, e) == -1 ||
	    receiver_slot_start(r, &slot, e) == -1)
		return -1;
	if (last == NULL) {
		*start = slot != 0 ? slot : r->server_position;
		*timeline = lsn_history_at(&r->history, *start);
		return 0;
	}
	*timeline = last->name.timeline;
	end = (last->name.segment + (last->run ? 0 : 1)) * r->segment_size;
	*start = end;
	if (slot != 0 && slot < end) {
		uint32_t at = lsn_history_at(&r->history, slot);

		archive_reach(l, &r->history, at, slot, false, &reach);
		if (reach.end < end) {
			*start = reach.end;
			*timeline = reach.end_timeline;
		}
	}
	return 0;
}

int
receiver_move(struct receiver *r, uint32_t timeline, uint64_t at,
    struct err *e)
{
	struct lsn_history h;

	/* its history comes before its first segment */
	if (receiver_history(r, timeline, &h, e) == -1)
		return -1;
	lsn_history_free(&h);
	r->floor = at;
	growing_begin(&r->grow, timeline, at / r->segment_size);
	return 0;
}

/* What a receiver that was killed left half written. */
static int
sweep(struct receiver *r, struct err *e)
{
	char name[LSN_NAME_MAX], folder[LSN_NAME_MAX + 8];

	snprintf(folder, sizeof folder, "wal/%.16s",
	    lsn_write_name(&r->grow.name, r->segment_size, name));
	if (store_sweep(r->o->store, "wal", false, NULL, e) == -1)
		return -1;
	return store_sweep(r->o->store, folder, false, NULL, e);
}

int
receiver_place(struct receiver *r, struct err *e)
{
	struct archive_list l = { .files = NULL };
	uint32_t timeline;
	uint64_t start;
	int rc = -1;

	if (archive_list(r->o->archive, r->segment_size, &l, e) == -1)
		return -1;
	if (l.count > 0 && l.segment_size != r->segment_size) {
		err_set(e, ERR_REFUSED, "the archive's segments are of %"
		    PRIu32 " bytes, the server's of %" PRIu32,
		    l.segment_size, r->segment_size);
		goto done;
	}
	if (find_start(r, &l, &timeline, &start, e) == -1 ||
	    drop_leftovers(r, &l, e) == -1 ||
	    growing_new(&r->grow, r->segment_size, r->o->scratch, e) == -1)
		goto done;
	growing_begin(&r->grow, timeline, start / r->segment_size);
	if (sweep(r, e) == -1 || take_runs(r, &l, e) == -1)
		goto done;
	r->placed = true;
	rc = 0;
done:
	archive_list_free(&l);
	return rc;
}

/* The timeline that came after `timeline` in the server's past. */
static uint32_t
successor(const struct lsn_history *h, uint32_t timeline)
{
	for (size_t i = 0; i + 1 < h->count; i++)
		if (h->items[i].timeline == timeline)
			return h->items[i + 1].timeline;
	return h->timeline;
}

int
receiver_follow(struct receiver *r, struct err *e)
{
	uint32_t timeline = r->grow.name.timeline;
	uint64_t end = lsn_history_end(&r->history, timeline);
	char was[LSN_TEXT_MAX], left[LSN_TEXT_MAX];

	if (end == 0) {
		err_set(e, ERR_REFUSED, "the server's timeline %" PRIu32
		    " does not come from timeline %" PRIu32 ", which was "
		    "received", r->server_timeline, timeline);
		return err_hint(e, "receive it into another store");
	}
	if (receiver_durable(r) <= end)
		return 0;
	log_warning("the server left timeline %" PRIu32 " at %s; the archive "
	    "has it to %s, which stays there", timeline, lsn_text(end, left),
	    lsn_text(receiver_durable(r), was));
	return receiver_move(r, successor(&r->history, timeline), end, e);
}

int
receiver_skip(struct receiver *r, struct err *e)
{
	char from[LSN_TEXT_MAX], to[LSN_TEXT_MAX];
	uint64_t at;

	if (receiver_slot_start(r, &at, e) == -1)
		return -1;
	if (at < receiver_durable(r))
		at = r->server_position;
	log_warning("a gap, as told: the archive ends at %s and goes on in "
	    "the segment of %s", lsn_text(receiver_durable(r), from),
	    lsn_text(at, to));
	r->floor = 0;
	growing_begin(&r->grow, lsn_history_at(&r->history, at),
	    at / r->segment_size);
	return 0;
}
