#include "lsn/lsn.h"

#include <stdlib.h>

#include "tap.h"

static struct err e;

static uint64_t
parsed(const char *text)
{
	uint64_t lsn = 7;

	return lsn_parse(text, &lsn, &e) == 0 ? lsn : 7777;
}

static void
lsns(void)
{
	static const char *const bad[] = { "", "/", "0", "0/", "/0", "0/0 ",
		" 0/0", "0x1/0", "123456789/0", "0/123456789", "-1/0", "0/0/0",
		"G/0", "0/G", "0-0", "0//0" };
	char out[LSN_TEXT_MAX];
	uint64_t lsn = 7;

	OK(parsed("0/0") == 0);
	OK(parsed("16/B374D848") == UINT64_C(0x16B374D848));
	OK(parsed("16/b374d848") == UINT64_C(0x16B374D848));
	OK(parsed("FFFFFFFF/FFFFFFFF") == UINT64_MAX);
	OK(parsed("00000001/00000001") == UINT64_C(0x100000001));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(lsn_parse(bad[i], &lsn, &e) == -1, ERR_USAGE,
		    "is no LSN");
	EQ(lsn, 7);
	IS(lsn_text(0, out), "0/0");
	IS(lsn_text(UINT64_C(0x16B374D848), out), "16/B374D848");
	IS(lsn_text(UINT64_MAX, out), "FFFFFFFF/FFFFFFFF");
}

static void
sizes(void)
{
	OK(lsn_is_segment_size(1 << 20));
	OK(lsn_is_segment_size(LSN_SEGMENT_SIZE));
	OK(lsn_is_segment_size(1 << 30));
	OK(!lsn_is_segment_size(0));
	OK(!lsn_is_segment_size(1 << 19));
	OK(!lsn_is_segment_size((uint64_t)1 << 31));
	OK(!lsn_is_segment_size((uint64_t)1 << 52));
	OK(!lsn_is_segment_size(3 << 20));
}

/* Parse at a size, and write again: the same name. */
static void
round_trip(const char *name, uint32_t size, enum lsn_kind kind,
    uint32_t timeline, uint64_t segment, uint32_t offset)
{
	struct lsn_name n;
	char out[LSN_NAME_MAX];

	OK(lsn_parse_name(name, size, &n, &e) == 0);
	EQ(n.kind, kind);
	EQ(n.timeline, timeline);
	OK(n.segment == segment);
	EQ(n.offset, offset);
	IS(lsn_write_name(&n, size, out), name);
}

