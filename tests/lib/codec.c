#include "codec/codec.h"

#include "stage.h"
#include "tap.h"

#define OUT_MAX ((size_t)64 << 20)

static struct err e = ERR_INIT;
static struct buf packed = BUF_INIT(OUT_MAX), plain = BUF_INIT(OUT_MAX);

static const struct codec gzip = { CODEC_GZIP, 1 }, zstd = { CODEC_ZSTD, 2 },
    none = { CODEC_NONE, 0 };

static void
words(void)
{
	static const char *bad[] = { "", "gz", "GZIP", "gzip1", "gzip,1",
		"gzipper", ":", ":1", "lz4" };
	static const char *bad_level[] = { "gzip:", "gzip:0", "gzip:10",
		"gzip:01", "gzip:1x", "gzip:-1", "gzip:+1", "gzip: 1",
		"gzip:1:1", "zstd:20", "zstd:100", "zstd:0",
		"zstd:99999999999" };
	struct codec c = { CODEC_NONE, 99 };
	enum codec_kind kind = CODEC_NONE;

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(codec_parse(bad[i], &c, &e) == -1, ERR_USAGE,
		    "unknown compression");
	for (unsigned i = 0; i < sizeof bad_level / sizeof *bad_level; i++)
		FAILS(codec_parse(bad_level[i], &c, &e) == -1, ERR_USAGE,
		    "invalid compression level");
	FAILS(codec_parse("none:0", &c, &e) == -1, ERR_USAGE, "no level");
	EQ(c.level, 99);
	OK(codec_parse("gzip", &c, &e) == 0);
	OK(c.kind == CODEC_GZIP && c.level == 1);
	OK(codec_parse("gzip:9", &c, &e) == 0);
	OK(c.kind == CODEC_GZIP && c.level == 9);
	OK(codec_parse("zstd", &c, &e) == 0);
	OK(c.kind == CODEC_ZSTD && c.level == 2);
	OK(codec_parse("zstd:19", &c, &e) == 0);
	OK(c.kind == CODEC_ZSTD && c.level == 19);
	OK(codec_parse("none", &c, &e) == 0);
	OK(c.kind == CODEC_NONE && c.level == 0);

	for (int k = CODEC_NONE; k <= CODEC_ZSTD; k++) {
		OK(codec_by_name(codec_name((enum codec_kind)k), &kind, &e) ==
		    0);
		EQ(kind, k);
	}
	FAILS(codec_by_name("gzip:1", &kind, &e) == -1, ERR_CORRUPT,
	    "\"gzip:1\"");
	IS(codec_suffix(CODEC_NONE), "");
	IS(codec_suffix(CODEC_GZIP), ".gz");
	IS(codec_suffix(CODEC_ZSTD), ".zst");
}

static void
sniffing(void)
{
	EQ(codec_sniff("\x1f\x8b\x08\0\0\0", 6), CODEC_GZIP);
	EQ(codec_sniff("\x1f\x8b", 2), CODEC_GZIP);
	EQ(codec_sniff("\x1f", 1), CODEC_NONE);
	EQ(codec_sniff("\x28\xb5\x2f\xfd", 4), CODEC_ZSTD);
	EQ(codec_sniff("\x28\xb5\x2f", 3), CODEC_NONE);
	EQ(codec_sniff("\x50\x2a\x4d\x18", 4), CODEC_ZSTD);
	EQ(codec_sniff("\x5f\x2a\x4d\x18", 4), CODEC_ZSTD);
	EQ(codec_sniff("\x60\x2a\x4d\x18", 4), CODEC_NONE);
	EQ(codec_sniff("--\n-- P", 6), CODEC_NONE);
	EQ(codec_sniff("", 0), CODEC_NONE);
}

