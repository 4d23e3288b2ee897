#include "archive/archive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultstore.h"
#include "tap.h"
#include "walmake.h"

#define SIZE LSN_SEGMENT_SIZE
#define PAGES (SIZE / WAL_PAGE)
#define ID UINT64_C(7300000000000000001)

static struct err e;
static struct store *store;
static struct archive *a;
static struct age_keys *to, *with, *pass, *stranger;
static const struct archive_how plain = { { CODEC_GZIP, 1 }, NULL, 2 };
static struct archive_how secret = { { CODEC_ZSTD, 1 }, NULL, 2 };
static struct archive_how phrase = { { CODEC_ZSTD, 1 }, NULL, 1 };

static void
fresh(void)
{
	archive_close(a);
	store_close(store);
	if (system("rm -rf store") != 0)
		abort();
	store = store_open("store", STORE_CREATE, &e);
	a = archive_open(store, &e);
	OK(a != NULL);
}

/* Put a synthetic segment under a name. */
static int
put(const char *name, uint64_t segment, uint32_t timeline, uint64_t salt,
    const struct archive_how *how)
{
	unsigned char *s = walmake(segment, timeline, ID, SIZE, PAGES, salt);
	int rc = archive_put(a, name, s, SIZE, how, &e);

	free(s);
	return rc;
}

static bool
holds(const char *name, uint64_t segment, uint32_t timeline, uint64_t salt,
    const struct age_keys *keys)
{
	unsigned char *s = walmake(segment, timeline, ID, SIZE, PAGES, salt);
	struct buf got = BUF_INIT(SIZE);
	bool same = archive_get(a, name, keys, false, &got, &e) == 0 &&
	    got.len == SIZE && memcmp(got.data, s, SIZE) == 0;

	free(s);
	buf_free(&got);
	return same;
}

static bool
there(const char *object)
{
	return access(object, F_OK) == 0;
}

static void
putting(void)
{
	static const char name[] = "000000010000000000000003";
	struct buf got = BUF_INIT(SIZE);
	struct blob *b;
	unsigned char *s;
	uint64_t id;

	fresh();
	FAILS(archive_system(a, &id, &e) == -1, ERR_ABSENT, "wal");
	FAILS(archive_get(a, name, NULL, false, &got, &e) == -1, ERR_SYS,
	    "holds no archive");
	EQ(put(name, 3, 1, 0, &plain), 0);
	OK(there("store/wal/0000000100000000/000000010000000000000003.gz"));
	EQ(archive_system(a, &id, &e), 0);
	OK(id == ID);
	OK(!there("store/wal/segment-size"));
	OK(holds(name, 3, 1, 0, NULL));
	/* again, however it is packed */
	EQ(put(name, 3, 1, 0, &plain), 0);
	EQ(put(name, 3, 1, 0, &secret), 0);
	OK(!there("store/wal/0000000100000000/"
	    "000000010000000000000003.zst.age"));
	FAILS(put(name, 3, 1, 1, &plain) == -1, ERR_REFUSED, "other content");
	FAILS(put(name, 3, 1, 1, &secret) == -1, ERR_REFUSED, "other content");
	OK(holds(name, 3, 1, 0, NULL));
	/* what is not what its name says */
	FAILS(put(name, 4, 1, 0, &plain) == -1, ERR_CORRUPT,
	    "that of segment 000000010000000000000004");
	FAILS(put("000000010000000000000004", 4, 2, 0, &plain) == -1,
	    ERR_CORRUPT, "000000020000000000000004");
	/* a new timeline begins with pages of the old */
	EQ(put("000000020000000000000003", 3, 1, 0, &plain), 0);
	s = walmake(5, 1, ID + 1, SIZE, PAGES, 0);
	FAILS(archive_put(a, "000000010000000000000005", s, SIZE, &plain,
	    &e) == -1, ERR_REFUSED, "another cluster");
	free(s);
	s = walmake(5, 1, ID, SIZE, PAGES, 0);
	FAILS(archive_put(a, "000000010000000000000005", s, SIZE - 1, &plain,
	    &e) == -1, ERR_CORRUPT, "bytes");
	FAILS(archive_put(a, "000000010000000000000005", s, 0, &plain,
	    &e) == -1, ERR_CORRUPT, "too short");
	memset(s + 5 * WAL_PAGE, 0, WAL_PAGE);
	FAILS(archive_put(a, "000000010000000000000005", s, SIZE, &plain,
	    &e) == -1, ERR_CORRUPT, "page 5 is damaged");
	EQ(archive_put(a, "000000010000000000000005.partial", s, SIZE,
	    &plain, &e), 0);
	OK(!there("store/wal/0000000100000000/000000010000000000000005.gz"));
	memset(s, 0, WAL_PAGE);
	FAILS(archive_put(a, "000000010000000000000005", s, SIZE, &plain,
	    &e) == -1, ERR_CORRUPT, "magic");
	free(s);
	s = walmake(5, 1, ID, 1 << 20, 128, 0);
	FAILS(archive_put(a, "000000010000000000000005", s, 1 << 20, &plain,
	    &e) == -1, ERR_REFUSED, "16777216");
	free(s);
	/* not all in memory */
	s = walmake(6, 1, ID, SIZE, PAGES, 0);
	b = blob_mem(s, SIZE, &e);
	EQ(archive_put_blob(a, "000000010000000000000006", b, &secret, &e),
	    0);
	OK(holds("000000010000000000000006", 6, 1, 0, with));
	EQ(archive_put_blob(a, "000000010000000000000006", b, &secret, &e),
	    0);
	blob_free(b);
	free(s);
	FAILS(archive_put(a, "x", "", 0, &plain, &e) == -1, ERR_USAGE,
	    "name");
	FAILS(archive_get(a, "x", NULL, false, &got, &e) == -1, ERR_USAGE,
	    "name");
	FAILS(archive_get(a, "000000010000000000000009", NULL, true, &got,
	    &e) == -1, ERR_ABSENT, "no \"000000010000000000000009\"");
	EQ(got.len, 0);
	buf_free(&got);
}

