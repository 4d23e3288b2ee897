#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "zst/zst.h"

#define MAGIC_SIZE 4

/* RFC 8878 3.1.1.1.1: what the byte after the magic says. */
#define SINGLE_SEGMENT 0x20
#define CHECKSUM 0x04
#define SIZE_SHIFT 6

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
