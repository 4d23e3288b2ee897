/* Changed blocks in made-up records; tests/cmd/wal_changes.t has real ones. */
#include <stdlib.h>

#include "recmake.h"
#include "tap.h"
#include "wal/wal.h"

#define SIZE ((uint32_t)1 << 20)
#define ID UINT64_C(7300000000000000001)
#define MAGIC_13 0xD106
#define MAGIC_14 0xD10D
#define MAGIC_15 0xD110
#define MAGIC_16 0xD113
#define MAGIC_17 0xD116
#define MAGIC_18 0xD118
#define MAGIC_LATER 0xD119

static struct err e;

/* What stands behind a record's header. */
struct body {
	unsigned char bytes[150000];
	uint32_t len;
};

static void
num(struct body *b, uint64_t value, size_t size)
{
	if (size == 1)
		b->bytes[b->len] = (unsigned char)value;
	else
		walmake_put(b->bytes + b->len, value, size);
	b->len += (uint32_t)size;
}

/* A reference with nothing in it: of 10/20/30, or of the relation before. */
static void
ref(struct body *b, unsigned id, unsigned flags, uint32_t block)
{
	num(b, id, 1);
	num(b, flags, 1);
	num(b, 0, 2);
	if ((flags & 0x80) == 0) {
		num(b, 10, 4);
		num(b, 20, 4);
		num(b, 30, 4);
	}
	num(b, block, 4);
}

static void
zeros(struct body *b, uint32_t n)
{
	memset(b->bytes + b->len, 0, n);
	b->len += n;
}

static uint64_t
add(struct recmake *r, unsigned rmid, unsigned info, const struct body *b)
{
	unsigned char head[24];

	r->at = (r->at + 7) & ~(size_t)7;
	if (r->at % WAL_PAGE == 0 && r->at < r->size)
		recmake_page(r, 0, 0);
	walmake_head(head, rmid, info, r->last, b->bytes, b->len);
	r->last = r->start + r->at;
	recmake_bytes(r, head, sizeof head, 24 + b->len);
	recmake_bytes(r, b->bytes, b->len, b->len);
	return r->last;
}

struct seen {
	struct wal_change list[100];
	uint64_t lsn[100];
	size_t count, events, fail_at; /* fail_at 0: never */
	size_t before; /* changes told when the last event was */
};

static int
note(void *ctx, uint64_t lsn, const struct wal_change *c, struct err *why)
{
	struct seen *s = ctx;

	if (s->count + 1 == s->fail_at)
		return err_set(why, ERR_STOPPED, "enough");
	s->lsn[s->count] = lsn;
	s->list[s->count++] = *c;
	return 0;
}

static int
note_event(void *ctx, const struct wal_event *ev, struct err *why)
{
	struct seen *s = ctx;

	(void)ev;
	(void)why;
	s->events++;
	s->before = s->count;
	return 0;
}

static struct wal_walk
walk(const struct recmake *r, struct seen *s, size_t step)
{
	struct wal_walk w = WAL_WALK_INIT(NULL, s);

	w.on_change = note;
	*s = (struct seen){ .count = 0 };
	for (size_t at = 0; at < r->size; at += step)
		if (wal_walk_take(&w, r->bytes + at, r->size - at < step ?
		    r->size - at : step, &e) == -1 || s->count > 50)
			abort();
	return w;
}

static bool
is_change(const struct wal_change *c, enum wal_changed what, uint32_t space,
    uint32_t database, uint32_t relation, uint32_t fork, uint32_t block)
{
	return c->what == what && c->tablespace == space &&
	    c->database == database && c->relation == relation &&
	    c->fork == fork && c->block == block;
}

/*
 * How many changes a record of this body tells, -1 when the walk ends there:
 * alone, in pieces of every size up to its own, and behind one that moves its
 * parts over a page's end; and a walk nobody asks for changes goes on behind
 * it. What was told is left in `s`.
 */
static int
told(unsigned magic, unsigned rmid, unsigned info, const struct body *b,
    struct seen *s)
{
	struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
	struct seen other;
	struct wal_walk w;
	uint64_t lsn, last;
	bool good, differs = false;
	size_t end;

