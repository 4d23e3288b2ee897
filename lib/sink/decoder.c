#include <stdbool.h>
#include <stdlib.h>

#include "sink/sink.h"

static int
decoder_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct sink_decoder *d = (struct sink_decoder *)s;
	const char *p = data;
	bool more = false;

	while (len > 0 || more) {
		size_t used = 0, got = 0;
		int rc = d->ops->decode(d, p, len, &used, &got, e);

		if (rc == -1 || sink_write(d->next, d->plain, got, e) == -1)
			return -1;
		more = rc == 1;
		p += used;
		len -= used;
	}
	return 0;
}

static int
decoder_finish(struct sink *s, struct err *e)
{
	struct sink_decoder *d = (struct sink_decoder *)s;

	return d->ops->end(d, e) == -1 ? -1 : sink_finish(d->next, e);
}

static void
decoder_free(struct sink *s)
{
	struct sink_decoder *d = (struct sink_decoder *)s;

	d->ops->release(d);
	sink_free(d->next);
	free(d);
}

void *
sink_decoder(struct sink *next, size_t size,
    const struct sink_decoder_ops *ops, struct err *e)
{
	static const struct sink_ops sink = { decoder_write, decoder_finish,
		decoder_free };
	struct sink_decoder *d = sink_stage(next, size, e);

	if (d == NULL)
		return NULL;
	d->base.ops = &sink;
	d->next = next;
	d->ops = ops;
	return d;
}
