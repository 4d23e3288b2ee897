/* Maps of packed streams, and plain bytes read through them at any place. */
#include "codec/codec.h"

#include "stage.h"
#include "tap.h"

#define OUT_MAX ((size_t)64 << 20)
#define PLAIN (5 * CODEC_BLOCK + 77)

static struct err e = ERR_INIT;
static struct buf packed = BUF_INIT(OUT_MAX), plain = BUF_INIT(OUT_MAX);

static const enum codec_kind kinds[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

static void
pack(enum codec_kind kind, const void *data, size_t len)
{
	struct codec c = { kind, kind != CODEC_NONE };

	buf_reset(&packed);
	OK(send_all(codec_writer(sink_buf(&packed, &e), &c, 2, &e), data, len,
	    0, &e) == 0);
}

/* What is packed, mapped while it is unpacked, or without that. */
static struct codec_map *
map(enum codec_kind kind, bool only, size_t cut)
{
	struct codec_map *m = codec_map_new(&e);
	struct sink *s;

	buf_reset(&plain);
	s = only ? codec_mapper(kind, m, &e) :
	    codec_mapped_reader(sink_buf(&plain, &e), kind, 2, m, &e);
	if (send_all(s, packed.data, packed.len, cut, &e) == 0)
		return m;
	codec_map_free(m);
	return NULL;
}

/* `len` bytes from `off` on, however they come. */
static bool
sees(struct codec_view *v, const unsigned char *want, uint64_t off,
    size_t len)
{
	while (len > 0) {
		const void *data;
		size_t n;

		if (codec_view_at(v, off, &data, &n, &e) == -1)
			return false;
		if (n > len)
			n = len;
		if (n == 0 || memcmp(data, want + off, n) != 0)
			return false;
		off += n;
		len -= n;
	}
	return true;
}

/* In order, backwards, over the ends of blocks, here and there. */
static void
everywhere(enum codec_kind kind, bool only)
{
	unsigned char *data = rows(PLAIN);
	struct codec_map *m;
	struct codec_view *v;
	struct blob *b;
	uint64_t size = 0;
	bool good = true;

	pack(kind, data, PLAIN);
	m = map(kind, only, 70001);
	OK(m != NULL && (only || holds(&plain, data, PLAIN)));
	b = blob_mem(packed.data, packed.len, &e);
	v = codec_view_new(b, m, &e);
	OK(codec_view_size(v, &size, &e) == 0 && size == PLAIN);
	OK(sees(v, data, 0, PLAIN));
	for (uint64_t off = PLAIN; good && off > 0;) {
		off = off > 300000 ? off - 300000 : 0;
		good = sees(v, data, off, 100);
	}
	OK(good);
	for (unsigned i = 0; good && i < 60; i++) {
		size_t len = stage_random() % 3000;

		good = sees(v, data, stage_random() % (PLAIN - len), len);
	}
	OK(good);
	OK(sees(v, data, 2 * CODEC_BLOCK - 3, 7));
	OK(sees(v, data, PLAIN - 1, 1));
	OK(!sees(v, data, PLAIN, 1));
	FAILS(!sees(v, data, PLAIN, 1), ERR_CORRUPT, "ends too early");
	FAILS(!sees(v, data, 1000 * CODEC_BLOCK, 1), ERR_CORRUPT,
	    "ends too early");
	OK(sees(v, data, 5, 5));
	codec_view_free(v);
	blob_free(b);
	codec_map_free(m);
	free(data);
}

/* A bit that changes after the map was made, and a stream that was cut. */
static void
changed(enum codec_kind kind)
{
	unsigned char *data = noise(PLAIN);
	struct codec_map *m;
	struct codec_view *v;
	struct blob *b;

	pack(kind, data, PLAIN);
	m = map(kind, true, 0);
	packed.data[packed.len / 2] ^= 4;
	b = blob_mem(packed.data, packed.len, &e);
	v = codec_view_new(b, m, &e);
	OK(sees(v, data, 0, CODEC_BLOCK));
	FAILS(!sees(v, data, 0, PLAIN), ERR_CORRUPT, "changed while");
	/* the thread that looks ahead has met it, and what lies behind is read */
	OK(sees(v, data, 4 * CODEC_BLOCK, CODEC_BLOCK));
	codec_view_free(v);
	blob_free(b);
	packed.data[packed.len / 2] ^= 4;
	b = blob_mem(packed.data, packed.len - 200, &e);
	v = codec_view_new(b, m, &e);
	FAILS(!sees(v, data, 0, PLAIN), ERR_CORRUPT, "");
	codec_view_free(v);
	blob_free(b);
	codec_map_free(m);
	free(data);
}

/* One stream of another's making is unpacked, but has no places. */
static void
foreign(enum codec_kind kind, const char *program)
{
	unsigned char *data = rows(3 * CODEC_BLOCK);
	struct codec_map *m;
	struct codec_view *v;
	struct blob *b;

	put_file("plain", data, 3 * CODEC_BLOCK);
	buf_reset(&packed);
	OK(output(&packed, "%s -c plain", program));
	m = map(kind, false, 1000);
	OK(m != NULL && holds(&plain, data, 3 * CODEC_BLOCK));
	b = blob_mem(packed.data, packed.len, &e);
	v = codec_view_new(b, m, &e);
	FAILS(!sees(v, data, 0, 1), ERR_CORRUPT, "not packed in blocks");
	codec_view_free(v);
	codec_map_free(m);
	blob_free(b);
	FAILS(map(kind, true, 0) == NULL, ERR_CORRUPT, "another's making");
	FAILS(send_all(codec_strict_reader(sink_null(&e), kind, 2, &e),
	    packed.data, packed.len, 0, &e) == -1, ERR_CORRUPT,
	    "another's making");
	free(data);
}

/* No byte at all is a block of none. */
static void
empty(enum codec_kind kind)
{
	uint64_t size = 9;
	struct codec_map *m;
	struct codec_view *v;
	struct blob *b;

	pack(kind, "", 0);
	m = map(kind, true, 0);
	b = blob_mem(packed.data, packed.len, &e);
	v = codec_view_new(b, m, &e);
	OK(codec_view_size(v, &size, &e) == 0 && size == 0);
	codec_view_free(v);
	blob_free(b);
	codec_map_free(m);
	codec_map_free(NULL);
	codec_view_free(NULL);
}

int
main(void)
{
	enter_dir();
	for (int i = 0; i < 3; i++) {
		everywhere(kinds[i], false);
		everywhere(kinds[i], true);
		changed(kinds[i]);
		empty(kinds[i]);
	}
	foreign(CODEC_GZIP, "gzip");
	foreign(CODEC_ZSTD, "zstd -q");
	leave_dir();
	buf_free(&packed);
	buf_free(&plain);
	return done();
}
