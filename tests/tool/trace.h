/*
 * trace: run a command and stop at each of its state-changing system calls,
 * in whatever process or thread of it, counted in one sequence.
 *
 * seccomp (RET_TRACE) picks the calls, so that all others run at full
 * speed; ptrace stops at them before they happen. Every process the command
 * leaves is killed when the tracer ends (PTRACE_O_EXITKILL), in whatever way
 * it ends. Linux on x86-64 or aarch64.
 */
#ifndef PGK_TRACE_H
#define PGK_TRACE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#define TRACE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define TRACE_ARCH AUDIT_ARCH_AARCH64
#else
#error "trace.h knows x86-64 and aarch64"
#endif

#define TRACE_BROKEN 125 /* our own failure, as timeout(1) and env(1) say */
#define TRACE_GRACE 20   /* seconds processes may outlive their parent */

/* Calls that change files, and calls that change anything else. */
enum trace_set { TRACE_FILE = 1, TRACE_OTHER = 2, TRACE_ALL = 3 };

/* Which uses of a call count. */
enum trace_when { TRACE_ALWAYS, TRACE_WRITABLE, TRACE_LOCKING };

struct trace_call {
	const char *name;
	unsigned nr;
	enum trace_set set;
	enum trace_when when;
	unsigned arg; /* the argument `when` looks at */
};

#define TRACE_CALL(name, set) { #name, SYS_##name, set, TRACE_ALWAYS, 0 }
static const struct trace_call trace_calls[] = {
#ifdef SYS_open
	{ "open", SYS_open, TRACE_FILE, TRACE_WRITABLE, 1 },
	TRACE_CALL(creat, TRACE_FILE),
	TRACE_CALL(rename, TRACE_FILE),
	TRACE_CALL(link, TRACE_FILE),
	TRACE_CALL(symlink, TRACE_FILE),
	TRACE_CALL(unlink, TRACE_FILE),
	TRACE_CALL(mkdir, TRACE_FILE),
	TRACE_CALL(rmdir, TRACE_FILE),
	TRACE_CALL(chmod, TRACE_FILE),
	TRACE_CALL(fork, TRACE_OTHER),
	TRACE_CALL(vfork, TRACE_OTHER),
	TRACE_CALL(pipe, TRACE_OTHER),
#endif
	{ "openat", SYS_openat, TRACE_FILE, TRACE_WRITABLE, 2 },
	TRACE_CALL(openat2, TRACE_FILE),
	TRACE_CALL(write, TRACE_FILE),
	TRACE_CALL(pwrite64, TRACE_FILE),
	TRACE_CALL(writev, TRACE_FILE),
	TRACE_CALL(pwritev, TRACE_FILE),
	TRACE_CALL(close, TRACE_FILE),
	TRACE_CALL(renameat, TRACE_FILE),
	TRACE_CALL(renameat2, TRACE_FILE),
	TRACE_CALL(linkat, TRACE_FILE),
	TRACE_CALL(symlinkat, TRACE_FILE),
	TRACE_CALL(unlinkat, TRACE_FILE),
	TRACE_CALL(mkdirat, TRACE_FILE),
	TRACE_CALL(fchmod, TRACE_FILE),
	TRACE_CALL(fchmodat, TRACE_FILE),
	TRACE_CALL(truncate, TRACE_FILE),
	TRACE_CALL(ftruncate, TRACE_FILE),
	TRACE_CALL(fallocate, TRACE_FILE),
	TRACE_CALL(fsync, TRACE_FILE),
	TRACE_CALL(fdatasync, TRACE_FILE),
	TRACE_CALL(sync_file_range, TRACE_FILE),
	TRACE_CALL(copy_file_range, TRACE_FILE),
	TRACE_CALL(flock, TRACE_FILE),
	{ "fcntl", SYS_fcntl, TRACE_FILE, TRACE_LOCKING, 1 },
	TRACE_CALL(pipe2, TRACE_OTHER),
	TRACE_CALL(socket, TRACE_OTHER),
	TRACE_CALL(connect, TRACE_OTHER),
	TRACE_CALL(sendto, TRACE_OTHER),
	TRACE_CALL(sendmsg, TRACE_OTHER),
	TRACE_CALL(shutdown, TRACE_OTHER),
	TRACE_CALL(clone, TRACE_OTHER),
	TRACE_CALL(clone3, TRACE_OTHER),
	TRACE_CALL(execve, TRACE_OTHER),
	TRACE_CALL(kill, TRACE_OTHER),
	TRACE_CALL(exit_group, TRACE_OTHER),
};
#define TRACE_CALLS (sizeof trace_calls / sizeof *trace_calls)

