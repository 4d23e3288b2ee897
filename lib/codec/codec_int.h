/*
 * codec_int: what readers note in a map (map.c).
 */
#ifndef PGK_CODEC_INT_H
#define PGK_CODEC_INT_H

#include "codec/codec.h"

struct codec_block {
	uint64_t off;      /* in the packed stream */
	uint32_t len, crc; /* of the packed bytes */
};

struct codec_map {
	enum codec_kind kind;
	struct codec_block *blocks;
	size_t count;
	uint64_t end;      /* of the blocks, in the packed stream */
	bool broken;       /* what follows is not in blocks */
};

/* The next block. */
int codec_map_add(struct codec_map *m, const void *packed, size_t len,
    struct err *e);

/* CODEC_NONE: `next` itself gets the bytes; CODEC_BLOCK of them are a block. */
struct sink *codec_plain_mapped(struct sink *next, struct codec_map *m,
    struct err *e);

#endif