static void
small_files(void)
{
	struct buf got = BUF_INIT(1000);
	struct lsn_history h;

	EQ(archive_put(a, "00000002.history", "1\t0/3000000\tx\n", 14, &plain,
	    &e), 0);
	OK(there("store/wal/00000002.history.gz"));
	EQ(archive_put(a, "00000002.history", "1\t0/3000000\tx\n", 14, &plain,
	    &e), 0);
	FAILS(archive_put(a, "00000002.history", "1\t0/4000000\tx\n", 14,
	    &plain, &e) == -1, ERR_REFUSED, "other content");
	FAILS(archive_put(a, "00000003.history", "x", 1, &plain, &e) == -1,
	    ERR_CORRUPT, "history");
	EQ(archive_put(a, "000000010000000000000003.00000028.backup",
	    "START WAL", 9, &plain, &e), 0);
	OK(there("store/wal/0000000100000000/"
	    "000000010000000000000003.00000028.backup.gz"));
	EQ(archive_get(a, "000000010000000000000003.00000028.backup", NULL,
	    false, &got, &e), 0);
	IS(got.data, "START WAL");
	EQ(archive_history(a, 2, NULL, &h, &e), 0);
	EQ(h.count, 1);
	lsn_history_free(&h);
	EQ(archive_history(a, 1, NULL, &h, &e), 0);
	EQ(h.count, 0);
	FAILS(archive_history(a, 3, NULL, &h, &e) == -1, ERR_ABSENT,
	    "00000003.history");
	buf_free(&got);
}

static void
secrets(void)
{
	static const char name[] = "000000010000000000000003";

	fresh();
	EQ(put(name, 3, 1, 0, &secret), 0);
	OK(there("store/wal/0000000100000000/"
	    "000000010000000000000003.zst.age"));
	/* compared without a key that opens it */
	EQ(put(name, 3, 1, 0, &secret), 0);
	EQ(put(name, 3, 1, 0, &plain), 0);
	FAILS(put(name, 3, 1, 1, &plain) == -1, ERR_REFUSED, "other content");
	OK(holds(name, 3, 1, 0, with));
	OK(!holds(name, 3, 1, 0, NULL));
	FAILS(e.kind == ERR_KEY, ERR_KEY, "identity is needed");
	OK(!holds(name, 3, 1, 0, stranger));
	FAILS(e.kind == ERR_KEY, ERR_KEY, "no identity of ours");
	/* a passphrase: the sum is not in the header */
	EQ(put("000000010000000000000004", 4, 1, 0, &phrase), 0);
	EQ(put("000000010000000000000004", 4, 1, 0, &phrase), 0);
	FAILS(put("000000010000000000000004", 4, 1, 0, &plain) == -1,
	    ERR_KEY, "with a key");
	OK(holds("000000010000000000000004", 4, 1, 0, pass));
}

