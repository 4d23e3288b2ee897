#include <string.h>

#include "unit/unit_int.h"

static bool
take_fraction(const char **p, unsigned *micro)
{
	unsigned value = 0, digits = 0;

	*micro = 0;
	if (**p != '.')
		return true;
	for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, digits++)
		value = digits < 6 ? 10 * value + (unsigned)(**p - '0') :
		    value;
	if (digits == 0 || digits > 6)
		return false;
	for (; digits < 6; digits++)
		value *= 10;
	*micro = value;
	return true;
}

/* All up to the zone. */
static bool
take_clock(const char **p, struct tm *tm, unsigned *micro)
{
	int year, month;

	if (!unit_take(p, 4, "-", &year) || !unit_take(p, 2, "-", &month) ||
	    !unit_take(p, 2, "Tt ", &tm->tm_mday) ||
	    !unit_take(p, 2, ":", &tm->tm_hour) ||
	    !unit_take(p, 2, "", &tm->tm_min))
		return false;
	*micro = 0;
	if (**p == ':') {
		(*p)++;
		if (!unit_take(p, 2, "", &tm->tm_sec) ||
		    !take_fraction(p, micro))
			return false;
	}
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	return month >= 1 && month <= 12 && tm->tm_mday >= 1 &&
	    tm->tm_mday <= unit_days_in(year, month) && tm->tm_hour <= 23 &&
	    tm->tm_min <= 59 && tm->tm_sec <= 59;
}

/* Whether the zone's clocks show `tm` at that time. */
static bool
shows(int64_t when, const char *zone, const struct tm *tm)
{
	struct tm there;

	unit_local_time(when, zone, &there);
	return there.tm_year == tm->tm_year && there.tm_mon == tm->tm_mon &&
	    there.tm_mday == tm->tm_mday && there.tm_hour == tm->tm_hour &&
	    there.tm_min == tm->tm_min && there.tm_sec == tm->tm_sec;
}

/* By the offsets of the days before and after: a change lies between them. */
static int
from_local(const struct tm *tm, const char *zone, const char *word,
    int64_t *when, struct err *e)
{
	struct tm copy = *tm, near;
	int64_t utc = (int64_t)timegm(&copy), at[2];
	bool good[2];

	for (int i = 0; i < 2; i++) {
		unit_local_time(utc + (i == 0 ? -86400 : 86400), zone, &near);
		at[i] = utc - near.tm_gmtoff;
		good[i] = shows(at[i], zone, tm);
	}
	if (good[0] != good[1] || (good[0] && at[0] == at[1])) {
		*when = good[0] ? at[0] : at[1];
		return 0;
	}
	err_set(e, ERR_USAGE, "\"%.40s\" is a time that the clocks %s", word,
	    good[0] ? "show twice" : "pass over");
	return err_hint(e, "give it with its offset from UTC, as in +09");
}

int
unit_parse_time(const char *word, const char *zone, int64_t *when,
    unsigned *micro, struct err *e)
{
	const char *p = word;
	struct tm tm = { 0 };
	int64_t t = 0;
	unsigned fraction;
	int east = 0;

	if (!take_clock(&p, &tm, &fraction))
		goto bad;
	if (*p == ' ')
		p++;
	if (*p == '\0') {
		if (p[-1] == ' ')
			goto bad;
		if (from_local(&tm, zone, word, &t, e) == -1)
			return -1;
	} else {
		if (!unit_take_zone(p, &east))
			goto bad;
		t = (int64_t)timegm(&tm) - east;
	}
	*when = t;
	*micro = fraction;
	return 0;
bad:
	err_set(e, ERR_USAGE, "\"%.40s\" is no time", word);
	return err_hint(e, "as in \"2025-01-27 03:00:00+09\"");
}
