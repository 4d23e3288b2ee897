#include <string.h>

#include "codec/codec.h"
#include "gz/gz.h"
#include "zst/zst.h"

/* "--:E <32 hex digits>\n": psql sees a comment. */
#define TEXT_HEAD "--:E "
#define TEXT_HEAD_LEN (sizeof TEXT_HEAD - 1)
#define TEXT_SIZE (TEXT_HEAD_LEN + 32 + 1)

static const char digits[] = "0123456789abcdef";

static int
text_mark(const unsigned char data[16], struct buf *out, struct err *e)
{
	char line[TEXT_SIZE], *p = line + TEXT_HEAD_LEN;

	memcpy(line, TEXT_HEAD, TEXT_HEAD_LEN);
	for (int i = 0; i < 16; i++) {
		*p++ = digits[data[i] >> 4];
		*p++ = digits[data[i] & 15];
	}
	*p = '\n';
	return buf_add(out, line, sizeof line, e);
}

static int
digit(unsigned char c)
{
	const char *p = c != '\0' ? strchr(digits, c) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

static int
text_mark_read(const unsigned char *mark, unsigned char data[16])
{
	const unsigned char *p = mark + TEXT_HEAD_LEN;
	unsigned char got[16];

	if (memcmp(mark, TEXT_HEAD, TEXT_HEAD_LEN) != 0 ||
	    mark[TEXT_SIZE - 1] != '\n')
		return -1;
	for (int i = 0; i < 16; i++, p += 2) {
		int high = digit(p[0]), low = digit(p[1]);

		if (high == -1 || low == -1)
			return -1;
		got[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(data, got, sizeof got);
	return 0;
}

size_t
codec_mark_size(enum codec_kind kind)
{
	switch (kind) {
	case CODEC_GZIP:
		return GZ_MARK_SIZE;
	case CODEC_ZSTD:
		return ZST_MARK_SIZE;
	case CODEC_NONE:
		break;
	}
	return TEXT_SIZE;
}

int
codec_mark(enum codec_kind kind, const unsigned char data[16], struct buf *out,
    struct err *e)
{
	switch (kind) {
	case CODEC_GZIP:
		return gz_mark(data, out, e);
	case CODEC_ZSTD:
		return zst_mark(data, out, e);
	case CODEC_NONE:
		break;
	}
	return text_mark(data, out, e);
}

int
codec_mark_read(enum codec_kind kind, const unsigned char *mark,
    unsigned char data[16])
{
	switch (kind) {
	case CODEC_GZIP:
		return gz_mark_read(mark, data);
	case CODEC_ZSTD:
		return zst_mark_read(mark, data);
	case CODEC_NONE:
		break;
	}
	return text_mark_read(mark, data);
}
