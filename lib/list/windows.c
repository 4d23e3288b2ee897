/* Which times can be recovered: base backups that the same WAL leads on from. */
#include <inttypes.h>
#include <string.h>

#include "list/list_int.h"
#include "unit/unit.h"

struct view {
	struct repo_set *const *sets;
	const struct list_base *bases;
	size_t count;
	const char *zone;
	struct buf *out;
	struct err *e;
};

static bool
is_usable(const struct view *v, size_t i)
{
	return list_is_base(v->sets[i]) && v->bases[i].base != NULL;
}

/*
 * "any time from A to B (WAL to LSN, timeline T)", as far as that is known. The
 * base backup ended at some moment of second `first`: the next is sure.
 */
static int
add_times(const struct view *v, const struct list_base *b, int64_t first)
{
	char from[UNIT_TEXT_MAX], until[UNIT_TEXT_MAX], lsn[LSN_TEXT_MAX];
	int64_t to;

	lsn_text(b->to, lsn);
	if (!list_reaches(b, first, &to)) {
		to = b->known > first ? b->known : first + 1;
		return buf_fmt(v->out, v->e, "any time from %s to %s and on "
		    "(WAL to %s, timeline %" PRIu32 "; %s)",
		    unit_local(first + 1, v->zone, from),
		    unit_local(to, v->zone, until), lsn, b->to_timeline,
		    b->last.why);
	}
	if (to == first)
		return buf_fmt(v->out, v->e, "%s, no transaction has ended "
		    "since (WAL to %s, timeline %" PRIu32 ")",
		    unit_local(first, v->zone, from), lsn, b->to_timeline);
	return buf_fmt(v->out, v->e, "any time from %s to %s (WAL to %s, "
	    "timeline %" PRIu32 ")", unit_local(first + 1, v->zone, from),
	    unit_local(to, v->zone, until), lsn, b->to_timeline);
}

/* The window that set i opens, unless an earlier one has opened it. */
static int
add_window(const struct view *v, size_t i)
{
	const struct list_base *b = &v->bases[i];
	int64_t first = v->sets[i]->end;

	for (size_t k = 0; k < v->count; k++) {
		if (!is_usable(v, k) || !list_is_same_way(b,
		    &v->bases[k]))
			continue;
		if (k < i)
			return 0;
		if (v->sets[k]->end < first)
			first = v->sets[k]->end;
	}
	if (buf_str(v->out, "recoverable: ", v->e) == -1 ||
	    add_times(v, b, first) == -1)
		return -1;
	if (!b->gap)
		return buf_str(v->out, ", gaps: none\n", v->e);
	return buf_fmt(v->out, v->e, ", then a gap: %s is missing\n",
	    b->missing);
}

/* The number of base backups of this sort. */
static size_t
count_of(const struct view *v, enum list_wal wal)
{
	size_t n = 0;

	for (size_t i = 0; i < v->count; i++)
		n += is_usable(v, i) && v->bases[i].wal == wal;
	return n;
}

static int
add_rest(const struct view *v)
{
	size_t points = count_of(v, LIST_WAL_POINT);
	size_t none = count_of(v, LIST_WAL_NONE);

	if (points > 0 && buf_fmt(v->out, v->e, "recoverable: %zu older base "
	    "%s only as %s ended\n", points, points == 1 ? "backup" :
	    "backups", points == 1 ? "it" : "each") == -1)
		return -1;
	if (none > 0 && buf_fmt(v->out, v->e, "not recoverable from this "
	    "store alone: %zu base %s, their WAL is not in it\n", none,
	    none == 1 ? "backup" : "backups") == -1)
		return -1;
	for (size_t i = 0; i < v->count; i++) {
		if (!list_is_base(v->sets[i]))
			continue;
		if (v->bases[i].base == NULL) {
			if (buf_fmt(v->out, v->e, "not recoverable: %s, what "
			    "it builds on is missing\n",
			    v->sets[i]->name) == -1)
				return -1;
		} else if (v->bases[i].wal == LIST_WAL_MISSING &&
		    buf_fmt(v->out, v->e, "not recoverable: %s, WAL %s is "
		    "missing\n", v->sets[i]->name, v->bases[i].missing) == -1)
			return -1;
	}
	return 0;
}

int
list_windows(struct repo_set *const *sets, const struct list_base *bases,
    size_t count, const char *zone, struct sink *out, struct err *e)
{
	struct buf b = BUF_INIT(FORM_LINE_MAX);
	struct view v = { sets, bases, count, zone, &b, e };
	int rc = buf_str(&b, "", e);

	for (size_t i = 0; i < count && rc == 0; i++)
		if (is_usable(&v, i) && bases[i].wal == LIST_WAL_ON)
			rc = add_window(&v, i);
	if (rc == 0 && (rc = add_rest(&v)) == 0)
		rc = sink_write(out, b.data, b.len, e);
	buf_free(&b);
	return rc;
}
