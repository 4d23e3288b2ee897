/* The bytes of files, whole and of changed blocks, while they change. */
#include "base_send_make.h"
#include "increment/increment.h"

#define SPACE 1663

static struct base_sender s;
static struct base_changed *changed;
static struct base_again nobody;
static struct buf parent_object = BUF_INIT((size_t)64 << 20);
static struct buf object = BUF_INIT((size_t)64 << 20);
static struct sink *object_sink;

/* What the parent has, all of database 5; the hash of a block is its own. */
static const struct { uint32_t relation, blocks; } had[] = {
	{ 1, 100 }, { 2, 100 }, { 3, 50 }, { 4, 150 }, { 5, 100 }, { 6, 100 },
	{ 7, 1000 }, { 8, 3 } };

static uint64_t
parent_hash(uint32_t relation, uint32_t block)
{
	return (uint64_t)relation << 32 | block;
}

static void
make_parent(void)
{
	static const unsigned char key[DIGEST_KEY] = "a key";
	struct hashes_writer *w = hashes_writer_new(key, &e);
	struct sink *out = sink_buf(&parent_object, &e);

	hashes_start(w, out, &e);
	for (size_t i = 0; i < sizeof had / sizeof *had; i++) {
		const struct base_relation x = { 0, { 5, had[i].relation, 0,
			PAGE_MAIN, false }, had[i].blocks };
		uint64_t *now = hashes_file(w, &x, &e);

		for (uint32_t b = 0; b < x.blocks; b++)
			now[b] = parent_hash(had[i].relation, b);
	}
	EQ(hashes_finish(w, &e), 0);
	hashes_writer_free(w);
	sink_free(out);
	s.parent = hashes_open(blob_mem(parent_object.data,
	    parent_object.len, &e), &e);
}

static void
forget(void)
{
	hashes_writer_free(s.hashes);
	sink_free(object_sink);
	base_changed_free(changed);
}

static void
fresh(void)
{
	server_new();
	forget();
	buf_reset(&object);
	object_sink = sink_buf(&object, &e);
	s.hashes = hashes_writer_new(hashes_key(s.parent), &e);
	hashes_start(s.hashes, object_sink, &e);
	s.changed = changed = base_changed_new(&e);
	s.take = &take_all;
	s.again = &nobody;
	s.check = false;
}

static void
change(uint32_t relation, uint32_t first, uint32_t last)
{
	for (uint32_t b = first; b <= last; b++) {
		const struct wal_change w = { WAL_BLOCK, SPACE, 5, relation,
			WAL_MAIN, b, 0 };

		if (base_changed_add(changed, &w, &e) == -1)
			abort();
	}
}

/* All files of base/5, as an archive; then there are the hashes. */
static int
send_files(void)
{
	struct base_folder d = { .path = "./base/5", .archive = "base/5/" };
	struct base_entry *entries = calloc(fake_count, sizeof *entries);
	int rc;

	take_begin(NULL, 0, &e);
	base_files_list(NULL, d.path, &d.list, &e);
	for (size_t i = 0; i < d.list.count; i++)
		base_choose(&s, &d, &d.list.files[i], &entries[i]);
	rc = base_send_entries(&s, &d, entries, d.list.count, &e);
	if (rc == 0)
		rc = base_send_end(&s, &e);
	free(entries);
	base_files_free(&d.list);
	return rc == 0 ? hashes_finish(s.hashes, &e) : -1;
}

/*
 * Whether the increment of a relation of `blocks` blocks came with blocks
 * `first` to `last` of what the server had when it was read, and so the hashes:
 * those of what came, of the others the parent's.
 */
struct seen {
	const struct fake *f;
	uint32_t first, last, next;
	const struct hashes_writer *w;
	uint64_t *hashes;
	bool good;
};

static int
see_head(void *ctx, const uint32_t *blocks, uint32_t count,
    uint32_t truncation, struct err *why)
{
	struct seen *x = ctx;

	(void)why;
	x->good = count == x->last + 1 - x->first &&
	    truncation == x->f->size / PAGE_SIZE_PG;
	for (uint32_t i = 0; i < count && x->good; i++)
		x->good = blocks[i] == x->first + i;
	return 0;
}

