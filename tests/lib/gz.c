#include "gz/gz.h"

#include "stage.h"
#include "tap.h"

#define OUT_MAX ((size_t)64 << 20)
#define HEADER 20 /* with the length */
#define TRAILER 8

static struct err e = ERR_INIT;
static struct buf packed = BUF_INIT(OUT_MAX), plain = BUF_INIT(OUT_MAX);

static void
pack(int level, const void *data, size_t len)
{
	struct gz_enc *enc = gz_enc_new(level, &e);

	if (enc == NULL || gz_enc_block(enc, data, len, &packed, &e) == -1)
		printf("# %s\n", e.text);
	gz_enc_free(enc);
}

static int
unpack(const void *data, size_t len)
{
	struct gz_dec *dec = gz_dec_new(&e);
	struct sink *s = sink_buf(&plain, &e);
	int rc;

	buf_reset(&plain);
	rc = gz_dec_blocks(dec, data, len, s, &e);
	sink_free(s);
	gz_dec_free(dec);
	return rc;
}

static int
read_all(const void *data, size_t len, size_t cut)
{
	buf_reset(&plain);
	return send_all(gz_reader(sink_buf(&plain, &e), &e), data, len, cut,
	    &e);
}

/* Every level, kinds of data from the best to the worst to pack. */
static void
round_trips(void)
{
	static const size_t sizes[] = { 0, 1, 2, 255, 65535, 65536, 300000 };
	unsigned char *data[3] = { rows(300000), noise(300000),
		calloc(1, 300000) };
	bool good = true;

	FAILS(gz_enc_new(0, &e) == NULL, ERR_USAGE, "no level 0");
	FAILS(gz_enc_new(10, &e) == NULL, ERR_USAGE, "no level 10");
	for (int level = GZ_LEVEL_MIN; level <= GZ_LEVEL_MAX; level++) {
		for (unsigned i = 0; i < 3 * 7; i++) {
			size_t n = sizes[i % 7];

			buf_reset(&packed);
			pack(level, data[i / 7], n);
			good = good && packed.len <= n + n / 8 + 4096 &&
			    unpack(packed.data, packed.len) == 0 &&
			    holds(&plain, data[i / 7], n) &&
			    read_all(packed.data, packed.len, 0) == 0 &&
			    holds(&plain, data[i / 7], n);
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
	unsigned char *data = noise(GZ_BLOCK_MAX);

	buf_reset(&packed);
	pack(1, data, GZ_BLOCK_MAX);
	OK(packed.len <= GZ_BLOCK_MAX + GZ_BLOCK_MAX / 8 + 4096);
	OK(unpack(packed.data, packed.len) == 0);
	OK(holds(&plain, data, GZ_BLOCK_MAX));
	OK(read_all(packed.data, packed.len, 0) == 0);
	OK(holds(&plain, data, GZ_BLOCK_MAX));
	free(data);
}

/* A compressor that was used before gives what a new one gives. */
static void
deterministic(void)
{
	size_t len = 200000;
	unsigned char *a = rows(len), *b = noise(len);
	struct buf again = BUF_INIT(OUT_MAX);

	for (int level = GZ_LEVEL_MIN; level <= GZ_LEVEL_MAX; level++) {
		struct gz_enc *enc = gz_enc_new(level, &e);

		buf_reset(&packed);
		pack(level, a, len);
		for (int i = 0; i < 3; i++) {
			buf_reset(&again);
			gz_enc_block(enc, b, len - (size_t)i, &again, &e);
		}
		buf_reset(&again);
		gz_enc_block(enc, a, len, &again, &e);
		OK(holds(&again, packed.data, packed.len));
		gz_enc_free(enc);
	}
	buf_free(&again);
	free(a);
	free(b);
}

static void
no_room(void)
{
	for (int level = 1; level <= 2; level++) {
		struct buf small = BUF_INIT(30);
		struct gz_enc *enc = gz_enc_new(level, &e);

		buf_str(&small, "before", &e);
		FAILS(gz_enc_block(enc, "abc", 3, &small, &e) == -1, ERR_NOMEM,
		    "30 bytes");
		EQ(small.len, 6);
		gz_enc_free(enc);
		buf_free(&small);
	}
}

/* Where the members of the file under test begin and end. */
#define MEMBERS 3
static size_t ends[MEMBERS + 1];

static unsigned char *
small_file(size_t *len)
{
	unsigned char *text = rows(1200), *file;

	buf_reset(&packed);
	for (int i = 0; i < MEMBERS; i++) {
		pack(i == 0 ? 1 : 6, text + 400 * i, 400);
		ends[i + 1] = packed.len;
	}
	file = malloc(packed.len);
	memcpy(file, packed.data, packed.len);
	*len = packed.len;
	unpack(file, *len);
	OK(holds(&plain, text, 1200));
	free(text);
	return file;
}

static bool
is_end(size_t at)
{
	for (int i = 1; i <= MEMBERS; i++)
		if (at == ends[i])
			return true;
	return false;
}

static void
truncations(void)
{
	size_t len;
	unsigned char *file = small_file(&len);
	unsigned missed = 0, wrong = 0;

	for (size_t n = 0; n < len; n++) {
		unsigned char *part = malloc(n + 1); /* ASan sees its end */

		memcpy(part, file, n);
		/* whole members are a whole file: the index knows better */
		if ((unpack(part, n) == 0) != is_end(n))
			missed++;
		wrong += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
		err_clear(&e);
		for (size_t cut = 0; cut < 3; cut++) {
			if ((read_all(part, n, cut) == 0) != is_end(n))
				missed++;
			wrong += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
			err_clear(&e);
		}
		free(part);
	}
	EQ(missed, 0);
	EQ(wrong, 0);
	free(file);
}

/* Which byte of its member; *member_len is the whole's. */
static size_t
place(size_t at, size_t *member_len)
{
	int i = 0;

	while (at >= ends[i + 1])
		i++;
	*member_len = ends[i + 1] - ends[i];
	return at - ends[i];
}

/* The unused bits of the last byte of the deflate data. */
static bool
is_padding(size_t at)
{
	size_t len, p = place(at, &len);

	return p == len - TRAILER - 1;
}

/*
 * Of the header: FTEXT, MTIME, XFL, OS and what is in the extra field mean
 * nothing to others.
 */
static bool
is_idle_header(size_t at, unsigned bit)
{
	size_t len, p = place(at, &len);

	return (p == 3 && bit == 0) || (p >= 4 && p < 10) ||
	    (p >= 12 && p < HEADER);
}

static void
flips(void)
{
	size_t len;
	unsigned char *file = small_file(&len);
	unsigned char *text = malloc(plain.len);
	unsigned missed = 0, harmed = 0, kinds = 0, idle = 0, padding = 0;
	size_t text_len = plain.len;

	memcpy(text, plain.data, text_len);
	for (size_t i = 0; i < 8 * len; i++) {
		unsigned bit = i % 8;

		file[i / 8] ^= (unsigned char)(1u << bit);
		if (unpack(file, len) == 0) {
			harmed += !holds(&plain, text, text_len);
			missed += !is_padding(i / 8);
			padding++;
		}
		kinds += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
		err_clear(&e);
		if (read_all(file, len, 0) == 0) {
			harmed += !holds(&plain, text, text_len);
			missed += !is_padding(i / 8) &&
			    !is_idle_header(i / 8, bit);
			idle += is_idle_header(i / 8, bit);
		}
		kinds += e.kind != ERR_NONE && e.kind != ERR_CORRUPT;
		err_clear(&e);
		file[i / 8] ^= (unsigned char)(1u << bit);
	}
	EQ(harmed, 0);
	EQ(missed, 0);
	EQ(kinds, 0);
	OK(padding <= 7 * MEMBERS);
	EQ(idle, (1 + 8 * 6 + 8 * 8) * MEMBERS);
	free(text);
	free(file);
}

/* Members of ours alone, in order, and nothing else. */
static void
strict(void)
{
	unsigned char data[16] = "0123456789abcdef";

	FAILS(unpack("", 0) == -1, ERR_CORRUPT, "no gzip member");
	buf_reset(&packed);
	pack(1, "abc", 3);
	gz_mark(data, &packed, &e);
	pack(6, "def", 3);
	OK(unpack(packed.data, packed.len) == 0);
	OK(holds(&plain, "abcdef", 6));
	buf_byte(&packed, '\0', &e);
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "ends");
	OK(read_all(packed.data, packed.len, 0) == 0);
	buf_str(&packed, "garbage that follows", &e);
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "no gzip");
}

