/*
 * recmake: records in segments of WAL for tests, one behind the other, over
 * as many pages and segments as they take.
 */
#ifndef PGK_RECMAKE_H
#define PGK_RECMAKE_H

#include "digest/digest.h"
#include "walmake.h"

#define RECMAKE_TO_2000 INT64_C(946684800000000) /* microseconds since 1970 */

/* `at` 0: not begun. All of `bytes` is zeros but what has been written. */
struct recmake {
	unsigned char *bytes;
	size_t size, at; /* of them, and the next */
	uint64_t start, last; /* LSNs of the first byte, of the last record */
	uint32_t segment_size, timeline;
	uint64_t id;
	uint16_t magic;
};

static inline struct recmake
recmake_new(uint64_t segment, uint32_t segments, uint32_t timeline,
    uint64_t id, uint32_t segment_size)
{
	const size_t size = (size_t)segments * segment_size;
	struct recmake r = { calloc(1, size), size, 0,
		segment * segment_size, 0, segment_size, timeline, id,
		WALMAKE_MAGIC };

	if (r.bytes == NULL)
		abort();
	return r;
}

/* A page's header; `rest`: bytes of a record that goes on there. */
static inline void
recmake_page(struct recmake *r, uint16_t flags, uint32_t rest)
{
	unsigned char page[WAL_PAGE], *p = r->bytes + r->at;
	const uint64_t lsn = r->start + r->at;
	const bool is_long = lsn % r->segment_size == 0;

	walmake_page(page, lsn, r->timeline, r->id, r->segment_size, 0);
	memcpy(p, page, is_long ? WAL_LONG_HEADER : 24);
	walmake_put(p, r->magic, 2);
	walmake_put(p + 2, flags | (is_long ? 2u : 0), 2);
	walmake_put(p + 16, rest, 4);
	r->at += is_long ? WAL_LONG_HEADER : 24;
}

/* Bytes of a record, and the headers they meet, up to the end of it all. */
static inline void
recmake_bytes(struct recmake *r, const void *data, size_t len, uint32_t rest)
{
	const unsigned char *p = data;

	while (len > 0 && r->at < r->size) {
		size_t n = WAL_PAGE - r->at % WAL_PAGE;

		if (n == WAL_PAGE) {
			recmake_page(r, 1, rest);
			continue;
		}
		n = n < len ? n : len;
		if (p != NULL) {
			memcpy(r->bytes + r->at, p, n);
			p += n;
		}
		r->at += n;
		rest -= (uint32_t)n;
		len -= n;
	}
}

/*
 * A record: its main data is `len` bytes, with `zeros` bytes behind them.
 * Returns its LSN.
 */
static inline uint64_t
recmake_add(struct recmake *r, unsigned rmid, unsigned info, uint32_t xid,
    const void *data, uint32_t len, uint32_t zeros)
{
	unsigned char head[24] = { 0 }, piece[5] = { 254 };
	unsigned char *none = calloc(1, zeros + 1);
	const uint32_t total = 24 + 5 + len + zeros;
	uint32_t crc;

	r->at = (r->at + 7) & ~(size_t)7;
	if (r->at % WAL_PAGE == 0 && r->at < r->size)
		recmake_page(r, 0, 0);
	walmake_put(piece + 1, len + zeros, 4);
	walmake_put(head, total, 4);
	walmake_put(head + 4, xid, 4);
	walmake_put(head + 8, r->last, 8);
	head[16] = (unsigned char)info;
	head[17] = (unsigned char)rmid;
	crc = digest_crc32c(0, piece, 5);
	crc = digest_crc32c(crc, data, len);
	crc = digest_crc32c(crc, none, zeros);
	walmake_put(head + 20, digest_crc32c(crc, head, 20), 4);
	r->last = r->start + r->at;
	recmake_bytes(r, head, 24, total);
	recmake_bytes(r, piece, 5, total - 24);
	recmake_bytes(r, data, len, total - 29);
	recmake_bytes(r, none, zeros, zeros);
	free(none);
	return r->last;
}

/* `time` in microseconds since 1970. */
static inline uint64_t
recmake_commit(struct recmake *r, uint32_t xid, int64_t time)
{
	unsigned char data[8];

	walmake_put(data, (uint64_t)(time - RECMAKE_TO_2000), 8);
	return recmake_add(r, 1, 0, xid, data, 8, 0);
}

static inline uint64_t
recmake_point(struct recmake *r, const char *name, int64_t time)
{
	unsigned char data[72] = { 0 };
	size_t len = strlen(name);

	walmake_put(data, (uint64_t)(time - RECMAKE_TO_2000), 8);
	memcpy(data + 8, name, len < 64 ? len : 64);
	return recmake_add(r, 0, 0x70, 0, data, 72, 0);
}

/* Of no interest, and so long. */
static inline uint64_t
recmake_other(struct recmake *r, uint32_t len)
{
	return recmake_add(r, 10, 0, 0, "", 0, len);
}

/* The rest of the segment stays empty. */
static inline uint64_t
recmake_switch(struct recmake *r)
{
	const uint64_t lsn = recmake_add(r, 0, 0x40, 0, "", 0, 0);

	r->at += r->segment_size - 1;
	r->at -= r->at % r->segment_size;
	return lsn;
}

#endif
