#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fsx/fsx.h"
#include "proc/proc_int.h"

#define EXEC_FD 3 /* in the child: tells the parent why exec failed */
#define ABOVE_EXEC 16
#define CLOSE_MAX 65536

/* What the child needs, made ready before fork(): after it, no malloc. */
struct launch {
	const char *const *argv;
	const char **env;
	int null;
	int out[2], err[2], told[2]; /* pipes: ours, the child's */
	pid_t parent;
	unsigned close_max;
};

static bool
same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

static bool
is_replaced(const char *entry, const char *const *over)
{
	/* LC_ALL would outrank LC_MESSAGES */
	static const char *const dropped[] = { "LC_ALL=", "LC_MESSAGES=",
		"LANGUAGE=" };

	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
		if (same_name(entry, dropped[i]))
			return true;
	for (; over != NULL && *over != NULL; over++)
		if (same_name(entry, *over))
			return true;
	return false;
}

/* The child's environment; the array is the caller's, its strings are not. */
static const char **
make_environment(const char *const *over, struct err *e)
{
	char **ours = environ;
	const char **env;
	size_t n = 0, count = 2;

	for (size_t i = 0; ours != NULL && ours[i] != NULL; i++)
		count++;
	for (size_t i = 0; over != NULL && over[i] != NULL; i++)
		count++;
	if ((env = calloc(count, sizeof *env)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	env[n++] = "LC_MESSAGES=C";
	for (; ours != NULL && *ours != NULL; ours++)
		if (!is_replaced(*ours, over))
			env[n++] = *ours;
	for (; over != NULL && *over != NULL; over++)
		env[n++] = *over;
	return env;
}

/* From here to exec only what is safe after fork() in a threaded process. */

static void
close_others(unsigned max)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, EXEC_FD + 1, ~0u, 0) == 0)
		return;
#endif
	for (unsigned fd = EXEC_FD + 1; fd < max; fd++)
		close((int)fd);
}

static int
place_descriptors(const struct launch *l)
{
	int from[EXEC_FD + 1] = { l->null, l->out[1], l->err[1],
		l->told[1] };

	/* first out of the way, so that none is overwritten by another */
	for (int i = 0; i <= EXEC_FD; i++)
		if ((from[i] = fcntl(from[i], F_DUPFD, ABOVE_EXEC)) == -1)
			return -1;
	for (int i = 0; i <= EXEC_FD; i++)
		if (dup2(from[i], i) == -1)
			return -1;
	close_others(l->close_max);
	return fcntl(EXEC_FD, F_SETFD, FD_CLOEXEC);
}

static void
default_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
become(const struct launch *l)
{
	int why;

	/* the parent may have died before prctl() took effect */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != l->parent)
		_exit(127);
	setpgid(0, 0);
	if (place_descriptors(l) == 0) {
		default_signals();
		execvpe(l->argv[0], (char *const *)l->argv,
		    (char *const *)l->env);
	}
	why = errno;
	while (write(EXEC_FD, &why, sizeof why) == -1 && errno == EINTR)
		;
	_exit(127);
}

static pid_t
fork_child(const struct launch *l, struct err *e)
{
	struct sigaction child, plain = { .sa_handler = SIG_DFL };
	sigset_t all, old;
	pid_t pid;

	/* ignored by whoever started us, it would swallow exit statuses */
	if (sigaction(SIGCHLD, NULL, &child) == 0 &&
	    child.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &plain, NULL);
	/* no handler of ours may run in the child */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if ((pid = fork()) == 0)
		become(l);
	if (pid == -1)
		err_sys(e, "could not start \"%s\"", l->argv[0]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static int
open_launch(struct launch *l, const char *const *env, struct err *e)
{
	long max = sysconf(_SC_OPEN_MAX);

	l->close_max = max < 0 || max > CLOSE_MAX ? CLOSE_MAX : (unsigned)max;
	l->parent = getpid();
	if ((l->env = make_environment(env, e)) == NULL)
		return -1;
	l->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (l->null == -1)
		return err_sys(e, "could not open \"/dev/null\"");
	if (pipe2(l->out, O_CLOEXEC) == -1 ||
	    pipe2(l->err, O_CLOEXEC) == -1 || pipe2(l->told, O_CLOEXEC) == -1)
		return err_sys(e, "could not make a pipe");
	return 0;
}

static void
close_launch(struct launch *l)
{
	fsx_close(l->null);
	for (int i = 0; i < 2; i++) {
		fsx_close(l->out[i]);
		fsx_close(l->err[i]);
		fsx_close(l->told[i]);
	}
	free(l->env);
}

/* Wait until the child is another program, or says why it is not. */
static int
hear_exec(const struct launch *l, struct err *e)
{
	const char *name = l->argv[0];
	int why = 0;
	ssize_t n = fsx_read(l->told[0], &why, sizeof why, name, e);

	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof why)
		return err_set(e, ERR_SYS, "could not start \"%s\"", name);
	if (why == ENOENT || why == ENOTDIR)
		return err_set(e, ERR_ABSENT, "program \"%s\" is not installed",
		    name);
	errno = why;
	return err_sys(e, "could not start \"%s\"", name);
}

/* In the signal's thread: never blocks, and p->pid is not reaped before
 * stop_forget(). */
static void
on_stop(void *arg)
{
	struct proc *p = arg;
	uint64_t one = 1;

	kill(-p->pid, SIGTERM);
	if (write(p->wake, &one, sizeof one) == -1)
		return; /* full: readable already */
}

struct proc *
proc_start(const char *const *argv, const char *const *env, struct err *e)
{
	struct launch l = { .argv = argv, .null = -1, .out = { -1, -1 },
		.err = { -1, -1 }, .told = { -1, -1 } };
	struct proc *p = calloc(1, sizeof *p);

	if (p == NULL || (p->program = strdup(argv[0])) == NULL) {
		free(p);
		err_nomem(e);
		return NULL;
	}
	p->out = p->err = -1;
	if ((p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
		err_sys(e, "could not make an event descriptor");
		goto fail;
	}
	if (open_launch(&l, env, e) == -1 ||
	    (p->pid = fork_child(&l, e)) == -1) {
		p->pid = 0;
		goto fail;
	}
	fsx_close(l.told[1]);
	l.told[1] = -1;
	if (hear_exec(&l, e) == -1)
		goto fail;
	p->out = l.out[0];
	p->err = l.err[0];
	l.out[0] = l.err[0] = -1;
	close_launch(&l);
	stop_register(&p->slot, on_stop, p);
	return p;
fail:
	close_launch(&l);
	proc_free(p);
	return NULL;
}
