/*
 * base: what the parts of a base backup do with good bytes and bad ones, on
 * archives made here. The whole is tests/cmd/basebackup.t's.
 */
#include "base/base_int.h"
#include "base/hashes.h"
#include "base/walk.h"
#include "increment/increment.h"
#include "stage.h"
#include "tap.h"
#include "tar/tar.h"

static struct err e;

static void
add_file(struct buf *out, const char *path, const void *data, size_t len)
{
	static const char zeros[TAR_BLOCK];
	struct tar_member m = { .type = '0', .mode = 0600, .size = len,
		.mtime = 1700000000 };
	unsigned char header[TAR_BLOCK];

	snprintf(m.path, sizeof m.path, "%s", path);
	if (tar_header(&m, header, &e) == -1 ||
	    buf_add(out, header, sizeof header, &e) == -1 ||
	    buf_add(out, data, len, &e) == -1 ||
	    buf_add(out, zeros, tar_padding(len), &e) == -1)
		abort();
}

static void
add_end(struct buf *out)
{
	static const char zeros[2 * TAR_BLOCK];

	if (buf_add(out, zeros, sizeof zeros, &e) == -1)
		abort();
}

#define PAGE ((size_t)PAGE_SIZE_PG)
#define SMALL_PAGES 10
#define LARGE_PAGES 2600 /* 20 MiB: more than the spool keeps in memory */

struct cluster {
	unsigned char *small, *large, *odd;
	struct buf tar;
};

static const char label[] = "START WAL LOCATION: 0/2000028\n";

static void
build(struct cluster *k)
{
	buf_reset(&k->tar);
	add_file(&k->tar, "backup_label", label, sizeof label - 1);
	add_file(&k->tar, "base/5/16384", k->small, SMALL_PAGES * PAGE);
	add_file(&k->tar, "base/5/16384_fsm", k->small, 0);
	add_file(&k->tar, "base/5/16400.1", k->large, LARGE_PAGES * PAGE);
	add_file(&k->tar, "base/5/16500", k->odd, 3 * PAGE + 100);
	add_file(&k->tar, "base/5/PG_VERSION", "15\n", 3);
	add_file(&k->tar, "pg_wal/0", "x", 1);
	add_file(&k->tar, "global/pg_control", k->odd, PAGE);
	add_end(&k->tar);
}

/* What came out: members and the increments' blocks. */
struct seen {
	char names[2048];
	struct increment_reader *reader;
	char blocks[65536];
	uint32_t count, truncation;
	const struct cluster *now;
	bool large, wrong;
	struct buf label;
};

static int
see_head(void *ctx, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *err)
{
	struct seen *s = ctx;

	(void)blocks;
	(void)err;
	s->count = count;
	s->truncation = truncation;
	return 0;
}

static int
see_block(void *ctx, uint32_t block, const void *page, struct err *err)
{
	struct seen *s = ctx;
	const unsigned char *want = s->large ? s->now->large : s->now->small;

	(void)err;
	if (memcmp(page, want + block * PAGE, PAGE) != 0)
		s->wrong = true;
	snprintf(s->blocks + strlen(s->blocks), 16, "%u ", block);
	return 0;
}

static int
see_member(void *ctx, const struct tar_member *m, struct err *err)
{
	static const struct increment_take take = { see_head, see_block };
	struct seen *s = ctx;
	char path[TAR_PATH_MAX];

	snprintf(s->names + strlen(s->names), 300, "%s %llu\n", m->path,
	    (unsigned long long)m->size);
	increment_reader_free(s->reader);
	s->reader = NULL;
	s->large = strstr(m->path, "16400") != NULL;
	if (increment_is(m->path, path))
		s->reader = increment_reader_new(m->size, &take, s, err);
	return 0;
}

static int
see_data(void *ctx, const void *data, size_t len, struct err *err)
{
	struct seen *s = ctx;

	if (strncmp(s->names, "backup_label", 12) == 0 &&
	    strchr(s->names, '\n')[1] == '\0')
		return buf_add(&s->label, data, len, err);
	return s->reader == NULL ? 0 :
	    increment_write(s->reader, data, len, err);
}

