#include "increment/increment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0xd3ae1f0du
#define FIXED 12 /* magic, count, truncation */
#define BLOCK 8192

static uint32_t
get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static int
put32(struct buf *out, uint32_t v, struct err *e)
{
	const unsigned char p[4] = { (unsigned char)v,
		(unsigned char)(v >> 8), (unsigned char)(v >> 16),
		(unsigned char)(v >> 24) };

	return buf_add(out, p, sizeof p, e);
}

/* Where the last part of a path begins. */
static size_t
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash + 1 - path);
}

bool
increment_is(const char *path, char *out)
{
	const size_t prefix = strlen(INCREMENT_PREFIX);
	size_t at = last_part(path);

	if (strncmp(path + at, INCREMENT_PREFIX, prefix) != 0 ||
	    path[at + prefix] == '\0')
		return false;
	memcpy(out, path, at);
	memcpy(out + at, path + at + prefix, strlen(path + at + prefix) + 1);
	return true;
}

void
increment_path(const char *path, char *out)
{
	const size_t prefix = strlen(INCREMENT_PREFIX);
	size_t at = last_part(path);

	memcpy(out, path, at);
	memcpy(out + at, INCREMENT_PREFIX, prefix);
	memcpy(out + at + prefix, path + at, strlen(path + at) + 1);
}

uint32_t
increment_header_size(uint32_t count)
{
	uint32_t size = FIXED + 4 * count;

	return count == 0 ? size : (size + BLOCK - 1) / BLOCK * BLOCK;
}

int
increment_header(struct buf *out, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *e)
{
	size_t size = increment_header_size(count), end = out->len + size;

	assert(count <= INCREMENT_BLOCKS_MAX);
	assert(truncation <= INCREMENT_BLOCKS_MAX);
	if (buf_reserve(out, size, e) == -1 || put32(out, MAGIC, e) == -1 ||
	    put32(out, count, e) == -1 || put32(out, truncation, e) == -1)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		assert(blocks[i] < INCREMENT_BLOCKS_MAX);
		assert(i == 0 || blocks[i] > blocks[i - 1]);
		if (put32(out, blocks[i], e) == -1)
			return -1;
	}
	memset(out->data + out->len, 0, end - out->len + 1);
	out->len = end;
	return 0;
}

/* reading */

enum stage { STAGE_FIXED, STAGE_LIST, STAGE_ZEROS, STAGE_BLOCKS };

struct increment_reader {
	const struct increment_take *take;
	void *ctx;
	uint64_t size, seen; /* of the file */
	enum stage stage;
	uint32_t count, truncation;
	uint32_t *blocks;
	uint32_t done; /* of the list, then of the blocks */
	size_t zeros;  /* of the padding, still to come */
	/* what is not yet whole: the fixed part, a number or a block */
	size_t held;
	unsigned char hold[BLOCK];
};

struct increment_reader *
increment_reader_new(uint64_t size, const struct increment_take *take,
    void *ctx, struct err *e)
{
	struct increment_reader *r = malloc(sizeof *r);

	if (r == NULL) {
		err_nomem(e);
		return NULL;
	}
	memset(r, 0, offsetof(struct increment_reader, hold));
	r->size = size;
	r->take = take;
	r->ctx = ctx;
	return r;
}

void
increment_reader_free(struct increment_reader *r)
{
	if (r == NULL)
		return;
	free(r->blocks);
	free(r);
}

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "invalid incremental file: %s", why);
}

static int
list_complete(struct increment_reader *r, struct err *e)
{
	r->stage = STAGE_ZEROS;
	r->done = 0;
	r->zeros = increment_header_size(r->count) - FIXED -
	    4 * (size_t)r->count;
	return r->take->head(r->ctx, r->blocks, r->count, r->truncation, e);
}

/* The count is believed only once the file's size agrees with it. */
static int
take_fixed(struct increment_reader *r, const unsigned char *p, struct err *e)
{
	if (get32(p) != MAGIC)
		return bad(e, "no such magic number");
	r->count = get32(p + 4);
	r->truncation = get32(p + 8);
	if (r->count > INCREMENT_BLOCKS_MAX)
		return bad(e, "more blocks than a file can have");
	if (r->truncation > INCREMENT_BLOCKS_MAX)
		return bad(e, "a length that no file can have");
	if (r->size != increment_header_size(r->count) +
	    (uint64_t)r->count * BLOCK)
		return bad(e, "its size does not match its count of blocks");
	/* one more, so that no blocks are not no memory */
	if ((r->blocks = malloc(((size_t)r->count + 1) *
	    sizeof *r->blocks)) == NULL)
		return err_nomem(e);
	r->stage = STAGE_LIST;
	return r->count == 0 ? list_complete(r, e) : 0;
}

static int
take_number(struct increment_reader *r, const unsigned char *p, struct err *e)
{
	uint32_t block = get32(p);

	if (block >= INCREMENT_BLOCKS_MAX)
		return bad(e, "a block that no file can have");
	if (r->done > 0 && block <= r->blocks[r->done - 1])
		return bad(e, "blocks out of order");
	r->blocks[r->done++] = block;
	return r->done == r->count ? list_complete(r, e) : 0;
}

static int
take_block(struct increment_reader *r, const unsigned char *p, struct err *e)
{
	/* the size was checked: there are no more blocks than count */
	return r->take->block(r->ctx, r->blocks[r->done++], p, e);
}

static size_t
unit(enum stage stage)
{
	return stage == STAGE_FIXED ? FIXED : stage == STAGE_LIST ? 4 : BLOCK;
}

static int
take(struct increment_reader *r, const unsigned char *p, struct err *e)
{
	switch (r->stage) {
	case STAGE_FIXED:
		return take_fixed(r, p, e);
	case STAGE_LIST:
		return take_number(r, p, e);
	default:
		return take_block(r, p, e);
	}
}

/* Take what is whole from the front of p[0..len); *used says how much. */
static int
step(struct increment_reader *r, const unsigned char *p, size_t len,
    size_t *used, struct err *e)
{
	size_t want = unit(r->stage) - r->held, n = want < len ? want : len;

	*used = n;
	if (r->held == 0 && n == want)
		return take(r, p, e); /* where it lies */
	memcpy(r->hold + r->held, p, n);
	r->held += n;
	if (n < want)
		return 0;
	r->held = 0;
	return take(r, r->hold, e);
}

static int
step_zeros(struct increment_reader *r, const unsigned char *p, size_t len,
    size_t *used, struct err *e)
{
	size_t n = r->zeros < len ? r->zeros : len;

	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return bad(e, "padding that is not zero");
	r->zeros -= n;
	*used = n;
	if (r->zeros == 0)
		r->stage = STAGE_BLOCKS;
	return 0;
}

int
increment_write(struct increment_reader *r, const void *data, size_t len,
    struct err *e)
{
	const unsigned char *p = data;

	if (len > r->size - r->seen)
		return bad(e, "more bytes than its size");
	r->seen += len;
	while (len > 0) {
		size_t used = 0;

		if ((r->stage == STAGE_ZEROS ?
		    step_zeros(r, p, len, &used, e) :
		    step(r, p, len, &used, e)) == -1)
			return -1;
		p += used;
		len -= used;
	}
	return 0;
}

int
increment_end(struct increment_reader *r, struct err *e)
{
	if (r->seen != r->size)
		return bad(e, "it ends too early");
	if (r->size < FIXED)
		return bad(e, "it is too short");
	return 0;
}
