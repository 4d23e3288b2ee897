#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "piece/piece_int.h"

const char *const piece_kind_words[PIECE_KINDS] = { "globals", "pre", "copy",
	"data", "post" };

struct piece_writer {
	pthread_mutex_t lock;
	struct sink *next;
	struct codec codec;
	struct buf index;   /* its text so far */
	struct buf begin;   /* facts and databases, before the pieces */
	uint64_t off;       /* stored bytes so far */
	uint64_t plain;     /* in pieces */
	uint64_t count;
	unsigned databases;
	bool failed;        /* a write failed: nothing may follow */
};

struct piece_maker {
	struct piece_writer *writer;
	struct codec_enc *enc;
	struct buf block;  /* plain bytes not yet compressed */
	struct buf stored; /* compressed blocks */
	struct piece spec;
	uint64_t plain;
};

/* Append to the file; the lock is held, or nobody else is there yet. */
static int
append(struct piece_writer *w, const struct buf *b, struct err *e)
{
	if (w->failed)
		return err_set(e, ERR_SYS, "an earlier write failed");
	w->failed = sink_write(w->next, b->data, b->len, e) == -1;
	w->off += b->len;
	return w->failed ? -1 : 0;
}

static int
append_mark(struct piece_writer *w, const unsigned char data[PIECE_MARK],
    struct err *e)
{
	struct buf mark = BUF_INIT(PIECE_MARK_MAX);
	int rc = codec_mark(w->codec.kind, data, &mark, e);

	if (rc == 0)
		rc = append(w, &mark, e);
	buf_free(&mark);
	return rc;
}

struct piece_writer *
piece_writer_new(struct sink *next, const struct codec *codec, struct err *e)
{
	unsigned char begin[PIECE_MARK];
	struct piece_writer *w;

	if ((w = sink_stage(next, sizeof *w, e)) == NULL)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	w->next = next;
	w->codec = *codec;
	w->index.max = w->begin.max = PIECE_INDEX_MAX;
	memcpy(begin, PIECE_BEGIN, sizeof begin);
	if (append_mark(w, begin, e) == -1) {
		piece_writer_free(w);
		return NULL;
	}
	return w;
}