static int
see_end(void *ctx, struct err *err)
{
	struct seen *s = ctx;

	return s->reader == NULL ? 0 : increment_end(s->reader, err);
}

static void
look(struct seen *s, const struct buf *tar, const struct cluster *now)
{
	static const struct tar_take take = { see_member, see_data, see_end };
	struct sink *reader = tar_reader(&take, s, &e);

	memset(s, 0, sizeof *s);
	s->label = (struct buf)BUF_INIT(4096);
	s->now = now;
	EQ(send_all(reader, tar->data, tar->len, 0, &e), 0);
	increment_reader_free(s->reader);
	s->reader = NULL;
}

static unsigned bad_pages;

static int
count_bad(void *ctx, const char *path, const struct page_file *f,
    uint32_t block, struct err *err)
{
	(void)ctx;
	(void)path;
	(void)f;
	(void)block;
	(void)err;
	bad_pages++;
	return 0;
}

struct out {
	struct buf tar, manifest, hashes;
};

static void
reset(struct out *o)
{
	buf_reset(&o->tar);
	buf_reset(&o->manifest);
	buf_reset(&o->hashes);
}

/* One archive through the walk, upon `parent`'s hashes unless NULL. */
static int
walk(const struct buf *tar, const struct buf *parent, struct out *o,
    size_t cut, unsigned steps)
{
	struct base_changes *c = base_hashes_new(parent == NULL ? NULL :
	    blob_mem(parent->data, parent->len, &e), &e);
	struct manifest *m = manifest_new(sink_buf(&o->manifest, &e), 150000,
	    7, &e);
	struct sink *hashes = sink_buf(&o->hashes, &e);
	struct base_walk how = { .manifest = m, .changes = c,
		.rewrite = parent != NULL, .label = "MORE\n", .check = true,
		.start = UINT64_MAX, .scratch = "/tmp", .bad = count_bad };
	int rc = -1;

	reset(o);
	bad_pages = 0;
	if (c != NULL && c->ops->start(c, hashes, &e) == 0)
		rc = send_all(base_walk(failing_sink(sink_buf(&o->tar, &e),
		    steps), &how, &e), tar->data, tar->len, cut, &e);
	if (rc == 0 && (c->ops->finish(c, &e) == -1 ||
	    manifest_wal(m, 1, 1, 2, &e) == -1 ||
	    manifest_finish(m, &e) == -1))
		rc = -1;
	sink_free(hashes);
	manifest_free(m);
	base_changes_free(c);
	return rc;
}

static struct cluster now = { .tar = BUF_INIT((size_t)64 << 20) };
static struct out full = { BUF_INIT((size_t)64 << 20), BUF_INIT(1 << 20),
	BUF_INIT(1 << 20) };
static struct out inc = { BUF_INIT((size_t)64 << 20), BUF_INIT(1 << 20),
	BUF_INIT(1 << 20) };
static struct out again = { BUF_INIT((size_t)64 << 20), BUF_INIT(1 << 20),
	BUF_INIT(1 << 20) };
static struct seen seen;

static void
whole(void)
{
	now.small = noise(SMALL_PAGES * PAGE);
	now.large = noise(LARGE_PAGES * PAGE);
	now.odd = noise(5 * PAGE);
	memset(now.small, 0, SMALL_PAGES * PAGE);
	memset(now.large + 7 * PAGE, 0, PAGE);
	build(&now);
	EQ(walk(&now.tar, NULL, &full, 0, UINT32_MAX), 0);
	OK(holds(&full.tar, now.tar.data, now.tar.len)); /* as it was */
	EQ(full.hashes.len, HASHES_HEAD + HASHES_TAIL + 2 * HASHES_ENTRY +
	    8 * (SMALL_PAGES + LARGE_PAGES));
	EQ(bad_pages, LARGE_PAGES - 1 + 3);
	OK(strstr(full.manifest.data, "pg_wal") == NULL);
	OK(strstr(full.manifest.data, "\"backup_label\"") != NULL);
	/* blocks that are equal have equal hashes */
	OK(memcmp(full.hashes.data + HASHES_HEAD,
	    full.hashes.data + HASHES_HEAD + 8, 8) == 0);
}

