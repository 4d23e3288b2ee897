#include <string.h>

#include "form/form.h"
#include "form/form_int.h"

size_t
form_char(const unsigned char *s, unsigned *code)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
	    s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	unsigned c = n <= 1 ? s[0] : s[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	*code = c;
	return n == 0 || c < least[n] || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

/* Bytes of the printable character at s, or 0. */
static size_t
printable(const unsigned char *s)
{
	unsigned c;
	size_t n = form_char(s, &c);

	if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	    /* what turns the direction of text makes a line lie */
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

/* The escape's letter, or 0. */
static char
letter(char c, bool comma)
{
	switch (c) {
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\\':
		return '\\';
	case ',':
		return comma ? ',' : '\0';
	default:
		return '\0';
	}
}

int
form_name(struct buf *b, const char *name, bool escapes, bool comma,
    struct err *e)
{
	size_t n;
	int rc = 0;

	for (const char *p = name; rc == 0 && *p != '\0'; p += n) {
		char c = escapes ? letter(*p, comma) : '\0';

		n = printable((const unsigned char *)p);
		if (c != '\0')
			rc = buf_fmt(b, e, "\\%c", c);
		else if (n > 0)
			rc = buf_add(b, p, n, e);
		else
			rc = buf_fmt(b, e, "\\x%02x", (unsigned char)*p);
		if (n == 0)
			n = 1;
	}
	return rc;
}
