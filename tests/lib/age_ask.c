/*
 * age_ask_passphrase(): on a terminal, without one, and with a signal.
 */
#include <fcntl.h>
#include <termios.h>

#include "age/age_int.h"
#include "stop/stop.h"
#include "tap.h"
#include "tty.h"

/* What the child reports as its exit status, unless it is an error's kind. */
enum { CAME = 100, OTHER = 101, LOUD = 102 };

struct question {
	bool confirm;
	const char *want;
};

static int
child(void *arg)
{
	const struct question *q = arg;
	struct err e = ERR_INIT;
	struct age_keys *k = age_keys_new(&e);
	struct termios before, after;
	int rc;

	if (k == NULL || stop_install(&e) == -1 ||
	    tcgetattr(STDIN_FILENO, &before) == -1)
		return LOUD;
	rc = age_ask_passphrase(k, q->confirm, &e);
	if (tcgetattr(STDIN_FILENO, &after) == -1 ||
	    after.c_lflag != before.c_lflag || !(after.c_lflag & ECHO) ||
	    after.c_cc[VSUSP] != before.c_cc[VSUSP])
		return LOUD;
	if (rc == -1)
		return (int)e.kind;
	return k->passphrase_len == strlen(q->want) &&
	    memcmp(k->passphrase, q->want, k->passphrase_len) == 0 ? CAME :
	    OTHER;
}

static int
result(bool confirm, const char *want, const struct tty_step *steps,
    char seen[TTY_SEEN])
{
	struct question q = { confirm, want };
	int status = tty_run(child, &q, steps, seen);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
without_terminal(void)
{
	struct err e = ERR_INIT;
	struct age_keys *k = age_keys_new(&e);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setsid(); /* no terminal from here on */
		if (age_ask_passphrase(k, false, &e) == 0)
			_exit(CAME);
		_exit(strstr(e.text, "no terminal") != NULL &&
		    strstr(e.hint, "--passphrase-file") != NULL ?
		    (int)e.kind : OTHER);
	}
	waitpid(pid, &status, 0);
	age_keys_free(k);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
main(void)
{
	static const struct tty_step once[] = { { "passphrase: ",
	    "open sesame\n", 0 }, { 0 } };
	static const struct tty_step twice[] = { { "passphrase: ", "abc\n",
	    0 }, { "again: ", "abc\n", 0 }, { 0 } };
	static const struct tty_step differ[] = { { "passphrase: ", "abc\n",
	    0 }, { "again: ", "abd\n", 0 }, { 0 } };
	static const struct tty_step longer[] = { { "passphrase: ", "abc\n",
	    0 }, { "again: ", "abcd\n", 0 }, { 0 } };
	static const struct tty_step empty[] = { { "passphrase: ", "\n", 0 },
	    { 0 } };
	static const struct tty_step ended[] = { { "passphrase: ", "\x04",
	    0 }, { 0 } };
	static const struct tty_step typed_c[] = { { "passphrase: ",
	    "abc\x03", 0 }, { 0 } };
	static const struct tty_step typed_z[] = { { "passphrase: ",
	    "ab\x1a" "c\n", 0 }, { 0 } };
	static const struct tty_step term[] = { { "passphrase: ", NULL,
	    SIGTERM }, { 0 } };
	static const struct tty_step term_later[] = { { "passphrase: ",
	    "abc\n", 0 }, { "again: ", NULL, SIGTERM }, { 0 } };
	char seen[TTY_SEEN];

	EQ(result(false, "open sesame", once, seen), CAME);
	OK(strstr(seen, "sesame") == NULL);
	EQ(result(true, "abc", twice, seen), CAME);
	OK(strstr(seen, "abc") == NULL);
	EQ(result(true, "", differ, seen), ERR_KEY);
	EQ(result(true, "", longer, seen), ERR_KEY);
	EQ(result(false, "", empty, seen), ERR_KEY);
	EQ(result(false, "", ended, seen), ERR_KEY);
	EQ(result(false, "", typed_c, seen), ERR_STOPPED);
	EQ(result(false, "ab\x1a" "c", typed_z, seen), CAME);
	EQ(result(false, "", term, seen), ERR_STOPPED);
	EQ(result(true, "", term_later, seen), ERR_STOPPED);
	EQ(without_terminal(), ERR_KEY);
	return done();
}
