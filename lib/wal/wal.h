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

/* `page` holds WAL_LONG_HEADER bytes. ERR_CORRUPT when it is no header. */
int wal_read_info(const void *page, struct wal_info *out, struct err *e);

/*
 * Check a whole segment in memory: it is `size` bytes, which is a segment
 * size; its first page says what wal_read_info() reads; each further page
 * bears a header of the same magic and its own address, up to the first
 * that is not this segment's (a recycled or empty page). *end is the LSN
 * behind the last page that is: what the segment can hold at most.
 * ERR_CORRUPT names the page.
 */
int wal_check(const void *segment, size_t size, struct wal_info *info,
    uint64_t *end, struct err *e);

#endif
