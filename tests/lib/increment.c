#include "increment/increment.h"

#include "stage.h"
#include "tap.h"

#define BLOCK 8192

static struct err e = ERR_INIT;
static struct buf file = BUF_INIT((size_t)64 << 20);

/* What a reader told. */
static struct {
	unsigned heads, blocks;
	uint32_t count, truncation;
	bool good; /* each block is full of its own number */
	bool fail_head, fail_block;
} told;

static int
on_head(void *ctx, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *why)
{
	(void)ctx;
	told.heads++;
	told.count = count;
	told.truncation = truncation;
	for (uint32_t i = 1; i < count; i++)
		told.good = told.good && blocks[i] > blocks[i - 1];
	return told.fail_head ? err_set(why, ERR_SYS, "head") : 0;
}

static int
on_block(void *ctx, uint32_t block, const void *page, struct err *why)
{
	const unsigned char *p = page;

	(void)ctx;
	told.blocks++;
	for (size_t i = 0; i < BLOCK; i++)
		told.good = told.good && p[i] == (unsigned char)block;
	return told.fail_block ? err_set(why, ERR_SYS, "block") : 0;
}

static int
read_as(uint64_t size, const void *data, size_t len, size_t cut)
{
	static const struct increment_take take = { on_head, on_block };
	struct increment_reader *r = increment_reader_new(size, &take, NULL,
	    &e);
	const char *p = data;
	int rc = 0;

	told.heads = told.blocks = 0;
	told.good = true;
	while (rc == 0 && len > 0) {
		size_t n = cut == 0 || cut > len ? len : cut;

		rc = increment_write(r, p, n, &e);
		p += n;
		len -= n;
	}
	if (rc == 0)
		rc = increment_end(r, &e);
	increment_reader_free(r);
	return rc;
}

static int
read_file(size_t cut)
{
	return read_as(file.len, file.data, file.len, cut);
}

/* `count` blocks, every third from `first` on. */
static void
make(uint32_t first, uint32_t count, uint32_t truncation)
{
	uint32_t *blocks = malloc((count + 1) * sizeof *blocks);

	buf_reset(&file);
	for (uint32_t i = 0; i < count; i++)
		blocks[i] = first + 3 * i;
	OK(increment_header(&file, blocks, count, truncation, &e) == 0);
	EQ(file.len, increment_header_size(count));
	for (uint32_t i = 0; i < count; i++) {
		char page[BLOCK];

		memset(page, (int)(unsigned char)blocks[i], BLOCK);
		buf_add(&file, page, BLOCK, &e);
	}
	free(blocks);
}

static void
put(size_t at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		file.data[at + (size_t)i] = (char)(v >> 8 * i);
}

static void
sizes(void)
{
	EQ(increment_header_size(0), 12);
	EQ(increment_header_size(1), BLOCK);
	EQ(increment_header_size(2045), BLOCK); /* fills it exactly */
	EQ(increment_header_size(2046), 2 * BLOCK);
	EQ(increment_header_size(131072), 65 * BLOCK);
}

static void
round_trips(void)
{
	static const uint32_t counts[] = { 0, 1, 2, 2044, 2045, 2046 };
	static const size_t cuts[] = { 0, 1, 11, 4096, 8191, 8193 };

	for (unsigned i = 0; i < 6; i++) {
		make(i, counts[i], 7000);
		for (unsigned j = 0; j < 6; j++) {
			bool good = read_file(cuts[j]) == 0 && told.good &&
			    told.heads == 1 && told.count == counts[i] &&
			    told.blocks == counts[i] &&
			    told.truncation == 7000;

			if (!tap_ok(good, "round trip", __FILE__, __LINE__))
				printf("# %u in pieces of %zu: %s\n",
				    counts[i], cuts[j], e.text);
		}
	}
	IS(e.text, "");
}