/* Members as they once were, without the length; and lengths that lie. */
static void
lengths(void)
{
	unsigned char *p;

	buf_reset(&packed);
	pack(1, "abc", 3);
	p = (unsigned char *)packed.data;
	OK(memcmp(p, "\x1f\x8b\x08\x04\0\0\0\0\0\xff\x08\0PL\4\0",
	    16) == 0);
	EQ(p[16] | p[17] << 8, packed.len);
	EQ(p[18] | p[19], 0);
	p[16]++;
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "length");
	memset(p + 16, 0xff, 4);
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "length");
	memset(p + 16, 0, 4);
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "length");
	OK(read_all(packed.data, packed.len, 0) == 0);
	p[3] = 0;
	memmove(p + 10, p + HEADER, packed.len - HEADER);
	packed.len -= 10;
	OK(unpack(packed.data, packed.len) == 0);
	OK(holds(&plain, "abc", 3));
	pack(1, "def", 3);
	OK(unpack(packed.data, packed.len) == 0);
	OK(holds(&plain, "abcdef", 6));
}

/* Asked with all that is there, and with no more than was asked for. */
static void
reaching(void)
{
	unsigned char *data = noise(5000);
	size_t at = 1, len;
	bool whole = true;

	buf_reset(&packed);
	pack(1, data, 5000);
	len = packed.len;
	pack(1, "abc", 3);
	EQ(gz_reach(packed.data, packed.len, 5000, &whole), len);
	OK(whole);
	EQ(gz_reach(packed.data, packed.len, 4999, &whole), 0);
	OK(gz_reach(packed.data, 1, 5000, &whole) > 1 && !whole);
	for (unsigned steps = 0; !whole && steps < 10; steps++)
		at = gz_reach(packed.data, at, 5000, &whole);
	EQ(at, len);
	EQ(gz_reach("\x1f\x8c", 2, 5000, &whole), 0);
	OK(!whole);
	EQ(gz_reach("\x1f\x8b\x08", 3, 5000, &whole), HEADER);
	memset(packed.data + 16, 0, 4);
	EQ(gz_reach(packed.data, packed.len, 5000, &whole), 0);
	packed.data[16] = HEADER + 7;
	EQ(gz_reach(packed.data, packed.len, 5000, &whole), 0);
	memset(packed.data + 16, 0xff, 4);
	EQ(gz_reach(packed.data, packed.len, 5000, &whole), UINT32_MAX);
	OK(!whole);
	buf_reset(&packed);
	gz_mark(data, &packed, &e);
	EQ(gz_reach(packed.data, packed.len, 5000, &whole), 0);
	free(data);
}

