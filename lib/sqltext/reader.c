/* The stage that takes a script, cut anywhere, and hands its parts out. */
#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "sqltext/reader_int.h"

#define SLICE ((size_t)64 << 10) /* bytes taken into `text` at once */

static uint64_t
count_lines(const char *p, size_t len)
{
	uint64_t n = 0;
	const char *end = p + len;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n++;
		p++;
	}
	return n;
}

void
sqltext_pass(struct sqltext_reader *r, size_t to)
{
	r->line += count_lines(r->text.data + r->pos, to - r->pos);
	r->pos = to;
}

void
sqltext_reset(struct sqltext_reader *r)
{
	r->begun = r->in_word = r->after_begin = false;
	r->again = AGAIN_NO;
	r->parens = r->blocks = 0;
	r->words = 0;
	memset(r->opening, 0, sizeof r->opening);
	r->start = r->pos;
	r->state = IN_TEXT;
}

/* Take what can be taken of `text`. */
static int
scan(struct sqltext_reader *r, struct err *e)
{
	int rc = 0;

	while (rc == 0 && r->pos < r->text.len) {
		switch (r->state) {
		case IN_TEXT: rc = sqltext_scan_text(r, e); break;
		case IN_QUOTE:
		case IN_IDENT: rc = sqltext_scan_quoted(r); break;
		case IN_ESCAPE: rc = sqltext_scan_escape(r); break;
		case IN_DOLLAR: rc = sqltext_scan_dollar(r); break;
		case IN_LINE: rc = sqltext_scan_line(r, e); break;
		case IN_COMMENT: rc = sqltext_scan_comment(r); break;
		case IN_META: rc = sqltext_scan_meta(r, e); break;
		case IN_COPY: rc = sqltext_scan_copy(r, e); break;
		case IN_ROWS:
			r->pos += sqltext_take_rows(r, r->text.data + r->pos,
			    r->text.len - r->pos, e, &rc);
			r->start = r->pos;
			break;
		}
	}
	return rc == -1 ? -1 : 0;
}

/* Forget what lies before the current statement or line. */
static void
drop_done(struct sqltext_reader *r)
{
	size_t n = r->start;

	buf_drop(&r->text, n);
	r->pos -= n;
	r->start = 0;
	r->mark -= r->mark > n ? n : r->mark;
}

static int
reader_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct sqltext_reader *r = (struct sqltext_reader *)s;
	const char *p = data;
	size_t n;
	int rc = 0;

	while (len > 0 && rc == 0) {
		if (r->state == IN_ROWS && r->pos == r->text.len) {
			n = sqltext_take_rows(r, p, len, e, &rc);
		} else {
			n = len < SLICE ? len : SLICE;
			if (r->text.len - r->start > SQLTEXT_STATEMENT_MAX)
				return err_set(e, ERR_NOMEM, "the statement "
				    "at line %llu is longer than %zu bytes",
				    (unsigned long long)r->start_line,
				    SQLTEXT_STATEMENT_MAX);
			if (buf_add(&r->text, p, n, e) == -1)
				return -1;
			rc = scan(r, e);
			drop_done(r);
		}
		p += n;
		len -= n;
	}
	return rc;
}

static int
reader_finish(struct sink *s, struct err *e)
{
	struct sqltext_reader *r = (struct sqltext_reader *)s;
	static const char *const within[] = {
		[IN_QUOTE] = "a string", [IN_ESCAPE] = "a string",
		[IN_IDENT] = "a quoted name", [IN_DOLLAR] = "a dollar quote",
		[IN_COMMENT] = "a comment", [IN_COPY] = "a COPY",
		[IN_ROWS] = "the rows of a COPY",
	};

	r->final = true;
	if (scan(r, e) == -1 ||
	    (r->state == IN_META && sqltext_scan_meta(r, e) == -1) ||
	    (r->state == IN_LINE && sqltext_scan_line(r, e) == -1))
		return -1;
	if (within[r->state] != NULL)
		return err_set(e, ERR_CORRUPT,
		    "the script ends at line %llu within %s",
		    (unsigned long long)r->line, within[r->state]);
	if (r->begun)
		return err_set(e, ERR_CORRUPT, "the script ends at line %llu "
		    "within the statement begun at line %llu",
		    (unsigned long long)r->line,
		    (unsigned long long)r->start_line);
	return 0;
}

static void
reader_free(struct sink *s)
{
	struct sqltext_reader *r = (struct sqltext_reader *)s;

	buf_free(&r->text);
	free(r);
}

struct sink *
sqltext_reader(const struct sqltext_ops *ops, void *ctx, struct err *e)
{
	static const struct sink_ops sink = { reader_write, reader_finish,
		reader_free };
	struct sqltext_reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_nomem(e);
		return NULL;
	}
	r->base.ops = &sink;
	r->ops = ops;
	r->ctx = ctx;
	r->text = (struct buf)BUF_INIT(SQLTEXT_STATEMENT_MAX + 4 * SLICE);
	r->line = 1;
	return &r->base;
}
