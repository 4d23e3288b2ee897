#include "lsn/lsn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The value of up to `max` hexadecimal digits at *p; their count, or 0. */
static size_t
take_hex(const char **p, const char *end, size_t max, uint64_t *value)
{
	size_t n = 0;

	*value = 0;
	for (; *p < end && n < max; (*p)++, n++) {
		char c = **p;
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned)(c - 'A') + 10;
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else
			break;
		*value = *value << 4 | digit;
	}
	return n;
}

int
lsn_parse(const char *text, uint64_t *lsn, struct err *e)
{
	const char *p = text, *end = text + strlen(text);
	uint64_t high, low;

	if (take_hex(&p, end, 8, &high) == 0 || *p != '/')
		return err_set(e, ERR_USAGE, "\"%s\" is no LSN", text);
	p++;
	if (take_hex(&p, end, 8, &low) == 0 || p != end)
		return err_set(e, ERR_USAGE, "\"%s\" is no LSN", text);
	*lsn = high << 32 | low;
	return 0;
}

const char *
lsn_text(uint64_t lsn, char out[LSN_TEXT_MAX])
{
	snprintf(out, LSN_TEXT_MAX, "%" PRIX32 "/%" PRIX32,
	    (uint32_t)(lsn >> 32), (uint32_t)lsn);
	return out;
}

bool
lsn_is_segment_size(uint64_t size)
{
	return size >= (uint64_t)1 << 20 && size <= (uint64_t)1 << 30 &&
	    (size & (size - 1)) == 0;
}

/* Exactly eight digits in upper case. */
static bool
take_word(const char **p, uint64_t *value)
{
	if (strspn(*p, "0123456789ABCDEF") < 8)
		return false;
	return take_hex(p, *p + 8, 8, value) == 8;
}

/* What follows the 24 digits of a segment's name. */
static bool
parse_tail(const char *p, uint32_t segment_size, struct lsn_name *n)
{
	uint64_t offset;

	n->kind = LSN_SEGMENT;
	n->offset = 0;
	if (*p == '\0')
		return true;
	n->kind = LSN_PARTIAL;
	if (strcmp(p, ".partial") == 0)
		return true;
	n->kind = LSN_BACKUP;
	if (*p++ != '.' || !take_word(&p, &offset) || offset >= segment_size)
		return false;
	n->offset = (uint32_t)offset;
	return strcmp(p, ".backup") == 0;
}

static bool
parse_name(const char *name, uint32_t segment_size, struct lsn_name *n)
{
	uint64_t per_log = ((uint64_t)1 << 32) / segment_size;
	uint64_t timeline, log, segment;
	const char *p = name;

	if (!take_word(&p, &timeline) || timeline == 0)
		return false;
	n->timeline = (uint32_t)timeline;
	if (strcmp(p, ".history") == 0) {
		n->kind = LSN_HISTORY;
		n->segment = 0;
		n->offset = 0;
		return true;
	}
	if (!take_word(&p, &log) || !take_word(&p, &segment) ||
	    segment >= per_log)
		return false;
	n->segment = log * per_log + segment;
	return parse_tail(p, segment_size, n);
}

int
lsn_parse_name(const char *name, uint32_t segment_size,
    struct lsn_name *out, struct err *e)
{
	struct lsn_name n;

	if (!lsn_is_segment_size(segment_size))
		return err_set(e, ERR_USAGE, "%" PRIu32 " bytes is not a WAL "
		    "segment's size", segment_size);
	if (!parse_name(name, segment_size, &n))
		return err_set(e, ERR_USAGE, "\"%s\" is not the name of a "
		    "WAL file", name);
	*out = n;
	return 0;
}

const char *
lsn_write_name(const struct lsn_name *n, uint32_t segment_size,
    char out[LSN_NAME_MAX])
{
	uint64_t per_log = ((uint64_t)1 << 32) / segment_size;
	int len;

	if (n->kind == LSN_HISTORY) {
		snprintf(out, LSN_NAME_MAX, "%08" PRIX32 ".history",
		    n->timeline);
		return out;
	}
	len = snprintf(out, LSN_NAME_MAX,
	    "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, n->timeline,
	    (uint32_t)(n->segment / per_log),
	    (uint32_t)(n->segment % per_log));
	if (n->kind == LSN_PARTIAL)
		snprintf(out + len, LSN_NAME_MAX - (size_t)len, ".partial");
	else if (n->kind == LSN_BACKUP)
		snprintf(out + len, LSN_NAME_MAX - (size_t)len,
		    ".%08" PRIX32 ".backup", n->offset);
	return out;
}

const char *
lsn_segment_of(uint32_t timeline, uint64_t lsn, uint32_t segment_size,
    char out[LSN_NAME_MAX])
{
	const struct lsn_name n = { LSN_SEGMENT, timeline,
		lsn / segment_size, 0 };

	return lsn_write_name(&n, segment_size, out);
}
