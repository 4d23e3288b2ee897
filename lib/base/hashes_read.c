#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashes.h"
#include "increment/increment.h"

#define INDEX_STEP 1024 /* entries read at once */

struct hashes {
	struct blob *blob;
	unsigned char key[DIGEST_KEY];
	uint64_t hash_count;
	struct hashes_entry *entries; /* sorted by compare() */
	size_t count;
};

static uint32_t
get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static uint64_t
get64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static void
put32(unsigned char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof v);
}

void
hashes_put_entry(const struct hashes_entry *x, unsigned char *out)
{
	uint64_t first = htole64(x->first);

	put32(out, x->relation.tablespace);
	put32(out + 4, x->relation.file.database);
	put32(out + 8, x->relation.file.relation);
	put32(out + 12, (uint32_t)x->relation.file.fork);
	put32(out + 16, x->relation.file.segment);
	put32(out + 20, x->relation.blocks);
	memcpy(out + 24, &first, sizeof first);
}

int
hashes_get_entry(const unsigned char *in, struct hashes_entry *out)
{
	struct hashes_entry x = { .first = get64(in + 24) };
	uint32_t fork = get32(in + 12);

	x.relation.tablespace = get32(in);
	x.relation.file.database = get32(in + 4);
	x.relation.file.relation = get32(in + 8);
	x.relation.file.segment = get32(in + 16);
	x.relation.blocks = get32(in + 20);
	if (fork > PAGE_INIT || x.relation.blocks == 0 ||
	    x.relation.blocks > INCREMENT_BLOCKS_MAX)
		return -1;
	x.relation.file.fork = fork;
	*out = x;
	return 0;
}

static int
order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int
compare(const void *a, const void *b)
{
	const struct hashes_entry *left = a, *right = b;
	const struct base_relation *x = &left->relation;
	const struct base_relation *y = &right->relation;
	int c;

	if ((c = order(x->tablespace, y->tablespace)) != 0 ||
	    (c = order(x->file.database, y->file.database)) != 0 ||
	    (c = order(x->file.relation, y->file.relation)) != 0 ||
	    (c = order(x->file.fork, y->file.fork)) != 0)
		return c;
	return order(x->file.segment, y->file.segment);
}

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "invalid block hashes: %s", why);
}

/* The files' hashes lie one behind the other and fill their part exactly. */
static int
read_index(struct hashes *h, struct err *e)
{
	unsigned char raw[INDEX_STEP * HASHES_ENTRY];
	uint64_t off = HASHES_HEAD + 8 * h->hash_count, first = 0;

	for (size_t i = 0, n; i < h->count; i += n, off += n * HASHES_ENTRY) {
		n = h->count - i < INDEX_STEP ? h->count - i : INDEX_STEP;
		if (blob_read(h->blob, off, raw, n * HASHES_ENTRY, e) == -1)
			return -1;
		for (size_t k = 0; k < n; k++) {
			struct hashes_entry *x = &h->entries[i + k];

			if (hashes_get_entry(raw + k * HASHES_ENTRY, x) ==
			    -1 || x->first != first)
				return bad(e, "an entry that cannot be");
			first += x->relation.blocks;
		}
	}
	if (first != h->hash_count)
		return bad(e, "their number");
	qsort(h->entries, h->count, sizeof *h->entries, compare);
	for (size_t i = 1; i < h->count; i++)
		if (compare(&h->entries[i - 1], &h->entries[i]) == 0)
			return bad(e, "a file is there twice");
	return 0;
}

static int
read_frame(struct hashes *h, struct err *e)
{
	unsigned char head[HASHES_HEAD], tail[HASHES_TAIL];
	static const unsigned char zeros[32];
	uint64_t size = h->blob->size, files;

	if (size < HASHES_HEAD + HASHES_TAIL)
		return bad(e, "too short");
	if (blob_read(h->blob, 0, head, sizeof head, e) == -1 ||
	    blob_read(h->blob, size - HASHES_TAIL, tail, sizeof tail, e) == -1)
		return -1;
	if (memcmp(head, HASHES_MAGIC, 16) != 0 ||
	    memcmp(head + 32, zeros, 32) != 0 ||
	    memcmp(tail + 16, HASHES_END, 16) != 0)
		return bad(e, "no such file");
	memcpy(h->key, head + 16, sizeof h->key);
	files = get64(tail);
	h->hash_count = get64(tail + 8);
	size -= HASHES_HEAD + HASHES_TAIL;
	if (h->hash_count > size / 8 || files > size / HASHES_ENTRY ||
	    8 * h->hash_count + HASHES_ENTRY * files != size)
		return bad(e, "its size");
	if (files > HASHES_FILES_MAX)
		return err_set(e, ERR_NOMEM, "block hashes of more than %llu "
		    "files", (unsigned long long)HASHES_FILES_MAX);
	h->count = (size_t)files;
	return 0;
}

struct hashes *
hashes_open(struct blob *b, struct err *e)
{
	struct hashes *h;

	if (b == NULL)
		return NULL;
	if ((h = calloc(1, sizeof *h)) == NULL) {
		err_nomem(e);
		blob_free(b);
		return NULL;
	}
	h->blob = b;
	if (read_frame(h, e) == -1)
		goto fail;
	h->entries = calloc(h->count + 1, sizeof *h->entries);
	if (h->entries == NULL) {
		err_nomem(e);
		goto fail;
	}
	if (read_index(h, e) == -1)
		goto fail;
	return h;
fail:
	hashes_close(h);
	return NULL;
}

void
hashes_close(struct hashes *h)
{
	if (h == NULL)
		return;
	blob_free(h->blob);
	free(h->entries);
	free(h);
}

const unsigned char *
hashes_key(const struct hashes *h)
{
	return h->key;
}

const struct hashes_entry *
hashes_find(const struct hashes *h, const struct base_relation *f)
{
	struct hashes_entry wanted = { .relation = *f };

	return bsearch(&wanted, h->entries, h->count, sizeof *h->entries,
	    compare);
}

int
hashes_read(const struct hashes *h, const struct hashes_entry *x, uint64_t *out,
    struct err *e)
{
	if (blob_read(h->blob, HASHES_HEAD + 8 * x->first, out,
	    8 * (size_t)x->relation.blocks, e) == -1)
		return -1;
	for (uint32_t i = 0; i < x->relation.blocks; i++)
		out[i] = le64toh(out[i]);
	return 0;
}
