#include "wal/wal.h"

#include <stdlib.h>

#include "lsn/lsn.h"
#include "tap.h"
#include "walmake.h"

#define SIZE ((uint32_t)1 << 20)
#define PAGES (SIZE / WAL_PAGE)
#define ID UINT64_C(7300000000000000001)

static struct err e;

static void
headers(void)
{
	static const struct { uint16_t magic; int major; } magics[] = {
		{ 0xD106, 13 }, { 0xD10D, 14 }, { 0xD110, 15 },
		{ 0xD113, 16 }, { 0xD116, 17 }, { 0xD118, 18 },
		{ 0xD119, 0 }, { 0xD1FF, 0 } };
	static const uint16_t bad[] = { 0, 0xD105, 0xD107, 0xD117, 0xD200,
		0x06D1, 0xFFFF };
	unsigned char page[WAL_PAGE];
	struct wal_info i;

	walmake_page(page, (uint64_t)5 * SIZE, 3, ID, SIZE, 0);
	for (size_t k = 0; k < sizeof magics / sizeof *magics; k++) {
		walmake_put(page, magics[k].magic, 2);
		OK(wal_read_info(page, &i, &e) == 0);
		EQ(i.major, magics[k].major);
	}
	EQ(i.timeline, 3);
	OK(i.start == (uint64_t)5 * SIZE);
	OK(i.system_identifier == ID);
	EQ(i.segment_size, SIZE);
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		walmake_put(page, bad[k], 2);
		FAILS(wal_read_info(page, &i, &e) == -1, ERR_CORRUPT,
		    "magic");
	}
}

/* One field of a good header made wrong. */
static void
spoilt(size_t at, uint64_t value, size_t size, const char *why)
{
	unsigned char page[WAL_PAGE];
	struct wal_info i;

	walmake_page(page, (uint64_t)5 * SIZE, 3, ID, SIZE, 0);
	walmake_put(page + at, value, size);
	FAILS(wal_read_info(page, &i, &e) == -1, ERR_CORRUPT, why);
}

static void
segments(void)
{
	unsigned char *s = walmake(7, 1, ID, SIZE, PAGES, 0);
	struct wal_info i;
	uint64_t end;

	OK(wal_check(s, SIZE, &i, &end, &e) == 0);
	OK(end == (uint64_t)8 * SIZE);
	EQ(i.major, 15);
	FAILS(wal_check(s, SIZE - 1, &i, &end, &e) == -1, ERR_CORRUPT,
	    "has 1048575");
	FAILS(wal_check(s, SIZE / 2, &i, &end, &e) == -1, ERR_CORRUPT, "has");
	FAILS(wal_check(s, 39, &i, &end, &e) == -1, ERR_CORRUPT, "shorter");
	FAILS(wal_check(s, 0, &i, &end, &e) == -1, ERR_CORRUPT, "shorter");
	/* a hole: later pages are of this segment */
	memset(s + 3 * WAL_PAGE, 0, WAL_PAGE);
	FAILS(wal_check(s, SIZE, &i, &end, &e) == -1, ERR_CORRUPT,
	    "page 3 is damaged");
	/* never written from there on */
	memset(s + 3 * WAL_PAGE, 0, SIZE - 3 * WAL_PAGE);
	OK(wal_check(s, SIZE, &i, &end, &e) == 0);
	OK(end == (uint64_t)7 * SIZE + 3 * WAL_PAGE);
	/* recycled: another segment's pages */
	for (uint32_t k = 3; k < PAGES; k++)
		walmake_page(s + (size_t)k * WAL_PAGE, (uint64_t)2 * SIZE +
		    k * WAL_PAGE, 1, ID, SIZE, 0);
	OK(wal_check(s, SIZE, &i, &end, &e) == 0);
	OK(end == (uint64_t)7 * SIZE + 3 * WAL_PAGE);
	/* an older major's file that was recycled */
	walmake_put(s + 2 * WAL_PAGE, 0xD10D, 2);
	OK(wal_check(s, SIZE, &i, &end, &e) == 0);
	OK(end == (uint64_t)7 * SIZE + 2 * WAL_PAGE);
	free(s);
}

static void
streams(void)
{
	static const size_t steps[] = { 1, 7, 24, 40, 8191, 8192, 8193,
		100000, SIZE };
	unsigned char *s = walmake(9, 2, ID, SIZE, PAGES - 2, 0);
	struct wal_scan loose = { .loose = true };
	uint64_t end;

	for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
		struct wal_scan scan = WAL_SCAN_INIT;
		int rc = 0;

		for (size_t at = 0; at < SIZE && rc == 0; at += steps[k])
			rc = wal_scan_take(&scan, s + at, SIZE - at <
			    steps[k] ? SIZE - at : steps[k], &e);
		EQ(rc, 0);
		EQ(wal_scan_end(&scan, &end, &e), 0);
		OK(end == (uint64_t)10 * SIZE - 2 * WAL_PAGE);
		FAILS(wal_scan_take(&scan, s, 1, &e) == -1, ERR_CORRUPT,
		    "has more");
	}
	memset(s + WAL_PAGE, 0, WAL_PAGE);
	OK(wal_scan_take(&loose, s, SIZE, &e) == 0);
	OK(wal_scan_end(&loose, &end, &e) == 0);
	OK(end == (uint64_t)9 * SIZE + WAL_PAGE);
	free(s);
}

int
main(void)
{
	headers();
	spoilt(2, 0, 2, "header is damaged");
	spoilt(2, 0x12, 2, "header is damaged");
	spoilt(4, 0, 4, "header is damaged");
	spoilt(8, 5 * SIZE + WAL_PAGE, 8, "address");
	spoilt(32, 0, 4, "address");
	spoilt(32, 3 << 20, 4, "address");
	spoilt(36, 4096, 4, "8192");
	segments();
	streams();
	return done();
}
