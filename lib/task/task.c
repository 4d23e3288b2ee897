#include "task/task_int.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* sched_getaffinity() is Linux's; elsewhere one thread is a safe answer. */
unsigned
task_cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof set, &set) == -1)
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > TASK_THREADS_MAX ? TASK_THREADS_MAX :
	    (unsigned)n;
}

int
task_start(pthread_t *thread, void *(*run)(void *arg), void *arg,
    struct err *e)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_set(e, ERR_SYS, "could not start a thread: %s",
		    strerror(rc));
	return 0;
}

/* crowd */

struct crowd {
	pthread_mutex_t lock;
	struct err first;
	int (*work)(void *ctx, unsigned worker, struct err *e);
	void (*failed)(void *ctx);
	void *ctx;
};

struct member {
	pthread_t thread;
	struct crowd *crowd;
	unsigned number;
};

static void
crowd_fail(struct crowd *c, const struct err *e)
{
	bool is_first;

	pthread_mutex_lock(&c->lock);
	is_first = c->first.kind == ERR_NONE;
	err_pass(&c->first, e);
	pthread_mutex_unlock(&c->lock);
	if (is_first && c->failed != NULL)
		c->failed(c->ctx);
}

static void *
member_run(void *arg)
{
	struct member *m = arg;
	struct err e = ERR_INIT;

	if (m->crowd->work(m->crowd->ctx, m->number, &e) == -1)
		crowd_fail(m->crowd, &e);
	return NULL;
}

int
task_crowd(unsigned threads, int (*work)(void *ctx, unsigned worker,
    struct err *e), void (*failed)(void *ctx), void *ctx, struct err *e)
{
	struct crowd c = { PTHREAD_MUTEX_INITIALIZER, ERR_INIT, work, failed,
		ctx };
	struct member *members;
	unsigned started = 0;

	if ((members = calloc(threads, sizeof *members)) == NULL)
		return err_nomem(e);
	for (unsigned i = 0; i < threads; i++)
		members[i] = (struct member){ .crowd = &c, .number = i };
	if (threads == 1) {
		member_run(&members[0]);
	} else {
		for (; started < threads; started++) {
			struct err why = ERR_INIT;

			if (task_start(&members[started].thread, member_run,
			    &members[started], &why) == -1) {
				crowd_fail(&c, &why);
				break;
			}
		}
		for (unsigned i = 0; i < started; i++)
			pthread_join(members[i].thread, NULL);
	}
	free(members);
	pthread_mutex_destroy(&c.lock);
	return err_pass(e, &c.first);
}

/* line */

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_RUNNING, SLOT_DONE };

struct slot {
	enum slot_state state;
	void *job;
};

struct line_worker {
	pthread_t thread;
	struct task_line *line;
	unsigned number;
};

struct task_line {
	const struct task_line_ops *ops;
	void *ctx;
	unsigned threads, started;
	struct line_worker *workers;
	pthread_mutex_t lock;
	pthread_cond_t to_worker, to_owner;
	/* a ring of jobs in order: head is the oldest not yet delivered */
	struct slot *slots;
	unsigned depth, head, used, next_work;
	bool closing;
	struct err first;
};

