#include <stdlib.h>
#include <string.h>

#include "age/age_int.h"

/*
 * PEM as the specification has it (RFC 7468, the strict form): whole lines of
 * 64 characters, the last one perhaps shorter, LF or CRLF; white space alone
 * may stand around it, of which we take as much as age does.
 */
#define WHITE_MAX 1024
#define LINE_MAX_BYTES (WHITE_MAX + 2)

struct age_armor {
	int (*out)(void *ctx, const unsigned char *data, size_t len,
	    struct err *e);
	void *ctx;
	enum { BEFORE, BODY, SHORT, AFTER } state;
	size_t white; /* bytes of white space in this state */
	size_t len;
	char line[LINE_MAX_BYTES];
};

struct age_armor *
age_armor_new(int (*out)(void *ctx, const unsigned char *data, size_t len,
    struct err *e), void *ctx, struct err *e)
{
	struct age_armor *a = calloc(1, sizeof *a);

	if (a == NULL) {
		err_nomem(e);
		return NULL;
	}
	a->out = out;
	a->ctx = ctx;
	return a;
}

void
age_armor_free(struct age_armor *a)
{
	free(a);
}

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "invalid age armor: %s", why);
}

static bool
line_is(const struct age_armor *a, const char *text)
{
	return a->len == strlen(text) && memcmp(a->line, text, a->len) == 0;
}

static bool
is_white(const struct age_armor *a)
{
	for (size_t i = 0; i < a->len; i++)
		if (strchr(" \t\r\n", a->line[i]) == NULL ||
		    a->line[i] == '\0')
			return false;
	return true;
}

static int
take_white(struct age_armor *a, struct err *e)
{
	if (!is_white(a) && a->state == BEFORE)
		return err_set(e, ERR_CORRUPT, "not an age file");
	if (!is_white(a))
		return bad(e, "bytes after its end");
	a->white += a->len + 1;
	return a->white > WHITE_MAX ? bad(e, "too much white space") : 0;
}

static int
take_body(struct age_armor *a, struct err *e)
{
	unsigned char bytes[AGE_LINE_BYTES];
	int n;

	if (line_is(a, AGE_ARMOR_END)) {
		a->state = AFTER;
		return 0;
	}
	if (a->state == SHORT)
		return bad(e, "a line after the last");
	if (a->len == 0)
		return bad(e, "an empty line");
	if (a->len > AGE_COLUMNS)
		return bad(e, "a line of more than 64 characters");
	n = age_unbase64(a->line, a->len, bytes, true);
	if (n == -1)
		return bad(e, "a line is not canonical base64");
	if (n < AGE_LINE_BYTES)
		a->state = SHORT;
	return a->out(a->ctx, bytes, (size_t)n, e);
}

static int
take_line(struct age_armor *a, struct err *e)
{
	bool has_cr = a->len > 0 && a->line[a->len - 1] == '\r';
	int rc;

	if (has_cr && a->state != AFTER)
		a->len--;
	switch (a->state) {
	case BEFORE:
		if (line_is(a, AGE_ARMOR_BEGIN)) {
			a->state = BODY;
			a->white = 0;
			rc = 0;
		} else {
			rc = take_white(a, e);
		}
		break;
	case BODY:
	case SHORT:
		rc = take_body(a, e);
		break;
	default:
		rc = take_white(a, e);
	}
	a->len = 0;
	return rc;
}

int
age_armor_take(struct age_armor *a, const char *data, size_t len,
    struct err *e)
{
	while (len > 0) {
		const char *nl = memchr(data, '\n', len);
		size_t n = nl != NULL ? (size_t)(nl - data) : len;

		if (n > sizeof a->line - a->len)
			return a->state == BEFORE ?
			    err_set(e, ERR_CORRUPT, "not an age file") :
			    bad(e, "a line of more than 64 characters");
		memcpy(a->line + a->len, data, n);
		a->len += n;
		if (nl == NULL)
			return 0;
		data += n + 1;
		len -= n + 1;
		if (take_line(a, e) == -1)
			return -1;
	}
	return 0;
}

int
age_armor_end(struct age_armor *a, struct err *e)
{
	if (a->len > 0 && take_line(a, e) == -1)
		return -1;
	return a->state == AFTER ? 0 : bad(e, "its last line is missing");
}
