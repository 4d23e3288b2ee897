/*
 * digest: BLAKE2b-256, the sum that `b2sum -l 256` prints; and what
 * PostgreSQL's own files want: CRC-32C, SHA-256.
 */
#ifndef PGK_DIGEST_H
#define PGK_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink/sink.h"

#define DIGEST_SIZE 32
#define DIGEST_HEX (2 * DIGEST_SIZE + 1)

struct digest {
	unsigned char sum[DIGEST_SIZE];
};

void digest_of(const void *data, size_t len, struct digest *d);

/*
 * Pass everything on; *d (caller's, outliving the stage) is set by finish,
 * before `next` is finished. A stream of more than 256 KiB is summed by a
 * thread, a MiB at most behind what is passed on.
 */
struct sink *digest_tee(struct sink *next, struct digest *d, struct err *e);

/* The whole of a blob. */
struct blob;
int digest_blob(struct blob *b, struct digest *d, struct err *e);

bool digest_same(const struct digest *a, const struct digest *b);
const char *digest_hex(const struct digest *d, char out[DIGEST_HEX]);

/* 64 digits, 0-9 and a-f, and nothing else; ERR_CORRUPT otherwise. */
int digest_parse(const char *hex, struct digest *d, struct err *e);

/*
 * CRC-32C (Castagnoli) as PostgreSQL uses it: of bytes that follow those
 * whose CRC is `crc`; 0 to begin with. Several GB/s where the processor
 * helps.
 */
uint32_t digest_crc32c(uint32_t crc, const void *data, size_t len);

/* SHA-256, slow for manifests only. */
struct digest_sha256;
struct digest_sha256 *digest_sha256_new(struct err *e);
void digest_sha256_add(struct digest_sha256 *s, const void *data, size_t len);
/* The 64 hexadecimal digits; the state is used up and must be freed. */
void digest_sha256_hex(struct digest_sha256 *s, char out[65]);
void digest_sha256_free(struct digest_sha256 *s); /* NULL ok */

/*
 * SipHash-2-4 of a block under a random key, to tell whether it changed.
 */
#define DIGEST_KEY 16
/* 64 bits: enough for chance, not for forgery by who knows the key. */
uint64_t digest_keyed(const unsigned char key[DIGEST_KEY], const void *data,
    size_t len);

/*
 * The same for large blocks, several times as fast: the words of 8 bytes go to
 * eight lanes in turn; each lane is a SipHash-2-4 of its own, its number
 * XORed into the key's second half (as a little-endian number); the result
 * is digest_keyed() of the eight, little-endian. `len` is a multiple of 64.
 */
uint64_t digest_keyed_wide(const unsigned char key[DIGEST_KEY],
    const void *data, size_t len);

#endif
