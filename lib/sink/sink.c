#include "sink/sink.h"

#include <stdlib.h>
#include <unistd.h>

#include "buf/buf.h"
#include "fsx/fsx.h"

#define SEND_BYTES ((size_t)256 << 10)

int
sink_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	return len == 0 ? 0 : s->ops->write(s, data, len, e);
}

int
sink_finish(struct sink *s, struct err *e)
{
	return s->ops->finish(s, e);
}

void
sink_free(struct sink *s)
{
	if (s != NULL)
		s->ops->free(s);
}

void *
sink_stage(struct sink *next, size_t size, struct err *e)
{
	void *stage;

	if (next == NULL)
		return NULL;
	if ((stage = calloc(1, size)) == NULL) {
		err_nomem(e);
		sink_free(next);
	}
	return stage;
}

/* to a descriptor */

struct fd_sink {
	struct sink base;
	int fd;
	const char *name;
};

static int
fd_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct fd_sink *f = (struct fd_sink *)s;

	return fsx_write(f->fd, data, len, f->name, e);
}

static int
finish_nothing(struct sink *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}

static void
free_self(struct sink *s)
{
	free(s);
}

struct sink *
sink_fd(int fd, const char *name, struct err *e)
{
	static const struct sink_ops ops = { fd_write, finish_nothing,
		free_self };
	struct fd_sink *f = malloc(sizeof *f);

	if (f == NULL) {
		err_nomem(e);
		return NULL;
	}
	*f = (struct fd_sink){ { &ops }, fd, name };
	return &f->base;
}

/* to memory */

struct buf_sink {
	struct sink base;
	struct buf *out;
};

static int
buf_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	return buf_add(((struct buf_sink *)s)->out, data, len, e);
}

struct sink *
sink_buf(struct buf *out, struct err *e)
{
	static const struct sink_ops ops = { buf_write, finish_nothing,
		free_self };
	struct buf_sink *b = malloc(sizeof *b);

	if (b == NULL) {
		err_nomem(e);
		return NULL;
	}
	*b = (struct buf_sink){ { &ops }, out };
	return &b->base;
}

/* to nowhere */

static int
null_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	(void)s;
	(void)data;
	(void)len;
	(void)e;
	return 0;
}

struct sink *
sink_null(struct err *e)
{
	static const struct sink_ops ops = { null_write, finish_nothing,
		free_self };
	struct sink *s = malloc(sizeof *s);

	if (s == NULL) {
		err_nomem(e);
		return NULL;
	}
	s->ops = &ops;
	return s;
}

/* to another sink, which stays its owner's */

struct keep_sink {
	struct sink base;
	struct sink *next;
};

static int
keep_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	return sink_write(((struct keep_sink *)s)->next, data, len, e);
}

struct sink *
sink_keep(struct sink *next, struct err *e)
{
	static const struct sink_ops ops = { keep_write, finish_nothing,
		free_self };
	struct keep_sink *k = malloc(sizeof *k);

	if (k == NULL) {
		err_nomem(e);
		return NULL;
	}
	*k = (struct keep_sink){ { &ops }, next };
	return &k->base;
}

/* counted */

struct count_sink {
	struct sink base;
	struct sink *next;
	uint64_t *count;
};

static int
count_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct count_sink *c = (struct count_sink *)s;

	*c->count += len;
	return sink_write(c->next, data, len, e);
}

static int
count_finish(struct sink *s, struct err *e)
{
	return sink_finish(((struct count_sink *)s)->next, e);
}

static void
count_free(struct sink *s)
{
	sink_free(((struct count_sink *)s)->next);
	free(s);
}

struct sink *
sink_count(struct sink *next, uint64_t *count, struct err *e)
{
	static const struct sink_ops ops = { count_write, count_finish,
		count_free };
	struct count_sink *c;

	if ((c = sink_stage(next, sizeof *c, e)) == NULL)
		return NULL;
	*count = 0;
	*c = (struct count_sink){ { &ops }, next, count };
	return &c->base;
}

int
sink_send_fd(int fd, const char *name, struct sink *s, struct err *e)
{
	char *data = malloc(SEND_BYTES);
	int rc = -1;

	if (data == NULL)
		return err_nomem(e);
	for (;;) {
		ssize_t n = fsx_read(fd, data, SEND_BYTES, name, e);

		if (n == -1)
			break;
		if (n == 0) {
			rc = 0;
			break;
		}
		if (sink_write(s, data, (size_t)n, e) == -1)
			break;
	}
	free(data);
	return rc;
}
