/*
 * codec: any bytes as gzip and as zstd, on two threads and in two cuts: what
 * the parallel reader takes, the plain one takes with the same bytes; and so
 * it is with what a view shows of it.
 */
#define FUZZ_REPLAY_COUNT 3000
#include "fuzz.h"

#include "codec/codec.h"

#define OUT_MAX ((size_t)4 << 20)

static int
read_all(struct sink *(*make)(struct sink *, enum codec_kind, struct err *),
    enum codec_kind kind, const uint8_t *data, size_t len, size_t cut,
    struct buf *out)
{
	struct err e = ERR_INIT;
	struct sink *s = make(sink_buf(out, &e), kind, &e);
	int rc = 0;

	buf_reset(out);
	for (size_t at = 0; rc == 0 && at < len; at += cut)
		rc = sink_write(s, data + at, len - at < cut ? len - at : cut,
		    &e);
	if (rc == 0)
		rc = sink_finish(s, &e);
	sink_free(s);
	if (rc == -1 && e.kind != ERR_CORRUPT && e.kind != ERR_NOMEM)
		abort();
	return rc;
}

static struct sink *
two(struct sink *next, enum codec_kind kind, struct err *e)
{
	return codec_parallel_reader(next, kind, 2, e);
}

static struct sink *
one(struct sink *next, enum codec_kind kind, struct err *e)
{
	return codec_parallel_reader(next, kind, 1, e);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 ||
	    memcmp(a->data, b->data, a->len) == 0);
}

static int
fill(struct codec_view *v, uint64_t size, struct buf *out, struct err *e)
{
	while (out->len < size) {
		const void *part;
		size_t n;

		if (codec_view_at(v, out->len, &part, &n, e) == -1 ||
		    buf_add(out, part, n, e) == -1)
			return -1;
	}
	return 0;
}

/* Mapped, then read by a view. */
static int
view_all(enum codec_kind kind, const uint8_t *data, size_t len,
    struct buf *out)
{
	struct err e = ERR_INIT;
	struct codec_map *map = codec_map_new(&e);
	struct sink *s = codec_mapper(kind, map, &e);
	struct blob *b = blob_mem(data, len, &e);
	struct codec_view *v = codec_view_new(b, map, &e);
	uint64_t size;
	int rc = -1;

	buf_reset(out);
	if (sink_write(s, data, len, &e) == 0 && sink_finish(s, &e) == 0 &&
	    codec_view_size(v, &size, &e) == 0)
		rc = fill(v, size, out, &e);
	codec_view_free(v);
	blob_free(b);
	sink_free(s);
	codec_map_free(map);
	if (rc == -1 && e.kind != ERR_CORRUPT && e.kind != ERR_NOMEM)
		abort();
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct buf a = BUF_INIT(OUT_MAX), b = BUF_INIT(OUT_MAX);

	for (int k = CODEC_GZIP; k <= CODEC_ZSTD; k++) {
		enum codec_kind kind = (enum codec_kind)k;
		int rc = read_all(two, kind, data, len, len + 1, &a);

		if (read_all(one, kind, data, len, 61, &b) != rc ||
		    (rc == 0 && !same(&a, &b)))
			abort();
		if (rc == 0 && (read_all(codec_reader, kind, data, len,
		    len + 1, &b) == -1 || !same(&a, &b)))
			abort();
		if (view_all(kind, data, len, &b) == 0 && (rc == -1 ||
		    !same(&a, &b)))
			abort();
	}
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static struct buf seed[2] = { BUF_INIT(OUT_MAX), BUF_INIT(OUT_MAX) };
	static struct buf single[2] = { BUF_INIT(OUT_MAX), BUF_INIT(OUT_MAX) };
	static char text[5000];
	struct err e = ERR_INIT;

	(void)max;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "abcde\tfghij\n"[i * i % 7 + i % 6];
	for (int i = 0; i < 2; i++) {
		struct codec c = { i == 0 ? CODEC_GZIP : CODEC_ZSTD, 1 };
		struct codec_enc *enc = codec_enc_new(&c, &e);

		codec_enc_block(enc, text, sizeof text, &seed[i], &e);
		codec_enc_block(enc, text, 70, &seed[i], &e);
		codec_mark(c.kind, (const unsigned char *)text, &seed[i], &e);
		codec_enc_block(enc, "", 0, &seed[i], &e);
		codec_enc_block(enc, text, 700, &single[i], &e);
		codec_enc_free(enc);
		out[i] = (struct fuzz_seed){ seed[i].data, seed[i].len };
		/* what a view can show */
		out[2 + i] = (struct fuzz_seed){ single[i].data,
			single[i].len };
	}
	return 4;
}
