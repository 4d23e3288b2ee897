/*
 * packing: gzip and zstd behind one table, for the tests of what holds of both,
 * and the few words in which such tests speak of the one at hand.
 */
#ifndef PGK_PACKING_H
#define PGK_PACKING_H

#include "gz/gz.h"
#include "zst/zst.h"

#include "stage.h"
#include "tap.h"

#define OUT_MAX ((size_t)64 << 20)

struct packing {
	int level_max, level_step; /* from 1 on; those that are tried */
	size_t block_max;
	size_t mark_size;
	void *(*enc_new)(int level, struct err *e);
	int (*enc_block)(void *enc, const void *data, size_t len,
	    struct buf *out, struct err *e);
	void (*enc_free)(void *enc);
	int (*dec_blocks)(const void *in, size_t len, struct sink *out,
	    struct err *e);
	struct sink *(*reader)(struct sink *next, struct err *e);
	size_t (*reach)(const void *in, size_t len, size_t max, bool *whole);
	int (*mark)(const unsigned char data[16], struct buf *out,
	    struct err *e);
	int (*mark_read)(const unsigned char *mark, unsigned char data[16]);
};

static inline void *
gzip_enc_new(int level, struct err *e)
{
	return gz_enc_new(level, e);
}

static inline int
gzip_enc_block(void *enc, const void *data, size_t len, struct buf *out,
    struct err *e)
{
	return gz_enc_block(enc, data, len, out, e);
}

static inline void
gzip_enc_free(void *enc)
{
	gz_enc_free(enc);
}

static inline int
gzip_dec_blocks(const void *in, size_t len, struct sink *out, struct err *e)
{
	struct gz_dec *dec = gz_dec_new(e);
	int rc = gz_dec_blocks(dec, in, len, out, e);

	gz_dec_free(dec);
	return rc;
}

static const struct packing gzip = { GZ_LEVEL_MAX, 1, GZ_BLOCK_MAX,
	GZ_MARK_SIZE, gzip_enc_new, gzip_enc_block, gzip_enc_free,
	gzip_dec_blocks, gz_reader, gz_reach, gz_mark, gz_mark_read };

static inline void *
zstd_enc_new(int level, struct err *e)
{
	return zst_enc_new(level, e);
}

static inline int
zstd_enc_block(void *enc, const void *data, size_t len, struct buf *out,
    struct err *e)
{
	return zst_enc_block(enc, data, len, out, e);
}

static inline void
zstd_enc_free(void *enc)
{
	zst_enc_free(enc);
}

static inline int
zstd_dec_blocks(const void *in, size_t len, struct sink *out, struct err *e)
{
	struct zst_dec *dec = zst_dec_new(e);
	int rc = zst_dec_blocks(dec, in, len, out, e);

	zst_dec_free(dec);
	return rc;
}

static const struct packing zstd = { ZST_LEVEL_MAX, 3, ZST_BLOCK_MAX,
	ZST_MARK_SIZE, zstd_enc_new, zstd_enc_block, zstd_enc_free,
	zstd_dec_blocks, zst_reader, zst_reach, zst_mark, zst_mark_read };

/* The one at hand. */
static const struct packing *packing;

static struct err e = ERR_INIT;
static struct buf packed = BUF_INIT(OUT_MAX), plain = BUF_INIT(OUT_MAX);

/* Append a block to `packed`. */
static inline void
pack(int level, const void *data, size_t len)
{
	void *enc = packing->enc_new(level, &e);

	if (enc == NULL ||
	    packing->enc_block(enc, data, len, &packed, &e) == -1)
		printf("# %s\n", e.text);
	packing->enc_free(enc);
}

/* Blocks in memory into `plain`. */
static inline int
unpack(const void *data, size_t len)
{
	struct sink *s = sink_buf(&plain, &e);
	int rc;

	buf_reset(&plain);
	rc = packing->dec_blocks(data, len, s, &e);
	sink_free(s);
	return rc;
}

/* The same by the reader of any stream, which gets it in pieces of `cut`. */
static inline int
read_all(const void *data, size_t len, size_t cut)
{
	buf_reset(&plain);
	return send_all(packing->reader(sink_buf(&plain, &e), &e), data, len,
	    cut, &e);
}

/*
 * 1200 bytes of text as a file of several parts: "16m9" are blocks of levels 1
 * and 6, a mark, and a block of level 9. part_ends[i] is where part i ends. The
 * text is left in `plain`; caller frees the file.
 */
#define PARTS_MAX 4
static size_t part_ends[PARTS_MAX];

static inline unsigned char *
small_file(const char *parts, size_t *len)
{
	unsigned char *text = rows(1200), *file;
	size_t blocks = 0, at = 0;

	for (const char *p = parts; *p != '\0'; p++)
		blocks += *p != 'm';
	buf_reset(&packed);
	for (size_t i = 0; parts[i] != '\0'; i++) {
		if (parts[i] == 'm') {
			packing->mark(text, &packed, &e);
		} else {
			pack(parts[i] - '0', text + at, 1200 / blocks);
			at += 1200 / blocks;
		}
		part_ends[i] = packed.len;
	}
	*len = packed.len;
	if ((file = malloc(*len)) == NULL)
		abort();
	memcpy(file, packed.data, *len);
	unpack(file, *len);
	OK(holds(&plain, text, 1200));
	free(text);
	return file;
}

#endif
