/*
 * wal: the write-ahead log's pages (xlog_internal.h of 13 to 18): enough to
 * tell whose a segment is, whether it is whole, and where it ends.
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

#endif
