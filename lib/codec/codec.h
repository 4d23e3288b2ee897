/*
 * codec: one face for gzip, zstd and no compression.
 *
 * Above gz and zst: the choice (-Z), the parallel writer, and reading by
 * what the first bytes say.
 */
#ifndef PGK_CODEC_H
#define PGK_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "sink/sink.h"

enum codec_kind { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

struct codec {
	enum codec_kind kind;
	int level; /* within the kind's range; 0 for CODEC_NONE */
};

#define CODEC_BLOCK ((size_t)1 << 20) /* plain bytes a block, our choice */
/* More than a block of either kind can become. */
#define CODEC_PACKED_MAX (CODEC_BLOCK + CODEC_BLOCK / 8 + 4096)

/* "gzip", "gzip:6", "zstd:3", "none" (-Z); ERR_USAGE otherwise. */
int codec_parse(const char *word, struct codec *codec, struct err *e);

/* "gzip", "zstd", "none" and its reverse (ERR_CORRUPT for other words). */
const char *codec_name(enum codec_kind kind);
int codec_by_name(const char *name, enum codec_kind *kind, struct err *e);

/* ".gz", ".zst", "". */
const char *codec_suffix(enum codec_kind kind);

/*
 * Blocks in memory, one thread each; CODEC_NONE copies. As gz_enc_block(),
 * zst_enc_block() and so on: `out` must leave room for
 * len + len / 8 + 4096 bytes.
 */
struct codec_enc;
struct codec_enc *codec_enc_new(const struct codec *codec, struct err *e);
int codec_enc_block(struct codec_enc *enc, const void *plain, size_t len,
    struct buf *out, struct err *e);
void codec_enc_free(struct codec_enc *enc); /* NULL ok */

struct codec_dec;
struct codec_dec *codec_dec_new(enum codec_kind kind, struct err *e);
int codec_dec_blocks(struct codec_dec *dec, const void *in, size_t len,
    struct sink *out, struct err *e);
void codec_dec_free(struct codec_dec *dec); /* NULL ok */

/*
 * A stage that cuts what is written into blocks of CODEC_BLOCK, compresses
 * them on `threads` threads and hands them to `next` in order. An empty
 * stream becomes one empty block. Holds at most 2 * threads + 1 blocks. The
 * bytes do not depend on `threads` (1..TASK_THREADS_MAX), nor on how the input
 * was cut. CODEC_NONE needs no stage: `next` itself is returned.
 */
struct sink *codec_writer(struct sink *next, const struct codec *codec,
    unsigned threads, struct err *e);

/* gz_reader(), zst_reader(), or for CODEC_NONE `next` itself. */
struct sink *codec_reader(struct sink *next, enum codec_kind kind,
    struct err *e);

/*
 * The same on `threads` threads (1..TASK_THREADS_MAX), as long as the stream
 * is blocks by codec_writer(), which tell where they end; what comes from there
 * on (another's gzip, a mark, damage) is read by codec_reader()'s means. A
 * block is checked before its bytes are handed on, and gzip takes less than
 * half of the time even on one thread. A gzip member of ours whose own length
 * is wrong may be ERR_CORRUPT here, though others read it. Holds at most
 * 2 * threads + 1 blocks, packed and plain.
 */
struct sink *codec_parallel_reader(struct sink *next, enum codec_kind kind,
    unsigned threads, struct err *e);

/* The same of blocks by codec_writer() alone; anything else is ERR_CORRUPT. */
struct sink *codec_strict_reader(struct sink *next, enum codec_kind kind,
    unsigned threads, struct err *e);

/*
 * The same, and *map notes where each block lies in the packed stream, so
 * that its plain bytes can be read again at any place: by a view. CODEC_NONE
 * has a stage then too. `map` (borrowed until the stage is freed) is new, and
 * 16 bytes a block.
 */
struct codec_map;
struct codec_map *codec_map_new(struct err *e);
void codec_map_free(struct codec_map *m); /* NULL ok */
struct sink *codec_mapped_reader(struct sink *next, enum codec_kind kind,
    unsigned threads, struct codec_map *map, struct err *e);

/*
 * The map alone, nothing is unpacked: for what is read by a view then. As
 * strict as codec_strict_reader().
 */
struct sink *codec_mapper(enum codec_kind kind, struct codec_map *map,
    struct err *e);

/*
 * Plain bytes at any place. `packed` (borrowed) is the stream that was
 * mapped, as far as it was: what a mapped reader has handed on can be read.
 * Each block read is proven to be the one that was mapped, by its CRC-32C.
 *
 * codec_view_at() points *data at the byte at `off` and says how many lie
 * there together, one or more, valid until the next call. ERR_CORRUPT:
 * behind what was mapped; not, or not only, blocks by codec_writer(); changed
 * since. Who reads on from block to block has the next one unpacked ahead, by
 * a thread, until codec_view_alone(). Holds two blocks plain and one packed;
 * alone one, plain.
 */
struct blob;
struct codec_view;
struct codec_view *codec_view_new(struct blob *packed,
    const struct codec_map *map, struct err *e);
int codec_view_at(struct codec_view *v, uint64_t off, const void **data,
    size_t *len, struct err *e);
void codec_view_alone(struct codec_view *v);
/* All plain bytes. */
int codec_view_size(struct codec_view *v, uint64_t *size, struct err *e);
void codec_view_free(struct codec_view *v); /* NULL ok */

/*
 * How far the block at `in` reaches, as gz_reach() and zst_reach() say it of
 * blocks of up to CODEC_BLOCK bytes; not for CODEC_NONE.
 */
size_t codec_reach(enum codec_kind kind, const void *in, size_t len,
    bool *whole);

/*
 * What begins with these bytes (6 are enough); CODEC_NONE if neither. Two
 * bytes of a gzip and four of a zstd (or of a skippable frame) tell.
 */
enum codec_kind codec_sniff(const void *data, size_t len);

/*
 * A mark that hides 16 bytes at the end of a file: gz_mark(), zst_mark(), or
 * for CODEC_NONE the SQL comment line "--:E <32 hex digits>\n" (lower case).
 * The mark guards its form, not its 16 bytes: these must prove themselves.
 * codec_mark_read() takes codec_mark_size() bytes; 0, or -1 when they are no
 * mark of ours.
 */
size_t codec_mark_size(enum codec_kind kind);
int codec_mark(enum codec_kind kind, const unsigned char data[16],
    struct buf *out, struct err *e);
int codec_mark_read(enum codec_kind kind, const unsigned char *mark,
    unsigned char data[16]);

#endif
