/*
 * fuzz: a piece file, its marks, index and pieces. The index is proven by a
 * sum, which no mutation hits: so a second reading takes the input as
 * the index's text itself and gives it marks and sum.
 */
#include "fuzz.h"
#include "piece/piece.h"

static struct buf files[3];

static void
read_all(const void *data, size_t len)
{
	struct err e = ERR_INIT;
	struct blob *b = blob_mem(data, len, &e);
	struct piece_index *x = b == NULL ? NULL : piece_open(b, &e);
	struct piece_reader *r = x == NULL ? NULL : piece_reader_new(b, x, &e);
	struct sink *out = sink_null(&e);

	for (size_t i = 0; r != NULL && i < piece_count(x); i++) {
		struct err why = ERR_INIT;

		if (piece_read(r, piece_at(x, i), out, &why) == -1 &&
		    why.kind == ERR_NONE)
			abort(); /* a failure without an error */
	}
	if (x == NULL && e.kind == ERR_NONE)
		abort();
	sink_free(out);
	piece_reader_free(r);
	piece_index_free(x);
	blob_free(b);
}

/* "--:E", the input as index, "--:E" with its offset and sum. */
static void
read_as_index(const uint8_t *data, size_t len)
{
	struct buf file = BUF_INIT((size_t)4 << 20);
	struct err e = ERR_INIT;
	unsigned char mark[16];
	struct digest sum;

	memcpy(mark, "pgk piece file 1", sizeof mark);
	codec_mark(CODEC_NONE, mark, &file, &e);
	digest_of(data, len, &sum);
	memset(mark, 0, 8);
	mark[7] = (unsigned char)file.len;
	memcpy(mark + 8, sum.sum, 8);
	if (buf_add(&file, data, len, &e) == 0 &&
	    codec_mark(CODEC_NONE, mark, &file, &e) == 0)
		read_all(file.data, file.len);
	buf_free(&file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	read_all(data, len);
	if (len <= (size_t)1 << 20)
		read_as_index(data, len);
	return 0;
}

static void
make(struct buf *out, enum codec_kind kind)
{
	struct codec codec = { kind, kind == CODEC_NONE ? 0 : 1 };
	struct err e = ERR_INIT;
	struct piece_writer *w = piece_writer_new(sink_buf(out, &e), &codec,
	    &e);
	struct piece_maker *m = piece_maker_new(w, &e);
	struct piece spec = { .kind = PIECE_COPY, .schema = "public",
		.table = "t \n%" };

	piece_add_database(w, "shop", &e);
	piece_add_fact(w, "environment", "production", &e);
	for (unsigned i = 0; i < 3; i++) {
		piece_begin(m, &spec, &e);
		piece_write(m, "COPY t FROM stdin;\n1\n\\.\n", 24, &e);
		piece_put(m, 1, 19, &e);
	}
	piece_writer_finish(w, &e);
	piece_maker_free(m);
	piece_writer_free(w);
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static const char index[] = "--\n-- words\n--\n--:V 1 none\n"
	    "--:D shop\n--:M environment production\n--:T 0 0\n";
	size_t n = 0;

	for (; n < 3 && n < max; n++) {
		files[n] = (struct buf)BUF_INIT(BUF_TEXT_MAX);
		make(&files[n], n == 0 ? CODEC_GZIP : n == 1 ? CODEC_ZSTD :
		    CODEC_NONE);
		out[n] = (struct fuzz_seed){ files[n].data, files[n].len };
	}
	out[n++] = (struct fuzz_seed){ index, sizeof index - 1 };
	return n;
}
