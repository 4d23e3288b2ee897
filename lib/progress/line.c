#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "progress/progress_int.h"
#include "unit/unit.h"

#define BAR_MIN 10
#define BAR_MAX 30
#define BESIDE_BAR 8 /* two blanks before it, "  100%" behind it */
#define COLUMNS_MAX 250 /* times 4 bytes: within PROGRESS_LINE_MAX */

/* A line in the making. */
struct line {
	char *out;
	size_t len;
	unsigned used, columns;
};

/* The character at s (0xfffd if it is none, or a control) and its bytes. */
static uint32_t
decode(const unsigned char *s, size_t *n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 :
	    2;
	uint32_t c = need == 1 ? s[0] : s[0] & (0x7fu >> need);

	*n = 1;
	if (s[0] < 0x20 || s[0] == 0x7f || (s[0] >= 0x80 && s[0] < 0xc2) ||
	    s[0] > 0xf4)
		return 0xfffd;
	for (size_t i = 1; i < need; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[need] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
	    (c >= 0x80 && c < 0xa0))
		return 0xfffd;
	*n = need;
	return c;
}

/* Columns a character takes: Korean and its kin two, marks none. */
static unsigned
width(uint32_t c)
{
	static const struct { uint32_t from, to; } wide[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f },
		{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };

	/* combining, zero width, and what turns the direction of text */
	if ((c >= 0x300 && c < 0x370) || (c >= 0x1160 && c < 0x1200) ||
	    (c >= 0x200b && c < 0x2010) || (c >= 0x2028 && c < 0x202f) ||
	    (c >= 0x2060 && c < 0x2070) || c == 0xfeff)
		return 0;
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
		if (c >= wide[i].from && c <= wide[i].to)
			return 2;
	return 1;
}

/* As much of `text` as fits in `most` columns and the line. */
static void
put(struct line *l, const char *text, unsigned most)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned end = l->columns - l->used < most ? l->columns :
	    l->used + most;

	while (*s != '\0') {
		size_t n;
		uint32_t c = decode(s, &n);
		unsigned w = width(c);

		if (l->used + w > end)
			break;
		if (c == 0xfffd)
			l->out[l->len++] = '?';
		else if (w > 0)
			for (size_t i = 0; i < n; i++)
				l->out[l->len++] = (char)s[i];
		l->used += w;
		s += n;
	}
	l->out[l->len] = '\0';
}

static void
amount(const struct progress_view *v, uint64_t n, char out[UNIT_TEXT_MAX])
{
	if (v->unit == PROGRESS_BYTES)
		unit_size(n, out);
	else
		snprintf(out, UNIT_TEXT_MAX, "%" PRIu64, n);
}

static void
remaining(const struct progress_view *v, char *out, size_t size)
{
	uint64_t left = v->total > v->done ? v->total - v->done : 0;
	double seconds = (double)left / v->rate;
	unsigned s;

	/* not (a <= b): also when it is infinite or no number */
	if (!(v->rate > 0) || !(seconds <= 99 * 3600)) {
		snprintf(out, size, "--:-- left");
		return;
	}
	s = (unsigned)seconds;
	if (s >= 3600)
		snprintf(out, size, "%u:%02u:%02u left", s / 3600,
		    s / 60 % 60, s % 60);
	else
		snprintf(out, size, "%u:%02u left", s / 60, s % 60);
}

static unsigned
percent(const struct progress_view *v)
{
	return v->done >= v->total ? 100 :
	    (unsigned)((double)v->done / (double)v->total * 100);
}

/* "210.0 MB of 499.1 MB  35.2 MB/s  0:12 left", or without the total. */
static void
figures(const struct progress_view *v, bool brief, char *out, size_t size)
{
	char done[UNIT_TEXT_MAX], total[UNIT_TEXT_MAX], rate[UNIT_TEXT_MAX];
	char left[32];
	int n;

	amount(v, v->done, done);
	n = snprintf(out, size, "%s", done);
	if (v->total != 0 && !brief) {
		amount(v, v->total, total);
		n += snprintf(out + n, size - (size_t)n, " of %s", total);
	}
	if (!(v->rate >= 0) || v->rate > 1e18)
		return;
	amount(v, (uint64_t)v->rate, rate);
	n += snprintf(out + n, size - (size_t)n, "  %s/s", rate);
	if (v->total != 0) {
		remaining(v, left, sizeof left);
		snprintf(out + n, size - (size_t)n, "  %s", left);
	}
}

static unsigned
text_width(const char *text)
{
	unsigned sum = 0;

	for (size_t n; *text != '\0'; text += n)
		sum += width(decode((const unsigned char *)text, &n));
	return sum;
}

static void
put_bar(struct line *l, unsigned room, unsigned share)
{
	char bar[BAR_MAX + 1];
	unsigned full;

	if (room > BAR_MAX)
		room = BAR_MAX;
	full = (room - 2) * share / 100;
	memset(bar, ' ', room);
	memset(bar + 1, '=', full);
	if (full < room - 2)
		bar[1 + full] = '>';
	bar[0] = '[';
	bar[room - 1] = ']';
	bar[room] = '\0';
	put(l, "  ", 2);
	put(l, bar, room);
}

/*
 * Bar, percent and figures. The total's figure goes first to make room for
 * the bar, then the bar itself, at last the end of the line.
 */
static void
put_known(struct line *l, const struct progress_view *v)
{
	char text[5 * UNIT_TEXT_MAX], share[16];
	unsigned phase = text_width(v->phase), need = 0;
	bool bar = false;

	for (int brief = 0; brief < 2 && !bar; brief++) {
		figures(v, brief, text, sizeof text);
		need = l->used + BESIDE_BAR + 2 + (unsigned)strlen(text) +
		    (phase > 0 ? 2 + phase : 0);
		bar = need + BAR_MIN <= l->columns;
	}
	if (bar)
		put_bar(l, l->columns - need, percent(v));
	else
		figures(v, phase > 0, text, sizeof text);
	snprintf(share, sizeof share, "  %3u%%", percent(v));
	put(l, share, l->columns);
	put(l, "  ", l->columns);
	put(l, text, l->columns);
}

const char *
progress_line(const struct progress_view *v, unsigned columns,
    char out[PROGRESS_LINE_MAX])
{
	struct line l = { .out = out, .columns = columns > COLUMNS_MAX ?
	    COLUMNS_MAX : columns == 0 ? 0 : columns - 1 };
	char text[5 * UNIT_TEXT_MAX];

	out[0] = '\0';
	put(&l, v->label, l.columns);
	if (v->total != 0) {
		put_known(&l, v);
	} else if (v->done != 0) {
		figures(v, false, text, sizeof text);
		put(&l, "  ", l.columns);
		put(&l, text, l.columns);
	}
	if (v->phase[0] != '\0') {
		put(&l, "  ", l.columns);
		put(&l, v->phase, l.columns);
	}
	return out;
}
