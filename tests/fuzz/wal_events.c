/*
 * The walk over records: whatever the bytes, and however they are cut, it ends
 * within them with the same events in order; and so it does when the sums of
 * the records are right.
 */
#define FUZZ_REPLAY_COUNT 3000
#include "fuzz.h"
#include "recmake.h"
#include "wal/wal.h"

#define SIZE ((uint32_t)1 << 20)
#define MAX ((size_t)6 * WAL_PAGE)

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static const unsigned char record[] = { 1, 0xb0, 0x1f, 1, 0, 0, 2, 0,
		0, 0, 9, 9 };
	static unsigned char good[MAX];
	struct recmake r = recmake_new(7, 1, 1, 1, SIZE);

	(void)max;
	recmake_commit(&r, 700, 0);
	recmake_point(&r, "a point", 0);
	recmake_other(&r, 20000);
	recmake_commit(&r, 701, 0);
	recmake_switch(&r);
	memcpy(good, r.bytes, MAX);
	free(r.bytes);
	out[0] = (struct fuzz_seed){ good, MAX };
	out[1] = (struct fuzz_seed){ good, 200 };
	out[2] = (struct fuzz_seed){ record, sizeof record };
	return 3;
}

static void
must(int good)
{
	if (!good)
		abort();
}

struct sum {
	uint64_t count, before, value;
};

static int
add(void *ctx, const struct wal_event *ev, struct err *e)
{
	struct sum *s = ctx;

	(void)e;
	must(ev->lsn >= s->before && ev->end > ev->lsn && ev->end % 8 == 0);
	must(memchr(ev->name, '\0', sizeof ev->name) != NULL);
	s->before = ev->end;
	s->count++;
	s->value = s->value * 31 + ev->xid + (uint64_t)ev->time + ev->what;
	return 0;
}

static void
one(const uint8_t *data, size_t len)
{
	struct sum a = { 0, 0, 0 }, b = { 0, 0, 0 };
	struct wal_walk whole = WAL_WALK_INIT(add, &a);
	struct wal_walk cut = WAL_WALK_INIT(add, &b);
	size_t step = len % 5000 + 1;
	struct err e = ERR_INIT;

	must(wal_walk_take(&whole, data, len, &e) == 0);
	for (size_t at = 0; at < len; at += step)
		must(wal_walk_take(&cut, data + at, len - at < step ?
		    len - at : step, &e) == 0);
	must(a.count == b.count && a.value == b.value);
	must(whole.ended == cut.ended && whole.last == cut.last &&
	    whole.next == cut.next);
}

/* As segments; and as what records hold: manager, info and main data. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct recmake r;

	one(data, len);
	if (len < 2)
		return 0;
	len = len < WAL_PAGE ? len : WAL_PAGE;
	r = recmake_new(7, 1, 1, 1, SIZE);
	r.magic = (data[0] & 2) ? 0xD118 : 0xD106;
	recmake_add(&r, data[0] & 1, data[1], 5, data + 2,
	    (uint32_t)len - 2, 0);
	recmake_commit(&r, 6, 0);
	one(r.bytes, MAX);
	free(r.bytes);
	return 0;
}