static int
see_block(void *ctx, uint32_t block, const void *page, struct err *why)
{
	unsigned char want[PAGE_SIZE_PG] = { 0 };
	struct seen *x = ctx;
	const size_t at = (size_t)block * PAGE_SIZE_PG;

	(void)why;
	if (at < x->f->now)
		memcpy(want, x->f->bytes + at, x->f->now - at < sizeof want ?
		    x->f->now - at : sizeof want);
	x->good = x->good && memcmp(page, want, sizeof want) == 0 &&
	    x->hashes[block] == hashes_of(x->w, want);
	x->next++;
	return 0;
}

static bool
incremented(const struct fake *f, uint32_t relation, uint32_t first,
    uint32_t last)
{
	static const struct increment_take look = { see_head, see_block };
	static uint64_t hashes[INCREMENT_BLOCKS_MAX];
	struct hashes *h = hashes_open(blob_mem(object.data, object.len, &e),
	    &e);
	const struct base_relation r = { 0, { 5, relation, 0, PAGE_MAIN,
		false }, 0 };
	const struct hashes_entry *x = hashes_find(h, &r);
	struct seen seen = { f, first, last, 0, s.hashes, hashes, false };
	struct increment_reader *i;
	const struct got *g;
	char path[64];

	snprintf(path, sizeof path, "base/5/INCREMENTAL.%u", relation);
	g = got_at(path);
	if (x != NULL && g != NULL && x->relation.blocks ==
	    f->size / PAGE_SIZE_PG && hashes_read(h, x, hashes, &e) == 0) {
		i = increment_reader_new(g->len, &look, &seen, &e);
		if (increment_write(i, g->bytes, g->len, &e) == -1 ||
		    increment_end(i, &e) == -1)
			seen.good = false;
		increment_reader_free(i);
		for (uint32_t b = 0; b < x->relation.blocks; b++)
			if ((b < first || b > last) &&
			    hashes[b] != parent_hash(relation, b))
				seen.good = false;
	}
	hashes_close(h);
	return seen.good && seen.next == last + 1 - first;
}

static bool
has_hashes(uint32_t relation)
{
	struct hashes *h = hashes_open(blob_mem(object.data, object.len, &e),
	    &e);
	const struct base_relation r = { 0, { 5, relation, 0, PAGE_MAIN,
		false }, 0 };
	const bool has = hashes_find(h, &r) != NULL;

	hashes_close(h);
	return has;
}

#define BLOCKS(n) ((size_t)(n) * PAGE_SIZE_PG)

/* Blocks that changed and no others are asked for, whatever their number. */
static void
increments(void)
{
	const struct fake *one, *two, *three, *four, *seven;

	fresh();
	one = file("base/5/1", BLOCKS(100));
	two = file("base/5/2", BLOCKS(100));
	three = file("base/5/3", BLOCKS(60));
	four = file("base/5/4", BLOCKS(100));
	seven = file("base/5/7", BLOCKS(1000));
	change(1, 17, 17);
	change(4, 99, 140); /* of which the last is 99 */
	change(7, 30, 729); /* over many parts */
	EQ(send_files(), 0);
	OK(incremented(one, 1, 17, 17));
	OK(incremented(two, 2, 1, 0)); /* none */
	OK(came("base/5/INCREMENTAL.2", "\x0d\x1f\xae\xd3\0\0\0\0\x64\0\0", 12,
	    12));
	OK(incremented(three, 3, 50, 59)); /* has grown */
	OK(incremented(four, 4, 99, 99));
	OK(incremented(seven, 7, 30, 729));
	EQ(server.bytes, BLOCKS(1 + 10 + 1 + 700));
	EQ(server.reads, 1);
	EQ(got_count, 5);
	EQ(got[0].m.mtime, FAKE_TIME);
}

