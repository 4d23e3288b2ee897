#include <sodium.h>
#include <string.h>

#include "sign/sign_int.h"

/* the longest line of base64, with its padding and a NUL */
#define BASE64_MAX ((SIGN_BYTES_MAX + 2) / 3 * 4 + 1)

bool
sign_line(struct sign_text *t, const char **line, size_t *len)
{
	const char *nl;

	if (t->p == t->end)
		return false;
	nl = memchr(t->p, '\n', (size_t)(t->end - t->p));
	*line = t->p;
	*len = (size_t)((nl != NULL ? nl : t->end) - t->p);
	t->p = nl != NULL ? nl + 1 : t->end;
	if (*len > 0 && (*line)[*len - 1] == '\r')
		(*len)--;
	return true;
}

bool
sign_at_end(const struct sign_text *t)
{
	for (const char *p = t->p; p < t->end; p++)
		if (*p != '\n' && *p != '\r')
			return false;
	return true;
}

bool
sign_comment(struct sign_text *t, const char *prefix, const char **comment,
    size_t *len)
{
	size_t n = strlen(prefix);

	if (!sign_line(t, comment, len) || *len < n ||
	    memcmp(*comment, prefix, n) != 0)
		return false;
	*comment += n;
	*len -= n;
	return *len <= SIGN_COMMENT_MAX;
}

bool
sign_unbase64(const char *text, size_t len, unsigned char *out, size_t want)
{
	char again[BASE64_MAX];
	const char *end;
	size_t n;
	bool same;

	if (sodium_base642bin(out, want, text, len, NULL, &n, &end,
	    sodium_base64_VARIANT_ORIGINAL) == -1 || end != text + len ||
	    n != want)
		return false;
	sodium_bin2base64(again, sizeof again, out, n,
	    sodium_base64_VARIANT_ORIGINAL);
	same = strlen(again) == len && memcmp(again, text, len) == 0;
	sodium_memzero(again, sizeof again);
	return same;
}

int
sign_base64(struct buf *out, const unsigned char *data, size_t len,
    struct err *e)
{
	char text[BASE64_MAX];
	int rc;

	sodium_bin2base64(text, sizeof text, data, len,
	    sodium_base64_VARIANT_ORIGINAL);
	rc = buf_str(out, text, e) == -1 ? -1 : buf_byte(out, '\n', e);
	sodium_memzero(text, sizeof text);
	return rc;
}

unsigned long long
sign_id_number(const unsigned char id[SIGN_ID])
{
	unsigned long long number = 0;

	for (unsigned i = SIGN_ID; i-- > 0;)
		number = number << 8 | id[i];
	return number;
}
