#include "zst/zst.h"

#include "stage.h"
#include "tap.h"

#define OUT_MAX ((size_t)64 << 20)
#define SKIPPABLE_EMPTY "\x5f\x2a\x4d\x18\0\0\0\0"

static struct err e = ERR_INIT;
static struct buf packed = BUF_INIT(OUT_MAX), plain = BUF_INIT(OUT_MAX);

static void
pack(int level, const void *data, size_t len)
{
	struct zst_enc *enc = zst_enc_new(level, &e);

	if (enc == NULL || zst_enc_block(enc, data, len, &packed, &e) == -1)
		printf("# %s\n", e.text);
	zst_enc_free(enc);
}

static int
unpack(const void *data, size_t len)
{
	struct zst_dec *dec = zst_dec_new(&e);
	struct sink *s = sink_buf(&plain, &e);
	int rc;

	buf_reset(&plain);
	rc = zst_dec_blocks(dec, data, len, s, &e);
	sink_free(s);
	zst_dec_free(dec);
	return rc;
}

static int
read_all(const void *data, size_t len, size_t cut)
{
	buf_reset(&plain);
	return send_all(zst_reader(sink_buf(&plain, &e), &e), data, len, cut,
	    &e);
}

static void
round_trips(void)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 65535, 65791, 65792,
		300000 };
	unsigned char *data[3] = { rows(300000), noise(300000),
		calloc(1, 300000) };

	FAILS(zst_enc_new(0, &e) == NULL, ERR_USAGE, "no level 0");
	FAILS(zst_enc_new(20, &e) == NULL, ERR_USAGE, "no level 20");
	for (int level = ZST_LEVEL_MIN; level <= ZST_LEVEL_MAX; level += 3) {
		bool good = true;

		for (unsigned i = 0; i < 3 * 8; i++) {
			size_t n = sizes[i % 8];

			buf_reset(&packed);
			pack(level, data[i / 8], n);
			good = good && packed.len <= n + n / 8 + 4096 &&
			    unpack(packed.data, packed.len) == 0 &&
			    holds(&plain, data[i / 8], n) &&
			    read_all(packed.data, packed.len, 0) == 0 &&
			    holds(&plain, data[i / 8], n);
		}
		if (!tap_ok(good, "round trips of a level", __FILE__, __LINE__))
			printf("# level %d: %s\n", level, e.text);
	}
	for (int i = 0; i < 3; i++)
		free(data[i]);
}

static void
largest(void)
{
	unsigned char *data = noise(ZST_BLOCK_MAX);

	buf_reset(&packed);
	pack(1, data, ZST_BLOCK_MAX);
	OK(unpack(packed.data, packed.len) == 0);
	OK(holds(&plain, data, ZST_BLOCK_MAX));
	OK(read_all(packed.data, packed.len, 0) == 0);
	OK(holds(&plain, data, ZST_BLOCK_MAX));
	free(data);
}

static void
deterministic(void)
{
	size_t len = 200000;
	unsigned char *a = rows(len), *b = noise(len);
	struct buf again = BUF_INIT(OUT_MAX);

	for (int level = 1; level <= 19; level += 3) {
		struct zst_enc *enc = zst_enc_new(level, &e);

		buf_reset(&packed);
		pack(level, a, len);
		for (int i = 0; i < 3; i++) {
			buf_reset(&again);
			zst_enc_block(enc, b, len - (size_t)i, &again, &e);
		}
		buf_reset(&again);
		zst_enc_block(enc, a, len, &again, &e);
		OK(holds(&again, packed.data, packed.len));
		zst_enc_free(enc);
	}
	buf_free(&again);
	free(a);
	free(b);
}

static void
no_room(void)
{
	struct buf small = BUF_INIT(30);
	struct zst_enc *enc = zst_enc_new(1, &e);

	buf_str(&small, "before", &e);
	FAILS(zst_enc_block(enc, "abc", 3, &small, &e) == -1, ERR_NOMEM,
	    "30 bytes");
	EQ(small.len, 6);
	zst_enc_free(enc);
	buf_free(&small);
}

/* Two frames with a mark between them. */
static size_t first_end, mark_end;

static unsigned char *
small_file(size_t *len)
{
	unsigned char *text = rows(1200), *file;

	buf_reset(&packed);
	pack(1, text, 600);
	first_end = packed.len;
	zst_mark(text, &packed, &e);
	mark_end = packed.len;
	pack(9, text + 600, 600);
	*len = packed.len;
	file = malloc(*len);
	memcpy(file, packed.data, *len);
	unpack(file, *len);
	OK(holds(&plain, text, 1200));
	free(text);
	return file;
}

static void
truncations(void)
{
	size_t len;
	unsigned char *file = small_file(&len);
	unsigned missed = 0, wrong = 0;

	for (size_t n = 0; n < len; n++) {
		bool whole = n == first_end || n == mark_end;
		unsigned char *part = malloc(n + 1); /* ASan sees its end */

		memcpy(part, file, n);
		missed += (unpack(part, n) == 0) != whole;
		wrong += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
		err_clear(&e);
		for (size_t cut = 0; cut < 3; cut++) {
			missed += (read_all(part, n, cut) == 0) != whole;
			wrong += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
			err_clear(&e);
		}
		free(part);
	}
	EQ(missed, 0);
	EQ(wrong, 0);
	free(file);
}

