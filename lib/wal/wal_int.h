/*
 * wal_int: what the files of this room share.
 */
#ifndef PGK_WAL_INT_H
#define PGK_WAL_INT_H

#include <string.h>

#include "wal/wal.h"

#define WAL_SHORT_HEADER 24 /* of a page that begins no segment */

/* A page's flags. */
#define WAL_PAGE_CONTINUES 0x0001   /* begins within a record */
#define WAL_PAGE_LONG 0x0002        /* begins a segment */
#define WAL_PAGE_OVERWRITES 0x0008  /* the record before it is void */

/* Numbers are in this machine's byte order, at any address. */
static inline uint16_t
wal_get16(const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint32_t
wal_get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t
wal_get64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* wal.c: the major that writes this magic, 0 for a later one, -1 for none. */
int wal_major_of(uint16_t magic);

/*
 * event.c: read a record for what it tells. wal_parse_begin() gets its header;
 * wal_parse_take() the bytes behind that, in order and in any pieces; then
 * wal_parse_end() says whether it was an event, and p->event is all but its
 * places.
 */
void wal_parse_begin(struct wal_parse *p, const unsigned char *header,
    int major);
void wal_parse_take(struct wal_parse *p, const unsigned char *data,
    size_t len);
bool wal_parse_end(const struct wal_parse *p);

/*
 * change.c: find what a record changes. wal_find_begin() gets its header;
 * wal_find_take() the bytes behind that, in order and in any pieces, the first
 * of them being `at` bytes behind it. Once all were there f->good says whether
 * they make sense, and f->list holds f->count changes.
 */
void wal_find_begin(struct wal_found *f, const unsigned char *header,
    int major);
void wal_find_take(struct wal_found *f, const unsigned char *header, int major,
    size_t at, const unsigned char *data, size_t len);

#endif
