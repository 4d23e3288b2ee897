#include <string.h>

#include "zst/zst.h"

/* RFC 8878 3.1.2: magic 0x184D2A50, size 24, both little endian; our word. */
#define MARK_HEAD 16
static const unsigned char head[MARK_HEAD] = {
	0x50, 0x2a, 0x4d, 0x18, 24, 0, 0, 0,
	'p', 'g', 'k', ' ', 'm', 'a', 'r', 'k'
};

int
zst_mark(const unsigned char data[16], struct buf *out, struct err *e)
{
	unsigned char mark[ZST_MARK_SIZE];

	memcpy(mark, head, MARK_HEAD);
	memcpy(mark + MARK_HEAD, data, 16);
	return buf_add(out, mark, sizeof mark, e);
}

int
zst_mark_read(const unsigned char mark[ZST_MARK_SIZE], unsigned char data[16])
{
	if (memcmp(mark, head, MARK_HEAD) != 0)
		return -1;
	memcpy(data, mark + MARK_HEAD, 16);
	return 0;
}
