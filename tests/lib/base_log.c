/* The log between two places, out of an archive and of a server's pg_wal. */
#include <sys/stat.h>

#include "base/log_read.h"
#include "base_log_make.h"

static struct base_changed *out;
static struct base_log_reader *reader;

static void
open_from(uint64_t from)
{
	const struct base_log log = { NULL, store, NULL, 1, 1, SIZE, from,
		false };

	base_log_close(reader);
	base_changed_free(out);
	out = base_changed_new(&e);
	reader = base_log_open(&log, out, &e);
	OK(reader != NULL);
}

/* Whether those of the blocks are known that are `first` to `last`. */
static bool
knows(uint32_t first, uint32_t last)
{
	const struct page_file f = { 5, 7, 0, PAGE_MAIN, false };
	struct base_touched t;
	bool good = true;

	base_changed_find(out, 0, &f, &t);
	for (uint32_t b = 0; b < 100; b++)
		good = good && base_touched_has(&t, b) == (b >= first &&
		    b <= last);
	return good && t.limit == UINT32_MAX;
}

static uint64_t
segment(uint32_t i)
{
	return r.start + (uint64_t)i * SIZE;
}

/* From the archive what is whole, from the server the last. */
static void
across(void)
{
	fresh();
	OK(at[5] == segment(2) - 8 && at[9] == segment(3) + WAL_LONG_HEADER);
	for (uint32_t i = 0; i < 4; i++)
		put(i, NULL);
	server.has[3] = true;
	open_from(at[1]);
	EQ(base_log_until(reader, 100, &e), 0);
	EQ(base_log_until(reader, segment(1) - 1, &e), 0);
	EQ(base_changed_count(out), 0);
	EQ(base_log_until(reader, segment(1), &e), 0);
	OK(knows(1, 2));
	EQ(base_log_until(reader, at[6], &e), 0);
	OK(knows(1, 4)); /* 5 is not whole */
	EQ(base_log_until(reader, at[6], &e), 0);
	OK(knows(1, 4));
	EQ(base_log_to(reader, at[10], &e), 0);
	OK(knows(1, 9));
	OK(server.calls[0] + server.calls[1] + server.calls[2] == 0);
	/* no page behind that of at[10] */
	EQ(server.bytes[3], (intmax_t)(at[10] - at[10] % WAL_PAGE + WAL_PAGE -
	    segment(3)));
	/* at once; from the last of a segment, of the log, to itself */
	open_from(at[5]);
	EQ(base_log_to(reader, at[11], &e), 0);
	OK(knows(5, 10));
	open_from(at[9]);
	EQ(base_log_to(reader, at[9], &e), 0);
	EQ(base_changed_count(out), 0);
}

static void
no_record(void)
{
	fresh();
	for (uint32_t i = 0; i < 3; i++)
		put(i, NULL);
	server.has[3] = true;
	for (uint64_t to = at[10] - 48; to < at[10] + 48; to += 8) {
		open_from(at[1]);
		if (to == at[10])
			EQ(base_log_to(reader, to, &e), 0);
		else
			FAILS(base_log_to(reader, to, &e), ERR_REFUSED,
			    "cannot be followed behind 0/");
	}
	/* behind the log's end */
	open_from(at[1]);
	FAILS(base_log_to(reader, r.start + r.size - 8, &e), ERR_REFUSED,
	    "cannot be followed behind 0/");
}

/* A record that is damaged ends the log, wherever it lies. */
static void
broken(void)
{
	char lsn[LSN_TEXT_MAX];

	fresh();
	r.bytes[at[4] - r.start + 40] ^= 1;
	for (uint32_t i = 0; i < 3; i++)
		put(i, NULL);
	server.has[3] = true;
	open_from(at[1]);
	EQ(base_log_until(reader, segment(1), &e), 0);
	FAILS(base_log_until(reader, segment(3), &e), ERR_REFUSED,
	    lsn_text(at[4], lsn));
	OK(knows(1, 3));
	FAILS(base_log_to(reader, at[10], &e), ERR_REFUSED,
	    "cannot be followed behind 0/");
	fresh();
	r.bytes[at[10] - r.start + 40] ^= 1;
	memset(server.has, true, sizeof server.has);
	open_from(at[1]);
	EQ(base_log_until(reader, segment(3), &e), 0);
	FAILS(base_log_to(reader, at[11], &e), ERR_REFUSED,
	    lsn_text(at[10], lsn));
}

