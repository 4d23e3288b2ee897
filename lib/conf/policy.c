#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "conf/conf_int.h"
#include "unit/unit.h"

#define CRONTAB_MAX 256
#define BLANK " \t"

struct field {
	const char *name;
	int min, max;
	const char *const *words; /* names for min, min + 1, ...; or NULL */
};

static const char *const months[] = { "jan", "feb", "mar", "apr", "may",
	"jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri",
	"sat", NULL };

/* Day 7 is Sunday too. */
static const struct field fields[] = { { "minute", 0, 59, NULL },
	{ "hour", 0, 23, NULL }, { "day of month", 1, 31, NULL },
	{ "month", 1, 12, months }, { "day of week", 0, 7, days } };
#define FIELDS (sizeof fields / sizeof *fields)

/* A number or name at *p, which moves behind it; -1 if there is none. */
static int
take_value(const char **p, const struct field *f)
{
	int value = 0;
	size_t digits = strspn(*p, "0123456789");

	for (int i = 0; f->words != NULL && f->words[i] != NULL; i++)
		if (strncasecmp(*p, f->words[i], 3) == 0) {
			*p += 3;
			return f->min + i;
		}
	if (digits == 0 || digits > 2)
		return -1;
	for (; digits > 0; digits--, ++*p)
		value = value * 10 + (**p - '0');
	return value < f->min || value > f->max ? -1 : value;
}

/* "*", "5", "1-5", "* / 10" without its blanks, "1-30/2" */
static bool
take_item(const char **p, const struct field *f)
{
	static const struct field step = { "step", 1, 59, NULL };
	int from, to;

	if (**p == '*') {
		++*p;
	} else {
		if ((from = take_value(p, f)) == -1)
			return false;
		if (**p != '-')
			return true;
		++*p;
		if ((to = take_value(p, f)) < from)
			return false;
	}
	if (**p != '/')
		return true;
	++*p;
	return take_value(p, &step) != -1;
}

static bool
is_field(const char *word, const struct field *f)
{
	for (;;) {
		if (!take_item(&word, f))
			return false;
		if (*word == '\0')
			return true;
		if (*word++ != ',')
			return false;
	}
}

/* The next word of *text in `out`; false at the end or when it is too long. */
static bool
next_word(const char **text, char *out, size_t size)
{
	size_t len;

	*text += strspn(*text, BLANK);
	len = strcspn(*text, BLANK);
	if (len == 0 || len >= size)
		return false;
	memcpy(out, *text, len);
	out[len] = '\0';
	*text += len;
	return true;
}

char *
conf_crontab(const char *text, struct err *e)
{
	struct buf out = BUF_INIT(CRONTAB_MAX);
	char word[CRONTAB_MAX / 2];
	size_t i;

	for (i = 0; i < FIELDS && next_word(&text, word, sizeof word); i++) {
		if (!is_field(word, &fields[i])) {
			err_set(e, ERR_CONF, "invalid %s \"%s\" for cron",
			    fields[i].name, word);
			goto fail;
		}
		if ((i > 0 && buf_byte(&out, ' ', e) == -1) ||
		    buf_str(&out, word, e) == -1)
			goto fail;
	}
	if (i == FIELDS && text[strspn(text, BLANK)] == '\0')
		return out.data;
	err_set(e, ERR_CONF, "crontab time needs five fields or \"-\"");
	err_hint(e, "minute hour day-of-month month day-of-week, such as "
	    "0 3 * * *");
fail:
	buf_free(&out);
	return NULL;
}

/* "-" is 0: not set. */
static int
take_duration(const char *name, const char *word, int64_t *seconds,
    struct err *e)
{
	struct err why = ERR_INIT;

	if (strcmp(word, "-") == 0) {
		*seconds = 0;
		return 0;
	}
	if (unit_parse_duration(word, seconds, &why) == -1) {
		err_set(e, ERR_CONF, "%s: %s", name, why.text);
		return err_hint(e, "%s", why.hint);
	}
	if (*seconds == 0)
		return err_set(e, ERR_CONF, "%s: \"%s\" is no time at all; "
		    "\"-\" means not set", name, word);
	return 0;
}

int
conf_parse_policy(const char *text, struct conf_policy *row, struct err *e)
{
	static const char *const names[] = { "every", "keep", "rpo", "rto" };
	int64_t times[4];
	char word[64];
	char *at = NULL;

	for (size_t i = 0; i < 4; i++) {
		if (!next_word(&text, word, sizeof word))
			goto few;
		if (take_duration(names[i], word, &times[i], e) == -1)
			return -1;
	}
	text += strspn(text, BLANK);
	if (*text == '\0')
		goto few;
	if (strcmp(text, "-") != 0 && (at = conf_crontab(text, e)) == NULL)
		return -1;
	*row = (struct conf_policy){ true, times[0], times[1], times[2],
		times[3], at };
	return 0;
few:
	err_set(e, ERR_CONF, "policy needs: every keep rpo rto at");
	return err_hint(e, "such as: 1d 30d 24h 4h 0 3 * * *");
}