	r.magic = (uint16_t)magic;
	lsn = add(&r, rmid, info, b);
	last = recmake_commit(&r, 7, 0);
	r.size = r.at;
	end = r.at < 3000 ? r.at + 1 : 100;
	w = walk(&r, s, SIZE);
	good = w.last == last;
	if (!good && (w.last != 0 || w.next != lsn || s->count != 0))
		abort();
	for (size_t step = 1; step < end; step += step < 100 ? 1 : 83) {
		w = walk(&r, &other, step);
		differs |= (w.last == last) != good ||
		    memcmp(&other, s, sizeof other) != 0;
	}
	OK(!differs);
	w = (struct wal_walk)WAL_WALK_INIT(note_event, &other);
	if (wal_walk_take(&w, r.bytes, r.size, &e) == -1)
		abort();
	OK(w.last == last && other.events == 1);
	free(r.bytes);
	return good ? (int)s->count : -1;
}

/* The record's parts on either side of a page's end. */
static void
over_pages(uint32_t size)
{
	static struct body b, pad;
	size_t wrong = 0;
	struct seen s;

	b.len = 0;
	for (unsigned id = 0; id < 10; id++)
		ref(&b, id, id > 0 ? 0x80 | id : 0, 100 + id);
	num(&b, 254, 1);
	num(&b, size, 4);
	zeros(&b, size);
	pad.len = 0;
	num(&pad, 254, 1);
	num(&pad, 0, 4);
	for (uint32_t n = WAL_PAGE - 40 - 24 - 5 - 200;
	    n < WAL_PAGE - 40 - 24 - 5 + 8; n += 8) {
		struct recmake r = recmake_new(5, 1, 1, ID, SIZE);

		walmake_put(pad.bytes + 1, n, 4);
		zeros(&pad, n);
		add(&r, 200, 0, &pad);
		pad.len = 5;
		add(&r, 201, 0, &b);
		walk(&r, &s, SIZE);
		wrong += s.count != 10;
		for (uint32_t i = 0; i < s.count; i++)
			wrong += !is_change(&s.list[i], WAL_BLOCK, 10, 20, 30,
			    i, 100 + i) || s.lsn[i] != r.last;
		free(r.bytes);
	}
	EQ(wrong, 0);
}

/* All that a record can have, at its largest. */
static void
full(void)
{
	static struct body b;
	uint32_t payload = 0;
	size_t wrong = 0;
	struct seen s;

	b.len = 0;
	for (unsigned id = 0; id <= 32; id++) {
		num(&b, id, 1);
		num(&b, 0x70, 1);
		num(&b, 1000, 2);
		num(&b, 500, 2);  /* the image: its size, its hole, how */
		num(&b, 0, 2);
		num(&b, 0x05, 1);
		num(&b, 99, 2);
		num(&b, 1663, 4);
		num(&b, 5, 4);
		num(&b, 16384 + id, 4);
		num(&b, UINT32_MAX - id, 4);
		payload += 1500;
	}
	num(&b, 253, 1);
	num(&b, 1, 2);
	num(&b, 252, 1);
	num(&b, 1, 4);
	num(&b, 254, 1);
	num(&b, 70000, 4);
	zeros(&b, payload + 70000);
	EQ(told(MAGIC_15, 130, 0xff, &b, &s), 33);
	for (uint32_t i = 0; i < s.count; i++)
		wrong += !is_change(&s.list[i], WAL_BLOCK, 1663, 5, 16384 + i,
		    0, UINT32_MAX - i);
	EQ(wrong, 0);
	EQ(told(MAGIC_LATER, 130, 0xff, &b, &s), 33);
	b.len--;
	EQ(told(MAGIC_15, 130, 0xff, &b, &s), -1);
	b.len += 2;
	EQ(told(MAGIC_15, 130, 0xff, &b, &s), -1);
}

