/* Which blocks the log changed: what a walk over it told, asked for by file. */
#include "base/changed.h"
#include "stage.h"
#include "tap.h"

static struct err e;
static struct base_changed *c;
static struct base_touched t;

static void
fresh(void)
{
	base_changed_free(c);
	c = base_changed_new(&e);
	OK(c != NULL);
}

static int
add(enum wal_changed what, uint32_t tablespace, uint32_t relation,
    uint32_t fork, uint32_t block)
{
	const struct wal_change w = { what, tablespace, 5, relation, fork,
		block, 0 };

	return base_changed_add(c, &w, &e);
}

static void
find(uint32_t tablespace, uint32_t relation, uint32_t segment)
{
	const struct page_file f = { 5, relation, segment, PAGE_MAIN, false };

	memset(&t, 0xee, sizeof t);
	base_changed_find(c, tablespace, &f, &t);
}

/* The blocks of a file that are touched, of its first `n`. */
static uint32_t
touched(uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t b = 0; b < n; b++)
		sum += base_touched_has(&t, b);
	return sum;
}

static void
blocks(void)
{
	fresh();
	find(0, 16384, 0);
	OK(t.limit == UINT32_MAX && t.size == 0 && touched(PAGE_SEGMENT) == 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 0), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 9), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 9), 0);
	EQ(add(WAL_BLOCK, 1663, 16385, WAL_MAIN, 9), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 9), 0);
	EQ(base_changed_count(c), 3);
	find(0, 16384, 0);
	EQ(t.limit, UINT32_MAX);
	OK(base_touched_has(&t, 0) && base_touched_has(&t, 9));
	EQ(touched(PAGE_SEGMENT), 2);
	/* more bits than there were */
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 5000), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, PAGE_SEGMENT - 1), 0);
	find(0, 16384, 0);
	OK(base_touched_has(&t, 9) && base_touched_has(&t, 5000));
	OK(base_touched_has(&t, PAGE_SEGMENT - 1));
	EQ(touched(PAGE_SEGMENT), 4);
	EQ(base_changed_count(c), 5);
	find(0, 16386, 0);
	EQ(touched(PAGE_SEGMENT), 0);
}

static void
segments(void)
{
	fresh();
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, PAGE_SEGMENT), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 3 * PAGE_SEGMENT - 1), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 0xfffffffe), 0);
	find(0, 16384, 0);
	EQ(touched(PAGE_SEGMENT), 0);
	find(0, 16384, 1);
	OK(base_touched_has(&t, 0) && touched(PAGE_SEGMENT) == 1);
	find(0, 16384, 2);
	OK(base_touched_has(&t, PAGE_SEGMENT - 1) &&
	    touched(PAGE_SEGMENT) == 1);
	find(0, 16384, 32767);
	OK(base_touched_has(&t, PAGE_SEGMENT - 2) &&
	    touched(PAGE_SEGMENT) == 1);
}

/* Where it lies; which fork. */
static void
places(void)
{
	struct page_file f = { 0, 1262, 0, PAGE_MAIN, false };
	struct wal_change w = { WAL_BLOCK, 1664, 0, 1262, WAL_MAIN, 3, 0 };

	fresh();
	EQ(base_changed_add(c, &w, &e), 0);
	EQ(add(WAL_BLOCK, 99, 16384, WAL_MAIN, 4), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_INIT, 7), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_FSM, 7), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_VM, 8), 0);
	EQ(add(WAL_CUT, 1663, 16384, WAL_FSM, 0), 0);
	EQ(add(WAL_CUT, 1663, 16384, WAL_VM, 1), 0);
	EQ(add(WAL_BLOCK, 1663, 16384, 17, 8), 0); /* no fork at all */
	EQ(base_changed_count(c), 3);
	base_changed_find(c, 0, &f, &t);
	OK(base_touched_has(&t, 3) && touched(10) == 1);
	f.database = 5;
	base_changed_find(c, 0, &f, &t);
	EQ(touched(10), 0);
	find(99, 16384, 0);
	OK(base_touched_has(&t, 4) && touched(10) == 1);
	find(98, 16384, 0);
	EQ(touched(10), 0);
	find(0, 16384, 0);
	OK(t.limit == UINT32_MAX && touched(10) == 0);
	f = (struct page_file){ 5, 16384, 0, PAGE_INIT, false };
	base_changed_find(c, 0, &f, &t);
	OK(base_touched_has(&t, 7) && touched(10) == 1);
	f.fork = PAGE_VM;
	base_changed_find(c, 0, &f, &t);
	OK(t.limit == UINT32_MAX && touched(10) == 0);
}

