#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "age/age_int.h"
#include "fsx/fsx.h"
#include "stop/stop.h"

/*
 * The terminal is put back by whoever comes first: the end of the question,
 * or the thread that takes a signal, which also wakes us.
 */
struct terminal {
	int fd;
	int wake[2];
	struct termios before;
	struct stop_slot slot;
};

static void
put_back(void *arg)
{
	struct terminal *t = arg;

	tcsetattr(t->fd, TCSANOW, &t->before);
	while (write(t->wake[1], "", 1) == -1 && errno == EINTR)
		;
}

static void
terminal_close(struct terminal *t)
{
	fsx_close(t->fd);
	fsx_close(t->wake[0]);
	fsx_close(t->wake[1]);
}

static int
terminal_open(struct terminal *t, struct err *e)
{
	t->wake[0] = t->wake[1] = -1;
	t->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->fd == -1 || tcgetattr(t->fd, &t->before) == -1) {
		err_set(e, ERR_KEY,
		    "there is no terminal to ask for the passphrase on");
		err_hint(e, "give it with --passphrase-file");
		goto fail;
	}
	if (pipe2(t->wake, O_CLOEXEC) == -1) {
		err_sys(e, "could not create a pipe");
		goto fail;
	}
	return 0;
fail:
	terminal_close(t);
	return -1;
}

/* One byte typed: 1, 0 at the end of input, -1 error. */
static int
read_key(struct terminal *t, char *c, struct err *e)
{
	struct pollfd fds[2] = { { t->fd, POLLIN, 0 },
		{ t->wake[0], POLLIN, 0 } };
	ssize_t n;

	for (;;) {
		if (stop_check(e) == -1)
			return -1;
		if (poll(fds, 2, -1) == -1) {
			if (errno == EINTR)
				continue;
			return err_sys(e, "could not wait for the terminal");
		}
		if (fds[1].revents != 0 || fds[0].revents == 0)
			continue;
		n = read(t->fd, c, 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "could not read \"/dev/tty\"");
		return (int)n;
	}
}

/* A line without its end; one that is too long is taken to its end. */
static int
read_line(struct terminal *t, char line[AGE_PASSPHRASE_MAX], size_t *len,
    struct err *e)
{
	size_t n = 0;
	char c;
	int rc;

	while ((rc = read_key(t, &c, e)) == 1 && c != '\n') {
		if (n < AGE_PASSPHRASE_MAX)
			line[n] = c;
		n++;
	}
	if (rc == -1)
		return -1;
	if (n > AGE_PASSPHRASE_MAX)
		return err_set(e, ERR_KEY, "the passphrase is longer than "
		    "%d bytes", AGE_PASSPHRASE_MAX);
	*len = n;
	return 0;
}

static int
ask(struct terminal *t, const char *prompt, char line[AGE_PASSPHRASE_MAX],
    size_t *len, struct err *e)
{
	struct termios quiet = t->before;
	int rc = -1;

	quiet.c_lflag &= (tcflag_t)~(ECHO | ECHOE | ECHOK | ECHONL);
	/* stopped by ^Z, the terminal would stay silent */
	quiet.c_cc[VSUSP] = _POSIX_VDISABLE;
	if (tcsetattr(t->fd, TCSAFLUSH, &quiet) == -1)
		return err_sys(e, "could not silence the terminal");
	/* from here on the handler restores; if it has run, it does so now */
	stop_register(&t->slot, put_back, t);
	if (fsx_write(t->fd, prompt, strlen(prompt), "/dev/tty", e) == 0)
		rc = read_line(t, line, len, e);
	stop_forget(&t->slot);
	tcsetattr(t->fd, TCSAFLUSH, &t->before);
	if (fsx_write(t->fd, "\n", 1, "/dev/tty", e) == -1)
		rc = -1;
	return rc;
}

int
age_ask_passphrase(struct age_keys *k, bool confirm, struct err *e)
{
	struct typed {
		char first[AGE_PASSPHRASE_MAX], second[AGE_PASSPHRASE_MAX];
	} *typed = age_secret_new(sizeof *typed, e);
	struct terminal t;
	size_t len, again;
	int rc = -1;

	if (typed == NULL)
		return -1;
	if (terminal_open(&t, e) == -1)
		goto done;
	if (ask(&t, "passphrase: ", typed->first, &len, e) == -1 || (confirm &&
	    ask(&t, "passphrase again: ", typed->second, &again, e) == -1))
		goto close;
	if (confirm && (len != again ||
	    memcmp(typed->first, typed->second, len) != 0))
		err_set(e, ERR_KEY, "the passphrases are not the same");
	else
		rc = age_set_passphrase(k, typed->first, len, e);
close:
	terminal_close(&t);
done:
	age_secret_free(typed);
	return rc;
}
