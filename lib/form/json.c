#include "form/form.h"
#include "form/form_int.h"

static int
add_char(struct buf *b, const char *p, size_t n, unsigned code, struct err *e)
{
	if (n == 0)
		return buf_str(b, "\\ufffd", e);
	if (*p == '"' || *p == '\\')
		return buf_fmt(b, e, "\\%c", *p);
	if (code < 0x20 || code == 0x7f)
		return buf_fmt(b, e, "\\u%04x", code);
	return buf_add(b, p, n, e);
}

int
form_json(struct buf *b, const char *text, struct err *e)
{
	if (buf_byte(b, '"', e) == -1)
		return -1;
	while (*text != '\0') {
		unsigned code = 0;
		size_t n = form_char((const unsigned char *)text, &code);

		if (add_char(b, text, n, code, e) == -1)
			return -1;
		text += n == 0 ? 1 : n;
	}
	return buf_byte(b, '"', e);
}
