#include "task/task.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define JOBS 40
#define NEVER (-1)

static struct err e;

/* line */

struct job {
	int number;
	int worked, delivered, dropped;
	int square; /* made by work, read by deliver */
};

struct scene {
	unsigned threads;
	int work_fails, deliver_fails; /* at this job, or NEVER */
	struct job jobs[JOBS];
	int next;             /* the job that deliver expects */
	pthread_t owner;
	int busy[TASK_THREADS_MAX]; /* a worker's number is in use */
	unsigned in_flight, most;
	int wrong;            /* promises broken */
};

static int
work(void *ctx, unsigned worker, void *arg, struct err *why)
{
	struct scene *s = ctx;
	struct job *j = arg;
	int rc = 0;

	if (worker >= s->threads ||
	    __atomic_fetch_add(&s->busy[worker], 1, __ATOMIC_SEQ_CST) != 0)
		__atomic_fetch_add(&s->wrong, 1, __ATOMIC_SEQ_CST);
	j->worked++;
	j->square = j->number * j->number;
	/* let later jobs be done before earlier ones */
	for (int i = 0; i < (j->number * 7) % 5; i++)
		sched_yield();
	if (j->number == s->work_fails)
		rc = err_set(why, ERR_CORRUPT, "work %d", j->number);
	__atomic_fetch_sub(&s->busy[worker], 1, __ATOMIC_SEQ_CST);
	return rc;
}

static int
deliver(void *ctx, void *arg, struct err *why)
{
	struct scene *s = ctx;
	struct job *j = arg;

	s->in_flight--;
	j->delivered++;
	if (j->number != s->next++ || j->worked != 1 ||
	    j->square != j->number * j->number ||
	    !pthread_equal(pthread_self(), s->owner))
		s->wrong++;
	if (j->number == s->deliver_fails)
		return err_set(why, ERR_SYS, "deliver %d", j->number);
	return 0;
}

static void
drop(void *ctx, void *arg)
{
	struct scene *s = ctx;
	struct job *j = arg;

	s->in_flight--;
	j->dropped++;
	if (!pthread_equal(pthread_self(), s->owner))
		s->wrong++;
}

static const struct task_line_ops ops = { work, deliver, drop };

/* Push `count` jobs, perhaps finish, free. How many were pushed; rc of all. */
static int
play(struct scene *s, int count, bool finish, int *pushed)
{
	struct task_line *l = task_line_new(s->threads, &ops, s, &e);
	int rc = 0;

	s->owner = pthread_self();
	for (*pushed = 0; *pushed < count && rc == 0; ++*pushed) {
		s->jobs[*pushed].number = *pushed;
		if (++s->in_flight > s->most)
			s->most = s->in_flight;
		rc = task_line_push(l, &s->jobs[*pushed], &e);
	}
	if (finish && task_line_finish(l, &e) == -1)
		rc = -1;
	if (finish && rc == -1 && task_line_finish(l, &e) == 0)
		s->wrong++; /* a failure stays one */
	task_line_free(l);
	return rc;
}

/* What must hold after any scene; prints the first that does not. */
static bool
holds(const struct scene *s, int pushed, int rc, bool finish)
{
	int fails = s->work_fails != NEVER ? s->work_fails : s->deliver_fails;
	bool good = s->wrong == 0 && s->in_flight == 0 &&
	    s->most <= 2 * s->threads + 1;

	for (int i = 0; i < JOBS; i++) {
		const struct job *j = &s->jobs[i];

		/* each ends in exactly one way, and is worked on at most once */
		if (j->delivered + j->dropped != (i < pushed) ||
		    j->worked > 1 || (j->delivered && j->worked != 1))
			good = false;
		/* nothing is delivered from the job that failed on */
		if (fails != NEVER && j->delivered &&
		    (i > fails || (i == fails && s->work_fails != NEVER)))
			good = false;
	}
	if (finish && (rc == 0) != (fails == NEVER || fails >= pushed))
		good = false;
	return good;
}

static int
sweep_line(bool finish)
{
	int bad = 0, pushed, rc;

	for (unsigned threads = 1; threads <= 4; threads++)
		for (int at = -1; at < 2 * JOBS; at++) {
			struct scene s = { .threads = threads,
				.work_fails = at < JOBS ? at : NEVER,
				.deliver_fails = at < JOBS ? NEVER :
				    at - JOBS };
			char want[32];

			rc = play(&s, JOBS, finish, &pushed);
			if (!holds(&s, pushed, rc, finish)) {
				printf("# %u threads, failing at %d\n",
				    threads, at);
				bad++;
			}
			snprintf(want, sizeof want, "%s %d", at < JOBS ?
			    "work" : "deliver", at % JOBS);
			if (rc == -1 && strcmp(e.text, want) != 0) {
				printf("# %s, not %s\n", e.text, want);
				bad++;
			}
			err_clear(&e);
		}
	return bad;
}

static int
short_lines(void)
{
	int bad = 0, pushed, rc;

	for (unsigned threads = 1; threads <= 4; threads++)
		for (int count = 0; count <= 10; count++)
			for (int finish = 0; finish < 2; finish++) {
				struct scene s = { .threads = threads,
					.work_fails = NEVER,
					.deliver_fails = NEVER };

				rc = play(&s, count, finish, &pushed);
				bad += rc != 0 || pushed != count ||
				    !holds(&s, pushed, rc, finish) ||
				    (finish && s.next != count);
			}
	return bad;
}