static void
damage(void)
{
	static const char object[] =
	    "store/wal/0000000100000000/000000010000000000000003.gz";
	struct buf got = BUF_INIT(SIZE);
	int fd;

	fresh();
	EQ(put("000000010000000000000003", 3, 1, 0, &plain), 0);
	EQ(put("000000010000000000000004", 4, 1, 0, &plain), 0);
	OK(rename("store/wal/0000000100000000/000000010000000000000004.gz",
	    object) == 0);
	FAILS(archive_get(a, "000000010000000000000003", NULL, false, &got,
	    &e) == -1, ERR_CORRUPT, "not what its name says");
	EQ(put("000000010000000000000004", 4, 1, 0, &plain), 0);
	OK(truncate("store/wal/0000000100000000/000000010000000000000004.gz",
	    100000) == 0);
	FAILS(archive_get(a, "000000010000000000000004", NULL, false, &got,
	    &e) == -1, ERR_CORRUPT, "000000010000000000000004");
	OK(truncate("store/wal/0000000100000000/000000010000000000000004.gz",
	    0) == 0);
	FAILS(archive_get(a, "000000010000000000000004", NULL, false, &got,
	    &e) == -1, ERR_CORRUPT, "000000010000000000000004");
	fd = open("store/wal/system-identifier", O_WRONLY | O_TRUNC);
	OK(write(fd, "12x\n", 4) == 4);
	close(fd);
	FAILS(archive_get(a, "000000010000000000000005", NULL, false, &got,
	    &e) == -1, ERR_CORRUPT, "no number");
	EQ(got.len, 0);
	buf_free(&got);
}

static struct archive_file last_run;

/* A run of segment 3 of timeline 1, its bytes begin..end - 1. */
static int
put_run(const unsigned char *s, uint32_t begin, uint32_t end,
    const struct archive_how *how)
{
	const struct lsn_name n = { LSN_SEGMENT, 1, 3, 0 };

	return archive_put_run(a, &n, SIZE, begin, end, s + begin, how,
	    &last_run, &e);
}

