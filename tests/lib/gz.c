/* gz: what is gzip's own; the rest is in packed.c. */
#include "packing.h"

#define HEADER 20 /* with the length */
#define TRAILER 8
#define MEMBERS 3

/* Which byte of its member; *member_len is the whole's. */
static size_t
place(size_t at, size_t *member_len)
{
	size_t begin = 0, i = 0;

	for (; at >= part_ends[i]; i++)
		begin = part_ends[i];
	*member_len = part_ends[i] - begin;
	return at - begin;
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
	unsigned char *file = small_file("166", &len);
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
	buf_reset(&packed);
	gz_mark(data, &packed, &e);
	OK(read_all(packed.data, packed.len, 1) == 0);
	EQ(plain.len, 0);
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
}

/* A member of ours in all but its size: XFL 0, OS 255. */
static void
too_large(void)
{
	long before = peak_kib();

	OK(output(&packed, "head -c 100000000 /dev/zero | gzip -9n"));
	packed.data[8] = 0;
	packed.data[9] = (char)255;
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT,
	    "more than 16777216 bytes");
	OK(peak_kib() - before < 2 * 16384);
}

int
main(void)
{
	packing = &gzip;
	enter_dir();
	too_large(); /* first: later on the most memory tells nothing */
	flips();
	strict();
	lengths();
	reaching();
	foreign_headers();
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	return done();
}