static void
names(void)
{
	static const char *const bad[] = { "", "1", "00000001",
		"00000001.histor", "00000001.history ", "0000000a.history",
		"00000000.history", "000000001.history", ".history",
		"000000000000000100000001", "00000001000000000000000",
		"0000000100000000000000010", "00000001000000000000000G",
		"00000001000000000000000a", "000000010000000000000100",
		"0000000100000000FFFFFFFF", "000000010000000000000001.",
		"000000010000000000000001.part",
		"000000010000000000000001.partial.00000000",
		"000000010000000000000001.00000028.backu",
		"000000010000000000000001.0000028.backup",
		"000000010000000000000001.000000028.backup",
		"000000010000000000000001.01000000.backup",
		"000000010000000000000001.gz", "../00000001.history",
		"-00000010000000000000001", "00000001/000000000000001",
		"00000001000000000000000\n",
		"000000010000000000000001000000010000000000000001" };
	struct lsn_name n = { LSN_PARTIAL, 5, 6, 7 };
	char out[LSN_NAME_MAX];

	round_trip("000000010000000000000001", LSN_SEGMENT_SIZE, LSN_SEGMENT,
	    1, 1, 0);
	round_trip("0000000A0000000100000000", LSN_SEGMENT_SIZE, LSN_SEGMENT,
	    10, 256, 0);
	round_trip("FFFFFFFFFFFFFFFF000000FF", LSN_SEGMENT_SIZE, LSN_SEGMENT,
	    UINT32_MAX, ((uint64_t)1 << 40) - 1, 0);
	round_trip("000000010000000100000FFF", 1 << 20, LSN_SEGMENT, 1, 8191,
	    0);
	round_trip("000000010000000100000003", 1 << 30, LSN_SEGMENT, 1, 7, 0);
	round_trip("000000010000000000000001.partial", LSN_SEGMENT_SIZE,
	    LSN_PARTIAL, 1, 1, 0);
	round_trip("000000010000000000000001.00000028.backup",
	    LSN_SEGMENT_SIZE, LSN_BACKUP, 1, 1, 0x28);
	round_trip("000000010000000000000001.00FFFFFF.backup",
	    LSN_SEGMENT_SIZE, LSN_BACKUP, 1, 1, 0xffffff);
	round_trip("00000010.history", LSN_SEGMENT_SIZE, LSN_HISTORY, 16, 0,
	    0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(lsn_parse_name(bad[i], LSN_SEGMENT_SIZE, &n, &e) == -1,
		    ERR_USAGE, "is not the name of a WAL file");
	FAILS(lsn_parse_name("000000010000000100000004", 1 << 30, &n,
	    &e) == -1, ERR_USAGE, "WAL file");
	FAILS(lsn_parse_name("00000002.history", 5, &n, &e) == -1, ERR_USAGE,
	    "size");
	OK(n.kind == LSN_PARTIAL && n.timeline == 5 && n.segment == 6 &&
	    n.offset == 7);
	IS(lsn_segment_of(1, 0x1000000, LSN_SEGMENT_SIZE, out),
	    "000000010000000000000001");
	IS(lsn_segment_of(1, 0xffffff, LSN_SEGMENT_SIZE, out),
	    "000000010000000000000000");
	IS(lsn_segment_of(11, UINT64_C(0x200000000), LSN_SEGMENT_SIZE, out),
	    "0000000B0000000200000000");
	IS(lsn_segment_of(1, UINT64_MAX, 1 << 20, out),
	    "00000001FFFFFFFF00000FFF");
}

static void
histories(void)
{
	static const char text[] =
	    "1\t0/3000000\tno recovery target specified\n"
	    "\n# a remark 9 9/9\n"
	    "  2 0/5000060\tbefore 2025-01-27 03:00:00+09\n"
	    "10\t1/28";
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "no ancestor" },
		{ "# 1 0/1\n\n", "no ancestor" },
		{ "1\n", "line 1" },
		{ "1 0\n", "line 1" },
		{ "1 0/1\nx 0/2\n", "line 2" },
		{ "0 0/1\n", "line 1" },
		{ "-1 0/1\n", "line 1" },
		{ "4294967296 0/1\n", "line 1" },
		{ "0x1 0/1\n", "line 1" },
		{ "1 0/100000000\n", "line 1" },
		{ "1 0/1\n1 0/2\n", "line 2 is out of order" },
		{ "2 0/1\n1 0/2\n", "line 2 is out of order" },
		{ "1 0/2\n2 0/1\n", "line 2 is out of order" },
		{ "11 0/2\n", "line 1 is out of order" },
		{ "111111111111111111111111111111111111111111 0/2\n",
		    "line 1" },
	};
	struct lsn_history h = { 0, NULL, 0 };

	OK(lsn_history_parse(text, strlen(text), 11, &h, &e) == 0);
	EQ(h.timeline, 11);
	EQ(h.count, 3);
	EQ(h.items[1].timeline, 2);
	EQ(h.items[2].timeline, 10);
	OK(lsn_history_end(&h, 1) == 0x3000000);
	OK(lsn_history_end(&h, 10) == UINT64_C(0x100000028));
	OK(lsn_history_end(&h, 11) == UINT64_MAX);
	OK(lsn_history_end(&h, 3) == 0);
	OK(lsn_history_end(&h, 12) == 0);
	EQ(lsn_history_at(&h, 0), 1);
	EQ(lsn_history_at(&h, 0x2ffffff), 1);
	EQ(lsn_history_at(&h, 0x3000000), 2);
	EQ(lsn_history_at(&h, 0x5000060), 10);
	EQ(lsn_history_at(&h, UINT64_C(0x100000028)), 11);
	EQ(lsn_history_at(&h, UINT64_MAX), 11);
	lsn_history_free(&h);
	EQ(h.count, 0);
	/* a timeline that was left where it began */
	OK(lsn_history_parse("1 0/5\n2 0/5\n", 12, 3, &h, &e) == 0);
	EQ(lsn_history_at(&h, 5), 3);
	lsn_history_free(&h);
	OK(lsn_history_parse("", 0, 1, &h, &e) == 0);
	EQ(h.count, 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(lsn_history_parse(bad[i].text, strlen(bad[i].text), 11,
		    &h, &e) == -1, ERR_CORRUPT, bad[i].why);
	FAILS(lsn_history_parse("1 0\0/2\n", 7, 11, &h, &e) == -1,
	    ERR_CORRUPT, "line 1");
}

int
main(void)
{
	lsns();
	sizes();
	names();
	histories();
	return done();
}
