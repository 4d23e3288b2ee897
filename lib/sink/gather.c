#include <stdlib.h>
#include <string.h>

#include "sink/sink.h"

#define GATHER ((size_t)64 << 10)

struct gather {
	struct sink base;
	struct sink *next;
	size_t held;
	char data[GATHER];
};

static int
flush(struct gather *g, struct err *e)
{
	size_t n = g->held;

	g->held = 0;
	return n == 0 ? 0 : sink_write(g->next, g->data, n, e);
}

static int
gather_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct gather *g = (struct gather *)s;

	if (len > GATHER - g->held && flush(g, e) == -1)
		return -1;
	if (len >= GATHER)
		return sink_write(g->next, data, len, e);
	memcpy(g->data + g->held, data, len);
	g->held += len;
	return 0;
}

static int
gather_finish(struct sink *s, struct err *e)
{
	struct gather *g = (struct gather *)s;

	return flush(g, e) == -1 ? -1 : sink_finish(g->next, e);
}

static void
gather_free(struct sink *s)
{
	sink_free(((struct gather *)s)->next);
	free(s);
}

struct sink *
sink_gather(struct sink *next, struct err *e)
{
	static const struct sink_ops ops = { gather_write, gather_finish,
		gather_free };
	struct gather *g;

	if (next == NULL)
		return NULL;
	if ((g = malloc(sizeof *g)) == NULL) {
		err_nomem(e);
		sink_free(next);
		return NULL;
	}
	g->base.ops = &ops;
	g->next = next;
	g->held = 0;
	return &g->base;
}
