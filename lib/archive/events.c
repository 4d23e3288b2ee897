/* What stands in the archive's log, read record by record. */
#include <string.h>

#include "archive/archive_int.h"
#include "log/log.h"

#define MICRO 1000000 /* in a second */

struct reading {
	const struct archive_path *path;
	uint64_t from;
	int (*on_event)(void *ctx, const struct wal_event *ev,
	    struct err *e);
	void *ctx;
	bool enough; /* it said so */
	struct wal_walk walk;
};

static int
pass_event(void *ctx, const struct wal_event *ev, struct err *e)
{
	struct reading *r = ctx;
	int rc;

	if (r->enough || ev->lsn < r->from)
		return 0;
	rc = r->on_event(r->ctx, ev, e);
	r->enough = rc == 1;
	return rc == -1 ? -1 : 0;
}

/* A stage that walks over what is sent. */
struct stage {
	struct sink base;
	struct reading *r;
};

static int
take(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct reading *r = ((struct stage *)s)->r;

	return wal_walk_take(&r->walk, data, len, e);
}

/* The last of a path may be an older timeline's, or not whole. */
static int
read_segment(struct reading *r, uint64_t s, struct err *e)
{
	static const struct sink_ops ops = { take, NULL, NULL };
	const struct archive_path *p = r->path;
	const uint64_t begin = s * p->segment_size;
	struct stage stage = { { &ops }, r };
	char name[LSN_NAME_MAX];

	lsn_segment_of(p->end - begin <= p->segment_size ? p->end_timeline :
	    lsn_history_at(p->history, begin + p->segment_size - 1), begin,
	    p->segment_size, name);
	return archive_send(p->archive, name, p->keys, true, &stage.base, e);
}

/* Whether segment `s` is wanted: for its records, or one's end. */
static bool
is_wanted(const struct reading *r, uint64_t s)
{
	const uint64_t begin = s * r->path->segment_size;

	return !r->enough && !r->walk.ended && begin < r->path->end &&
	    (begin < r->walk.limit || (wal_walk_within(&r->walk) &&
	    r->walk.next >= r->from));
}

int
archive_events(const struct archive_path *p, uint64_t from, uint64_t to,
    int (*on_event)(void *ctx, const struct wal_event *ev, struct err *e),
    void *ctx, uint64_t *last, struct err *e)
{
	struct reading r = { .path = p, .from = from, .on_event = on_event,
		.ctx = ctx, .walk = WAL_WALK_INIT(pass_event, &r) };

	r.walk.limit = to;
	for (uint64_t s = from / p->segment_size; is_wanted(&r, s); s++)
		if (read_segment(&r, s, e) == -1)
			return -1;
	if (last != NULL && r.walk.last >= from)
		*last = r.walk.last;
	return 0;
}

static int
keep_newest(void *ctx, const struct wal_event *ev, struct err *e)
{
	struct archive_last *out = ctx;

	(void)e;
	if (ev->what == WAL_POINT)
		return 0;
	if (out->what != ARCHIVE_LAST_TIME || ev->time > out->time)
		out->time = ev->time;
	out->what = ARCHIVE_LAST_TIME;
	return 0;
}

/* An answer all the same, or the error. */
static int
give_up(struct archive_last *out, const struct err *why, struct err *e)
{
	if (why->kind == ERR_NOMEM || why->kind == ERR_SYS ||
	    why->kind == ERR_STOPPED)
		return err_pass(e, why);
	log_info("the WAL's end is not known, or not all of it: %s",
	    why->text);
	if (out->what == ARCHIVE_LAST_UNKNOWN)
		out->why = why->kind == ERR_KEY ? "no key opens the WAL" :
		    "the WAL cannot be read";
	return 0;
}

/* How many segments may be read. */
static uint64_t
most_segments(uint32_t size)
{
	const uint64_t n = ARCHIVE_LAST_BYTES / size;

	return n > ARCHIVE_LAST_SEGMENTS ? ARCHIVE_LAST_SEGMENTS :
	    n > 0 ? n : 1;
}

int
archive_last(const struct archive_path *p, uint64_t start, bool all,
    struct archive_last *out, struct err *e)
{
	uint64_t left = most_segments(p->segment_size), to = p->end;

	*out = (struct archive_last){ .what = ARCHIVE_LAST_UNKNOWN,
		.why = "no transaction ended in the last WAL" };
	while (to > start && (all || out->what == ARCHIVE_LAST_UNKNOWN)) {
		uint64_t from = (to - 1) / p->segment_size * p->segment_size;
		struct err why = ERR_INIT;

		if (left-- == 0)
			return 0;
		if (archive_events(p, from > start ? from : start, to,
		    keep_newest, out, out->record == 0 ? &out->record : NULL,
		    &why) == -1)
			return give_up(out, &why, e);
		to = from;
	}
	if (out->what == ARCHIVE_LAST_UNKNOWN)
		out->what = ARCHIVE_LAST_NONE;
	return 0;
}

bool
archive_last_second(const struct archive_last *last, int64_t from,
    int64_t *second)
{
	int64_t before = last->time - 1; /* a server wants one behind it */

	if (last->what == ARCHIVE_LAST_UNKNOWN)
		return false;
	*second = from;
	if (last->what == ARCHIVE_LAST_TIME && before > 0 &&
	    before / MICRO > from)
		*second = before / MICRO;
	return true;
}