/*
 * What passes never changes the plain bytes. Of the decoder of blocks, no bit
 * of a frame's header and checksum passes; a mark is a skippable frame with
 * content of any kind, and four bits of its magic say nothing.
 */
static void
flips(void)
{
	size_t len;
	unsigned char *file = small_file(&len);
	unsigned char *text = malloc(plain.len);
	unsigned harmed = 0, kinds = 0, head = 0, inside = 0, in_mark = 0;
	size_t text_len = plain.len;

	memcpy(text, plain.data, text_len);
	for (size_t i = 0; i < 8 * len; i++) {
		size_t at = i / 8;

		file[at] ^= (unsigned char)(1u << i % 8);
		if (unpack(file, len) == 0) {
			size_t p = at < mark_end ? at : at - mark_end;
			size_t end = at < mark_end ? first_end :
			    len - mark_end;

			harmed += !holds(&plain, text, text_len);
			if (at >= first_end && at < mark_end)
				in_mark++;
			else if (p < 7 || p >= end - 4)
				head++;
			else
				inside++;
		}
		kinds += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
		err_clear(&e);
		if (read_all(file, len, 0) == 0)
			harmed += !holds(&plain, text, text_len);
		kinds += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
		err_clear(&e);
		file[at] ^= (unsigned char)(1u << i % 8);
	}
	EQ(harmed, 0);
	EQ(kinds, 0);
	EQ(head, 0);
	EQ(in_mark, 4 + 8 * 24);
	/* reserved and padding bits of tables and sequences: 16 of 4200 */
	OK(inside <= 8 * len / 100);
	free(text);
	free(file);
}

static void
strict(void)
{
	unsigned char data[16] = "0123456789abcdef";

	FAILS(unpack("", 0) == -1, ERR_CORRUPT, "no zstd frame");
	FAILS(read_all("", 0, 0) == -1, ERR_CORRUPT, "no zstd frame");
	buf_reset(&packed);
	buf_add(&packed, SKIPPABLE_EMPTY, 8, &e);
	zst_mark(data, &packed, &e);
	FAILS(read_all(packed.data, packed.len, 1) == -1, ERR_CORRUPT,
	    "no zstd frame");
	pack(1, "abc", 3);
	pack(1, "", 0);
	buf_add(&packed, SKIPPABLE_EMPTY, 8, &e);
	OK(unpack(packed.data, packed.len) == 0);
	OK(holds(&plain, "abc", 3));
	for (size_t cut = 0; cut < 4; cut++) {
		OK(read_all(packed.data, packed.len, cut) == 0);
		OK(holds(&plain, "abc", 3));
	}
	buf_byte(&packed, '\0', &e);
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "zstd");
	FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT,
	    "no zstd frame where");
	buf_str(&packed, "garbage", &e);
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "zstd");
	FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT,
	    "no zstd frame where");
	FAILS(read_all(packed.data, packed.len, 1) == -1, ERR_CORRUPT,
	    "no zstd frame where");
	FAILS(read_all("-- SQL\n", 7, 0) == -1, ERR_CORRUPT,
	    "no zstd frame where");
	OK(zst_reader(NULL, &e) == NULL);
}

static void
marks(void)
{
	static const unsigned char want[ZST_MARK_SIZE + 1] =
	    "\x50\x2a\x4d\x18\x18\0\0\0pgk markABCDEFGHIJKLMNOP";
	unsigned char data[16];
	unsigned taken = 0;

	buf_reset(&packed);
	OK(zst_mark(want + 16, &packed, &e) == 0);
	OK(holds(&packed, want, ZST_MARK_SIZE));
	OK(zst_mark_read(want, data) == 0);
	OK(memcmp(data, "ABCDEFGHIJKLMNOP", 16) == 0);
	for (unsigned i = 0; i < 8 * ZST_MARK_SIZE; i++) {
		unsigned char bad[ZST_MARK_SIZE];

		memcpy(bad, want, sizeof bad);
		bad[i / 8] ^= (unsigned char)(1u << i % 8);
		taken += zst_mark_read(bad, data) == 0;
	}
	EQ(taken, 8 * 16); /* the bits of the data alone */
}

static void
others_read_ours(void)
{
	size_t len = (3 << 20) + 17;
	unsigned char *data = rows(len);

	if (!have("zstd"))
		goto done;
	for (int level = 1; level <= 19; level += 9) {
		buf_reset(&packed);
		for (size_t at = 0; at < len; at += 1 << 20)
			pack(level, data + at, len - at < 1 << 20 ? len - at :
			    1 << 20);
		pack(level, "", 0);
		zst_mark(data, &packed, &e);
		put_file("f.zst", packed.data, packed.len);
		OK(output(&plain, "zstd -dcq f.zst") &&
		    holds(&plain, data, len));
		OK(output(&plain, "zstd -tq f.zst 2>&1"));
	}
done:
	free(data);
}

