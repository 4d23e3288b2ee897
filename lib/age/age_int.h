/*
 * age_int: what the files of this room share. Section names are those of the
 * age v1 specification (age-encryption.org/v1).
 */
#ifndef PGK_AGE_INT_H
#define PGK_AGE_INT_H

#include "age/age.h"

#define AGE_KEY 32      /* X25519 scalars and points, AEAD keys, MACs */
#define AGE_FILE_KEY 16
#define AGE_NONCE 16    /* stands between the header and the payload */
#define AGE_TAG 16      /* Poly1305 */
#define AGE_SALT 16     /* scrypt */
#define AGE_WRAPPED (AGE_FILE_KEY + AGE_TAG)
#define AGE_STORED ((size_t)AGE_CHUNK + AGE_TAG) /* a whole chunk as stored */

/*
 * Bounds against hostile headers. With all of them exhausted a header costs
 * about a second: each identity is tried on each stanza.
 */
#define AGE_HEADER_MAX ((size_t)256 << 10)
#define AGE_STANZAS_MAX 256 /* of X25519 */
#define AGE_IDENTITIES_MAX 64
#define AGE_PASSPHRASE_MAX 1024
#define AGE_KEY_FILE_MAX ((size_t)128 << 10)

#define AGE_VERSION "age-encryption.org/v1\n"
#define AGE_ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define AGE_ARMOR_END "-----END AGE ENCRYPTED FILE-----"

struct age_public {
	unsigned char point[AGE_KEY];
	char text[AGE_RECIPIENT_MAX];
};

struct age_secret {
	unsigned char scalar[AGE_KEY], point[AGE_KEY];
};

struct age_keys {
	unsigned recipients, identities;
	size_t passphrase_len; /* 0: none; then recipients may be there */
	struct age_public recipient[AGE_RECIPIENTS_MAX];
	struct age_secret identity[AGE_IDENTITIES_MAX];
	char passphrase[AGE_PASSPHRASE_MAX];
};

/* Memory that is locked if the limits allow it, and wiped when freed. */
void *age_secret_new(size_t len, struct err *e); /* zeroed */
void age_secret_free(void *p);                   /* NULL ok */

/* keys.c: taken as bytes, not as a string; ERR_KEY if empty or too long. */
int age_set_passphrase(struct age_keys *k, const char *text, size_t len,
    struct err *e);
int age_add_identity(struct age_keys *k, const char *word, struct err *e);
void age_recipient_text(const unsigned char point[AGE_KEY],
    char text[AGE_RECIPIENT_MAX]);

/*
 * bech32.c: BIP 173 for 32 bytes. `hrp` is in lower case; `upper` says which
 * case the text must be in. decode: 0, or -1 for anything else.
 */
#define AGE_BECH32_MAX 96
void age_bech32(const char *hrp, const unsigned char data[AGE_KEY],
    bool upper, char out[AGE_BECH32_MAX]);
int age_unbech32(const char *hrp, const char *text, bool upper,
    unsigned char data[AGE_KEY]);

/*
 * base64.c: RFC 4648 without padding; only the canonical encoding is read.
 * unbase64 takes up to 64 characters; returns the bytes written, or -1.
 */
#define AGE_COLUMNS 64 /* of a full line, in header and armor alike */
#define AGE_LINE_BYTES 48
int age_base64(struct buf *out, const void *data, size_t len, struct err *e);
int age_unbase64(const char *text, size_t len,
    unsigned char out[AGE_LINE_BYTES], bool padded);

/* kdf.c: HKDF-SHA-256 for 32 bytes, and what the file key gives. */
void age_hkdf(const void *ikm, size_t ikm_len, const void *salt,
    size_t salt_len, const char *info, unsigned char out[AGE_KEY]);
void age_mac(const unsigned char file_key[AGE_FILE_KEY], const void *header,
    size_t len, unsigned char mac[AGE_KEY]);
void age_payload_key(const unsigned char file_key[AGE_FILE_KEY],
    const unsigned char nonce[AGE_NONCE], unsigned char key[AGE_KEY]);

