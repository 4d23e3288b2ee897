/*
 * log_read: the log between two places, for the blocks it changed.
 */
#ifndef PGK_BASE_LOG_READ_H
#define PGK_BASE_LOG_READ_H

#include "age/age.h"
#include "base/changed.h"
#include "pg/pg.h"
#include "store/store.h"

/* All borrowed. `from` is where a record begins. */
struct base_log {
	struct pg *pg;       /* of the server, for its pg_wal */
	struct store *store;
	const struct age_keys *keys; /* that open the archive, or NULL */
	unsigned threads;    /* that unpack */
	uint32_t timeline;   /* of all of it */
	uint32_t segment_size;
	uint64_t from;
	bool ended;          /* the backup that began at `from` ended in this
	                        log, which must tell so */
};

/*
 * What changes is added to `out` (borrowed). base_log_until() reads the
 * segments that end at `lsn` or before; base_log_to() then all the rest: `to`
 * is where a record begins; when it is before `lsn` more is told than was asked
 * for. So a server that has the log now, and not when a checkpoint has come, is
 * asked in time.
 *
 * ERR_REFUSED when a segment is neither in the archive nor in pg_wal, or the
 * log cannot be followed, or does not tell what `ended` says; a damaged segment
 * of the archive is warned of and not used. ERR_PG, ERR_NOMEM, ERR_STOPPED.
 */
struct base_log_reader;
struct base_log_reader *base_log_open(const struct base_log *log,
    struct base_changed *out, struct err *e);
int base_log_until(struct base_log_reader *r, uint64_t lsn, struct err *e);
int base_log_to(struct base_log_reader *r, uint64_t to, struct err *e);
void base_log_close(struct base_log_reader *r); /* NULL ok */

#endif