static inline const char *
trace_name(unsigned nr)
{
	for (size_t i = 0; i < TRACE_CALLS; i++)
		if (trace_calls[i].nr == nr)
			return trace_calls[i].name;
	return "?";
}

static inline _Noreturn void
trace_die(const char *what)
{
	fprintf(stderr, "trace: %s: %s\n", what, strerror(errno));
	exit(TRACE_BROKEN);
}

/* The filter program: a few instructions a call, see trace_when. */
struct trace_filter {
	struct sock_filter code[TRACE_CALLS * 8 + 8];
	unsigned short len;
};

static inline void
trace_emit(struct trace_filter *f, unsigned op, unsigned value, unsigned yes,
    unsigned no)
{
	f->code[f->len++] = (struct sock_filter){ (unsigned short)op,
		(unsigned char)yes, (unsigned char)no, value };
}

/* Jump over the next `n` instructions unless the accumulator is `value`. */
#define TRACE_UNLESS(value, n) \
	trace_emit(f, BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (n))
#define TRACE_RETURN(what) trace_emit(f, BPF_RET | BPF_K, (what), 0, 0)
#define TRACE_LOAD(where) \
	trace_emit(f, BPF_LD | BPF_W | BPF_ABS, (unsigned)(where), 0, 0)

static inline void
trace_filter_call(struct trace_filter *f, const struct trace_call *c)
{
	/* the low half of the argument, on these little-endian machines */
	size_t arg = offsetof(struct seccomp_data, args) + c->arg * 8;

	switch (c->when) {
	case TRACE_ALWAYS:
		TRACE_UNLESS(c->nr, 1);
		TRACE_RETURN(SECCOMP_RET_TRACE);
		break;
	case TRACE_WRITABLE:
		TRACE_UNLESS(c->nr, 4);
		TRACE_LOAD(arg);
		trace_emit(f, BPF_JMP | BPF_JSET | BPF_K,
		    O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0, 1);
		TRACE_RETURN(SECCOMP_RET_TRACE);
		TRACE_RETURN(SECCOMP_RET_ALLOW);
		break;
	case TRACE_LOCKING:
		TRACE_UNLESS(c->nr, 6);
		TRACE_LOAD(arg);
		trace_emit(f, BPF_JMP | BPF_JEQ | BPF_K, F_SETLK, 2, 0);
		trace_emit(f, BPF_JMP | BPF_JEQ | BPF_K, F_SETLKW, 1, 0);
		trace_emit(f, BPF_JMP | BPF_JEQ | BPF_K, F_OFD_SETLK, 0, 1);
		TRACE_RETURN(SECCOMP_RET_TRACE);
		TRACE_RETURN(SECCOMP_RET_ALLOW);
		break;
	}
}

static inline void
trace_filter_build(struct trace_filter *f, enum trace_set set)
{
	f->len = 0;
	TRACE_LOAD(offsetof(struct seccomp_data, arch));
	trace_emit(f, BPF_JMP | BPF_JEQ | BPF_K, TRACE_ARCH, 1, 0);
	TRACE_RETURN(SECCOMP_RET_ALLOW);
	TRACE_LOAD(offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < TRACE_CALLS; i++)
		if (trace_calls[i].set & set)
			trace_filter_call(f, &trace_calls[i]);
	TRACE_RETURN(SECCOMP_RET_ALLOW);
}

