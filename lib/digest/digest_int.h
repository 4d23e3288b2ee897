/*
 * digest_int: the ways to fill digest_keyed_wide()'s lanes, for its test.
 */
#ifndef PGK_DIGEST_INT_H
#define PGK_DIGEST_INT_H

#include "digest/digest.h"

#define DIGEST_LANES 8

/* Best first; the last one is always usable. */
#define DIGEST_WAYS 3
struct digest_way {
	bool (*usable)(void);
	void (*run)(const uint64_t key[2], const unsigned char *data,
	    size_t len, uint64_t out[DIGEST_LANES]);
};
extern const struct digest_way digest_ways[DIGEST_WAYS];

#endif
