/* Many changes: against a plain list of them, and up to the bound on memory. */
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
    uint32_t block)
{
	const struct wal_change w = { what, tablespace, 5, relation, WAL_MAIN,
		block, 0 };

	return base_changed_add(c, &w, &e);
}

static void
find(uint32_t tablespace, uint32_t relation)
{
	const struct page_file f = { 5, relation, 0, PAGE_MAIN, false };

	base_changed_find(c, tablespace, &f, &t);
}

#define ADDED 30000
static struct wal_change added[ADDED];

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct wal_change));
}

static uint64_t
model_count(void)
{
	struct wal_change *all = calloc(ADDED, sizeof *all);
	uint64_t n = 0;
	size_t used = 0;

	if (all == NULL)
		abort();
	for (size_t i = 0; i < ADDED; i++)
		if (added[i].what == WAL_BLOCK && (added[i].fork == WAL_MAIN ||
		    added[i].fork == WAL_INIT))
			all[used++] = added[i];
	qsort(all, used, sizeof *all, by_bytes);
	for (size_t i = 0; i < used; i++)
		n += i == 0 || by_bytes(&all[i], &all[i - 1]) != 0;
	free(all);
	return n;
}

/* Whether a file is as all that was added says, block by block. */
static bool
as_model(const struct wal_change *of)
{
	static bool want[PAGE_SEGMENT];
	const uint32_t segment = of->block / PAGE_SEGMENT;
	const struct page_file f = { of->database, of->relation, segment,
		of->fork == WAL_INIT ? PAGE_INIT : PAGE_MAIN, false };

	memset(want, 0, sizeof want);
	for (size_t i = 0; i < ADDED; i++) {
		const struct wal_change *w = &added[i];
		uint64_t from = 0;

		if (w->tablespace != of->tablespace ||
		    w->database != of->database)
			continue;
		if (w->what != WAL_DATABASE && (w->relation != of->relation ||
		    w->fork != of->fork))
			continue;
		if (w->what == WAL_BLOCK) {
			if (w->block / PAGE_SEGMENT == segment)
				want[w->block % PAGE_SEGMENT] = true;
			continue;
		}
		if (w->what == WAL_CUT && w->block / PAGE_SEGMENT > segment)
			continue;
		if (w->what == WAL_CUT && w->block / PAGE_SEGMENT == segment)
			from = w->block % PAGE_SEGMENT;
		memset(want + from, true, PAGE_SEGMENT - from);
	}
	base_changed_find(c, of->tablespace == 1663 ? 0 : of->tablespace, &f,
	    &t);
	for (uint32_t b = 0; b < PAGE_SEGMENT; b++)
		if (base_touched_has(&t, b) != want[b])
			return false;
	return true;
}

/* More files than the table begins with, many times over. */
static void
random_load(void)
{
	static const uint32_t spaces[] = { 1663, 99, 100 };
	unsigned wrong = 0;

	fresh();
	for (size_t i = 0; i < ADDED; i++) {
		const uint64_t x = stage_random();
		const bool cut = x % 40 == 0, folder = x % 9999 == 0;
		struct wal_change *w = &added[i];

		w->what = folder ? WAL_DATABASE : cut ? WAL_CUT : WAL_BLOCK;
		w->tablespace = spaces[(x >> 8) % 3];
		w->database = 5 + (uint32_t)(x >> 12) % 7;
		w->relation = folder ? 0 : 16384 + (uint32_t)(x >> 16) % 400;
		w->fork = folder ? 0 : (uint32_t)(x >> 28) % 4;
		/* mostly low in a file: bits up to there take memory */
		w->block = folder ? 0 : (uint32_t)(x >> 30) % 3 *
		    PAGE_SEGMENT + (uint32_t)(x >> 32) % (x % 50 == 1 ?
		    PAGE_SEGMENT : 700);
		if (x >> 60 < 4 && i > 0) /* again, and near to it */
			*w = added[stage_random() % i];
		if (x >> 60 == 1 && w->what == WAL_BLOCK)
			w->block ^= 1;
		wrong += base_changed_add(c, w, &e) != 0;
	}
	EQ(base_changed_count(c), (intmax_t)model_count());
	for (size_t i = 0; i < ADDED; i += 37)
		if (added[i].fork == WAL_MAIN || added[i].fork == WAL_INIT)
			wrong += !as_model(&added[i]);
	EQ(wrong, 0);
}

/* Adds to file after file at `block` until it is refused: how many. */
static uint32_t
fill(enum wal_changed what, uint32_t block)
{
	uint32_t n = 0;

	fresh();
	while (n < 10000000 && add(what, 1663, n, block) == 0)
		n++;
	FAILS(add(what, 1663, n, block), ERR_NOMEM, "too many");
	return n;
}

static void
memory(void)
{
	const long before = peak_kib();
	uint32_t n = fill(WAL_BLOCK, PAGE_SEGMENT - 1);

	/* as many as the bound is for, but for the table itself */
	OK(n > 5000 && n <= 5120);
	OK(fill(WAL_CUT, 0) > 500000);
	n = fill(WAL_BLOCK, 0);
	OK(n > 500000);
	/* what is known is still, and takes more */
	EQ(add(WAL_BLOCK, 1663, 77, 3), 0);
	find(0, 77);
	OK(base_touched_has(&t, 0) && base_touched_has(&t, 3));
	find(0, n);
	OK(t.limit == UINT32_MAX && t.size == 0);
	EQ(base_changed_count(c), n + 1);
#ifndef __SANITIZE_ADDRESS__
	OK(peak_kib() - before <= (long)(CHANGED_MEMORY / 1024 * 5 / 4));
#else
	(void)before;
#endif
	/* folders, too */
	fresh();
	n = 0;
	while (n < 10000000 && add(WAL_DATABASE, n, 0, 0) == 0)
		n++;
	OK(n > 1000000 && n <= CHANGED_MEMORY / 16);
	EQ(e.kind, ERR_NOMEM);
	err_clear(&e);
	find(n - 1, 1);
	EQ(t.limit, 0);
}

int
main(void)
{
	random_load();
	memory();
	base_changed_free(c);
	return done();
}
