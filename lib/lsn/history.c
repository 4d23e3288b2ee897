/*
 * A timeline's history: a line for each ancestor, "TIMELINE LSN REASON" with
 * any white space between them, decimal and as an LSN; blank lines and
 * those that begin with '#' mean nothing (PostgreSQL's timeline.c).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "lsn/lsn.h"

#define WORD_MAX 32 /* more than a timeline or an LSN takes */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next word of the line; false when there is none or it is too long. */
static bool
take_word(const char **p, const char *end, char word[WORD_MAX])
{
	size_t len = 0;

	while (*p < end && is_space(**p))
		(*p)++;
	while (*p < end && !is_space(**p)) {
		if (len == WORD_MAX - 1 || **p == '\0')
			return false;
		word[len++] = *(*p)++;
	}
	word[len] = '\0';
	return len > 0;
}

static bool
parse_timeline(const char *word, uint32_t *timeline)
{
	uint64_t value = 0;

	for (const char *p = word; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		value = value * 10 + (unsigned)(*p - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*timeline = (uint32_t)value;
	return value > 0;
}

/* 1: an item; 0: a line that says nothing; -1: neither. */
static int
parse_line(const char *p, const char *end, uint32_t *timeline, uint64_t *lsn)
{
	char word[WORD_MAX];

	while (p < end && is_space(*p))
		p++;
	if (p == end || *p == '#')
		return 0;
	if (!take_word(&p, end, word) || !parse_timeline(word, timeline) ||
	    !take_word(&p, end, word) || lsn_parse(word, lsn, NULL) == -1)
		return -1;
	return 1;
}

static int
add(struct lsn_history *h, uint32_t timeline, uint64_t end, struct err *e)
{
	void *p = buf_more(h->items, h->count, sizeof *h->items, e);

	if (p == NULL)
		return -1;
	h->items = p;
	h->items[h->count].timeline = timeline;
	h->items[h->count++].end = end;
	return 0;
}

static int
take_line(struct lsn_history *h, const char *p, const char *end,
    unsigned number, struct err *e)
{
	uint32_t timeline;
	uint64_t lsn;

	switch (parse_line(p, end, &timeline, &lsn)) {
	case 0:
		return 0;
	case -1:
		return err_set(e, ERR_CORRUPT, "the history of timeline %"
		    PRIu32 " is damaged: line %u", h->timeline, number);
	}
	if (timeline >= h->timeline || (h->count > 0 &&
	    (timeline <= h->items[h->count - 1].timeline ||
	    lsn < h->items[h->count - 1].end)))
		return err_set(e, ERR_CORRUPT, "the history of timeline %"
		    PRIu32 " is damaged: line %u is out of order",
		    h->timeline, number);
	return add(h, timeline, lsn, e);
}

int
lsn_history_parse(const char *text, size_t len, uint32_t timeline,
    struct lsn_history *out, struct err *e)
{
	struct lsn_history h = { timeline, NULL, 0 };
	const char *p = text, *end = text + len;

	for (unsigned number = 1; p < end; number++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl != NULL ? nl : end;

		if (take_line(&h, p, stop, number, e) == -1)
			goto fail;
		p = nl != NULL ? nl + 1 : end;
	}
	if (h.count == 0 && timeline > 1) {
		err_set(e, ERR_CORRUPT, "the history of timeline %" PRIu32
		    " is damaged: it names no ancestor", timeline);
		goto fail;
	}
	*out = h;
	return 0;
fail:
	lsn_history_free(&h);
	return -1;
}

void
lsn_history_free(struct lsn_history *h)
{
	free(h->items);
	h->items = NULL;
	h->count = 0;
}

uint64_t
lsn_history_end(const struct lsn_history *h, uint32_t timeline)
{
	if (timeline == h->timeline)
		return UINT64_MAX;
	for (size_t i = 0; i < h->count; i++)
		if (h->items[i].timeline == timeline)
			return h->items[i].end;
	return 0;
}

uint32_t
lsn_history_at(const struct lsn_history *h, uint64_t lsn)
{
	for (size_t i = 0; i < h->count; i++)
		if (lsn < h->items[i].end)
			return h->items[i].timeline;
	return h->timeline;
}
