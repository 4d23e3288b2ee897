#include <stdlib.h>

#include "codec/codec.h"
#include "gz/gz.h"
#include "zst/zst.h"

/* Of the pointers the one of the kind is set; none for CODEC_NONE. */
struct codec_enc {
	enum codec_kind kind;
	struct gz_enc *gz;
	struct zst_enc *zst;
};

struct codec_dec {
	enum codec_kind kind;
	struct gz_dec *gz;
	struct zst_dec *zst;
};

struct codec_enc *
codec_enc_new(const struct codec *codec, struct err *e)
{
	struct codec_enc *enc = calloc(1, sizeof *enc);

	if (enc == NULL) {
		err_nomem(e);
		return NULL;
	}
	enc->kind = codec->kind;
	if ((enc->kind == CODEC_GZIP &&
	    (enc->gz = gz_enc_new(codec->level, e)) == NULL) ||
	    (enc->kind == CODEC_ZSTD &&
	    (enc->zst = zst_enc_new(codec->level, e)) == NULL)) {
		codec_enc_free(enc);
		return NULL;
	}
	return enc;
}

int
codec_enc_block(struct codec_enc *enc, const void *plain, size_t len,
    struct buf *out, struct err *e)
{
	switch (enc->kind) {
	case CODEC_GZIP:
		return gz_enc_block(enc->gz, plain, len, out, e);
	case CODEC_ZSTD:
		return zst_enc_block(enc->zst, plain, len, out, e);
	case CODEC_NONE:
		break;
	}
	return buf_add(out, plain, len, e);
}

void
codec_enc_free(struct codec_enc *enc)
{
	if (enc == NULL)
		return;
	gz_enc_free(enc->gz);
	zst_enc_free(enc->zst);
	free(enc);
}

struct codec_dec *
codec_dec_new(enum codec_kind kind, struct err *e)
{
	struct codec_dec *dec = calloc(1, sizeof *dec);

	if (dec == NULL) {
		err_nomem(e);
		return NULL;
	}
	dec->kind = kind;
	if ((kind == CODEC_GZIP && (dec->gz = gz_dec_new(e)) == NULL) ||
	    (kind == CODEC_ZSTD && (dec->zst = zst_dec_new(e)) == NULL)) {
		codec_dec_free(dec);
		return NULL;
	}
	return dec;
}

int
codec_dec_blocks(struct codec_dec *dec, const void *in, size_t len,
    struct sink *out, struct err *e)
{
	switch (dec->kind) {
	case CODEC_GZIP:
		return gz_dec_blocks(dec->gz, in, len, out, e);
	case CODEC_ZSTD:
		return zst_dec_blocks(dec->zst, in, len, out, e);
	case CODEC_NONE:
		break;
	}
	return sink_write(out, in, len, e);
}

void
codec_dec_free(struct codec_dec *dec)
{
	if (dec == NULL)
		return;
	gz_dec_free(dec->gz);
	zst_dec_free(dec->zst);
	free(dec);
}

size_t
codec_reach(enum codec_kind kind, const void *in, size_t len, bool *whole)
{
	return kind == CODEC_GZIP ? gz_reach(in, len, CODEC_BLOCK, whole) :
	    zst_reach(in, len, CODEC_BLOCK, whole);
}
