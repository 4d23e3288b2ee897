/*
 * sign_int: minisign's formats (jedisct1.github.io/minisign, "Signature
 * format" and "Secret key format"). Each base64 line is one of these, all
 * numbers little-endian:
 *
 *	public     "Ed" id[8] point[32]
 *	signature  "ED" or "Ed", id[8] signature[64]
 *	secret     "Ed" kdf[2] "B2" salt[32] ops[8] mem[8] id[8] secret[64]
 *	           checksum[32]
 */
#ifndef PGK_SIGN_INT_H
#define PGK_SIGN_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "sign/sign.h"

#define SIGN_ID 8
#define SIGN_POINT 32
#define SIGN_SECRET 64 /* libsodium's form: the seed, then the point */
#define SIGN_SIZE 64
#define SIGN_SUM 32

#define SIGN_PUBLIC_BYTES (2 + SIGN_ID + SIGN_POINT)
#define SIGN_SIGNATURE_BYTES (2 + SIGN_ID + SIGN_SIZE)
#define SIGN_SECRET_BYTES (2 + 2 + 2 + 32 + 8 + 8 + SIGN_ID + SIGN_SECRET + \
	SIGN_SUM)
#define SIGN_BYTES_MAX SIGN_SECRET_BYTES
#define SIGN_FILE_MAX ((size_t)16 << 10)
#define SIGN_COMMENT_MAX ((size_t)8 << 10) /* minisign's own */
#define SIGN_TRUST_MAX 64

#define SIGN_UNTRUSTED "untrusted comment: "
#define SIGN_TRUSTED "trusted comment: "

struct sign_key {
	unsigned char id[SIGN_ID], secret[SIGN_SECRET];
};

struct sign_trust {
	unsigned count;
	struct sign_public {
		unsigned char id[SIGN_ID], point[SIGN_POINT];
	} keys[SIGN_TRUST_MAX];
};

/* Lines of a text; a CR before the LF is not part of a line. */
struct sign_text {
	const char *p, *end;
};
bool sign_line(struct sign_text *t, const char **line, size_t *len);
bool sign_at_end(const struct sign_text *t); /* nothing but line ends left */

/* text.c: base64 of exactly `want` bytes, canonical, with padding. */
bool sign_unbase64(const char *text, size_t len, unsigned char *out,
    size_t want);
int sign_base64(struct buf *out, const unsigned char *data, size_t len,
    struct err *e);

/* A comment line with this prefix. */
bool sign_comment(struct sign_text *t, const char *prefix,
    const char **comment, size_t *len);

/* As minisign shows a key's id. */
unsigned long long sign_id_number(const unsigned char id[SIGN_ID]);

/* Parse the text of a key file; `path` is for the messages. */
int sign_key_parse(struct sign_key *k, const char *text, size_t len,
    const char *path, struct err *e);
int sign_trust_parse(struct sign_trust *t, const char *text, size_t len,
    const char *path, struct err *e);

#endif