static void
runs(void)
{
	static const char name[] = "000000010000000000000003";
	unsigned char *s = walmake(3, 1, ID, SIZE, PAGES, 0);
	struct buf got = BUF_INIT(SIZE);
	struct archive_list l;

	fresh();
	EQ(archive_claim(a, ID, &e), 0);
	EQ(put_run(s, 0x3000, 0x10000, &plain), 0);
	FAILS(archive_get(a, name, NULL, true, &got, &e) == -1, ERR_ABSENT,
	    name);
	EQ(put_run(s, 0, 0x2100, &secret), 0);
	OK(there("store/wal/0000000100000000/000000010000000000000003."
	    "partial.00000000.00002100.zst.age"));
	FAILS(put_run(s, 0, 0x2100, &secret) == -1, ERR_BUSY, "exists");
	FAILS(archive_get(a, name, with, false, &got, &e) == -1, ERR_ABSENT,
	    name);
	EQ(archive_get(a, name, with, true, &got, &e), 0);
	EQ(got.len, SIZE);
	OK(memcmp(got.data, s, 0x2100) == 0);
	OK(got.data[0x2100] == 0 && memcmp(got.data + 0x2100,
	    got.data + 0x2101, SIZE - 0x2101) == 0);
	EQ(put_run(s, 0x1000, 0x8000, &plain), 0);
	EQ(put_run(s, 0x8000, 0x9000, &plain), 0);
	buf_reset(&got);
	EQ(archive_get(a, name, with, true, &got, &e), 0);
	OK(memcmp(got.data, s, 0x10000) == 0 && got.data[0x10000] == 0);
	EQ(archive_list(a, 0, &l, &e), 0);
	EQ(l.count, 4);
	IS(l.files[3].object, last_run.object);
	OK(l.files[3].stored == last_run.stored && last_run.stored > 0);
	EQ(last_run.begin, 0x8000);
	EQ(last_run.end, 0x9000);
	OK(last_run.run && last_run.name.segment == 3);
	EQ(archive_covered(l.files, 4), 0x10000);
	EQ(archive_covered(l.files, 1), 0x2100);
	EQ(archive_covered(l.files + 1, 3), 0);
	EQ(archive_covered(NULL, 0), 0);
	archive_list_free(&l);
	/* its name lies about how long it is */
	OK(rename("store/wal/0000000100000000/000000010000000000000003."
	    "partial.00003000.00010000.gz",
	    "store/wal/0000000100000000/000000010000000000000003."
	    "partial.00003000.00010001.gz") == 0);
	buf_reset(&got);
	FAILS(archive_get(a, name, with, true, &got, &e) == -1, ERR_CORRUPT,
	    "00010001");
	/* the whole one wins */
	EQ(archive_put(a, name, s, SIZE, &plain, &e), 0);
	OK(holds(name, 3, 1, 0, NULL));
	/* a .partial when there are no runs */
	memset(s, 0, SIZE);
	free(s);
	s = walmake(4, 1, ID, SIZE, 10, 0);
	EQ(archive_put(a, "000000010000000000000004.partial", s, SIZE,
	    &plain, &e), 0);
	buf_reset(&got);
	FAILS(archive_get(a, "000000010000000000000004", NULL, false, &got,
	    &e) == -1, ERR_ABSENT, "0004");
	EQ(archive_get(a, "000000010000000000000004", NULL, true, &got, &e),
	    0);
	OK(got.len == SIZE && memcmp(got.data, s, SIZE) == 0);
	free(s);
	buf_free(&got);
}

/* An empty object: what the list and the reach see. */
static void
touch(const char *object)
{
	if (store_put_bytes(store, object, "12345", 5, &e) == -1)
		abort();
}

static void
listing(void)
{
	struct archive_list l;

	fresh();
	EQ(archive_list(a, 0, &l, &e), 0);
	EQ(l.count, 0);
	EQ(l.segment_size, SIZE);
	archive_list_free(&l);
	touch("wal/0000000A.history.gz");
	touch("wal/0000000A00000000/0000000A0000000000000003.zst");
	touch("wal/0000000200000001/000000020000000100000000.gz");
	touch("wal/0000000200000000/0000000200000000000000FF.gz");
	touch("wal/0000000200000000/0000000200000000000000FF.gz.age");
	touch("wal/0000000200000000/"
	    "0000000200000000000000FF.00000028.backup.gz");
	touch("wal/0000000200000000/0000000200000000000000FF.partial");
	touch("wal/0000000200000000/"
	    "0000000200000000000000FF.partial.00000010.00000020.gz");
	touch("wal/0000000200000000/"
	    "0000000200000000000000FF.partial.00000000.00000020.gz");
	/* not ours, or not in its place */
	touch("wal/system-identifier");
	touch("wal/0000000A00000000/0000000A0000000000000004.bz2");
	touch("wal/0000000A00000000/000000020000000000000001.gz");
	touch("wal/0000000A00000000/0000000A0000000000000004.partial."
	    "00000020.00000020.gz");
	touch("wal/0000000A00000000/0000000A0000000000000004.partial."
	    "00000000.01000001.gz");
	touch("wal/0000000A00000000/0000000B.history");
	touch("wal/0000000A0000000000000005");
	EQ(archive_list(a, 0, &l, &e), 0);
	EQ(l.count, 9);
	IS(l.files[0].object, "wal/0000000200000000/"
	    "0000000200000000000000FF.gz");
	IS(l.files[1].object, "wal/0000000200000000/"
	    "0000000200000000000000FF.gz.age");
	EQ(l.files[2].end, 0x20);
	OK(l.files[2].run && l.files[3].run && !l.files[4].run);
	EQ(l.files[3].begin, 0x10);
	EQ(l.files[4].name.kind, LSN_PARTIAL);
	EQ(l.files[5].name.kind, LSN_BACKUP);
	EQ(l.files[5].name.offset, 0x28);
	EQ(l.files[5].stored, 5);
	EQ(l.files[6].name.segment, 0x100);
	EQ(l.files[7].name.kind, LSN_HISTORY);
	EQ(l.files[7].name.timeline, 10);
	IS(l.files[8].object, "wal/0000000A00000000/"
	    "0000000A0000000000000003.zst");
	EQ(archive_delete(a, &l.files[8], &e), 0);
	FAILS(archive_delete(a, &l.files[8], &e) == -1, ERR_ABSENT, "0003");
	archive_list_free(&l);
}

