/*
 * unpack: plain, gzip and zstd, each bare, in age and in armored age,
 * in pieces down to one byte; and a next that fails at each step.
 */
#include "unpack/unpack.h"

#include <stdlib.h>

#include "age_make.h"
#include "codec/codec.h"
#include "tap.h"

static struct err e;
static struct age_keys *keys, *to;

#define PLAIN ((size_t)200000)
static char plain[PLAIN];

static void
pack(enum codec_kind kind, bool in_age, size_t len, struct buf *out)
{
	struct codec codec = { kind, kind == CODEC_NONE ? 0 : 1 };
	struct sink *s = sink_buf(out, &e);

	if (in_age)
		s = age_writer(s, to, 1, &e);
	s = codec_writer(s, &codec, 1, &e);
	if (s == NULL || sink_write(s, plain, len, &e) == -1 ||
	    sink_finish(s, &e) == -1)
		abort();
	sink_free(s);
}

static int
unpack(const struct buf *file, size_t step, const struct age_keys *with,
    struct sink *next)
{
	struct sink *s = unpack_stream(next, with, 2, &e);
	int rc = s == NULL ? -1 : 0;

	for (size_t at = 0; rc == 0 && at < file->len; at += step)
		rc = sink_write(s, file->data + at, file->len - at < step ?
		    file->len - at : step, &e);
	if (rc == 0)
		rc = sink_finish(s, &e);
	sink_free(s);
	return rc;
}

static bool
comes_back(const struct buf *file, size_t len)
{
	static const size_t steps[] = { 1, 2, 21, 22, 23, 1000, 1 << 20 };
	struct buf out = BUF_INIT(1 << 20);
	bool good = true;

	for (unsigned i = 0; good && i < sizeof steps / sizeof *steps; i++) {
		buf_reset(&out);
		good = unpack(file, steps[i], keys, sink_buf(&out, &e)) ==
		    0 && out.len == len &&
		    (len == 0 || memcmp(out.data, plain, len) == 0);
	}
	if (!good)
		printf("# %s\n", e.text);
	buf_free(&out);
	return good;
}

static void
test_streams(void)
{
	static const enum codec_kind kinds[] = { CODEC_NONE, CODEC_GZIP,
		CODEC_ZSTD };
	static const size_t sizes[] = { 0, 1, 21, 22, 23, PLAIN };
	struct buf file = BUF_INIT(1 << 20), armored = BUF_INIT(1 << 20);

	for (unsigned i = 0; i < 3; i++)
		for (unsigned s = 0; s < 6; s++) {
			char name[80];

			for (unsigned in_age = 0; in_age < 2; in_age++) {
				buf_reset(&file);
				pack(kinds[i], in_age, sizes[s], &file);
				snprintf(name, sizeof name, "%s of %zu%s",
				    codec_name(kinds[i]), sizes[s],
				    in_age ? " in age" : "");
				tap_ok(comes_back(&file, sizes[s]), name,
				    __FILE__, __LINE__);
			}
			buf_reset(&armored);
			make_armor(&armored, file.data, file.len);
			snprintf(name, sizeof name, "%s of %zu in armor",
			    codec_name(kinds[i]), sizes[s]);
			tap_ok(comes_back(&armored, sizes[s]), name,
			    __FILE__, __LINE__);
		}
	buf_free(&file);
	buf_free(&armored);
}

static void
test_errors(void)
{
	struct buf file = BUF_INIT(1 << 20);

	pack(CODEC_GZIP, true, PLAIN, &file);
	EQ(unpack(&file, 1000, NULL, sink_null(&e)), -1);
	OK(strstr(e.hint, "identity") != NULL);
	FAILS(e.kind == ERR_KEY, ERR_KEY, "an identity is needed");
	file.len--;
	FAILS(unpack(&file, 1000, keys, sink_null(&e)) == -1, ERR_CORRUPT,
	    "ends early");
	buf_reset(&file);
	pack(CODEC_GZIP, false, PLAIN, &file);
	file.len--;
	FAILS(unpack(&file, 1, keys, sink_null(&e)) == -1, ERR_CORRUPT, "");
	buf_reset(&file);
	pack(CODEC_ZSTD, false, PLAIN, &file);
	file.len--;
	FAILS(unpack(&file, 1, keys, sink_null(&e)) == -1, ERR_CORRUPT, "");
	buf_reset(&file);
	buf_str(&file, "age-encryption.org/v9\n-> X25519 ...\n", &e);
	FAILS(unpack(&file, 1, keys, sink_null(&e)) == -1, ERR_CORRUPT,
	    "not of version 1");
	OK(unpack_stream(NULL, keys, 2, &e) == NULL && e.kind == ERR_NONE);
	OK(unpack_blob(NULL, keys, &e) == NULL && e.kind == ERR_NONE);
	buf_free(&file);
}

