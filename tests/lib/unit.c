#include "unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"

static struct err e;
static char out[UNIT_TEXT_MAX];

static int64_t
duration(const char *word)
{
	int64_t s = -1;

	return unit_parse_duration(word, &s, &e) == 0 ? s : -2;
}

static void
durations(void)
{
	static const char *const bad[] = { "", "5", "m", "5 m", " 5m", "5m ",
		"-5m", "+5m", "5M", "5mm", "5m5", "30m1h", "1h1h", "1.5h",
		"0x5m", "5ms", "99999999999999999999s",
		"18446744073709551615w", "9223372036854775807d", "5\xc2\xb5",
		"36526d", "100000w" };
	int64_t s = 7;

	EQ(duration("90s"), 90);
	EQ(duration("5m"), 300);
	EQ(duration("1h"), 3600);
	EQ(duration("30d"), 2592000);
	EQ(duration("12w"), 7257600);
	EQ(duration("1h30m"), 5400);
	EQ(duration("1w2d3h4m5s"), 788645);
	EQ(duration("0s"), 0);
	EQ(duration("36525d"), INT64_C(3155760000));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(unit_parse_duration(bad[i], &s, &e) == -1, ERR_USAGE,
		    bad[i]);
	EQ(s, 7);
	EQ(unit_parse_duration("x", &s, NULL), -1);
	IS(unit_duration(0, out), "0s");
	IS(unit_duration(2592000, out), "30d");
	IS(unit_duration(5400, out), "1h30m");
	IS(unit_duration(90061, out), "1d1h1m1s");
	IS(unit_duration(-300, out), "-5m");
	OK(strlen(unit_duration(INT64_MIN, out)) < UNIT_TEXT_MAX);
	OK(strlen(unit_duration(INT64_MAX, out)) < UNIT_TEXT_MAX);
	for (int64_t t = 0; t < 4000000; t += 997)
		if (duration(unit_duration(t, out)) != t)
			IS(out, "the duration that went in");
}

static uint64_t
size(const char *word)
{
	uint64_t n = 0;

	return unit_parse_size(word, &n, &e) == 0 ? n : UINT64_MAX - 1;
}

