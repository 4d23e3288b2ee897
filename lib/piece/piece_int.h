/*
 * piece_int: what writer and reader agree on.
 */
#ifndef PGK_PIECE_INT_H
#define PGK_PIECE_INT_H

#include "piece/piece.h"

/*
 * The first and the last thing in the file is a mark of 16 bytes: at the
 * beginning PIECE_BEGIN, at the end the offset of the index (64 bits, big
 * endian) and the first 8 bytes of the BLAKE2b-256 of its stored bytes.
 */
#define PIECE_MARK 16
#define PIECE_MARK_MAX 64 /* of codec_mark_size() */
#define PIECE_BEGIN "pgk piece file 1" /* 16 bytes, no NUL */

/* Words of the index for the kinds, in the order of enum piece_kind. */
extern const char *const piece_kind_words[];
#define PIECE_KINDS 5

/* The index's text may be this long; a line holds one piece. */
#define PIECE_INDEX_MAX ((size_t)1 << 30)

#endif
