#include <stdbool.h>
#include <stdlib.h>

#include "task/task_int.h"

struct task_queue {
	void (*work)(void *ctx, void *job);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t to_worker, to_owner;
	/* a ring: `head` is the oldest, being worked on or next */
	void **jobs;
	unsigned depth, head, used;
	bool closing;
};

static void *
queue_run(void *arg)
{
	struct task_queue *q = arg;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		void *job = q->jobs[q->head];

		if (q->used == 0) {
			if (q->closing)
				break;
			pthread_cond_wait(&q->to_worker, &q->lock);
			continue;
		}
		pthread_mutex_unlock(&q->lock);
		q->work(q->ctx, job);
		pthread_mutex_lock(&q->lock);
		q->head = (q->head + 1) % (q->depth + 1);
		q->used--;
		pthread_cond_signal(&q->to_owner);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

struct task_queue *
task_queue_new(unsigned depth, void (*work)(void *ctx, void *job), void *ctx,
    struct err *e)
{
	struct task_queue *q = calloc(1, sizeof *q);

	if (q == NULL || (q->jobs = calloc(depth + 1, sizeof *q->jobs)) ==
	    NULL) {
		free(q);
		err_nomem(e);
		return NULL;
	}
	q->work = work;
	q->ctx = ctx;
	q->depth = depth;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->to_worker, NULL);
	pthread_cond_init(&q->to_owner, NULL);
	if (task_start(&q->thread, queue_run, q, e) == 0)
		return q;
	pthread_cond_destroy(&q->to_owner);
	pthread_cond_destroy(&q->to_worker);
	pthread_mutex_destroy(&q->lock);
	free(q->jobs);
	free(q);
	return NULL;
}

static void
wait_for(struct task_queue *q, unsigned most)
{
	while (q->used > most)
		pthread_cond_wait(&q->to_owner, &q->lock);
}

void
task_queue_push(struct task_queue *q, void *job)
{
	pthread_mutex_lock(&q->lock);
	q->jobs[(q->head + q->used) % (q->depth + 1)] = job;
	q->used++;
	pthread_cond_signal(&q->to_worker);
	wait_for(q, q->depth);
	pthread_mutex_unlock(&q->lock);
}

void
task_queue_drain(struct task_queue *q)
{
	pthread_mutex_lock(&q->lock);
	wait_for(q, 0);
	pthread_mutex_unlock(&q->lock);
}

void
task_queue_free(struct task_queue *q)
{
	if (q == NULL)
		return;
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_cond_signal(&q->to_worker);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	pthread_cond_destroy(&q->to_owner);
	pthread_cond_destroy(&q->to_worker);
	pthread_mutex_destroy(&q->lock);
	free(q->jobs);
	free(q);
}
