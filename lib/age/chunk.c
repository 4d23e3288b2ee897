#include <sodium.h>

#include "age/age_int.h"

/* An 11 byte big-endian counter and a flag: 1 for the last chunk, else 0. */
static void
chunk_nonce(uint64_t number, bool last, unsigned char nonce[12])
{
	for (unsigned i = 0; i < 12; i++)
		nonce[i] = 0;
	for (unsigned i = 0; i < 8; i++)
		nonce[10 - i] = (unsigned char)(number >> 8 * i);
	nonce[11] = last;
}

void
age_seal(const unsigned char key[AGE_KEY], uint64_t number, bool last,
    unsigned char *data, size_t len)
{
	unsigned char nonce[12];

	chunk_nonce(number, last, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(data, NULL, data, len,
	    NULL, 0, NULL, nonce, key);
}

int
age_unseal(const unsigned char key[AGE_KEY], uint64_t number, bool last,
    const unsigned char *in, size_t len, unsigned char *out)
{
	unsigned char nonce[12];

	chunk_nonce(number, last, nonce);
	return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in,
	    len, NULL, 0, nonce, key);
}
