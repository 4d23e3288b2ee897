/* What codec_parallel_reader() reads, next to codec_reader(). */
#include "codec/codec.h"
#include "gz/gz.h"
#include "zst/zst.h"

#include "stage.h"
#include "tap.h"

#define OUT_MAX ((size_t)64 << 20)

static struct err e = ERR_INIT;
static struct buf packed = BUF_INIT(OUT_MAX), plain = BUF_INIT(OUT_MAX);
static struct buf other = BUF_INIT(OUT_MAX);

static const enum codec_kind kinds[] = { CODEC_GZIP, CODEC_ZSTD };

static int
read_all(enum codec_kind kind, unsigned threads, size_t len, size_t cut)
{
	buf_reset(&plain);
	return send_all(codec_parallel_reader(sink_buf(&plain, &e), kind,
	    threads, &e), packed.data, len, cut, &e);
}

/* Append a stream by codec_writer(). */
static void
add(enum codec_kind kind, const void *data, size_t len)
{
	struct codec c = { kind, 1 };

	OK(send_all(codec_writer(sink_buf(&packed, &e), &c, 2, &e), data, len,
	    0, &e) == 0);
}

static void
round_trips(enum codec_kind kind)
{
	static const size_t sizes[] = { 0, 1, CODEC_BLOCK - 1, CODEC_BLOCK,
		CODEC_BLOCK + 1, 5 * CODEC_BLOCK + 77 };
	static const size_t cuts[] = { 0, 8191, 65536, 1000003 };
	unsigned char *data[2] = { rows(sizes[5]), noise(sizes[5]) };

	for (unsigned i = 0; i < 2 * 6; i++) {
		size_t n = sizes[i / 2];
		bool good = true;

		buf_reset(&packed);
		add(kind, data[i % 2], n);
		for (unsigned threads = 1; threads <= 4; threads++)
			good = good && read_all(kind, threads, packed.len,
			    cuts[(threads + i) % 4]) == 0 &&
			    holds(&plain, data[i % 2], n);
		if (!tap_ok(good, "round trip", __FILE__, __LINE__))
			printf("# %zu: %s\n", n, e.text);
	}
	buf_reset(&packed);
	add(kind, data[0], 3000);
	OK(read_all(kind, 2, packed.len, 1) == 0);
	OK(holds(&plain, data[0], 3000));
	free(data[0]);
	free(data[1]);
}

static void
add_mark(enum codec_kind kind)
{
	codec_mark(kind, (const unsigned char *)"0123456789abcdef", &packed,
	    &e);
}

/* Streams of others, alone and after ours; marks; what follows the end. */
static void
foreign(enum codec_kind kind)
{
	const char *tool = kind == CODEC_GZIP ? "gzip -c" : "zstd -qc";
	size_t len = 3 * CODEC_BLOCK / 2, ours;
	unsigned char *data = rows(2 * len);

	put_file("a", data, len);
	put_file("b", data + len, len);
	if (have(kind == CODEC_GZIP ? "gzip" : "zstd")) {
		OK(output(&packed, "%s <a; %s <b", tool, tool));
		OK(read_all(kind, 2, packed.len, 50000) == 0);
		OK(holds(&plain, data, 2 * len));
	}
	buf_reset(&packed);
	add_mark(kind);
	add(kind, data, len);
	add_mark(kind);
	add(kind, data + len, len);
	add_mark(kind);
	OK(read_all(kind, 2, packed.len, 0) == 0);
	OK(holds(&plain, data, 2 * len));
	buf_reset(&packed);
	add(kind, data, len);
	ours = packed.len;
	add_mark(kind);
	OK(read_all(kind, 2, packed.len, 7777) == 0);
	OK(holds(&plain, data, len));
	packed.len = ours;
	if (have(kind == CODEC_GZIP ? "gzip" : "zstd")) {
		OK(output(&other, "%s <b", tool));
		buf_add(&packed, other.data, other.len, &e);
		OK(read_all(kind, 3, packed.len, 0) == 0);
		OK(holds(&plain, data, 2 * len));
	}
	packed.len = ours;
	buf_add(&packed, "garbage that follows", 20, &e);
	FAILS(read_all(kind, 2, packed.len, 0) == -1, ERR_CORRUPT,
	    kind == CODEC_GZIP ? "after the end" : "no zstd frame");
	free(data);
}

/* gzip alone may be followed by zeros; blocks over 1 MiB are others'. */
static void
tails(void)
{
	unsigned char *data = rows(2 * CODEC_BLOCK);
	struct gz_enc *gz = gz_enc_new(1, &e);
	struct zst_enc *zst = zst_enc_new(1, &e);

	buf_reset(&packed);
	add(CODEC_GZIP, data, 2 * CODEC_BLOCK);
	buf_add(&packed, "\0\0\0\0\0\0\0\0\0", 9, &e);
	OK(read_all(CODEC_GZIP, 2, packed.len, 0) == 0);
	OK(holds(&plain, data, 2 * CODEC_BLOCK));
	buf_byte(&packed, 1, &e);
	FAILS(read_all(CODEC_GZIP, 2, packed.len, 0) == -1, ERR_CORRUPT,
	    "after the end");
	buf_reset(&packed);
	gz_enc_block(gz, data, CODEC_BLOCK + 1, &packed, &e);
	OK(read_all(CODEC_GZIP, 2, packed.len, 0) == 0);
	OK(holds(&plain, data, CODEC_BLOCK + 1));
	buf_reset(&packed);
	zst_enc_block(zst, data, CODEC_BLOCK + 1, &packed, &e);
	OK(read_all(CODEC_ZSTD, 2, packed.len, 0) == 0);
	OK(holds(&plain, data, CODEC_BLOCK + 1));
	gz_enc_free(gz);
	zst_enc_free(zst);
	free(data);
}

