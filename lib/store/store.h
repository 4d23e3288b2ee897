/*
 * store: where backups lie.
 *
 * Objects have names such as "full/medtranslate_full_20250127_030000.json":
 * parts of [A-Za-z0-9._%-] joined by '/', no part empty, "." or "..", none
 * beginning with '.' or '-', at most 255 bytes a part and 8 parts; anything
 * else is ERR_USAGE before the store is touched. One table of functions per
 * driver; the driver is chosen by the URL. Objects are published whole or not
 * at all, are never changed afterwards, and are private (0600, folders 0700).
 *
 * ERR_ABSENT means that the store answered and has no such object.
 *
 * Any thread may use a store; a sink, a lock is one thread's at a time.
 */
#ifndef PGK_STORE_H
#define PGK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "sink/sink.h"

struct store;

/*
 * Open by URL: a path ("/backup/postgresql", "./store") or "file:///path"
 * (taken as it stands, nothing is decoded). The folder is made if
 * STORE_CREATE is given and only its last part is missing, else ERR_ABSENT.
 * ERR_REFUSED: the folder is a symbolic link, can be written to by group or
 * others, or belongs to someone who is neither us nor root; the same holds
 * for every folder within, whenever it is used.
 */
#define STORE_CREATE 1
/* flags: 0 or STORE_CREATE. */
struct store *store_open(const char *url, int flags, struct err *e);
void store_close(struct store *s); /* NULL ok; nothing of it may be in use */
const char *store_url(const struct store *s);

/* 0 if `name` is an object's name as above, else ERR_USAGE. */
int store_check_name(const char *name, struct err *e);

/*
 * A sink that makes the object `name`; sink_finish() publishes it durably:
 * after that a crash or power loss does not take it back. ERR_BUSY from
 * finish when the name exists already: nothing is ever overwritten.
 */
struct sink *store_put(struct store *s, const char *name, struct err *e);

/* store_put() of bytes at hand. */
int store_put_bytes(struct store *s, const char *name, const void *data,
    size_t len, struct err *e);

/*
 * A mark tells an object from any other that bears, bore or will bear the
 * same name: who wrote a mark down before publishing knows later whether the
 * object under that name is the one, or a stranger's. It is short text of
 * [0-9a-z.]. store_put_marked() is store_put() that also says the mark
 * the object will have.
 */
#define STORE_MARK_MAX 64 /* with the NUL */
struct sink *store_put_marked(struct store *s, const char *name,
    char mark[STORE_MARK_MAX], struct err *e);
int store_mark(struct store *s, const char *name, char mark[STORE_MARK_MAX],
    struct err *e);

/* Read an object by ranges (sink.h). */
struct blob *store_get(struct store *s, const char *name, struct err *e);

/*
 * Make sure that an object found under its name is durable, whoever put it:
 * its writer may have died between publishing and saying so.
 */
int store_sync(struct store *s, const char *name, struct err *e);

/* A small object whole; over `max` is ERR_CORRUPT. */
int store_get_bytes(struct store *s, const char *name, size_t max,
    struct buf *out, struct err *e);

/*
 * Call `each` for every object directly in `folder` ("full"), in byte order
 * of names; a folder that is not there is an empty one. Temporaries, locks,
 * names that are no object's and things that are no regular files are not
 * listed. The listing is complete before the first call, so `each` may
 * delete; one that could not be completed fails: it is never taken for a
 * short one. `each` returns 0, or -1 with *e to stop.
 */
int store_list(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e);

/*
 * The same for the folders directly in `folder`, with size 0. A folder is one
 * as long as something lies in it; an empty one may be listed or not.
 */
int store_list_folders(struct store *s, const char *folder,
    int (*each)(void *ctx, const char *name, uint64_t size, struct err *e),
    void *ctx, struct err *e);

/*
 * ERR_ABSENT if it was not there. Durable on return. The folder of an object
 * two levels deep or more ("incremental/NAME/base.tar.gz") goes with the last
 * thing in it, and so it does when the only put into it is not finished; a put
 * at the same moment makes it anew. Deleting what is not there takes away an
 * empty folder all the same: a run may have been killed in between.
 */
int store_delete(struct store *s, const char *name, struct err *e);

/* The same if the object has this mark, else ERR_REFUSED and it stays. */
int store_delete_marked(struct store *s, const char *name, const char *mark,
    struct err *e);

/*
 * Locks end with the process at the latest.
 *   store_lock   exclusive, on a name that needs no object ("full/work"); the
 *                last part has at most 249 bytes
 *   store_hold   shared, on an object being read, so that nobody seizes it;
 *                needs no right to write
 *   store_seize  exclusive, on an object, to delete it
 * None waits: ERR_BUSY. hold and seize of what is not there: ERR_ABSENT.
 * Each call is a holder of its own: two locks of one process conflict like
 * those of two processes, so a process cannot seize what it holds itself.
 */
struct store_lock;
struct store_lock *store_lock(struct store *s, const char *name,
    struct err *e);
struct store_lock *store_hold(struct store *s, const char *name,
    struct err *e);
struct store_lock *store_seize(struct store *s, const char *name,
    struct err *e);
void store_unlock(struct store_lock *l); /* NULL ok */

/*
 * Remove temporaries whose writers are gone from `folder`; those of live
 * ones stay. A folder within another ("incremental/NAME") that is empty after
 * that goes itself, but not one that was empty before. Adds removals to *count if not NULL; logs each (info). dry_run
 * only counts and logs.
 */
int store_sweep(struct store *s, const char *folder, bool dry_run,
    unsigned *count, struct err *e);

#endif
