/* What stands in the archive's log: read record by record. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "recmake.h"
#include "tap.h"

#define SIZE ((uint32_t)1 << 20)
#define ID UINT64_C(7300000000000000001)
#define T0 INT64_C(1737914400000000) /* 2025-01-27 03:00:00 in Seoul */
#define FIRST 5

static struct err e;
static struct store *store;
static struct archive *a;
static struct lsn_history one = { 1, NULL, 0 };
static struct archive_how how = { { CODEC_GZIP, 1 }, NULL, 1 };

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

/* Put `count` whole segments of what was made. */
static void
put(const struct recmake *r, uint32_t count)
{
	char name[LSN_NAME_MAX];

	for (uint32_t i = 0; i < count; i++) {
		lsn_segment_of(r->timeline, r->start + (uint64_t)i * SIZE,
		    SIZE, name);
		EQ(archive_put(a, name, r->bytes + (size_t)i * SIZE, SIZE,
		    &how, &e), 0);
	}
}

static struct archive_path
path(const struct lsn_history *h, const struct age_keys *keys)
{
	struct archive_reach reach;
	struct archive_list l;

	EQ(archive_list(a, 0, &l, &e), 0);
	archive_reach(&l, h, h->count > 0 ? h->items[0].timeline :
	    h->timeline, (uint64_t)FIRST * SIZE + 40, true, &reach);
	archive_list_free(&l);
	return (struct archive_path){ a, h, SIZE, reach.end,
		reach.end_timeline, keys };
}

static struct archive_last
last_of(const struct archive_path *p, uint64_t start)
{
	struct archive_last last;

	EQ(archive_last(p, start, false, &last, &e), 0);
	return last;
}

/* 2 commits in the first segment, one begun in it that ends in the next. */
static void
search(void)
{
	struct recmake r = recmake_new(FIRST, 20, 1, ID, SIZE);
	struct archive_path p;
	struct archive_last last;
	uint64_t other = 0;

	fresh();
	recmake_commit(&r, 1, T0 + 7);
	recmake_commit(&r, 2, T0 + 5);
	put(&r, 1);
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 7);
	OK(last.record == r.last);
	/* since the second one begins; since it has begun */
	last = last_of(&p, r.last);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 5);
	last = last_of(&p, r.last + 1);
	OK(last.what == ARCHIVE_LAST_NONE && last.record == 0);
	/* a record over the end of a segment is that segment's */
	fresh();
	recmake_other(&r, SIZE - (uint32_t)r.at - 29 - 127 * 24 - 30);
	recmake_commit(&r, 3, T0 + 9);
	OK(r.at > SIZE && r.last < r.start + SIZE);
	put(&r, 2);
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 9);
	EQ(last.record, r.last);
	/* and not of a log that ends with it */
	p.end = r.start + SIZE;
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 7);
	/* others behind it, more and more */
	fresh();
	while (r.at < 16 * (size_t)SIZE)
		other = recmake_other(&r, SIZE / 3);
	put(&r, 16);
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 9);
	OK(last.record < other && other - last.record < SIZE);
	while (r.at < 18 * (size_t)SIZE)
		recmake_other(&r, SIZE / 3);
	put(&r, 18);
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	EQ(last.what, ARCHIVE_LAST_UNKNOWN);
	OK(strstr(last.why, "no transaction") != NULL && last.record != 0);
	last = last_of(&p, (FIRST + 3) * SIZE);
	EQ(last.what, ARCHIVE_LAST_NONE);
	free(r.bytes);
}

/* The last segment in runs; and damaged. */
static void
growing(void)
{
	const struct lsn_name n = { LSN_SEGMENT, 1, FIRST + 1, 0 };
	struct recmake r = recmake_new(FIRST, 2, 1, ID, SIZE);
	struct archive_path p;
	struct archive_last last;
	uint32_t end;

	fresh();
	recmake_commit(&r, 1, T0);
	recmake_switch(&r);
	recmake_commit(&r, 2, T0 + 1);
	recmake_other(&r, 20000);
	recmake_commit(&r, 3, T0 + 2);
	end = (uint32_t)(r.at - SIZE);
	put(&r, 1);
	EQ(archive_put_run(a, &n, SIZE, 0, WAL_PAGE, r.bytes + SIZE, &how,
	    NULL, &e), 0);
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 1);
	EQ(archive_put_run(a, &n, SIZE, WAL_PAGE, end, r.bytes + SIZE +
	    WAL_PAGE, &how, NULL, &e), 0);
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 2);
	EQ(last.record, r.last);
	if (system("truncate -s 100 store/wal/0000000100000000/*5.gz "
	    "store/wal/*/*6.partial*") != 0)
		abort();
	last = last_of(&p, FIRST * SIZE);
	EQ(last.what, ARCHIVE_LAST_UNKNOWN);
	OK(strstr(last.why, "cannot be read") != NULL);
	free(r.bytes);
}

