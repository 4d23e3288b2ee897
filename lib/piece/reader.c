#include <stdlib.h>
#include <string.h>

#include "piece/piece_int.h"

/*
 * Up to this many stored bytes are held in memory, proven and then unpacked;
 * a larger piece (one giant row) is read twice, to prove it and to unpack it.
 */
#define HOLD_MAX ((size_t)16 << 20)

struct piece_reader {
	struct blob *blob;
	const struct piece_index *index;
	struct codec_dec *dec;
	struct buf stored;
};

struct piece_reader *
piece_reader_new(struct blob *b, const struct piece_index *x, struct err *e)
{
	struct piece_reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_nomem(e);
		return NULL;
	}
	r->blob = b;
	r->index = x;
	r->stored.max = HOLD_MAX;
	if ((r->dec = codec_dec_new(piece_codec(x), e)) == NULL) {
		piece_reader_free(r);
		return NULL;
	}
	return r;
}

void
piece_reader_free(struct piece_reader *r)
{
	if (r == NULL)
		return;
	codec_dec_free(r->dec);
	buf_free(&r->stored);
	free(r);
}

static int
check_sum(const struct piece *p, const struct digest *d, struct err *e)
{
	if (digest_same(&p->sum, d))
		return 0;
	if (p->kind == PIECE_COPY)
		return err_set(e, ERR_CORRUPT, "the rows of table \"%s\"."
		    "\"%s\" at byte %llu of the file are damaged", p->schema,
		    p->table, (unsigned long long)p->off);
	return err_set(e, ERR_CORRUPT, "the %s part at byte %llu of the file "
	    "is damaged", piece_kind_words[p->kind],
	    (unsigned long long)p->off);
}

static int
read_held(struct piece_reader *r, const struct piece *p, struct sink *out,
    struct err *e)
{
	struct digest d;

	buf_reset(&r->stored);
	if (buf_reserve(&r->stored, (size_t)p->len, e) == -1 ||
	    blob_read(r->blob, p->off, r->stored.data, (size_t)p->len, e) ==
	    -1)
		return -1;
	digest_of(r->stored.data, (size_t)p->len, &d);
	if (check_sum(p, &d, e) == -1)
		return -1;
	return codec_dec_blocks(r->dec, r->stored.data, (size_t)p->len, out,
	    e);
}

static int
read_twice(struct piece_reader *r, const struct piece *p, struct sink *out,
    struct err *e)
{
	struct digest d;
	struct sink *s = digest_tee(sink_null(e), &d, e);
	int rc = -1;

	if (s == NULL || blob_send(r->blob, p->off, p->len, s, e) == -1 ||
	    sink_finish(s, e) == -1 || check_sum(p, &d, e) == -1)
		goto done;
	sink_free(s);
	s = codec_reader(sink_keep(out, e), piece_codec(r->index), e);
	if (s == NULL || blob_send(r->blob, p->off, p->len, s, e) == -1)
		goto done;
	rc = sink_finish(s, e);
done:
	sink_free(s);
	return rc;
}

int
piece_read(struct piece_reader *r, const struct piece *p, struct sink *out,
    struct err *e)
{
	uint64_t plain;
	struct sink *s = sink_count(sink_keep(out, e), &plain, e);
	int rc;

	if (s == NULL)
		return -1;
	rc = p->len <= HOLD_MAX ? read_held(r, p, s, e) :
	    read_twice(r, p, s, e);
	if (rc == 0 && plain != p->plain)
		rc = err_set(e, ERR_CORRUPT, "the %s part at byte %llu of "
		    "the file has another size than its index says",
		    piece_kind_words[p->kind], (unsigned long long)p->off);
	sink_free(s);
	return rc;
}
