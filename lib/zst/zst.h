/*
 * zst: Zstandard (RFC 8878) by whole frames, and any zstd as a stream.
 *
 * The same shapes as gz.h: independent frames of up to ZST_BLOCK_MAX plain
 * bytes, each with its content size and checksum, that `zstd -d` reads as one.
 */
#ifndef PGK_ZST_H
#define PGK_ZST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "sink/sink.h"

#define ZST_LEVEL_MIN 1
#define ZST_LEVEL_MAX 19
#define ZST_LEVEL_DEFAULT 2 /* as fast as 1 and smaller: enc.c */
#define ZST_BLOCK_MAX ((size_t)16 << 20)
#define ZST_WINDOW_LOG_MAX 27 /* 128 MiB, zstd's own limit without --long */

/* As gz_enc_new() and gz_enc_block(). */
struct zst_enc;
struct zst_enc *zst_enc_new(int level, struct err *e);
void zst_enc_free(struct zst_enc *enc); /* NULL ok */
int zst_enc_block(struct zst_enc *enc, const void *plain, size_t len,
    struct buf *out, struct err *e);

struct zst_dec;
struct zst_dec *zst_dec_new(struct err *e);
void zst_dec_free(struct zst_dec *dec); /* NULL ok */

/*
 * As gz_dec_blocks(); skippable frames, whatever they hold, are skipped. Of
 * other frames only those with the header that zst_enc_block() writes are
 * taken. A changed bit passes only where zstd itself skips it (reserved
 * and padding bits inside a block, a skippable frame): the plain bytes are
 * right all the same.
 */
int zst_dec_blocks(struct zst_dec *dec, const void *in, size_t len,
    struct sink *out, struct err *e);

/* As gz_reach(), for frames by zst_enc_block(). */
size_t zst_reach(const void *in, size_t len, size_t max, bool *whole);

/*
 * Any zstd stream (frames and skippable frames) to `next`. ERR_CORRUPT:
 * truncated, damaged, bytes after the end, a window over ZST_WINDOW_LOG_MAX,
 * no frame at all (an empty input, or skippable frames alone). Bytes are handed
 * on before the checksum behind them is seen. Holds about 400 KiB and the
 * window that the stream asks for.
 */
struct sink *zst_reader(struct sink *next, struct err *e);

/* A mark: a skippable frame (magic 0x184D2A50) with "pgk mark" + 16 bytes. */
#define ZST_MARK_SIZE 32
/* Append one. */
int zst_mark(const unsigned char data[16], struct buf *out, struct err *e);
int zst_mark_read(const unsigned char mark[ZST_MARK_SIZE],
    unsigned char data[16]);

#endif
