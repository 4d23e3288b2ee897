#include "err/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int record(struct err *e, enum err_kind kind, int sys, const char *fmt,
    va_list ap) __attribute__((format(printf, 4, 0)));

static int
record(struct err *e, enum err_kind kind, int sys, const char *fmt, va_list ap)
{
	if (e == NULL || e->kind != ERR_NONE)
		return -1;
	e->kind = kind;
	e->sys = sys;
	e->hint[0] = '\0';
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	return -1;
}

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(e, kind, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	char text[128];
	const char *why;
	va_list ap;
	size_t len, need;

	if (e == NULL || e->kind != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	record(e, ERR_SYS, sys, fmt, ap);
	va_end(ap);
	/* the cause must survive a long name: cut the name, not the cause */
	why = strerror_r(sys, text, sizeof text); /* the GNU form */
	len = strlen(e->text);
	need = strlen(why) + 3;
	if (len + need > sizeof e->text)
		len = sizeof e->text - need;
	snprintf(e->text + len, sizeof e->text - len, ": %s", why);
	return -1;
}

int
err_nomem(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory");
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL || e->kind == ERR_NONE || e->hint[0] != '\0')
		return -1;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof e->hint, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	size_t used;

	if (e == NULL || e->kind == ERR_NONE)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	used = strlen(text);
	snprintf(text + used, sizeof text - used, ": %s", e->text);
	memcpy(e->text, text, sizeof e->text);
	return -1;
}

int
err_pass(struct err *to, const struct err *from)
{
	if (to->kind == ERR_NONE && from->kind != ERR_NONE)
		*to = *from;
	return to->kind == ERR_NONE ? 0 : -1;
}

void
err_clear(struct err *e)
{
	*e = (struct err)ERR_INIT;
}

int
err_status(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE:
		return 0;
	case ERR_ABSENT:
		return 1;
	case ERR_USAGE:
	case ERR_CONF:
		return 2;
	case ERR_BUSY:
		return 4;
	case ERR_PG:
		return 5;
	case ERR_SYS:
	case ERR_NOMEM:
		return 6;
	case ERR_CORRUPT:
		return 7;
	case ERR_KEY:
		return 8;
	case ERR_REFUSED:
		return 9;
	case ERR_STOPPED:
		return 6;
	}
	return 6;
}
