#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fsx/fsx.h"
#include "sign/sign_int.h"

/* "RW" is what "Ed" gives: two letters and 54 more hold a public key */
#define WORD_LEN ((size_t)SIGN_PUBLIC_BYTES / 3 * 4)

struct sign_trust *
sign_trust_new(struct err *e)
{
	struct sign_trust *t = NULL;

	if (sodium_init() == -1 || (t = calloc(1, sizeof *t)) == NULL)
		err_nomem(e);
	return t;
}

void
sign_trust_free(struct sign_trust *t)
{
	free(t);
}

static int
take_word(struct sign_trust *t, const char *word, size_t len,
    const char *name, struct err *e)
{
	unsigned char raw[SIGN_PUBLIC_BYTES];
	struct sign_public *k = &t->keys[t->count];

	if (!sign_unbase64(word, len, raw, sizeof raw) ||
	    memcmp(raw, "Ed", 2) != 0)
		return err_set(e, ERR_KEY,
		    "\"%s\" is not a minisign public key", name);
	if (t->count == SIGN_TRUST_MAX)
		return err_set(e, ERR_KEY, "more than %d public keys",
		    SIGN_TRUST_MAX);
	memcpy(k->id, raw + 2, SIGN_ID);
	memcpy(k->point, raw + 2 + SIGN_ID, SIGN_POINT);
	t->count++;
	return 0;
}

int
sign_trust_parse(struct sign_trust *t, const char *text, size_t len,
    const char *path, struct err *e)
{
	struct sign_text lines = { text, text + len };
	const char *line;
	size_t n;

	if (!sign_comment(&lines, SIGN_UNTRUSTED, &line, &n) ||
	    !sign_line(&lines, &line, &n) || !sign_at_end(&lines))
		return err_set(e, ERR_KEY,
		    "\"%s\" is not a minisign public key", path);
	return take_word(t, line, n, path, e);
}

int
sign_trust_add(struct sign_trust *t, const char *path_or_key, struct err *e)
{
	struct buf text = BUF_INIT(SIGN_FILE_MAX + 1);
	int rc = -1;

	if (strlen(path_or_key) == WORD_LEN &&
	    strncmp(path_or_key, "RW", 2) == 0)
		return take_word(t, path_or_key, WORD_LEN, path_or_key, e);
	if (fsx_slurp(path_or_key, SIGN_FILE_MAX, 0, &text, e) == 0)
		rc = sign_trust_parse(t, text.data, text.len, path_or_key,
		    e);
	buf_wipe(&text); /* a secret key may have been named by mistake */
	return rc;
}
