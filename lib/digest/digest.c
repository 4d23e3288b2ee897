#include "digest/digest.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "task/task.h"

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

/*
 * The sum is as much work as decompressing, and nobody waits for it before the
 * end: of streams longer than a piece a thread of their own makes it.
 */
#define PIECE ((size_t)256 << 10)
#define DEPTH 3

struct piece {
	size_t len;
	unsigned char data[PIECE];
};

struct tee {
	struct sink base;
	struct sink *next;
	struct digest *out;
	struct task_queue *queue; /* NULL: no piece was full yet */
	struct piece *pieces[DEPTH + 1];
	unsigned filling;         /* which of them */
	crypto_generichash_state state; /* aligned to 64 bytes */
};

static void
sum_piece(void *ctx, void *job)
{
	struct tee *t = ctx;
	const struct piece *p = job;

	crypto_generichash_update(&t->state, p->data, p->len);
}

/* The piece to fill, and the queue before a second one is. */
static struct piece *
piece_of(struct tee *t, struct err *e)
{
	struct piece **p = &t->pieces[t->filling];

	if ((*p != NULL && (*p)->len < PIECE) || (*p == NULL &&
	    (*p = calloc(1, sizeof **p)) != NULL))
		return *p;
	if (*p == NULL) {
		err_nomem(e);
		return NULL;
	}
	if (t->queue == NULL && (t->queue = task_queue_new(DEPTH, sum_piece,
	    t, e)) == NULL)
		return NULL;
	task_queue_push(t->queue, *p);
	t->filling = (t->filling + 1) % (DEPTH + 1);
	if (t->pieces[t->filling] != NULL)
		t->pieces[t->filling]->len = 0;
	return piece_of(t, e);
}

static int
tee_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct tee *t = (struct tee *)s;
	const char *from = data;

	for (size_t left = len; left > 0;) {
		struct piece *p = piece_of(t, e);
		size_t n;

		if (p == NULL)
			return -1;
		n = PIECE - p->len < left ? PIECE - p->len : left;
		memcpy(p->data + p->len, from, n);
		p->len += n;
		from += n;
		left -= n;
	}
	return sink_write(t->next, data, len, e);
}

static int
tee_finish(struct sink *s, struct err *e)
{
	struct tee *t = (struct tee *)s;

	if (t->queue != NULL)
		task_queue_drain(t->queue);
	if (t->pieces[t->filling] != NULL)
		sum_piece(t, t->pieces[t->filling]);
	crypto_generichash_final(&t->state, t->out->sum, sizeof t->out->sum);
	return sink_finish(t->next, e);
}

static void
tee_free(struct sink *s)
{
	struct tee *t = (struct tee *)s;

	task_queue_free(t->queue);
	for (size_t i = 0; i <= DEPTH; i++)
		free(t->pieces[i]);
	sink_free(t->next);
	free(t);
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
	memset(t, 0, sizeof *t);
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