/* Blocks with others between them; the first and the last. */
static void
scattered(void)
{
	static const uint32_t want[] = { 0, 2, 3, 31, 32, 99 };
	const size_t count = sizeof want / sizeof *want;
	const struct got *g;
	struct fake *f;
	size_t wrong = 0;

	fresh();
	f = file("base/5/1", BLOCKS(100));
	for (size_t i = 0; i < count; i++)
		change(1, want[i], want[i]);
	EQ(send_files(), 0);
	g = got_at("base/5/INCREMENTAL.1");
	OK(g != NULL && g->len == BLOCKS(1 + count));
	for (size_t i = 0; g != NULL && i < count; i++)
		wrong += memcmp(g->bytes + BLOCKS(1 + i), f->bytes +
		    BLOCKS(want[i]), PAGE_SIZE_PG) != 0 ||
		    g->bytes[12 + 4 * i] != want[i];
	EQ(wrong, 0);
	EQ(server.bytes, BLOCKS(count));
}

/* What is gone when it is read is not there at all. */
static void
gone(void)
{
	struct fake *whole, *large, *inc, *last, *odd;

	fresh();
	file("base/5/1", BLOCKS(100))->gone = true;
	change(1, 1, 60);
	whole = file("base/5/11", BLOCKS(3));
	(large = file("base/5/12", BLOCKS(100)))->gone = true;
	inc = file("base/5/2", BLOCKS(100));
	change(2, 5, 6);
	file("base/5/5", BLOCKS(100))->gone = true;
	change(5, 9, 9);
	last = file("base/5/6", BLOCKS(100));
	change(6, 0, 9);
	odd = file("base/5/y", 9);
	file("base/5/z", 10)->gone = true;
	EQ(send_files(), 0);
	EQ(got_count, 4);
	OK(came("base/5/y", odd->bytes, 9, 9));
	OK(came("base/5/11", whole->bytes, BLOCKS(3), BLOCKS(3)));
	OK(incremented(inc, 2, 5, 6));
	OK(incremented(last, 6, 0, 9));
	OK(!has_hashes(1) && !has_hashes(5) && !has_hashes(12));
	EQ(server.bytes, BLOCKS(60 + 3 + 100 + 2 + 1 + 10) + 9 + 10);
	/* alone */
	fresh();
	file("base/5/1", BLOCKS(100))->gone = true;
	change(1, 1, 60);
	EQ(send_files(), 0);
	EQ(got_count, 0);
}

static struct fake *vanishes;
static unsigned vanish_in; /* so many parts */

static void
vanish(const char *path)
{
	if (strcmp(path, vanishes->path) == 0 && vanish_in-- == 0) {
		vanishes->gone = true;
		vanishes->now = BASE_PART_MAX; /* what was read of it */
	}
}

/* What becomes shorter, or goes while it is read, is filled up. */
static void
shorter(void)
{
	struct fake *whole, *odd, *inc, *after;

	fresh();
	inc = file("base/5/1", BLOCKS(100));
	inc->now = BLOCKS(20) + 100;
	change(1, 10, 80);
	whole = file("base/5/11", BLOCKS(100));
	whole->now = BLOCKS(50) + 7;
	odd = file("base/5/12", 1000);
	odd->now = 0;
	vanishes = file("base/5/13", BLOCKS(100));
	vanish_in = 1;
	server.before = vanish;
	after = file("base/5/14", 700);
	EQ(send_files(), 0);
	EQ(got_count, 5);
	OK(incremented(inc, 1, 10, 80));
	OK(came("base/5/11", whole->bytes, whole->now, BLOCKS(100)));
	OK(came("base/5/12", "", 0, 1000));
	OK(vanishes->gone && came("base/5/13", vanishes->bytes,
	    BASE_PART_MAX, BLOCKS(100)));
	OK(came("base/5/14", after->bytes, 700, 700));
	/* an increment */
	fresh();
	vanishes = file("base/5/1", BLOCKS(100));
	vanish_in = 2;
	server.before = vanish;
	change(1, 0, 80);
	EQ(send_files(), 0);
	vanishes->now = 2 * BASE_PART_MAX;
	OK(vanishes->gone && incremented(vanishes, 1, 0, 80));
}

