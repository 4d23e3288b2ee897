/*
 * task: threads for work that is many equal jobs.
 *
 * A pool runs jobs in no order. A line runs jobs on several threads and
 * hands the results back in the order they were given. Both stop at the first
 * failure: jobs not begun are skipped, and that first error is the one
 * reported. A queue is one thread that does what cannot fail, in order.
 * Threads have all signals blocked.
 */
#ifndef PGK_TASK_H
#define PGK_TASK_H

#include <stddef.h>

#include "err/err.h"

#define TASK_THREADS_MAX 64

/* Cores this process may run on, 1..TASK_THREADS_MAX. */
unsigned task_cores(void);

/*
 * task_crowd: run `work(ctx, worker, &err)` once in each of `threads` threads
 * (worker = 0..threads-1) and wait for all: for workers that keep a state of
 * their own (a connection) and fetch their jobs themselves. With one thread
 * it runs in the caller's. Returns 0 when all returned 0; else -1 with the
 * error of the first to fail in *e.
 *
 * `failed`, if not NULL, is called once, from the failing worker's thread,
 * so that the others can be told to stop waiting.
 */
int task_crowd(unsigned threads, int (*work)(void *ctx, unsigned worker,
    struct err *e), void (*failed)(void *ctx), void *ctx, struct err *e);

/*
 * task_line: jobs in, results out in the same order.
 *
 *   threads  1..TASK_THREADS_MAX workers; with 1 no thread is made and work
 *            runs inside task_line_push()
 *   work     on a worker's thread; `worker` tells which (0..threads-1), so
 *            that a state per worker (a compressor) needs no lock
 *   deliver  in the thread that calls push or finish, in order
 *
 * A job is any pointer; it stays the caller's. After push a job is in flight
 * until it is delivered; at most 2 * threads are: push waits and delivers
 * the oldest first. After a failure push and finish return -1 with the first
 * error; jobs that will not be delivered are handed to `drop` instead (from
 * push, finish or free), so that each job ends in exactly one of the two.
 * `push` that fails has dropped its own job as well.
 */
struct task_line;
struct task_line_ops {
	int (*work)(void *ctx, unsigned worker, void *job, struct err *e);
	int (*deliver)(void *ctx, void *job, struct err *e);
	void (*drop)(void *ctx, void *job);
};
/* ctx is for the three of ops. */
struct task_line *task_line_new(unsigned threads,
    const struct task_line_ops *ops, void *ctx, struct err *e);
/* One more job; what is done is delivered on the way. */
int task_line_push(struct task_line *line, void *job, struct err *e);
/* Wait for all and deliver them. */
int task_line_finish(struct task_line *line, struct err *e);
/* NULL ok; waits for workers. */
void task_line_free(struct task_line *line);

/*
 * task_queue: jobs worked on by one thread, in order, while the owner goes on.
 * When task_queue_push() returns all but the last `depth` (1 or more) jobs are
 * done: with depth + 1 of them in turn one is always free.
 */
struct task_queue;
struct task_queue *task_queue_new(unsigned depth,
    void (*work)(void *ctx, void *job), void *ctx, struct err *e);
void task_queue_push(struct task_queue *q, void *job);
/* Wait for all. */
void task_queue_drain(struct task_queue *q);
void task_queue_free(struct task_queue *q); /* NULL ok; drains */

#endif
