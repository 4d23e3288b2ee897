/*
 * errat - run a command and make its n-th file-changing system call fail
 *
 *	errat [-a] [-o FILE] N ERRNO COMMAND [ARGUMENT]...
 *
 * The call does not happen (a close does) and returns ERRNO (a name such as
 * ENOSPC); with
 * -a so do all later ones that could take that error (write, fsync and the
 * like, not close or unlink), as on a disk that stays full. N = 0 counts
 * only. Calls are counted over all processes and threads of the command;
 * writes to pipes and sockets are among them. FILE receives one line: the number of
 * calls, the name of the call that failed (or "-"), the exit status.
 *
 * Exit status: that of the command; 124 and 125 as killat's.
 */
#include <stdint.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "trace.h"

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EDQUOT", EDQUOT },
	{ "EINTR", EINTR }, { "EAGAIN", EAGAIN }, { "EACCES", EACCES },
	{ "EPERM", EPERM }, { "EROFS", EROFS }, { "EMFILE", EMFILE },
	{ "ENOMEM", ENOMEM }, { "EFBIG", EFBIG }, { "EPIPE", EPIPE },
};

struct error_plan {
	long at;
	bool and_after;
	int error;
	const char *call; /* the first that failed, NULL until then */
};

static int
error_number(const char *name)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	return 0;
}

/*
 * Give the call the task is stopped at this result; before it happens
 * (`skip`), then it does not happen.
 */
#if defined(__x86_64__)
static int
set_result(pid_t task, int error, bool skip)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, task, NULL, &regs) == -1)
		return -1;
	if (skip)
		regs.orig_rax = (unsigned long long)-1;
	regs.rax = (unsigned long long)-error;
	return (int)ptrace(PTRACE_SETREGS, task, NULL, &regs);
}
#else
#define REGSET_STATUS 1            /* NT_PRSTATUS */
#define REGSET_SYSTEM_CALL 0x404   /* NT_ARM_SYSTEM_CALL */
static int
set_result(pid_t task, int error, bool skip)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof regs };
	int none = -1;
	struct iovec call = { &none, sizeof none };

	if ((skip && ptrace(PTRACE_SETREGSET, task,
	        (void *)REGSET_SYSTEM_CALL, &call) == -1) ||
	    ptrace(PTRACE_GETREGSET, task, (void *)REGSET_STATUS, &iov) == -1)
		return -1;
	regs.regs[0] = (unsigned long long)-error;
	return (int)ptrace(PTRACE_SETREGSET, task, (void *)REGSET_STATUS, &iov);
}
#endif

/* Calls that still work on a disk that is full or broken. */
static bool
works_without_space(const char *call)
{
	static const char *const calls[] = { "close", "unlink", "unlinkat",
		"rmdir", "flock", "fcntl" };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strcmp(calls[i], call) == 0)
			return true;
	return false;
}

static enum trace_next
fail_at(struct trace *t, pid_t task, long n, unsigned nr, void *ctx)
{
	struct error_plan *plan = ctx;
	const char *call = trace_name(nr);

	(void)t;
	if (n == 0) { /* a close that has happened */
		if (set_result(task, plan->error, false) == -1)
			trace_die("could not change the result");
		return TRACE_GO;
	}
	if (plan->at == 0 || n < plan->at ||
	    (n > plan->at &&
	        (!plan->and_after || works_without_space(call))))
		return TRACE_GO;
	if (plan->call == NULL)
		plan->call = call;
	/* close() gives the descriptor up whatever it says */
	if (strcmp(call, "close") == 0)
		return TRACE_RESULT;
	if (set_result(task, plan->error, true) == -1)
		trace_die("could not change the result");
	return TRACE_GO;
}

int
main(int argc, char **argv)
{
	struct error_plan plan = { 0 };
	const char *report = NULL;
	struct trace t;
	char *end;
	FILE *f;
	int c;

	while ((c = getopt(argc, argv, "+ao:")) != -1) {
		if (c == 'a')
			plan.and_after = true;
		else if (c == 'o')
			report = optarg;
		else
			return TRACE_BROKEN;
	}
	if (argc - optind < 3 ||
	    (plan.at = strtol(argv[optind], &end, 10)) < 0 || *end != '\0' ||
	    (plan.error = error_number(argv[optind + 1])) == 0) {
		fprintf(stderr,
		    "usage: errat [-a] [-o FILE] N ERRNO COMMAND...\n");
		return TRACE_BROKEN;
	}
	trace_start(&t, TRACE_FILE, argv + optind + 2);
	trace_follow(&t, fail_at, &plan);
	if (report != NULL) {
		if ((f = fopen(report, "we")) == NULL ||
		    fprintf(f, "%ld %s %d\n", t.count,
		        plan.call ? plan.call : "-", t.status) < 0 ||
		    fclose(f) == EOF)
			trace_die(report);
	}
	return t.left ? 124 : t.status;
}
