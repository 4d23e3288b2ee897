#include <sodium.h>
#include <string.h>

#include "age/age_int.h"

void *
age_secret_new(size_t len, struct err *e)
{
	void *p;

	/* guarded pages; locked too, unless RLIMIT_MEMLOCK is too small */
	if (sodium_init() == -1 || (p = sodium_malloc(len)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	memset(p, 0, len);
	return p;
}

void
age_secret_free(void *p)
{
	sodium_free(p);
}

/* RFC 5869: extract, then the first block of expand. */
void
age_hkdf(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len,
    const char *info, unsigned char out[AGE_KEY])
{
	static const unsigned char one = 1;
	crypto_auth_hmacsha256_state st;
	unsigned char prk[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256_init(&st, salt, salt_len);
	crypto_auth_hmacsha256_update(&st, ikm, ikm_len);
	crypto_auth_hmacsha256_final(&st, prk);
	crypto_auth_hmacsha256_init(&st, prk, sizeof prk);
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)info,
	    strlen(info));
	crypto_auth_hmacsha256_update(&st, &one, 1);
	crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(prk, sizeof prk);
	sodium_memzero(&st, sizeof st);
}

void
age_mac(const unsigned char file_key[AGE_FILE_KEY], const void *header,
    size_t len, unsigned char mac[AGE_KEY])
{
	unsigned char key[AGE_KEY];

	age_hkdf(file_key, AGE_FILE_KEY, "", 0, "header", key);
	crypto_auth_hmacsha256(mac, header, len, key);
	sodium_memzero(key, sizeof key);
}

void
age_payload_key(const unsigned char file_key[AGE_FILE_KEY],
    const unsigned char nonce[AGE_NONCE], unsigned char key[AGE_KEY])
{
	age_hkdf(file_key, AGE_FILE_KEY, nonce, AGE_NONCE, "payload", key);
}
