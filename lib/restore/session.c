#include <stdlib.h>
#include <string.h>

#include "restore/restore_int.h"
#include "stop/stop.h"
#include "task/task.h"

void
restore_init(struct restore *r, const struct restore_options *o)
{
	memset(r, 0, sizeof *r);
	r->o = o;
	r->into = o->into;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
}

void
restore_release(struct restore *r)
{
	crew_close(r);
	pg_close(r->main);
	pg_target_free(r->target);
	pick_free(r->pick);
	progress_free(r->progress);
	list_free(&r->late);
	free(r->former);
	free(r->encoding);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
}

/*
 * The end is made durable by mark_end(); until then a crash of the server
 * leaves a database that is marked. IntervalStyle decides how signs in the
 * rows are read; the dump wrote them in this one.
 */
static int
settle(struct pg *c, struct err *e)
{
	if (pg_exec(c, "SET synchronous_commit = off;"
	    " SET DateStyle = ISO; SET IntervalStyle = postgres;"
	    " SET standard_conforming_strings = on;"
	    " SET check_function_bodies = off; SET xmloption = content;"
	    " SET row_security = off; SET client_min_messages = warning", e) ==
	    -1)
		return -1;
	/* a backend whose client was killed must not go on for hours */
	return pg_server_version(c) < 140000 ? 0 :
	    pg_exec(c, "SET client_connection_check_interval = '2s'", e);
}

struct pg *
session_open(struct restore *r, struct err *e)
{
	struct pg *c = pg_connect(r->target, e);

	if (c != NULL && settle(c, e) == -1) {
		pg_close(c);
		return NULL;
	}
	return c;
}

int
crew_open(struct restore *r, struct err *e)
{
	unsigned jobs = r->o->jobs;

	if (r->sessions != NULL)
		return 0;
	if ((r->sessions = calloc(jobs, sizeof(struct pg *))) == NULL)
		return err_nomem(e);
	for (; r->session_count < jobs; r->session_count++) {
		struct pg *c = session_open(r, e);

		r->sessions[r->session_count] = c;
		if (c == NULL)
			return -1;
		if (r->encoding != NULL && pg_exec(c, r->encoding, e) == -1) {
			r->session_count++;
			return -1;
		}
	}
	return 0;
}

void
crew_close(struct restore *r)
{
	for (unsigned i = 0; i < r->session_count; i++)
		pg_close(r->sessions[i]);
	free(r->sessions);
	r->sessions = NULL;
	r->session_count = 0;
}

struct run {
	struct restore *r;
	int (*work)(void *ctx, struct pg *c, struct err *e);
	void *ctx;
};

static int
member(void *ctx, unsigned number, struct err *e)
{
	struct run *run = ctx;

	return run->work(run->ctx, run->r->sessions[number], e);
}

static void
member_failed(void *ctx)
{
	struct restore *r = ((struct run *)ctx)->r;

	pthread_mutex_lock(&r->lock);
	r->failed = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->session_count; i++)
		pg_interrupt(r->sessions[i]);
}

int
crew_run(struct restore *r, int (*work)(void *ctx, struct pg *c,
    struct err *e), void *ctx, struct err *e)
{
	struct run run = { r, work, ctx };

	if (crew_open(r, e) == -1)
		return -1;
	return task_crowd(r->session_count, member, member_failed, &run, e);
}

size_t
crew_next(struct restore *r, size_t *next, size_t count)
{
	size_t i = count;

	pthread_mutex_lock(&r->lock);
	if (!r->failed && stop_requested() == 0 && *next < count)
		i = (*next)++;
	pthread_mutex_unlock(&r->lock);
	return i;
}
