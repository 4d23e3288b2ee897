/*
 * age_make: age files made by hand, defects included, with a file key, an
 * identity and a passphrase that never change.
 */
#ifndef PGK_AGE_MAKE_H
#define PGK_AGE_MAKE_H

#include <stdlib.h>
#include <string.h>

#include "age/age_int.h"

#define MAKE_PLAIN "age"
#define MAKE_NONCE "noncenoncenonce!"
#define MAKE_PASSPHRASE "password"
#define MAKE_WORK 8
#define MAKE_IDENTITY "AGE-SECRET-KEY-1FMJVHMY88WN9ZWLHJ94FS9Z6XWVT5ND0" \
	"U0T3706ZUJXHRTLC3RXQTJCL5X"

static const unsigned char make_file_key[AGE_FILE_KEY] = {
	'Y', 'E', 'L', 'L', 'O', 'W', ' ', 'S', 'U', 'B', 'M', 'A', 'R', 'I',
	'N', 'E' };

static struct age_secret make_ours, make_others;

static inline void
make_keys(struct age_keys *k)
{
	struct err e = ERR_INIT;

	age_add_identity(k, MAKE_IDENTITY, &e);
	make_ours = k->identity[0];
	age_set_passphrase(k, MAKE_PASSPHRASE, strlen(MAKE_PASSPHRASE), &e);
	/* any point but ours: the one that ours makes of itself */
	age_hkdf("other", 5, "", 0, "", make_others.scalar);
	memcpy(make_others.point, make_others.scalar, AGE_KEY);
	make_others.point[31] &= 0x7f;
	if (e.kind != ERR_NONE)
		abort();
}

static inline void
make_recipient(char recipient[AGE_RECIPIENT_MAX])
{
	age_recipient_text(make_ours.point, recipient);
}

static inline void
make_base64(struct buf *out, const unsigned char *data, size_t len,
    bool stray)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
	    "ghijklmnopqrstuvwxyz0123456789+/";
	struct err e = ERR_INIT;

	age_base64(out, data, len, &e);
	if (stray) /* a bit that no byte has room for */
		out->data[out->len - 1] = strchr(digits,
		    out->data[out->len - 1])[1];
}

static inline void
make_x25519(struct buf *out, const unsigned char *point)
{
	struct age_x25519 x;
	struct err e = ERR_INIT;

	age_wrap_x25519(make_file_key, point, &x, &e);
	buf_str(out, "-> X25519 ", &e);
	make_base64(out, x.share, sizeof x.share, false);
	buf_str(out, "\n", &e);
	make_base64(out, x.body, sizeof x.body, false);
	buf_str(out, "\n", &e);
}

static inline void
make_mac(struct buf *out, bool stray)
{
	unsigned char mac[AGE_KEY];
	size_t covered = out->len;

	/* up to the last line's three dashes */
	while (covered > 3 && memcmp(out->data + covered - 4, "\n---", 4) !=
	    0)
		covered--;
	age_mac(make_file_key, out->data, covered, mac);
	make_base64(out, mac, sizeof mac, stray);
}

static inline void
make_chunk(struct buf *out, struct buf *plain, uint64_t number, bool last,
    size_t len)
{
	struct err e = ERR_INIT;
	unsigned char nonce[AGE_NONCE], key[AGE_KEY];
	unsigned char *data;

	memcpy(nonce, MAKE_NONCE, sizeof nonce);
	age_payload_key(make_file_key, nonce, key);
	buf_reserve(out, len + AGE_TAG, &e);
	data = (unsigned char *)out->data + out->len;
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(i * 7 + number);
	if (plain != NULL)
		buf_add(plain, data, len, &e);
	age_seal(key, number, last, data, len);
	out->len += len + AGE_TAG;
}

/*
 * Append a text where
 *   $v the version   $x our X25519 stanza   $o another's   $s our scrypt one
 *   $e $b a share and its body   $t $w a salt and its body   $E $B $T stray
 *   $h the code, $H stray   $m the whole last line   $p nonce and payload
 */
static inline void
make_file(struct buf *out, const char *text)
{
	static struct age_x25519 x;
	static struct age_scrypt s;
	static struct age_keys keys;
	unsigned char nonce[AGE_NONCE], key[AGE_KEY];
	unsigned char payload[sizeof MAKE_PLAIN - 1 + AGE_TAG];
	struct err e = ERR_INIT;

	if (keys.passphrase_len == 0) {
		age_set_passphrase(&keys, MAKE_PASSPHRASE,
		    strlen(MAKE_PASSPHRASE), &e);
		age_wrap_x25519(make_file_key, make_ours.point, &x, &e);
		age_wrap_scrypt(make_file_key, &keys, MAKE_WORK, &s, &e);
	}
	buf_str(out, "", &e);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '$') {
			buf_byte(out, *p, &e);
			continue;
		}
		switch (*++p) {
		case 'v':
			buf_str(out, AGE_VERSION, &e);
			break;
		case 'x':
			make_x25519(out, make_ours.point);
			break;
		case 'o':
			make_x25519(out, make_others.point);
			break;
		case 's':
			make_file(out, "-> scrypt $t 8\n$w\n");
			break;
		case 'e':
		case 'E':
			make_base64(out, x.share, AGE_KEY, *p == 'E');
			break;
		case 'b':
		case 'B':
			make_base64(out, x.body, AGE_WRAPPED, *p == 'B');
			break;
		case 't':
		case 'T':
			make_base64(out, s.salt, AGE_SALT, *p == 'T');
			break;
		case 'w':
			make_base64(out, s.body, AGE_WRAPPED, false);
			break;
		case 'h':
		case 'H':
			make_mac(out, *p == 'H');
			break;
		case 'm':
			make_file(out, "--- $h\n");
			break;
		case 'p':
			memcpy(nonce, MAKE_NONCE, sizeof nonce);
			age_payload_key(make_file_key, nonce, key);
			memcpy(payload, MAKE_PLAIN, sizeof MAKE_PLAIN - 1);
			age_seal(key, 0, true, payload,
			    sizeof MAKE_PLAIN - 1);
			buf_add(out, nonce, sizeof nonce, &e);
			buf_add(out, payload, sizeof payload, &e);
			break;
		default:
			buf_byte(out, *p, &e);
		}
	}
	if (e.kind != ERR_NONE)
		abort();
}

/* A good file whose size leaves `rest` when divided by `by`. */
static inline void
make_sized(struct buf *out, size_t by, size_t rest)
{
	char text[128] = "$v-> fill A";

	do {
		size_t n = strlen(text);

		memcpy(text + n, "A", 2);
		buf_reset(out);
		make_file(out, text);
		make_file(out, "\n\n$x$m$p");
	} while (out->len % by != rest);
}

static inline void
make_armor(struct buf *out, const char *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
	    "ghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)data;
	struct err e = ERR_INIT;

	buf_str(out, AGE_ARMOR_BEGIN "\n", &e);
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)p[i] << 16 |
		    (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
		    (n > 2 ? p[i + 2] : 0);

		for (unsigned d = 0; d < 4; d++)
			buf_byte(out, d <= n ? digits[v >> (18 - 6 * d) & 63] :
			    '=', &e);
		if ((i + 3) % AGE_LINE_BYTES == 0 || i + 3 >= len)
			buf_byte(out, '\n', &e);
	}
	buf_str(out, AGE_ARMOR_END "\n", &e);
}

#endif