static void
touch_segment(const char *name)
{
	char object[100];

	snprintf(object, sizeof object, "wal/%.16s/%s.gz", name, name);
	touch(object);
}

static void
put_history(uint32_t timeline, const char *text)
{
	char name[LSN_NAME_MAX];
	const struct lsn_name n = { LSN_HISTORY, timeline, 0, 0 };

	EQ(archive_put(a, lsn_write_name(&n, SIZE, name), text, strlen(text),
	    &plain, &e), 0);
}

static struct archive_reach
reach(uint32_t target, uint32_t timeline, uint64_t start, bool partial)
{
	struct archive_reach r;
	struct archive_list l;
	struct lsn_history h;

	if (archive_list(a, 0, &l, &e) == -1 ||
	    archive_history(a, target, NULL, &h, &e) == -1) {
		printf("# %s\n", e.text);
		abort();
	}
	archive_reach(&l, &h, timeline, start, partial, &r);
	archive_list_free(&l);
	lsn_history_free(&h);
	return r;
}

/*
 * 1 goes to 6; 2 left it in 5, 10 left that in 7 (and 11 too); 3 left 1 in 5
 * as well.
 */
static void
reaching(void)
{
	struct archive_reach r;
	uint32_t newest = 0;

	fresh();
	EQ(archive_claim(a, ID, &e), 0);
	r = reach(1, 1, 0x3000028, false);
	OK(r.end == 0x3000028);
	IS(r.missing, "000000010000000000000003");
	OK(!r.gap && r.segments == 0);
	for (unsigned i = 3; i <= 6; i++) {
		char name[LSN_NAME_MAX];

		touch_segment(lsn_segment_of(1, (uint64_t)i * SIZE, SIZE,
		    name));
	}
	r = reach(1, 1, 0x3000028, false);
	OK(r.end == 0x7000000);
	EQ(r.end_timeline, 1);
	EQ(r.segments, 4);
	EQ(r.stored, 20);
	IS(r.missing, "000000010000000000000007");
	OK(!r.gap);
	EQ(archive_newest(a, 1, 0, NULL, &newest, &e), 0);
	EQ(newest, 1);
	put_history(2, "1\t0/5000100\tx\n");
	put_history(3, "1\t0/5000200\tx\n");
	put_history(10, "1\t0/5000100\tx\n2\t0/7000000\tx\n");
	put_history(11, "1\t0/5000100\tx\n2\t0/7000000\tx\n");
	EQ(archive_newest(a, 1, 0, NULL, &newest, &e), 0);
	EQ(newest, 11);
	EQ(archive_newest(a, 1, 0x5000100, NULL, &newest, &e), 0);
	EQ(newest, 11);
	EQ(archive_newest(a, 1, 0x5000101, NULL, &newest, &e), 0);
	EQ(newest, 3);
	EQ(archive_newest(a, 1, 0x5000201, NULL, &newest, &e), 0);
	EQ(newest, 1);
	EQ(archive_newest(a, 2, 0, NULL, &newest, &e), 0);
	EQ(newest, 11);
	EQ(archive_newest(a, 3, 0, NULL, &newest, &e), 0);
	EQ(newest, 3);
	EQ(archive_newest(a, 10, 0, NULL, &newest, &e), 0);
	EQ(newest, 10);
	/* nothing of 2 yet: what 1 wrote up to the switch, and not more */
	r = reach(2, 1, 0x3000028, false);
	OK(r.end == 0x5000100);
	EQ(r.end_timeline, 1);
	IS(r.missing, "000000020000000000000005");
	EQ(r.segments, 2);
	OK(!r.gap);
	touch_segment("000000020000000000000006");
	r = reach(2, 1, 0x3000028, false);
	OK(r.end == 0x5000100 && r.gap);
	touch_segment("000000020000000000000005");
	r = reach(2, 1, 0x3000028, false);
	OK(r.end == 0x7000000);
	EQ(r.end_timeline, 2);
	EQ(r.segments, 4);
	OK(!r.gap);
	/* 10 began where a segment does */
	r = reach(10, 1, 0x3000028, false);
	OK(r.end == 0x7000000);
	EQ(r.end_timeline, 2);
	IS(r.missing, "0000000A0000000000000007");
	touch_segment("0000000A0000000000000007");
	r = reach(10, 1, 0x3000028, false);
	OK(r.end == 0x8000000);
	EQ(r.end_timeline, 10);
	r = reach(11, 1, 0x3000028, false);
	IS(r.missing, "0000000B0000000000000007");
	OK(!r.gap);
	/* a backup of 1 from behind the switch is on no path to 2 */
	r = reach(2, 1, 0x6000028, false);
	OK(r.end == 0x6000028 && r.segments == 0);
	IS(r.missing, "000000010000000000000006");
	r = reach(1, 1, 0x6000028, false);
	OK(r.end == 0x7000000);
	/* nor is one of 3 on that to 10 */
	r = reach(10, 3, 0x6000028, false);
	OK(r.end == 0x6000028);
	/* a hole */
	OK(unlink("store/wal/0000000100000000/"
	    "000000010000000000000004.gz") == 0);
	r = reach(10, 1, 0x3000028, false);
	OK(r.end == 0x4000000 && r.gap);
	EQ(r.segments, 1);
	IS(r.missing, "000000010000000000000004");
	/* runs at the end, and a .partial up to the switch */
	touch("wal/0000000A00000000/0000000A0000000000000008.partial."
	    "00000000.00002000.gz");
	touch("wal/0000000A00000000/0000000A0000000000000008.partial."
	    "00002000.00003000.gz");
	r = reach(10, 2, 0x6000028, false);
	OK(r.end == 0x8000000 && !r.gap);
	r = reach(10, 2, 0x6000028, true);
	OK(r.end == 0x8003000);
	IS(r.missing, "0000000A0000000000000008");
	OK(unlink("store/wal/0000000100000000/"
	    "000000010000000000000005.gz") == 0);
	touch_segment("000000010000000000000004");
	r = reach(3, 1, 0x4000028, false);
	OK(r.end == 0x5000000);
	touch("wal/0000000100000000/000000010000000000000005.partial.gz");
	r = reach(3, 1, 0x4000028, false);
	OK(r.end == 0x5000000);
	r = reach(3, 1, 0x4000028, true);
	OK(r.end == 0x5000200);
	EQ(r.end_timeline, 1);
	r = reach(1, 1, 0x4000028, true);
	OK(r.end == 0x5000000); /* how much it holds is not known */
	touch("wal/0000000100000000/000000010000000000000005.partial."
	    "00000000.00000150.gz");
	r = reach(1, 1, 0x4000028, true);
	OK(r.end == 0x5000150);
}

