/* The rows of a COPY, up to the line that ends them. */
#include <string.h>

#include "buf/buf.h"
#include "sqltext/reader_int.h"
#include "sqltext/sqltext_int.h"

/* Rows begin on the line behind the COPY; only a comment may come before. */
int
sqltext_scan_copy(struct sqltext_reader *r, struct err *e)
{
	const char *p = r->text.data + r->pos, *nl;
	size_t left = r->text.len - r->pos, i = 0;

	if ((nl = memchr(p, '\n', left)) == NULL) {
		if (left > TAG_MAX)
			return err_set(e, ERR_CORRUPT, "text behind COPY ... "
			    "FROM stdin at line %llu",
			    (unsigned long long)r->line);
		return NEED_MORE;
	}
	while (is_space(p[i]) && p + i < nl)
		i++;
	if (p + i < nl && !(p[i] == '-' && p[i + 1] == '-'))
		return err_set(e, ERR_CORRUPT,
		    "text behind COPY ... FROM stdin at line %llu",
		    (unsigned long long)r->line);
	sqltext_pass(r, r->pos + (size_t)(nl - p) + 1);
	r->start = r->pos;
	r->state = IN_ROWS;
	r->line_start = true;
	r->hold_len = 0;
	return 0;
}

/*
 * At the start of a line: is it "\." alone? Returns how many bytes were
 * taken; while the answer is open they are in `hold`.
 */
static size_t
take_end(struct sqltext_reader *r, const char *p, size_t len, struct err *e,
    int *rc)
{
	for (size_t n = 0; n < len; n++) {
		if (p[n] == '\n' && r->hold_len >= 2) {
			r->line++;
			sqltext_reset(r);
			*rc = r->ops->copy_end(r->ctx, e);
			return n + 1;
		}
		if (r->hold_len == sizeof r->hold ||
		    p[n] != "\\.\r"[r->hold_len]) { /* an ordinary line */
			r->line_start = false;
			if (r->hold_len > 0)
				*rc = r->ops->rows(r->ctx, r->hold,
				    r->hold_len, e);
			r->hold_len = 0;
			return n;
		}
		r->hold[r->hold_len++] = p[n];
	}
	return len;
}

size_t
sqltext_take_rows(struct sqltext_reader *r, const char *data, size_t len,
    struct err *e, int *rc)
{
	const char *p = data, *end = data + len, *from, *nl;

	while (p < end && r->state == IN_ROWS && *rc == 0) {
		if (r->line_start) {
			p += take_end(r, p, (size_t)(end - p), e, rc);
			continue;
		}
		for (from = p; p < end; ) {
			nl = memchr(p, '\n', (size_t)(end - p));
			if (nl == NULL) {
				p = end;
				break;
			}
			r->line++;
			p = nl + 1;
			if (p == end || *p == '\\') {
				r->line_start = true;
				if (end - p < 2 || p[1] == '.')
					break;
				r->line_start = false;
			}
		}
		*rc = r->ops->rows(r->ctx, from, (size_t)(p - from), e);
	}
	return (size_t)(p - data);
}
