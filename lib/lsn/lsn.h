/*
 * lsn: places in the write-ahead log: LSNs, segments, timelines, and the
 * names of the files of pg_wal (PostgreSQL's xlog_internal.h).
 */
#ifndef PGK_LSN_H
#define PGK_LSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err/err.h"

#define LSN_TEXT_MAX 18
#define LSN_NAME_MAX 48 /* of any file of pg_wal, with its NUL */
#define LSN_SEGMENT_NAME 24 /* digits of a segment's name */
#define LSN_SEGMENT_SIZE ((uint32_t)16 << 20) /* initdb's default */

/*
 * "16/B374D848" and back: exactly two hexadecimal halves of 1 to 8 digits, of
 * either case when read; ERR_USAGE.
 */
int lsn_parse(const char *text, uint64_t *lsn, struct err *e);
const char *lsn_text(uint64_t lsn, char out[LSN_TEXT_MAX]);

/* A power of two from 1 MiB to 1 GiB. */
bool lsn_is_segment_size(uint64_t size);

/*
 * What a name in pg_wal says. `segment` is the number of the segment since
 * LSN 0: its first byte is segment * segment_size.
 */
enum lsn_kind {
	LSN_SEGMENT, /* 000000010000000000000001 */
	LSN_PARTIAL, /* 000000010000000000000001.partial */
	LSN_BACKUP,  /* 000000010000000000000001.00000028.backup */
	LSN_HISTORY, /* 00000002.history: `segment` and `offset` are 0 */
};
struct lsn_name {
	enum lsn_kind kind;
	uint32_t timeline;
	uint64_t segment;
	uint32_t offset; /* of a .backup */
};

/* Whole names in upper case hexadecimal only, timeline not 0; ERR_USAGE. */
int lsn_parse_name(const char *name, uint32_t segment_size,
    struct lsn_name *out, struct err *e);
const char *lsn_write_name(const struct lsn_name *name, uint32_t segment_size,
    char out[LSN_NAME_MAX]);

/* The name of the segment that holds the byte at `lsn`. */
const char *lsn_segment_of(uint32_t timeline, uint64_t lsn,
    uint32_t segment_size, char out[LSN_NAME_MAX]);

/*
 * A timeline's ancestry, as its .history says: timeline `items[i].timeline`
 * ended at `items[i].end` (exclusive), oldest first; the last item's
 * successor is `timeline`. Timeline 1 has no file and no items.
 */
struct lsn_history {
	uint32_t timeline;
	struct { uint32_t timeline; uint64_t end; } *items;
	size_t count;
};

/*
 * Parse a file's text: timelines that rise and stay below `timeline`, ends
 * that do not fall, and an ancestor at least; else ERR_CORRUPT. Free with
 * lsn_history_free(), which leaves one without items.
 */
int lsn_history_parse(const char *text, size_t len, uint32_t timeline,
    struct lsn_history *out, struct err *e);
void lsn_history_free(struct lsn_history *h);

/*
 * Where `timeline` was left for its successor in `h`: its end, UINT64_MAX for
 * h->timeline itself, 0 when it is no ancestor.
 */
uint64_t lsn_history_end(const struct lsn_history *h, uint32_t timeline);

/* The timeline that wrote the byte at `lsn`, within this ancestry. */
uint32_t lsn_history_at(const struct lsn_history *h, uint64_t lsn);

#endif