/* Whether an image's hole is told depends on the version. */
static void
images(void)
{
	static const struct { unsigned magic, how, size; } cases[] = {
		{ MAGIC_13, 0x05, 0 }, { MAGIC_13, 0x03, 2 },
		{ MAGIC_13, 0x02, 0 }, { MAGIC_14, 0x05, 0 },
		{ MAGIC_14, 0x07, 2 }, { MAGIC_15, 0x03, 0 },
		{ MAGIC_15, 0x05, 2 }, { MAGIC_16, 0x09, 2 },
		{ MAGIC_17, 0x13, 2 }, { MAGIC_18, 0x12, 0 },
		{ MAGIC_18, 0x11, 2 }, { MAGIC_LATER, 0x1d, 2 },
		{ MAGIC_LATER, 0x00, 0 } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct body b = { .len = 0 };
		struct seen s;

		num(&b, 3, 1);
		num(&b, 0x12, 1);
		num(&b, 0, 2);
		num(&b, 300, 2);
		num(&b, 50, 2);
		num(&b, cases[i].how, 1);
		zeros(&b, cases[i].size);
		num(&b, 1, 4);
		num(&b, 2, 4);
		num(&b, 3, 4);
		num(&b, 4, 4);
		ref(&b, 5, 0x81, 9);
		zeros(&b, 300);
		EQ(told(cases[i].magic, 10, 0, &b, &s), 2);
		OK(is_change(&s.list[0], WAL_BLOCK, 1, 2, 3, 2, 4));
		OK(is_change(&s.list[1], WAL_BLOCK, 1, 2, 3, 1, 9));
	}
}

/* Main data of numbers of four bytes, behind a header of one kind or other. */
static int
special(unsigned magic, unsigned rmid, unsigned info, const uint32_t *numbers,
    unsigned count, struct seen *s)
{
	struct body b = { .len = 0 };
	int first, second;

	num(&b, 255, 1);
	num(&b, count * 4, 1);
	for (unsigned i = 0; i < count; i++)
		num(&b, numbers[i], 4);
	first = told(magic, rmid, info, &b, s);
	b.len = 0;
	num(&b, 253, 1);
	num(&b, 1, 2);
	num(&b, 254, 1);
	num(&b, count * 4, 4);
	for (unsigned i = 0; i < count; i++)
		num(&b, numbers[i], 4);
	second = told(magic, rmid, info, &b, s);
	EQ(first, second);
	return second;
}

