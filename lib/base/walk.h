/*
 * walk: what happens to an archive on its way from the server to the store.
 *
 *	walk.c    the stage itself: members, manifest, backup_label
 *	pages.c   pages of relation files, wherever the messages cut them
 *	spool.c   changed blocks, until it is known how many
 */
#ifndef PGK_BASE_WALK_H
#define PGK_BASE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/change.h"
#include "manifest/manifest.h"
#include "sink/sink.h"

struct base_walk {
	uint32_t tablespace;        /* OID, 0 for the data folder */
	struct manifest *manifest;  /* gets every file */
	struct base_changes *changes; /* or NULL: nobody asks */
	/* Write relation files that the parent has as INCREMENTAL.* files and
	 * add `label` to backup_label; else every byte passes as it is. */
	bool rewrite;
	const char *label;          /* whole lines, or NULL */
	bool check;                 /* page checksums */
	uint64_t start;             /* where the backup begins */
	const char *scratch;        /* folder for the spool */
	/* a page whose checksum is wrong: `block` within the file `f` */
	int (*bad)(void *ctx, const char *path, const struct page_file *f,
	    uint32_t block, struct err *e);
	void *ctx;
};

/*
 * A stage that takes the archive as the server sends it and writes it, or
 * the incremental one, to `next` (taken). All that `how` names (copied) is
 * borrowed until the stage is freed. ERR_CORRUPT for what is no archive of
 * PostgreSQL's. Memory: 17 MiB at most.
 */
struct sink *base_walk(struct sink *next, const struct base_walk *how,
    struct err *e);

/*
 * Pages out of a file's bytes: `each` gets every whole one; what is left at the
 * end of the file is dropped by base_pages_begin().
 */
struct base_pages {
	int (*each)(void *ctx, uint32_t block, const void *page,
	    struct err *e);
	void *ctx;
	uint32_t block; /* the next one */
	size_t held;
	unsigned char part[PAGE_SIZE_PG];
};
void base_pages_begin(struct base_pages *p);
int base_pages_add(struct base_pages *p, const void *data, size_t len,
    struct err *e);

/*
 * Blocks kept in memory up to SPOOL_MEMORY bytes, all of them in a file without
 * a name in `scratch` beyond that.
 */
#define SPOOL_MEMORY ((size_t)16 << 20)
struct base_spool;
struct base_spool *base_spool_new(const char *scratch, struct err *e);
void base_spool_free(struct base_spool *s); /* NULL ok */
void base_spool_reset(struct base_spool *s);
int base_spool_add(struct base_spool *s, uint32_t block, const void *page,
    struct err *e);
/* Those added since the reset, in order. */
uint32_t base_spool_count(const struct base_spool *s);
const uint32_t *base_spool_blocks(const struct base_spool *s);
/* Their bytes, to `each` in pieces. */
int base_spool_read(struct base_spool *s, int (*each)(void *ctx,
    const void *data, size_t len, struct err *e), void *ctx, struct err *e);

#endif
