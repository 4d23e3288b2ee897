#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "zst/zst.h"

#define MAGIC_SIZE 4
#define HEADER_MAX 9 /* of ours; none is shorter with its first block */

/* RFC 8878 3.1.1.1.1: what the byte after the magic says. */
#define SINGLE_SEGMENT 0x20
#define CHECKSUM 0x04
#define SIZE_SHIFT 6

/* 3.1.1.2: the three bytes before a block; zstd makes 1568 a MiB at most. */
#define BLOCK_HEADER 3
#define BLOCK_LAST 1
#define BLOCK_RLE 1
#define BLOCKS_MAX 4096

#define CHECKSUM_SIZE 4

struct zst_dec {
	ZSTD_DCtx *zstd;
	unsigned char *plain; /* one frame's */
	size_t room;          /* at most ZST_BLOCK_MAX */
};

struct zst_dec *
zst_dec_new(struct err *e)
{
	struct zst_dec *dec = calloc(1, sizeof *dec);

	if (dec == NULL || (dec->zstd = ZSTD_createDCtx()) == NULL) {
		err_nomem(e);
		zst_dec_free(dec);
		return NULL;
	}
	return dec;
}

void
zst_dec_free(struct zst_dec *dec)
{
	if (dec == NULL)
		return;
	ZSTD_freeDCtx(dec->zstd);
	free(dec->plain);
	free(dec);
}

static int
make_room(struct zst_dec *dec, size_t room, struct err *e)
{
	unsigned char *plain;

	if (room <= dec->room && dec->plain != NULL)
		return 0;
	if ((plain = malloc(room > 0 ? room : 1)) == NULL)
		return err_nomem(e);
	free(dec->plain);
	dec->plain = plain;
	dec->room = room;
	return 0;
}

static bool
is_skippable(const unsigned char *in, size_t len)
{
	return len >= MAGIC_SIZE && (in[0] & 0xf0) == 0x50 &&
	    memcmp(in + 1, "\x2a\x4d\x18", 3) == 0;
}

/*
 * The one header we write for this size: decoders pass over some bits in it
 * (the unused one) and take other encodings of the same size.
 */
static unsigned
descriptor(uint64_t size)
{
	unsigned code = size < 256 ? 0 : size < 65536 + 256 ? 1 : 2;

	return code << SIZE_SHIFT | SINGLE_SEGMENT | CHECKSUM;
}

/* One frame that fills in[0..len). */
static int
frame(struct zst_dec *dec, const unsigned char *in, size_t len,
    struct sink *out, struct err *e)
{
	unsigned long long size = ZSTD_getFrameContentSize(in, len);
	size_t n;

	if (size == ZSTD_CONTENTSIZE_ERROR ||
	    size == ZSTD_CONTENTSIZE_UNKNOWN ||
	    memcmp(in, "\x28\xb5\x2f\xfd", MAGIC_SIZE) != 0 ||
	    in[MAGIC_SIZE] != descriptor(size))
		return err_set(e, ERR_CORRUPT,
		    "no zstd frame of pgk's where one should begin");
	if (size > ZST_BLOCK_MAX)
		return err_set(e, ERR_CORRUPT,
		    "a zstd frame holds more than %zu bytes", ZST_BLOCK_MAX);
	if (make_room(dec, (size_t)size, e) == -1)
		return -1;
	n = ZSTD_decompressDCtx(dec->zstd, dec->plain, dec->room, in, len);
	if (ZSTD_isError(n))
		return err_set(e, ERR_CORRUPT, "the zstd data is damaged: %s",
		    ZSTD_getErrorName(n));
	if (n != size)
		return err_set(e, ERR_CORRUPT,
		    "the size of a zstd frame does not match");
	return sink_write(out, dec->plain, n, e);
}

int
zst_dec_blocks(struct zst_dec *dec, const void *in, size_t len,
    struct sink *out, struct err *e)
{
	const unsigned char *p = in;

	if (len == 0)
		return err_set(e, ERR_CORRUPT, "no zstd frame at all");
	while (len > 0) {
		size_t n = ZSTD_findFrameCompressedSize(p, len);

		if (ZSTD_isError(n))
			return err_set(e, ERR_CORRUPT,
			    "the zstd data is damaged: %s",
			    ZSTD_getErrorName(n));
		assert(n > 0 && n <= len);
		if (!is_skippable(p, n) && frame(dec, p, n, out, e) == -1)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

/* The size of the header of a frame of ours, or 0; needs HEADER_MAX bytes. */
static size_t
header(const unsigned char *p, size_t max)
{
	static const size_t sizes[] = { 1, 2, 4 };
	unsigned code = p[MAGIC_SIZE] >> SIZE_SHIFT;
	unsigned long long size = ZSTD_getFrameContentSize(p, HEADER_MAX);

	/* one that is not known is more than any max */
	if (memcmp(p, "\x28\xb5\x2f\xfd", MAGIC_SIZE) != 0 || size > max ||
	    p[MAGIC_SIZE] != descriptor(size))
		return 0;
	return MAGIC_SIZE + 1 + sizes[code];
}

/* From block to block, whose headers tell their length. */
size_t
zst_reach(const void *in, size_t len, size_t max, bool *whole)
{
	const unsigned char *p = in;
	size_t at;

	*whole = false;
	if (len < HEADER_MAX)
		return HEADER_MAX;
	if ((at = header(p, max)) == 0)
		return 0;
	for (unsigned count = 0; count < BLOCKS_MAX; count++) {
		const unsigned char *b = p + at;
		size_t size;

		if (len < at + BLOCK_HEADER)
			return at + BLOCK_HEADER;
		size = (size_t)(b[0] >> 3) | (size_t)b[1] << 5 |
		    (size_t)b[2] << 13;
		at += BLOCK_HEADER +
		    ((b[0] >> 1 & 3) == BLOCK_RLE ? 1 : size);
		if (b[0] & BLOCK_LAST) {
			*whole = len >= at + CHECKSUM_SIZE;
			return at + CHECKSUM_SIZE;
		}
	}
	return 0;
}