static void
specials(void)
{
	const uint32_t create[] = { 1, 2, 3, 3 };
	const uint32_t cut[] = { 77, 1, 2, 3, 7 };
	const uint32_t heap[] = { 78, 1, 2, 3, 1 };
	const uint32_t base[] = { 5, 1663, 4, 1664 };
	const uint32_t minimal[] = { 9, 9, 9, 9, 9, 0, 1 };
	const uint32_t backup[] = { 0x28, 0x16 };
	const uint32_t logical[] = { 0, 0, 0, 0, 0, 2, 0 };
	struct seen s;

	EQ(special(MAGIC_13, 2, 0x11, create, 4, &s), 1);
	OK(is_change(s.list, WAL_CUT, 1, 2, 3, WAL_INIT, 0));
	EQ(special(MAGIC_18, 2, 0x20, cut, 5, &s), 3);
	OK(is_change(&s.list[0], WAL_CUT, 1, 2, 3, WAL_MAIN, 77));
	OK(is_change(&s.list[1], WAL_CUT, 1, 2, 3, WAL_VM, 0));
	OK(is_change(&s.list[2], WAL_CUT, 1, 2, 3, WAL_FSM, 0));
	EQ(special(MAGIC_13, 2, 0x20, heap, 5, &s), 1);
	OK(is_change(s.list, WAL_CUT, 1, 2, 3, WAL_MAIN, 78));
	EQ(special(MAGIC_18, 2, 0x20, cut, 4, &s), -1);
	EQ(special(MAGIC_18, 2, 0x10, create, 3, &s), -1);
	EQ(special(MAGIC_18, 2, 0x30, create, 3, &s), 0);
	EQ(special(MAGIC_18, 200, 0x20, cut, 5, &s), 0);

	EQ(special(MAGIC_13, 4, 0x00, base, 4, &s), 1);
	OK(is_change(s.list, WAL_DATABASE, 1663, 5, 0, 0, 0));
	EQ(special(MAGIC_14, 4, 0x10, base, 4, &s), 0);
	EQ(special(MAGIC_15, 4, 0x10, base, 2, &s), 1);
	OK(is_change(s.list, WAL_DATABASE, 1663, 5, 0, 0, 0));
	EQ(special(MAGIC_LATER, 4, 0x10, base, 2, &s), 1);
	EQ(special(MAGIC_15, 4, 0x20, base, 2, &s), 0);
	EQ(special(MAGIC_15, 4, 0x00, base, 1, &s), -1);

	EQ(special(MAGIC_13, 0, 0x60, minimal, 7, &s), 1);
	OK(is_change(s.list, WAL_UNLOGGED, 0, 0, 0, 0, 0));
	EQ(special(MAGIC_18, 0, 0x60, logical, 7, &s), 0);
	EQ(special(MAGIC_18, 0, 0x60, minimal, 5, &s), -1);
	EQ(special(MAGIC_17, 0, 0xe0, logical, 1, &s), 1);
	OK(is_change(s.list, WAL_UNLOGGED, 0, 0, 0, 0, 0));
	EQ(special(MAGIC_17, 0, 0xe0, minimal, 1, &s), 0);
	EQ(special(MAGIC_16, 0, 0xe0, logical, 1, &s), 0);
	EQ(special(MAGIC_17, 0, 0xe0, logical, 0, &s), -1);

	EQ(special(MAGIC_13, 0, 0x50, backup, 2, &s), 1);
	OK(is_change(s.list, WAL_BACKUP, 0, 0, 0, 0, 0));
	OK(s.list[0].start == UINT64_C(0x1600000028));
	EQ(special(MAGIC_18, 0, 0x50, backup, 1, &s), -1);
}

/* Records that have a block as well, which none of today's has. */
static void
special_behind_blocks(void)
{
	static const uint32_t sizes[] = { 10, 986, 987, 1000, 1010 };
	static struct body b;
	struct seen s;

	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		const uint32_t data = sizes[k];
		const bool far = data > WAL_LEAD - 22 - 16;

		b.len = 0;
		num(&b, 0, 1);
		num(&b, 0x21, 1);
		num(&b, data, 2);
		for (uint32_t i = 1; i <= 4; i++)
			num(&b, i, 4);
		num(&b, 255, 1);
		num(&b, 16, 1);
		zeros(&b, data);
		for (uint32_t i = 0; i < 4; i++)
			num(&b, i, 4);
		EQ(told(MAGIC_15, 2, 0x10, &b, &s), far ? -1 : 2);
		OK(far || is_change(&s.list[1], WAL_CUT, 0, 1, 2, 3, 0));
	}
}

