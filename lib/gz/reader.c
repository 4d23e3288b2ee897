/*
 * Any gzip, by zlib: it checks every field of the header, takes its input
 * in any pieces, and has read whatever a gzip could write for thirty years.
 */
#include <limits.h>

#define ZLIB_CONST
#include <zlib.h>

#include "gz/gz.h"

#define GZIP_ONLY (16 + MAX_WBITS)

enum reader_state {
	READER_EMPTY,   /* nothing seen yet */
	READER_MEMBER,  /* inside a member */
	READER_BETWEEN, /* after a whole member */
	READER_PADDING, /* zeros have begun: nothing else may follow */
};

struct reader {
	struct sink_decoder base;
	enum reader_state state;
	z_stream z;
};

/* Run zlib over what it was given: 1 when it has more to give, 0, -1. */
static int
inflate_some(struct reader *r, size_t *got, struct err *e)
{
	int rc;

	r->z.next_out = r->base.plain;
	r->z.avail_out = SINK_DECODER_PLAIN;
	rc = inflate(&r->z, Z_NO_FLUSH);
	if (rc == Z_MEM_ERROR)
		return err_nomem(e);
	/* Z_BUF_ERROR: all is consumed and all was given out */
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return err_set(e, ERR_CORRUPT, "the gzip data is damaged: %s",
		    r->z.msg != NULL ? r->z.msg : "no reason given");
	if (rc == Z_STREAM_END)
		r->state = READER_BETWEEN;
	*got = SINK_DECODER_PLAIN - r->z.avail_out;
	return rc == Z_OK && r->z.avail_out == 0;
}

static int
padding(struct reader *r, struct err *e)
{
	for (; r->z.avail_in > 0; r->z.avail_in--, r->z.next_in++)
		if (*r->z.next_in != 0)
			return err_set(e, ERR_CORRUPT,
			    "there are bytes after the end of the gzip data");
	return 0;
}

/* Where a member ends, at its first byte behind. */
static int
between(struct reader *r, struct err *e)
{
	if (*r->z.next_in == 0) {
		r->state = READER_PADDING;
		return 0;
	}
	if (*r->z.next_in != 0x1f)
		return err_set(e, ERR_CORRUPT,
		    "there are bytes after the end of the gzip data");
	inflateReset(&r->z);
	r->state = READER_MEMBER;
	return 0;
}

static int
reader_decode(struct sink_decoder *d, const void *in, size_t len,
    size_t *used, size_t *got, struct err *e)
{
	struct reader *r = (struct reader *)d;
	size_t n = len < UINT_MAX ? len : UINT_MAX;
	int rc;

	r->z.next_in = in;
	r->z.avail_in = (unsigned)n;
	if (r->state == READER_BETWEEN && between(r, e) == -1)
		return -1;
	if (r->state == READER_EMPTY)
		r->state = READER_MEMBER;
	rc = r->state == READER_PADDING ? padding(r, e) :
	    inflate_some(r, got, e);
	*used = n - r->z.avail_in;
	return rc;
}

static int
reader_end(struct sink_decoder *d, struct err *e)
{
	struct reader *r = (struct reader *)d;

	if (r->state == READER_EMPTY)
		return err_set(e, ERR_CORRUPT, "the gzip data is empty");
	if (r->state == READER_MEMBER)
		return err_set(e, ERR_CORRUPT, "the gzip data ends too early");
	return 0;
}

static void
reader_release(struct sink_decoder *d)
{
	inflateEnd(&((struct reader *)d)->z);
}

struct sink *
gz_reader(struct sink *next, struct err *e)
{
	static const struct sink_decoder_ops ops = { reader_decode,
		reader_end, reader_release };
	struct reader *r = sink_decoder(next, sizeof *r, &ops, e);

	if (r == NULL)
		return NULL;
	if (inflateInit2(&r->z, GZIP_ONLY) != Z_OK) {
		err_nomem(e);
		sink_free(&r->base.base);
		return NULL;
	}
	return &r->base.base;
}
