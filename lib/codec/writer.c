#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "task/task.h"

/* More than a block of either kind can become. */
#define PACKED_MAX (CODEC_BLOCK + CODEC_BLOCK / 8 + 4096)

/* One block on its way; used again when it was delivered. */
struct job {
	struct job *next; /* in the list of idle ones */
	size_t len;
	struct buf packed;
	unsigned char plain[CODEC_BLOCK];
};

struct writer {
	struct sink base;
	struct sink *next;
	unsigned threads;
	struct codec_enc **encs; /* one a thread */
	struct task_line *line;
	struct job *filling; /* or NULL */
	struct job *idle;
	bool pushed; /* a block was given to the line */
};

/* On a worker's thread. */
static int
pack(void *ctx, unsigned worker, void *job, struct err *e)
{
	struct writer *w = ctx;
	struct job *j = job;

	buf_reset(&j->packed);
	return codec_enc_block(w->encs[worker], j->plain, j->len, &j->packed,
	    e);
}

/* These two on the writer's own thread: the idle list needs no lock. */
static void
retire(void *ctx, void *job)
{
	struct writer *w = ctx;
	struct job *j = job;

	j->next = w->idle;
	w->idle = j;
}

static int
deliver(void *ctx, void *job, struct err *e)
{
	struct writer *w = ctx;
	struct job *j = job;
	int rc = sink_write(w->next, j->packed.data, j->packed.len, e);

	retire(w, j);
	return rc;
}

/* The line bounds how many there are: 2 * threads, and the one filling. */
static struct job *
take_job(struct writer *w, struct err *e)
{
	struct job *j = w->idle;

	if (j != NULL) {
		w->idle = j->next;
	} else if ((j = malloc(sizeof *j)) != NULL) {
		j->packed = (struct buf)BUF_INIT(PACKED_MAX);
	} else {
		err_nomem(e);
		return NULL;
	}
	j->len = 0;
	return j;
}

static int
push(struct writer *w, struct err *e)
{
	struct job *j = w->filling;

	w->filling = NULL; /* the line's now */
	w->pushed = true;
	return task_line_push(w->line, j, e);
}

static int
writer_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct writer *w = (struct writer *)s;
	const char *p = data;

	while (len > 0) {
		struct job *j = w->filling;
		size_t n;

		if (j == NULL && (j = w->filling = take_job(w, e)) == NULL)
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

	if (!w->pushed && w->filling == NULL &&
	    (w->filling = take_job(w, e)) == NULL)
		return -1;
	if (w->filling != NULL && push(w, e) == -1)
		return -1;
	if (task_line_finish(w->line, e) == -1)
		return -1;
	return sink_finish(w->next, e);
}

static void
free_job(struct job *j)
{
	if (j != NULL)
		buf_free(&j->packed);
	free(j);
}

static void
writer_free(struct sink *s)
{
	struct writer *w = (struct writer *)s;

	task_line_free(w->line); /* retires what is on its way */
	free_job(w->filling);
	while (w->idle != NULL) {
		struct job *j = w->idle;

		w->idle = j->next;
		free_job(j);
	}
	for (unsigned i = 0; w->encs != NULL && i < w->threads; i++)
		codec_enc_free(w->encs[i]);
	free(w->encs);
	sink_free(w->next);
	free(w);
}

struct sink *
codec_writer(struct sink *next, const struct codec *codec, unsigned threads,
    struct err *e)
{
	static const struct sink_ops ops = { writer_write, writer_finish,
		writer_free };
	static const struct task_line_ops line_ops = { pack, deliver, retire };
	struct writer *w;

	assert(threads >= 1 && threads <= TASK_THREADS_MAX);
	if (next == NULL || codec->kind == CODEC_NONE)
		return next;
	if ((w = calloc(1, sizeof *w)) == NULL) {
		err_nomem(e);
		sink_free(next);
		return NULL;
	}
	w->base.ops = &ops;
	w->next = next;
	w->threads = threads;
	if ((w->encs = calloc(threads, sizeof(*w->encs))) == NULL) {
		err_nomem(e);
		goto fail;
	}
	for (unsigned i = 0; i < threads; i++)
		if ((w->encs[i] = codec_enc_new(codec, e)) == NULL)
			goto fail;
	if ((w->line = task_line_new(threads, &line_ops, w, e)) == NULL)
		goto fail;
	return &w->base;
fail:
	writer_free(&w->base);
	return NULL;
}
