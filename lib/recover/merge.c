#include <stdlib.h>
#include <string.h>

#include "recover/recover_int.h"

#define LIST_STEP 1024 /* numbers of blocks read at a time */
#define LIST_AT 12     /* where they begin in an INCREMENTAL.* file */

/* Where a block of the file being written comes from. */
struct pick {
	const struct layer *layer; /* NULL: the base, or nowhere: zeros */
	uint32_t index;            /* in the layer */
};

/*
 * Of a file that more sets changed than views can be open at a time, the
 * changed blocks of a stretch of WINDOW blocks are gathered set by set, so
 * that a view is not opened anew for each.
 */
#define WINDOW 1024

struct merge {
	struct pick picks[INCREMENT_BLOCKS_MAX];
	bool gather;
	uint32_t gathered;     /* blocks before this one have been */
	unsigned char *window; /* those from its beginning on, or NULL */
};

void
merge_free(struct recover *r)
{
	if (r->merge != NULL)
		free(r->merge->window);
	free(r->merge);
	r->merge = NULL;
}

void
merge_drop(struct file *f)
{
	while (f->layers != NULL) {
		struct layer *l = f->layers;

		f->layers = l->older;
		free(l);
	}
}

static uint32_t
blocks_of(const struct file *f)
{
	return (uint32_t)(f->size / BLOCK);
}

int
merge_add(struct file *f, unsigned set, uint64_t at, uint32_t count,
    uint32_t limit, struct err *e)
{
	struct layer **last = &f->layers, *l;

	if (count > 0 && f->limit > 0) {
		if ((l = calloc(1, sizeof *l)) == NULL)
			return err_nomem(e);
		*l = (struct layer){ .set = set, .count = count, .at = at,
			.limit = f->limit };
		while (*last != NULL)
			last = &(*last)->older;
		*last = l;
	}
	if (limit < f->limit)
		f->limit = limit;
	return 0;
}

