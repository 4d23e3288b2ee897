/*
 * The sums that PostgreSQL's files want, and the keyed one: by ISA-L, which
 * takes CRC-32C at the memory's speed, and libsodium.
 */
#include <limits.h>
#include <stdlib.h>

#include <isa-l/crc.h>
#include <sodium.h>

#include "digest/digest.h"

uint32_t
digest_crc32c(uint32_t crc, const void *data, size_t len)
{
	unsigned char *p = (unsigned char *)data; /* only read */

	/* ISA-L leaves the inversions to us, and counts with an int */
	crc = ~crc;
	while (len > 0) {
		size_t n = len < INT_MAX ? len : INT_MAX;

		crc = crc32_iscsi(p, (int)n, crc);
		p += n;
		len -= n;
	}
	return ~crc;
}

struct digest_sha256 {
	crypto_hash_sha256_state state;
};

struct digest_sha256 *
digest_sha256_new(struct err *e)
{
	struct digest_sha256 *s = malloc(sizeof *s);

	if (s == NULL)
		err_nomem(e);
	else
		crypto_hash_sha256_init(&s->state);
	return s;
}

void
digest_sha256_add(struct digest_sha256 *s, const void *data, size_t len)
{
	crypto_hash_sha256_update(&s->state, data, len);
}

void
digest_sha256_hex(struct digest_sha256 *s, char out[65])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_final(&s->state, sum);
	sodium_bin2hex(out, 65, sum, sizeof sum);
}

void
digest_sha256_free(struct digest_sha256 *s)
{
	free(s);
}

uint64_t
digest_keyed(const unsigned char key[DIGEST_KEY], const void *data, size_t len)
{
	unsigned char sum[crypto_shorthash_siphash24_BYTES];
	uint64_t value = 0;

	crypto_shorthash_siphash24(sum, data, len, key);
	for (int i = 7; i >= 0; i--) /* as SipHash's paper numbers it */
		value = value << 8 | sum[i];
	return value;
}
