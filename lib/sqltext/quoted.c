/* What hides semicolons: quotes, comments, and psql's commands. */
#include <string.h>

#include "buf/buf.h"
#include "sqltext/reader_int.h"

/* To the closing quote; what follows it decides in sqltext_scan_text(). */
int
sqltext_scan_quoted(struct sqltext_reader *r)
{
	const char *p = r->text.data, *q;
	char quote = r->state == IN_IDENT ? '"' : '\'';

	q = memchr(p + r->pos, quote, r->text.len - r->pos);
	if (q == NULL) {
		sqltext_pass(r, r->text.len);
		return NEED_MORE;
	}
	sqltext_pass(r, (size_t)(q - p) + 1);
	r->state = IN_TEXT;
	return 0;
}

int
sqltext_scan_escape(struct sqltext_reader *r)
{
	const char *p = r->text.data;

	for (; r->pos < r->text.len; r->pos++) {
		if (p[r->pos] == '\\') {
			if (r->pos + 1 == r->text.len)
				return NEED_MORE;
			r->pos++;
		} else if (p[r->pos] == '\'') {
			r->pos++;
			r->state = IN_TEXT;
			r->again = r->escapes ? AGAIN_NO : AGAIN_HERE;
			return 0;
		}
		r->line += p[r->pos] == '\n';
	}
	return NEED_MORE;
}

int
sqltext_scan_dollar(struct sqltext_reader *r)
{
	const char *p = r->text.data, *q;
	size_t left = r->text.len - r->pos;

	q = memmem(p + r->pos, left, p + r->mark, r->tag_len);
	if (q == NULL) {
		if (left >= r->tag_len)
			sqltext_pass(r, r->text.len - (r->tag_len - 1));
		return NEED_MORE;
	}
	sqltext_pass(r, (size_t)(q - p) + r->tag_len);
	r->state = IN_TEXT;
	return 0;
}

/* A comment ends at either end of line, as the server's scanner has it. */
int
sqltext_scan_line(struct sqltext_reader *r, struct err *e)
{
	const char *p = r->text.data;
	size_t from = r->mark;
	int rc = 0;

	while (r->pos < r->text.len && p[r->pos] != '\n' && p[r->pos] != '\r')
		r->pos++;
	if (r->pos == r->text.len && !r->final)
		return NEED_MORE;
	r->state = IN_TEXT;
	if (r->begun)
		return 0;
	if (r->ops->comment != NULL)
		rc = r->ops->comment(r->ctx, p + from, r->pos - from, r->line,
		    e);
	r->start = r->pos;
	return rc;
}

int
sqltext_scan_comment(struct sqltext_reader *r)
{
	const char *p = r->text.data;

	for (; r->pos + 1 < r->text.len; r->pos++) {
		if (p[r->pos] == '/' && p[r->pos + 1] == '*') {
			r->depth++;
			r->pos++;
		} else if (p[r->pos] == '*' && p[r->pos + 1] == '/') {
			r->pos += 2;
			if (--r->depth == 0) {
				r->state = IN_TEXT;
				if (!r->begun)
					r->start = r->pos;
				return 0;
			}
			r->pos--;
		} else {
			r->line += p[r->pos] == '\n';
		}
	}
	if (!r->begun)
		r->start = r->pos;
	return NEED_MORE;
}

int
sqltext_scan_meta(struct sqltext_reader *r, struct err *e)
{
	const char *p = r->text.data + r->start, *nl;
	size_t len = r->text.len - r->start, end;
	int rc;

	nl = memchr(r->text.data + r->pos, '\n', r->text.len - r->pos);
	if (nl == NULL && !r->final) {
		r->pos = r->text.len;
		return NEED_MORE;
	}
	if (nl != NULL)
		len = (size_t)(nl - p);
	end = r->start + len;
	if (len > 0 && p[len - 1] == '\r')
		len--;
	rc = r->ops->meta(r->ctx, p, len, r->line, e);
	r->pos = end;
	sqltext_reset(r);
	return rc;
}