/*
 * stanza.c: the file key in the wrapping of one recipient. unwrap: 1 opened,
 * 0 not ours, -1 error.
 */
struct age_x25519 {
	unsigned char share[AGE_KEY], body[AGE_WRAPPED];
};
struct age_scrypt {
	unsigned char salt[AGE_SALT], body[AGE_WRAPPED];
	unsigned work;
};
int age_wrap_x25519(const unsigned char file_key[AGE_FILE_KEY],
    const unsigned char point[AGE_KEY], struct age_x25519 *out,
    struct err *e);
int age_unwrap_x25519(const struct age_x25519 *in,
    const struct age_secret *secret, unsigned char file_key[AGE_FILE_KEY],
    struct err *e);
int age_wrap_scrypt(const unsigned char file_key[AGE_FILE_KEY],
    const struct age_keys *k, unsigned work, struct age_scrypt *out,
    struct err *e);
int age_unwrap_scrypt(const struct age_scrypt *in, const struct age_keys *k,
    unsigned char file_key[AGE_FILE_KEY], struct err *e);

/* header.c */
struct age_header {
	unsigned stanzas; /* of any type */
	unsigned x25519s;
	struct age_x25519 x25519[AGE_STANZAS_MAX];
	bool has_scrypt; /* then stanzas is 1 */
	struct age_scrypt scrypt;
	size_t covered; /* bytes of the text under the MAC */
	unsigned char mac[AGE_KEY];
};

/*
 * Whether data[0..len) holds a whole header: 1 and its length in *end, 0
 * when more is needed, -1 when no header can come of it. *seen starts as 0
 * and remembers what was searched.
 */
int age_header_end(const char *data, size_t len, size_t *seen, size_t *end,
    struct err *e);
int age_header_parse(const char *text, size_t len, struct age_header *h,
    struct err *e);

/* Parse, find the file key with ours and check the MAC. `k` may be NULL. */
int age_header_open(const char *text, size_t len, const struct age_keys *k,
    unsigned char file_key[AGE_FILE_KEY], struct err *e);

/* The note `name` of a header that parses; 1, 0 for none, -1. */
int age_header_note(const char *text, size_t len, const char *name,
    unsigned char *value, size_t size, struct err *e);

struct age_note_text {
	const char *name;
	const void *value;
	size_t size;
};

/*
 * Append a header for all recipients, or the passphrase, of `k`, with a note
 * unless that is NULL.
 */
int age_header_write(const struct age_keys *k, unsigned work,
    const struct age_note_text *note,
    const unsigned char file_key[AGE_FILE_KEY], struct buf *out,
    struct err *e);

/*
 * blob.c: bring head[0..*end) to hold the header and AGE_NONCE bytes behind
 * it; head->max is AGE_HEAD_ROOM.
 */
#define AGE_HEAD_FIRST ((size_t)4096) /* most headers fit */
#define AGE_HEAD_ROOM (2 * AGE_HEADER_MAX + AGE_HEAD_FIRST)
int age_fetch_head(struct blob *inner, struct buf *head, size_t *end,
    struct err *e);

/*
 * chunk.c: STREAM. seal works in place and adds AGE_TAG bytes. open: `len`
 * with the tag; `out` may be `in`; 0 or -1, with nothing released then.
 */
void age_seal(const unsigned char key[AGE_KEY], uint64_t number, bool last,
    unsigned char *data, size_t len);
int age_unseal(const unsigned char key[AGE_KEY], uint64_t number, bool last,
    const unsigned char *in, size_t len, unsigned char *out);

/* armor.c: take the armor off, handing the bytes to `out`. */
struct age_armor;
struct age_armor *age_armor_new(int (*out)(void *ctx,
    const unsigned char *data, size_t len, struct err *e), void *ctx,
    struct err *e);
int age_armor_take(struct age_armor *a, const char *data, size_t len,
    struct err *e);
int age_armor_end(struct age_armor *a, struct err *e);
void age_armor_free(struct age_armor *a); /* NULL ok */

#endif