/* The child: wait until it is seized, take the filter on, become argv. */
static inline _Noreturn void
trace_child(int go, enum trace_set set, char **argv)
{
	static struct trace_filter f;
	struct sock_fprog prog;
	char byte;

	trace_filter_build(&f, set);
	prog.len = f.len;
	prog.filter = f.code;
	setpgid(0, 0);
	while (read(go, &byte, 1) == -1 && errno == EINTR)
		;
	close(go);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1) {
		perror("trace: seccomp");
		_exit(TRACE_BROKEN);
	}
	execvp(argv[0], argv);
	fprintf(stderr, "trace: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

struct trace {
	pid_t child;  /* the command, leader of its process group */
	long count;   /* counted calls so far */
	int status;   /* exit status of the command, 128 + signal if killed */
	time_t until; /* when outliving processes are given up; 0: never */
	int left;     /* 1 when processes outlived the command too long */
};

/* What becomes of a stopped task. */
enum trace_next {
	TRACE_GO,    /* it continues */
	TRACE_RESULT, /* the same, and stops again with the call's result */
	TRACE_DEAD,  /* it was killed */
};

/*
 * Called at the n-th counted call of the run, before it happens; the task
 * is stopped. After TRACE_RESULT it is called once more when the call has happened, with
 * n = 0.
 */
typedef enum trace_next trace_step(struct trace *t, pid_t task, long n,
    unsigned nr, void *ctx);

static inline void
trace_start(struct trace *t, enum trace_set set, char **argv)
{
	long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
	    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	int go[2];

	memset(t, 0, sizeof *t);
	if (pipe2(go, O_CLOEXEC) == -1)
		trace_die("pipe");
	if ((t->child = fork()) == -1)
		trace_die("fork");
	if (t->child == 0) {
		close(go[1]);
		trace_child(go[0], set, argv);
	}
	close(go[0]);
	setpgid(t->child, t->child);
	if (ptrace(PTRACE_SEIZE, t->child, NULL, (void *)options) == -1) {
		kill(t->child, SIGKILL);
		trace_die("ptrace");
	}
	close(go[1]);
}

/* The number of the call a task is stopped at. */
static inline unsigned
trace_nr(pid_t task)
{
	struct __ptrace_syscall_info info;

	memset(&info, 0, sizeof info);
	if (ptrace(PTRACE_GET_SYSCALL_INFO, task, (void *)sizeof info, &info) <=
	    0)
		return ~0u;
	return (unsigned)info.seccomp.nr;
}

/* Deal with one stop of one task. */
static inline void
trace_stopped(struct trace *t, pid_t task, int status, trace_step *step,
    void *ctx)
{
	int event = status >> 16, signal = WSTOPSIG(status);
	enum trace_next next = TRACE_GO;
	long deliver = 0;

	if (event == PTRACE_EVENT_SECCOMP) {
		t->count++;
		next = step(t, task, t->count, trace_nr(task), ctx);
	} else if (signal == (SIGTRAP | 0x80)) {
		next = step(t, task, 0, 0, ctx);
	} else if (event == PTRACE_EVENT_STOP) {
		if (signal == SIGSTOP || signal == SIGTSTP ||
		    signal == SIGTTIN || signal == SIGTTOU) {
			ptrace(PTRACE_LISTEN, task, NULL, NULL);
			return;
		}
	} else if (event == 0) {
		deliver = signal;
	}
	/* fails when the task was killed meanwhile: then it is reaped next */
	if (next != TRACE_DEAD)
		ptrace(next == TRACE_RESULT ? PTRACE_SYSCALL : PTRACE_CONT,
		    task, NULL, (void *)deliver);
}

static inline void
trace_alarm(int signal)
{
	(void)signal;
}

/* Follow the command and all its offspring to their end. */
static inline void
trace_follow(struct trace *t, trace_step *step, void *ctx)
{
	struct sigaction wake = { .sa_handler = trace_alarm };
	int status;
	pid_t task;

	sigaction(SIGALRM, &wake, NULL);
	for (;;) {
		task = waitpid(-1, &status, __WALL);
		if (task == -1 && errno == EINTR) {
			if (t->until != 0 && time(NULL) >= t->until) {
				t->left = 1;
				return;
			}
			alarm(1);
			continue;
		}
		if (task == -1)
			return;
		if (WIFSTOPPED(status)) {
			trace_stopped(t, task, status, step, ctx);
			continue;
		}
		if (task != t->child)
			continue;
		t->status = WIFEXITED(status) ? WEXITSTATUS(status) :
		    128 + WTERMSIG(status);
		/* whatever is left has to end by itself soon */
		if (t->until == 0) {
			t->until = time(NULL) + TRACE_GRACE;
			alarm(1);
		}
	}
}

#endif
