#include <stdalign.h>
#include <stdlib.h>

#include "sink/sink.h"
#include "task/task.h"

/* A job and, before it, the list of those not in use. */
struct cell {
	alignas(max_align_t) struct cell *idle;
	alignas(max_align_t) unsigned char job[];
};

struct sink_crew {
	const struct sink_crew_ops *ops;
	void *ctx;
	struct sink *next;
	struct task_line *line;
	struct cell *filling; /* or NULL */
	struct cell *idle;    /* touched in the owner's thread only */
};

static int
crew_work(void *ctx, unsigned worker, void *job, struct err *e)
{
	struct sink_crew *c = ctx;

	return c->ops->work(c->ctx, worker, ((struct cell *)job)->job, e);
}

static void
crew_retire(void *ctx, void *job)
{
	struct sink_crew *c = ctx;
	struct cell *cell = job;

	cell->idle = c->idle;
	c->idle = cell;
}

static int
crew_deliver(void *ctx, void *job, struct err *e)
{
	struct sink_crew *c = ctx;
	size_t len = 0;
	const void *data = c->ops->result(((struct cell *)job)->job, &len);
	int rc = sink_write(c->next, data, len, e);

	crew_retire(c, job);
	return rc;
}

struct sink_crew *
sink_crew_new(struct sink *next, unsigned threads,
    const struct sink_crew_ops *ops, void *ctx, struct err *e)
{
	static const struct task_line_ops line_ops = { crew_work,
		crew_deliver, crew_retire };
	struct sink_crew *c;

	if ((c = sink_stage(next, sizeof *c, e)) == NULL)
		return NULL;
	c->ops = ops;
	c->ctx = ctx;
	c->next = next;
	if ((c->line = task_line_new(threads, &line_ops, c, e)) == NULL) {
		sink_crew_free(c);
		return NULL;
	}
	return c;
}

void *
sink_crew_job(const struct sink_crew *c)
{
	return c->filling == NULL ? NULL : c->filling->job;
}

void *
sink_crew_take(struct sink_crew *c, struct err *e)
{
	struct cell *cell = c->idle;

	if (c->filling != NULL)
		return c->filling->job;
	if (cell != NULL) {
		c->idle = cell->idle;
	} else if ((cell = calloc(1, sizeof *cell + c->ops->size)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	c->ops->begin(cell->job);
	c->filling = cell;
	return cell->job;
}

int
sink_crew_push(struct sink_crew *c, struct err *e)
{
	struct cell *cell = c->filling;

	c->filling = NULL; /* the line's now */
	return task_line_push(c->line, cell, e);
}

int
sink_crew_drain(struct sink_crew *c, struct err *e)
{
	return task_line_finish(c->line, e);
}

struct sink *
sink_crew_next(const struct sink_crew *c)
{
	return c->next;
}

static void
free_cell(struct sink_crew *c, struct cell *cell)
{
	if (cell != NULL && c->ops->end != NULL)
		c->ops->end(cell->job);
	free(cell);
}

void
sink_crew_free(struct sink_crew *c)
{
	if (c == NULL)
		return;
	task_line_free(c->line); /* retires what is on its way */
	free_cell(c, c->filling);
	while (c->idle != NULL) {
		struct cell *cell = c->idle;

		c->idle = cell->idle;
		free_cell(c, cell);
	}
	sink_free(c->next);
	free(c);
}
