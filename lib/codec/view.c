#include <stdlib.h>

#include "codec/codec_int.h"
#include "digest/digest.h"
#include "task/task.h"

/* A block unpacked, or being unpacked. */
struct slot {
	size_t number; /* counted from 1; 0: none */
	struct codec_block block;
	struct buf plain;
	struct err e;
};

struct codec_view {
	struct blob *packed;
	const struct codec_map *map;
	struct codec_dec *dec;
	struct buf in;
	struct slot slots[2];
	unsigned at;              /* the slot read from; the other is ahead */
	bool pending;             /* the other is being unpacked */
	bool alone;               /* and is not used */
	struct task_queue *queue; /* NULL: nobody read on yet */
};

struct codec_view *
codec_view_new(struct blob *packed, const struct codec_map *map,
    struct err *e)
{
	struct codec_view *v = calloc(1, sizeof *v);

	if (v == NULL) {
		err_nomem(e);
		return NULL;
	}
	v->packed = packed;
	v->map = map;
	v->in = (struct buf)BUF_INIT(CODEC_PACKED_MAX);
	for (int i = 0; i < 2; i++)
		v->slots[i].plain = (struct buf)BUF_INIT(CODEC_BLOCK);
	if ((v->dec = codec_dec_new(map->kind, e)) == NULL) {
		codec_view_free(v);
		return NULL;
	}
	return v;
}

void
codec_view_free(struct codec_view *v)
{
	if (v == NULL)
		return;
	task_queue_free(v->queue);
	codec_dec_free(v->dec);
	buf_free(&v->in);
	buf_free(&v->slots[0].plain);
	buf_free(&v->slots[1].plain);
	free(v);
}

static int
unpack(struct codec_view *v, struct slot *s, struct err *e)
{
	const struct codec_block *b = &s->block;
	struct sink *out;
	int rc;

	buf_reset(&v->in);
	buf_reset(&s->plain);
	if (buf_reserve(&v->in, b->len, e) == -1 || blob_read(v->packed,
	    b->off, v->in.data, b->len, e) == -1)
		return -1;
	if (digest_crc32c(0, v->in.data, b->len) != b->crc)
		return err_set(e, ERR_CORRUPT,
		    "it changed while it was being read");
	if ((out = sink_buf(&s->plain, e)) == NULL)
		return -1;
	rc = codec_dec_blocks(v->dec, v->in.data, b->len, out, e);
	sink_free(out);
	if (v->alone) /* one of many: what it holds for long is little */
		buf_free(&v->in);
	return rc;
}

/* On the thread, or in its place; the outcome is in s->e. */
static void
unpack_slot(void *ctx, void *job)
{
	struct slot *s = job;

	s->e = (struct err)ERR_INIT;
	unpack(ctx, s, &s->e);
}

static void
aim(const struct codec_view *v, struct slot *s, size_t number)
{
	s->number = number;
	s->block = v->map->blocks[number - 1];
}

static void
settle(struct codec_view *v)
{
	if (v->pending)
		task_queue_drain(v->queue);
	v->pending = false;
}

void
codec_view_alone(struct codec_view *v)
{
	struct slot *ahead = &v->slots[1 - v->at];

	settle(v);
	v->alone = true;
	buf_free(&ahead->plain);
	ahead->number = 0;
}

/* The block after the present one, for who came here by reading on. */
static int
look_ahead(struct codec_view *v, size_t number, struct err *e)
{
	struct slot *s = &v->slots[1 - v->at];

	if (number >= v->map->count)
		return 0;
	if (v->queue == NULL && (v->queue = task_queue_new(1, unpack_slot, v,
	    e)) == NULL)
		return -1;
	aim(v, s, number + 1);
	v->pending = true;
	task_queue_push(v->queue, s);
	return 0;
}

/* Make the block `number` the present one. */
static int
turn_to(struct codec_view *v, size_t number, struct err *e)
{
	bool reads_on = number > 1 && v->slots[v->at].number == number - 1;
	struct slot *s;

	settle(v);
	if (v->slots[1 - v->at].number == number)
		v->at = 1 - v->at;
	s = &v->slots[v->at];
	if (s->number != number) {
		aim(v, s, number);
		unpack_slot(v, s);
	}
	if (s->e.kind != ERR_NONE) {
		s->number = 0;
		return err_pass(e, &s->e);
	}
	/* only the last may be shorter */
	if (s->plain.len != CODEC_BLOCK && number < v->map->count)
		return err_set(e, ERR_CORRUPT,
		    "it is not packed in blocks of one size");
	return reads_on && !v->alone ? look_ahead(v, number, e) : 0;
}

int
codec_view_at(struct codec_view *v, uint64_t off, const void **data,
    size_t *len, struct err *e)
{
	const struct codec_map *m = v->map;
	uint64_t n = off / CODEC_BLOCK;
	size_t within = (size_t)(off % CODEC_BLOCK);
	const struct buf *plain;

	if (n >= m->count)
		return err_set(e, ERR_CORRUPT, m->broken ? "it is not packed "
		    "in blocks" : "it ends too early");
	if (v->slots[v->at].number != n + 1 && turn_to(v, (size_t)n + 1,
	    e) == -1)
		return -1;
	plain = &v->slots[v->at].plain;
	if (within >= plain->len)
		return err_set(e, ERR_CORRUPT, "it ends too early");
	*data = plain->data + within;
	*len = plain->len - within;
	return 0;
}

int
codec_view_size(struct codec_view *v, uint64_t *size, struct err *e)
{
	size_t n = v->map->count;

	*size = 0;
	if (v->map->broken)
		return err_set(e, ERR_CORRUPT, "it is not packed in blocks");
	if (n == 0)
		return 0;
	if (v->slots[v->at].number != n && turn_to(v, n, e) == -1)
		return -1;
	*size = (uint64_t)(n - 1) * CODEC_BLOCK + v->slots[v->at].plain.len;
	return 0;
}
