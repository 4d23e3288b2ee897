/*
 * killat - run a command and kill it at its n-th state-changing system call
 *
 *	killat [-p] [-o FILE] N COMMAND [ARGUMENT]...
 *
 * With N = 0 nothing is killed. Calls are counted over all processes and
 * threads of the command; the n-th does not happen any more. The command's
 * process group is killed (SIGKILL), with -p only the process that made the
 * call. FILE receives one line: the number of calls, the name of the call
 * killed at (or "-"), the exit status of the command, and the number of
 * the process killed (or 0).
 *
 * Exit status: 137 after a kill; 124 when processes of the command were still
 * there 20 s after it had ended (they are killed then); 125 when tracing
 * failed; else the command's own.
 */
#include "trace.h"

struct kill_plan {
	long at;
	bool one_process;
	const char *call; /* the call killed at, NULL until then */
	pid_t killed;
};

/* The process a task (thread) belongs to. */
static pid_t
process_of(pid_t task)
{
	char path[64], line[128];
	long process = task;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)task);
	if ((f = fopen(path, "re")) == NULL)
		return task;
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Tgid: %ld", &process) == 1)
			break;
	fclose(f);
	return (pid_t)process;
}

static enum trace_next
kill_at(struct trace *t, pid_t task, long n, unsigned nr, void *ctx)
{
	struct kill_plan *plan = ctx;

	if (n != plan->at || plan->call != NULL)
		return TRACE_GO;
	plan->call = trace_name(nr);
	plan->killed = plan->one_process ? process_of(task) : t->child;
	kill(plan->one_process ? plan->killed : -t->child, SIGKILL);
	return TRACE_DEAD;
}

static void
write_report(const char *path, const struct trace *t,
    const struct kill_plan *plan)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		trace_die(path);
	fprintf(f, "%ld %s %d %ld\n", t->count, plan->call ? plan->call : "-",
	    t->status, (long)plan->killed);
	if (fclose(f) == EOF)
		trace_die(path);
}

int
main(int argc, char **argv)
{
	struct kill_plan plan = { 0 };
	const char *report = NULL;
	struct trace t;
	char *end;
	int c;

	while ((c = getopt(argc, argv, "+po:")) != -1) {
		if (c == 'p')
			plan.one_process = true;
		else if (c == 'o')
			report = optarg;
		else
			return TRACE_BROKEN;
	}
	if (argc - optind < 2 ||
	    (plan.at = strtol(argv[optind], &end, 10)) < 0 || *end != '\0') {
		fprintf(stderr, "usage: killat [-p] [-o FILE] N COMMAND...\n");
		return TRACE_BROKEN;
	}
	trace_start(&t, TRACE_ALL, argv + optind + 1);
	trace_follow(&t, kill_at, &plan);
	if (report != NULL)
		write_report(report, &t, &plan);
	if (t.left)
		return 124;
	return plan.call != NULL ? 137 : t.status;
}
