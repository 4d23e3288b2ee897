#include <sodium.h>
#include <stdlib.h>

#include "age/age_int.h"

/* opening */

static int
open_scrypt(const struct age_header *h, const struct age_keys *k,
    unsigned char file_key[AGE_FILE_KEY], struct err *e)
{
	if (k == NULL || k->passphrase_len == 0) {
		err_set(e, ERR_KEY, "a passphrase is needed to decrypt this");
		return err_hint(e, "give it with --passphrase or "
		    "--passphrase-file");
	}
	/* before any memory is taken: 2^work KiB */
	if (h->scrypt.work > AGE_WORK_READ_MAX)
		return err_set(e, ERR_KEY, "the passphrase's scrypt work "
		    "factor is above the limit of %d", AGE_WORK_READ_MAX);
	switch (age_unwrap_scrypt(&h->scrypt, k, file_key, e)) {
	case 1:
		return 0;
	case 0:
		return err_set(e, ERR_KEY, "wrong passphrase");
	default:
		return -1;
	}
}

static int
open_x25519(const struct age_header *h, const struct age_keys *k,
    unsigned char file_key[AGE_FILE_KEY], struct err *e)
{
	if (k == NULL || k->identities == 0) {
		err_set(e, ERR_KEY, "an identity is needed to decrypt this");
		return err_hint(e, "give the identity file with --identity "
		    "or in the configuration");
	}
	for (unsigned i = 0; i < k->identities; i++)
		for (unsigned s = 0; s < h->x25519s; s++)
			switch (age_unwrap_x25519(&h->x25519[s],
			    &k->identity[i], file_key, e)) {
			case 1:
				return 0;
			case 0:
				break;
			default:
				return -1;
			}
	return err_set(e, ERR_KEY, "no identity of ours opens this: it was "
	    "encrypted to other recipients");
}

int
age_header_open(const char *text, size_t len, const struct age_keys *k,
    unsigned char file_key[AGE_FILE_KEY], struct err *e)
{
	struct age_header *h = malloc(sizeof *h);
	unsigned char mac[AGE_KEY];
	int rc = -1;

	if (h == NULL)
		return err_nomem(e);
	if (age_header_parse(text, len, h, e) == -1)
		goto done;
	if ((h->has_scrypt ? open_scrypt : open_x25519)(h, k, file_key,
	    e) == -1)
		goto done;
	age_mac(file_key, text, h->covered, mac);
	if (sodium_memcmp(mac, h->mac, sizeof mac) != 0) {
		sodium_memzero(file_key, AGE_FILE_KEY);
		err_set(e, ERR_CORRUPT, "invalid age header: its "
		    "authentication code does not match");
		goto done;
	}
	rc = 0;
done:
	free(h);
	return rc;
}

/* writing */

static int
put_line(struct buf *out, const void *data, size_t len, struct err *e)
{
	return age_base64(out, data, len, e) == -1 ? -1 :
	    buf_byte(out, '\n', e);
}

static int
write_scrypt(const struct age_keys *k, unsigned work,
    const unsigned char file_key[AGE_FILE_KEY], struct buf *out,
    struct err *e)
{
	struct age_scrypt s;

	if (age_wrap_scrypt(file_key, k, work, &s, e) == -1 ||
	    buf_str(out, "-> scrypt ", e) == -1 ||
	    age_base64(out, s.salt, sizeof s.salt, e) == -1 ||
	    buf_fmt(out, e, " %u\n", s.work) == -1)
		return -1;
	return put_line(out, s.body, sizeof s.body, e);
}

static int
write_note(const struct age_note_text *note, struct buf *out, struct err *e)
{
	if (buf_fmt(out, e, "-> %s ", note->name) == -1 ||
	    age_base64(out, note->value, note->size, e) == -1)
		return -1;
	return buf_str(out, "\n\n", e); /* a body of no bytes is a line */
}

int
age_header_write(const struct age_keys *k, unsigned work,
    const struct age_note_text *note,
    const unsigned char file_key[AGE_FILE_KEY], struct buf *out,
    struct err *e)
{
	unsigned char mac[AGE_KEY];
	size_t start = out->len;

	if (buf_str(out, AGE_VERSION, e) == -1)
		return -1;
	for (unsigned i = 0; i < k->recipients; i++) {
		struct age_x25519 x;

		if (age_wrap_x25519(file_key, k->recipient[i].point, &x,
		    e) == -1 || buf_str(out, "-> X25519 ", e) == -1 ||
		    put_line(out, x.share, sizeof x.share, e) == -1 ||
		    put_line(out, x.body, sizeof x.body, e) == -1)
			return -1;
	}
	if (k->passphrase_len > 0 &&
	    write_scrypt(k, work, file_key, out, e) == -1)
		return -1;
	if (note != NULL && write_note(note, out, e) == -1)
		return -1;
	if (buf_str(out, "---", e) == -1)
		return -1;
	age_mac(file_key, out->data + start, out->len - start, mac);
	if (buf_byte(out, ' ', e) == -1)
		return -1;
	return put_line(out, mac, sizeof mac, e);
}
