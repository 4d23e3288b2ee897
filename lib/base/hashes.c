#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hashes.h"
#include "increment/increment.h"

struct driver {
	struct base_changes base;
	struct hashes *parent; /* or NULL */
	struct hashes_writer *writer;
	/* the present file */
	uint32_t blocks, next;
	uint32_t old;           /* blocks of the parent's, or 0 */
	uint64_t *before, *now; /* before: INCREMENT_BLOCKS_MAX */
};

static int
start(struct base_changes *c, struct sink *out, struct err *e)
{
	return hashes_start(((struct driver *)c)->writer, out, e);
}

static int
file(struct base_changes *c, const struct base_relation *f, bool *known,
    struct err *e)
{
	struct driver *d = (struct driver *)c;
	const struct hashes_entry *old;

	assert(d->next == d->blocks);
	if ((d->now = hashes_file(d->writer, f, e)) == NULL)
		return -1;
	d->blocks = f->blocks;
	d->next = 0;
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
	uint64_t hash = hashes_of(d->writer, page);

	(void)e;
	assert(n == d->next && n < d->blocks);
	d->now[d->next++] = hash;
	*changed = n >= d->old || d->before[n] != hash;
	return 0;
}

static int
finish(struct base_changes *c, struct err *e)
{
	struct driver *d = (struct driver *)c;

	assert(d->next == d->blocks);
	return hashes_finish(d->writer, e);
}

static void
driver_free(struct base_changes *c)
{
	struct driver *d = (struct driver *)c;

	hashes_close(d->parent);
	hashes_writer_free(d->writer);
	free(d->before);
	free(d);
}

static int
make_writer(struct driver *d, struct err *e)
{
	unsigned char key[DIGEST_KEY];

	if (d->parent != NULL)
		memcpy(key, hashes_key(d->parent), sizeof key);
	else if (getrandom(key, sizeof key, 0) != sizeof key)
		return err_sys(e, "could not get random bytes");
	d->writer = hashes_writer_new(key, e);
	return d->writer == NULL ? -1 : 0;
}

struct base_changes *
base_hashes_new(struct blob *parent, struct err *e)
{
	static const struct base_changes_ops ops = { .method = "blocks",
		.role = "blocks", .start = start, .file = file,
		.block = block, .finish = finish, .free = driver_free };
	struct driver *d = calloc(1, sizeof *d);

	if (d == NULL) {
		err_nomem(e);
		blob_free(parent);
		return NULL;
	}
	d->base.ops = &ops;
	if (parent != NULL && (d->parent = hashes_open(parent, e)) == NULL)
		goto fail;
	d->before = malloc(8 * (size_t)INCREMENT_BLOCKS_MAX);
	if (d->before == NULL) {
		err_nomem(e);
		goto fail;
	}
	if (make_writer(d, e) == -1)
		goto fail;
	return &d->base;
fail:
	driver_free(&d->base);
	return NULL;
}
