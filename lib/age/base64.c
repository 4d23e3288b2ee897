#include <sodium.h>
#include <string.h>

#include "age/age_int.h"

int
age_base64(struct buf *out, const void *data, size_t len, struct err *e)
{
	char text[AGE_COLUMNS + 1];

	/* all that we write fits on one line */
	sodium_bin2base64(text, sizeof text, data, len,
	    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	return buf_str(out, text, e);
}

int
age_unbase64(const char *text, size_t len, unsigned char out[AGE_LINE_BYTES],
    bool padded)
{
	int variant = padded ? sodium_base64_VARIANT_ORIGINAL :
	    sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
	char again[AGE_COLUMNS + 1];
	const char *end;
	size_t n;

	if (len == 0)
		return 0;
	if (len > AGE_COLUMNS || sodium_base642bin(out, AGE_LINE_BYTES, text,
	    len, NULL, &n, &end, variant) == -1 || end != text + len)
		return -1;
	/* the one encoding of these bytes: no stray bits at the end */
	sodium_bin2base64(again, sizeof again, out, n, variant);
	if (strlen(again) != len || memcmp(again, text, len) != 0)
		return -1;
	return (int)n;
}
