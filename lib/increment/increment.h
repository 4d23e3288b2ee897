/*
 * increment: the changed blocks of one relation file, in the format of
 * PostgreSQL 17's INCREMENTAL.* files (basebackup_incremental.h,
 * reconstruct.c), which we write and read on every version:
 *
 *	u32 magic | u32 count | u32 truncation | count x u32 block, ascending
 *	zeros up to a multiple of 8192, if count > 0
 *	count x 8192 bytes
 *
 * all little-endian. Blocks count from the file's beginning (a segment of 1
 * GiB: 0..131071). A file rebuilt has
 * max(truncation, highest block of the newest increment + 1) blocks; a block
 * found nowhere is zeros.
 */
#ifndef PGK_INCREMENT_H
#define PGK_INCREMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"

#define INCREMENT_PREFIX "INCREMENTAL." /* before the last part of a path */
#define INCREMENT_BLOCKS_MAX 131072

/*
 * "base/5/INCREMENTAL.16384" to "base/5/16384" (true), or false and nothing
 * written when it is none. `out` takes strlen(path) + 1 bytes. And back
 * (strlen(path) + sizeof INCREMENT_PREFIX).
 */
bool increment_is(const char *path, char *out);
void increment_path(const char *path, char *out);

/* Bytes before the first block. */
uint32_t increment_header_size(uint32_t count);

/* Append the header. `blocks` ascending. */
int increment_header(struct buf *out, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *e);

/*
 * Read a file of `size` bytes from its front, in pieces of any size. The
 * header's blocks (owned by the reader) are known once `head` is called;
 * after it `block` is called for each, in order. ERR_CORRUPT for whatever is
 * not exactly as above, sizes that do not agree included.
 */
struct increment_take {
	int (*head)(void *ctx, const uint32_t *blocks, uint32_t count,
	    uint32_t truncation, struct err *e);
	int (*block)(void *ctx, uint32_t block, const void *page,
	    struct err *e);
};
struct increment_reader;
struct increment_reader *increment_reader_new(uint64_t size,
    const struct increment_take *take, void *ctx, struct err *e);
int increment_write(struct increment_reader *r, const void *data, size_t len,
    struct err *e);
int increment_end(struct increment_reader *r, struct err *e);
void increment_reader_free(struct increment_reader *r); /* NULL ok */

#endif
