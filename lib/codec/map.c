#include <stdlib.h>

#include "codec/codec_int.h"
#include "digest/digest.h"

struct codec_map *
codec_map_new(struct err *e)
{
	struct codec_map *m = calloc(1, sizeof *m);

	if (m == NULL)
		err_nomem(e);
	return m;
}

void
codec_map_free(struct codec_map *m)
{
	if (m == NULL)
		return;
	free(m->blocks);
	free(m);
}

static int
add(struct codec_map *m, size_t len, uint32_t crc, struct err *e)
{
	struct codec_block *blocks = buf_more(m->blocks, m->count,
	    sizeof *blocks, e);

	if (blocks == NULL)
		return -1;
	m->blocks = blocks;
	m->blocks[m->count++] = (struct codec_block){ m->end, (uint32_t)len,
		crc };
	m->end += len;
	return 0;
}

int
codec_map_add(struct codec_map *m, const void *packed, size_t len,
    struct err *e)
{
	return add(m, len, digest_crc32c(0, packed, len), e);
}

/* Nothing is packed: only noted. */
struct plain {
	struct sink base;
	struct sink *next;
	struct codec_map *map;
	size_t len; /* of the present block */
	uint32_t crc;
};

static int
note(struct plain *p, struct err *e)
{
	if (add(p->map, p->len, p->crc, e) == -1)
		return -1;
	p->len = 0;
	p->crc = 0;
	return 0;
}

static int
plain_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct plain *p = (struct plain *)s;
	const char *from = data;

	while (len > 0) {
		size_t n = CODEC_BLOCK - p->len < len ? CODEC_BLOCK - p->len :
		    len;

		p->crc = digest_crc32c(p->crc, from, n);
		p->len += n;
		/* known before `next` could ask for it */
		if ((p->len == CODEC_BLOCK && note(p, e) == -1) ||
		    sink_write(p->next, from, n, e) == -1)
			return -1;
		from += n;
		len -= n;
	}
	return 0;
}

static int
plain_finish(struct sink *s, struct err *e)
{
	struct plain *p = (struct plain *)s;

	if (p->len > 0 && note(p, e) == -1)
		return -1;
	return sink_finish(p->next, e);
}

static void
plain_free(struct sink *s)
{
	sink_free(((struct plain *)s)->next);
	free(s);
}

struct sink *
codec_plain_mapped(struct sink *next, struct codec_map *m, struct err *e)
{
	static const struct sink_ops ops = { plain_write, plain_finish,
		plain_free };
	struct plain *p = sink_stage(next, sizeof *p, e);

	if (p == NULL)
		return NULL;
	p->base.ops = &ops;
	p->next = next;
	p->map = m;
	return &p->base;
}
