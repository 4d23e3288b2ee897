/* zst: what is zstd's own; the rest is in packed.c. */
#include "packing.h"

#define SKIPPABLE_EMPTY "\x5f\x2a\x4d\x18\0\0\0\0"

/*
 * What passes never changes the plain bytes. Of the decoder of blocks, no bit
 * of a frame's header and checksum passes; a mark is a skippable frame with
 * content of any kind, and four bits of its magic say nothing.
 */
static void
flips(void)
{
	size_t len;
	unsigned char *file = small_file("1m9", &len);
	const size_t first_end = part_ends[0], mark_end = part_ends[1];
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
}

/* Frames that are not ours, and ask for too much. */
static void
too_wide(void)
{
	/* one frame that says it holds 2^62 bytes */
	static const char huge[] =
	    "\x28\xb5\x2f\xfd\xe4\0\0\0\0\0\0\0\x40\x01\0\0\0\0\0\0";
	unsigned char *data;

	FAILS(unpack(huge, sizeof huge - 1) == -1, ERR_CORRUPT, "zstd");
	FAILS(read_all(huge, sizeof huge - 1, 0) == -1, ERR_CORRUPT,
	    "128 MiB");
	if (!have("zstd"))
		return;
	OK(output(&packed, "head -c 100000000 /dev/zero | zstd -qc -3"));
	FAILS(unpack(packed.data, packed.len) == -1, ERR_CORRUPT, "pgk's");
	data = rows(700001);
	put_file("f", data, 700001);
	free(data);
	/* of unknown length, so that the window is kept */
	OK(output(&packed, "zstd -qc --ultra --long=28 <f"));
	FAILS(read_all(packed.data, packed.len, 0) == -1, ERR_CORRUPT,
	    "more than 128 MiB");
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

/* Single segment, checksum, one byte; then endless empty blocks. */
static void
endless(void)
{
	bool whole = false;

	buf_reset(&packed);
	buf_add(&packed, "\x28\xb5\x2f\xfd\x24\1", 6, &e);
	for (int i = 0; i < 100000; i++)
		buf_add(&packed, "\0\0\0", 3, &e);
	EQ(zst_reach(packed.data, packed.len, 5000, &whole), 0);
	OK(!whole);
}

int
main(void)
{
	packing = &zstd;
	enter_dir();
	flips();
	strict();
	too_wide();
	too_large();
	endless();
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	return done();
}
