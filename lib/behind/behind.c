#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "behind/behind.h"
#include "fsx/fsx.h"
#include "task/task.h"

#define THREADS 2 /* one piece is on its way to the disk, one is prepared */
/* What O_DIRECT asks of places, lengths and memory: a page is always enough. */
#define ALIGN ((size_t)4096)

struct target {
	int fd;
	bool take;
	bool asked;         /* for O_DIRECT */
	atomic_bool direct; /* and has it */
	atomic_bool padded; /* its last piece was */
	uint64_t size;      /* given to pieces so far */
	unsigned pieces;    /* of it, filled or on their way */
	bool ended;         /* and is freed with the last of them */
	char *name;
};

struct piece {
	struct piece *idle;
	struct target *to;
	bool last;          /* of its file */
	uint64_t off;
	size_t len;
	unsigned char *data; /* BEHIND_PIECE, aligned */
};

struct behind {
	struct task_line *line; /* NULL: no thread was needed yet */
	struct target *to;      /* the present file, or NULL */
	struct piece *filling;  /* of it, or NULL */
	struct piece *idle;
};

static void
target_free(struct target *t)
{
	if (t == NULL)
		return;
	if (t->take)
		fsx_close(t->fd);
	free(t->name);
	free(t);
}

/* The flag that makes writes go past the cache. */
static bool
set_direct(const struct target *t, bool on)
{
	int flags = fcntl(t->fd, F_GETFL);

	return flags != -1 && fcntl(t->fd, F_SETFL, on ? flags | O_DIRECT :
	    flags & ~O_DIRECT) == 0;
}

static int
write_at(const struct target *t, const unsigned char *data, size_t len,
    uint64_t off, struct err *e)
{
	while (len > 0) {
		ssize_t n = pwrite(t->fd, data, len, (off_t)off);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "could not write \"%s\"", t->name);
		data += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * Whole pages past the cache; the last of a file is cut to its length when all
 * is written. 0, -1, or 1: this file system, or this place on it, does not
 * take such writes.
 */
static int
write_direct(struct target *t, struct piece *p, struct err *e)
{
	size_t whole = (p->len + ALIGN - 1) / ALIGN * ALIGN, done = 0;

	memset(p->data + p->len, 0, whole - p->len);
	while (done < whole) {
		ssize_t n = pwrite(t->fd, p->data + done, whole - done,
		    (off_t)(p->off + done));

		if (n == -1 && errno == EINTR)
			continue;
		/* also after a write that ended within a page */
		if ((n == -1 && errno == EINVAL) || n == 0)
			return 1;
		if (n == -1)
			return err_sys(e, "could not write \"%s\"", t->name);
		done += (size_t)n;
	}
	if (whole != p->len)
		t->padded = true;
	return 0;
}

static int
work(void *ctx, unsigned worker, void *job, struct err *e)
{
	struct piece *p = job;
	struct target *t = p->to;
	int rc = 1;

	(void)ctx;
	(void)worker;
	if (t->direct && (rc = write_direct(t, p, e)) == 1) {
		t->direct = false;
		set_direct(t, false);
	}
	return rc == 1 ? write_at(t, p->data, p->len, p->off, e) : rc;
}

/* After a failure the last piece may be dropped before earlier ones. */
static void
retire(void *ctx, void *job)
{
	struct behind *b = ctx;
	struct piece *p = job;

	if (--p->to->pieces == 0 && p->to->ended)
		target_free(p->to);
	p->to = NULL;
	p->idle = b->idle;
	b->idle = p;
}

/* In the owner's thread, in order: after the last piece the file is whole. */
static int
deliver(void *ctx, void *job, struct err *e)
{
	struct piece *p = job;
	struct target *t = p->to;
	int rc = 0;

	if (p->last && t->padded && ftruncate(t->fd, (off_t)t->size) == -1)
		rc = err_sys(e, "could not set the length of \"%s\"",
		    t->name);
	if (p->last && !t->take && t->direct)
		set_direct(t, false);
	retire(ctx, job);
	return rc;
}

struct behind *
behind_new(struct err *e)
{
	struct behind *b = calloc(1, sizeof *b);

	if (b == NULL)
		err_nomem(e);
	return b;
}

int
behind_begin(struct behind *b, int fd, bool take, const char *name,
    struct err *e)
{
	struct target *t = calloc(1, sizeof *t);

	if (t == NULL || (t->name = strdup(name)) == NULL) {
		free(t);
		if (take)
			fsx_close(fd);
		return err_nomem(e);
	}
	t->fd = fd;
	t->take = take;
	b->to = t;
	return 0;
}

/* The piece to fill next. */
static struct piece *
piece_of(struct behind *b, struct err *e)
{
	struct piece *p = b->filling;

	if (p != NULL)
		return p;
	if ((p = b->idle) != NULL) {
		b->idle = p->idle;
	} else if ((p = calloc(1, sizeof *p)) == NULL ||
	    (p->data = aligned_alloc(ALIGN, BEHIND_PIECE)) == NULL) {
		free(p);
		err_nomem(e);
		return NULL;
	}
	p->to = b->to;
	p->to->pieces++;
	p->last = false;
	p->off = b->to->size;
	p->len = 0;
	b->filling = p;
	return p;
}

/* The piece being filled, no longer; with the last the file is its pieces'. */
static void
let_go(struct behind *b)
{
	const bool last = b->filling->last;

	b->filling = NULL;
	if (!last)
		return;
	b->to->ended = true;
	b->to = NULL;
}

/* Send the piece being filled on its way. */
static int
push(struct behind *b, struct err *e)
{
	static const struct task_line_ops ops = { work, deliver, retire };
	struct piece *p = b->filling;
	struct target *t = b->to;

	t->size += p->len;
	if (p->off == 0 && p->last && b->line == NULL) {
		let_go(b);
		if (work(b, 0, p, e) == 0)
			return deliver(b, p, e);
		retire(b, p);
		return -1;
	}
	if (b->line == NULL && (b->line = task_line_new(THREADS, &ops, b,
	    e)) == NULL)
		return -1;
	if (!p->last && !t->asked) {
		t->asked = true;
		t->direct = set_direct(t, true);
	}
	let_go(b);
	return task_line_push(b->line, p, e);
}

/*
 * A full piece waits for the next byte: it may be the last, and a file of one
 * piece goes through the cache.
 */
int
behind_write(struct behind *b, const void *data, size_t len, struct err *e)
{
	const unsigned char *p = data;

	while (len > 0) {
		struct piece *to = piece_of(b, e);
		size_t n;

		if (to == NULL)
			return -1;
		n = BEHIND_PIECE - to->len < len ? BEHIND_PIECE - to->len :
		    len;
		if (n == 0) {
			if (push(b, e) == -1)
				return -1;
			continue;
		}
		memcpy(to->data + to->len, p, n);
		to->len += n;
		p += n;
		len -= n;
	}
	return 0;
}

int
behind_end(struct behind *b, struct err *e)
{
	struct piece *p = piece_of(b, e);

	if (p == NULL)
		return -1;
	p->last = true;
	return push(b, e);
}

int
behind_drain(struct behind *b, struct err *e)
{
	return b->line == NULL ? 0 : task_line_finish(b->line, e);
}

void
behind_free(struct behind *b)
{
	if (b == NULL)
		return;
	task_line_free(b->line); /* retires what is on its way */
	if (b->filling != NULL)
		retire(b, b->filling);
	target_free(b->to);
	while (b->idle != NULL) {
		struct piece *p = b->idle;

		b->idle = p->idle;
		free(p->data);
		free(p);
	}
	free(b);
}