static void *
line_run(void *arg)
{
	struct line_worker *w = arg;
	struct task_line *l = w->line;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		struct slot *s = &l->slots[l->next_work];
		struct err e = ERR_INIT;
		bool skip;

		if (s->state != SLOT_WAITING) {
			if (l->closing)
				break;
			pthread_cond_wait(&l->to_worker, &l->lock);
			continue;
		}
		s->state = SLOT_RUNNING;
		l->next_work = (l->next_work + 1) % l->depth;
		skip = l->first.kind != ERR_NONE;
		pthread_mutex_unlock(&l->lock);
		if (!skip)
			l->ops->work(l->ctx, w->number, s->job, &e);
		pthread_mutex_lock(&l->lock);
		err_pass(&l->first, &e);
		s->state = SLOT_DONE;
		pthread_cond_signal(&l->to_owner);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

struct task_line *
task_line_new(unsigned threads, const struct task_line_ops *ops, void *ctx,
    struct err *e)
{
	struct task_line *l = calloc(1, sizeof *l);

	if (l == NULL) {
		err_nomem(e);
		return NULL;
	}
	l->ops = ops;
	l->ctx = ctx;
	l->threads = threads;
	l->depth = 2 * threads;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->to_worker, NULL);
	pthread_cond_init(&l->to_owner, NULL);
	l->slots = calloc(l->depth, sizeof *l->slots);
	l->workers = calloc(threads, sizeof *l->workers);
	if (l->slots == NULL || l->workers == NULL) {
		err_nomem(e);
		goto fail;
	}
	for (; threads > 1 && l->started < threads; l->started++) {
		struct line_worker *w = &l->workers[l->started];

		w->line = l;
		w->number = l->started;
		if (task_start(&w->thread, line_run, w, e) == -1)
			goto fail;
	}
	return l;
fail:
	task_line_free(l);
	return NULL;
}

/* Wait for the oldest job and hand it over, or drop it after a failure. */
static void
take_oldest(struct task_line *l)
{
	struct slot *s = &l->slots[l->head];
	struct err e = ERR_INIT;
	bool failed;
	void *job;

	pthread_mutex_lock(&l->lock);
	while (s->state != SLOT_DONE)
		pthread_cond_wait(&l->to_owner, &l->lock);
	job = s->job;
	s->state = SLOT_FREE;
	l->head = (l->head + 1) % l->depth;
	l->used--;
	failed = l->first.kind != ERR_NONE;
	pthread_mutex_unlock(&l->lock);
	if (failed) {
		l->ops->drop(l->ctx, job);
		return;
	}
	if (l->ops->deliver(l->ctx, job, &e) == -1) {
		pthread_mutex_lock(&l->lock);
		err_pass(&l->first, &e);
		pthread_mutex_unlock(&l->lock);
	}
}

static int
line_error(struct task_line *l, struct err *e)
{
	int rc;

	pthread_mutex_lock(&l->lock);
	rc = l->first.kind == ERR_NONE ? 0 : -1;
	if (rc == -1)
		err_pass(e, &l->first);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

static int
push_alone(struct task_line *l, void *job, struct err *e)
{
	if (l->ops->work(l->ctx, 0, job, &l->first) == -1)
		l->ops->drop(l->ctx, job);
	else
		l->ops->deliver(l->ctx, job, &l->first);
	return line_error(l, e);
}

int
task_line_push(struct task_line *l, void *job, struct err *e)
{
	unsigned at;

	if (l->used == l->depth)
		take_oldest(l);
	if (line_error(l, e) == -1) {
		l->ops->drop(l->ctx, job);
		return -1;
	}
	if (l->threads == 1)
		return push_alone(l, job, e);
	pthread_mutex_lock(&l->lock);
	at = (l->head + l->used) % l->depth;
	l->slots[at] = (struct slot){ SLOT_WAITING, job };
	l->used++;
	pthread_cond_signal(&l->to_worker);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

int
task_line_finish(struct task_line *l, struct err *e)
{
	while (l->used > 0)
		take_oldest(l);
	return line_error(l, e);
}

void
task_line_free(struct task_line *l)
{
	struct err gone = { .kind = ERR_STOPPED };

	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	if (l->used > 0)
		err_pass(&l->first, &gone);
	pthread_mutex_unlock(&l->lock);
	while (l->used > 0)
		take_oldest(l);
	pthread_mutex_lock(&l->lock);
	l->closing = true;
	pthread_cond_broadcast(&l->to_worker);
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < l->started; i++)
		pthread_join(l->workers[i].thread, NULL);
	pthread_cond_destroy(&l->to_owner);
	pthread_cond_destroy(&l->to_worker);
	pthread_mutex_destroy(&l->lock);
	free(l->workers);
	free(l->slots);
	free(l);
}