/* What the archive has not, or not as it should be. */
static void
elsewhere(void)
{
	struct age_keys *keys = age_keys_new(&e);
	struct buf identity = BUF_INIT(1000);
	char recipient[AGE_RECIPIENT_MAX];

	fresh();
	put(0, NULL);
	put(2, NULL);
	server.has[1] = server.has[3] = true;
	open_from(at[1]);
	EQ(base_log_to(reader, at[10], &e), 0);
	OK(knows(1, 9));
	EQ(server.bytes[1], SIZE);
	/* damaged, in its second half */
	if (system("f=$(echo store/wal/*/*07.gz) && "
	    "truncate -s $(($(stat -c %s $f) * 3 / 4)) $f") != 0)
		abort();
	open_from(at[1]);
	FAILS(base_log_until(reader, segment(3), &e), ERR_REFUSED,
	    "000000010000000000000007 is neither in");
	server.has[2] = true;
	open_from(at[1]);
	EQ(base_log_until(reader, segment(3), &e), 0);
	OK(knows(1, 8));
	EQ(base_log_to(reader, at[10], &e), 0);
	OK(knows(1, 9));
	/* what went out before it showed: a page behind the last */
	walmake_page(r.bytes + 3 * SIZE - WAL_PAGE, segment(3) - WAL_PAGE, 1,
	    ID, SIZE, 0);
	put_file("000000010000000000000007", r.bytes + 2 * SIZE, SIZE);
	memset(r.bytes + 3 * SIZE - WAL_PAGE, 0, WAL_PAGE);
	if (system("rm store/wal/*/*07.gz && mv 0*07 store/wal/0*") != 0)
		abort();
	open_from(at[1]);
	EQ(base_log_to(reader, at[10], &e), 0);
	OK(knows(1, 9));
	/* encrypted, and no key */
	EQ(age_new_identity(&identity, recipient, &e), 0);
	EQ(age_add_recipient(keys, recipient, &e), 0);
	fresh();
	put(0, keys);
	open_from(at[1]);
	FAILS(base_log_until(reader, segment(1), &e), ERR_REFUSED,
	    "000000010000000000000005 is neither in");
	server.has[0] = true;
	open_from(at[1]);
	EQ(base_log_until(reader, segment(1), &e), 0);
	OK(knows(1, 2));
	age_keys_free(keys);
	buf_wipe(&identity);
}

/* What is archived and gone while it is looked for. */
static void
moved(void)
{
	fresh();
	put(0, NULL);
	memset(server.has, true, sizeof server.has);
	server.moves[1] = server.moves[3] = true;
	open_from(at[1]);
	EQ(base_log_until(reader, segment(2), &e), 0);
	OK(knows(1, 4));
	OK(!server.has[1] && server.has[2] && server.has[3]);
	EQ(base_log_to(reader, at[10], &e), 0);
	OK(knows(1, 9));
	OK(!server.has[3]);
	EQ(server.calls[1] + server.calls[2] + server.calls[3], 3);
}

/* A server that has it not, is gone, or gives less than there should be. */
static void
bad_server(void)
{
	fresh();
	for (uint32_t i = 0; i < 3; i++)
		put(i, NULL);
	open_from(at[1]);
	FAILS(base_log_to(reader, at[10], &e), ERR_REFUSED,
	    "000000010000000000000008 is neither in");
	server.has[3] = true;
	server.fails = true;
	open_from(at[1]);
	FAILS(base_log_to(reader, at[10], &e), ERR_PG, "is gone");
	server.fails = false;
	server.size = (uint32_t)(at[10] - segment(3)) / WAL_PAGE * WAL_PAGE;
	open_from(at[1]);
	FAILS(base_log_to(reader, at[10], &e), ERR_REFUSED,
	    "cannot be followed behind 0/");
	server.size = 0;
	open_from(at[1]);
	FAILS(base_log_to(reader, at[10], &e), ERR_REFUSED,
	    "cannot be followed behind 0/");
}

/* wal_level became minimal: before, or in between. */
static void
minimal(void)
{
	static const unsigned char level[28];
	uint64_t to;

	fresh();
	recmake_add(&r, 0, 0x60, 0, level, sizeof level, 0);
	to = block(12);
	memset(server.has, true, sizeof server.has);
	open_from(at[1]);
	FAILS(base_log_to(reader, to, &e), ERR_REFUSED, "\"minimal\"");
	open_from(to);
	EQ(base_log_to(reader, to, &e), 0);
	put(3, NULL);
	memset(server.has, false, sizeof server.has);
	open_from(at[9]);
	FAILS(base_log_until(reader, segment(4), &e), ERR_REFUSED,
	    "\"minimal\"");
}

/* A log that must tell of the parent's end, and one that need not. */
static void
other_log(void)
{
	struct base_log log = { NULL, NULL, NULL, 1, 1, SIZE, 0, true };
	uint64_t to;

	fresh();
	log.store = store;
	recmake_add(&r, 0, 0x50, 0, &at[2], sizeof at[2], 0);
	to = block(12);
	memset(server.has, true, sizeof server.has);
	for (int i = 1; i < 4; i++) {
		log.from = at[i];
		base_log_close(reader);
		reader = base_log_open(&log, out, &e);
		if (i == 2)
			EQ(base_log_to(reader, to, &e), 0);
		else
			FAILS(base_log_to(reader, to, &e), ERR_REFUSED,
			    "does not tell of the end of the backup");
	}
	/* one that goes on where the end was not met yet */
	log.from = at[2];
	base_log_close(reader);
	reader = base_log_open(&log, out, &e);
	FAILS(base_log_to(reader, at[9], &e), ERR_REFUSED, "put back");
	/* in the past of what was read already */
	for (int i = 0; i < 2; i++) {
		log.ended = i == 1;
		base_log_close(reader);
		reader = base_log_open(&log, out, &e);
		EQ(base_log_until(reader, segment(3), &e), 0);
		if (i == 0)
			EQ(base_log_to(reader, at[4], &e), 0);
		else
			FAILS(base_log_to(reader, at[4], &e), ERR_REFUSED,
			    "put back");
	}
}

int
main(void)
{
	umask(077);
	enter_dir();
	across();
	no_record();
	broken();
	elsewhere();
	moved();
	bad_server();
	minimal();
	other_log();
	base_log_close(reader);
	base_log_close(NULL);
	base_changed_free(out);
	archive_close(a);
	store_close(store);
	free(r.bytes);
	EQ(e.kind, ERR_NONE);
	leave_dir();
	return done();
}
