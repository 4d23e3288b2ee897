/*
 * behind: files written by other threads, and past the page cache.
 *
 * What is written is gathered in pieces of BEHIND_PIECE bytes, which threads
 * write while the owner goes on. A file of more than one piece is written with
 * O_DIRECT where the file system has it: for data that nobody reads soon the
 * copy into the page cache is work for nothing, the most expensive part of a
 * restore, and what it drives out of the cache is the database's. Smaller
 * files go through the cache.
 *
 * One file at a time:
 *
 *	behind_begin(b, fd, ...); behind_write(b, ...)...; behind_end(b, ...);
 *
 * and the next, without waiting; behind_drain() waits for all. Nothing is
 * synced here. An error may show at any later call, with the name of the
 * file it befell; after one only behind_free() may follow. One owner thread.
 */
#ifndef PGK_BEHIND_H
#define PGK_BEHIND_H

#include <stdbool.h>
#include <stddef.h>

#include "err/err.h"

#define BEHIND_PIECE ((size_t)1 << 20)
#define BEHIND_PIECES 5 /* at most so many exist, with one being filled */

struct behind;
/* No thread is started before a file of more than one piece is met. */
struct behind *behind_new(struct err *e);

/*
 * The next file: empty, open for writing, from its beginning. `name` (copied)
 * is for messages. `take`: the descriptor is closed when all is written, or by
 * behind_free(), and here on failure; else it is borrowed until
 * behind_drain(), which leaves it without O_DIRECT.
 */
int behind_begin(struct behind *b, int fd, bool take, const char *name,
    struct err *e);

/* Append to it. ERR_SYS, ERR_NOMEM. */
int behind_write(struct behind *b, const void *data, size_t len,
    struct err *e);

/* It is as long as what was written. */
int behind_end(struct behind *b, struct err *e);

/* Wait until every ended file is written. */
int behind_drain(struct behind *b, struct err *e);

/* NULL ok. A file that was not ended, or not drained, may be of any length. */
void behind_free(struct behind *b);

#endif