/* One behind the other, files that differ in one thing alone. */
static void
neighbours(void)
{
	static const struct wal_change list[] = {
		{ WAL_BLOCK, 99, 5, 16384, WAL_MAIN, 1, 0 },
		{ WAL_BLOCK, 99, 5, 16384, WAL_INIT, 2, 0 },
		{ WAL_BLOCK, 99, 5, 16385, WAL_INIT, 3, 0 },
		{ WAL_BLOCK, 99, 6, 16385, WAL_INIT, 4, 0 },
		{ WAL_BLOCK, 98, 6, 16385, WAL_INIT, 5, 0 },
		{ WAL_BLOCK, 98, 6, 16385, WAL_INIT, PAGE_SEGMENT + 6, 0 },
	};

	fresh();
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		EQ(base_changed_add(c, &list[i], &e), 0);
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		const struct wal_change *w = &list[i];
		const struct page_file f = { w->database, w->relation,
			w->block / PAGE_SEGMENT, w->fork == WAL_INIT ?
			PAGE_INIT : PAGE_MAIN, false };

		base_changed_find(c, w->tablespace, &f, &t);
		OK(base_touched_has(&t, w->block % PAGE_SEGMENT) &&
		    touched(100) == 1);
	}
	/* and one whose bits grow after the table has */
	EQ(add(WAL_BLOCK, 1663, 1, WAL_MAIN, 1), 0);
	for (uint32_t i = 2; i < 2000; i++)
		add(WAL_CUT, 1663, i, WAL_MAIN, 0);
	EQ(add(WAL_BLOCK, 1663, 1, WAL_MAIN, 50000), 0);
	find(0, 1, 0);
	OK(base_touched_has(&t, 1) && base_touched_has(&t, 50000));
}

static void
cuts(void)
{
	fresh();
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, 2), 0);
	EQ(add(WAL_CUT, 1663, 16384, WAL_MAIN, PAGE_SEGMENT + 30), 0);
	EQ(add(WAL_CUT, 1663, 16384, WAL_MAIN, PAGE_SEGMENT + 20), 0);
	EQ(add(WAL_CUT, 1663, 16384, WAL_MAIN, 2 * PAGE_SEGMENT), 0);
	EQ(base_changed_count(c), 1);
	find(0, 16384, 0);
	EQ(touched(PAGE_SEGMENT), 1);
	find(0, 16384, 1);
	OK(t.limit == 20 && !base_touched_has(&t, 19) &&
	    base_touched_has(&t, 20));
	find(0, 16384, 2);
	EQ(t.limit, 0);
	find(0, 16384, 7);
	EQ(t.limit, 0);
	/* what is known of the blocks stays, and is added to */
	EQ(add(WAL_BLOCK, 1663, 16384, WAL_MAIN, PAGE_SEGMENT + 5), 0);
	find(0, 16384, 1);
	OK(t.limit == 20 && base_touched_has(&t, 5) && touched(20) == 1);
	/* at the end of a file, and of one behind it */
	EQ(add(WAL_CUT, 1663, 16384, WAL_MAIN, PAGE_SEGMENT), 0);
	find(0, 16384, 0);
	EQ(touched(PAGE_SEGMENT), 1);
	find(0, 16384, 1);
	EQ(t.limit, 0);
	EQ(add(WAL_CUT, 1663, 16384, WAL_MAIN, 1), 0);
	find(0, 16384, 0);
	EQ(t.limit, 1);
	EQ(add(WAL_CUT, 1663, 16384, WAL_MAIN, 0), 0);
	find(0, 16384, 0);
	EQ(t.limit, 0);
	/* no other's, and no other fork's */
	find(0, 16385, 0);
	EQ(t.limit, UINT32_MAX);
	EQ(add(WAL_CUT, 1663, 16385, WAL_INIT, 0), 0);
	find(0, 16385, 0);
	EQ(t.limit, UINT32_MAX);
}

static void
databases(void)
{
	const struct wal_change made = { WAL_DATABASE, 1663, 5, 0, 0, 0, 0 };
	const struct wal_change there = { WAL_DATABASE, 99, 6, 0, 0, 0, 0 };
	struct page_file f = { 6, 16384, 0, PAGE_MAIN, false };

	fresh();
	EQ(base_changed_add(c, &made, &e), 0);
	EQ(base_changed_add(c, &there, &e), 0);
	EQ(base_changed_add(c, &made, &e), 0);
	find(0, 16384, 0);
	EQ(t.limit, 0);
	find(0, 16384, 3);
	EQ(t.limit, 0);
	find(99, 16384, 0);
	EQ(t.limit, UINT32_MAX);
	base_changed_find(c, 0, &f, &t);
	EQ(t.limit, UINT32_MAX);
	base_changed_find(c, 99, &f, &t);
	EQ(t.limit, 0);
	FAILS(add(WAL_UNLOGGED, 0, 0, 0, 0), ERR_REFUSED, "minimal");
}

int
main(void)
{
	blocks();
	segments();
	places();
	neighbours();
	cuts();
	databases();
	base_changed_free(c);
	base_changed_free(NULL);
	return done();
}
