/*
 * feed: between PostgreSQL and the archive: what archive_command and
 * restore_command do with one file, and the guard of a restored server.
 *
 * PATH is what PostgreSQL gives for %p: relative to the data folder, which is
 * where its commands run, or absolute. The data folder is the one above
 * PATH's, if that is called pg_wal, else the current one.
 */
#ifndef PGK_FEED_H
#define PGK_FEED_H

#include <stdbool.h>

#include "archive/archive.h"

/* 0 if this could be a file of pg_wal, else ERR_USAGE. */
int feed_check_name(const char *name, struct err *e);

/*
 * Put the file PATH into the archive under its own name. Beyond what
 * archive_put() refuses: ERR_REFUSED while the data folder has a guard, or
 * when its global/pg_control is of another cluster than the archive.
 */
int feed_push(struct archive *a, const char *path,
    const struct archive_how *how, struct err *e);

/*
 * Write the file `name` of the archive to PATH, whole or not at all; not
 * synced, for PostgreSQL fetches again after a crash. ERR_ABSENT is an answer
 * of the archive: it is there, it is this cluster's, and has no such file;
 * in recovery that is to end when WAL ends (recovery.signal without
 * standby.signal) a segment behind which others are there is not absent but
 * missing: ERR_CORRUPT.
 *
 * With prefetch > 0 a process of its own is left behind that fetches up to so
 * many following segments into pgk-prefetch/ beside PATH, where later calls
 * find them. It is the only one, follows what is asked for, and ends, leaving
 * nothing, FEED_IDLE seconds after the last call, when recovery has ended, or
 * when the store has not answered for FEED_STUCK.
 */
#define FEED_IDLE 3
#define FEED_STUCK 30
#define FEED_PREFETCH_MAX 64
struct feed_get {
	const struct age_keys *keys; /* or NULL */
	bool partial;
	unsigned prefetch;
	unsigned threads; /* that unpack, and of the process left behind */
};
int feed_get(struct archive *a, const char *name, const char *path,
    const struct feed_get *how, struct err *e);

/*
 * feed_adoption: whether the server in a data folder may leave its guard
 * behind. 0: it was promoted, *g is the guard and *timeline its own now.
 * ERR_ABSENT: there is no guard, or, as the hint then says, its setting alone;
 * ERR_REFUSED says why not.
 */
int feed_adoption(int datadir, struct archive_guard *g, uint32_t *timeline,
    struct err *e);

/*
 * Remove the guard, durably, its file last. *reload: a server that runs has to
 * reload its configuration for it.
 */
int feed_adopt(int datadir, bool *reload, struct err *e);

#endif