/* Three small blocks, in packed; where each ends. */
static size_t ends[4];

static unsigned char *
small_file(enum codec_kind kind)
{
	unsigned char *text = rows(1200);

	buf_reset(&packed);
	for (int i = 0; i < 3; i++) {
		add(kind, text + 400 * i, 400);
		ends[i + 1] = packed.len;
	}
	return text;
}

static void
cuts(enum codec_kind kind)
{
	unsigned char *text = small_file(kind);
	unsigned missed = 0, wrong = 0;

	for (size_t n = 0; n < packed.len; n++) {
		bool whole = n == ends[1] || n == ends[2];

		for (unsigned threads = 1; threads <= 2; threads++) {
			missed += (read_all(kind, threads, n, n % 3) == 0) !=
			    whole;
			wrong += e.kind != (whole ? ERR_NONE : ERR_CORRUPT);
			/* never a byte that was not there */
			wrong += plain.len > 0 && memcmp(plain.data, text,
			    plain.len) != 0;
			err_clear(&e);
		}
	}
	EQ(missed, 0);
	EQ(wrong, 0);
	free(text);
}

static bool
is_length(enum codec_kind kind, size_t at)
{
	for (int i = 0; i < 3; i++)
		if (at >= ends[i] + 16 && at < ends[i] + 20)
			return kind == CODEC_GZIP;
	return false;
}

/* Taken by one reader and not by the other only where a length lies. */
static void
flips(enum codec_kind kind)
{
	unsigned char *text = small_file(kind);
	unsigned harmed = 0, differ = 0, kinds_wrong = 0, failed = 0;

	for (size_t i = 0; i < 8 * packed.len; i++) {
		int rc, any;

		packed.data[i / 8] ^= (char)(1 << i % 8);
		rc = read_all(kind, 1 + i % 2, packed.len, 0);
		kinds_wrong += rc == -1 && e.kind != ERR_CORRUPT;
		failed += rc == -1;
		err_clear(&e);
		harmed += rc == 0 && !holds(&plain, text, 1200);
		buf_reset(&plain);
		any = send_all(codec_reader(sink_buf(&plain, &e), kind, &e),
		    packed.data, packed.len, 0, &e);
		err_clear(&e);
		differ += rc != any && !is_length(kind, i / 8);
		packed.data[i / 8] ^= (char)(1 << i % 8);
	}
	EQ(harmed, 0);
	EQ(differ, 0);
	EQ(kinds_wrong, 0);
	OK(failed > 4 * packed.len);
	free(text);
}

static void
failing_steps(enum codec_kind kind, unsigned threads)
{
	size_t len = 3 * CODEC_BLOCK + 1;
	unsigned char *data = rows(len);
	unsigned steps = 0;
	int rc = -1;

	buf_reset(&packed);
	add(kind, data, len);
	for (; rc == -1; steps++) {
		buf_reset(&plain);
		rc = send_all(codec_parallel_reader(failing_sink(
		    sink_buf(&plain, &e), steps), kind, threads, &e),
		    packed.data, packed.len, 30000, &e);
		if (rc == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	EQ(steps, 4 + 1 + 1); /* four blocks, finish, and the good one */
	OK(holds(&plain, data, len));
	free(data);
}

/* Memory is bounded by the threads, not by the size; and given up midway. */
static void
long_stream(enum codec_kind kind)
{
	unsigned char *data = rows(CODEC_BLOCK);
	struct sink *s;
	uint64_t count;
	long before;
	bool good = true;

	buf_reset(&packed);
	add(kind, data, CODEC_BLOCK);
	before = peak_kib();
	s = codec_parallel_reader(sink_count(sink_null(&e), &count, &e), kind,
	    2, &e);
	for (int i = 0; i < 100; i++)
		good = good && sink_write(s, packed.data, packed.len, &e) == 0;
	OK(good && sink_finish(s, &e) == 0);
	sink_free(s);
	EQ(count, 100 * CODEC_BLOCK);
	/* five blocks, and two decoders with one each */
	OK(peak_kib() - before < 5 * 2 * 1200 + 2 * 1200 + 2048);
	s = codec_parallel_reader(sink_null(&e), kind, 2, &e);
	for (int i = 0; i < 4; i++)
		OK(sink_write(s, packed.data, packed.len, &e) == 0);
	OK(sink_write(s, packed.data, packed.len / 2, &e) == 0);
	sink_free(s);
	free(data);
}

static void
nothing(enum codec_kind kind)
{
	FAILS(read_all(kind, 2, 0, 0) == -1, ERR_CORRUPT,
	    kind == CODEC_GZIP ? "empty" : "no zstd frame at all");
	buf_reset(&packed);
	add_mark(kind);
	EQ(read_all(kind, 2, packed.len, 0), kind == CODEC_GZIP ? 0 : -1);
	err_clear(&e);
	OK(codec_parallel_reader(NULL, kind, 2, &e) == NULL);
}

int
main(void)
{
	enter_dir();
	for (int i = 0; i < 2; i++) {
		long_stream(kinds[i]);
		round_trips(kinds[i]);
		foreign(kinds[i]);
		cuts(kinds[i]);
		flips(kinds[i]);
		nothing(kinds[i]);
		for (unsigned threads = 1; threads <= 3; threads++)
			failing_steps(kinds[i], threads);
	}
	tails();
	buf_reset(&packed);
	buf_str(&packed, "abc", &e);
	OK(read_all(CODEC_NONE, 2, 3, 1) == 0);
	OK(holds(&plain, "abc", 3));
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	buf_free(&other);
	return done();
}
