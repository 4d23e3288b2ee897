/*
 * digest: BLAKE2b-256, the sum that `b2sum -l 256` prints.
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
 * before `next` is finished.
 */
struct sink *digest_tee(struct sink *next, struct digest *d, struct err *e);

/* The whole of a blob. */
struct blob;
int digest_blob(struct blob *b, struct digest *d, struct err *e);

bool digest_same(const struct digest *a, const struct digest *b);
const char *digest_hex(const struct digest *d, char out[DIGEST_HEX]);

/* 64 digits, 0-9 and a-f, and nothing else; ERR_CORRUPT otherwise. */
int digest_parse(const char *hex, struct digest *d, struct err *e);

#endif
