/* The walk over made-up records; tests/cmd/wal_events.t has real ones. */
#include <stdlib.h>

#include "recmake.h"
#include "tap.h"
#include "wal/wal.h"

#define SIZE ((uint32_t)1 << 20)
#define ID UINT64_C(7300000000000000001)
#define T0 INT64_C(1737914400000000) /* 2025-01-27 03:00:00 in Seoul */

static struct err e;

struct seen {
	struct wal_event list[64];
	size_t count, fail_at; /* fail_at 0: never */
};

static int
note(void *ctx, const struct wal_event *ev, struct err *why)
{
	struct seen *s = ctx;

	if (s->count + 1 == s->fail_at)
		return err_set(why, ERR_STOPPED, "enough");
	if (s->count < 64)
		s->list[s->count++] = *ev;
	return 0;
}

/* What is found from a byte on. */
static struct wal_walk
walk(const struct recmake *r, size_t from, struct seen *s)
{
	struct wal_walk w = WAL_WALK_INIT(note, s);

	s->count = 0;
	EQ(wal_walk_take(&w, r->bytes + from, r->size - from, &e), 0);
	return w;
}

static void
plain(void)
{
	struct recmake r = recmake_new(5, 2, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	uint64_t a = recmake_commit(&r, 700, T0), b, c, last;
	struct wal_walk w;

	b = recmake_point(&r, "here", T0 + 1);
	recmake_switch(&r);
	c = recmake_commit(&r, 701, T0 - 2);
	last = recmake_other(&r, 30000);
	w = walk(&r, 0, &s);
	EQ(s.count, 3);
	OK(s.list[0].what == WAL_COMMIT && s.list[0].xid == 700);
	OK(s.list[0].lsn == a && a == 5 * SIZE + 40 && s.list[0].end == b);
	OK(s.list[0].time == T0 && s.list[1].time == T0 + 1);
	OK(s.list[1].what == WAL_POINT && s.list[1].lsn == b);
	IS(s.list[1].name, "here");
	OK(s.list[2].lsn == c && c == 6 * SIZE + 40);
	OK(s.list[2].time == T0 - 2);
	OK(w.ended && w.last == last && w.next > last + 30000);
	OK(w.info.system_identifier == ID && w.info.timeline == 1);
	w = walk(&r, SIZE, &s);
	EQ(s.count, 1);
	/* up to a limit: where a record begins, and within one */
	for (uint64_t limit = c - 1; limit <= c + 1; limit++) {
		s.count = 0;
		w = (struct wal_walk)WAL_WALK_INIT(note, &s);
		w.limit = limit;
		EQ(wal_walk_take(&w, r.bytes, r.size, &e), 0);
		EQ(s.count, limit > c ? 3 : 2);
		OK(w.ended && w.next == (limit > c ? last : c));
	}
	/* what the callback says is passed on */
	s = (struct seen){ .fail_at = 2 };
	w = (struct wal_walk)WAL_WALK_INIT(note, &s);
	FAILS(wal_walk_take(&w, r.bytes, r.size, &e) == -1, ERR_STOPPED,
	    "enough");
	free(r.bytes);
}

/* No page, and a page of something else. */
static void
nothing(void)
{
	static unsigned char page[WAL_PAGE];
	struct seen s = { .count = 0 };
	struct wal_walk w = WAL_WALK_INIT(note, &s);

	EQ(wal_walk_take(&w, page, 39, &e), 0);
	OK(!w.ended && !w.started && !wal_walk_within(&w));
	EQ(wal_walk_take(&w, page, sizeof page - 39, &e), 0);
	OK(w.ended && !w.started && w.next == 0 && s.count == 0);
}

/* Records from one segment into the next, and the one after that. */
static void
across(void)
{
	struct recmake r = recmake_new(5, 4, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	struct wal_walk w;

	recmake_commit(&r, 1, T0);
	recmake_other(&r, 2 * SIZE);
	recmake_commit(&r, 2, T0);
	w = walk(&r, SIZE, &s);
	EQ(s.count, 1);
	EQ(s.list[0].xid, 2);
	r.size = SIZE;
	w = walk(&r, 0, &s);
	EQ(s.count, 1);
	OK(!w.ended && wal_walk_within(&w));
	OK(w.next == s.list[0].end);
	r.size = 2 * SIZE;
	w = walk(&r, SIZE, &s);
	OK(wal_walk_within(&w) && s.count == 0 && w.next == 0);
	free(r.bytes);
}

/* A crash in the middle of a record, and the server that went on. */
static void
overwritten(void)
{
	struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	uint64_t before = recmake_commit(&r, 1, T0);
	struct wal_walk w;
	size_t page;

	recmake_other(&r, 20000);
	page = 2 * WAL_PAGE;
	memset(r.bytes + page, 0, WAL_PAGE);
	r.at = page;
	r.last = before;
	w = walk(&r, 0, &s);
	OK(w.ended && w.last == before && s.count == 1);
	recmake_page(&r, 8, 0);
	recmake_add(&r, 0, 0xd0, 0, "16 bytes, as it is", 16, 0);
	recmake_commit(&r, 2, T0);
	w = walk(&r, 0, &s);
	EQ(s.count, 2);
	OK(s.list[1].lsn > 5 * SIZE + page);
	/* the flag is what does it */
	walmake_put(r.bytes + page + 2, 0, 2);
	w = walk(&r, 0, &s);
	OK(s.count == 1 && w.ended);
	free(r.bytes);
}

/* A switch that is the last of its segment has nothing to pass over. */
static void
switched_at_end(void)
{
	struct recmake r = recmake_new(5, 3, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	struct wal_walk w;
	uint64_t last;

	recmake_commit(&r, 1, T0);
	r.at = (r.at + 7) & ~(size_t)7;
	recmake_other(&r, (uint32_t)(SIZE - 32 - r.at - (SIZE - r.at) /
	    WAL_PAGE * 24 - 29 - 4));
	OK(recmake_switch(&r) == 6 * SIZE - 32);
	recmake_commit(&r, 2, T0);
	recmake_switch(&r);
	last = recmake_commit(&r, 3, T0);
	w = walk(&r, 0, &s);
	EQ(s.count, 3);
	OK(w.last == last && s.list[1].lsn == 6 * SIZE + WAL_LONG_HEADER);
	free(r.bytes);
}

/* A void record that began in the segment before. */
static void
overwritten_later(void)
{
	struct recmake r = recmake_new(5, 2, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	uint64_t before = recmake_commit(&r, 1, T0), last;
	const size_t page = SIZE + 2 * WAL_PAGE;
	struct wal_walk w;

	recmake_other(&r, 2 * SIZE);
	memset(r.bytes + page, 0, SIZE - 2 * WAL_PAGE);
	r.at = page;
	r.last = before;
	recmake_page(&r, 8, 0);
	last = recmake_commit(&r, 2, T0);
	for (size_t from = 0; from <= SIZE; from += SIZE) {
		w = walk(&r, from, &s);
		EQ(s.count, from == 0 ? 2 : 1);
		OK(w.last == last && s.list[s.count - 1].xid == 2);
	}
	free(r.bytes);
}

/* A record that is whole, but says that another stands before it. */
static void
stranger(uint64_t before, bool first, bool good)
{
	struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	struct wal_walk w;
	uint64_t lsn;

	if (!first)
		recmake_commit(&r, 1, T0);
	r.last = before;
	lsn = recmake_commit(&r, 2, T0);
	recmake_commit(&r, 3, T0);
	w = walk(&r, 0, &s);
	EQ(s.count, (first ? 0 : 1) + (good ? 2 : 0));
	OK(w.ended && (good ? w.last : w.next) == (good ? r.last : lsn));
	free(r.bytes);
}

static void
strangers(void)
{
	const uint64_t first = 5 * SIZE + WAL_LONG_HEADER;

	stranger(first, false, true);
	stranger(0, false, false);
	stranger(first - 8, false, false);
	stranger(first + 8, false, false);
	stranger(UINT64_MAX, false, false);
	/* what is before the first is not known */
	stranger(0, true, true);
	stranger(first - 8, true, true);
	stranger(first, true, false);
	stranger(first + 8, true, false);
	stranger(UINT64_MAX, true, false);
}

/* Main data of a prepared transaction's end, with every list in it. */
static uint32_t
everything(unsigned char *p, size_t stats, uint32_t xinfo, uint32_t xid)
{
	static const struct { uint32_t bit; size_t size; } lists[] = {
		{ 2, 4 }, { 4, 12 }, { 0x100, 0 }, { 8, 16 } };
	unsigned char *at = p;

	memset(p, 0xee, 600);
	walmake_put(at, (uint64_t)(T0 - RECMAKE_TO_2000), 8);
	walmake_put(at + 8, xinfo, 4);
	at += 12 + ((xinfo & 1) ? 8 : 0);
	for (size_t i = 0; i < 4; i++) {
		size_t size = lists[i].size > 0 ? lists[i].size : stats;

		if ((xinfo & lists[i].bit) == 0)
			continue;
		walmake_put(at, 3, 4);
		at += 4 + 3 * size;
	}
	walmake_put(at, xid, 4);
	return (uint32_t)(at + 4 - p);
}

static void
prepared(void)
{
	static const struct { uint16_t magic; size_t stats; } majors[] = {
		{ 0xD106, 12 }, { 0xD116, 12 }, { 0xD118, 16 },
		{ 0xD119, 16 } };
	unsigned char data[600];
	struct seen s = { .count = 0 };

	for (size_t i = 0; i < sizeof majors / sizeof *majors; i++) {
		struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
		size_t wrong = 0;

		r.magic = majors[i].magic;
		for (uint32_t k = 0; k < 32; k++) {
			uint32_t xinfo = 0x10 | (k & 15) |
			    ((k & 16) ? 0x100 : 0);

			recmake_add(&r, 1, (k & 1) ? 0xb0 : 0xc0, 9, data,
			    everything(data, majors[i].stats, xinfo,
			    1000 + k), 20);
		}
		walk(&r, 0, &s);
		EQ(s.count, 32);
		for (uint32_t k = 0; k < s.count; k++)
			wrong += s.list[k].xid != 1000 + k ||
			    s.list[k].time != T0 || s.list[k].what !=
			    ((k & 1) ? WAL_COMMIT : WAL_ABORT);
		EQ(wrong, 0);
		free(r.bytes);
	}
}

/* Records whose sums are right and whose content is not. */
static void
hostile(void)
{
	struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	unsigned char data[128];

	memset(data, 0xff, sizeof data);
	recmake_add(&r, 1, 0, 1, data, 3, 0);       /* no time */
	recmake_add(&r, 1, 0xb0, 1, data, 12, 0);   /* no lists */
	recmake_add(&r, 1, 0xb0, 1, data, 120, 0);  /* of 4294967295 items */
	recmake_add(&r, 0, 0x70, 1, data, 71, 0);   /* half a name */
	walmake_put(data, INT64_MAX, 8);
	memset(data + 8, 'n', 64);
	recmake_add(&r, 0, 0x70, 1, data, 72, 0);   /* no end, and no time */
	walmake_put(data, (uint64_t)INT64_MIN, 8);
	recmake_add(&r, 1, 0x30, 77, data, 8, 0);   /* prepared, by whom? */
	recmake_add(&r, 1, 0x10, 78, data, 8, 0);   /* being prepared */
	recmake_add(&r, 1, 0x50, 79, data, 8, 0);
	recmake_add(&r, 2, 0x00, 80, data, 8, 0);   /* another manager's */
	recmake_commit(&r, 81, T0);
	walk(&r, 0, &s);
	EQ(s.count, 3);
	OK(s.list[0].time == INT64_MAX && strlen(s.list[0].name) == 63);
	OK(s.list[1].time == INT64_MIN + RECMAKE_TO_2000);
	EQ(s.list[1].xid, 0);
	EQ(s.list[2].xid, 81);
	free(r.bytes);
}

/* A field of a record's header, or of its page's, made wrong. */
static void
spoilt(size_t at, uint64_t value, size_t size)
{
	struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
	struct seen s = { .count = 0 };
	struct wal_walk w;
	uint64_t first = recmake_commit(&r, 1, T0), lsn;

	lsn = recmake_other(&r, 10000);
	recmake_commit(&r, 2, T0);
	walmake_put(r.bytes + (at < WAL_PAGE ? lsn - 5 * SIZE : 0) + at,
	    value, size);
	w = walk(&r, 0, &s);
	OK(s.count == 1 && w.ended && w.last == first && w.next == lsn);
	free(r.bytes);
}

int
main(void)
{
	plain();
	nothing();
	across();
	overwritten();
	overwritten_later();
	switched_at_end();
	strangers();
	prepared();
	hostile();
	spoilt(0, 0, 4);             /* its length */
	spoilt(0, 23, 4);
	spoilt(0, 1 << 30, 4);
	spoilt(0, UINT32_MAX, 4);
	spoilt(4, 1, 4);
	spoilt(8, 0, 8);             /* the one before it */
	spoilt(20, 0, 4);            /* its CRC */
	spoilt(1000, 1, 1);          /* its content */
	spoilt(WAL_PAGE, 0xD116, 2); /* the page: magic, flags, address, rest */
	spoilt(WAL_PAGE + 2, 0, 2);
	spoilt(WAL_PAGE + 2, 3, 2);
	spoilt(WAL_PAGE + 8, 3 * SIZE, 8);
	spoilt(WAL_PAGE + 16, 17, 4);
	return done();
}
