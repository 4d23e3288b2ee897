#include <sodium.h>
#include <string.h>
#include <time.h>

#include "age/age_int.h"

#define RECIPIENT_HRP "age"
#define IDENTITY_HRP "age-secret-key-"
#define IDENTITY_PREFIX "AGE-SECRET-KEY-1"

struct age_keys *
age_keys_new(struct err *e)
{
	return age_secret_new(sizeof(struct age_keys), e);
}

void
age_keys_free(struct age_keys *k)
{
	age_secret_free(k);
}

/* Words are shown in messages only when they surely are not secret. */
static int
refuse_word(const char *word, struct err *e)
{
	if (strncasecmp(word, IDENTITY_PREFIX, strlen(IDENTITY_PREFIX)) ==
	    0) {
		err_set(e, ERR_KEY,
		    "a secret key stands where a recipient is expected");
		return err_hint(e, "give its recipient \"age1...\", which "
		    "pgk-key recipient prints, and replace the key if "
		    "others may have seen it");
	}
	if (strncmp(word, "ssh-", 4) == 0)
		return err_set(e, ERR_KEY, "SSH keys are not supported as "
		    "recipients, only \"age1...\"");
	if (strncmp(word, "age1", 4) == 0)
		return err_set(e, ERR_KEY, "invalid recipient \"%.100s\"",
		    word);
	return err_set(e, ERR_KEY,
	    "invalid recipient: it does not begin with \"age1\"");
}

static int
refuse_mixture(struct err *e)
{
	return err_set(e, ERR_KEY,
	    "a passphrase cannot be combined with recipients");
}

/* A point of low order agrees on the same key with everyone. */
static bool
is_low_order(const unsigned char point[AGE_KEY])
{
	static const unsigned char any[AGE_KEY] = { 8 };
	unsigned char shared[AGE_KEY];

	return crypto_scalarmult(shared, any, point) == -1;
}

int
age_add_recipient(struct age_keys *k, const char *word, struct err *e)
{
	struct age_public *r = &k->recipient[k->recipients];
	unsigned char point[AGE_KEY];

	if (age_unbech32(RECIPIENT_HRP, word, false, point) == -1 ||
	    is_low_order(point))
		return refuse_word(word, e);
	if (k->passphrase_len > 0)
		return refuse_mixture(e);
	for (unsigned i = 0; i < k->recipients; i++)
		if (memcmp(k->recipient[i].point, point, AGE_KEY) == 0)
			return 0;
	if (k->recipients == AGE_RECIPIENTS_MAX)
		return err_set(e, ERR_KEY, "more than %d recipients",
		    AGE_RECIPIENTS_MAX);
	memcpy(r->point, point, AGE_KEY);
	memcpy(r->text, word, strlen(word) + 1);
	k->recipients++;
	return 0;
}

int
age_add_identity(struct age_keys *k, const char *word, struct err *e)
{
	struct age_secret *s = &k->identity[k->identities];

	if (k->identities == AGE_IDENTITIES_MAX)
		return err_set(e, ERR_KEY, "more than %d identities",
		    AGE_IDENTITIES_MAX);
	if (age_unbech32(IDENTITY_HRP, word, true, s->scalar) == -1) {
		sodium_memzero(s, sizeof *s);
		return err_set(e, ERR_KEY,
		    "not an age identity \"AGE-SECRET-KEY-1...\"");
	}
	crypto_scalarmult_base(s->point, s->scalar);
	k->identities++;
	return 0;
}

int
age_set_passphrase(struct age_keys *k, const char *text, size_t len,
    struct err *e)
{
	if (k->recipients > 0)
		return refuse_mixture(e);
	if (len == 0)
		return err_set(e, ERR_KEY, "the passphrase is empty");
	if (len > sizeof k->passphrase)
		return err_set(e, ERR_KEY,
		    "the passphrase is longer than %zu bytes",
		    sizeof k->passphrase);
	memcpy(k->passphrase, text, len);
	k->passphrase_len = len;
	return 0;
}

unsigned
age_recipients(const struct age_keys *k)
{
	return k->recipients;
}

const char *
age_recipient(const struct age_keys *k, unsigned i)
{
	return k->recipient[i].text;
}

bool
age_has_passphrase(const struct age_keys *k)
{
	return k->passphrase_len > 0;
}

bool
age_can_open(const struct age_keys *k)
{
	return k->identities > 0 || k->passphrase_len > 0;
}

void
age_recipient_text(const unsigned char point[AGE_KEY],
    char text[AGE_RECIPIENT_MAX])
{
	char full[AGE_BECH32_MAX];

	age_bech32(RECIPIENT_HRP, point, false, full);
	memcpy(text, full, strlen(full) + 1); /* 62 characters */
}

bool
age_is_ours(const struct age_keys *k, const char *recipient)
{
	char text[AGE_RECIPIENT_MAX];

	for (unsigned i = 0; i < k->identities; i++) {
		age_recipient_text(k->identity[i].point, text);
		if (strcmp(text, recipient) == 0)
			return true;
	}
	return false;
}

int
age_new_identity(struct buf *out, char recipient[AGE_RECIPIENT_MAX],
    struct err *e)
{
	char made[32], text[AGE_BECH32_MAX], public[AGE_RECIPIENT_MAX];
	time_t now = time(NULL);
	struct age_secret *s;
	struct tm tm;
	int rc = -1;

	if ((s = age_secret_new(sizeof *s, e)) == NULL)
		return -1;
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
		err_set(e, ERR_SYS, "could not tell the time");
		goto done;
	}
	randombytes_buf(s->scalar, sizeof s->scalar);
	crypto_scalarmult_base(s->point, s->scalar);
	age_recipient_text(s->point, public);
	age_bech32(IDENTITY_HRP, s->scalar, true, text);
	/* in one go, so that no part is left behind where the buffer grew */
	rc = buf_fmt(out, e, "# created: %s\n# public key: %s\n%s\n", made,
	    public, text);
	sodium_memzero(text, sizeof text);
	if (rc == 0)
		memcpy(recipient, public, sizeof public);
done:
	age_secret_free(s);
	return rc;
}
