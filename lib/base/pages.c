#include <string.h>

#include "base/walk.h"

void
base_pages_begin(struct base_pages *p)
{
	p->block = 0;
	p->held = 0;
}

/* Messages mostly hold whole pages: those are looked at where they lie. */
int
base_pages_add(struct base_pages *p, const void *data, size_t len,
    struct err *e)
{
	const unsigned char *at = data;

	while (len > 0) {
		const unsigned char *page = at;
		size_t n = PAGE_SIZE_PG;

		if (p->held > 0 || len < PAGE_SIZE_PG) {
			n = PAGE_SIZE_PG - p->held < len ?
			    PAGE_SIZE_PG - p->held : len;
			memcpy(p->part + p->held, at, n);
			p->held += n;
			page = p->part;
		}
		at += n;
		len -= n;
		if (p->held > 0 && p->held < PAGE_SIZE_PG)
			break;
		p->held = 0;
		if (p->each(p->ctx, p->block++, page, e) == -1)
			return -1;
	}
	return 0;
}