/* What makes no sense, though its sum is right. */
static void
hostile(void)
{
	static const struct { unsigned char bytes[32]; uint32_t len; } bad[] = {
		{ { 33, 0, 0, 0 }, 4 },              /* no such header */
		{ { 251, 0 }, 2 },
		{ { 0 }, 1 },                        /* cut short */
		{ { 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4 },
			19 },
		{ { 0, 0x80, 0, 0, 4, 4, 4, 4 }, 8 }, /* the same as what? */
		{ { 0, 0x20, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4,
			4 }, 20 },                   /* data of no bytes */
		{ { 0, 0, 1, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4,
			4, 9 }, 21 },                /* bytes of no data */
		{ { 0, 0x20, 2, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4,
			4, 9 }, 21 },                /* more than there is */
		{ { 0, 0x10, 0, 0, 1, 0, 0, 0 }, 8 }, /* an image cut short */
		{ { 0, 0x10, 0, 0, 1, 0, 0, 0, 5 }, 9 },
		{ { 0, 0x10, 0, 0, 1, 0, 0, 0, 5, 1 }, 10 },
		{ { 253, 1 }, 2 },
		{ { 252, 1, 1, 1 }, 4 },
		{ { 255 }, 1 },
		{ { 255, 2, 0 }, 3 },                /* main data: too short, */
		{ { 255, 2, 0, 0, 0 }, 5 },          /* too long */
		{ { 254, 1, 0, 0 }, 4 },
		{ { 254, 255, 255, 255, 255, 0 }, 6 },
		{ { 255, 0, 255, 0 }, 4 },           /* twice */
		{ { 254, 0, 0, 0, 0, 0 }, 6 } };
	static struct body b;
	struct seen s;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memcpy(b.bytes, bad[i].bytes, bad[i].len);
		b.len = bad[i].len;
		EQ(told(MAGIC_15, 10, 0, &b, &s), -1);
	}
	/* none of it in a record that has nothing; a special one must have */
	b.len = 0;
	EQ(told(MAGIC_15, 10, 0, &b, &s), 0);
	EQ(told(MAGIC_15, 2, 0x10, &b, &s), -1);
	/* numbers that do not rise; more blocks than can be */
	ref(&b, 4, 0, 0);
	ref(&b, 4, 0, 0);
	EQ(told(MAGIC_15, 10, 0, &b, &s), -1);
	b.len = 0;
	for (unsigned i = 0; i <= 33; i++)
		ref(&b, i, i > 0 ? 0x80 : 0, i);
	EQ(told(MAGIC_15, 10, 0, &b, &s), -1);
	b.len -= 8;
	EQ(told(MAGIC_15, 10, 0, &b, &s), 33);
	/* headers without end */
	b.len = 3001;
	memset(b.bytes, 253, b.len);
	EQ(told(MAGIC_15, 10, 0, &b, &s), -1);
}

/* Told before the event of the same record, and not once either says no. */
static void
order(void)
{
	struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
	struct body b = { .len = 0 };
	struct seen s = { .count = 0 };
	struct wal_walk w = WAL_WALK_INIT(note_event, &s);

	ref(&b, 0, 0, 1);
	ref(&b, 1, 0x80, 2);
	num(&b, 0x08ff, 2);
	zeros(&b, 8);
	add(&r, 10, 0, &b);
	add(&r, 10, 0, &b);
	w.on_change = note;
	EQ(wal_walk_take(&w, r.bytes, r.size, &e), 0);
	OK(s.count == 4 && s.events == 0);
	recmake_commit(&r, 9, 0);
	add(&r, 10, 0, &b);
	s = (struct seen){ .count = 0 };
	w = (struct wal_walk)WAL_WALK_INIT(note_event, &s);
	w.on_change = note;
	EQ(wal_walk_take(&w, r.bytes, r.size, &e), 0);
	OK(s.count == 6 && s.events == 1 && s.before == 4);
	OK(s.lsn[0] == 5 * SIZE + 40 && s.lsn[1] == s.lsn[0] &&
	    s.lsn[2] > s.lsn[0] && s.lsn[5] == r.last);
	s = (struct seen){ .fail_at = 4 };
	w = (struct wal_walk)WAL_WALK_INIT(note_event, &s);
	w.on_change = note;
	FAILS(wal_walk_take(&w, r.bytes, r.size, &e) == -1, ERR_STOPPED,
	    "enough");
	OK(s.count == 3 && s.events == 0);
	free(r.bytes);
}

/* One wrong sum: nothing is told of that record, or of those behind it. */
static void
spoilt(void)
{
	struct recmake r = recmake_new(5, 1, 1, ID, SIZE);
	struct body b = { .len = 0 };
	struct seen s;
	uint64_t lsn;

	ref(&b, 0, 0, 1);
	add(&r, 10, 0, &b);
	lsn = add(&r, 10, 0, &b);
	add(&r, 10, 0, &b);
	walk(&r, &s, SIZE);
	EQ(s.count, 3);
	r.bytes[lsn - r.start + 24 + 19] ^= 1;
	OK(walk(&r, &s, SIZE).next == lsn);
	EQ(s.count, 1);
	free(r.bytes);
}

int
main(void)
{
	over_pages(0);
	over_pages(3000);
	full();
	images();
	specials();
	special_behind_blocks();
	hostile();
	order();
	spoilt();
	return done();
}
