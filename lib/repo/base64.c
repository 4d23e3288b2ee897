#include <string.h>

#include "repo/repo_int.h"

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int
repo_base64(struct buf *out, const void *data, size_t len, struct err *e)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)p[i] << 16 |
		    (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
		    (n > 2 ? (unsigned)p[i + 2] : 0);
		char four[4] = { letters[v >> 18], letters[v >> 12 & 63],
			n > 1 ? letters[v >> 6 & 63] : '=',
			n > 2 ? letters[v & 63] : '=' };

		if (buf_add(out, four, sizeof four, e) == -1)
			return -1;
	}
	return 0;
}

/* Four letters to up to three bytes; their number, or 0 if invalid. */
static size_t
decode_four(const char *four, bool last, char out[3])
{
	size_t n = 3;
	unsigned v = 0;

	if (last && four[3] == '=')
		n = four[2] == '=' ? 1 : 2;
	for (size_t i = 0; i < n + 1; i++) {
		const char *p = memchr(letters, four[i], 64);

		if (p == NULL)
			return 0;
		v |= (unsigned)(p - letters) << (18 - 6 * i);
	}
	if ((n == 1 && (v & 0xffff) != 0) || (n == 2 && (v & 0xff) != 0))
		return 0;
	out[0] = (char)(v >> 16);
	out[1] = (char)(v >> 8 & 255);
	out[2] = (char)(v & 255);
	return n;
}

int
repo_unbase64(struct buf *out, const char *text, struct err *e)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += 4) {
		char three[3];
		size_t n = len - i < 4 ? 0 :
		    decode_four(text + i, len - i == 4, three);

		if (n == 0 || memchr(three, '\0', n) != NULL)
			return err_set(e, ERR_CORRUPT, "invalid base64");
		if (buf_add(out, three, n, e) == -1)
			return -1;
	}
	return 0;
}
