#include "page/page.h"

#include <string.h>

/* The page's header, little-endian: where its fields lie. */
#define LSN_HIGH 0
#define LSN_LOW 4
#define CHECKSUM 8
#define UPPER 14

#define LANES 32
#define ROW (LANES * sizeof(uint32_t))
#define PRIME 16777619u /* FNV's */

/* Where each lane begins: the format's constants. */
static const uint32_t seeds[LANES] = {
	0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a,
	0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c,
	0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa,
	0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb,
	0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de,
	0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4,
	0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e,
	0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756
};

/*
 * Plain enough for a compiler to make vector instructions of it, even of
 * x86-64's oldest: 13 GB/s a core, 17 with AVX2. So it is not written twice.
 */
static inline void
mix(uint32_t sums[LANES], const uint32_t row[LANES])
{
	for (int i = 0; i < LANES; i++) {
		uint32_t x = sums[i] ^ row[i];

		sums[i] = x * PRIME ^ x >> 17;
	}
}

uint16_t
page_checksum(const void *page, uint32_t block)
{
	const unsigned char *p = page;
	uint32_t sums[LANES], row[LANES], sum = block;

	memcpy(sums, seeds, sizeof sums);
	memcpy(row, p, ROW);
	row[CHECKSUM / 4] &= 0xffff0000;
	mix(sums, row);
	for (size_t at = ROW; at < PAGE_SIZE_PG; at += ROW) {
		memcpy(row, p + at, ROW);
		mix(sums, row);
	}
	memset(row, 0, sizeof row);
	mix(sums, row);
	mix(sums, row);
	for (int i = 0; i < LANES; i++)
		sum ^= sums[i];
	return (uint16_t)(sum % 65535 + 1);
}

static uint16_t
get16(const void *page, size_t at)
{
	const unsigned char *p = page;

	return (uint16_t)(p[at] | p[at + 1] << 8);
}

static uint32_t
get32(const void *page, size_t at)
{
	return get16(page, at) | (uint32_t)get16(page, at + 2) << 16;
}

uint64_t
page_lsn(const void *page)
{
	return (uint64_t)get32(page, LSN_HIGH) << 32 | get32(page, LSN_LOW);
}

bool
page_is_new(const void *page)
{
	return get16(page, UPPER) == 0;
}

bool
page_is_good(const void *page, uint32_t block, uint64_t start)
{
	const char *p = page;

	/* all zeros: the first is, and each equals the one before it */
	if (page_is_new(page))
		return p[0] == 0 && memcmp(p, p + 1, PAGE_SIZE_PG - 1) == 0;
	return page_lsn(page) > start ||
	    get16(page, CHECKSUM) == page_checksum(page, block);
}