static void
unchanged(void)
{
	EQ(walk(&now.tar, &full.hashes, &inc, 0, UINT32_MAX), 0);
	OK(holds(&inc.hashes, full.hashes.data, full.hashes.len));
	look(&seen, &inc.tar, &now);
	IS(seen.names, "backup_label 35\nbase/5/INCREMENTAL.16384 12\n"
	    "base/5/16384_fsm 0\nbase/5/INCREMENTAL.16400.1 12\n"
	    "base/5/16500 24676\nbase/5/PG_VERSION 3\npg_wal/0 1\n"
	    "global/pg_control 8192\n");
	EQ(seen.truncation, LARGE_PAGES);
	IS(seen.label.data, "START WAL LOCATION: 0/2000028\nMORE\n");
	buf_free(&seen.label);
}

/* Two blocks of one file, all but one of the other; then nine of ten. */
static void
changed(void)
{
	now.small[3 * PAGE]++;
	now.small[9 * PAGE + 8191]++;
	for (size_t i = 0; i < LARGE_PAGES; i++)
		now.large[i * PAGE + 99] ^= i == 17 ? 0 : 1;
	build(&now);
	EQ(walk(&now.tar, &full.hashes, &inc, 0, UINT32_MAX), 0);
	look(&seen, &inc.tar, &now);
	OK(strncmp(seen.blocks, "3 9 0 1 2 ", 10) == 0);
	OK(strstr(seen.blocks, " 16 18 ") != NULL);
	EQ(seen.count, LARGE_PAGES - 1);
	OK(!seen.wrong);
	OK(strstr(inc.manifest.data, "base/5/INCREMENTAL.16400.1") != NULL);
	buf_free(&seen.label);
	for (size_t i = 0; i < SMALL_PAGES - 1; i++)
		now.small[i * PAGE + 5] ^= 2;
	build(&now);
	EQ(walk(&now.tar, &inc.hashes, &again, 0, UINT32_MAX), 0);
	look(&seen, &again.tar, &now);
	OK(strstr(seen.names, "\nbase/5/16384 81920\n") != NULL);
	buf_free(&seen.label);
}

static void
however_cut(void)
{
	EQ(walk(&now.tar, &full.hashes, &inc, 0, UINT32_MAX), 0);
	for (size_t cut = 777; cut < 100000; cut = cut * 3 + 1) {
		EQ(walk(&now.tar, &full.hashes, &again, cut, UINT32_MAX), 0);
		OK(holds(&again.tar, inc.tar.data, inc.tar.len));
		OK(holds(&again.manifest, inc.manifest.data,
		    inc.manifest.len));
	}
}

/* Every write that fails is told; an archive that stops is no archive. */
static void
failing(void)
{
	unsigned told_of = 0;

	for (unsigned steps = 0; steps < 200; steps++) {
		if (walk(&now.tar, steps % 2 ? &full.hashes : NULL, &again,
		    65536, steps) == 0)
			break;
		told_of += e.kind == ERR_SYS;
		if (e.kind != ERR_SYS)
			OK(e.kind == ERR_SYS);
		err_clear(&e);
	}
	OK(told_of > 30);
	for (size_t len = 0; len < now.tar.len; len += 100003) {
		struct buf part = { now.tar.data, len, 0, len };

		FAILS(walk(&part, NULL, &again, 0, UINT32_MAX), ERR_CORRUPT,
		    "tar");
	}
}

static void
release(struct out *o)
{
	buf_free(&o->tar);
	buf_free(&o->manifest);
	buf_free(&o->hashes);
}

static void
test_walk(void)
{
	whole();
	unchanged();
	changed();
	however_cut();
	failing();
	free(now.small);
	free(now.large);
	free(now.odd);
	buf_free(&now.tar);
	release(&full);
	release(&inc);
	release(&again);
}