static void
we_read_others(void)
{
	static const char *lines[] = { "zstd -qc -1 f", "zstd -qc -3 <f",
		"zstd -qc -19 f2", "zstd -qc --fast=5 f", "zstd -qc -T2 f",
		"zstd -qc --no-check f", "zstd -qc --long=27 <f",
		"zstd -qc --no-content-size f", "pzstd -qc f" };
	size_t len = 700001;
	unsigned char *data = rows(len);

	put_file("f", data, len);
	put_file("f2", data, 50000);
	for (unsigned i = 0; i < 9 && have("zstd"); i++) {
		size_t want = strstr(lines[i], "f2") != NULL ? 50000 : len;

		if (i == 8 && !have("pzstd"))
			break;
		OK(output(&packed, "%s", lines[i]));
		tap_ok(read_all(packed.data, packed.len, 4093) == 0 &&
		    holds(&plain, data, want), lines[i], __FILE__, __LINE__);
	}
	if (have("zstd")) { /* of unknown length, so that the window is kept */
		OK(output(&packed, "zstd -qc --ultra --long=28 <f"));
		FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT,
		    "more than 128 MiB");
	}
	free(data);
}

static void
bombs(void)
{
	/* one frame that says it holds 2^62 bytes */
	static const char huge[] =
	    "\x28\xb5\x2f\xfd\xe4\0\0\0\0\0\0\0\x40\x01\0\0\0\0\0\0";
	uint64_t count = 0;
	long before;

	FAILS(unpack(huge, sizeof huge - 1) == -1, ERR_CORRUPT, "zstd");
	FAILS(read_all(huge, sizeof huge - 1, 0) == -1, ERR_CORRUPT,
	    "128 MiB");
	if (!have("zstd"))
		return;
	OK(output(&packed, "head -c 100000000 /dev/zero | zstd -qc -3"));
	OK(packed.len < 100000);
	before = peak_kib();
	OK(send_all(zst_reader(sink_count(sink_null(&e), &count, &e), &e),
	    packed.data, packed.len, 0, &e) == 0);
	OK(count == 100000000);
	OK(peak_kib() - before < 2 * 4096); /* level 3 has a window of 2 MiB */
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "pgk's");
}

/* A frame of ours in all but its size. */
static void
too_large(void)
{
	put_file("zeros", "", 0);
	if (!have("zstd") || truncate("zeros", (off_t)ZST_BLOCK_MAX + 1) == -1)
		return;
	OK(output(&packed, "zstd -qc --zstd=wlog=25 zeros"));
	OK(packed.len > 5 && (unsigned char)packed.data[4] == 0xa4);
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT,
	    "more than 16777216 bytes");
}

static void
failing_steps(void)
{
	size_t len = 400000;
	unsigned char *data = rows(len);
	unsigned steps = 0;
	int rc = -1;

	buf_reset(&packed);
	pack(1, data, len / 2);
	pack(1, data + len / 2, len / 2);
	for (; rc == -1; steps++) {
		buf_reset(&plain);
		rc = send_all(zst_reader(failing_sink(sink_buf(&plain, &e),
		    steps), &e), packed.data, packed.len, 30000, &e);
		if (rc == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	OK(steps > 3);
	OK(holds(&plain, data, len));
	free(data);
}

/* As in gz.c: step by step over several blocks, and what is refused. */
static void
reaching(void)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 5000, 300000 };
	unsigned char *data = rows(300000), *hash = noise(300000);
	bool whole = false;

	for (unsigned i = 0; i < 6; i++) {
		for (int kind = 0; kind < 2; kind++) {
			size_t n = sizes[i], at = 1, len;

			buf_reset(&packed);
			pack(2, kind ? data : hash, n);
			len = packed.len;
			pack(1, "abc", 3);
			EQ(zst_reach(packed.data, packed.len, n, &whole), len);
			OK(whole);
			OK(n == 0 || zst_reach(packed.data, packed.len, n - 1,
			    &whole) == 0);
			whole = false;
			for (int steps = 0; !whole && steps < 20; steps++)
				at = zst_reach(packed.data, at, n, &whole);
			EQ(at, len);
			OK(zst_reach(packed.data, len - 1, n, &whole) == len &&
			    !whole);
		}
	}
	buf_reset(&packed);
	zst_mark(data, &packed, &e);
	EQ(zst_reach(packed.data, packed.len, 5000, &whole), 0);
	/* single segment, checksum, one byte; then endless empty blocks */
	buf_reset(&packed);
	buf_add(&packed, "\x28\xb5\x2f\xfd\x24\1", 6, &e);
	for (int i = 0; i < 100000; i++)
		buf_add(&packed, "\0\0\0", 3, &e);
	EQ(zst_reach(packed.data, packed.len, 5000, &whole), 0);
	OK(!whole);
	free(data);
	free(hash);
}

int
main(void)
{
	enter_dir();
	round_trips();
	largest();
	deterministic();
	no_room();
	truncations();
	flips();
	strict();
	marks();
	others_read_ours();
	we_read_others();
	bombs();
	too_large();
	failing_steps();
	reaching();
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	return done();
}
