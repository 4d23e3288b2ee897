#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "age/age_int.h"

/*
 * Chunks go to the threads in batches. The plain bytes of a chunk are put
 * where its stored bytes will lie, and encrypted in place.
 */
#define BATCH_CHUNKS 16

struct batch {
	uint64_t first; /* number of its first chunk */
	size_t len;     /* plain bytes */
	bool last;      /* its last chunk is the file's */
	unsigned char data[BATCH_CHUNKS * AGE_STORED];
};

struct writer {
	struct sink base;
	struct sink_crew *crew;
	uint64_t number;    /* of the first chunk of the batch being filled */
	unsigned char *key; /* locked */
};

static size_t
chunks_of(const struct batch *b)
{
	return b->len == 0 ? 1 : (b->len + AGE_CHUNK - 1) / AGE_CHUNK;
}

static int
batch_seal(void *ctx, unsigned worker, void *job, struct err *e)
{
	const struct writer *w = ctx;
	struct batch *b = job;
	size_t count = chunks_of(b);

	(void)worker;
	(void)e;
	for (size_t i = 0; i < count; i++) {
		size_t n = b->len - i * AGE_CHUNK;

		age_seal(w->key, b->first + i, b->last && i + 1 == count,
		    b->data + i * AGE_STORED, n < AGE_CHUNK ? n : AGE_CHUNK);
	}
	return 0;
}

static void
batch_begin(void *job)
{
	((struct batch *)job)->len = 0;
}

static const void *
batch_result(const void *job, size_t *len)
{
	const struct batch *b = job;

	*len = b->len + chunks_of(b) * AGE_TAG;
	return b->data;
}

static int
batch_push(struct writer *w, bool last, struct err *e)
{
	struct batch *b = sink_crew_job(w->crew);

	b->first = w->number;
	b->last = last;
	w->number += chunks_of(b);
	return sink_crew_push(w->crew, e);
}

static int
writer_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct writer *w = (struct writer *)s;
	const char *from = data;

	while (len > 0) {
		struct batch *b = sink_crew_job(w->crew);
		size_t at, n;

		/* full, and now known not to be the last */
		if (b != NULL && b->len == (size_t)BATCH_CHUNKS * AGE_CHUNK &&
		    batch_push(w, false, e) == -1)
			return -1;
		if ((b = sink_crew_take(w->crew, e)) == NULL)
			return -1;
		at = b->len % AGE_CHUNK;
		n = AGE_CHUNK - at < len ? AGE_CHUNK - at : len;
		memcpy(b->data + b->len / AGE_CHUNK * AGE_STORED + at, from,
		    n);
		b->len += n;
		from += n;
		len -= n;
	}
	return 0;
}

static int
writer_finish(struct sink *s, struct err *e)
{
	struct writer *w = (struct writer *)s;

	if (sink_crew_take(w->crew, e) == NULL ||
	    batch_push(w, true, e) == -1 ||
	    sink_crew_drain(w->crew, e) == -1)
		return -1;
	return sink_finish(sink_crew_next(w->crew), e);
}

static void
writer_free(struct sink *s)
{
	struct writer *w = (struct writer *)s;

	sink_crew_free(w->crew);
	age_secret_free(w->key);
	free(w);
}

static int
write_head(struct writer *w, const struct age_keys *k,
    const struct age_note_text *note, struct err *e)
{
	struct buf head = BUF_INIT(AGE_HEADER_MAX);
	unsigned char file_key[AGE_FILE_KEY], nonce[AGE_NONCE];
	int rc = -1;

	randombytes_buf(file_key, sizeof file_key);
	randombytes_buf(nonce, sizeof nonce);
	if (age_header_write(k, AGE_WORK_WRITE, note, file_key, &head, e) ==
	    0 &&
	    buf_add(&head, nonce, sizeof nonce, e) == 0 &&
	    sink_write(sink_crew_next(w->crew), head.data, head.len, e) == 0) {
		age_payload_key(file_key, nonce, w->key);
		rc = 0;
	}
	sodium_memzero(file_key, sizeof file_key);
	buf_free(&head);
	return rc;
}

static struct sink *
writer_new(struct sink *next, const struct age_keys *k, unsigned threads,
    const struct age_note_text *note, struct err *e)
{
	static const struct sink_crew_ops crew_ops = { sizeof(struct batch),
		batch_begin, batch_seal, batch_result, NULL };
	static const struct sink_ops ops = { writer_write, writer_finish,
		writer_free };
	struct writer *w;

	if ((w = sink_stage(next, sizeof *w, e)) == NULL)
		return NULL;
	w->base.ops = &ops;
	w->crew = sink_crew_new(next, threads, &crew_ops, w, e);
	if (w->crew == NULL)
		goto fail;
	if (k->recipients == 0 && k->passphrase_len == 0) {
		err_set(e, ERR_KEY, "there is nobody to encrypt to");
		goto fail;
	}
	if (note != NULL && k->passphrase_len > 0) {
		err_set(e, ERR_KEY, "a passphrase allows no note beside it");
		goto fail;
	}
	if ((w->key = age_secret_new(AGE_KEY, e)) == NULL ||
	    write_head(w, k, note, e) == -1)
		goto fail;
	return &w->base;
fail:
	writer_free(&w->base);
	return NULL;
}

struct sink *
age_writer(struct sink *next, const struct age_keys *k, unsigned threads,
    struct err *e)
{
	return writer_new(next, k, threads, NULL, e);
}

struct sink *
age_writer_noted(struct sink *next, const struct age_keys *k,
    unsigned threads, const char *name, const void *value, size_t size,
    struct err *e)
{
	const struct age_note_text note = { name, value, size };

	assert(size >= 1 && size <= AGE_NOTE_MAX);
	return writer_new(next, k, threads, &note, e);
}
