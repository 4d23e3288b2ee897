#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf/buf.h"
#include "fsx/fsx.h"
#include "proc/proc_int.h"

#define TERM_GRACE_MS 2000
#define NAP_MAX_MS 50
#define CAPTURE_BLOCK 4096

/* Take what stderr holds; closes it at its end. */
static void
drain_said(struct proc *p)
{
	char data[4096];
	ssize_t n = read(p->err, data, sizeof data);

	if (n > 0) {
		proc_hear(p, data, (size_t)n);
	} else if (n == 0 || errno != EINTR) {
		close(p->err);
		p->err = -1;
	}
}

enum { AT_OUT, AT_ERR, AT_WAKE, WATCHED };

/* poll() on what is open (-1 is not); a failure looks like nothing ready. */
static bool
watch(struct pollfd fds[WATCHED], int out, int err, int wake, int ms)
{
	fds[AT_OUT] = (struct pollfd){ .fd = out, .events = POLLIN };
	fds[AT_ERR] = (struct pollfd){ .fd = err, .events = POLLIN };
	fds[AT_WAKE] = (struct pollfd){ .fd = wake, .events = POLLIN };
	if (poll(fds, WATCHED, ms) > 0)
		return true;
	for (int i = 0; i < WATCHED; i++)
		fds[i].revents = 0;
	return false;
}

ssize_t
proc_read(struct proc *p, void *data, size_t len, struct err *e)
{
	struct pollfd fds[WATCHED];
	ssize_t n;

	if (p->ended)
		return 0;
	for (;;) {
		watch(fds, p->out, p->err, p->wake, -1);
		if (stop_check(e) == -1)
			return -1;
		if (fds[AT_ERR].revents != 0)
			drain_said(p);
		if (fds[AT_OUT].revents == 0)
			continue;
		if ((n = read(p->out, data, len)) > 0)
			return n;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "could not read from \"%s\"",
			    p->program);
		p->ended = true;
		return 0;
	}
}

static bool
has_exited(const struct proc *p)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)p->pid, &info,
	    WEXITED | WNOHANG | WNOWAIT) == -1 || info.si_pid != 0;
}

static void
reap(struct proc *p)
{
	/* first the action that signals it, lest it hit a reused number */
	stop_forget(&p->slot);
	while (!p->lost && waitpid(p->pid, &p->status, 0) == -1)
		p->lost = errno != EINTR;
	p->pid = 0;
}

/*
 * Wait until it has exited, hearing what it says; at most `ms` (-1: for
 * ever), or until a stop is requested when `stoppable`. True when it has.
 * Looking again and again costs little and needs nothing of new kernels.
 */
static bool
wait_exit(struct proc *p, int ms, bool stoppable)
{
	struct pollfd fds[WATCHED];
	int nap = 1, waited = 0;

	while (!has_exited(p)) {
		if (ms != -1 && waited >= ms)
			return false;
		if (!watch(fds, -1, p->err, stoppable ? p->wake : -1, nap))
			waited += nap;
		if (stoppable && stop_requested() != 0)
			return false;
		if (fds[AT_ERR].revents != 0)
			drain_said(p);
		nap = nap * 2 > NAP_MAX_MS ? NAP_MAX_MS : nap * 2;
	}
	return true;
}

/* What is left in the pipe when it has exited, but no waiting for more. */
static void
hear_rest(struct proc *p)
{
	struct pollfd fds[WATCHED];

	while (p->err != -1 && watch(fds, -1, p->err, -1, 0))
		drain_said(p);
}

/* SIGTERM lets pg_dump cancel what the server does for it. */
static void
end_child(struct proc *p)
{
	fsx_close(p->out);
	p->out = -1;
	kill(-p->pid, SIGTERM);
	wait_exit(p, TERM_GRACE_MS, false);
	kill(-p->pid, SIGKILL); /* and whatever it started itself */
	wait_exit(p, -1, false);
	hear_rest(p);
	reap(p);
}

int
proc_finish(struct proc *p, enum err_kind kind, struct err *e)
{
	bool whole = p->ended;

	if (p->pid != 0 && whole && wait_exit(p, -1, true)) {
		hear_rest(p);
		reap(p);
	} else if (p->pid != 0) {
		end_child(p);
		whole = false;
	}
	if (stop_check(e) == -1)
		return -1;
	if (!whole)
		return err_set(e, kind, "\"%s\" was ended before it was done",
		    p->program);
	return proc_judge(p, kind, e);
}

void
proc_free(struct proc *p)
{
	if (p == NULL)
		return;
	if (p->pid != 0)
		end_child(p);
	fsx_close(p->out);
	fsx_close(p->err);
	fsx_close(p->wake);
	free(p->program);
	free(p);
}

int
proc_capture(const char *const *argv, const char *const *env, size_t max,
    char **out, enum err_kind kind, struct err *e)
{
	struct buf b = BUF_INIT(max);
	struct proc *p = proc_start(argv, env, e);
	char data[CAPTURE_BLOCK];
	ssize_t n = -1;
	int rc = -1;

	if (p == NULL || buf_reserve(&b, 0, e) == -1)
		goto done;
	while ((n = proc_read(p, data, sizeof data, e)) > 0)
		if (buf_add(&b, data, (size_t)n, e) == -1)
			goto done;
	if (n == -1 || proc_finish(p, kind, e) == -1)
		goto done;
	*out = b.data;
	b = (struct buf)BUF_INIT(max);
	rc = 0;
done:
	proc_free(p);
	buf_free(&b);
	return rc;
}