static void
marks(void)
{
	static const unsigned char data[16] = "\0\1\xfe\xff" "ABCDEFGHIJK";
	static const char text[] = "--:E 0001feff4142434445464748494a4b00\n";
	unsigned char got[16], bad[64];
	unsigned taken = 0;

	for (int k = CODEC_NONE; k <= CODEC_ZSTD; k++) {
		enum codec_kind kind = (enum codec_kind)k;

		buf_reset(&packed);
		OK(codec_mark(kind, data, &packed, &e) == 0);
		EQ(packed.len, codec_mark_size(kind));
		OK(codec_mark_read(kind, (unsigned char *)packed.data, got) ==
		    0);
		OK(memcmp(got, data, 16) == 0);
	}
	buf_reset(&packed);
	codec_mark(CODEC_NONE, data, &packed, &e);
	IS(packed.data, text);
	for (unsigned i = 0; i < 8 * (sizeof text - 1); i++) {
		memcpy(bad, text, sizeof text);
		bad[i / 8] ^= (unsigned char)(1u << i % 8);
		if (codec_mark_read(CODEC_NONE, bad, got) == 0)
			taken += i < 8 * 5 || i >= 8 * 37 ||
			    memcmp(got, data, 16) == 0;
	}
	EQ(taken, 0);
}

static int
write_all(const struct codec *c, unsigned threads, const void *data,
    size_t len, size_t cut)
{
	buf_reset(&packed);
	return send_all(codec_writer(sink_buf(&packed, &e), c, threads, &e),
	    data, len, cut, &e);
}

static int
read_all(enum codec_kind kind, const struct buf *from)
{
	buf_reset(&plain);
	return send_all(codec_reader(sink_buf(&plain, &e), kind, &e),
	    from->data, from->len, 0, &e);
}

static int
unpack_all(enum codec_kind kind, const struct buf *from)
{
	struct codec_dec *dec = codec_dec_new(kind, &e);
	struct sink *s = sink_buf(&plain, &e);
	int rc;

	buf_reset(&plain);
	rc = codec_dec_blocks(dec, from->data, from->len, s, &e);
	sink_free(s);
	codec_dec_free(dec);
	return rc;
}

/* What other programs make of the stream in `packed`. */
static void
read_by_others(const struct codec *c, const void *data, size_t len)
{
	static const char *gz[][2] = { { "gunzip", "gunzip -c f" },
		{ "pigz", "pigz -dc <f" }, { "igzip", "igzip -dc <f" },
		{ "python3", "python3 -c 'import gzip, sys; "
		"sys.stdout.buffer.write(gzip.open(\"f\").read())'" } };

	put_file("f", packed.data, packed.len);
	for (int i = 0; c->kind == CODEC_GZIP && i < 4; i++)
		if (have(gz[i][0]))
			tap_ok(output(&plain, "%s <f", gz[i][1]) &&
			    holds(&plain, data, len), gz[i][1], __FILE__,
			    __LINE__);
	if (c->kind == CODEC_ZSTD && have("zstd"))
		OK(output(&plain, "zstd -dcq <f") &&
		    holds(&plain, data, len));
}

/* The same bytes on any number of threads, however the input was cut. */
static void
writer_of(const struct codec *c)
{
	static const size_t sizes[] = { 0, 1, CODEC_BLOCK - 1, CODEC_BLOCK,
		CODEC_BLOCK + 1, 5 * CODEC_BLOCK };
	static const size_t cuts[] = { 0, 100003, CODEC_BLOCK };
	unsigned char *data = rows(5 * CODEC_BLOCK);
	struct buf first = BUF_INIT(OUT_MAX);

	for (unsigned i = 0; i < 6; i++) {
		bool same = true;

		OK(write_all(c, 1, data, sizes[i], 0) == 0);
		buf_reset(&first);
		buf_add(&first, packed.data, packed.len, &e);
		for (unsigned threads = 1; threads <= 4; threads++) {
			same = same && write_all(c, threads, data, sizes[i],
			    cuts[threads % 3]) == 0 &&
			    holds(&packed, first.data, first.len);
		}
		OK(same);
		EQ(codec_sniff(packed.data, packed.len), c->kind);
		OK(read_all(c->kind, &packed) == 0);
		OK(holds(&plain, data, sizes[i]));
		OK(unpack_all(c->kind, &packed) == 0);
		OK(holds(&plain, data, sizes[i]));
		read_by_others(c, data, sizes[i]);
	}
	buf_free(&first);
	free(data);
}