static void
marks(void)
{
	static const unsigned char want[GZ_MARK_SIZE] =
	    "\x1f\x8b\x08\x04\0\0\0\0\0\xff\x14\0PG\x10\0"
	    "ABCDEFGHIJKLMNOP\x03\0\0\0\0\0\0\0\0\0";
	unsigned char data[16];
	unsigned taken = 0;

	buf_reset(&packed);
	OK(gz_mark((const unsigned char *)"ABCDEFGHIJKLMNOP", &packed, &e) ==
	    0);
	OK(holds(&packed, want, GZ_MARK_SIZE));
	OK(gz_mark_read(want, data) == 0);
	OK(memcmp(data, "ABCDEFGHIJKLMNOP", 16) == 0);
	OK(read_all(want, GZ_MARK_SIZE, 1) == 0);
	EQ(plain.len, 0);
	for (unsigned i = 0; i < 8 * GZ_MARK_SIZE; i++) {
		unsigned char bad[GZ_MARK_SIZE];

		memcpy(bad, want, sizeof bad);
		bad[i / 8] ^= (unsigned char)(1u << i % 8);
		taken += gz_mark_read(bad, data) == 0;
	}
	EQ(taken, 8 * 16); /* the bits of the data alone */
}

/* A member with the header `head` and the body of ours that holds "abc\n". */
static void
member(const char *head, size_t len)
{
	size_t at;

	buf_add(&packed, head, len, &e);
	at = packed.len;
	pack(1, "abc\n", 4);
	memmove(packed.data + at, packed.data + at + HEADER,
	    packed.len - at - HEADER);
	packed.len -= HEADER;
}

