/*
 * wal: the write-ahead log's pages (xlog_internal.h of 13 to 18): enough to
 * tell whose a segment is, whether it is whole, and where it ends; and of its
 * records (xlogrecord.h, xact.h) those that a recovery can stop at, and the
 * blocks that they change.
 */
#ifndef PGK_WAL_H
#define PGK_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err/err.h"

#define WAL_PAGE 8192
#define WAL_LONG_HEADER 40

/* What the first page of a segment says (its long header). */
struct wal_info {
	int major;                  /* 13..18, by the magic; 0: a later one */
	uint32_t timeline;          /* that wrote the page */
	uint64_t start;             /* LSN of the segment's first byte */
	uint64_t system_identifier;
	uint32_t segment_size;
};

/*
 * `page` holds WAL_LONG_HEADER bytes, in this machine's byte order.
 * ERR_CORRUPT when it is no header of a segment's first page.
 */
int wal_read_info(const void *page, struct wal_info *out, struct err *e);

/*
 * Check a whole segment in memory: it is `size` bytes, which is a segment
 * size; its first page says what wal_read_info() reads; each further page
 * bears a header of the same magic and its own address, up to the first
 * that does not (one that was recycled or never written). *end is the LSN
 * behind the last page that does: what the segment can hold at most.
 * ERR_CORRUPT names the page: also when pages of this segment follow one that
 * is not, for a segment is written from front to back.
 */
int wal_check(const void *segment, size_t size, struct wal_info *info,
    uint64_t *end, struct err *e);

/*
 * The same for a stream: wal_scan_take() any pieces in order, then
 * wal_scan_end(), which finds a stream that is too short.
 */
struct wal_scan {
	struct wal_info info; /* valid once a page has been taken */
	uint64_t taken;       /* bytes */
	uint64_t pages;       /* of this segment, from the first on */
	bool ended;           /* a page that is not was met */
	/* set before: pages of this segment may follow others (.partial) */
	bool loose;
	unsigned char head[WAL_LONG_HEADER]; /* of a page, as far as it came */
};

#define WAL_SCAN_INIT { .taken = 0 }
/* The next bytes. */
int wal_scan_take(struct wal_scan *s, const void *data, size_t len,
    struct err *e);
int wal_scan_end(const struct wal_scan *s, uint64_t *end, struct err *e);

/*
 * What a record tells: that a transaction ended (prepared ones, and
 * subtransactions that were rolled back, alike), or that somebody named this
 * place in the log.
 */
#define WAL_POINT_NAME 64
struct wal_event {
	enum wal_what { WAL_COMMIT, WAL_ABORT, WAL_POINT } what;
	uint64_t lsn, end; /* its record's first byte; where the next begins */
	uint32_t xid;      /* of the transaction */
	int64_t time;      /* microseconds since 1970; need not rise */
	char name[WAL_POINT_NAME]; /* of the point */
};

/*
 * What a record changes in the data folder, as far as it is needed to know
 * which blocks a backup must take: the blocks it names (xlogrecord.h), and
 * what storage_xlog.h, dbcommands_xlog.h and xl_parameter_change tell. Only
 * what is in the log: free space maps are not, nor, up to minor releases of
 * 2026, bits cleared in visibility maps.
 *
 *	WAL_BLOCK     `block` of the fork was changed or made
 *	WAL_CUT       the fork was made, or cut off, at `block` (0: all of it)
 *	WAL_DATABASE  the folder of `database` in `tablespace` was made anew
 *	WAL_UNLOGGED  wal_level became minimal: changes may be missing
 *	WAL_BACKUP    a base backup of this server's that began at `start` ended
 */
enum wal_fork { WAL_MAIN, WAL_FSM, WAL_VM, WAL_INIT };
struct wal_change {
	enum wal_changed { WAL_BLOCK, WAL_CUT, WAL_DATABASE,
		WAL_UNLOGGED, WAL_BACKUP } what;
	uint32_t tablespace; /* OIDs; 1663 is pg_default, 1664 pg_global */
	uint32_t database;   /* 0 in pg_global */
	uint32_t relation;   /* the file node */
	uint32_t fork;       /* enum wal_fork, or what the log says instead */
	uint32_t block;      /* from the relation's beginning */
	uint64_t start;
};

/* One record, read for that; private to the room. */
struct wal_parse {
	struct wal_event event;
	unsigned step;
	unsigned lists;   /* that were passed */
	uint32_t info, xinfo;
	int major;
	uint64_t skip;    /* bytes to pass over, then */
	size_t need, have; /* those to gather */
	unsigned char bytes[8 + WAL_POINT_NAME];
};

/*
 * What one record changes; private to the room. It names WAL_BLOCKS blocks at
 * most, so that all that is looked at stands in its first WAL_LEAD bytes:
 * records that tell more than blocks are short.
 */
#define WAL_BLOCKS 33
#define WAL_LEAD 1024
struct wal_found {
	struct wal_change list[WAL_BLOCKS + 3]; /* a truncation is three */
	unsigned count;
	bool good;        /* it makes sense */
	unsigned char lead[WAL_LEAD]; /* when it came in pieces */
};

/*
 * A walk over records, as recovery reads them: wal_walk_take() any pieces of
 * segments, from the first byte of one on, each segment behind the one
 * before. A record that began in an earlier segment is passed over. Every
 * other's CRC is checked; then `on_change` is called for what it changes, in
 * the order of the record, and `on_event` if it is an event. When one of them
 * returns -1 (with *e set), so does wal_walk_take().
 *
 * The walk ends where the log does: at a page that is not the next one, or a
 * record that is not whole or does not follow the one before. It then
 * passes over whatever comes; no content of the log is an error. With
 * on_change set it ends, too, at a record whose blocks cannot be read.
 *
 * Memory is this struct's, whatever a record's length says.
 */
struct wal_walk {
	int (*on_event)(void *ctx, const struct wal_event *ev,
	    struct err *e); /* set before, with ctx; or NULL: nobody asks */
	void *ctx;
	/* the same; `lsn` is the record's first byte */
	int (*on_change)(void *ctx, uint64_t lsn, const struct wal_change *c,
	    struct err *e);
	uint64_t limit;    /* or set too: it ends at a record from here on */
	/* what was found */
	struct wal_info info; /* of the first segment */
	bool started;      /* its header was good */
	bool ended;
	uint64_t next;     /* where the next record begins; 0: not known yet */
	uint64_t last;     /* where the last one began; 0: none */
	/* the rest is the walk's own */
	uint64_t at;       /* of the next byte: an LSN once started */
	uint64_t jump;     /* nothing before this is looked at */
	uint64_t skip;     /* bytes of a record begun before */
	uint32_t done, crc; /* of the record under way; 0: none is */
	struct wal_parse parse;
	struct wal_found found;
	unsigned char page[WAL_LONG_HEADER], head[24];
};

#define WAL_WALK_INIT(call, cookie) { .on_event = (call), .ctx = (cookie) }
/* The next bytes. */
int wal_walk_take(struct wal_walk *w, const void *data, size_t len,
    struct err *e);

/* Whether the walk is within a record: the next segment has its end. */
bool wal_walk_within(const struct wal_walk *w);

#endif
