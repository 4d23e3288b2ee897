#include "digest/digest.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* Once is enough; libsodium itself sees to that, for threads too. */
static int
ready(struct err *e)
{
	if (sodium_init() == -1)
		return err_set(e, ERR_SYS, "could not start libsodium");
	return 0;
}

void
digest_of(const void *data, size_t len, struct digest *d)
{
	/* without it the sum is the same, only slower to come */
	ready(NULL);
	crypto_generichash(d->sum, sizeof d->sum, data, len, NULL, 0);
}

struct tee {
	struct sink base;
	struct sink *next;
	struct digest *out;
	crypto_generichash_state state; /* aligned to 64 bytes */
};

static int
tee_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct tee *t = (struct tee *)s;

	crypto_generichash_update(&t->state, data, len);
	return sink_write(t->next, data, len, e);
}

static int
tee_finish(struct sink *s, struct err *e)
{
	struct tee *t = (struct tee *)s;

	crypto_generichash_final(&t->state, t->out->sum, sizeof t->out->sum);
	return sink_finish(t->next, e);
}

static void
tee_free(struct sink *s)
{
	sink_free(((struct tee *)s)->next);
	free(s);
}

struct sink *
digest_tee(struct sink *next, struct digest *d, struct err *e)
{
	static const struct sink_ops ops = { tee_write, tee_finish, tee_free };
	struct tee *t;

	if (next == NULL)
		return NULL;
	if (ready(e) == -1) {
		sink_free(next);
		return NULL;
	}
	/* malloc() promises 16 */
	if ((t = aligned_alloc(alignof(struct tee), sizeof *t)) == NULL) {
		err_nomem(e);
		sink_free(next);
		return NULL;
	}
	t->base.ops = &ops;
	t->next = next;
	t->out = d;
	crypto_generichash_init(&t->state, NULL, 0, DIGEST_SIZE);
	return &t->base;
}

int
digest_blob(struct blob *b, struct digest *d, struct err *e)
{
	struct sink *s = digest_tee(sink_null(e), d, e);
	int rc = -1;

	if (s != NULL && blob_send(b, 0, b->size, s, e) == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	return rc;
}

bool
digest_same(const struct digest *a, const struct digest *b)
{
	return memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

const char *
digest_hex(const struct digest *d, char out[DIGEST_HEX])
{
	return sodium_bin2hex(out, DIGEST_HEX, d->sum, sizeof d->sum);
}

/*
 * sodium_hex2bin() takes upper case too, where a single changed bit would go
 * unnoticed: what is not written back the same was not ours.
 */
int
digest_parse(const char *hex, struct digest *d, struct err *e)
{
	struct digest got;
	char again[DIGEST_HEX];
	size_t n;

	if (strlen(hex) != DIGEST_HEX - 1 ||
	    sodium_hex2bin(got.sum, sizeof got.sum, hex, DIGEST_HEX - 1, NULL,
	    &n, NULL) == -1 || n != sizeof got.sum ||
	    strcmp(digest_hex(&got, again), hex) != 0)
		return err_set(e, ERR_CORRUPT, "invalid checksum \"%.80s\"",
		    hex);
	*d = got;
	return 0;
}
