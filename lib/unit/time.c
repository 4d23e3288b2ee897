#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit/unit_int.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 64
/* The years 0000 to 9999, all that RFC 3339 can say. */
#define TIME_MIN INT64_C(-62167219200)
#define TIME_MAX INT64_C(253402300799)

static time_t
in_range(int64_t when)
{
	return when < TIME_MIN ? TIME_MIN : when > TIME_MAX ? TIME_MAX : when;
}

const char *
unit_rfc3339(int64_t when, char out[UNIT_TEXT_MAX])
{
	time_t t = in_range(when);
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(out, UNIT_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
	return out;
}

bool
unit_take(const char **text, int digits, const char *then, int *value)
{
	const char *p = *text;

	*value = 0;
	for (; digits > 0; digits--, p++) {
		if (*p < '0' || *p > '9')
			return false;
		*value = *value * 10 + (*p - '0');
	}
	if (*then != '\0' && (*p == '\0' || strchr(then, *p++) == NULL))
		return false;
	*text = p;
	return true;
}

int
unit_days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

bool
unit_take_zone(const char *p, int *east)
{
	int hours, minutes = 0;
	char sign = *p;

	*east = 0;
	if (*p == 'Z' || *p == 'z')
		return p[1] == '\0';
	if (*p != '+' && *p != '-')
		return false;
	p++;
	if (!unit_take(&p, 2, "", &hours))
		return false;
	if (*p == ':')
		p++;
	if (*p != '\0' && !unit_take(&p, 2, "", &minutes))
		return false;
	if (*p != '\0' || p[-1] == ':' || hours > 23 || minutes > 59)
		return false;
	*east = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

int
unit_parse_rfc3339(const char *text, int64_t *when, struct err *e)
{
	const char *p = text;
	struct tm tm = { 0 };
	int year, month, east;

	if (!unit_take(&p, 4, "-", &year) || !unit_take(&p, 2, "-", &month) ||
	    !unit_take(&p, 2, "Tt ", &tm.tm_mday) ||
	    !unit_take(&p, 2, ":", &tm.tm_hour) ||
	    !unit_take(&p, 2, ":", &tm.tm_min) || !unit_take(&p, 2, "", &tm.tm_sec))
		goto bad;
	if (*p == '.') {
		if (strspn(p + 1, "0123456789") == 0)
			goto bad;
		p += 1 + strspn(p + 1, "0123456789");
	}
	/* second 60 is a leap second, and the next minute's 0 to us */
	if (!unit_take_zone(p, &east) || (p[1] != '\0' &&
	    strlen(p) != strlen("+09:00")) || month < 1 || month > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > unit_days_in(year, month) ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		goto bad;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*when = (int64_t)timegm(&tm) - east;
	return 0;
bad:
	return err_set(e, ERR_CORRUPT, "invalid time \"%.40s\"", text);
}

/*
 * The C library knows one zone at a time, the one in TZ. setenv() would move
 * the environment under the feet of other threads' getenv(), so each zone
 * gets a copy of the environment with its TZ, never changed and kept for
 * ever, and `environ` points to it for a moment.
 */
struct zone {
	struct zone *next;
	char **env;
	char tz[ZONE_NAME_MAX + 8];
};
static struct zone *zones;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct zone *
make_zone(const char *name)
{
	struct zone *z = calloc(1, sizeof *z);
	size_t n = 2;

	for (char **v = environ; v != NULL && *v != NULL; v++)
		n++;
	if (z == NULL || (z->env = calloc(n, sizeof *z->env)) == NULL) {
		free(z);
		return NULL;
	}
	snprintf(z->tz, sizeof z->tz, "TZ=:%s", name);
	n = 0;
	z->env[n++] = z->tz;
	for (char **v = environ; v != NULL && *v != NULL; v++)
		if (strncmp(*v, "TZ=", 3) != 0)
			z->env[n++] = *v;
	z->next = zones;
	zones = z;
	return z;
}

static struct zone *
find_zone(const char *name)
{
	for (struct zone *z = zones; z != NULL; z = z->next)
		if (strcmp(z->tz + strlen("TZ=:"), name) == 0)
			return z;
	return make_zone(name);
}

void
unit_local_time(int64_t when, const char *name, struct tm *tm)
{
	time_t t = in_range(when);
	struct zone *z = NULL;
	char **ours;
	bool named = name != NULL && *name != '\0';

	pthread_mutex_lock(&lock);
	ours = environ;
	if (named && (z = find_zone(name)) != NULL)
		environ = z->env;
	tzset();
	/* without memory for the zone UTC is at least not wrong */
	if ((named && z == NULL) || localtime_r(&t, tm) == NULL)
		gmtime_r(&t, tm);
	environ = ours;
	tzset();
	pthread_mutex_unlock(&lock);
}

const char *
unit_stamp(int64_t when, const char *zone, char out[UNIT_TEXT_MAX])
{
	struct tm tm;

	unit_local_time(when, zone, &tm);
	snprintf(out, UNIT_TEXT_MAX, "%04d%02d%02d_%02d%02d%02d",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
	return out;
}

const char *
unit_local(int64_t when, const char *zone, char out[UNIT_TEXT_MAX])
{
	struct tm tm;
	long off;
	int n;

	unit_local_time(when, zone, &tm);
	off = tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff;
	n = snprintf(out, UNIT_TEXT_MAX,
	    "%04d-%02d-%02d %02d:%02d:%02d%c%02ld", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    tm.tm_gmtoff < 0 ? '-' : '+', off / 3600);
	/* as PostgreSQL: minutes and seconds only where there are any */
	if (off % 3600 != 0 && n > 0)
		n += snprintf(out + n, UNIT_TEXT_MAX - (size_t)n, ":%02ld",
		    off / 60 % 60);
	if (off % 60 != 0 && n > 0)
		snprintf(out + n, UNIT_TEXT_MAX - (size_t)n, ":%02ld",
		    off % 60);
	return out;
}

#define DAY 86400

/* Seconds from `when`'s time of day to `second` of the same or next day. */
static int64_t
to_second(int64_t when, const char *zone, int64_t second)
{
	struct tm tm;

	unit_local_time(when, zone, &tm);
	second -= tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
	return second <= 0 ? second + DAY : second;
}

int
unit_next_clock(const char *word, const char *zone, int64_t now,
    int64_t *when, struct err *e)
{
	const char *p = word;
	int hour, minute;
	int64_t second, off;

	if (!unit_take(&p, 2, ":", &hour) || !unit_take(&p, 2, "", &minute) ||
	    *p != '\0' || hour > 23 || minute > 59)
		return err_set(e, ERR_USAGE, "\"%s\" is no time of day, "
		    "HH:MM", word);
	second = hour * 3600 + minute * 60;
	now += to_second(now, zone, second);
	/* clocks may have been put forward or back in between */
	off = to_second(now, zone, second);
	if (off != DAY)
		now += off > DAY / 2 ? off - DAY : off;
	*when = now;
	return 0;
}

/* Parts of [A-Za-z0-9_+-] joined by '/': no way out of the folder. */
static bool
is_zone_name(const char *zone)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t len = strlen(zone);

	return len > 0 && len < ZONE_NAME_MAX && strspn(zone, plain) == len &&
	    zone[0] != '/' && zone[len - 1] != '/' &&
	    strstr(zone, "//") == NULL;
}

static bool
is_zone_file(const char *zone)
{
	char path[sizeof ZONE_FOLDER + 1 + ZONE_NAME_MAX], magic[4];
	int fd;
	bool good;

	snprintf(path, sizeof path, ZONE_FOLDER "/%s", zone);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return false;
	good = read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
	    memcmp(magic, "TZif", sizeof magic) == 0;
	close(fd);
	return good;
}

int
unit_check_zone(const char *zone, struct err *e)
{
	struct stat st;

	if (is_zone_name(zone) && is_zone_file(zone))
		return 0;
	err_set(e, ERR_USAGE, "unknown time zone \"%.80s\"", zone);
	if (stat(ZONE_FOLDER, &st) == -1)
		return err_hint(e, "install the package tzdata");
	return err_hint(e, "names are those of \"%s\", such as Asia/Seoul",
	    ZONE_FOLDER);
}
