/* stop: each case is a process of its own, since a signal comes but once. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stop/stop.h"
#include "stop/stop_int.h"
#include "tap.h"

static void
nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static void
wait_for_request(void)
{
	for (int i = 0; i < 500 && stop_requested() == 0; i++)
		nap(10);
}

/* Run `child` in a fork; its exit status, or 1000 + the signal. */
static int
run(int (*child)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		alarm(15);
		_exit(child());
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    1000 + WTERMSIG(status);
}

static int ran[4];

static void
mark(void *arg)
{
	++*(int *)arg;
}

/* Actions run once each, the forgotten ones not, later ones at once. */
static int
actions(void)
{
	struct stop_slot a, b, c, d;
	struct err e = ERR_INIT;

	if (stop_install(&e) == -1 || stop_check(&e) == -1)
		return 1;
	stop_register(&a, mark, &ran[0]);
	stop_register(&b, mark, &ran[1]);
	stop_register(&c, mark, &ran[2]);
	stop_forget(&b);
	kill(getpid(), SIGTERM);
	wait_for_request();
	stop_forget(&a);
	stop_forget(&c);
	stop_register(&d, mark, &ran[3]);
	if (ran[0] != 1 || ran[1] != 0 || ran[2] != 1 || ran[3] != 1)
		return 2;
	stop_forget(&d);
	if (stop_check(&e) != -1 || e.kind != ERR_STOPPED ||
	    strcmp(e.text, "stopped by SIGTERM") != 0)
		return 3;
	return stop_requested() == SIGTERM ? 0 : 4;
}

static int
named(int sig, const char *text)
{
	struct err e = ERR_INIT;

	if (stop_install(&e) == -1)
		return 1;
	kill(getpid(), sig);
	wait_for_request();
	return stop_check(&e) == -1 && strcmp(e.text, text) == 0 ? 0 : 2;
}

static int
interrupt(void)
{
	return named(SIGINT, "stopped by SIGINT");
}

static int
hangup(void)
{
	return named(SIGHUP, "stopped by SIGHUP");
}

static int
second(void)
{
	struct err e = ERR_INIT;

	stop_install(&e);
	kill(getpid(), SIGTERM);
	wait_for_request();
	kill(getpid(), SIGINT);
	nap(5000);
	return 0;
}

/* timeout(1) sends its signal to the process and to the group. */
static int
twice(void)
{
	struct err e = ERR_INIT;

	stop_install(&e);
	kill(getpid(), SIGINT);
	wait_for_request();
	kill(getpid(), SIGINT);
	nap(700);
	return stop_requested() == SIGINT ? 7 : 8;
}

static int
again(void)
{
	struct err e = ERR_INIT;

	stop_install(&e);
	kill(getpid(), SIGINT);
	wait_for_request();
	nap(700);
	kill(getpid(), SIGINT);
	nap(5000);
	return 0;
}

static int
too_slow(void)
{
	struct err e = ERR_INIT;

	stop_grace = 1;
	stop_install(&e);
	kill(getpid(), SIGTERM);
	nap(5000);
	return 0;
}

static int
nohup(void)
{
	struct err e = ERR_INIT;

	signal(SIGHUP, SIG_IGN);
	stop_install(&e);
	kill(getpid(), SIGHUP);
	nap(200);
	return stop_requested();
}

static int
closed_pipe(void)
{
	struct err e = ERR_INIT;
	int fds[2];

	stop_install(&e);
	if (pipe(fds) == -1)
		return 1;
	close(fds[0]);
	return write(fds[1], "x", 1) == -1 ? 0 : 2;
}

static int running, stayed;

static void
slow_action(void *arg)
{
	(void)arg;
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	nap(200);
	stayed = 1;
}

/* stop_forget() waits for an action that is running. */
static int
forget_waits(void)
{
	struct stop_slot s;
	struct err e = ERR_INIT;

	stop_install(&e);
	stop_register(&s, slow_action, NULL);
	kill(getpid(), SIGTERM);
	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) == 0)
		nap(1);
	stop_forget(&s);
	return stayed ? 0 : 1;
}

int
main(void)
{
	struct stop_slot s;

	signal(SIGHUP, SIG_DFL); /* may be ignored, under nohup(1) */
	EQ(run(actions), 0);
	EQ(run(interrupt), 0);
	EQ(run(hangup), 0);
	EQ(run(second), 128 + SIGINT);
	EQ(run(twice), 7);
	EQ(run(again), 128 + SIGINT);
	EQ(run(too_slow), 128 + SIGTERM);
	EQ(run(nohup), 0);
	EQ(run(closed_pipe), 0);
	EQ(run(forget_waits), 0);
	/* without stop_install() */
	EQ(stop_requested(), 0);
	stop_register(&s, mark, &ran[0]);
	stop_forget(&s);
	EQ(ran[0], 0);
	return done();
}
