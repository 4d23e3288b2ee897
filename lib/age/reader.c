#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "age/age_int.h"

#define HEAD_STEP ((size_t)4096)

struct reader {
	struct sink base;
	struct sink *next;
	const struct age_keys *keys;
	enum { START, HEADER, CHUNKS } state;
	struct age_armor *armor; /* or NULL: binary */
	/* HEADER: what there is of header and nonce */
	struct buf head;
	size_t seen;
	/*
	 * CHUNKS: a whole chunk waits in `chunk` until more bytes come and
	 * tell that it is not the last
	 */
	unsigned char *key; /* locked */
	uint64_t number;
	size_t fill;
	unsigned char chunk[AGE_STORED];
	unsigned char plain[AGE_CHUNK];
};

bool
age_sniff(const void *data, size_t len, bool *armored)
{
	/* other versions too: better refused than taken for plain bytes */
	size_t magic = strlen("age-encryption.org/");
	size_t begin = 22;

	if (len >= magic && memcmp(data, AGE_VERSION, magic) == 0) {
		*armored = false;
		return true;
	}
	if (len >= begin && memcmp(data, AGE_ARMOR_BEGIN, begin) == 0) {
		*armored = true;
		return true;
	}
	return false;
}

static int
refuse_chunk(struct reader *r, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "encrypted data is damaged: %s "
	    "(chunk %llu)", why, (unsigned long long)r->number);
}

/* Decrypt and hand on a whole chunk that others follow. */
static int
put_chunk(struct reader *r, const unsigned char *in, struct err *e)
{
	if (age_unseal(r->key, r->number, false, in, AGE_STORED,
	    r->plain) == -1) {
		bool is_last = age_unseal(r->key, r->number, true, in,
		    AGE_STORED, r->plain) == 0;

		return refuse_chunk(r, is_last ? "bytes follow its end" :
		    "a chunk is not authentic", e);
	}
	r->number++;
	return sink_write(r->next, r->plain, AGE_CHUNK, e);
}

static int
take_chunks(struct reader *r, const unsigned char *data, size_t len,
    struct err *e)
{
	while (len > 0) {
		size_t n;

		if (r->fill == AGE_STORED) {
			if (put_chunk(r, r->chunk, e) == -1)
				return -1;
			r->fill = 0;
		}
		if (r->fill == 0 && len > AGE_STORED) {
			if (put_chunk(r, data, e) == -1)
				return -1;
			n = AGE_STORED;
		} else {
			n = AGE_STORED - r->fill;
			n = len < n ? len : n;
			memcpy(r->chunk + r->fill, data, n);
			r->fill += n;
		}
		data += n;
		len -= n;
	}
	return 0;
}

static int
put_last(struct reader *r, struct err *e)
{
	size_t n;

	if (r->fill < AGE_TAG)
		return refuse_chunk(r, "it ends early", e);
	if (age_unseal(r->key, r->number, true, r->chunk, r->fill,
	    r->plain) == -1) {
		bool is_whole = age_unseal(r->key, r->number, false, r->chunk,
		    r->fill, r->plain) == 0;

		return refuse_chunk(r, is_whole ? "it ends early" :
		    "it ends early or the last chunk is not authentic", e);
	}
	n = r->fill - AGE_TAG;
	if (n == 0 && r->number > 0)
		return refuse_chunk(r, "an empty last chunk", e);
	return sink_write(r->next, r->plain, n, e);
}

/* Header and nonce lie in head[0..end + AGE_NONCE). */
static int
open_header(struct reader *r, size_t end, struct err *e)
{
	unsigned char file_key[AGE_FILE_KEY];
	int rc = -1;

	if (age_header_open(r->head.data, end, r->keys, file_key, e) == -1)
		return -1;
	if ((r->key = age_secret_new(AGE_KEY, e)) != NULL) {
		age_payload_key(file_key,
		    (const unsigned char *)r->head.data + end, r->key);
		rc = 0;
	}
	sodium_memzero(file_key, sizeof file_key);
	return rc;
}

/* Take from data until the payload begins; *used says how much. */
static int
take_header(struct reader *r, const unsigned char *data, size_t len,
    size_t *used, struct err *e)
{
	size_t n = len < HEAD_STEP ? len : HEAD_STEP, before = r->head.len;
	size_t end;
	int rc;

	if (buf_add(&r->head, data, n, e) == -1)
		return -1;
	*used = n;
	rc = age_header_end(r->head.data, r->head.len, &r->seen, &end, e);
	if (rc != 1)
		return rc;
	if (r->head.len - end < AGE_NONCE)
		return 0;
	if (open_header(r, end, e) == -1)
		return -1;
	*used = end + AGE_NONCE - before; /* the rest is payload */
	r->state = CHUNKS;
	buf_free(&r->head);
	return 0;
}

static int
take_bytes(void *ctx, const unsigned char *data, size_t len, struct err *e)
{
	struct reader *r = ctx;

	while (r->state == HEADER && len > 0) {
		size_t used;

		if (take_header(r, data, len, &used, e) == -1)
			return -1;
		data += used;
		len -= used;
	}
	return take_chunks(r, data, len, e);
}

static int
reader_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct reader *r = (struct reader *)s;

	if (r->state == START) {
		/* binary begins with "age"; armor refuses all that it must */
		if (*(const char *)data != 'a' && (r->armor =
		    age_armor_new(take_bytes, r, e)) == NULL)
			return -1;
		r->state = HEADER;
	}
	if (r->armor != NULL)
		return age_armor_take(r->armor, data, len, e);
	return take_bytes(r, data, len, e);
}

static int
reader_finish(struct sink *s, struct err *e)
{
	struct reader *r = (struct reader *)s;

	if (r->armor != NULL && age_armor_end(r->armor, e) == -1)
		return -1;
	if (r->state != CHUNKS)
		return err_set(e, ERR_CORRUPT,
		    "invalid age header: it ends early");
	if (put_last(r, e) == -1)
		return -1;
	return sink_finish(r->next, e);
}

static void
reader_free(struct sink *s)
{
	struct reader *r = (struct reader *)s;

	age_secret_free(r->key);
	age_armor_free(r->armor);
	buf_free(&r->head);
	sink_free(r->next);
	free(r);
}

struct sink *
age_reader(struct sink *next, const struct age_keys *k, struct err *e)
{
	static const struct sink_ops ops = { reader_write, reader_finish,
		reader_free };
	struct reader *r;

	if ((r = sink_stage(next, sizeof *r, e)) == NULL)
		return NULL;
	*r = (struct reader){ .base = { &ops }, .next = next, .keys = k,
		.head = BUF_INIT(AGE_HEADER_MAX + HEAD_STEP + AGE_NONCE) };
	return &r->base;
}
