/*
 * piece: what is written is read back, by psql's eyes and by the index; every
 * cut and every flipped bit is found.
 */
#include <pthread.h>
#include <stdlib.h>

#include "piece/piece.h"
#include "tap.h"

#define ROW "4711\tsome text that is like any other\n"

static const enum codec_kind kinds[] = { CODEC_GZIP, CODEC_ZSTD, CODEC_NONE };

static struct codec
codec_of(enum codec_kind kind)
{
	return (struct codec){ kind, kind == CODEC_NONE ? 0 : 1 };
}

static int
put(struct piece_maker *m, const struct piece *spec, const char *head,
    unsigned rows, struct err *e)
{
	if (piece_begin(m, spec, e) == -1 ||
	    piece_write(m, head, strlen(head), e) == -1)
		return -1;
	for (unsigned i = 0; i < rows; i++)
		if (piece_write(m, ROW, strlen(ROW), e) == -1)
			return -1;
	return piece_put(m, rows, rows > 0 ? (uint32_t)strlen(head) : 0, e);
}

/* A small file with every kind of piece and an unpleasant name. */
static int
make(enum codec_kind kind, unsigned rows, struct buf *out, struct err *e)
{
	struct codec codec = codec_of(kind);
	struct piece_writer *w = piece_writer_new(sink_buf(out, e), &codec, e);
	struct piece_maker *m = w == NULL ? NULL : piece_maker_new(w, e);
	struct piece spec = { .kind = PIECE_GLOBALS };
	int rc = -1;

	if (m == NULL || put(m, &spec, "-- globals\n", 0, e) == -1 ||
	    piece_add_database(w, "shop\n; DROP", e) != 0 ||
	    piece_add_fact(w, "environment", "production", e) == -1)
		goto done;
	spec.kind = PIECE_PRE;
	if (put(m, &spec, "CREATE TABLE t ();\n", 0, e) == -1)
		goto done;
	spec = (struct piece){ .kind = PIECE_COPY, .schema = "public",
		.table = "t %\n\\." };
	if (put(m, &spec, "COPY t FROM stdin;\n", rows, e) == -1 ||
	    put(m, &spec, "COPY t FROM stdin;\n", rows, e) == -1)
		goto done;
	spec = (struct piece){ .kind = PIECE_POST };
	if (put(m, &spec, "CREATE INDEX i ON t;\n", 0, e) == -1)
		goto done;
	rc = piece_writer_finish(w, e);
done:
	piece_maker_free(m);
	piece_writer_free(w);
	return rc;
}

/* Read everything the file holds, as a restore would. */
static int
read_all(const void *data, size_t len, struct buf *out, struct err *e)
{
	struct blob *b = blob_mem(data, len, e);
	struct piece_index *x = b == NULL ? NULL : piece_open(b, e);
	struct piece_reader *r = x == NULL ? NULL : piece_reader_new(b, x, e);
	struct sink *s = sink_buf(out, e);
	int rc = r == NULL || s == NULL ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < piece_count(x); i++)
		rc = piece_read(r, piece_at(x, i), s, e);
	sink_free(s);
	piece_reader_free(r);
	piece_index_free(x);
	blob_free(b);
	return rc;
}

static void
test_round_trip(enum codec_kind kind)
{
	struct buf file = BUF_INIT(BUF_TEXT_MAX), plain = BUF_INIT(BUF_TEXT_MAX);
	struct buf script = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	struct blob *b;
	struct piece_index *x;
	struct sink *s;

	EQ(make(kind, 3, &file, &e), 0);
	b = blob_mem(file.data, file.len, &e);
	x = piece_open(b, &e);
	OK(x != NULL);
	EQ(piece_count(x), 5);
	EQ(piece_databases(x), 1);
	IS(piece_database(x, 0), "shop\n; DROP");
	IS(piece_database(x, 1), NULL);
	IS(piece_fact(x, "environment"), "production");
	IS(piece_fact(x, "host"), NULL);
	EQ(piece_codec(x), kind);
	EQ(piece_at(x, 2)->kind, PIECE_COPY);
	EQ(piece_at(x, 2)->rows, 3);
	EQ(piece_at(x, 2)->head, strlen("COPY t FROM stdin;\n"));
	IS(piece_at(x, 2)->table, "t %\n\\.");
	IS(piece_at(x, 2)->schema, "public");
	EQ(piece_at(x, 1)->kind, PIECE_PRE);
	EQ(read_all(file.data, file.len, &plain, &e), 0);

	/* the file as psql sees it: the pieces, and comments around them */
	s = codec_reader(sink_buf(&script, &e), kind, &e);
	EQ(sink_write(s, file.data, file.len, &e), 0);
	EQ(sink_finish(s, &e), 0);
	sink_free(s);
	OK(memmem(script.data, script.len, plain.data, plain.len) != NULL);
	OK(strstr(script.data, "\n--:T 5 ") != NULL);

	piece_index_free(x);
	blob_free(b);
	buf_free(&script);
	buf_free(&plain);
	buf_free(&file);
}

