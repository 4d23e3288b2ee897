/*
 * Any bytes as an age file: read as a stream in two ways and at random, which
 * must agree on the plain bytes and on failing.
 */
#define FUZZ_REPLAY_COUNT 6000
#include "fuzz.h"

#include "../lib/age_make.h"

#define OUT_MAX ((size_t)4 << 20)

static struct age_keys *keys;

static void
prepare(void)
{
	struct err e = ERR_INIT;

	if (keys != NULL)
		return;
	keys = age_keys_new(&e);
	make_keys(keys);
	/* scrypt up to the limit would take seconds: X25519 alone */
	keys->passphrase_len = 0;
}

static int
read_stream(const uint8_t *data, size_t len, size_t step, struct buf *out)
{
	struct err e = ERR_INIT;
	struct sink *s = age_reader(sink_buf(out, &e), keys, &e);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += step)
		rc = sink_write(s, data + at, len - at < step ? len - at :
		    step, &e);
	if (rc == 0)
		rc = sink_finish(s, &e);
	sink_free(s);
	if (rc == -1 && e.kind != ERR_CORRUPT && e.kind != ERR_KEY)
		abort();
	return rc;
}

static int
read_blob(const uint8_t *data, size_t len, struct buf *out)
{
	struct err e = ERR_INIT;
	struct blob *b = age_open(blob_mem(data, len, &e), keys, &e);
	int rc = -1;

	if (b == NULL)
		return -1;
	if (b->size > len)
		abort();
	if (buf_reserve(out, (size_t)b->size, &e) == 0 &&
	    blob_read(b, 0, out->data, (size_t)b->size, &e) == 0) {
		out->len = (size_t)b->size;
		rc = 0;
	}
	blob_free(b);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf whole = BUF_INIT(OUT_MAX), parts = BUF_INIT(OUT_MAX);
	struct buf blob = BUF_INIT(OUT_MAX);
	bool armored = false, is_age = age_sniff(data, len, &armored);
	int rc;

	prepare();
	rc = read_stream(data, len, len + 1, &whole);
	if (read_stream(data, len, 777, &parts) != rc ||
	    whole.len != parts.len || (whole.len > 0 &&
	    memcmp(whole.data, parts.data, whole.len) != 0))
		abort();
	if (is_age && !armored && (read_blob(data, len, &blob) != rc ||
	    (rc == 0 && (blob.len != whole.len || (blob.len > 0 &&
	    memcmp(blob.data, whole.data, blob.len) != 0)))))
		abort();
	buf_free(&whole);
	buf_free(&parts);
	buf_free(&blob);
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static struct buf seeds[4] = { BUF_INIT(OUT_MAX), BUF_INIT(OUT_MAX),
		BUF_INIT(OUT_MAX), BUF_INIT(OUT_MAX) };

	(void)max;
	prepare();
	make_file(&seeds[0], "$v$x$m$p");
	make_file(&seeds[1], "$v$o-> grease x\nAAAA\n$x$m" MAKE_NONCE);
	make_chunk(&seeds[1], NULL, 0, false, AGE_CHUNK);
	make_chunk(&seeds[1], NULL, 1, true, 100);
	make_armor(&seeds[2], seeds[0].data, seeds[0].len);
	make_file(&seeds[3], "$v$x$m" MAKE_NONCE);
	make_chunk(&seeds[3], NULL, 0, true, 0);
	for (size_t i = 0; i < 4; i++)
		out[i] = (struct fuzz_seed){ seeds[i].data, seeds[i].len };
	return 4;
}
