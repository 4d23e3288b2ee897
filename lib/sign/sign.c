#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "sign/sign_int.h"

#define AT_ID 2
#define AT_SIGNATURE (2 + SIGN_ID)

/* What is signed: a digest of the data ("ED"), or the data itself ("Ed"). */
#define PREHASHED 64

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_CORRUPT, "invalid signature: %s", why);
}

/* The second signature covers the first and the trusted comment. */
static unsigned char *
whole_of(const unsigned char signature[SIGN_SIZE], const char *comment,
    size_t len, struct err *e)
{
	unsigned char *whole = malloc(SIGN_SIZE + len);

	if (whole == NULL) {
		err_nomem(e);
		return NULL;
	}
	memcpy(whole, signature, SIGN_SIZE);
	memcpy(whole + SIGN_SIZE, comment, len);
	return whole;
}

static int
check_comment(const char *comment, struct err *e)
{
	for (const char *p = comment; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(e, ERR_USAGE, "a control character "
			    "in a signature's comment");
	return strlen(comment) <= SIGN_COMMENT_MAX / 2 ? 0 :
	    err_set(e, ERR_USAGE, "a signature's comment is too long");
}

int
sign_data(const struct sign_key *k, const void *data, size_t len,
    const char *comment, struct buf *out, struct err *e)
{
	unsigned char hash[PREHASHED], raw[SIGN_SIGNATURE_BYTES];
	unsigned char global[SIGN_SIZE], *whole;
	size_t n = strlen(comment);

	if (check_comment(comment, e) == -1)
		return -1;
	memcpy(raw, "ED", 2);
	memcpy(raw + AT_ID, k->id, SIGN_ID);
	crypto_generichash(hash, sizeof hash, data, len, NULL, 0);
	crypto_sign_detached(raw + AT_SIGNATURE, NULL, hash, sizeof hash,
	    k->secret);
	whole = whole_of(raw + AT_SIGNATURE, comment, n, e);
	if (whole == NULL)
		return -1;
	crypto_sign_detached(global, NULL, whole, SIGN_SIZE + n, k->secret);
	free(whole);
	if (buf_str(out, SIGN_UNTRUSTED "signature from pgk\n", e) == -1 ||
	    sign_base64(out, raw, sizeof raw, e) == -1 ||
	    buf_fmt(out, e, SIGN_TRUSTED "%s\n", comment) == -1)
		return -1;
	return sign_base64(out, global, sizeof global, e);
}

struct parsed {
	unsigned char raw[SIGN_SIGNATURE_BYTES];
	const char *comment;
	size_t comment_len;
	unsigned char global[SIGN_SIZE];
};

static bool
parse(struct parsed *p, const char *text, size_t len)
{
	struct sign_text t = { text, text + len };
	const char *line;
	size_t n;

	return len <= SIGN_FILE_MAX &&
	    sign_comment(&t, SIGN_UNTRUSTED, &line, &n) &&
	    sign_line(&t, &line, &n) &&
	    sign_unbase64(line, n, p->raw, sizeof p->raw) &&
	    sign_comment(&t, SIGN_TRUSTED, &p->comment, &p->comment_len) &&
	    sign_line(&t, &line, &n) &&
	    sign_unbase64(line, n, p->global, sizeof p->global) &&
	    sign_at_end(&t);
}

static bool
is_signed(const struct parsed *p, const struct sign_public *k,
    const void *data, size_t len)
{
	unsigned char hash[PREHASHED];
	const unsigned char *what = data;

	if (memcmp(p->raw, "ED", 2) == 0) {
		crypto_generichash(hash, sizeof hash, data, len, NULL, 0);
		what = hash;
		len = sizeof hash;
	}
	return crypto_sign_verify_detached(p->raw + AT_SIGNATURE, what, len,
	    k->point) == 0;
}

static int
check_with(const struct parsed *p, const struct sign_public *k,
    const void *data, size_t len, struct err *e)
{
	unsigned char *whole;
	int rc;

	if (!is_signed(p, k, data, len))
		return bad(e, "the data was not signed like this");
	whole = whole_of(p->raw + AT_SIGNATURE, p->comment, p->comment_len,
	    e);
	if (whole == NULL)
		return -1;
	rc = crypto_sign_verify_detached(p->global, whole,
	    SIGN_SIZE + p->comment_len, k->point);
	free(whole);
	return rc == 0 ? 0 : bad(e, "its trusted comment was changed");
}

int
sign_verify(const struct sign_trust *t, const void *data, size_t len,
    const void *sig, size_t sig_len, struct err *e)
{
	struct parsed p;

	if (!parse(&p, sig, sig_len))
		return bad(e, "not a minisign signature");
	if (memcmp(p.raw, "ED", 2) != 0 && memcmp(p.raw, "Ed", 2) != 0)
		return bad(e, "of an unknown kind");
	for (unsigned i = 0; i < t->count; i++)
		if (memcmp(t->keys[i].id, p.raw + AT_ID, SIGN_ID) == 0)
			return check_with(&p, &t->keys[i], data, len, e);
	return err_set(e, ERR_CORRUPT, "invalid signature: made with key "
	    "%016llX, which is not trusted", sign_id_number(p.raw + AT_ID));
}
