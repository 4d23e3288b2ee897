/*
 * faultstore: a store over another one in which the n-th operation goes
 * wrong: for sweeping whatever uses a store.
 */
#ifndef PGK_TESTS_FAULTSTORE_H
#define PGK_TESTS_FAULTSTORE_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store_int.h"

enum fault {
	FAULT_BEFORE,     /* fails and does nothing */
	FAULT_AFTER,      /* does it and fails all the same (a failing fsync) */
	FAULT_FOR_EVER,   /* fails, and so does all that follows */
	FAULT_DIE_BEFORE, /* the process ends */
	FAULT_DIE_AFTER,
	FAULTS
};

#define FAULT_DEATH 99 /* the exit status then */

struct faultstore {
	struct store base;
	struct store *inner;
	enum fault fault;
	unsigned at;    /* the operation that goes wrong, from 1; 0: none */
	unsigned count; /* operations so far */
	bool hit;
};

struct faultsink {
	struct sink base;
	struct sink *inner;
	struct faultstore *store;
};

/* Before an operation: -1 with *e to fail it. */
static inline int
fault_enter(struct faultstore *f, struct err *e)
{
	unsigned n = ++f->count;

	if (f->at == 0 || n < f->at ||
	    (n > f->at && f->fault != FAULT_FOR_EVER))
		return 0;
	f->hit = true;
	if (f->fault == FAULT_DIE_BEFORE)
		_exit(FAULT_DEATH);
	if (f->fault == FAULT_BEFORE || f->fault == FAULT_FOR_EVER) {
		errno = EIO;
		return err_sys(e, "fault at operation %u", n);
	}
	return 0;
}

/* After it: whether it is to fail all the same. */
static inline int
fault_leave(struct faultstore *f, struct err *e)
{
	if (f->at == 0 || f->count != f->at)
		return 0;
	if (f->fault == FAULT_DIE_AFTER)
		_exit(FAULT_DEATH);
	if (f->fault == FAULT_AFTER) {
		errno = EIO;
		return err_sys(e, "fault after operation %u", f->count);
	}
	return 0;
}

#define FAULT_STORE(s) ((struct faultstore *)(s))
#define FAULT_SINK(s) ((struct faultsink *)(s))

static inline int
fault_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct faultstore *f = FAULT_SINK(s)->store;

	if (fault_enter(f, e) == -1 ||
	    sink_write(FAULT_SINK(s)->inner, data, len, e) == -1)
		return -1;
	return fault_leave(f, e);
}

static inline int
fault_finish(struct sink *s, struct err *e)
{
	struct faultstore *f = FAULT_SINK(s)->store;

	if (fault_enter(f, e) == -1 ||
	    sink_finish(FAULT_SINK(s)->inner, e) == -1)
		return -1;
	return fault_leave(f, e);
}

static inline void
fault_sink_free(struct sink *s)
{
	sink_free(FAULT_SINK(s)->inner);
	free(s);
}

static inline struct sink *
fault_put(struct store *s, const char *name, char *mark, struct err *e)
{
	static const struct sink_ops ops = { fault_write, fault_finish,
		fault_sink_free };
	struct faultsink *out = NULL;
	struct sink *inner = NULL;

	if (fault_enter(FAULT_STORE(s), e) == -1)
		return NULL;
	inner = FAULT_STORE(s)->inner->ops->put(FAULT_STORE(s)->inner, name,
	    mark, e);
	if (inner == NULL || fault_leave(FAULT_STORE(s), e) == -1 ||
	    (out = malloc(sizeof *out)) == NULL) {
		sink_free(inner);
		return NULL;
	}
	*out = (struct faultsink){ { &ops }, inner, FAULT_STORE(s) };
	return &out->base;
}

static inline int
fault_mark(struct store *s, const char *name, char *mark, struct err *e)
{
	if (fault_enter(FAULT_STORE(s), e) == -1 ||
	    store_mark(FAULT_STORE(s)->inner, name, mark, e) == -1)
		return -1;
	return fault_leave(FAULT_STORE(s), e);
}

static inline struct blob *
fault_get(struct store *s, const char *name, struct err *e)
{
	struct blob *b;

	if (fault_enter(FAULT_STORE(s), e) == -1)
		return NULL;
	b = store_get(FAULT_STORE(s)->inner, name, e);
	if (b != NULL && fault_leave(FAULT_STORE(s), e) == -1) {
		blob_free(b);
		b = NULL;
	}
	return b;
}

static inline int
fault_sync(struct store *s, const char *name, struct err *e)
{
	if (fault_enter(FAULT_STORE(s), e) == -1 ||
	    store_sync(FAULT_STORE(s)->inner, name, e) == -1)
		return -1;
	return fault_leave(FAULT_STORE(s), e);
}

static inline int
fault_list(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e)
{
	if (fault_enter(FAULT_STORE(s), e) == -1 ||
	    store_list(FAULT_STORE(s)->inner, folder, each, ctx, e) == -1)
		return -1;
	return fault_leave(FAULT_STORE(s), e);
}

static inline int
fault_folders(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e)
{
	if (fault_enter(FAULT_STORE(s), e) == -1 ||
	    store_list_folders(FAULT_STORE(s)->inner, folder, each, ctx,
	        e) == -1)
		return -1;
	return fault_leave(FAULT_STORE(s), e);
}

static inline int
fault_del(struct store *s, const char *name, const char *mark, struct err *e)
{
	struct store *inner = FAULT_STORE(s)->inner;

	if (fault_enter(FAULT_STORE(s), e) == -1 ||
	    inner->ops->del(inner, name, mark, e) == -1)
		return -1;
	return fault_leave(FAULT_STORE(s), e);
}

static inline struct store_lock *
fault_lock(struct store *s, const char *name, enum store_lock_how how,
    struct err *e)
{
	struct store *inner = FAULT_STORE(s)->inner;
	struct store_lock *l;

	if (fault_enter(FAULT_STORE(s), e) == -1)
		return NULL;
	l = inner->ops->lock(inner, name, how, e);
	if (l != NULL && fault_leave(FAULT_STORE(s), e) == -1) {
		store_unlock(l);
		l = NULL;
	}
	return l;
}

static inline int
fault_sweep(struct store *s, const char *folder, bool dry_run,
    unsigned *count, struct err *e)
{
	if (fault_enter(FAULT_STORE(s), e) == -1 ||
	    store_sweep(FAULT_STORE(s)->inner, folder, dry_run, count,
	        e) == -1)
		return -1;
	return fault_leave(FAULT_STORE(s), e);
}

/* Over `inner`, borrowed. Locks are the inner store's own. */
static inline void
faultstore_init(struct faultstore *f, struct store *inner, enum fault fault,
    unsigned at)
{
	static const struct store_ops ops = {
		.put = fault_put,
		.mark = fault_mark,
		.get = fault_get,
		.sync = fault_sync,
		.list = fault_list,
		.folders = fault_folders,
		.del = fault_del,
		.lock = fault_lock,
		.sweep = fault_sweep,
	};

	*f = (struct faultstore){ { &ops, inner->url }, inner, fault, at, 0,
		false };
}

#endif