/* Two fail: the one reported is one of them, and only one. */
static int
two_failures(void)
{
	int bad = 0, pushed;

	for (int i = 0; i < 100; i++) {
		struct scene s = { .threads = 4, .work_fails = 5,
			.deliver_fails = 4 };

		if (play(&s, JOBS, true, &pushed) != -1 ||
		    (strcmp(e.text, "work 5") != 0 &&
		    strcmp(e.text, "deliver 4") != 0) || s.wrong != 0)
			bad++;
		for (int j = 0; j < JOBS; j++)
			bad += s.jobs[j].delivered + s.jobs[j].dropped !=
			    (j < pushed);
		err_clear(&e);
	}
	return bad;
}

static bool
is_blocked(void)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, SIGTERM) == 1;
}

static int
masked_work(void *ctx, unsigned worker, void *job, struct err *why)
{
	(void)ctx;
	(void)worker;
	(void)why;
	*(bool *)job = is_blocked();
	return 0;
}

static int
no_deliver(void *ctx, void *job, struct err *why)
{
	(void)ctx;
	(void)job;
	(void)why;
	return 0;
}

static void
no_drop(void *ctx, void *job)
{
	(void)ctx;
	(void)job;
}

/* Signals are for stop's thread: the workers have them blocked, we do not. */
static void
signals(void)
{
	static const struct task_line_ops masked = { masked_work, no_deliver,
		no_drop };
	struct task_line *l = task_line_new(2, &masked, NULL, &e);
	bool blocked[4] = { false };

	for (int i = 0; i < 4; i++)
		task_line_push(l, &blocked[i], &e);
	task_line_finish(l, &e);
	task_line_free(l);
	OK(blocked[0] && blocked[1] && blocked[2] && blocked[3]);
	OK(!is_blocked());
}

/* crowd */

struct crowd {
	unsigned threads;
	int failing; /* this worker, or NEVER; -2: all */
	int ran[TASK_THREADS_MAX];
	int failed_calls, stop;
};

static int
attend(void *ctx, unsigned worker, struct err *why)
{
	struct crowd *c = ctx;
	struct timespec t = { 0, 1000000 };

	c->ran[worker]++;
	if (c->failing == -2 || (int)worker == c->failing)
		return err_set(why, ERR_PG, "worker %u", worker);
	/* wait as a worker in a query does, until told */
	while (c->failing != NEVER &&
	    __atomic_load_n(&c->stop, __ATOMIC_SEQ_CST) == 0)
		nanosleep(&t, NULL);
	return c->failing == NEVER ? 0 :
	    err_set(why, ERR_STOPPED, "told to stop");
}

static void
on_failed(void *ctx)
{
	struct crowd *c = ctx;

	__atomic_fetch_add(&c->failed_calls, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->stop, 1, __ATOMIC_SEQ_CST);
}

static void
crowds(void)
{
	int bad = 0;

	for (unsigned threads = 1; threads <= 8; threads++)
		for (int failing = -2; failing < (int)threads; failing++) {
			struct crowd c = { .threads = threads,
				.failing = failing };
			char want[32];
			int rc = task_crowd(threads, attend, on_failed, &c,
			    &e);

			bad += rc != (failing == NEVER ? 0 : -1);
			bad += c.failed_calls != (failing != NEVER);
			for (unsigned i = 0; i < TASK_THREADS_MAX; i++)
				bad += c.ran[i] != (i < threads);
			snprintf(want, sizeof want, "worker %d", failing);
			bad += failing >= 0 && strcmp(e.text, want) != 0;
			bad += failing == -2 && e.kind != ERR_PG;
			err_clear(&e);
		}
	EQ(bad, 0);
	struct crowd c = { .threads = 3, .failing = -2 };

	FAILS(task_crowd(3, attend, NULL, &c, &e) == -1, ERR_PG, "worker ");
}

/* queue */

#define QUEUED 200

struct line_of_jobs {
	int jobs[QUEUED];
	int done;  /* read by the owner when it may */
	int wrong;
};

static void
in_order(void *ctx, void *job)
{
	struct line_of_jobs *l = ctx;

	if (*(int *)job != __atomic_load_n(&l->done, __ATOMIC_SEQ_CST))
		l->wrong++;
	for (int i = 0; i < *(int *)job % 4; i++)
		sched_yield();
	__atomic_fetch_add(&l->done, 1, __ATOMIC_SEQ_CST);
}

static void
queues(void)
{
	int bad = 0;

	for (unsigned depth = 1; depth <= 5; depth++) {
		struct line_of_jobs l = { .wrong = 0 };
		struct task_queue *q = task_queue_new(depth, in_order, &l, &e);

		for (int i = 0; i < QUEUED; i++) {
			l.jobs[i] = i;
			task_queue_push(q, &l.jobs[i]);
			bad += __atomic_load_n(&l.done, __ATOMIC_SEQ_CST) <
			    i + 1 - (int)depth;
			if (i == QUEUED / 2) {
				task_queue_drain(q);
				bad += l.done != i + 1;
			}
		}
		task_queue_free(q);
		bad += l.done != QUEUED || l.wrong != 0;
	}
	EQ(bad, 0);
	task_queue_free(NULL);
}

int
main(void)
{
	alarm(120);
	OK(task_cores() >= 1 && task_cores() <= TASK_THREADS_MAX);
	EQ(short_lines(), 0);
	EQ(sweep_line(true), 0);
	EQ(sweep_line(false), 0); /* freed without finish */
	EQ(two_failures(), 0);
	signals();
	crowds();
	queues();
	task_line_free(NULL);
	return done();
}
