/*
 * page: PostgreSQL's 8 KiB pages: their checksums and what they claim to be
 * (bufpage.h, checksum_impl.h). The same on 13 to 18.
 */
#ifndef PGK_PAGE_H
#define PGK_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE_PG 8192
#define PAGE_SEGMENT 131072 /* pages in a relation's file of 1 GiB */

/* pg_checksum_page(): the checksum field itself counts as zero. */
uint16_t page_checksum(const void *page, uint32_t block);

uint64_t page_lsn(const void *page);
bool page_is_new(const void *page); /* pd_upper is 0: never initialised */

/*
 * Whether the page is as it should be in a backup begun at `start`: new pages
 * must be all zeros, pages changed after `start` (they may be torn; replay
 * mends them) are not looked at, all others must bear their checksum.
 * `block` counts from the relation's beginning, over all its files.
 */
bool page_is_good(const void *page, uint32_t block, uint64_t start);

/*
 * A path in a data folder or a tablespace's archive ("base/5/16384.1",
 * "PG_15_202209061/5/16384_vm") that names a file of a relation.
 */
struct page_file {
	uint32_t database; /* 0 in global/ */
	uint32_t relation; /* file node */
	uint32_t segment;  /* 1 for "16384.1" */
	enum { PAGE_MAIN, PAGE_FSM, PAGE_VM, PAGE_INIT } fork;
	bool temporary;    /* t3_16384 */
};
bool page_file_parse(const char *path, struct page_file *out);

#endif
