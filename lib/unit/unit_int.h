/* unit_int: what the parts of this room share. */
#ifndef PGK_UNIT_INT_H
#define PGK_UNIT_INT_H

#include <stdbool.h>
#include <time.h>

#include "unit/unit.h"

/* `digits` digits and then one byte of `then`, or nothing if `then` is "". */
bool unit_take(const char **text, int digits, const char *then, int *value);

/* "+09", "+0900", "+09:00", "Z", to the end: seconds east of UTC. */
bool unit_take_zone(const char *text, int *east);

/* The days of a month, 1..12. */
int unit_days_in(int year, int month);

/* localtime_r() in a zone. */
void unit_local_time(int64_t when, const char *zone, struct tm *tm);

#endif
