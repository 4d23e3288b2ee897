#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "age/age_int.h"

struct age_blob {
	struct blob base;
	struct blob *inner;
	unsigned char *key; /* locked; only read once it is open */
	uint64_t start;     /* where the first chunk lies */
	uint64_t chunks;    /* 1 or more */
};

static size_t
stored_size(const struct age_blob *b, uint64_t number)
{
	uint64_t left = b->inner->size - b->start - number * AGE_STORED;

	return left < AGE_STORED ? (size_t)left : AGE_STORED;
}

/* Fetch a chunk into `stored` and decrypt it to `out`, perhaps the same. */
static int
read_chunk(const struct age_blob *b, uint64_t number, unsigned char *stored,
    unsigned char *out, struct err *e)
{
	uint64_t at = b->start + number * AGE_STORED;
	size_t len = stored_size(b, number);

	if (blob_read(b->inner, at, stored, len, e) == -1)
		return -1;
	if (age_unseal(b->key, number, number + 1 == b->chunks, stored, len,
	    out) == -1)
		return err_set(e, ERR_CORRUPT, "encrypted data is damaged: "
		    "chunk %llu at byte %llu is not authentic",
		    (unsigned long long)number, (unsigned long long)at);
	return 0;
}

static int
age_read(struct blob *base, uint64_t off, void *data, size_t len,
    struct err *e)
{
	const struct age_blob *b = (const struct age_blob *)base;
	unsigned char *to = data, *stored = malloc(AGE_STORED);
	int rc = -1;

	if (stored == NULL)
		return err_nomem(e);
	while (len > 0) {
		uint64_t number = off / AGE_CHUNK;
		size_t at = (size_t)(off % AGE_CHUNK);
		size_t have = stored_size(b, number) - AGE_TAG - at;
		size_t n = have < len ? have : len;
		bool whole = at == 0 && n == have;

		if (read_chunk(b, number, stored, whole ? to : stored,
		    e) == -1)
			goto done;
		if (!whole)
			memcpy(to, stored + at, n);
		to += n;
		off += n;
		len -= n;
	}
	rc = 0;
done:
	free(stored);
	return rc;
}

static void
age_free(struct blob *base)
{
	struct age_blob *b = (struct age_blob *)base;

	age_secret_free(b->key);
	blob_free(b->inner);
	free(b);
}

int
age_fetch_head(struct blob *inner, struct buf *head, size_t *end,
    struct err *e)
{
	size_t step = AGE_HEAD_FIRST, seen = 0;

	for (;;) {
		uint64_t left = inner->size - head->len;
		size_t n = left < step ? (size_t)left : step;
		int rc;

		if (buf_reserve(head, n, e) == -1 || blob_read(inner,
		    head->len, head->data + head->len, n, e) == -1)
			return -1;
		head->len += n;
		rc = age_header_end(head->data, head->len, &seen, end, e);
		if (rc == -1)
			return -1;
		if (rc == 1 && head->len - *end >= AGE_NONCE)
			return 0;
		if (head->len == inner->size)
			return err_set(e, ERR_CORRUPT,
			    "invalid age header: it ends early");
		step = head->len;
	}
}

static int
open_head(struct age_blob *b, const struct age_keys *k, struct err *e)
{
	struct buf head = BUF_INIT(AGE_HEAD_ROOM);
	unsigned char file_key[AGE_FILE_KEY];
	bool armored;
	int rc = -1;
	size_t end;

	if (age_fetch_head(b->inner, &head, &end, e) == -1) {
		if (head.len > 0 && age_sniff(head.data, head.len,
		    &armored) && armored)
			err_hint(e, "it is armored: decrypt it as a stream, "
			    "or with age -d");
		goto done;
	}
	if (age_header_open(head.data, end, k, file_key, e) == -1)
		goto done;
	age_payload_key(file_key, (unsigned char *)head.data + end, b->key);
	sodium_memzero(file_key, sizeof file_key);
	b->start = end + AGE_NONCE;
	rc = 0;
done:
	buf_free(&head);
	return rc;
}

/*
 * The size follows from the stored size only if the last chunk says that it
 * is the last: a file cut at the edge of a chunk fails here.
 */
static int
prove_end(struct age_blob *b, struct err *e)
{
	uint64_t stored = b->inner->size - b->start;
	unsigned char *last;
	size_t len;
	int rc;

	b->chunks = stored == 0 ? 1 : (stored - 1) / AGE_STORED + 1;
	len = stored_size(b, b->chunks - 1);
	if (len < AGE_TAG || (len == AGE_TAG && b->chunks > 1))
		return err_set(e, ERR_CORRUPT,
		    "encrypted data is damaged: it ends early");
	if ((last = malloc(len)) == NULL)
		return err_nomem(e);
	if ((rc = read_chunk(b, b->chunks - 1, last, last, e)) == -1)
		err_prefix(e, "the end of the file is missing or damaged");
	free(last);
	b->base.size = stored - b->chunks * AGE_TAG;
	return rc;
}

struct blob *
age_open(struct blob *inner, const struct age_keys *k, struct err *e)
{
	static const struct blob_ops ops = { age_read, age_free };
	struct age_blob *b;

	if (inner == NULL)
		return NULL;
	if ((b = calloc(1, sizeof *b)) == NULL) {
		err_nomem(e);
		blob_free(inner);
		return NULL;
	}
	b->base.ops = &ops;
	b->inner = inner;
	if ((b->key = age_secret_new(AGE_KEY, e)) == NULL ||
	    open_head(b, k, e) == -1 || prove_end(b, e) == -1) {
		age_free(&b->base);
		return NULL;
	}
	return &b->base;
}

int
age_note(struct blob *b, const char *name, void *value, size_t size,
    struct err *e)
{
	struct buf head = BUF_INIT(AGE_HEAD_ROOM);
	int rc = -1;
	size_t end;

	if (age_fetch_head(b, &head, &end, e) == 0)
		rc = age_header_note(head.data, end, name, value, size, e);
	buf_free(&head);
	return rc;
}
