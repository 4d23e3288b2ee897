#include "buf/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

int
buf_reserve(struct buf *b, size_t more, struct err *e)
{
	size_t cap;
	char *data;

	if (more > b->max || b->len > b->max - more)
		return err_set(e, ERR_NOMEM,
		    "more than %zu bytes where no more are expected", b->max);
	if (b->data != NULL && b->len + more < b->cap)
		return 0;
	cap = b->cap < 64 ? 64 : b->cap;
	while (cap <= b->len + more)
		cap = cap > SIZE_MAX / 2 ? b->len + more + 1 : cap * 2;
	if (cap > b->max)
		cap = b->max + 1;
	if ((data = realloc(b->data, cap)) == NULL)
		return err_nomem(e);
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_add(struct buf *b, const void *data, size_t len, struct err *e)
{
	if (buf_reserve(b, len, e) == -1)
		return -1;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_str(struct buf *b, const char *text, struct err *e)
{
	return buf_add(b, text, strlen(text), e);
}

int
buf_byte(struct buf *b, char c, struct err *e)
{
	return buf_add(b, &c, 1, e);
}

int
buf_fmt(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list ap, again;
	int need, rc = -1;

	va_start(ap, fmt);
	va_copy(again, ap);
	need = vsnprintf(NULL, 0, fmt, ap);
	if (need >= 0 && buf_reserve(b, (size_t)need, e) == 0) {
		vsnprintf(b->data + b->len, (size_t)need + 1, fmt, again);
		b->len += (size_t)need;
		rc = 0;
	}
	va_end(again);
	va_end(ap);
	return rc;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

/* Whether c stands for itself; '.' and '-' not as the first. */
static bool
is_plain(unsigned char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '_' ||
	    (!first && (c == '.' || c == '-'));
}

int
buf_escape(struct buf *b, const char *name, struct err *e)
{
	const char *p;

	if (*name == '\0')
		return buf_byte(b, '%', e);
	for (p = name; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		int rc = is_plain(c, p == name) ? buf_byte(b, *p, e) :
		    buf_fmt(b, e, "%%%02X", c);

		if (rc == -1)
			return -1;
	}
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
buf_unescape(struct buf *b, const char *text, size_t len, struct err *e)
{
	if (len == 1 && text[0] == '%')
		return buf_add(b, "", 0, e);
	for (size_t i = 0; i < len; i++) {
		bool first = i == 0;
		char c = text[i];

		if (c == '%') {
			if (len - i < 3 || hex_digit(text[i + 1]) < 0 ||
			    hex_digit(text[i + 2]) < 0)
				goto bad;
			c = (char)(hex_digit(text[i + 1]) * 16 +
			    hex_digit(text[i + 2]));
			/* one name has one encoding */
			if (c == '\0' || is_plain((unsigned char)c, first))
				goto bad;
			i += 2;
		} else if (!is_plain((unsigned char)c, first)) {
			goto bad;
		}
		if (buf_byte(b, c, e) == -1)
			return -1;
	}
	if (len > 0)
		return 0;
bad:
	return err_set(e, ERR_CORRUPT, "invalid percent encoding");
}