/* Headers as RFC 1952 allows them, made by hand. */
static void
foreign_headers(void)
{
#define MEMBER(text) member((text), sizeof(text) - 1)
#define PLAIN_HEAD "\x1f\x8b\x08\0\x11\x22\x33\x44\x02\x03"
#define NAME_HEAD "\x1f\x8b\x08\x08\0\0\0\0\0\x03" "dump.sql\0"
#define ALL_HEAD "\x1f\x8b\x08\x1f\0\0\0\0\0\x03\x04\0extrname\0comment\0"
	static const size_t cuts[] = { 0, 1, 2, 7 };

	buf_reset(&packed);
	MEMBER(PLAIN_HEAD);
	MEMBER(NAME_HEAD);
	MEMBER("\x1f\x8b\x08\x04\0\0\0\0\0\x03\x00\x00");
	MEMBER("\x1f\x8b\x08\x10\0\0\0\0\0\x03" "a comment\0");
	MEMBER("\x1f\x8b\x08\x02\0\0\0\0\0\x03" "\xa7\x77"); /* FHCRC */
	MEMBER(ALL_HEAD "\x87\xaa");
	buf_add(&packed, "\0\0\0\0\0\0\0\0\0", 9, &e);
	for (unsigned i = 0; i < 4; i++) {
		OK(read_all(packed.data, packed.len, cuts[i]) == 0);
		OK(holds(&plain, "abc\nabc\nabc\nabc\nabc\nabc\n", 24));
	}
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "pgk's");

	buf_add(&packed, "x", 1, &e);
	FAILS(read_all(packed.data, packed.len, 1) == -1, ERR_CORRUPT,
	    "after the end");
	buf_reset(&packed);
	MEMBER(PLAIN_HEAD);
	buf_add(&packed, "x", 1, &e);
	FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT,
	    "after the end");
	buf_reset(&packed);
	MEMBER(PLAIN_HEAD);
	buf_add(&packed, "\x1f\x8b", 2, &e);
	FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT,
	    "too early");
	buf_reset(&packed);
	MEMBER(ALL_HEAD "\0\0");
	FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT, "crc");
	buf_reset(&packed);
	MEMBER("\x1f\x8b\x08\x20\0\0\0\0\0\x03");
	FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT,
	    "unknown header flags");
	FAILS(read_all("", 0, 0) == -1, ERR_CORRUPT, "empty");
	FAILS(read_all("-- SQL\n", 7, 0) == -1, ERR_CORRUPT, "header");
	FAILS(read_all("\0\0\0", 3, 0) == -1, ERR_CORRUPT, "header");
	OK(gz_reader(NULL, &e) == NULL);
}