static void
refused(void)
{
	make(5, 3, 100);
	put(0, 0xd3ae1f0c);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "magic");
	make(5, 3, 100);
	put(4, 131073);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "more blocks");
	put(4, 0xffffffff);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "more blocks");
	put(4, 4);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "count of blocks");
	put(4, 2);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "count of blocks");
	make(5, 3, 131072);
	OK(read_file(0) == 0);
	put(8, 131073);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "length");
	make(5, 3, 100);
	put(16, 5); /* as the first */
	FAILS(read_file(0) == -1, ERR_CORRUPT, "order");
	put(16, 4);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "order");
	put(16, 131072);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "a block that");
	EQ(told.heads, 0);
	make(5, 3, 100);
	file.data[24] = 1; /* the first byte of the padding */
	FAILS(read_file(0) == -1, ERR_CORRUPT, "zero");
	make(5, 3, 100);
	file.data[8191] = 1;
	FAILS(read_file(1) == -1, ERR_CORRUPT, "zero");
	EQ(told.blocks, 0);
}

/* Every size but the right one, and every cut. */
static void
cuts(void)
{
	unsigned missed = 0;

	make(5, 2, 100);
	for (size_t n = 0; n < file.len; n++) {
		missed += read_as(n, file.data, n, 0) == 0 ||
		    e.kind != ERR_CORRUPT;
		err_clear(&e);
		missed += read_as(file.len, file.data, n, 0) == 0 ||
		    e.kind != ERR_CORRUPT;
		err_clear(&e);
	}
	EQ(missed, 0);
	FAILS(read_as(file.len - 1, file.data, file.len, 0) == -1,
	    ERR_CORRUPT, "more bytes");
	FAILS(read_as(file.len + 1, file.data, file.len, 0) == -1,
	    ERR_CORRUPT, "count of blocks");
	FAILS(read_as(UINT64_MAX, file.data, file.len, 0) == -1,
	    ERR_CORRUPT, "count of blocks");
	make(0, 0, 0);
	EQ(file.len, 12);
	buf_byte(&file, 0, &e);
	FAILS(read_file(0) == -1, ERR_CORRUPT, "count of blocks");
}

static void
passed_on(void)
{
	make(5, 2, 100);
	told.fail_head = true;
	FAILS(read_file(0) == -1, ERR_SYS, "head");
	told.fail_head = false;
	told.fail_block = true;
	FAILS(read_file(0) == -1, ERR_SYS, "block");
	told.fail_block = false;
}

static void
names(void)
{
	static const char *const pairs[][2] = {
		{ "base/5/INCREMENTAL.16384", "base/5/16384" },
		{ "INCREMENTAL.1", "1" },
		{ "a/INCREMENTAL.INCREMENTAL.2", "a/INCREMENTAL.2" },
		{ "pg_tblspc/1/PG_17_202406281/5/INCREMENTAL.3.1",
		    "pg_tblspc/1/PG_17_202406281/5/3.1" },
	};
	static const char *const none[] = { "", "base/5/16384",
		"base/5/INCREMENTAL.", "base/5/INCREMENTAL", "INCREMENTAL./5",
		"base/5/xINCREMENTAL.16384", "base/5/incremental.16384" };
	char out[128];

	for (unsigned i = 0; i < 4; i++) {
		OK(increment_is(pairs[i][0], out));
		IS(out, pairs[i][1]);
		increment_path(pairs[i][1], out);
		IS(out, pairs[i][0]);
	}
	strcpy(out, "as it was");
	for (unsigned i = 0; i < 7; i++)
		OK(!increment_is(none[i], out));
	IS(out, "as it was");
}

static void
no_room(void)
{
	struct buf small = BUF_INIT(8191);
	uint32_t block = 3;

	FAILS(increment_header(&small, &block, 1, 4, &e) == -1, ERR_NOMEM,
	    "8191");
	EQ(small.len, 0);
	buf_free(&small);
}

int
main(void)
{
	sizes();
	round_trips();
	refused();
	cuts();
	passed_on();
	names();
	no_room();
	buf_free(&file);
	return done();
}
