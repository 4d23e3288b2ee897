/*
 * gz: gzip (RFC 1952) by whole members, and any gzip as a stream.
 *
 * What we write is a series of independent members of up to GZ_BLOCK_MAX
 * plain bytes, each a complete gzip file of its own, which every gunzip reads
 * as one file. What we read is any gzip of anyone.
 */
#ifndef PGK_GZ_H
#define PGK_GZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "sink/sink.h"

/*
 * Levels keep gzip's meaning, fast to small: 1 is five times as fast as
 * gzip -1 and as small, 6 as small as gzip -6 at twice the speed, 9 smaller
 * than gzip -9 and slow. enc.c has the figures.
 */
#define GZ_LEVEL_MIN 1
#define GZ_LEVEL_MAX 9
#define GZ_LEVEL_DEFAULT 1
#define GZ_BLOCK_MAX ((size_t)16 << 20)

/* Compressor of whole members; one thread each. ERR_USAGE for the level. */
struct gz_enc;
struct gz_enc *gz_enc_new(int level, struct err *e);
void gz_enc_free(struct gz_enc *enc); /* NULL ok */

/*
 * Append one member holding plain[0..len), len <= GZ_BLOCK_MAX; its header
 * tells its length (an extra field, which other programs skip). The same bytes
 * at the same level give the same member on the same machine. out->max
 * must leave room for len + len / 8 + 4096 bytes, whatever comes out in the
 * end; after a failure out->len is as it was.
 */
int gz_enc_block(struct gz_enc *enc, const void *plain, size_t len,
    struct buf *out, struct err *e);

/* Decompressor of members that lie in memory as a whole; one thread each. */
struct gz_dec;
struct gz_dec *gz_dec_new(struct err *e);
void gz_dec_free(struct gz_dec *dec); /* NULL ok */

/*
 * Decompress consecutive members that fill in[0..len) exactly and write the
 * plain bytes to `out`; each member's CRC and size are checked before its
 * bytes are written. Only members as gz_enc_block() and gz_mark() write them
 * (or did, without the length) are taken, to the last bit of the header.
 * Anything else is ERR_CORRUPT, a
 * member of more than GZ_BLOCK_MAX plain bytes and no member at all too.
 *
 * No changed bit passes, but for those that deflate itself skips (up to seven
 * before a byte boundary, at the end of a member or ahead of a stored block)
 * and the 16 bytes of a mark: the plain bytes are right all the same.
 */
int gz_dec_blocks(struct gz_dec *dec, const void *in, size_t len,
    struct sink *out, struct err *e);

/*
 * How far the member reaches that begins at `in`, as far as its first `len`
 * bytes (1 or more) tell. With *whole they hold it all, and the offset of its
 * end is returned; else an offset beyond `len`, up to which there must be bytes
 * before more can be told. 0: it is no member by gz_enc_block() that tells its
 * length, or claims more than `max` plain bytes. Nothing is proven by it.
 */
size_t gz_reach(const void *in, size_t len, size_t max, bool *whole);

/*
 * A stage that takes any gzip stream (any number of members) and hands the
 * plain bytes to `next`. ERR_CORRUPT: truncated, a bad CRC or size, bytes
 * after the last member (zero padding, as tar and tapes leave it, is passed
 * over, as gunzip does). An empty input is ERR_CORRUPT. A stream's bytes are
 * handed on before the CRC behind them is seen. Holds about 200 KiB.
 */
struct sink *gz_reader(struct sink *next, struct err *e);

/*
 * A mark: an empty member of GZ_MARK_SIZE bytes that carries 16 bytes in
 * its extra field (RFC 1952 2.3.1.1, subfield "PG"), invisible to gunzip:
 * 10 header, 2 XLEN, 4 subfield, 16 data, 2 deflate, 8 trailer.
 */
#define GZ_MARK_SIZE 42
/* Append one. */
int gz_mark(const unsigned char data[16], struct buf *out, struct err *e);
/* 0, or -1 when these GZ_MARK_SIZE bytes are no mark of ours. */
int gz_mark_read(const unsigned char mark[GZ_MARK_SIZE],
    unsigned char data[16]);

#endif