static void
test_blobs(void)
{
	struct buf file = BUF_INIT(1 << 20), armored = BUF_INIT(1 << 20);
	struct blob *b;
	char *got = malloc(PLAIN);

	pack(CODEC_NONE, true, PLAIN, &file);
	make_armor(&armored, file.data, file.len);
	b = unpack_blob(blob_mem(file.data, file.len, &e), keys, &e);
	OK(b != NULL && b->size == PLAIN && blob_read(b, 0, got, PLAIN,
	    &e) == 0 && memcmp(got, plain, PLAIN) == 0);
	blob_free(b);
	FAILS(unpack_blob(blob_mem(file.data, file.len, &e), NULL, &e) ==
	    NULL, ERR_KEY, "an identity is needed");
	FAILS(unpack_blob(blob_mem(file.data, 30000, &e), keys, &e) == NULL,
	    ERR_CORRUPT, "the end of the file is missing");
	b = unpack_blob(blob_mem(armored.data, armored.len, &e), keys, &e);
	FAILS(b == NULL, ERR_CORRUPT, "not an age file");
	buf_reset(&file);
	pack(CODEC_GZIP, false, PLAIN, &file);
	for (size_t len = 0; len < 40; len += 13) {
		b = unpack_blob(blob_mem(file.data, len, &e), NULL, &e);
		OK(b != NULL && b->size == len && blob_read(b, 0, got, len,
		    &e) == 0 && memcmp(got, file.data, len) == 0);
		blob_free(b);
	}
	buf_free(&file);
	buf_free(&armored);
	free(got);
}

/* a sink that fails at its n-th call, and counts what is freed */
struct weak {
	struct sink base;
	unsigned left;
};

static unsigned weak_freed;

static int
weak_step(struct sink *s, struct err *why)
{
	struct weak *w = (struct weak *)s;

	return w->left-- == 0 ? err_set(why, ERR_SYS, "no space") : 0;
}

static int
weak_write(struct sink *s, const void *data, size_t len, struct err *why)
{
	(void)data;
	(void)len;
	return weak_step(s, why);
}

static void
weak_free(struct sink *s)
{
	weak_freed++;
	free(s);
}

static struct sink *
weak_new(unsigned left)
{
	static const struct sink_ops ops = { weak_write, weak_step,
		weak_free };
	struct weak *w = malloc(sizeof *w);

	*w = (struct weak){ { &ops }, left };
	return &w->base;
}

static void
test_weak(void)
{
	static const enum codec_kind kinds[] = { CODEC_NONE, CODEC_GZIP,
		CODEC_ZSTD };
	struct buf file = BUF_INIT(1 << 20);

	for (unsigned i = 0; i < 6; i++) {
		unsigned step, failed = 0;

		buf_reset(&file);
		pack(kinds[i / 2], i % 2, PLAIN, &file);
		weak_freed = 0;
		for (step = 0; unpack(&file, 50000, keys, weak_new(step)) ==
		    -1; step++) {
			failed += e.kind == ERR_SYS;
			err_clear(&e);
		}
		OK(step >= 2);
		EQ(failed, step);
		EQ(weak_freed, step + 1);
	}
	/* freed without a byte, and in the midst of the first bytes */
	weak_freed = 0;
	sink_free(unpack_stream(weak_new(9), keys, 2, &e));
	EQ(weak_freed, 1);
	buf_free(&file);
}

int
main(void)
{
	char recipient[AGE_RECIPIENT_MAX];

	keys = age_keys_new(&e);
	to = age_keys_new(&e);
	make_keys(keys);
	make_recipient(recipient);
	age_add_recipient(to, recipient, &e);
	for (size_t i = 0; i < PLAIN; i++)
		plain[i] = (char)('a' + i * i % 23);
	test_streams();
	test_errors();
	test_blobs();
	test_weak();
	EQ(e.kind, ERR_NONE);
	age_keys_free(keys);
	age_keys_free(to);
	return done();
}