/* Bytes of a layer's INCREMENTAL.* file. */
static int
read_layer(struct recover *r, const struct layer *l, uint64_t off, void *out,
    size_t len, struct err *e)
{
	char *to = out;

	while (len > 0) {
		const void *data;
		size_t n;

		if (view_at(r, l->set, r->writing->space, l->at + off, &data,
		    &n, e) == -1)
			return -1;
		if (n > len)
			n = len;
		memcpy(to, data, n);
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* Every block of a layer that no newer one has is taken from it. */
static int
pick_layer(struct recover *r, const struct layer *l, struct err *e)
{
	unsigned char list[4 * LIST_STEP];
	uint32_t end = blocks_of(r->writing), block;

	if (l->limit < end)
		end = l->limit;
	for (uint32_t i = 0; i < l->count; i++) {
		uint32_t in = i % LIST_STEP, n = l->count - i < LIST_STEP ?
		    l->count - i : LIST_STEP;

		if (in == 0 && read_layer(r, l, LIST_AT + 4 * (uint64_t)i,
		    list, 4 * (size_t)n, e) == -1)
			return -1;
		block = (uint32_t)list[4 * in] |
		    (uint32_t)list[4 * in + 1] << 8 |
		    (uint32_t)list[4 * in + 2] << 16 |
		    (uint32_t)list[4 * in + 3] << 24;
		if (block >= end) /* they ascend */
			break;
		if (r->merge->picks[block].layer == NULL)
			r->merge->picks[block] = (struct pick){ l, i };
	}
	return 0;
}

static int
prepare(struct recover *r, const struct file *f, struct err *e)
{
	struct merge *m = r->merge;
	unsigned count = 0;

	if (m == NULL && (m = r->merge = calloc(1, sizeof *m)) == NULL)
		return err_nomem(e);
	memset(m->picks, 0, blocks_of(f) * sizeof *m->picks);
	for (const struct layer *l = f->layers; l != NULL; l = l->older)
		count++;
	m->gather = count > VIEWS_MAX;
	m->gathered = 0;
	if (m->gather && m->window == NULL &&
	    (m->window = malloc((size_t)WINDOW * BLOCK)) == NULL)
		return err_nomem(e);
	return 0;
}

int
merge_begin(struct recover *r, struct file *f, struct err *e)
{
	f->size = (uint64_t)blocks_of(f) * BLOCK;
	if (prepare(r, f, e) == -1 || output_begin(r, f, e) == -1)
		return -1;
	for (const struct layer *l = f->layers; l != NULL; l = l->older)
		if (pick_layer(r, l, e) == -1)
			return -1;
	return 0;
}

/* Where a block lies in its layer's file. */
static uint64_t
place(const struct pick *p)
{
	return increment_header_size(p->layer->count) +
	    (uint64_t)p->index * BLOCK;
}

static int
gather(struct recover *r, uint32_t at, struct err *e)
{
	struct merge *m = r->merge;
	uint32_t first = at / WINDOW * WINDOW, end = first + WINDOW;

	if (end > blocks_of(r->writing))
		end = blocks_of(r->writing);
	for (const struct layer *l = r->writing->layers; l != NULL;
	    l = l->older)
		for (uint32_t b = first; b < end; b++)
			if (m->picks[b].layer == l && read_layer(r, l,
			    place(&m->picks[b]), m->window + (size_t)(b -
			    first) * BLOCK, BLOCK, e) == -1)
				return -1;
	m->gathered = end;
	return 0;
}

/* Blocks that lie one behind the other in a layer. */
static int
write_layer(struct recover *r, uint32_t block, uint32_t count, struct err *e)
{
	const struct pick *p = &r->merge->picks[block];
	uint64_t at = p->layer->at + place(p);
	size_t len = (size_t)count * BLOCK;

	while (len > 0) {
		const void *data;
		size_t n;

		if (view_at(r, p->layer->set, r->writing->space, at, &data,
		    &n, e) == -1)
			return -1;
		if (n > len)
			n = len;
		if (output_write(r, data, n, e) == -1)
			return -1;
		at += n;
		len -= n;
	}
	return 0;
}

/* The same, however many at a time, out of the window. */
static int
write_gathered(struct recover *r, uint32_t block, uint32_t count,
    struct err *e)
{
	for (; count > 0; count--, block++)
		if ((block >= r->merge->gathered && gather(r, block,
		    e) == -1) || output_write(r, r->merge->window +
		    (size_t)(block % WINDOW) * BLOCK, BLOCK, e) == -1)
			return -1;
	return 0;
}

static int
write_zeros(struct recover *r, uint32_t count, struct err *e)
{
	static const char zeros[BLOCK];

	for (; count > 0; count--)
		if (output_write(r, zeros, BLOCK, e) == -1)
			return -1;
	return 0;
}

/* How many blocks from `at` on, before `end`, come from where it does. */
static uint32_t
run_of(const struct recover *r, uint32_t at, uint32_t end)
{
	const struct pick *p = &r->merge->picks[at];
	uint32_t n = 1;

	while (at + n < end && p[n].layer == p->layer &&
	    (p->layer == NULL || p[n].index == p->index + n))
		n++;
	return n;
}

/* The blocks before `end`; `base`, if not NULL, has those of the base. */
static int
write_blocks(struct recover *r, uint32_t end, const unsigned char *base,
    struct err *e)
{
	uint32_t at = (uint32_t)(r->off / BLOCK), limit = r->writing->limit, n;
	int rc = 0;

	for (; rc == 0 && at < end; at += n) {
		bool based = base != NULL && at < limit;

		n = run_of(r, at, based && limit < end ? limit : end);
		if (r->merge->picks[at].layer != NULL)
			rc = (r->merge->gather ? write_gathered :
			    write_layer)(r, at, n, e);
		else if (based)
			rc = output_write(r, base, (size_t)n * BLOCK, e);
		else
			rc = write_zeros(r, n, e);
		if (base != NULL)
			base += (size_t)n * BLOCK;
	}
	return rc;
}

int
merge_base(struct recover *r, const void *blocks, size_t count, struct err *e)
{
	uint32_t at = (uint32_t)(r->off / BLOCK), end = blocks_of(r->writing);

	if (count < end - at)
		end = at + (uint32_t)count;
	return write_blocks(r, end, blocks, e);
}

int
merge_end(struct recover *r, struct err *e)
{
	struct file *f = r->writing;

	if (write_blocks(r, blocks_of(f), NULL, e) == -1 || output_end(r,
	    e) == -1)
		return -1;
	merge_drop(f);
	f->state = FILE_DONE;
	return 0;
}
