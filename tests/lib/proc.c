#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc/proc.h"
#include "stop/stop.h"
#include "tap.h"

static struct err e;

#define SH(script) ((const char *const[]){ "sh", "-c", (script), NULL })

static void
nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Read to the end; bytes, or -1. */
static long
read_all(struct proc *p)
{
	char data[65536];
	long sum = 0;
	ssize_t n;

	while ((n = proc_read(p, data, sizeof data, &e)) > 0)
		sum += n;
	return n == -1 ? -1 : sum;
}

/* Run a script to its end; the result of proc_finish(). */
static int
finish(const char *script)
{
	struct proc *p = proc_start(SH(script), NULL, &e);
	int rc;

	if (p == NULL || read_all(p) == -1)
		return -2;
	rc = proc_finish(p, ERR_PG, &e);
	proc_free(p);
	return rc;
}

static char *
captured(const char *script, const char *const *env)
{
	char *out = NULL;

	if (proc_capture(SH(script), env, 65536, &out, ERR_PG, &e) == -1)
		return NULL;
	return out;
}

static void
capture(void)
{
	const char *const env[] = { "PGK_A=one", "PGK_B=", NULL };
	char *out;

	out = captured("printf 'a b'", NULL);
	IS(out, "a b");
	free(out);
	out = captured(":", NULL);
	IS(out, "");
	free(out);
	setenv("PGK_A", "ours", 1);
	setenv("PGK_C", "kept", 1);
	setenv("LC_ALL", "ko_KR.UTF-8", 1);
	setenv("LANGUAGE", "ko", 1);
	out = captured("env | grep -c '^PGK_A='; echo $PGK_A ${PGK_B-unset} "
	    "$PGK_C $LC_MESSAGES ${LC_ALL-unset} ${LANGUAGE-unset}", env);
	IS(out, "1\none kept C unset unset\n");
	free(out);
	out = NULL;
	FAILS(proc_capture(SH("printf 12345"), NULL, 4, &out, ERR_PG, &e) ==
	    -1, ERR_NOMEM, "4 bytes");
	OK(out == NULL);
	/* words are words: no shell looks at them */
	OK(proc_capture((const char *const[]){ "printf", "%s",
	    "$(id); 'x' \"y\"\n", NULL }, NULL, 100, &out, ERR_PG, &e) == 0);
	IS(out, "$(id); 'x' \"y\"\n");
	free(out);
}

static void
endings(void)
{
	EQ(finish("exit 0"), 0);
	FAILS(finish("exit 3") == -1, ERR_PG,
	    "\"sh\" ended with exit status 3");
	FAILS(finish("kill -SEGV $$") == -1, ERR_PG,
	    "\"sh\" was killed by signal 11 (Segmentation fault)");
	FAILS(finish("echo one >&2; echo two >&2; exit 1") == -1, ERR_PG,
	    "status 1: two");
	FAILS(finish("echo 'x: error: first' >&2; echo 'x: error: it broke' "
	    ">&2; echo 'x: detail: at 5' >&2; echo 'x: hint: mend it' >&2; "
	    "echo bye >&2; exit 1") == -1, ERR_PG,
	    "status 1: it broke; at 5");
	OK(finish("echo 'x: error: a' >&2; echo 'x: hint: mend it' >&2; "
	    "exit 1") == -1);
	IS(e.hint, "mend it");
	err_clear(&e);
	FAILS(finish("echo 'FATAL:  no role' >&2; echo bye >&2; exit 2") ==
	    -1, ERR_PG, "status 2: FATAL:  no role");
	FAILS(finish("printf 'no end\\000of line' >&2; exit 1") == -1, ERR_PG,
	    "status 1: no end?of line");
	/* words on stderr alone are no failure */
	EQ(finish("echo 'error: only a word' >&2"), 0);
	FAILS(proc_start((const char *const[]){ "pgk-no-such-program", NULL },
	    NULL, &e) == NULL, ERR_ABSENT, "\"pgk-no-such-program\"");
	FAILS(proc_start((const char *const[]){ "/dev/null", NULL }, NULL,
	    &e) == NULL, ERR_SYS, "Permission denied");
}

/* Neither pipe may block the other, whatever the order. */
static void
both_pipes(void)
{
	struct proc *p = proc_start(SH("head -c 1000000 /dev/zero >&2; "
	    "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; "
	    "echo; echo tail >&2; exec >&-; head -c 300000 /dev/zero >&2; "
	    "echo >&2; echo last >&2; exit 7"), NULL, &e);

	EQ(read_all(p), 1000001);
	FAILS(proc_finish(p, ERR_PG, &e) == -1, ERR_PG, "last");
	EQ(strlen(proc_said(p)), PROC_SAID_MAX);
	proc_free(p);
}

