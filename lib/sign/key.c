#include <sodium.h>
#include <string.h>

#include "fsx/fsx.h"
#include "sign/sign_int.h"

/* where the parts of a secret key lie */
#define AT_KDF 2
#define AT_SUM_ALG 4
#define AT_ID (2 + 2 + 2 + 32 + 8 + 8)
#define AT_SECRET (AT_ID + SIGN_ID)
#define AT_SUM (AT_SECRET + SIGN_SECRET)

static void
checksum(const unsigned char raw[SIGN_SECRET_BYTES],
    unsigned char sum[SIGN_SUM])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, SIGN_SUM);
	crypto_generichash_update(&st, raw, 2);
	crypto_generichash_update(&st, raw + AT_ID, SIGN_ID + SIGN_SECRET);
	crypto_generichash_final(&st, sum, SIGN_SUM);
	sodium_memzero(&st, sizeof st);
}

/*
 * minisign (0.11) leaves the checksum of a key without password zero and
 * ignores it; we write it, and check it when it is there. What holds the key
 * together in either case: its second half follows from its first, and a
 * pair that does not match would give the key away with its signatures.
 */
static bool
is_whole(const unsigned char raw[SIGN_SECRET_BYTES])
{
	unsigned char sum[SIGN_SUM], point[SIGN_POINT], again[SIGN_SECRET];
	bool good;

	checksum(raw, sum);
	crypto_sign_seed_keypair(point, again, raw + AT_SECRET);
	good = (sodium_is_zero(raw + AT_SUM, SIGN_SUM) == 1 ||
	    sodium_memcmp(raw + AT_SUM, sum, SIGN_SUM) == 0) &&
	    sodium_memcmp(raw + AT_SECRET, again, SIGN_SECRET) == 0;
	sodium_memzero(again, sizeof again);
	return good;
}

static int
take_raw(struct sign_key *k, const unsigned char raw[SIGN_SECRET_BYTES],
    const char *path, struct err *e)
{
	if (memcmp(raw, "Ed", 2) != 0 ||
	    memcmp(raw + AT_SUM_ALG, "B2", 2) != 0)
		return err_set(e, ERR_KEY,
		    "\"%s\" is a key of an unknown kind", path);
	if (memcmp(raw + AT_KDF, "Sc", 2) == 0) {
		err_set(e, ERR_KEY, "signing key \"%s\" has a password",
		    path);
		return err_hint(e, "remove it with minisign -C -W -s FILE, "
		    "or make a key with pgk-key new-signing -o FILE");
	}
	if (memcmp(raw + AT_KDF, "\0\0", 2) != 0)
		return err_set(e, ERR_KEY,
		    "\"%s\" is a key of an unknown kind", path);
	if (!is_whole(raw))
		return err_set(e, ERR_KEY, "signing key \"%s\" is damaged",
		    path);
	memcpy(k->id, raw + AT_ID, SIGN_ID);
	memcpy(k->secret, raw + AT_SECRET, SIGN_SECRET);
	return 0;
}

int
sign_key_parse(struct sign_key *k, const char *text, size_t len,
    const char *path, struct err *e)
{
	struct sign_text t = { text, text + len };
	unsigned char raw[SIGN_SECRET_BYTES];
	const char *line;
	size_t n;
	int rc;

	if (!sign_comment(&t, SIGN_UNTRUSTED, &line, &n) ||
	    !sign_line(&t, &line, &n) || !sign_at_end(&t) ||
	    !sign_unbase64(line, n, raw, sizeof raw))
		rc = err_set(e, ERR_KEY,
		    "\"%s\" is not a minisign secret key", path);
	else
		rc = take_raw(k, raw, path, e);
	sodium_memzero(raw, sizeof raw);
	return rc;
}

struct sign_key *
sign_key_load(const char *path, struct err *e)
{
	struct buf text = BUF_INIT(SIGN_FILE_MAX + 1);
	struct sign_key *k = NULL;
	int rc = -1;

	if (sodium_init() == -1 ||
	    (k = sodium_malloc(sizeof *k)) == NULL) {
		err_nomem(e);
		goto done;
	}
	/* reserved beforehand, so that it does not move while it grows */
	if (buf_reserve(&text, SIGN_FILE_MAX + 1, e) == -1)
		goto done;
	(void)sodium_mlock(text.data, text.cap);
	if (fsx_slurp(path, SIGN_FILE_MAX, FSX_PRIVATE, &text, e) == 0)
		rc = sign_key_parse(k, text.data, text.len, path, e);
done:
	if (text.data != NULL)
		sodium_munlock(text.data, text.cap); /* wipes it as well */
	buf_free(&text);
	if (rc == -1) {
		sign_key_free(k);
		k = NULL;
	}
	return k;
}

void
sign_key_free(struct sign_key *k)
{
	sodium_free(k);
}

static int
put_secret(const unsigned char raw[SIGN_SECRET_BYTES], struct buf *out,
    struct err *e)
{
	/* in one go, so that nothing is left where the buffer was before */
	if (buf_reserve(out, 512, e) == -1 || buf_str(out, SIGN_UNTRUSTED
	    "minisign encrypted secret key\n", e) == -1)
		return -1;
	return sign_base64(out, raw, SIGN_SECRET_BYTES, e);
}

int
sign_new(struct buf *secret, struct buf *public, struct err *e)
{
	unsigned char raw[SIGN_SECRET_BYTES] = { 0 };
	unsigned char pub[SIGN_PUBLIC_BYTES];
	int rc = -1;

	if (sodium_init() == -1)
		return err_nomem(e);
	memcpy(raw, "Ed", 2);
	memcpy(raw + AT_SUM_ALG, "B2", 2);
	randombytes_buf(raw + AT_ID, SIGN_ID);
	memcpy(pub, "Ed", 2);
	memcpy(pub + 2, raw + AT_ID, SIGN_ID);
	crypto_sign_keypair(pub + 2 + SIGN_ID, raw + AT_SECRET);
	checksum(raw, raw + AT_SUM);
	if (put_secret(raw, secret, e) == 0 && buf_fmt(public, e,
	    SIGN_UNTRUSTED "minisign public key %016llX\n",
	    sign_id_number(raw + AT_ID)) == 0)
		rc = sign_base64(public, pub, sizeof pub, e);
	sodium_memzero(raw, sizeof raw);
	return rc;
}
