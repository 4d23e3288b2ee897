#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hashes.h"
#include "buf/buf.h"
#include "increment/increment.h"

struct driver {
	struct base_changes base;
	struct hashes *parent; /* or NULL */
	struct sink *out;
	unsigned char key[DIGEST_KEY];
	struct buf index;
	uint64_t files, hash_count; /* those of whole files */
	/* the present file */
	uint32_t blocks, next;
	uint32_t old;                  /* blocks of the parent's, or 0 */
	uint64_t *before, *now;        /* INCREMENT_BLOCKS_MAX of each */
};

static int
start(struct base_changes *c, struct sink *out, struct err *e)
{
	struct driver *d = (struct driver *)c;
	unsigned char head[HASHES_HEAD] = HASHES_MAGIC;

	d->out = out;
	memcpy(head + 16, d->key, sizeof d->key);
	return sink_write(out, head, sizeof head, e);
}

/* The hashes of the file before go out. */
static int
flush(struct driver *d, struct err *e)
{
	assert(d->next == d->blocks);
	d->hash_count += d->blocks;
	if (d->blocks > 0 && sink_write(d->out, d->now,
	    8 * (size_t)d->blocks, e) == -1)
		return -1;
	d->blocks = d->next = 0;
	return 0;
}

static int
file(struct base_changes *c, const struct base_relation *f, bool *known,
    struct err *e)
{
	struct driver *d = (struct driver *)c;
	struct hashes_entry x = { .relation = *f };
	const struct hashes_entry *old;
	unsigned char raw[HASHES_ENTRY];

	if (flush(d, e) == -1)
		return -1;
	x.first = d->hash_count;
	hashes_put_entry(&x, raw);
	if (buf_add(&d->index, raw, sizeof raw, e) == -1)
		return -1;
	d->files++;
	d->blocks = f->blocks;
	old = d->parent == NULL ? NULL : hashes_find(d->parent, f);
	d->old = old == NULL ? 0 : old->relation.blocks;
	*known = old != NULL;
	return old == NULL ? 0 : hashes_read(d->parent, old, d->before, e);
}

static int
block(struct base_changes *c, uint32_t n, const void *page, bool *changed,
    struct err *e)
{
	struct driver *d = (struct driver *)c;
	uint64_t hash = digest_keyed_wide(d->key, page, PAGE_SIZE_PG);

	(void)e;
	assert(n == d->next && n < d->blocks);
	d->now[d->next++] = htole64(hash);
	*changed = n >= d->old || d->before[n] != hash;
	return 0;
}

static int
finish(struct base_changes *c, struct err *e)
{
	struct driver *d = (struct driver *)c;
	unsigned char tail[HASHES_TAIL] = { 0 };
	uint64_t n;

	if (flush(d, e) == -1)
		return -1;
	n = htole64(d->files);
	memcpy(tail, &n, sizeof n);
	n = htole64(d->hash_count);
	memcpy(tail + 8, &n, sizeof n);
	memcpy(tail + 16, HASHES_END, 16);
	if (sink_write(d->out, d->index.data, d->index.len, e) == -1)
		return -1;
	return sink_write(d->out, tail, sizeof tail, e);
}

static void
driver_free(struct base_changes *c)
{
	struct driver *d = (struct driver *)c;

	hashes_close(d->parent);
	buf_free(&d->index);
	free(d->before);
	free(d->now);
	free(d);
}

static int
choose_key(struct driver *d, struct err *e)
{
	if (d->parent != NULL)
		memcpy(d->key, hashes_key(d->parent), sizeof d->key);
	else if (getrandom(d->key, sizeof d->key, 0) != sizeof d->key)
		return err_sys(e, "could not get random bytes");
	return 0;
}

struct base_changes *
base_hashes_new(struct blob *parent, struct err *e)
{
	static const struct base_changes_ops ops = { .method = "blocks", .role = "blocks",
		.start = start, .file = file, .block = block,
		.finish = finish, .free = driver_free };
	struct driver *d = calloc(1, sizeof *d);

	if (d == NULL) {
		err_nomem(e);
		blob_free(parent);
		return NULL;
	}
	d->base.ops = &ops;
	d->index = (struct buf)BUF_INIT(HASHES_FILES_MAX * HASHES_ENTRY);
	if (parent != NULL && (d->parent = hashes_open(parent, e)) == NULL)
		goto fail;
	d->now = malloc(8 * (size_t)INCREMENT_BLOCKS_MAX);
	d->before = malloc(8 * (size_t)INCREMENT_BLOCKS_MAX);
	if (d->now == NULL || d->before == NULL) {
		err_nomem(e);
		goto fail;
	}
	if (choose_key(d, e) == -1)
		goto fail;
	return &d->base;
fail:
	driver_free(&d->base);
	return NULL;
}