void
piece_writer_free(struct piece_writer *w)
{
	if (w == NULL)
		return;
	sink_free(w->next);
	buf_free(&w->index);
	buf_free(&w->begin);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* "--:X word word" with the words escaped; NULL ends them. */
static int
add_line(struct buf *b, char letter, const char *first, const char *second,
    struct err *e)
{
	if (buf_fmt(b, e, "--:%c ", letter) == -1 ||
	    buf_escape(b, first, e) == -1)
		return -1;
	if (second != NULL && (buf_byte(b, ' ', e) == -1 ||
	    buf_escape(b, second, e) == -1))
		return -1;
	return buf_byte(b, '\n', e);
}

int
piece_add_database(struct piece_writer *w, const char *name, struct err *e)
{
	int number = -1;

	pthread_mutex_lock(&w->lock);
	if (add_line(&w->begin, 'D', name, NULL, e) == 0)
		number = (int)w->databases++;
	pthread_mutex_unlock(&w->lock);
	return number;
}

int
piece_add_fact(struct piece_writer *w, const char *key, const char *value,
    struct err *e)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	rc = add_line(&w->begin, 'M', key, value, e);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

uint64_t
piece_writer_plain(struct piece_writer *w)
{
	uint64_t plain;

	pthread_mutex_lock(&w->lock);
	plain = w->plain;
	pthread_mutex_unlock(&w->lock);
	return plain;
}

static int
index_text(struct piece_writer *w, struct buf *text, struct err *e)
{
	static const char head[] =
	    "--\n"
	    "-- Index of this file for pgk-restore and pgk-cat; "
	    "see pgk-format(5)\n"
	    "--\n";

	if (buf_str(text, head, e) == -1 ||
	    buf_fmt(text, e, "--:V %d %s\n", PIECE_VERSION,
	    codec_name(w->codec.kind)) == -1 ||
	    buf_add(text, w->begin.data, w->begin.len, e) == -1 ||
	    buf_add(text, w->index.data, w->index.len, e) == -1)
		return -1;
	return buf_fmt(text, e, "--:T %llu %llu\n",
	    (unsigned long long)w->count, (unsigned long long)w->plain);
}

static int
compress_index(struct piece_writer *w, struct buf *stored, struct err *e)
{
	struct codec_enc *enc = codec_enc_new(&w->codec, e);
	struct buf text = BUF_INIT(PIECE_INDEX_MAX);
	int rc = enc == NULL ? -1 : index_text(w, &text, e);

	for (size_t at = 0; rc == 0 && at < text.len; at += CODEC_BLOCK) {
		size_t n = text.len - at;

		rc = codec_enc_block(enc, text.data + at,
		    n < CODEC_BLOCK ? n : CODEC_BLOCK, stored, e);
	}
	buf_free(&text);
	codec_enc_free(enc);
	return rc;
}

int
piece_writer_finish(struct piece_writer *w, struct err *e)
{
	struct buf stored = BUF_INIT(PIECE_INDEX_MAX);
	unsigned char mark[PIECE_MARK];
	struct digest sum;
	int rc = -1;

	for (unsigned i = 0; i < 8; i++)
		mark[i] = (unsigned char)(w->off >> (56 - 8 * i));
	if (compress_index(w, &stored, e) == -1)
		goto done;
	digest_of(stored.data, stored.len, &sum);
	memcpy(mark + 8, sum.sum, 8);
	if (append(w, &stored, e) == -1 || append_mark(w, mark, e) == -1)
		goto done;
	rc = sink_finish(w->next, e);
done:
	buf_free(&stored);
	return rc;
}

/* makers */

struct piece_maker *
piece_maker_new(struct piece_writer *w, struct err *e)
{
	struct piece_maker *m = calloc(1, sizeof *m);

	if (m == NULL) {
		err_nomem(e);
		return NULL;
	}
	m->writer = w;
	m->block.max = CODEC_BLOCK;
	m->stored.max = SIZE_MAX / 2;
	if ((m->enc = codec_enc_new(&w->codec, e)) == NULL ||
	    buf_reserve(&m->block, CODEC_BLOCK, e) == -1) {
		piece_maker_free(m);
		return NULL;
	}
	return m;
}

void
piece_maker_free(struct piece_maker *m)
{
	if (m == NULL)
		return;
	codec_enc_free(m->enc);
	buf_free(&m->block);
	buf_free(&m->stored);
	free(m);
}

int
piece_begin(struct piece_maker *m, const struct piece *spec, struct err *e)
{
	(void)e;
	m->spec = *spec;
	m->plain = 0;
	buf_reset(&m->block);
	buf_reset(&m->stored);
	return 0;
}

static int
compress_block(struct piece_maker *m, struct err *e)
{
	if (codec_enc_block(m->enc, m->block.data, m->block.len, &m->stored,
	    e) == -1)
		return -1;
	buf_reset(&m->block);
	return 0;
}

int
piece_write(struct piece_maker *m, const void *data, size_t len,
    struct err *e)
{
	const char *p = data;

	m->plain += len;
	while (len > 0) {
		size_t n = CODEC_BLOCK - m->block.len;

		if (n > len)
			n = len;
		/* the block was reserved whole: this cannot fail */
		memcpy(m->block.data + m->block.len, p, n);
		m->block.len += n;
		p += n;
		len -= n;
		if (m->block.len == CODEC_BLOCK && compress_block(m, e) == -1)
			return -1;
	}
	return 0;
}

uint64_t
piece_size(const struct piece_maker *m)
{
	return m->plain;
}

static int
add_piece(struct piece_writer *w, const struct piece *p, struct err *e)
{
	char sum[DIGEST_HEX];

	if (buf_fmt(&w->index, e, "--:P %s %u %llu %llu %llu %llu %u ",
	    piece_kind_words[p->kind], p->database,
	    (unsigned long long)p->off, (unsigned long long)p->len,
	    (unsigned long long)p->plain, (unsigned long long)p->rows,
	    (unsigned)p->head) == -1)
		return -1;
	if (p->kind == PIECE_COPY) {
		if (buf_escape(&w->index, p->schema, e) == -1 ||
		    buf_byte(&w->index, ' ', e) == -1 ||
		    buf_escape(&w->index, p->table, e) == -1)
			return -1;
	} else if (buf_str(&w->index, "- -", e) == -1) {
		return -1;
	}
	w->count++;
	w->plain += p->plain;
	return buf_fmt(&w->index, e, " %s\n", digest_hex(&p->sum, sum));
}

int
piece_put(struct piece_maker *m, uint64_t rows, uint32_t head, struct err *e)
{
	struct piece_writer *w = m->writer;
	struct piece p = m->spec;
	int rc;

	if (m->plain == 0)
		return 0; /* nothing to keep */
	if (m->block.len > 0 && compress_block(m, e) == -1)
		return -1;
	p.plain = m->plain;
	p.rows = rows;
	p.head = head;
	p.len = m->stored.len;
	digest_of(m->stored.data, m->stored.len, &p.sum);
	pthread_mutex_lock(&w->lock);
	p.off = w->off;
	rc = append(w, &m->stored, e);
	if (rc == 0 && (rc = add_piece(w, &p, e)) == -1)
		w->failed = true;
	pthread_mutex_unlock(&w->lock);
	/* a giant row must not keep its memory for ever */
	if (m->stored.cap > 4 * PIECE_PLAIN)
		buf_free(&m->stored);
	return rc;
}