static void
sizes(void)
{
	static const char *const bad[] = { "", "kB", "1 MB", "1mb", "1KB",
		"1K", "-1", "+1", "1MBx", "1.5GB", "18446744073709551616",
		"16777216TB", "17179869184GB", " 1", "0x10" };
	uint64_t n = 7;

	EQ(size("4096"), 4096);
	EQ(size("4096B"), 4096);
	EQ(size("64kB"), 65536);
	EQ(size("1MB"), 1048576);
	EQ(size("2GB"), INT64_C(2147483648));
	EQ(size("1TB"), INT64_C(1099511627776));
	OK(size("18446744073709551615") == UINT64_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(unit_parse_size(bad[i], &n, &e) == -1, ERR_USAGE,
		    bad[i]);
	EQ(n, 7);
	IS(unit_size(0, out), "0 B");
	IS(unit_size(999, out), "999 B");
	IS(unit_size(1000, out), "1.0 kB");
	IS(unit_size(1049, out), "1.0 kB");
	IS(unit_size(1050, out), "1.1 kB");
	IS(unit_size(999949, out), "999.9 kB");
	IS(unit_size(999950, out), "1.0 MB");
	IS(unit_size(499100000, out), "499.1 MB");
	IS(unit_size(UINT64_MAX, out), "18.4 EB");
}

static void
numbers(void)
{
	static const char *const bad[] = { "", "-", "+1", "1 ", " 1", "1x",
		"0x1", "1.0", "11", "-11", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999" };
	int64_t n = 7;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(unit_parse_number(bad[i], -10, 10, &n, &e) == -1,
		    ERR_USAGE, bad[i]);
	EQ(n, 7);
	FAILS(unit_parse_number("-1", 0, 5, &n, &e) == -1, ERR_USAGE,
	    "\"-1\" is not a number from 0 to 5");
	EQ(unit_parse_number("-10", -10, 10, &n, &e), 0);
	EQ(n, -10);
	EQ(unit_parse_number("-0", 0, 10, &n, &e), 0);
	EQ(n, 0);
	EQ(unit_parse_number("007", 0, 10, &n, &e), 0);
	EQ(n, 7);
	unit_parse_number("-9223372036854775808", INT64_MIN, INT64_MAX, &n,
	    &e);
	EQ(n, INT64_MIN);
	unit_parse_number("9223372036854775807", INT64_MIN, INT64_MAX, &n,
	    &e);
	EQ(n, INT64_MAX);
}

static int64_t
rfc3339(const char *text)
{
	int64_t when = -1;

	return unit_parse_rfc3339(text, &when, &e) == 0 ? when : INT64_MIN;
}

static void
times(void)
{
	static const char *const bad[] = { "", "2025-01-27",
		"2025-01-27T03:00:00", "2025-01-27T03:00:00+0900",
		"2025-01-27T03:00:00+9:00", "2025-01-27T03:00:00Zx",
		"2025-01-27T03:00:00.Z", "2025-1-27T03:00:00Z",
		"2025-02-29T03:00:00Z", "1900-02-29T03:00:00Z",
		"2025-13-01T03:00:00Z", "2025-00-01T03:00:00Z",
		"2025-01-00T03:00:00Z", "2025-04-31T03:00:00Z",
		"2025-01-27T24:00:00Z", "2025-01-27T03:60:00Z",
		"2025-01-27T03:00:61Z", "2025-01-27T03:00:00+24:00",
		"2025-01-27T03:00:00+00:60", "-025-01-27T03:00:00Z",
		"2025-01-27T03:00:00.5", " 2025-01-27T03:00:00Z" };
	int64_t when = 7;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(unit_parse_rfc3339(bad[i], &when, &e) == -1,
		    ERR_CORRUPT, bad[i]);
	EQ(when, 7);
	EQ(rfc3339("1970-01-01T00:00:00Z"), 0);
	EQ(rfc3339("2025-01-27T03:00:00Z"), 1737946800);
	EQ(rfc3339("2025-01-27t03:00:00.123456z"), 1737946800);
	EQ(rfc3339("2025-01-27 12:00:00+09:00"), 1737946800);
	EQ(rfc3339("2025-01-26T23:30:00-03:30"), 1737946800);
	EQ(rfc3339("2000-02-29T00:00:00Z"), 951782400);
	EQ(rfc3339("2016-12-31T23:59:60Z"), 1483228800);
	IS(unit_rfc3339(1737946800, out), "2025-01-27T03:00:00Z");
	IS(unit_rfc3339(-1, out), "1969-12-31T23:59:59Z");
	IS(unit_rfc3339(INT64_MAX, out), "9999-12-31T23:59:59Z");
	IS(unit_rfc3339(INT64_MIN, out), "0000-01-01T00:00:00Z");
	for (int64_t t = -62167219200; t < INT64_C(253402300800);
	    t += INT64_C(86399999))
		if (rfc3339(unit_rfc3339(t, out)) != t)
			IS(out, "the time that went in");
}

static void
zones(void)
{
	static const char *const bad[] = { "", "Asia/Pyong", "../etc/passwd",
		"Asia/../Asia/Seoul", "/usr/share/zoneinfo/Asia/Seoul",
		"Asia", "zone.tab", "Asia/Seoul/", "Asia//Seoul", "KST-9 ",
		"a\nb", ":Asia/Seoul" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(unit_check_zone(bad[i], &e) == -1, ERR_USAGE, bad[i]);
	EQ(unit_check_zone("Asia/Seoul", &e), 0);
	EQ(unit_check_zone("UTC", &e), 0);
	EQ(unit_check_zone("Etc/GMT+9", &e), 0);
	setenv("TZ", "America/New_York", 1);
	IS(unit_stamp(1737946800, "Asia/Seoul", out), "20250127_120000");
	IS(unit_stamp(1737946800, "UTC", out), "20250127_030000");
	IS(unit_stamp(1737946800, NULL, out), "20250126_220000");
	IS(unit_local(1737946800, "Asia/Seoul", out),
	    "2025-01-27 12:00:00+09");
	IS(unit_local(1737946800, "", out), "2025-01-26 22:00:00-05");
	IS(unit_local(1737946800, "Asia/Kolkata", out),
	    "2025-01-27 08:30:00+05:30");
	IS(unit_local(-2300000000, "Asia/Seoul", out),
	    "1897-02-11 23:34:32+08:27:52");
	/* far beyond any table, and both sides of a change of the clock */
	IS(unit_local(INT64_C(4119022800) - 1, "Europe/Berlin", out),
	    "2100-07-11 22:59:59+02");
	IS(unit_local(1743296399, "Europe/Berlin", out),
	    "2025-03-30 01:59:59+01");
	IS(unit_local(1743296400, "Europe/Berlin", out),
	    "2025-03-30 03:00:00+02");
	IS(getenv("TZ"), "America/New_York");
	OK(strlen(unit_local(INT64_MAX, "Asia/Seoul", out)) > 0);
	OK(strlen(unit_local(INT64_MIN, "Asia/Seoul", out)) > 0);
}

static const char *const many_zones[] = { "Asia/Seoul", "UTC",
	"America/New_York", "Asia/Kolkata" };
static const char *const many_stamps[] = { "20250127_120000",
	"20250127_030000", "20250126_220000", "20250127_083000" };

static void *
stamp_often(void *arg)
{
	size_t n = *(size_t *)arg;
	char mine[UNIT_TEXT_MAX];
	intptr_t wrong = 0;

	for (int i = 0; i < 500; i++) {
		unit_stamp(1737946800, many_zones[n], mine);
		wrong += strcmp(mine, many_stamps[n]) != 0;
		wrong += getenv("TZ") == NULL;
	}
	return (void *)wrong;
}

static void
threads(void)
{
	pthread_t t[4];
	size_t n[4] = { 0, 1, 2, 3 };
	void *wrong;

	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, stamp_often, &n[i]);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(t[i], &wrong);
		OK(wrong == NULL);
	}
}

static int64_t
moment(const char *word, const char *zone, unsigned *micro)
{
	int64_t when;

	return unit_parse_time(word, zone, &when, micro, &e) == 0 ? when :
	    INT64_MIN;
}

static void
moments(void)
{
	static const char *const bad[] = { "", "2025-01-27", "2025-01-27 03",
		"2025-01-27 03:0", "2025-02-29 03:00", "2025-01-27 24:00",
		"2025-01-27 03:00:60", "2025-01-27 03:00 ",
		"2025-01-27 03:00:00.", "2025-01-27 03:00:00.1234567",
		"2025-01-27 03:00+", "2025-01-27 03:00+9",
		"2025-01-27 03:00+09:", "2025-01-27 03:00+09:0",
		"2025-01-27 03:00+24", "2025-01-27 03:00 KST",
		"2025-01-27 03:00Zx", "yesterday" };
	unsigned micro = 9;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(moment(bad[i], "UTC", &micro) == INT64_MIN, ERR_USAGE,
		    "is no time");
	EQ(micro, 9);
	EQ(moment("2025-01-27 03:00:00Z", "Asia/Seoul", &micro), 1737946800);
	EQ(micro, 0);
	EQ(moment("2025-01-27T12:00:00.25+09", NULL, &micro), 1737946800);
	EQ(micro, 250000);
	EQ(moment("2025-01-27 12:00 +0900", NULL, &micro), 1737946800);
	EQ(moment("2025-01-26 21:30-05:30", NULL, &micro), 1737946800);
	EQ(moment("2025-01-27 12:00", "Asia/Seoul", &micro), 1737946800);
	/* New York: 2:00 to 3:00 on 9 March 2025, twice 1:00 on 2 November */
	EQ(moment("2025-03-09 01:59:59", "America/New_York", &micro),
	    1741503599);
	EQ(moment("2025-03-09 03:00", "America/New_York", &micro), 1741503600);
	FAILS(moment("2025-03-09 02:30", "America/New_York", &micro) ==
	    INT64_MIN, ERR_USAGE, "pass over");
	FAILS(moment("2025-11-02 01:30", "America/New_York", &micro) ==
	    INT64_MIN, ERR_USAGE, "show twice");
	EQ(moment("2025-11-02 01:30-04", "America/New_York", &micro),
	    1762061400);
}

static void
next_clock(void)
{
	int64_t when = 0;
	static const char *const bad[] = { "", "6:00", "06:0", "24:00",
		"06:60", "06:00:00", "-6:00", "06:00 ", "ab:cd" };

	/* 2025-01-27 03:00 in Seoul */
	EQ(unit_next_clock("06:00", "Asia/Seoul", 1737914400, &when, &e), 0);
	EQ(when, 1737914400 + 3 * 3600);
	EQ(unit_next_clock("03:00", "Asia/Seoul", 1737914400, &when, &e), 0);
	EQ(when, 1737914400 + 24 * 3600);
	EQ(unit_next_clock("02:59", "Asia/Seoul", 1737914400, &when, &e), 0);
	EQ(when, 1737914400 + 24 * 3600 - 60);
	/* 2025-03-30 01:00 in Berlin: 02:00 is 03:00 */
	EQ(unit_next_clock("06:00", "Europe/Berlin", 1743292800, &when, &e),
	    0);
	EQ(when, 1743292800 + 4 * 3600);
	/* 2025-10-26 00:00 there: 03:00 is 02:00 */
	EQ(unit_next_clock("06:00", "Europe/Berlin", 1761429600, &when, &e),
	    0);
	EQ(when, 1761429600 + 7 * 3600);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(unit_next_clock(bad[i], "UTC", 0, &when, &e) == -1,
		    ERR_USAGE, "HH:MM");
}

static void
clocks(void)
{
	double a = unit_clock();
	struct timespec t = { 0, 20000000 };

	nanosleep(&t, NULL);
	OK(unit_clock() - a >= 0.02 && unit_clock() - a < 5);
	OK(unit_now() > 1700000000 && time(NULL) - unit_now() < 3);
}

int
main(void)
{
	durations();
	sizes();
	numbers();
	times();
	moments();
	zones();
	threads();
	next_clock();
	clocks();
	return done();
}
