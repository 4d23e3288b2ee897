/*
 * walmake: segments of WAL for tests: every page has its header, and bytes
 * behind it that depend on its LSN and on `salt`.
 */
#ifndef PGK_WALMAKE_H
#define PGK_WALMAKE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "digest/digest.h"
#include "wal/wal.h"

#define WALMAKE_MAGIC 0xD110 /* 15's */

static inline void
walmake_put(unsigned char *p, uint64_t value, size_t size)
{
	const uint16_t v16 = (uint16_t)value;
	const uint32_t v32 = (uint32_t)value;

	memcpy(p, size == 2 ? (const void *)&v16 : size == 4 ?
	    (const void *)&v32 : (const void *)&value, size);
}

static inline void
walmake_page(unsigned char *p, uint64_t lsn, uint32_t timeline, uint64_t id,
    uint32_t size, uint64_t salt)
{
	uint64_t x = lsn + salt;

	for (size_t i = 0; i < WAL_PAGE; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		/* half of it is zeros, so that it packs like WAL */
		p[i] = (x >> 60) < 8 ? 0 : (unsigned char)(x >> 56);
	}
	memset(p, 0, WAL_LONG_HEADER);
	walmake_put(p, WALMAKE_MAGIC, 2);
	walmake_put(p + 4, timeline, 4);
	walmake_put(p + 8, lsn, 8);
	if (lsn % size != 0)
		return;
	walmake_put(p + 2, 2, 2);
	walmake_put(p + 24, id, 8);
	walmake_put(p + 32, size, 4);
	walmake_put(p + 36, WAL_PAGE, 4);
}

/* The first `pages` pages of a segment, zeros behind; caller frees. */
static inline unsigned char *
walmake(uint64_t segment, uint32_t timeline, uint64_t id, uint32_t size,
    uint32_t pages, uint64_t salt)
{
	unsigned char *s = calloc(1, size);

	if (s == NULL)
		abort();
	for (uint32_t i = 0; i < pages; i++)
		walmake_page(s + (size_t)i * WAL_PAGE,
		    segment * size + (uint64_t)i * WAL_PAGE, timeline, id,
		    size, salt);
	return s;
}

/* A record's header, 24 bytes; `body` is all that follows. */
static inline void
walmake_head(unsigned char *head, unsigned rmid, unsigned info, uint64_t before,
    const void *body, uint32_t len)
{
	memset(head, 0, 24);
	walmake_put(head, 24 + len, 4);
	walmake_put(head + 8, before, 8);
	head[16] = (unsigned char)info;
	head[17] = (unsigned char)rmid;
	walmake_put(head + 20, digest_crc32c(digest_crc32c(0, body, len), head,
	    20), 4);
}

#endif
