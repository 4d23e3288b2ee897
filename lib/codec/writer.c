#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "task/task.h"

/* One block on its way. */
struct job {
	size_t len;
	struct buf packed;
	unsigned char plain[CODEC_BLOCK];
};

struct writer {
	struct sink base;
	unsigned threads;
	struct codec_enc **encs; /* one a thread */
	struct sink_crew *crew;
	bool pushed; /* a block was given to the crew */
};

static void
begin(void *job)
{
	struct job *j = job;

	j->len = 0;
	j->packed.max = CODEC_PACKED_MAX;
	buf_reset(&j->packed);
}

static int
pack(void *ctx, unsigned worker, void *job, struct err *e)
{
	struct writer *w = ctx;
	struct job *j = job;

	return codec_enc_block(w->encs[worker], j->plain, j->len, &j->packed,
	    e);
}

static const void *
result(const void *job, size_t *len)
{
	const struct job *j = job;

	*len = j->packed.len;
	return j->packed.data;
}

static void
end(void *job)
{
	buf_free(&((struct job *)job)->packed);
}

static int
push(struct writer *w, struct err *e)
{
	w->pushed = true;
	return sink_crew_push(w->crew, e);
}

static int
writer_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct writer *w = (struct writer *)s;
	const char *p = data;

	while (len > 0) {
		struct job *j = sink_crew_take(w->crew, e);
		size_t n;

		if (j == NULL)
			return -1;
		n = CODEC_BLOCK - j->len < len ? CODEC_BLOCK - j->len : len;
		memcpy(j->plain + j->len, p, n);
		j->len += n;
		p += n;
		len -= n;
		if (j->len == CODEC_BLOCK && push(w, e) == -1)
			return -1;
	}
	return 0;
}

static int
writer_finish(struct sink *s, struct err *e)
{
	struct writer *w = (struct writer *)s;

	if (!w->pushed && sink_crew_take(w->crew, e) == NULL)
		return -1;
	if (sink_crew_job(w->crew) != NULL && push(w, e) == -1)
		return -1;
	if (sink_crew_drain(w->crew, e) == -1)
		return -1;
	return sink_finish(sink_crew_next(w->crew), e);
}

static void
writer_free(struct sink *s)
{
	struct writer *w = (struct writer *)s;

	sink_crew_free(w->crew);
	for (unsigned i = 0; w->encs != NULL && i < w->threads; i++)
		codec_enc_free(w->encs[i]);
	free(w->encs);
	free(w);
}

struct sink *
codec_writer(struct sink *next, const struct codec *codec, unsigned threads,
    struct err *e)
{
	static const struct sink_ops ops = { writer_write, writer_finish,
		writer_free };
	static const struct sink_crew_ops crew_ops = { sizeof(struct job),
		begin, pack, result, end };
	struct writer *w;

	assert(threads >= 1 && threads <= TASK_THREADS_MAX);
	if (codec->kind == CODEC_NONE)
		return next;
	if ((w = sink_stage(next, sizeof *w, e)) == NULL)
		return NULL;
	w->base.ops = &ops;
	w->threads = threads;
	w->crew = sink_crew_new(next, threads, &crew_ops, w, e);
	if (w->crew == NULL)
		goto fail;
	if ((w->encs = calloc(threads, sizeof(*w->encs))) == NULL) {
		err_nomem(e);
		goto fail;
	}
	for (unsigned i = 0; i < threads; i++)
		if ((w->encs[i] = codec_enc_new(codec, e)) == NULL)
			goto fail;
	return &w->base;
fail:
	writer_free(&w->base);
	return NULL;
}