static void
sizes(void)
{
	unsigned char *s;
	uint32_t size;
	struct archive_list l;

	fresh();
	s = walmake(3, 1, ID, 1 << 20, 128, 0);
	EQ(archive_put(a, "000000010000000000000003", s, 1 << 20, &plain,
	    &e), 0);
	OK(there("store/wal/segment-size"));
	EQ(archive_segment_size(a, &size, &e), 0);
	EQ(size, 1 << 20);
	free(s);
	FAILS(put("000000010000000000000004", 4, 1, 0, &plain) == -1,
	    ERR_REFUSED, "1048576");
	s = walmake(4095, 1, ID, 1 << 20, 128, 0);
	EQ(archive_put(a, "000000010000000000000FFF", s, 1 << 20, &plain,
	    &e), 0);
	free(s);
	EQ(archive_list(a, 0, &l, &e), 0);
	EQ(l.count, 2);
	archive_list_free(&l);
}

static void
guards(void)
{
	struct archive_guard g = { .set = "incremental/x_20250127_040000",
		.store = "/backup/a\nb", .environment = "production",
		.timeline = 11, .time = 1737950400 }, got;
	static const char *const bad[] = { "", "timeline\n", "timeline: 0\n",
		"timeline: x\n", "timeline: 4294967296\n", "set: x\n",
		"timeline: 1\ntime: yesterday\n" };
	int dir;

	mkdir("data", 0700);
	dir = open("data", O_RDONLY | O_DIRECTORY);
	FAILS(archive_guard_read(dir, &got, &e) == -1, ERR_ABSENT,
	    "pgk-restored");
	EQ(archive_guard_write(dir, &g, &e), 0);
	EQ(archive_guard_write(dir, &g, &e), 0);
	EQ(archive_guard_read(dir, &got, &e), 0);
	IS(got.set, g.set);
	IS(got.store, "/backup/a?b");
	IS(got.environment, "production");
	EQ(got.timeline, 11);
	EQ(got.time, 1737950400);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		FILE *f = fopen("data/pgk-restored", "w");

		fputs(bad[i], f);
		fclose(f);
		FAILS(archive_guard_read(dir, &got, &e) == -1, ERR_CORRUPT,
		    "damaged");
	}
	close(dir);
}

