/*
 * unpack: whatever is inside, decrypted and decompressed.
 *
 * Looks at the first bytes: age (armored or not) is decrypted, then gzip or
 * zstd decompressed; anything else passes as it is.
 */
#ifndef PGK_UNPACK_H
#define PGK_UNPACK_H

#include "age/age.h"
#include "sink/sink.h"

/*
 * A stage for streams. `keys` (borrowed; NULL: none) opens age; without a
 * key an age file is ERR_KEY with a hint. `threads` decompress
 * (codec_parallel_reader()). Errors as age_reader, gz_reader and zst_reader
 * say.
 */
struct sink *unpack_stream(struct sink *next, const struct age_keys *keys,
    unsigned threads, struct err *e);

/* The same by codec_mapped_reader(): the map is of what age holds. */
struct codec_map;
struct sink *unpack_mapped(struct sink *next, const struct age_keys *keys,
    unsigned threads, struct codec_map *map, struct err *e);
/* And by codec_mapper(). */
struct sink *unpack_mapper(const struct age_keys *keys,
    struct codec_map *map, struct err *e);

/* The same for blobs, but only age is taken off. `inner` is taken. */
struct blob *unpack_blob(struct blob *inner, const struct age_keys *keys,
    struct err *e);

#endif
