/*
 * unit: durations, sizes and times as people and files write them.
 *
 * Parsers take the whole word or refuse it (ERR_USAGE, the word quoted);
 * nothing overflows, and what is refused changes no output. A NULL `e` is
 * allowed where only the answer matters.
 */
#ifndef PGK_UNIT_H
#define PGK_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "err/err.h"

/*
 * "90s", "5m", "1h", "30d", "12w", "1h30m" (units descend: w d h m s); seconds,
 * 0 to 100 years.
 */
int unit_parse_duration(const char *word, int64_t *seconds, struct err *e);

/* "4096", "64kB", "1MB", "2GB", "1TB" with PostgreSQL's units (kB = 1024). */
int unit_parse_size(const char *word, uint64_t *bytes, struct err *e);

/* A whole decimal number within min..max. */
int unit_parse_number(const char *word, int64_t min, int64_t max,
    int64_t *number, struct err *e);

#define UNIT_TEXT_MAX 48

/* "30d", "1h30m", "0s": exact, parses back. Returns `out`. */
const char *unit_duration(int64_t seconds, char out[UNIT_TEXT_MAX]);

/* "499.1 MB" (1 MB = 10^6 bytes, as disks and ls --si count). Returns out. */
const char *unit_size(uint64_t bytes, char out[UNIT_TEXT_MAX]);

/*
 * Seconds since 1970 as RFC 3339 UTC, "2025-01-27T03:00:00Z"; here and below
 * years before 0000 and after 9999 become the nearest of those.
 */
const char *unit_rfc3339(int64_t when, char out[UNIT_TEXT_MAX]);

/* The reverse; "Z" or a numeric offset, fractions cut; else ERR_CORRUPT. */
int unit_parse_rfc3339(const char *text, int64_t *when, struct err *e);

/*
 * A time as a person writes it: "2025-01-27 03:00:00", 'T' for the space,
 * seconds with or without a fraction of up to 6 digits or left out, and at
 * the end "Z", "+09", "+0900" or "+09:00"; without that it is local in `zone`
 * (as below). *micro: the fraction, 0..999999. ERR_USAGE, also for a local
 * time that the zone's clocks pass over, or show twice.
 */
int unit_parse_time(const char *word, const char *zone, int64_t *when,
    unsigned *micro, struct err *e);

/*
 * Local time in an IANA zone ("" or NULL: the system's) as
 * "20250127_030000" and as "2025-01-27 03:00:00+09". The zone's name must
 * pass unit_check_zone(). Safe in any thread: TZ is swapped under a lock,
 * without setenv().
 */
const char *unit_stamp(int64_t when, const char *zone,
    char out[UNIT_TEXT_MAX]);
const char *unit_local(int64_t when, const char *zone,
    char out[UNIT_TEXT_MAX]);

/*
 * The next time after `now` that clocks in the zone show "HH:MM" (24 h).
 * ERR_USAGE.
 */
int unit_next_clock(const char *word, const char *zone, int64_t now,
    int64_t *when, struct err *e);

/* ERR_USAGE unless the zone's file is known to this system. */
int unit_check_zone(const char *zone, struct err *e);

/* Now: wall clock seconds, and monotonic seconds for measuring. */
int64_t unit_now(void);
double unit_clock(void);

#endif