static void
nothing_to_do(void)
{
	OK(write_all(&none, 2, "abc", 3, 1) == 0);
	OK(holds(&packed, "abc", 3));
	OK(read_all(CODEC_NONE, &packed) == 0);
	OK(holds(&plain, "abc", 3));
	OK(unpack_all(CODEC_NONE, &packed) == 0);
	OK(holds(&plain, "abc", 3));
	OK(write_all(&none, 2, "", 0, 0) == 0);
	EQ(packed.len, 0);
}

static void
blocks(const struct codec *c)
{
	struct codec_enc *enc = codec_enc_new(c, &e);

	buf_reset(&packed);
	OK(codec_enc_block(enc, "abc", 3, &packed, &e) == 0);
	OK(codec_enc_block(enc, "", 0, &packed, &e) == 0);
	OK(codec_enc_block(enc, "def", 3, &packed, &e) == 0);
	OK(unpack_all(c->kind, &packed) == 0);
	OK(holds(&plain, "abcdef", 6));
	codec_enc_free(enc);
	if (c->kind != CODEC_NONE) {
		packed.len--;
		FAILS(unpack_all(c->kind, &packed) == -1, ERR_CORRUPT,
		    codec_name(c->kind));
		FAILS(read_all(c->kind, &packed) == -1, ERR_CORRUPT,
		    codec_name(c->kind));
	}
}

static void
failing_steps(const struct codec *c, unsigned threads)
{
	size_t len = 3 * CODEC_BLOCK + 1;
	unsigned char *data = rows(len);
	unsigned steps = 0;
	int rc = -1;

	for (; rc == -1; steps++) {
		buf_reset(&packed);
		rc = send_all(codec_writer(failing_sink(sink_buf(&packed, &e),
		    steps), c, threads, &e), data, len, 300000, &e);
		if (rc == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	EQ(steps, 4 + 1 + 1); /* four blocks, finish, and the good one */
	OK(read_all(c->kind, &packed) == 0);
	OK(holds(&plain, data, len));
	free(data);
}

/* Thrown away in the midst of it: nothing comes out, nothing is left. */
static void
abandoned(void)
{
	struct codec wrong = { CODEC_GZIP, 77 };
	unsigned char *data = rows(4 * CODEC_BLOCK);
	uint64_t count;
	struct sink *s;

	for (unsigned threads = 1; threads <= 4; threads++) {
		s = codec_writer(sink_null(&e), &zstd, threads, &e);
		OK(sink_write(s, data, 4 * CODEC_BLOCK - 5, &e) == 0);
		sink_free(s);
	}
	s = codec_writer(sink_count(sink_null(&e), &count, &e), &gzip, 2, &e);
	OK(sink_write(s, data, CODEC_BLOCK - 1, &e) == 0);
	sink_free(s);
	EQ(count, 0);
	FAILS(codec_writer(sink_null(&e), &wrong, 2, &e) == NULL, ERR_USAGE,
	    "level 77");
	OK(codec_writer(NULL, &gzip, 2, &e) == NULL);
	OK(codec_reader(NULL, CODEC_ZSTD, &e) == NULL);
	free(data);
}

/* Memory is bounded by the threads, not by the size. */
static void
long_stream(void)
{
	unsigned char *data = rows(CODEC_BLOCK);
	struct sink *s;
	uint64_t count;
	long before;
	bool good = true;

	s = codec_writer(sink_count(sink_null(&e), &count, &e), &gzip, 2, &e);
	before = peak_kib();
	for (int i = 0; i < 60; i++)
		good = good && sink_write(s, data, CODEC_BLOCK, &e) == 0;
	OK(good && sink_finish(s, &e) == 0);
	sink_free(s);
	OK(count > 60 * CODEC_BLOCK / 10);
	/* five blocks, plain and packed */
	OK(peak_kib() - before < 5 * 2 * 1024 + 2048);
	free(data);
}

int
main(void)
{
	enter_dir();
	words();
	sniffing();
	marks();
	long_stream();
	writer_of(&gzip);
	writer_of(&zstd);
	nothing_to_do();
	blocks(&gzip);
	blocks(&zstd);
	blocks(&none);
	for (unsigned threads = 1; threads <= 3; threads++) {
		failing_steps(&gzip, threads);
		failing_steps(&zstd, threads);
	}
	abandoned();
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	return done();
}
