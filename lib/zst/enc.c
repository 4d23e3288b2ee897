/*
 * Frames by libzstd. Measured as in gz/enc.c (the same rows, one core, blocks
 * of 1 MiB, the size against gzip -6): level 1 414 MB/s, 1.158; level 2
 * 411, 1.116; level 3 339, 1.055; level 6 115, 0.997; level 9 70, 0.968. All
 * unpack at 1550 to 1750 MB/s. So level 2 is the default: smaller than 1 at
 * the same speed.
 *
 * Level 1 is given what blocks of 1 MiB want: a hash table that fills a fair
 * part of a core's own cache and not just the nearest (128 KiB, libzstd would
 * take 64), and matches from 6 bytes on instead of 7. Measured on the archive of
 * a base backup (heap and index pages, 348 MB), MB/s and MB:
 *
 *	libzstd's level 1, 1 MiB blocks    474   98.5
 *	the same, as one stream (zstd -1)  440   97.6
 *	hash table 128 KiB, 6 bytes        471   94.6
 *	level 2 (256 KiB, 6 bytes)         450   94.0
 *	128 KiB, 5 bytes                   455   95.2
 *
 * Blocks of more than 1 MiB make it no smaller: 0.6 % with 16 MiB.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zstd.h>

#include "zst/zst.h"

#define BLOCK_LOG 24 /* of ZST_BLOCK_MAX */
#define FAST_HASH_LOG 15
#define FAST_MATCH 6

struct zst_enc {
	ZSTD_CCtx *zstd;
};

static bool
set(ZSTD_CCtx *zstd, ZSTD_cParameter name, int value)
{
	return !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, name, value));
}

/*
 * A window as wide as the block (zstd narrows it to what a block needs) makes
 * every frame a "single segment": no window field, whose bits could change
 * without anyone noticing, and no more memory than the plain bytes to read it.
 */
static bool
prepare(ZSTD_CCtx *zstd, int level)
{
	return set(zstd, ZSTD_c_compressionLevel, level) &&
	    (level > 1 || (set(zstd, ZSTD_c_hashLog, FAST_HASH_LOG) &&
	    set(zstd, ZSTD_c_minMatch, FAST_MATCH))) &&
	    set(zstd, ZSTD_c_windowLog, BLOCK_LOG) &&
	    set(zstd, ZSTD_c_contentSizeFlag, 1) &&
	    set(zstd, ZSTD_c_checksumFlag, 1);
}

struct zst_enc *
zst_enc_new(int level, struct err *e)
{
	struct zst_enc *enc;
	bool good;

	if (level < ZST_LEVEL_MIN || level > ZST_LEVEL_MAX) {
		err_set(e, ERR_USAGE, "zstd has no level %d, only %d to %d",
		    level, ZST_LEVEL_MIN, ZST_LEVEL_MAX);
		return NULL;
	}
	if ((enc = calloc(1, sizeof *enc)) == NULL ||
	    (enc->zstd = ZSTD_createCCtx()) == NULL) {
		err_nomem(e);
		zst_enc_free(enc);
		return NULL;
	}
	good = prepare(enc->zstd, level);
	assert(good);
	(void)good;
	return enc;
}

void
zst_enc_free(struct zst_enc *enc)
{
	if (enc == NULL)
		return;
	ZSTD_freeCCtx(enc->zstd);
	free(enc);
}

int
zst_enc_block(struct zst_enc *enc, const void *plain, size_t len,
    struct buf *out, struct err *e)
{
	size_t room = ZSTD_compressBound(len), n;

	assert(len <= ZST_BLOCK_MAX);
	if (buf_reserve(out, room, e) == -1)
		return -1;
	n = ZSTD_compress2(enc->zstd, out->data + out->len, room, plain, len);
	if (ZSTD_isError(n)) /* with room enough only memory can be short */
		return err_set(e, ERR_NOMEM, "could not compress: %s",
		    ZSTD_getErrorName(n));
	out->len += n;
	out->data[out->len] = '\0';
	return 0;
}
