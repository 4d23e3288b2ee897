#include <stdbool.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "zst/zst.h"

#define MAGIC_SIZE 4

struct reader {
	struct sink_decoder base;
	ZSTD_DCtx *zstd;
	bool inside;        /* a frame has begun and is not over */
	bool seen;          /* a frame that is not skippable was there */
	unsigned char magic[MAGIC_SIZE]; /* of the present frame */
	size_t magic_len;
};

static int
fail(size_t code, struct err *e)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation:
		return err_nomem(e);
	case ZSTD_error_frameParameter_windowTooLarge:
		return err_set(e, ERR_CORRUPT, "the zstd data needs a window "
		    "of more than %zu MiB", (size_t)1 << (ZST_WINDOW_LOG_MAX -
		    20));
	case ZSTD_error_prefix_unknown:
		return err_set(e, ERR_CORRUPT, "there are bytes that are "
		    "no zstd frame where one should begin");
	default:
		return err_set(e, ERR_CORRUPT, "the zstd data is damaged: %s",
		    ZSTD_getErrorName(code));
	}
}

/* See the first bytes of each frame go by, to know which kind it is. */
static void
peek(struct reader *r, const ZSTD_inBuffer *in)
{
	size_t n = MAGIC_SIZE - r->magic_len;

	if (n > in->size - in->pos)
		n = in->size - in->pos;
	memcpy(r->magic + r->magic_len, (const char *)in->src + in->pos, n);
	r->magic_len += n;
	if (r->magic_len == MAGIC_SIZE && ((r->magic[0] & 0xf0) != 0x50 ||
	    memcmp(r->magic + 1, "\x2a\x4d\x18", MAGIC_SIZE - 1) != 0))
		r->seen = true;
}

/* A full buffer may leave plain bytes behind inside zstd. */
static int
reader_decode(struct sink_decoder *d, const void *data, size_t len,
    size_t *used, size_t *got, struct err *e)
{
	struct reader *r = (struct reader *)d;
	ZSTD_inBuffer in = { data, len, 0 };
	ZSTD_outBuffer out = { d->plain, SINK_DECODER_PLAIN, 0 };
	size_t rc;

	peek(r, &in);
	rc = ZSTD_decompressStream(r->zstd, &out, &in);
	if (ZSTD_isError(rc))
		return fail(rc, e);
	r->inside = rc != 0;
	if (!r->inside)
		r->magic_len = 0;
	*used = in.pos;
	*got = out.pos;
	return r->inside && out.pos == out.size;
}

static int
reader_end(struct sink_decoder *d, struct err *e)
{
	struct reader *r = (struct reader *)d;

	if (r->inside)
		return err_set(e, ERR_CORRUPT, "the zstd data ends too early");
	if (!r->seen)
		return err_set(e, ERR_CORRUPT, "no zstd frame at all");
	return 0;
}

static void
reader_release(struct sink_decoder *d)
{
	ZSTD_freeDCtx(((struct reader *)d)->zstd);
}

struct sink *
zst_reader(struct sink *next, struct err *e)
{
	static const struct sink_decoder_ops ops = { reader_decode,
		reader_end, reader_release };
	struct reader *r = sink_decoder(next, sizeof *r, &ops, e);

	if (r == NULL)
		return NULL;
	if ((r->zstd = ZSTD_createDCtx()) == NULL ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(r->zstd,
	    ZSTD_d_windowLogMax, ZST_WINDOW_LOG_MAX))) {
		err_nomem(e);
		sink_free(&r->base.base);
		return NULL;
	}
	return &r->base.base;
}