static void
make_hashes(struct buf *out)
{
	static const struct base_relation files[] = {
		{ 0, { 5, 16384, 0, PAGE_MAIN, false }, 2 },
		{ 0, { 5, 16384, 1, PAGE_MAIN, false }, 1 },
		{ 0, { 5, 16384, 0, PAGE_VM, false }, 3 },
		{ 99, { 5, 16384, 0, PAGE_MAIN, false }, 1 },
		{ 0, { 0, 1262, 0, PAGE_MAIN, false }, 1 },
	};
	struct base_changes *c = base_hashes_new(NULL, &e);
	struct sink *s = sink_buf(out, &e);
	unsigned char page[PAGE_SIZE_PG] = "page";
	bool known, changed;

	EQ(c->ops->start(c, s, &e), 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		c->ops->file(c, &files[i], &known, &e);
		for (uint32_t b = 0; b < files[i].blocks; b++) {
			page[9] = (unsigned char)(16 * i + b);
			c->ops->block(c, b, page, &changed, &e);
		}
	}
	EQ(c->ops->finish(c, &e), 0);
	sink_free(s);
	base_changes_free(c);
}

static void
test_hashes(void)
{
	struct buf b = BUF_INIT(65536);
	struct base_relation f = { 0, { 5, 16384, 0, PAGE_VM, false }, 0 };
	const struct hashes_entry *x;
	struct hashes *h;
	uint64_t found[8];
	unsigned refused = 0;

	make_hashes(&b);
	h = hashes_open(blob_mem(b.data, b.len, &e), &e);
	OK(h != NULL);
	x = hashes_find(h, &f);
	OK(x != NULL && x->first == 3 && x->relation.blocks == 3);
	EQ(hashes_read(h, x, found, &e), 0);
	OK(found[0] != found[1]);
	f.file.segment = 7;
	OK(hashes_find(h, &f) == NULL);
	f = (struct base_relation){ 99, { 5, 16384, 0, PAGE_MAIN, false }, 0 };
	OK((x = hashes_find(h, &f)) != NULL && x->first == 6);
	hashes_close(h);
	for (size_t len = 0; len < b.len; len++) {
		h = hashes_open(blob_mem(b.data, len, &e), &e);
		if (h == NULL && e.kind == ERR_CORRUPT)
			refused++;
		hashes_close(h);
		err_clear(&e);
	}
	EQ(refused, b.len);
	/* a bit of the index changed is refused, or is another file */
	for (size_t i = b.len - HASHES_TAIL - 5 * HASHES_ENTRY; i < b.len;
	    i++) {
		b.data[i] ^= 4;
		h = hashes_open(blob_mem(b.data, b.len, &e), &e);
		if (h == NULL && e.kind != ERR_CORRUPT)
			OK(e.kind == ERR_CORRUPT);
		hashes_close(h);
		err_clear(&e);
		b.data[i] ^= 4;
	}
	OK(base_hashes_new(blob_mem("x", 1, &e), &e) == NULL);
	EQ(e.kind, ERR_CORRUPT);
	err_clear(&e);
	buf_free(&b);
}

/* archives as they were told */
static char told[4096];

static int
tell_begin(void *ctx, uint32_t oid, struct err *err)
{
	(void)ctx;
	(void)err;
	snprintf(told + strlen(told), 64, "[%u ", oid);
	return 0;
}

static int
tell_data(void *ctx, const void *data, size_t len, struct err *err)
{
	(void)ctx;
	(void)err;
	snprintf(told + strlen(told), 64, "%.*s ", (int)len,
	    (const char *)data);
	return 0;
}

static int
tell_end(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	strcat(told, "]");
	return 0;
}

struct message {
	const char *data;
	size_t len;
};
#define M(text) { text, sizeof text - 1 }

/* 0, or -1 from one of the messages or the end. */
static int
stream(const struct message *m, size_t count)
{
	static const struct base_take take = { tell_begin, tell_data,
		tell_end };
	static const struct repo_tablespace spaces[] = { { 16390, NULL },
		{ 16391, NULL } };
	bool begun[2] = { false, false };
	struct base_messages all = { .take = &take, .expected = spaces,
		.expected_count = 2, .seen = begun };

	told[0] = '\0';
	for (size_t i = 0; i < count; i++)
		if (base_message(&all, m[i].data, m[i].len, &e) == -1)
			return -1;
	return base_messages_end(&all, &e);
}

