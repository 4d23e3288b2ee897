/*
 * store_int: what a driver provides. Names are checked before it is called.
 */
#ifndef PGK_STORE_INT_H
#define PGK_STORE_INT_H

#include "store/store.h"

enum store_lock_how { STORE_LOCK, STORE_HOLD, STORE_SEIZE };

struct store_ops {
	/* mark: NULL, or filled (store_put_marked) */
	struct sink *(*put)(struct store *s, const char *name, char *mark,
	    struct err *e);
	int (*mark)(struct store *s, const char *name, char *mark,
	    struct err *e);
	struct blob *(*get)(struct store *s, const char *name, struct err *e);
	int (*sync)(struct store *s, const char *name, struct err *e);
	int (*list)(struct store *s, const char *folder,
	    int (*each)(void *ctx, const char *name, uint64_t size,
	        struct err *e),
	    void *ctx, struct err *e);
	int (*folders)(struct store *s, const char *folder,
	    int (*each)(void *ctx, const char *name, uint64_t size,
	        struct err *e),
	    void *ctx, struct err *e);
	/* mark: NULL, or what the object must have (store_delete_marked) */
	int (*del)(struct store *s, const char *name, const char *mark,
	    struct err *e);
	struct store_lock *(*lock)(struct store *s, const char *name,
	    enum store_lock_how how, struct err *e);
	void (*unlock)(struct store_lock *l);
	int (*sweep)(struct store *s, const char *folder, bool dry_run,
	    unsigned *count, struct err *e);
	void (*close)(struct store *s);
};
struct store {
	const struct store_ops *ops; /* embedded first in a driver's own */
	char *url;                   /* freed by store_close() */
};
struct store_lock {
	const struct store_ops *ops;
};

/* The drivers' constructors; `path` is the URL without its scheme. */
struct store *store_file_open(const char *path, int flags, struct err *e);

#endif
