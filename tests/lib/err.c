#include "err/err.h"

#include <errno.h>
#include <stdlib.h>

#include "tap.h"

static struct err e;

static void
first_wins(void)
{
	EQ(err_set(&e, ERR_BUSY, "%s is %d", "one", 1), -1);
	EQ(e.kind, ERR_BUSY);
	IS(e.text, "one is 1");
	EQ(err_set(&e, ERR_PG, "two"), -1);
	IS(e.text, "one is 1");
	EQ(err_sys(&e, "three"), -1);
	EQ(err_nomem(&e), -1);
	EQ(e.kind, ERR_BUSY);
	EQ(err_hint(&e, "do %s", "this"), -1);
	EQ(err_hint(&e, "do that"), -1);
	IS(e.hint, "do this");
	EQ(err_prefix(&e, "in \"%s\"", "x"), -1);
	IS(e.text, "in \"x\": one is 1");
	IS(e.hint, "do this");
	err_clear(&e);
	EQ(e.kind, ERR_NONE);
	IS(e.text, "");
	IS(e.hint, "");
}

static void
nothing_recorded(void)
{
	EQ(err_hint(&e, "a hint without an error"), -1);
	EQ(err_prefix(&e, "x"), -1);
	EQ(e.kind, ERR_NONE);
	IS(e.text, "");
	IS(e.hint, "");
	/* callers that want the answer alone */
	EQ(err_set(NULL, ERR_PG, "x"), -1);
	EQ(err_sys(NULL, "x"), -1);
	EQ(err_hint(NULL, "x"), -1);
	EQ(err_prefix(NULL, "x"), -1);
	EQ(err_nomem(NULL), -1);
}

/* A long name is cut, the cause behind it is not. */
static void
causes(void)
{
	static char name[3 * ERR_TEXT_MAX];

	memset(name, 'n', sizeof name - 1);
	errno = ENOSPC;
	EQ(err_sys(&e, "could not write \"%s\"", "f"), -1);
	IS(e.text, "could not write \"f\": No space left on device");
	EQ(e.kind, ERR_SYS);
	EQ(e.sys, ENOSPC);
	err_clear(&e);
	for (size_t len = ERR_TEXT_MAX - 60; len < ERR_TEXT_MAX + 60; len++) {
		const char *end;

		errno = ENOSPC;
		err_sys(&e, "%.*s", (int)len, name);
		end = strstr(e.text, "n: No space left on device");
		if (end == NULL || end[26] != '\0')
			EQ(len, 0);
		err_clear(&e);
	}
	err_set(&e, ERR_PG, "%s", name);
	EQ(strlen(e.text), ERR_TEXT_MAX - 1);
	err_hint(&e, "%s", name);
	EQ(strlen(e.hint), ERR_HINT_MAX - 1);
	err_prefix(&e, "%s", name);
	EQ(strlen(e.text), ERR_TEXT_MAX - 1);
	err_clear(&e);
}

static void
passing(void)
{
	struct err none = ERR_INIT, a = ERR_INIT, b = ERR_INIT;

	err_set(&a, ERR_PG, "a");
	err_hint(&a, "h");
	err_set(&b, ERR_SYS, "b");
	EQ(err_pass(&e, &none), 0);
	EQ(e.kind, ERR_NONE);
	EQ(err_pass(&e, &a), -1);
	EQ(err_pass(&e, &b), -1);
	EQ(err_pass(&e, &none), -1);
	IS(e.text, "a");
	IS(e.hint, "h");
	err_clear(&e);
}

static void
statuses(void)
{
	static const int want[] = { 0, 1, 2, 2, 4, 5, 6, 6, 7, 8, 9, 6 };

	for (int k = ERR_NONE; k <= ERR_STOPPED; k++)
		EQ(err_status((enum err_kind)k), want[k]);
}

int
main(void)
{
	first_wins();
	nothing_recorded();
	causes();
	passing();
	statuses();
	return done();
}