/* Found means damaged; with even the first mark cut, not one of ours. */
static bool
is_found(const void *data, size_t len)
{
	bool cut = len < 2 * codec_mark_size(CODEC_NONE);
	struct buf plain = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	int rc = read_all(data, len, &plain, &e);

	buf_free(&plain);
	return rc == -1 && (e.kind == ERR_CORRUPT ||
	    (cut && e.kind == ERR_ABSENT));
}

static void
test_damage(enum codec_kind kind)
{
	struct buf file = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	unsigned missed = 0, wrong_kind = 0;

	EQ(make(kind, 2, &file, &e), 0);
	for (size_t n = 0; n < file.len; n++)
		missed += !is_found(file.data, n);
	EQ(missed, 0);
	for (size_t i = 0; i < file.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			file.data[i] ^= (char)(1 << bit);
			missed += !is_found(file.data, file.len);
			file.data[i] ^= (char)(1 << bit);
		}
	EQ(missed, 0);
	EQ(buf_str(&file, "x", &e), 0);
	OK(is_found(file.data, file.len));
	file.len--;

	/* any cut behind the first mark is said to be damage, not absence */
	for (size_t n = codec_mark_size(kind); n < file.len; n++) {
		struct blob *b = blob_mem(file.data, n, &e);
		struct piece_index *x = piece_open(b, &e);

		wrong_kind += x != NULL || e.kind != ERR_CORRUPT;
		err_clear(&e);
		piece_index_free(x);
		blob_free(b);
	}
	EQ(wrong_kind, 0);
	buf_free(&file);
}

static void
test_not_ours(void)
{
	static const char text[] = "-- PostgreSQL database dump\nSELECT 1;\n"
	    "-- and so on, long enough to hold two marks of any kind ......"
	    "...............................................................";
	struct err e = ERR_INIT;
	struct blob *b = blob_mem(text, sizeof text - 1, &e);

	FAILS(piece_open(b, &e) == NULL, ERR_ABSENT, "no index");
	blob_free(b);
	b = blob_mem(text, 0, &e);
	FAILS(piece_open(b, &e) == NULL, ERR_ABSENT, "no index");
	blob_free(b);
}

/* many threads, one file */

struct crew {
	struct piece_writer *w;
	struct err e;
};

static void *
work(void *arg)
{
	struct crew *c = arg;
	struct piece_maker *m = piece_maker_new(c->w, &c->e);
	struct piece spec = { .kind = PIECE_COPY, .schema = "s",
		.table = "t" };

	for (unsigned i = 0; m != NULL && i < 20; i++)
		if (put(m, &spec, "COPY s.t FROM stdin;\n", 60000, &c->e) ==
		    -1)
			break;
	piece_maker_free(m);
	return NULL;
}

