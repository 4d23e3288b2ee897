#include <sodium.h>
#include <string.h>

#include "age/age_int.h"

#define X25519_INFO "age-encryption.org/v1/X25519"
#define SCRYPT_INFO "age-encryption.org/v1/scrypt"

/* Both kinds wrap with ChaCha20-Poly1305 under a key used once: nonce zero. */
static const unsigned char zero_nonce[12];

static void
wrap(const unsigned char key[AGE_KEY],
    const unsigned char file_key[AGE_FILE_KEY],
    unsigned char body[AGE_WRAPPED])
{
	crypto_aead_chacha20poly1305_ietf_encrypt(body, NULL, file_key,
	    AGE_FILE_KEY, NULL, 0, NULL, zero_nonce, key);
}

static int
unwrap(const unsigned char key[AGE_KEY],
    const unsigned char body[AGE_WRAPPED],
    unsigned char file_key[AGE_FILE_KEY])
{
	return crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL,
	    NULL, body, AGE_WRAPPED, NULL, 0, zero_nonce, key) == 0;
}

/* The key that scalar and other agree on; -1 for a point of low order. */
static int
agree(const unsigned char scalar[AGE_KEY],
    const unsigned char other[AGE_KEY], const unsigned char share[AGE_KEY],
    const unsigned char recipient[AGE_KEY], unsigned char key[AGE_KEY])
{
	unsigned char shared[AGE_KEY], salt[2 * AGE_KEY];

	if (crypto_scalarmult(shared, scalar, other) == -1)
		return -1;
	memcpy(salt, share, AGE_KEY);
	memcpy(salt + AGE_KEY, recipient, AGE_KEY);
	age_hkdf(shared, sizeof shared, salt, sizeof salt, X25519_INFO, key);
	sodium_memzero(shared, sizeof shared);
	return 0;
}

int
age_wrap_x25519(const unsigned char file_key[AGE_FILE_KEY],
    const unsigned char point[AGE_KEY], struct age_x25519 *out,
    struct err *e)
{
	unsigned char scalar[AGE_KEY], key[AGE_KEY];
	int rc;

	randombytes_buf(scalar, sizeof scalar);
	crypto_scalarmult_base(out->share, scalar);
	if ((rc = agree(scalar, point, out->share, point, key)) == 0)
		wrap(key, file_key, out->body);
	else
		err_set(e, ERR_KEY, "invalid recipient: a point of low order");
	sodium_memzero(scalar, sizeof scalar);
	sodium_memzero(key, sizeof key);
	return rc;
}

int
age_unwrap_x25519(const struct age_x25519 *in,
    const struct age_secret *secret, unsigned char file_key[AGE_FILE_KEY],
    struct err *e)
{
	unsigned char key[AGE_KEY];
	int rc;

	if (agree(secret->scalar, in->share, in->share, secret->point,
	    key) == -1)
		return err_set(e, ERR_CORRUPT,
		    "invalid age header: a point of low order");
	rc = unwrap(key, in->body, file_key);
	sodium_memzero(key, sizeof key);
	return rc;
}

/* N = 2^work, r = 8, p = 1: 2^work KiB of memory. */
static int
stretch(const struct age_keys *k, const unsigned char salt[AGE_SALT],
    unsigned work, unsigned char key[AGE_KEY], struct err *e)
{
	unsigned char full[sizeof SCRYPT_INFO - 1 + AGE_SALT];

	memcpy(full, SCRYPT_INFO, sizeof SCRYPT_INFO - 1);
	memcpy(full + sizeof SCRYPT_INFO - 1, salt, AGE_SALT);
	if (crypto_pwhash_scryptsalsa208sha256_ll(
	    (const uint8_t *)k->passphrase, k->passphrase_len, full,
	    sizeof full, (uint64_t)1 << work, 8, 1, key, AGE_KEY) == -1)
		return err_set(e, ERR_NOMEM,
		    "out of memory: this passphrase needs %llu KiB",
		    1ull << work);
	return 0;
}

int
age_wrap_scrypt(const unsigned char file_key[AGE_FILE_KEY],
    const struct age_keys *k, unsigned work, struct age_scrypt *out,
    struct err *e)
{
	unsigned char key[AGE_KEY];

	out->work = work;
	randombytes_buf(out->salt, sizeof out->salt);
	if (stretch(k, out->salt, work, key, e) == -1)
		return -1;
	wrap(key, file_key, out->body);
	sodium_memzero(key, sizeof key);
	return 0;
}

int
age_unwrap_scrypt(const struct age_scrypt *in, const struct age_keys *k,
    unsigned char file_key[AGE_FILE_KEY], struct err *e)
{
	unsigned char key[AGE_KEY];
	int rc;

	if (stretch(k, in->salt, in->work, key, e) == -1)
		return -1;
	rc = unwrap(key, in->body, file_key);
	sodium_memzero(key, sizeof key);
	return rc;
}