static void
others_read_ours(void)
{
	static const char *lines[] = { "gunzip -c f.gz", "pigz -dc f.gz",
		"igzip -dc f.gz", "zstd -dcq f.gz", "python3 -c 'import gzip, "
		"sys; sys.stdout.buffer.write(gzip.open(\"f.gz\").read())'",
		"perl -MIO::Uncompress::Gunzip=:all -e 'gunzip \"f.gz\", "
		"\"-\", MultiStream => 1 or die'" };
	static const char *programs[] = { "gunzip", "pigz", "igzip", "zstd",
		"python3", "perl" };
	size_t len = (3 << 20) + 17;
	unsigned char *data = rows(len);

	for (int level = 1; level <= 3; level += 2) {
		buf_reset(&packed);
		for (size_t at = 0; at < len; at += 1 << 20)
			pack(level, data + at, len - at < 1 << 20 ? len - at :
			    1 << 20);
		pack(level, "", 0);
		gz_mark(data, &packed, &e);
		put_file("f.gz", packed.data, packed.len);
		for (unsigned i = 0; i < 6; i++) {
			if (!have(programs[i]))
				continue;
			tap_ok(output(&plain, "%s", lines[i]) &&
			    holds(&plain, data, len), lines[i], __FILE__,
			    __LINE__);
		}
	}
	OK(output(&plain, "gunzip -t f.gz 2>&1") && plain.len == 0);
	free(data);
}

static void
we_read_others(void)
{
	static const char *lines[] = { "gzip -1 -c f", "gzip -9 -c f",
		"gzip -c <f", "pigz -p 2 -b 128 -c f", "pigz -11 -c f2",
		"igzip -c f", "igzip -3 -c f", "python3 -c 'import gzip; "
		"import sys; sys.stdout.buffer.write("
		"gzip.compress(open(\"f\", \"rb\").read(), 4))'" };
	static const char *programs[] = { "gzip", "gzip", "gzip", "pigz",
		"pigz", "igzip", "igzip", "python3" };
	size_t len = 700001;
	unsigned char *data = rows(len);

	put_file("f", data, len);
	put_file("f2", data, 50000);
	for (unsigned i = 0; i < 8; i++) {
		size_t want = strstr(lines[i], "f2") != NULL ? 50000 : len;

		if (!have(programs[i]))
			continue;
		OK(output(&packed, "%s", lines[i]));
		tap_ok(read_all(packed.data, packed.len, 4093) == 0 &&
		    holds(&plain, data, want), lines[i], __FILE__, __LINE__);
	}
	free(data);
}

/* A thousand to one: what is small stays small in memory. */
static void
bombs(void)
{
	uint64_t count = 0;
	long before;

	OK(output(&packed, "head -c 100000000 /dev/zero | gzip -9n"));
	OK(packed.len < 100000);
	before = peak_kib();
	OK(send_all(gz_reader(sink_count(sink_null(&e), &count, &e), &e),
	    packed.data, packed.len, 0, &e) == 0);
	OK(count == 100000000);
	OK(peak_kib() - before < 2048);
	/* with our header: XFL 0, OS 255 */
	packed.data[8] = 0;
	packed.data[9] = (char)255;
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT,
	    "more than 16777216 bytes");
	OK(peak_kib() - before < 2 * 16384);
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
		rc = send_all(gz_reader(failing_sink(sink_buf(&plain, &e),
		    steps), &e), packed.data, packed.len, 30000, &e);
		if (rc == -1)
			FAILS(rc == -1, ERR_SYS, "injected");
	}
	OK(steps > 3);
	OK(holds(&plain, data, len));
	free(data);
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
	lengths();
	reaching();
	marks();
	foreign_headers();
	others_read_ours();
	we_read_others();
	bombs();
	failing_steps();
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	return done();
}