/* An older timeline's segment gives what is before the switch alone. */
static void
switched(void)
{
	struct recmake r = recmake_new(FIRST, 1, 1, ID, SIZE);
	struct lsn_history two;
	struct archive_path p;
	struct archive_last last;
	char text[64], lsn[LSN_TEXT_MAX];
	uint64_t at;

	fresh();
	recmake_commit(&r, 1, T0);
	at = recmake_commit(&r, 2, T0 + 5);
	recmake_commit(&r, 3, T0 + 9);
	put(&r, 1);
	snprintf(text, sizeof text, "1\t%s\tso\n", lsn_text(at, lsn));
	EQ(lsn_history_parse(text, strlen(text), 2, &two, &e), 0);
	p = path(&two, NULL);
	OK(p.end == at && p.end_timeline == 1);
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0);
	OK(last.record == FIRST * SIZE + 40);
	lsn_history_free(&two);
	free(r.bytes);
}

/* A clock that was set back, and how far one looks for it. */
static void
set_back(void)
{
	struct recmake r = recmake_new(FIRST, 18, 1, ID, SIZE);
	struct archive_path p;
	struct archive_last last;

	fresh();
	for (uint32_t i = 0; i < 18; i++) {
		recmake_commit(&r, i, i == 0 ? T0 + 99 : i == 2 ? T0 + 9 :
		    T0 + 3);
		recmake_switch(&r);
	}
	put(&r, 18);
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 3);
	EQ(archive_last(&p, FIRST * SIZE, true, &last, &e), 0);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 9);
	OK(last.record == r.last);
	if (system("truncate -s 100 store/wal/*/*0A.gz") != 0)
		abort();
	EQ(archive_last(&p, FIRST * SIZE, true, &last, &e), 0);
	OK(last.what == ARCHIVE_LAST_TIME && last.time == T0 + 3);
	free(r.bytes);
}

static int
count(void *ctx, const struct wal_event *ev, struct err *why)
{
	unsigned *left = ctx;

	(void)ev;
	return *left == 100 ? err_set(why, ERR_USAGE, "so it is") :
	    --*left == 0;
}

static void
events(void)
{
	struct recmake r = recmake_new(FIRST, 3, 1, ID, SIZE);
	struct archive_path p;
	unsigned left = 3;
	uint64_t last = 0;

	fresh();
	for (uint32_t i = 0; i < 30; i++) {
		recmake_commit(&r, i, T0 + i);
		if (i % 10 == 9)
			recmake_switch(&r);
	}
	put(&r, 3);
	p = path(&one, NULL);
	EQ(archive_events(&p, r.start, p.end, count, &left, &last, &e), 0);
	EQ(left, 0);
	left = 50;
	EQ(archive_events(&p, r.start, p.end, count, &left, &last, &e), 0);
	EQ(left, 20);
	EQ(last, r.last);
	left = 50;
	EQ(archive_events(&p, r.start + SIZE, r.start + 2 * SIZE, count,
	    &left, NULL, &e), 0);
	EQ(left, 40);
	left = 100;
	FAILS(archive_events(&p, r.start, p.end, count, &left, NULL, &e) ==
	    -1, ERR_USAGE, "so it is");
	free(r.bytes);
}

static void
locked(void)
{
	struct recmake r = recmake_new(FIRST, 1, 1, ID, SIZE);
	struct age_keys *keys = age_keys_new(&e);
	struct buf identity = BUF_INIT(1000);
	char recipient[AGE_RECIPIENT_MAX];
	struct archive_path p;
	struct archive_last last;

	fresh();
	EQ(age_new_identity(&identity, recipient, &e), 0);
	EQ(age_add_recipient(keys, recipient, &e), 0);
	recmake_commit(&r, 1, T0);
	how.keys = keys;
	put(&r, 1);
	how.keys = NULL;
	p = path(&one, NULL);
	last = last_of(&p, FIRST * SIZE);
	EQ(last.what, ARCHIVE_LAST_UNKNOWN);
	OK(strstr(last.why, "no key") != NULL);
	age_keys_free(keys);
	buf_wipe(&identity);
	free(r.bytes);
}

int
main(void)
{
	char folder[] = "/tmp/pgk-archive-events.XXXXXX";
	char command[64];

	umask(077);
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		abort();
	search();
	growing();
	switched();
	set_back();
	events();
	locked();
	archive_close(a);
	store_close(store);
	EQ(e.kind, ERR_NONE);
	snprintf(command, sizeof command, "rm -r %s", folder);
	OK(chdir("/") == 0 && system(command) == 0);
	return done();
}
