#include "page/page.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static unsigned char page[PAGE_SIZE_PG + 1];

static void
put(size_t at, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		page[at + (size_t)i] = (unsigned char)(v >> 8 * i);
}

/* A page with an LSN, an upper bound, something in it and its checksum. */
static void
make(uint64_t lsn, uint32_t block)
{
	for (size_t i = 0; i < PAGE_SIZE_PG; i++)
		page[i] = (unsigned char)(i * i / 7 + i);
	put(0, (uint32_t)(lsn >> 32), 4);
	put(4, (uint32_t)lsn, 4);
	put(14, 8000, 2);
	put(8, page_checksum(page, block), 2);
}

/* The sums are those that the extension pageinspect gives. */
static void
checksums(void)
{
	unsigned char *odd = malloc(PAGE_SIZE_PG + 1);
	unsigned changed = 0;
	uint16_t sum;

	memset(page, 0, sizeof page);
	EQ(page_checksum(page, 0), 0xc6aa);
	EQ(page_checksum(page, 1), 0xc6ab);
	make(0x123456789abcdef0, 77);
	sum = page_checksum(page, 77);
	EQ(sum, 0xc824);
	EQ(page_checksum(page, UINT32_MAX - 1), 0x3791);
	memcpy(odd + 1, page, PAGE_SIZE_PG);
	EQ(page_checksum(odd + 1, 77), sum);
	for (size_t i = 0; i < PAGE_SIZE_PG; i++) {
		odd[1 + i] ^= 0x10;
		changed += page_checksum(odd + 1, 77) != sum;
		odd[1 + i] ^= 0x10;
	}
	EQ(changed, PAGE_SIZE_PG - 2); /* all but the field itself */
	free(odd);
}

static void
good_or_not(void)
{
	make(0x100000028, 5);
	EQ(page_lsn(page), 0x100000028);
	OK(!page_is_new(page));
	OK(page_is_good(page, 5, UINT64_MAX));
	OK(!page_is_good(page, 6, UINT64_MAX));
	page[5000] ^= 1;
	OK(!page_is_good(page, 5, UINT64_MAX));
	OK(!page_is_good(page, 5, 0x100000028)); /* not after */
	OK(page_is_good(page, 5, 0x100000027));
	memset(page, 0, sizeof page);
	OK(page_is_new(page));
	OK(page_is_good(page, 5, UINT64_MAX));
	for (size_t i = 0; i < PAGE_SIZE_PG; i += 1237) {
		page[i] = 1;
		OK(!page_is_good(page, 5, UINT64_MAX));
		page[i] = 0;
	}
	page[PAGE_SIZE_PG] = 1; /* the byte behind it */
	OK(page_is_good(page, 5, UINT64_MAX));
	page[PAGE_SIZE_PG - 1] = 1;
	OK(!page_is_good(page, 5, 0));
}

static void
files(void)
{
	static const struct {
		const char *path;
		struct page_file file;
	} good[] = {
		{ "base/5/16384", { 5, 16384, 0, PAGE_MAIN, false } },
		{ "base/5/16384.1", { 5, 16384, 1, PAGE_MAIN, false } },
		{ "base/5/16384.32767", { 5, 16384, 32767, PAGE_MAIN,
		    false } },
		{ "base/4294967295/4294967295_fsm.2", { UINT32_MAX,
		    UINT32_MAX, 2, PAGE_FSM, false } },
		{ "base/1/2_vm", { 1, 2, 0, PAGE_VM, false } },
		{ "base/1/2_init", { 1, 2, 0, PAGE_INIT, false } },
		{ "global/1262", { 0, 1262, 0, PAGE_MAIN, false } },
		{ "global/1262_vm", { 0, 1262, 0, PAGE_VM, false } },
		{ "PG_15_202209061/5/16384_vm", { 5, 16384, 0, PAGE_VM,
		    false } },
		{ "pg_tblspc/16390/PG_13_202007201/7/8.9", { 7, 8, 9,
		    PAGE_MAIN, false } },
		{ "base/5/t3_16384", { 5, 16384, 0, PAGE_MAIN, true } },
		{ "base/5/t0_16384_fsm.1", { 5, 16384, 1, PAGE_FSM, true } },
	};
	static const char *const none[] = { "", "base", "base/", "base/5",
		"base/5/", "base/5/PG_VERSION", "base/5/pg_filenode.map",
		"base/5/16384.0", "base/5/16384.", "base/5/16384.01",
		"base/5/16384.32768", "base/5/016384", "base/05/16384",
		"base/5/16384_", "base/5/16384_xx", "base/5/16384_vm2",
		"base/5/16384.1_vm", "base/5/-1", "base/5/ 1", "base/5/+1",
		"base/0/16384", "base/5/0", "base/5/4294967296",
		"base/5/99999999999999999999999", "base/5/t_1", "base/5/t3",
		"base/5/t3_", "base/5/t03_1", "base//16384", "/base/5/16384",
		"base/5/6/16384", "global/pg_control", "global/5/1262",
		"PG_15/5/16384", "PG_15_202209061/16384", "xbase/5/16384",
		"PG_15_202209061/pgsql_tmp/1", "PG_15_2x/5/16384",
		"pg_tblspc/16390/5/16384", "pg_tblspc/PG_15_202209061/5/1",
		"base/5/INCREMENTAL.16384", "base/pgsql_tmp/16384", "5/16384",
		"pg_xact/0000" };

	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct page_file f = { .segment = 99 }, w = good[i].file;
		bool same = page_file_parse(good[i].path, &f) &&
		    f.database == w.database && f.relation == w.relation &&
		    f.segment == w.segment && f.fork == w.fork &&
		    f.temporary == w.temporary;

		tap_ok(same, good[i].path, __FILE__, __LINE__);
	}
	for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
		struct page_file f = { .segment = 99 };

		tap_ok(!page_file_parse(none[i], &f) && f.segment == 99,
		    none[i], __FILE__, __LINE__);
	}
}

int
main(void)
{
	checksums();
	good_or_not();
	files();
	return done();
}