#define CONF "data/postgresql.auto.conf"

static void
put_conf(const char *text)
{
	FILE *f = fopen(CONF, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		abort();
}

static bool
conf_is(const char *text)
{
	char got[4096] = "";
	FILE *f = fopen(CONF, "r");

	if (f == NULL)
		return false;
	got[fread(got, 1, sizeof got - 1, f)] = '\0';
	fclose(f);
	return strcmp(got, text) == 0;
}

/* The guard's line is taken out of the server's file, and nothing else. */
static void
guard_settings(void)
{
	static const char text[] = "# pgk.restored = 'a'\na = 1\n"
	    "pgk.restored = 'set'\n pgk.restoredly = 2\n"
	    "\tPGK.Restored='x'\npgk.restored set\n"
	    "recovery_target_timeline = '1'\nrecovery_target = ''\n"
	    " Recovery_Target_Time '2025-01-27 03:00:00+00'\n"
	    "archive_cleanup_command=''\nrecovery_min_apply_delay = '0'\n"
	    "b = 'pgk.restored'";
	static const char rest[] = "# pgk.restored = 'a'\na = 1\n"
	    " pgk.restoredly = 2\nb = 'pgk.restored'";
	int dir = open("data", O_RDONLY | O_DIRECTORY);
	struct stat st;
	bool set = true;

	EQ(archive_guard_is_set(dir, &set, &e), 0);
	OK(!set);
	EQ(archive_guard_unset(dir, &set, &e), 0);
	OK(!set);
	EQ(faccessat(dir, "postgresql.auto.conf", F_OK, 0), -1);
	put_conf(text);
	OK(chmod(CONF, 0640) == 0);
	if (geteuid() == 0)
		OK(chown(CONF, 1, 2) == 0);
	EQ(archive_guard_is_set(dir, &set, &e), 0);
	OK(set);
	OK(conf_is(text));
	EQ(archive_guard_unset(dir, &set, &e), 0);
	OK(set);
	OK(conf_is(rest));
	OK(stat(CONF, &st) == 0);
	EQ(st.st_mode & 07777, 0640);
	if (geteuid() == 0)
		OK(st.st_uid == 1 && st.st_gid == 2);
	EQ(archive_guard_unset(dir, &set, &e), 0);
	OK(!set);
	OK(conf_is(rest));
	put_conf("pgk.restored=1");
	EQ(archive_guard_unset(dir, &set, &e), 0);
	OK(set);
	OK(conf_is(""));
	/* nothing that is no file, or would not fit */
	OK(truncate(CONF, (4 << 20) + 1) == 0);
	FAILS(archive_guard_unset(dir, &set, &e) == -1, ERR_CORRUPT, "4 MiB");
	OK(unlink(CONF) == 0);
	OK(symlink("pgk-restored", CONF) == 0);
	FAILS(archive_guard_unset(dir, &set, &e) == -1, ERR_SYS, "open");
	close(dir);
}

#define SMALL ((uint32_t)1 << 20)

/* One put through a store that fails at its n-th operation. */
static int
faulty_put(enum fault fault, unsigned n, bool *hit, const unsigned char *s,
    const struct archive_how *how)
{
	struct faultstore f;
	struct err why = ERR_INIT;
	struct archive *through;
	int rc;

	faultstore_init(&f, store, fault, n);
	through = archive_open(&f.base, &why);
	rc = archive_put(through, "000000010000000000000003", s, SMALL, how,
	    &why);
	archive_close(through);
	*hit = f.hit;
	if (rc == -1 && why.kind == ERR_NONE)
		abort();
	return rc;
}

/* Whatever fails: all or nothing, 0 only for all, and the next try works. */
static void
faults(const struct archive_how *how, enum fault fault, const char *clear)
{
	unsigned char *s = walmake(3, 1, ID, SMALL, 40, 0);
	struct buf got = BUF_INIT(SMALL);
	unsigned wrong = 0, tried = 0;
	bool hit = true;

	for (unsigned n = 1; hit; n++) {
		int rc;

		if (system(clear) != 0)
			abort();
		archive_close(a); /* it knows of larger segments */
		a = archive_open(store, &e);
		rc = faulty_put(fault, n, &hit, s, how);
		tried++;
		buf_reset(&got);
		if (archive_get(a, "000000010000000000000003", with, false,
		    &got, &e) == 0)
			wrong += got.len != SMALL ||
			    memcmp(got.data, s, SMALL) != 0;
		else
			wrong += rc == 0 || e.kind == ERR_CORRUPT;
		err_clear(&e);
		wrong += archive_put(a, "000000010000000000000003", s, SMALL,
		    how, &e) == -1;
	}
	EQ(wrong, 0);
	OK(tried > 15);
	buf_free(&got);
	free(s);
}

static struct age_keys *
identity(struct age_keys *also_to)
{
	struct age_keys *k = age_keys_new(&e);
	struct buf text = BUF_INIT(1000);
	char recipient[AGE_RECIPIENT_MAX];
	FILE *f;

	if (age_new_identity(&text, recipient, &e) == -1 ||
	    (f = fopen("key", "w")) == NULL || fputs(text.data, f) == EOF ||
	    fclose(f) == EOF || chmod("key", 0600) == -1 ||
	    age_add_identity_file(k, "key", &e) == -1)
		abort();
	if (also_to != NULL && age_add_recipient(also_to, recipient,
	    &e) == -1)
		abort();
	buf_wipe(&text);
	return k;
}

int
main(void)
{
	char folder[] = "/tmp/pgk-archive.XXXXXX", command[64];
	FILE *f;

	umask(077);
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		abort();
	to = age_keys_new(&e);
	with = identity(to);
	stranger = identity(NULL);
	secret.keys = to;
	if ((f = fopen("phrase", "w")) == NULL ||
	    fputs("open sesame\n", f) == EOF || fclose(f) == EOF)
		abort();
	pass = age_keys_new(&e);
	EQ(age_add_passphrase_file(pass, "phrase", &e), 0);
	phrase.keys = pass;
	putting();
	small_files();
	secrets();
	damage();
	runs();
	listing();
	reaching();
	sizes();
	guards();
	guard_settings();
	fresh();
	faults(&plain, FAULT_BEFORE, "rm -rf store/wal");
	faults(&plain, FAULT_AFTER, "rm -rf store/wal/0*");
	faults(&plain, FAULT_FOR_EVER, "rm -rf store/wal/0*");
	faults(&secret, FAULT_AFTER, "rm -rf store/wal/0*");
	archive_close(a);
	store_close(store);
	age_keys_free(to);
	age_keys_free(with);
	age_keys_free(pass);
	age_keys_free(stranger);
	EQ(e.kind, ERR_NONE);
	snprintf(command, sizeof command, "rm -r %s", folder);
	OK(chdir("/") == 0 && system(command) == 0);
	return done();
}
