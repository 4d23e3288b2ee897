/*
 * tty: run something on a terminal of its own and type what it asks for.
 */
#ifndef PGK_TTY_H
#define PGK_TTY_H

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Wait for `prompt`, then type `answer`, or send the signal. */
struct tty_step {
	const char *prompt; /* NULL ends the steps */
	const char *answer;
	int signal;
};

#define TTY_SEEN 4096
#define TTY_WAIT_MS 20000

/*
 * `run(arg)` is the child's: its result is the exit status. What it wrote is
 * left in `seen`. Returns the wait status, -1 when it took too long.
 */
static inline int
tty_run(int (*run)(void *arg), void *arg, const struct tty_step *step,
    char seen[TTY_SEEN])
{
	size_t len = 0, from = 0;
	int fd, status;
	pid_t pid = forkpty(&fd, NULL, NULL, NULL);

	if (pid == -1)
		abort();
	if (pid == 0)
		_exit(run(arg));
	seen[0] = '\0';
	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t n;

		if (poll(&p, 1, TTY_WAIT_MS) != 1) {
			kill(pid, SIGKILL);
			break;
		}
		n = read(fd, seen + len, TTY_SEEN - 1 - len);
		if (n <= 0) /* EIO: nobody has it open any more */
			break;
		len += (size_t)n;
		seen[len] = '\0';
		if (step->prompt == NULL ||
		    strstr(seen + from, step->prompt) == NULL)
			continue;
		from = len;
		if (step->signal != 0)
			kill(pid, step->signal);
		else if (write(fd, step->answer, strlen(step->answer)) == -1)
			abort();
		step++;
	}
	close(fd);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return status;
}

#endif