static void
test_stream(void)
{
	static const struct message good[] = { M("n16391.tar\0/x\0"),
		M("dab"), M("p\0\0\0\0\0\0\0\1"), M("dc"),
		M("n16390.tar\0/y\0"), M("nbase.tar\0\0"), M("d"), M("dx") };
	static const struct {
		struct message m[4];
		const char *why;
	} bad[] = {
		{ { M("") }, "an empty message" },
		{ { M("dab") }, "data of no archive" },
		{ { M("q") }, "unknown type" },
		{ { M("m") }, "unknown type" },
		{ { M("n") }, "without a name" },
		{ { M("nbase.tar") }, "without a name" },
		{ { M("nbase.tar\0/x") }, "without a name" },
		{ { M("n../base.tar\0\0") }, "not announced" },
		{ { M("n16392.tar\0\0") }, "not announced" },
		{ { M("n016390.tar\0\0") }, "not announced" },
		{ { M("n16390.tar\0\0"), M("n16390.tar\0\0") },
		    "not announced" },
		{ { M("nbase.tar\0\0"), M("n16390.tar\0\0") },
		    "after the last" },
		{ { M("nbase.tar\0\0"), M("nbase.tar\0\0") },
		    "after the last" },
		{ { M("nbase.tar\0\0"), M("p\0") }, "wrong size" },
		{ { M("nbase.tar\0\0") }, "is missing" },
		{ { M("n16390.tar\0\0"), M("n16391.tar\0\0") }, "is missing" },
	};

	EQ(stream(good, sizeof good / sizeof *good), 0);
	IS(told, "[16391 ab c ][16390 ][0  x ]");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		size_t n = 1;

		while (n < 4 && bad[i].m[n].data != NULL)
			n++;
		FAILS(stream(bad[i].m, n), ERR_CORRUPT, bad[i].why);
	}
	FAILS(stream(NULL, 0), ERR_CORRUPT, "is missing");
}

static void
test_command(void)
{
	struct base_command c = { 150000, "it's", true, 0, NULL };
	struct buf b = BUF_INIT(4096);

	EQ(base_command(&c, &b, &e), 0);
	IS(b.data, "BASE_BACKUP (LABEL 'it''s', PROGRESS true,"
	    " CHECKPOINT 'fast', WAIT false, TABLESPACE_MAP true,"
	    " MANIFEST 'no', VERIFY_CHECKSUMS false)");
	buf_reset(&b);
	c = (struct base_command){ 170000, "x", false, 65536, "INCREMENTAL" };
	EQ(base_command(&c, &b, &e), 0);
	IS(b.data, "BASE_BACKUP (LABEL 'x', PROGRESS true,"
	    " CHECKPOINT 'spread', WAIT false, TABLESPACE_MAP true,"
	    " MANIFEST 'no', VERIFY_CHECKSUMS false, MAX_RATE 64,"
	    " INCREMENTAL)");
	buf_reset(&b);
	c = (struct base_command){ 140000, "x", true, 32768, NULL };
	EQ(base_command(&c, &b, &e), 0);
	IS(b.data, "BASE_BACKUP LABEL 'x' PROGRESS FAST NOWAIT MAX_RATE 32"
	    " TABLESPACE_MAP NOVERIFY_CHECKSUMS");
	buf_free(&b);
}

static void
test_spool(void)
{
	struct base_spool *s = base_spool_new("/nowhere", &e);
	unsigned char *page = noise(PAGE);

	OK(s != NULL);
	for (uint32_t i = 0; i < SPOOL_MEMORY / PAGE; i++)
		if (base_spool_add(s, i, page, &e) == -1)
			OK(false);
	FAILS(base_spool_add(s, 99999, page, &e), ERR_SYS, "/nowhere");
	EQ(base_spool_count(s), (intmax_t)(SPOOL_MEMORY / PAGE));
	base_spool_free(s);
	free(page);
}

int
main(void)
{
	test_command();
	test_stream();
	test_hashes();
	test_spool();
	test_walk();
	return done();
}
