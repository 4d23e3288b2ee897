#include "unpack/unpack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"

/* Enough for age_sniff() and for codec_sniff(). */
#define SNIFF 22

struct unpack {
	struct sink base;
	struct sink *next; /* NULL once it has been handed to `inner` */
	const struct age_keys *keys;
	unsigned threads;
	struct codec_map *map; /* or NULL */
	bool only_map;
	bool may_be_age;    /* the outer one of the two: age is not nested */
	struct sink *inner; /* what takes the bytes, once they are known */
	size_t len;
	unsigned char head[SNIFF];
};

/* `like` tells all but what is within age. */
static struct sink *unpack_within(struct unpack *like, struct sink *next,
    struct err *e);

/* Choose by the first bytes, and let those go their way. */
static int
decide(struct unpack *u, struct err *e)
{
	struct sink *next = u->next;
	bool armored;

	u->next = NULL;
	if (u->may_be_age && age_sniff(u->head, u->len, &armored))
		u->inner = age_reader(unpack_within(u, next, e), u->keys, e);
	else if (u->only_map) {
		u->inner = codec_mapper(codec_sniff(u->head, u->len), u->map,
		    e);
		sink_free(next);
	} else
		u->inner = codec_mapped_reader(next, codec_sniff(u->head,
		    u->len), u->threads, u->map, e);
	if (u->inner == NULL)
		return -1;
	return sink_write(u->inner, u->head, u->len, e);
}

static int
unpack_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct unpack *u = (struct unpack *)s;
	const char *from = data;

	if (u->inner == NULL) {
		size_t n = SNIFF - u->len < len ? SNIFF - u->len : len;

		memcpy(u->head + u->len, from, n);
		u->len += n;
		from += n;
		len -= n;
		if (u->len < SNIFF)
			return 0;
		if (decide(u, e) == -1)
			return -1;
	}
	return sink_write(u->inner, from, len, e);
}

static int
unpack_finish(struct sink *s, struct err *e)
{
	struct unpack *u = (struct unpack *)s;

	/* a short stream is decided on what there is of it */
	if (u->inner == NULL && decide(u, e) == -1)
		return -1;
	return sink_finish(u->inner, e);
}

static void
unpack_free(struct sink *s)
{
	struct unpack *u = (struct unpack *)s;

	sink_free(u->inner);
	sink_free(u->next);
	free(u);
}

static struct unpack *
unpack_new(struct sink *next, const struct age_keys *keys, unsigned threads,
    struct codec_map *map, struct err *e)
{
	static const struct sink_ops ops = { unpack_write, unpack_finish,
		unpack_free };
	struct unpack *u;

	if ((u = sink_stage(next, sizeof *u, e)) == NULL)
		return NULL;
	u->base.ops = &ops;
	u->next = next;
	u->keys = keys;
	u->threads = threads;
	u->map = map;
	u->may_be_age = true;
	return u;
}

static struct sink *
unpack_within(struct unpack *like, struct sink *next, struct err *e)
{
	struct unpack *u = unpack_new(next, like->keys, like->threads,
	    like->map, e);

	if (u == NULL)
		return NULL;
	u->only_map = like->only_map;
	u->may_be_age = false;
	return &u->base;
}

struct sink *
unpack_stream(struct sink *next, const struct age_keys *keys,
    unsigned threads, struct err *e)
{
	return unpack_mapped(next, keys, threads, NULL, e);
}

struct sink *
unpack_mapped(struct sink *next, const struct age_keys *keys,
    unsigned threads, struct codec_map *map, struct err *e)
{
	struct unpack *u = unpack_new(next, keys, threads, map, e);

	return u == NULL ? NULL : &u->base;
}

struct sink *
unpack_mapper(const struct age_keys *keys, struct codec_map *map,
    struct err *e)
{
	struct unpack *u = unpack_new(sink_null(e), keys, 1, map, e);

	if (u == NULL)
		return NULL;
	u->only_map = true;
	return &u->base;
}

struct blob *
unpack_blob(struct blob *inner, const struct age_keys *keys, struct err *e)
{
	unsigned char head[SNIFF];
	bool armored;
	size_t n;

	if (inner == NULL)
		return NULL;
	n = inner->size < SNIFF ? (size_t)inner->size : SNIFF;
	if (blob_read(inner, 0, head, n, e) == -1) {
		blob_free(inner);
		return NULL;
	}
	if (!age_sniff(head, n, &armored))
		return inner;
	return age_open(inner, keys, e);
}
