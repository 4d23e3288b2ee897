#include <string.h>

#include "gz/gz.h"
#include "gz/gz_int.h"

#define MARK_DATA 16 /* where the 16 bytes stand */

/* All of a mark but its 16 bytes. */
static const unsigned char blank[GZ_MARK_SIZE] = {
	GZ_HEADER(GZ_FEXTRA),
	20, 0,           /* XLEN */
	'P', 'G', 16, 0, /* subfield and its length */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	3, 0,            /* an empty final block */
	0, 0, 0, 0,      /* CRC-32 of nothing */
	0, 0, 0, 0,      /* size */
};

int
gz_mark(const unsigned char data[16], struct buf *out, struct err *e)
{
	unsigned char mark[GZ_MARK_SIZE];

	memcpy(mark, blank, sizeof mark);
	memcpy(mark + MARK_DATA, data, 16);
	return buf_add(out, mark, sizeof mark, e);
}

int
gz_mark_read(const unsigned char mark[GZ_MARK_SIZE], unsigned char data[16])
{
	if (memcmp(mark, blank, MARK_DATA) != 0 ||
	    memcmp(mark + MARK_DATA + 16, blank + MARK_DATA + 16,
	    GZ_MARK_SIZE - MARK_DATA - 16) != 0)
		return -1;
	memcpy(data, mark + MARK_DATA, 16);
	return 0;
}
