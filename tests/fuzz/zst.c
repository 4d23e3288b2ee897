/*
 * zst: whatever is in the input, the decoders end, stay inside it, and when the
 * one for our own frames takes it, the reader of any zstd gives the same bytes.
 */
#define FUZZ_REPLAY_COUNT 20000
#include "fuzz.h"

#include "zst/zst.h"

#define OUT_MAX (ZST_BLOCK_MAX * 2)

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static struct buf seed[7];
	static char text[3000];
	/* no size, no checksum, a raw block */
	static const char plain[] = "\x28\xb5\x2f\xfd\0\x58\x21\0\0abc\n";
	struct err e = ERR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "abcde\tfghij\n"[i * i % 7 + i % 6];
	for (int level = 1; level <= 9; level += 4) {
		struct zst_enc *enc = zst_enc_new(level, &e);

		seed[n] = (struct buf)BUF_INIT(OUT_MAX);
		zst_enc_block(enc, text, sizeof text, &seed[n], &e);
		zst_enc_block(enc, text, 70, &seed[n], &e);
		zst_enc_block(enc, "", 0, &seed[n], &e);
		zst_mark((const unsigned char *)text, &seed[n], &e);
		zst_enc_free(enc);
		n++;
	}
	for (size_t i = 0; i < n && i < max; i++)
		out[i] = (struct fuzz_seed){ seed[i].data, seed[i].len };
	out[n++] = (struct fuzz_seed){ plain, sizeof plain - 1 };
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT, e2 = ERR_INIT;
	struct buf a = BUF_INIT(OUT_MAX), b = BUF_INIT(OUT_MAX);
	static struct zst_dec *dec;
	struct sink *s;
	unsigned char mark[16];
	int taken, read = -1;

	if (dec == NULL && (dec = zst_dec_new(&e)) == NULL)
		abort();
	s = sink_buf(&a, &e);
	taken = zst_dec_blocks(dec, data, len, s, &e);
	sink_free(s);
	if (taken == -1 && e.kind != ERR_CORRUPT && e.kind != ERR_NOMEM)
		abort();
	s = zst_reader(sink_buf(&b, &e2), &e2);
	if (sink_write(s, data, len / 2, &e2) == 0 &&
	    sink_write(s, data + len / 2, len - len / 2, &e2) == 0)
		read = sink_finish(s, &e2);
	sink_free(s);
	if (read == -1 && e2.kind != ERR_CORRUPT && e2.kind != ERR_NOMEM)
		abort();
	/* skippable frames alone are no stream */
	if (taken == 0 && a.len > 0 && (read == -1 || a.len != b.len ||
	    memcmp(a.data, b.data, a.len) != 0))
		abort();
	if (len >= ZST_MARK_SIZE)
		zst_mark_read(data + len - ZST_MARK_SIZE, mark);
	buf_free(&a);
	buf_free(&b);
	return 0;
}
