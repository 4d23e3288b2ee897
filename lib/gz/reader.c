/*
 * Any gzip, by zlib: it checks every field of the header, takes its input
 * in any pieces, and has read whatever a gzip could write for thirty years.
 */
#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "gz/gz.h"

#define PLAIN_BYTES ((size_t)128 << 10)
#define GZIP_ONLY (16 + MAX_WBITS)

enum reader_state {
	READER_EMPTY,   /* nothing seen yet */
	READER_MEMBER,  /* inside a member */
	READER_BETWEEN, /* after a whole member */
	READER_PADDING, /* zeros have begun: nothing else may follow */
};

struct reader {
	struct sink base;
	struct sink *next;
	enum reader_state state;
	z_stream z;
	unsigned char plain[PLAIN_BYTES];
};

/* Run zlib over what it was given, until it wants more or a member ends. */
static int
inflate_some(struct reader *r, struct err *e)
{
	int rc;

	do {
		r->z.next_out = r->plain;
		r->z.avail_out = PLAIN_BYTES;
		rc = inflate(&r->z, Z_NO_FLUSH);
		if (rc == Z_MEM_ERROR)
			return err_nomem(e);
		/* Z_BUF_ERROR: all is consumed and all was given out */
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return err_set(e, ERR_CORRUPT,
			    "the gzip data is damaged: %s",
			    r->z.msg != NULL ? r->z.msg : "no reason given");
		if (sink_write(r->next, r->plain,
		    PLAIN_BYTES - r->z.avail_out, e) == -1)
			return -1;
	} while (rc == Z_OK && (r->z.avail_in > 0 || r->z.avail_out == 0));
	if (rc == Z_STREAM_END)
		r->state = READER_BETWEEN;
	return 0;
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

static int
some(struct reader *r, struct err *e)
{
	if (r->state == READER_BETWEEN) {
		if (*r->z.next_in == 0) {
			r->state = READER_PADDING;
		} else if (*r->z.next_in != 0x1f) {
			return err_set(e, ERR_CORRUPT,
			    "there are bytes after the end of the gzip data");
		} else {
			inflateReset(&r->z);
			r->state = READER_MEMBER;
		}
	}
	if (r->state == READER_EMPTY)
		r->state = READER_MEMBER;
	return r->state == READER_PADDING ? padding(r, e) :
	    inflate_some(r, e);
}

static int
reader_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct reader *r = (struct reader *)s;
	const unsigned char *p = data;

	while (len > 0) {
		size_t n = len < UINT_MAX ? len : UINT_MAX;

		r->z.next_in = p;
		r->z.avail_in = (unsigned)n;
		if (some(r, e) == -1)
			return -1;
		n -= r->z.avail_in;
		p += n;
		len -= n;
	}
	return 0;
}

static int
reader_finish(struct sink *s, struct err *e)
{
	struct reader *r = (struct reader *)s;

	if (r->state == READER_EMPTY)
		return err_set(e, ERR_CORRUPT, "the gzip data is empty");
	if (r->state == READER_MEMBER)
		return err_set(e, ERR_CORRUPT, "the gzip data ends too early");
	return sink_finish(r->next, e);
}

static void
reader_free(struct sink *s)
{
	struct reader *r = (struct reader *)s;

	inflateEnd(&r->z);
	sink_free(r->next);
	free(r);
}

struct sink *
gz_reader(struct sink *next, struct err *e)
{
	static const struct sink_ops ops = { reader_write, reader_finish,
		reader_free };
	struct reader *r;

	if ((r = sink_stage(next, sizeof *r, e)) == NULL)
		return NULL;
	r->base.ops = &ops;
	r->next = next;
	if (inflateInit2(&r->z, GZIP_ONLY) != Z_OK) {
		err_nomem(e);
		reader_free(&r->base);
		return NULL;
	}
	return &r->base;
}