/* Empty ones, odd ones, those left out, and very many of each. */
static void
many(void)
{
	size_t wrong = 0;
	char path[64];

	fresh();
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof path, "base/5/%s%d", i % 7 == 3 ?
		    "t3_" : "x", i);
		file(path, i % 5 == 0 ? 0 : (size_t)i);
	}
	EQ(send_files(), 0);
	for (int i = 0; i < 5000; i++) {
		const struct fake *f = &fakes[i];

		wrong += i % 7 == 3 ? got_at(f->path) != NULL :
		    !came(f->path, f->bytes, f->size, f->size);
	}
	EQ(wrong, 0);
	for (size_t i = 1; i < got_count; i++)
		wrong += strcmp(got[i - 1].m.path, got[i].m.path) >= 0;
	EQ(wrong, 0);
	EQ(server.reads, (3429 + BASE_PARTS_MAX - 1) / BASE_PARTS_MAX);
	fresh();
	EQ(send_files(), 0);
	EQ(got_count, 0);
	EQ(server.reads, 0);
}

/* A page with a wrong sum is asked for again, and that is what is sent. */
static void
wrong_pages(void)
{
	unsigned char good[PAGE_SIZE_PG];
	struct fake *f;
	uint16_t sum;

	fresh();
	s.check = true;
	f = file("base/5/1", BLOCKS(100));
	memset(f->bytes, 0, f->size);
	memset(f->bytes + BLOCKS(40), 'b', PAGE_SIZE_PG);
	memset(f->bytes + BLOCKS(40), 0, 8); /* its LSN */
	change(1, 3, 50);
	EQ(send_files(), 0);
	EQ(again.count, 1);
	EQ(again.block, 40);
	IS(again.path, "./base/5/1");
	OK(incremented(f, 1, 3, 50));
	memset(good, 'g', sizeof good);
	fresh();
	s.check = true;
	again.page = good;
	f = file("base/5/1", BLOCKS(100));
	memset(f->bytes, 0, f->size);
	f->bytes[BLOCKS(40) + 100] = 1;
	change(1, 3, 50);
	EQ(send_files(), 0);
	memcpy(f->bytes + BLOCKS(40), good, sizeof good);
	OK(incremented(f, 1, 3, 50));
	/* not of what are no pages; by its number in the relation, that is right */
	fresh();
	s.check = true;
	file("base/5/PG_VERSION", PAGE_SIZE_PG);
	f = file("base/5/9.1", BLOCKS(2));
	memset(f->bytes, 0, f->size);
	f->bytes[BLOCKS(1) + 15] = 32;
	sum = page_checksum(f->bytes + BLOCKS(1), PAGE_SEGMENT + 1);
	memcpy(f->bytes + BLOCKS(1) + 8, &sum, sizeof sum);
	EQ(send_files(), 0);
	EQ(again.count, 0);
	OK(came("base/5/9.1", f->bytes, f->size, f->size));
}

static void
failing(void)
{
	fresh();
	file("base/5/1", BLOCKS(100));
	change(1, 3, 50);
	server.fail_at = 1;
	FAILS(send_files(), ERR_PG, "is gone");
	fresh();
	for (int i = 0; i < 2000; i++) {
		char path[64];

		snprintf(path, sizeof path, "base/5/x%d", i);
		file(path, 1);
	}
	server.fail_at = 2;
	FAILS(send_files(), ERR_PG, "is gone");
	EQ(got_count, BASE_PARTS_MAX);
}

int
main(void)
{
	make_parent();
	increments();
	scattered();
	gone();
	shorter();
	many();
	wrong_pages();
	failing();
	server_new();
	take_begin(NULL, 0, &e);
	sink_free(reader);
	forget();
	hashes_close((struct hashes *)(uintptr_t)s.parent);
	buf_free(&parent_object);
	buf_free(&object);
	EQ(e.kind, ERR_NONE);
	return done();
}
