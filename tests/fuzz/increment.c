/*
 * increment: any bytes under any size, at once and in pieces, tell the same;
 * what is told is in bounds, and the header written again is the same.
 */
#define FUZZ_REPLAY_COUNT 20000
#include "fuzz.h"

#include "increment/increment.h"

#define BLOCK 8192

struct told {
	uint64_t sum;
	const uint8_t *data;
	uint32_t *blocks;
	uint32_t count, next;
	bool headed;
};

static int
on_head(void *ctx, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *e)
{
	struct told *t = ctx;
	struct buf header = BUF_INIT((size_t)1 << 20);

	(void)e;
	if (t->headed || count > INCREMENT_BLOCKS_MAX ||
	    truncation > INCREMENT_BLOCKS_MAX)
		abort();
	for (uint32_t i = 0; i < count; i++)
		if (blocks[i] >= INCREMENT_BLOCKS_MAX ||
		    (i > 0 && blocks[i] <= blocks[i - 1]))
			abort();
	if (increment_header(&header, blocks, count, truncation, e) == -1 ||
	    memcmp(header.data, t->data, 12 + 4 * (size_t)count) != 0)
		abort();
	buf_free(&header);
	t->headed = true;
	t->count = count;
	t->sum = t->sum * 31 + count + truncation;
	return 0;
}

static int
on_block(void *ctx, uint32_t block, const void *page, struct err *e)
{
	const unsigned char *p = page;
	struct told *t = ctx;

	(void)e;
	if (!t->headed || t->next++ >= t->count)
		abort();
	t->sum = t->sum * 31 + block;
	for (size_t i = 0; i < BLOCK; i += 64)
		t->sum = t->sum * 31 + p[i];
	return 0;
}

static int
read_all(uint64_t size, const uint8_t *data, size_t len, size_t cut,
    struct told *t)
{
	static const struct increment_take take = { on_head, on_block };
	struct err e = ERR_INIT;
	struct increment_reader *r = increment_reader_new(size, &take, t, &e);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += cut)
		rc = increment_write(r, data + at, len - at < cut ? len - at :
		    cut, &e);
	if (rc == 0)
		rc = increment_end(r, &e);
	increment_reader_free(r);
	if (rc == -1 && e.kind != ERR_CORRUPT)
		abort();
	if (rc == 0 && (size != len || t->next != t->count))
		abort();
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct told a = { .data = data }, b = { .data = data };
	struct told c = { .data = data };
	int rc = read_all(len, data, len, len + 1, &a);

	if (read_all(len, data, len, 1000, &b) != rc || a.sum != b.sum)
		abort();
	read_all(len ^ BLOCK, data, len, len + 1, &c);
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static struct buf seed[3];
	static uint32_t blocks[2046];
	static const uint32_t counts[] = { 0, 2, 2046 };
	static const char page[BLOCK] = "a page";
	struct err e = ERR_INIT;

	(void)max;
	for (uint32_t i = 0; i < 2046; i++)
		blocks[i] = 7 + 2 * i;
	for (int i = 0; i < 3; i++) {
		seed[i] = (struct buf)BUF_INIT((size_t)64 << 20);
		increment_header(&seed[i], blocks, counts[i], 9000, &e);
		for (uint32_t n = 0; n < counts[i] && n < 20; n++)
			buf_add(&seed[i], page, BLOCK, &e);
		out[i] = (struct fuzz_seed){ seed[i].data, seed[i].len };
	}
	return 3;
}