static void
test_threads(void)
{
	struct buf file = BUF_INIT((size_t)1 << 30);
	struct codec codec = codec_of(CODEC_ZSTD);
	struct err e = ERR_INIT;
	struct crew crew[4];
	pthread_t threads[4];
	struct piece_writer *w = piece_writer_new(sink_buf(&file, &e), &codec,
	    &e);
	struct blob *b;
	struct piece_index *x;
	struct piece_reader *r;
	uint64_t rows = 0, total = 0, plain = 0;

	EQ(piece_add_database(w, "d", &e), 0);
	for (unsigned i = 0; i < 4; i++) {
		crew[i] = (struct crew){ w, ERR_INIT };
		pthread_create(&threads[i], NULL, work, &crew[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EQ(crew[i].e.kind, ERR_NONE);
	}
	EQ(piece_writer_finish(w, &e), 0);
	total = piece_writer_plain(w);
	piece_writer_free(w);
	b = blob_mem(file.data, file.len, &e);
	x = piece_open(b, &e);
	r = piece_reader_new(b, x, &e);
	for (size_t i = 0; i < piece_count(x); i++) {
		struct sink *s = sink_count(sink_null(&e), &plain, &e);

		rows += piece_at(x, i)->rows;
		if (piece_read(r, piece_at(x, i), s, &e) == 0)
			total -= plain;
		sink_free(s);
	}
	EQ(piece_count(x), 80);
	EQ(rows, 80 * 60000);
	EQ(total, 0);
	piece_reader_free(r);
	piece_index_free(x);
	blob_free(b);
	buf_free(&file);
}

/* a sink that fails at the n-th write */

struct failing {
	struct sink base;
	unsigned left;
};

static int
failing_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct failing *f = (struct failing *)s;

	(void)data;
	(void)len;
	if (f->left-- == 0)
		return err_set(e, ERR_SYS, "no space");
	return 0;
}

static int
failing_finish(struct sink *s, struct err *e)
{
	return failing_write(s, "", 0, e);
}

static void
failing_free(struct sink *s)
{
	free(s);
}

static int
write_failing(unsigned at, struct err *e)
{
	static const struct sink_ops ops = { failing_write, failing_finish,
		failing_free };
	struct failing *f = malloc(sizeof *f);
	struct codec codec = codec_of(CODEC_GZIP);
	struct piece spec = { .kind = PIECE_COPY, .schema = "s",
		.table = "t" };
	struct piece_writer *w;
	struct piece_maker *m;
	int rc = -1;

	*f = (struct failing){ { &ops }, at };
	if ((w = piece_writer_new(&f->base, &codec, e)) == NULL)
		return -1;
	m = piece_maker_new(w, e);
	if (piece_add_database(w, "d", e) == 0 &&
	    put(m, &spec, "COPY;\n", 2, e) == 0 &&
	    put(m, &spec, "COPY;\n", 2, e) == 0)
		rc = piece_writer_finish(w, e);
	piece_maker_free(m);
	piece_writer_free(w);
	return rc;
}

static void
test_failing(void)
{
	struct err e = ERR_INIT;
	unsigned at = 0;

	while (write_failing(at, &e) == -1 && at < 100) {
		FAILS(e.kind != ERR_NONE, ERR_SYS, "no space");
		at++;
	}
	EQ(at, 6); /* mark, 2 pieces, index, mark, finish */
}

/* a piece larger than what is held in memory is read twice */

static void
test_giant(void)
{
	struct buf file = BUF_INIT((size_t)1 << 30);
	struct buf plain = BUF_INIT((size_t)1 << 30);
	struct codec codec = codec_of(CODEC_NONE);
	struct err e = ERR_INIT;
	struct piece spec = { .kind = PIECE_COPY, .schema = "s",
		.table = "t" };
	struct piece_writer *w = piece_writer_new(sink_buf(&file, &e), &codec,
	    &e);
	struct piece_maker *m = piece_maker_new(w, &e);

	EQ(piece_add_database(w, "d", &e), 0);
	EQ(put(m, &spec, "COPY;\n", 500000, &e), 0);
	EQ(piece_writer_finish(w, &e), 0);
	piece_maker_free(m);
	piece_writer_free(w);
	EQ(read_all(file.data, file.len, &plain, &e), 0);
	EQ(plain.len, 6 + 500000 * strlen(ROW));
	file.data[file.len / 2] ^= 1;
	OK(is_found(file.data, file.len));
	buf_free(&plain);
	buf_free(&file);
}

int
main(void)
{
	for (unsigned i = 0; i < 3; i++) {
		test_round_trip(kinds[i]);
		test_damage(kinds[i]);
	}
	test_not_ours();
	test_threads();
	test_failing();
	test_giant();
	return done();
}