static void
inherited(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int leak = dup(1); /* no CLOEXEC: as if our parent left it open */
	sigset_t set;
	char *out;

	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	OK(leak > 2);
	/* no pipeline: the shell would have its ends open for a moment */
	out = captured("ls /proc/$$/fd; readlink /proc/$$/fd/0", NULL);
	IS(out, "0\n1\n2\n/dev/null\n");
	free(out);
	/* signals 32 and 33 are libc's own; make leaves them ignored */
	out = captured("grep -E '^Sig(Blk|Ign)' /proc/self/status | "
	    "sed s/000000018/000000000/", NULL);
	IS(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	free(out);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	close(leak);
}

static bool
is_gone(pid_t pid)
{
	for (int i = 0; i < 500; i++) {
		/* ours by PR_SET_CHILD_SUBREAPER */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (kill(pid, 0) == -1 && errno == ESRCH)
			return true;
		nap(10);
	}
	return false;
}

/* A script that says its number and sleeps; the number. */
static pid_t
start_sleeper(struct proc **p, const char *script)
{
	char word[32] = "";
	ssize_t n;

	*p = proc_start(SH(script), NULL, &e);
	if (*p == NULL)
		return -1;
	n = proc_read(*p, word, sizeof word - 1, &e);
	return n > 0 ? (pid_t)atoi(word) : -1;
}

#define SLEEPER "echo $$; exec sleep 1000"
#define STUBBORN "trap '' TERM; echo $$; while :; do sleep 1; done"

static void
unfinished(void)
{
	struct proc *p;
	pid_t pid = start_sleeper(&p, SLEEPER);
	double start = now();

	OK(pid > 0 && kill(pid, 0) == 0);
	FAILS(proc_finish(p, ERR_PG, &e) == -1, ERR_PG,
	    "\"sh\" was ended before it was done");
	OK(is_gone(pid));
	proc_free(p);
	pid = start_sleeper(&p, SLEEPER);
	proc_free(p);
	OK(is_gone(pid));
	OK(now() - start < 1);
	/* one that ignores SIGTERM, with a child of its own */
	pid = start_sleeper(&p, STUBBORN);
	proc_free(p);
	OK(is_gone(pid));
	OK(now() - start >= 2 && now() - start < 4);
	proc_free(NULL);
}

/* Nobody runs our cleanup after SIGKILL: the kernel must end the child. */
static void
killed_parent(void)
{
	int fds[2];
	pid_t parent, child = 0;
	ssize_t n;

	OK(pipe(fds) == 0);
	fflush(stdout);
	if ((parent = fork()) == 0) {
		struct proc *p;

		child = start_sleeper(&p, STUBBORN);
		n = write(fds[1], &child, sizeof child);
		for (;;)
			pause();
	}
	n = read(fds[0], &child, sizeof child);
	EQ(n, sizeof child);
	OK(child > 0 && kill(child, 0) == 0);
	kill(parent, SIGKILL);
	OK(is_gone(child));
	close(fds[0]);
	close(fds[1]);
}

/* The same at any instant of the start: no child may slip away. */
static void
killed_at_start(void)
{
	int left = 0;

	for (long us = 0; us < 4000; us += 100) {
		struct timespec t = { 0, us * 1000 };
		int fds[2];
		char c;
		pid_t parent;

		if (pipe(fds) == -1)
			break;
		if ((parent = fork()) == 0) {
			close(fds[0]);
			/* the write end ends with the last process alive */
			proc_start(SH("exec sleep 1000"), NULL, &e);
			for (;;)
				pause();
		}
		close(fds[1]);
		nanosleep(&t, NULL);
		kill(parent, SIGKILL);
		waitpid(parent, NULL, 0);
		while (waitpid(-1, NULL, 0) > 0)
			left++; /* a child of the dead, given to us */
		if (read(fds[0], &c, 1) != 0)
			tap_ok(false, "pipe not closed", __FILE__, __LINE__);
		close(fds[0]);
	}
	/* that we came here is the test: waitpid() would wait for a sleeper */
	printf("# %d children of 40 killed parents, none left\n", left);
	OK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
}

static void *
stop_soon(void *arg)
{
	nap(100);
	kill(getpid(), SIGTERM);
	return arg;
}

/* A blocked proc_read() and a blocked proc_finish() end by a stop. */
static int
stopped(const char *script, bool read_first)
{
	pthread_t thread;
	struct proc *p;
	double start = now();
	char data[16];
	ssize_t n = 0;
	int rc = 0;

	stop_install(&e);
	p = proc_start(SH(script), NULL, &e);
	pthread_create(&thread, NULL, stop_soon, NULL);
	if (read_first && (n = proc_read(p, data, sizeof data, &e)) != -1)
		rc = 1;
	if (!read_first && read_all(p) != 0)
		rc = 2;
	if (!read_first && proc_finish(p, ERR_PG, &e) != -1)
		rc = 3;
	if (e.kind != ERR_STOPPED || strcmp(e.text, "stopped by SIGTERM") != 0)
		rc = 4;
	if (now() - start > 1)
		rc = 5;
	proc_free(p);
	pthread_join(thread, NULL);
	/* and one that starts after the stop ends at once */
	err_clear(&e);
	p = proc_start(SH("sleep 1000"), NULL, &e);
	if (p == NULL || proc_read(p, data, sizeof data, &e) != -1 ||
	    e.kind != ERR_STOPPED)
		rc = 6;
	proc_free(p);
	return rc;
}

static int
stopped_apart(const char *script, bool read_first)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		alarm(15);
		_exit(stopped(script, read_first));
	}
	waitpid(pid, &status, 0);
	return status;
}

static void
ignored_sigchld(void)
{
	signal(SIGCHLD, SIG_IGN);
	FAILS(finish("exit 4") == -1, ERR_PG, "status 4");
	EQ(finish("exit 0"), 0);
}

int
main(void)
{
	alarm(60);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	capture();
	endings();
	both_pipes();
	inherited();
	unfinished();
	killed_parent();
	killed_at_start();
	EQ(stopped_apart("sleep 1000", true), 0);
	EQ(stopped_apart("exec >&-; exec sleep 1000", false), 0);
	EQ(stopped_apart("trap '' TERM; sleep 1000; sleep 1000", true), 0);
	ignored_sigchld();
	return done();
}
