/*
 * base: messages as a server might send them, each behind two bytes of length,
 * through the whole way of an archive, full or incremental: refused as damage,
 * or taken; never more than a member's size of any file passed on.
 */
#define FUZZ_REPLAY_COUNT 10000
#include "fuzz.h"

#include "base/base_int.h"
#include "base/walk.h"
#include "tar/tar.h"

struct way {
	struct base_walk walk;
	struct sink *archive;
};

static int
begin(void *ctx, uint32_t oid, struct err *e)
{
	struct way *w = ctx;

	w->walk.tablespace = oid;
	w->archive = base_walk(sink_null(e), &w->walk, e);
	return w->archive == NULL ? -1 : 0;
}

static int
take_data(void *ctx, const void *data, size_t len, struct err *e)
{
	return sink_write(((struct way *)ctx)->archive, data, len, e);
}

static int
end(void *ctx, struct err *e)
{
	struct way *w = ctx;

	if (sink_finish(w->archive, e) == -1)
		return -1;
	sink_free(w->archive);
	w->archive = NULL;
	return 0;
}

static int
bad(void *ctx, const char *path, const struct page_file *f, uint32_t block,
    struct err *e)
{
	(void)ctx;
	(void)path;
	(void)f;
	(void)block;
	(void)e;
	return 0;
}

/* Hashes of the one file that the seeds' parent has, 10 blocks. */
static struct base_changes *
hashes_of_parent(bool with, struct err *e)
{
	static unsigned char file[64 + 80 + 32 + 32];
	const struct base_relation f = { 0, { 5, 16384, 0, PAGE_MAIN, false },
		10 };

	if (!with)
		return base_hashes_new(NULL, e);
	memcpy(file, "pgk blocks 1\n", 13);
	file[64 + 80] = 0;
	file[64 + 80 + 4] = 5;
	file[64 + 80 + 8] = 0x00;
	file[64 + 80 + 9] = 0x40;
	file[64 + 80 + 20] = (unsigned char)f.blocks;
	file[64 + 80 + 32] = 1;
	file[64 + 80 + 40] = 10;
	memcpy(file + sizeof file - 16, "pgk blocks end\n", 15);
	return base_hashes_new(blob_mem(file, sizeof file, e), e);
}

static int
feed(struct base_messages *m, const uint8_t *data, size_t len, struct err *e)
{
	size_t at = 1;

	while (len - at >= 2) {
		size_t n = (size_t)data[at] << 8 | data[at + 1];

		at += 2;
		if (n == 0)
			continue;
		if (n > len - at)
			n = len - at;
		if (base_message(m, (const char *)data + at, n, e) == -1)
			return -1;
		at += n;
	}
	return base_messages_end(m, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct base_take take = { begin, take_data, end };
	static const struct repo_tablespace space = { 16390, NULL };
	struct err e = ERR_INIT;
	struct sink *out = sink_null(&e);
	struct base_changes *c;
	struct way w = { .archive = NULL };
	bool seen = false;
	struct base_messages m = { .take = &take, .ctx = &w,
		.expected = &space, .seen = &seen };
	int rc;

	if (len == 0) {
		sink_free(out);
		return 0;
	}
	m.expected_count = data[0] & 1;
	if ((c = hashes_of_parent(data[0] & 2, &e)) == NULL)
		abort();
	w.walk = (struct base_walk){ .changes = c, .rewrite = data[0] & 2,
		.manifest = manifest_new(sink_null(&e), 150000, 1, &e),
		.label = "x\n", .check = data[0] & 4, .start = UINT64_MAX,
		.scratch = "/tmp", .bad = bad };
	c->ops->start(c, out, &e);
	rc = feed(&m, data, len, &e);
	if (rc == 0 && c->ops->finish(c, &e) == -1)
		abort();
	if (rc == -1 && e.kind != ERR_CORRUPT && e.kind != ERR_USAGE)
		abort();
	sink_free(w.archive);
	base_changes_free(c);
	manifest_free(w.walk.manifest);
	sink_free(out);
	return 0;
}

static unsigned char *
add(unsigned char *at, const void *data, size_t len)
{
	at[0] = (unsigned char)(len >> 8);
	at[1] = (unsigned char)len;
	memcpy(at + 2, data, len);
	return at + 2 + len;
}

static unsigned char *
add_file(unsigned char *at, const char *path, size_t size)
{
	static unsigned char data[1 + 4 * PAGE_SIZE_PG];
	struct tar_member m = { .type = '0', .size = size };
	unsigned char head[1 + TAR_BLOCK] = "d";
	struct err e = ERR_INIT;

	snprintf(m.path, sizeof m.path, "%s", path);
	tar_header(&m, head + 1, &e);
	at = add(at, head, sizeof head);
	data[0] = 'd';
	for (size_t n; size > 0; size -= n) {
		n = size < sizeof data - 1 ? size : sizeof data - 1;
		at = add(at, data, 1 + n);
	}
	return at;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static unsigned char seed[4][150000];
	static const unsigned char zeros[1 + 2 * TAR_BLOCK] = "d";

	(void)max;
	for (unsigned i = 0; i < 4; i++) {
		unsigned char *at = seed[i];

		*at++ = (unsigned char)(i | 4);
		if (i & 1) {
			at = add(at, "n16390.tar\0/x\0", 14);
			at = add_file(at, "PG_15_202209061/5/9", PAGE_SIZE_PG);
			at = add(at, zeros, sizeof zeros);
		}
		at = add(at, "nbase.tar\0\0", 11);
		at = add_file(at, "backup_label", 512);
		at = add_file(at, "base/5/16384", 10 * PAGE_SIZE_PG);
		at = add(at, "p\0\0\0\0\0\0\0\1", 9);
		at = add_file(at, "base/5/16384_vm", PAGE_SIZE_PG);
		at = add_file(at, "global/pg_control", 512);
		at = add(at, zeros, sizeof zeros);
		out[i] = (struct fuzz_seed){ seed[i], (size_t)(at - seed[i]) };
	}
	return 4;
}
