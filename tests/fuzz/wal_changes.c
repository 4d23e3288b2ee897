/*
 * Changed blocks: whatever stands behind a record's header, and however it is
 * cut, the walk tells the same changes, no more than a record can have, and
 * goes on behind it or ends there.
 */
#define FUZZ_REPLAY_COUNT 5000
#include "fuzz.h"
#include "recmake.h"
#include "wal/wal.h"

#define SIZE ((uint32_t)1 << 20)
#define MAX ((size_t)4 * WAL_PAGE)

static void
must(int good)
{
	if (!good)
		abort();
}

/* Version, manager, info, where on its page; then the body. */
#define LEAD 4
static const unsigned char blocks[] = { 2, 10, 0, 255,
	0, 0x30, 2, 0, 3, 0, 0, 0, 5, 9, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
	    4, 0, 0, 0,
	1, 0x90, 0, 0, 2, 0, 8, 0, 3, 5, 0, 0, 0,
	7, 0x02, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 0, 0, 0,
	253, 1, 1, 252, 2, 2, 2, 2, 255, 1, 8, 8, 8, 8, 8, 8, 8, 8 };
static const unsigned char old[] = { 0, 10, 0, 254,
	0, 0x11, 0, 0, 1, 0, 0, 0, 3, 9, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
	    4, 0, 0, 0, 254, 2, 0, 0, 0, 8, 8, 8 };
static const unsigned char cut[] = { 4, 2, 0x20, 253, 255, 20, 9, 0, 0, 0,
	1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0 };
static const unsigned char make[] = { 4, 2, 0x10, 200, 255, 16, 1, 0, 0, 0,
	2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0 };
static const unsigned char database[] = { 3, 4, 0x10, 0, 255, 8, 1, 0, 0, 0,
	2, 0, 0, 0 };
static const unsigned char level[] = { 5, 0, 0x60, 0, 255, 28, 1, 0, 0, 0,
	2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
	0 };
static const unsigned char backup[] = { 6, 0, 0x50, 0, 255, 8, 1, 2, 3, 4, 5,
	6, 7, 8 };

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static unsigned char full[LEAD + 33 * 27];
	size_t at = LEAD;

	(void)max;
	full[0] = 6;
	for (unsigned char id = 0; id <= 32; id++) {
		full[at] = id;
		full[at + 1] = id % 3 == 2 ? 0x80 : 0;
		at += id % 3 == 2 ? 8 : 20;
	}
	out[0] = (struct fuzz_seed){ blocks, sizeof blocks };
	out[1] = (struct fuzz_seed){ old, sizeof old };
	out[2] = (struct fuzz_seed){ cut, sizeof cut };
	out[3] = (struct fuzz_seed){ make, sizeof make };
	out[4] = (struct fuzz_seed){ database, sizeof database };
	out[5] = (struct fuzz_seed){ level, sizeof level };
	out[6] = (struct fuzz_seed){ backup, sizeof backup };
	out[7] = (struct fuzz_seed){ full, at };
	return 8;
}

struct sum {
	uint64_t lsn, count, value;
};

static int
add(void *ctx, uint64_t lsn, const struct wal_change *c, struct err *e)
{
	struct sum *s = ctx;

	(void)e;
	must(c->what == WAL_BLOCK || c->what == WAL_CUT ||
	    c->what == WAL_DATABASE || c->what == WAL_UNLOGGED ||
	    c->what == WAL_BACKUP);
	must(lsn >= s->lsn);
	s->count = lsn == s->lsn ? s->count + 1 : 1;
	must(s->count <= 36);
	s->lsn = lsn;
	s->value = s->value * 31 + c->what + c->fork;
	s->value = s->value * 31 + c->tablespace;
	s->value = s->value * 31 + c->database;
	s->value = s->value * 31 + c->relation;
	s->value = s->value * 31 + c->block;
	s->value = s->value * 31 + c->start;
	return 0;
}

static struct wal_walk
walk(const unsigned char *p, size_t len, size_t step, struct sum *s)
{
	struct wal_walk w = WAL_WALK_INIT(NULL, s);
	struct err e = ERR_INIT;

	w.on_change = add;
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		/* a piece of its own, so that a read past it is seen */
		unsigned char *piece = malloc(n);

		must(piece != NULL);
		memcpy(piece, p + at, n);
		must(wal_walk_take(&w, piece, n, &e) == 0);
		free(piece);
	}
	return w;
}

static void
one(const unsigned char *p, size_t len, uint64_t lsn, uint64_t last)
{
	struct sum a = { 0, 0, 0 }, b = { 0, 0, 0 };
	struct wal_walk whole = walk(p, len, len, &a);
	struct wal_walk cut_up = walk(p, len, p[lsn % SIZE + 20] + 1u, &b);

	must(a.lsn == b.lsn && a.count == b.count && a.value == b.value);
	must(whole.last == cut_up.last && whole.next == cut_up.next &&
	    whole.ended == cut_up.ended);
	must(whole.last == last || (whole.ended && whole.next == lsn));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint16_t magics[] = { 0xD106, 0xD10D, 0xD110, 0xD113,
		0xD116, 0xD118, 0xD119 };
	struct recmake r;
	unsigned char head[24];
	uint64_t lsn, last;

	if (len < LEAD)
		return 0;
	len = len < MAX / 2 ? len : MAX / 2;
	r = recmake_new(7, 1, 1, 1, SIZE);
	r.magic = magics[data[0] % 7];
	recmake_other(&r, (data[3] / 8) * 256u + (data[3] % 8) * 8);
	r.at = (r.at + 7) & ~(size_t)7;
	if (r.at % WAL_PAGE == 0)
		recmake_page(&r, 0, 0);
	walmake_head(head, data[1], data[2], r.last, data + LEAD,
	    (uint32_t)len - LEAD);
	lsn = r.last = r.start + r.at;
	recmake_bytes(&r, head, sizeof head, 24 + (uint32_t)len - LEAD);
	recmake_bytes(&r, data + LEAD, len - LEAD, (uint32_t)len - LEAD);
	last = recmake_commit(&r, 6, 0);
	/* behind the switch to another segment there is none */
	if (data[1] == 0 && (data[2] & 0xf0) == 0x40)
		last = lsn;
	one(r.bytes, r.at, lsn, last);
	free(r.bytes);
	return 0;
}
