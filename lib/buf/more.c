#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"

void *
buf_more(void *items, size_t count, size_t size, struct err *e)
{
	char *p = items;

	if ((count & (count - 1)) == 0 && (p = reallocarray(items,
	    count == 0 ? 1 : 2 * count, size)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	memset(p + count * size, 0, size);
	return p;
}
