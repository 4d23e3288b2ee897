#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "zst/zst.h"

#define PLAIN_BYTES ((size_t)128 << 10)
#define MAGIC_SIZE 4

struct reader {
	struct sink base;
	struct sink *next;
	ZSTD_DCtx *zstd;
	bool inside;        /* a frame has begun and is not over */
	bool seen;          /* a frame that is not skippable was there */
	unsigned char magic[MAGIC_SIZE]; /* of the present frame */
	size_t magic_len;
	unsigned char plain[PLAIN_BYTES];
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

static int
reader_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct reader *r = (struct reader *)s;
	ZSTD_inBuffer in = { data, len, 0 };
	bool full = false;

	/* a full buffer may leave plain bytes behind inside zstd */
	while (in.pos < in.size || full) {
		ZSTD_outBuffer out = { r->plain, PLAIN_BYTES, 0 };
		size_t rc;

		peek(r, &in);
		rc = ZSTD_decompressStream(r->zstd, &out, &in);
		if (ZSTD_isError(rc))
			return fail(rc, e);
		if (sink_write(r->next, r->plain, out.pos, e) == -1)
			return -1;
		r->inside = rc != 0;
		if (!r->inside)
			r->magic_len = 0;
		full = r->inside && out.pos == out.size;
	}
	return 0;
}

static int
reader_finish(struct sink *s, struct err *e)
{
	struct reader *r = (struct reader *)s;

	if (r->inside)
		return err_set(e, ERR_CORRUPT, "the zstd data ends too early");
	if (!r->seen)
		return err_set(e, ERR_CORRUPT, "no zstd frame at all");
	return sink_finish(r->next, e);
}

static void
reader_free(struct sink *s)
{
	struct reader *r = (struct reader *)s;

	ZSTD_freeDCtx(r->zstd);
	sink_free(r->next);
	free(r);
}

struct sink *
zst_reader(struct sink *next, struct err *e)
{
	static const struct sink_ops ops = { reader_write, reader_finish,
		reader_free };
	struct reader *r;

	if ((r = sink_stage(next, sizeof *r, e)) == NULL)
		return NULL;
	r->base.ops = &ops;
	r->next = next;
	if ((r->zstd = ZSTD_createDCtx()) == NULL ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(r->zstd,
	    ZSTD_d_windowLogMax, ZST_WINDOW_LOG_MAX))) {
		err_nomem(e);
		reader_free(&r->base);
		return NULL;
	}
	return &r->base;
}
