#include "unit/unit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DURATION_MAX (INT64_C(100) * 31557600) /* 100 Julian years */

struct scale {
	const char *name;
	uint64_t factor;
};

/* Largest first: "1h30m" descends. */
static const struct scale durations[] = { { "w", 604800 }, { "d", 86400 },
	{ "h", 3600 }, { "m", 60 }, { "s", 1 }, { NULL, 0 } };

static const struct scale sizes[] = { { "TB", UINT64_C(1) << 40 },
	{ "GB", 1 << 30 }, { "MB", 1 << 20 }, { "kB", 1 << 10 }, { "B", 1 },
	{ "", 1 }, { NULL, 0 } };

/* Digits at *word, which moves behind them; false without any, or too many. */
static bool
take_digits(const char **word, uint64_t *value)
{
	const char *p = *word;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	if (p == *word)
		return false;
	*word = p;
	*value = v;
	return true;
}

int
unit_parse_duration(const char *word, int64_t *seconds, struct err *e)
{
	const struct scale *s = durations;
	const char *p = word;
	uint64_t sum = 0, n;

	do {
		if (!take_digits(&p, &n))
			goto bad;
		while (s->name != NULL && *p != s->name[0])
			s++;
		if (s->name == NULL)
			goto bad;
		p++;
		if (__builtin_mul_overflow(n, s->factor, &n) ||
		    __builtin_add_overflow(sum, n, &sum) || sum > DURATION_MAX)
			return err_set(e, ERR_USAGE,
			    "duration \"%s\" is over 100 years", word);
		s++;
	} while (*p != '\0');
	*seconds = (int64_t)sum;
	return 0;
bad:
	err_set(e, ERR_USAGE, "invalid duration \"%s\"", word);
	return err_hint(e, "write 90s, 5m, 1h30m, 30d or 12w");
}

int
unit_parse_size(const char *word, uint64_t *bytes, struct err *e)
{
	const struct scale *s = sizes;
	const char *p = word;
	uint64_t n;

	if (!take_digits(&p, &n))
		goto bad;
	while (s->name != NULL && strcmp(p, s->name) != 0)
		s++;
	if (s->name == NULL || __builtin_mul_overflow(n, s->factor, &n))
		goto bad;
	*bytes = n;
	return 0;
bad:
	err_set(e, ERR_USAGE, "invalid size \"%s\"", word);
	return err_hint(e, "write 4096, 64kB, 1MB, 2GB or 1TB");
}

int
unit_parse_number(const char *word, int64_t min, int64_t max,
    int64_t *number, struct err *e)
{
	const char *p = word;
	bool minus = *p == '-';
	uint64_t n;
	int64_t v;

	p += minus;
	if (!take_digits(&p, &n) || *p != '\0' ||
	    n > (uint64_t)INT64_MAX + minus)
		goto bad;
	/* INT64_MIN has no positive twin to negate */
	v = minus ? (n == 0 ? 0 : -(int64_t)(n - 1) - 1) : (int64_t)n;
	if (v < min || v > max)
		goto bad;
	*number = v;
	return 0;
bad:
	return err_set(e, ERR_USAGE, "\"%s\" is not a number from %" PRId64
	    " to %" PRId64, word, min, max);
}

const char *
unit_duration(int64_t seconds, char out[UNIT_TEXT_MAX])
{
	uint64_t left = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	size_t len = 0;

	if (seconds == 0)
		return strcpy(out, "0s");
	if (seconds < 0)
		out[len++] = '-';
	/* from days down: "30d" says more than "4w2d" */
	for (const struct scale *s = durations + 1; s->name != NULL; s++) {
		if (left / s->factor > 0)
			len += (size_t)snprintf(out + len,
			    UNIT_TEXT_MAX - len, "%" PRIu64 "%s",
			    left / s->factor, s->name);
		left %= s->factor;
	}
	return out;
}

const char *
unit_size(uint64_t bytes, char out[UNIT_TEXT_MAX])
{
	static const char *const names[] = { "kB", "MB", "GB", "TB", "PB",
		"EB" };
	uint64_t unit = 1000, tenths;
	unsigned i = 0;

	if (bytes < 1000) {
		snprintf(out, UNIT_TEXT_MAX, "%" PRIu64 " B", bytes);
		return out;
	}
	/* 999.95 kB is 1.0 MB: round first, then choose */
	while (i < 5 && bytes >= unit * 1000 - unit / 20) {
		unit *= 1000;
		i++;
	}
	tenths = bytes / unit * 10 + (bytes % unit + unit / 20) / (unit / 10);
	snprintf(out, UNIT_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s",
	    tenths / 10, tenths % 10, names[i]);
	return out;
}

int64_t
unit_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

double
unit_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
