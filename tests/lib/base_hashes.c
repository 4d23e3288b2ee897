/* Hashes of blocks, written and read back to the bit. */
#include "base/hashes.h"
#include "stage.h"
#include "tap.h"

static struct err e;
static const unsigned char key[DIGEST_KEY] = "sixteen bytes ..";

static const struct base_relation files[] = {
	{ 0, { 5, 16384, 0, PAGE_MAIN, false }, 3 },
	{ 0, { 5, 16384, 1, PAGE_MAIN, false }, 131072 },
	{ 99, { 5, 16384, 0, PAGE_INIT, false }, 1 },
	{ 0, { 0, 1262, 0, PAGE_VM, false }, 2 },
};
#define FILES (sizeof files / sizeof *files)

static uint64_t
hash_of(size_t file, uint64_t block)
{
	return (file + 1) * UINT64_C(0x9e3779b97f4a7c15) + (block << 7);
}

/* `count` of the files into `out`, taken; -1 when it fails. */
static int
write_files(struct sink *out, size_t count)
{
	struct hashes_writer *w = hashes_writer_new(key, &e);
	int rc = hashes_start(w, out, &e);

	for (size_t i = 0; i < count && rc == 0; i++) {
		uint64_t *now = hashes_file(w, &files[i], &e);

		rc = now == NULL ? -1 : 0;
		for (uint32_t b = 0; b < files[i].blocks && rc == 0; b++)
			now[b] = hash_of(i, b);
	}
	if (rc == 0)
		rc = hashes_finish(w, &e);
	hashes_writer_free(w);
	sink_free(out);
	return rc;
}

static void
read_back(void)
{
	static uint64_t got[131072];
	struct buf b = BUF_INIT((size_t)4 << 20);
	struct hashes *h;
	uint64_t first = 0;

	EQ(write_files(sink_buf(&b, &e), FILES), 0);
	EQ(b.len, HASHES_HEAD + 8 * (3 + 131072 + 1 + 2) +
	    FILES * HASHES_ENTRY + HASHES_TAIL);
	h = hashes_open(blob_mem(b.data, b.len, &e), &e);
	OK(h != NULL && memcmp(hashes_key(h), key, sizeof key) == 0);
	for (size_t i = 0; i < FILES; i++) {
		const struct hashes_entry *x = hashes_find(h, &files[i]);
		unsigned wrong = 0;

		OK(x != NULL && x->first == first &&
		    x->relation.blocks == files[i].blocks);
		EQ(hashes_read(h, x, got, &e), 0);
		for (uint32_t k = 0; k < files[i].blocks; k++)
			wrong += got[k] != hash_of(i, k);
		EQ(wrong, 0);
		first += files[i].blocks;
	}
	hashes_close(h);
	buf_free(&b);
}

/* No files at all, as of a cluster whose every file is odd. */
static void
none(void)
{
	struct buf b = BUF_INIT(4096);
	struct hashes *h;

	EQ(write_files(sink_buf(&b, &e), 0), 0);
	EQ(b.len, HASHES_HEAD + HASHES_TAIL);
	h = hashes_open(blob_mem(b.data, b.len, &e), &e);
	OK(h != NULL && hashes_find(h, &files[0]) == NULL);
	hashes_close(h);
	buf_free(&b);
}

/* What a block's hash is, is the format's: the key's, of all its bytes. */
static void
one_block(void)
{
	struct hashes_writer *w = hashes_writer_new(key, &e);
	unsigned char *page = noise(PAGE_SIZE_PG), other[DIGEST_KEY];
	const uint64_t h = hashes_of(w, page);

	OK(h == digest_keyed_wide(key, page, PAGE_SIZE_PG));
	page[PAGE_SIZE_PG - 1] ^= 1;
	OK(h != hashes_of(w, page));
	page[PAGE_SIZE_PG - 1] ^= 1;
	hashes_writer_free(w);
	memcpy(other, key, sizeof other);
	other[15] ^= 1;
	w = hashes_writer_new(other, &e);
	OK(h != hashes_of(w, page));
	hashes_writer_free(w);
	hashes_writer_free(NULL);
	free(page);
}

static void
failing(void)
{
	struct buf b = BUF_INIT((size_t)4 << 20);
	unsigned steps = 0;

	while (write_files(failing_sink(sink_buf(&b, &e), steps), FILES) ==
	    -1 && steps < 50) {
		FAILS(e.kind == ERR_SYS, ERR_SYS, "injected");
		buf_reset(&b);
		steps++;
	}
	/* the head, each file's, the index, the tail */
	EQ(steps, 1 + FILES + 2);
	buf_free(&b);
}

int
main(void)
{
	read_back();
	none();
	one_block();
	failing();
	EQ(e.kind, ERR_NONE);
	return done();
}
