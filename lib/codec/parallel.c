#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec_int.h"
#include "task/task.h"

/* One block on its way. */
struct job {
	struct buf packed, plain;
	size_t reach; /* codec_reach() of it, as far as is known */
};

struct reader {
	struct sink base;
	enum codec_kind kind;
	unsigned threads;
	struct codec_dec **decs; /* one a thread */
	struct sink_crew *crew;
	struct codec_map *map; /* or NULL */
	bool strict;           /* nothing else is read, */
	bool only_map;         /* and nothing is unpacked */
	struct sink *rest; /* reads what is not ours, from there on */
	bool pushed;       /* a block was given to the crew */
};

static void
begin(void *job)
{
	struct job *j = job;

	j->packed.max = CODEC_PACKED_MAX;
	j->plain.max = CODEC_BLOCK;
	buf_reset(&j->packed);
	buf_reset(&j->plain);
	j->reach = 1;
}

static int
unpack(void *ctx, unsigned worker, void *job, struct err *e)
{
	struct reader *r = ctx;
	struct job *j = job;
	struct sink *out = sink_buf(&j->plain, e);
	int rc = -1;

	if (out != NULL)
		rc = codec_dec_blocks(r->decs[worker], j->packed.data,
		    j->packed.len, out, e);
	sink_free(out);
	return rc;
}

static const void *
result(const void *job, size_t *len)
{
	const struct job *j = job;

	*len = j->plain.len;
	return j->plain.data;
}

static void
end(void *job)
{
	struct job *j = job;

	buf_free(&j->packed);
	buf_free(&j->plain);
}

/* Let the reader of any stream know that blocks came before what follows. */
static int
say_begun(struct reader *r, struct err *e)
{
	const struct codec codec = { r->kind, 1 };
	struct codec_enc *enc = codec_enc_new(&codec, e);
	struct buf empty = BUF_INIT(CODEC_PACKED_MAX);
	int rc = -1;

	if (enc != NULL && codec_enc_block(enc, "", 0, &empty, e) == 0)
		rc = sink_write(r->rest, empty.data, empty.len, e);
	buf_free(&empty);
	codec_enc_free(enc);
	return rc;
}

/* What begins with the bytes held is not ours: read it, and all, in order. */
static int
give_up(struct reader *r, struct err *e)
{
	const struct job *j = sink_crew_job(r->crew);

	if (r->map != NULL)
		r->map->broken = true;
	if (r->strict)
		return err_set(e, ERR_CORRUPT, "the %s data is damaged, or "
		    "of another's making", codec_name(r->kind));
	if (sink_crew_drain(r->crew, e) == -1)
		return -1;
	r->rest = codec_reader(sink_keep(sink_crew_next(r->crew), e),
	    r->kind, e);
	if (r->rest == NULL || (r->pushed && say_begun(r, e) == -1))
		return -1;
	return j == NULL || j->packed.len == 0 ? 0 :
	    sink_write(r->rest, j->packed.data, j->packed.len, e);
}

/* The bytes held go as far as was known: look further, or send them off. */
static int
look(struct reader *r, struct job *j, struct err *e)
{
	bool whole = false;

	j->reach = codec_reach(r->kind, j->packed.data, j->packed.len,
	    &whole);
	if (j->reach == 0 || j->reach > CODEC_PACKED_MAX)
		return give_up(r, e);
	if (!whole)
		return 0;
	r->pushed = true;
	if (r->map != NULL && codec_map_add(r->map, j->packed.data,
	    j->packed.len, e) == -1)
		return -1;
	if (r->only_map) {
		begin(j); /* the next one */
		return 0;
	}
	return sink_crew_push(r->crew, e);
}

static int
reader_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct reader *r = (struct reader *)s;
	const char *p = data;

	while (len > 0 && r->rest == NULL) {
		struct job *j = sink_crew_take(r->crew, e);
		size_t n;

		if (j == NULL)
			return -1;
		n = j->reach - j->packed.len;
		if (n > len)
			n = len;
		if (buf_add(&j->packed, p, n, e) == -1)
			return -1;
		p += n;
		len -= n;
		if (j->packed.len == j->reach && look(r, j, e) == -1)
			return -1;
	}
	return len == 0 ? 0 : sink_write(r->rest, p, len, e);
}

static int
reader_finish(struct sink *s, struct err *e)
{
	struct reader *r = (struct reader *)s;

	const struct job *j = sink_crew_job(r->crew);

	/* half a block, or nothing: the reader of any says what is wrong */
	if (r->rest == NULL && (!r->pushed || (j != NULL &&
	    j->packed.len > 0)) && give_up(r, e) == -1)
		return -1;
	if (r->rest != NULL ? sink_finish(r->rest, e) == -1 :
	    sink_crew_drain(r->crew, e) == -1)
		return -1;
	return sink_finish(sink_crew_next(r->crew), e);
}

static void
reader_free(struct sink *s)
{
	struct reader *r = (struct reader *)s;

	sink_free(r->rest);
	sink_crew_free(r->crew);
	for (unsigned i = 0; r->decs != NULL && i < r->threads; i++)
		codec_dec_free(r->decs[i]);
	free(r->decs);
	free(r);
}

struct sink *
codec_parallel_reader(struct sink *next, enum codec_kind kind,
    unsigned threads, struct err *e)
{
	return codec_mapped_reader(next, kind, threads, NULL, e);
}

struct sink *
codec_mapper(enum codec_kind kind, struct codec_map *map, struct err *e)
{
	struct sink *s = codec_mapped_reader(sink_null(e), kind, 1, map, e);

	if (s != NULL && kind != CODEC_NONE)
		((struct reader *)s)->only_map =
		    ((struct reader *)s)->strict = true;
	return s;
}

struct sink *
codec_strict_reader(struct sink *next, enum codec_kind kind,
    unsigned threads, struct err *e)
{
	struct sink *s = codec_mapped_reader(next, kind, threads, NULL, e);

	if (s != NULL && kind != CODEC_NONE)
		((struct reader *)s)->strict = true;
	return s;
}

struct sink *
codec_mapped_reader(struct sink *next, enum codec_kind kind,
    unsigned threads, struct codec_map *map, struct err *e)
{
	static const struct sink_ops ops = { reader_write, reader_finish,
		reader_free };
	static const struct sink_crew_ops crew_ops = { sizeof(struct job),
		begin, unpack, result, end };
	struct reader *r;

	assert(threads >= 1 && threads <= TASK_THREADS_MAX);
	if (map != NULL)
		map->kind = kind;
	if (kind == CODEC_NONE)
		return map == NULL ? next : codec_plain_mapped(next, map, e);
	if ((r = sink_stage(next, sizeof *r, e)) == NULL)
		return NULL;
	r->base.ops = &ops;
	r->kind = kind;
	r->threads = threads;
	r->map = map;
	r->crew = sink_crew_new(next, threads, &crew_ops, r, e);
	if (r->crew == NULL)
		goto fail;
	if ((r->decs = calloc(threads, sizeof(*r->decs))) == NULL) {
		err_nomem(e);
		goto fail;
	}
	for (unsigned i = 0; i < threads; i++)
		if ((r->decs[i] = codec_dec_new(kind, e)) == NULL)
			goto fail;
	return &r->base;
fail:
	reader_free(&r->base);
	return NULL;
}
