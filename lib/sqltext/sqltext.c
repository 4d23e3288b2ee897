#include "sqltext/sqltext.h"

#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "sqltext/sqltext_int.h"

/*
 * The rules are those of psqlscan.l. Text waits in `text` from the current
 * statement's first byte on; `pos` is how far it was looked at, and where a
 * token needs bytes that have not come yet, `pos` stays in front of it.
 */
enum state {
	IN_TEXT,
	IN_QUOTE,   /* '...' */
	IN_ESCAPE,  /* E'...' */
	IN_IDENT,   /* "..." */
	IN_DOLLAR,  /* $tag$...$tag$ */
	IN_LINE,    /* -- ... */
	IN_COMMENT, /* slash star, nested */
	IN_META,    /* \word ... */
	IN_COPY,    /* behind "COPY ... FROM stdin;", before its newline */
	IN_ROWS,
};

#define SLICE ((size_t)64 << 10) /* bytes taken into `text` at once */
#define TAG_MAX ((size_t)4096)   /* of a dollar quote; psql has no bound */

/* After E'...' a further '...' goes on with it: at once or on a new line. */
enum again { AGAIN_NO, AGAIN_HERE, AGAIN_BLANK, AGAIN_LINE };

struct reader {
	struct sink base;
	const struct sqltext_ops *ops;
	void *ctx;
	struct buf text;
	size_t pos, start; /* start: of the statement, once begun */
	uint64_t line, start_line;
	enum state state;
	bool final;        /* no more bytes will come */
	bool begun;        /* a statement has begun */
	bool escapes;      /* standard_conforming_strings is off */
	enum again again;
	size_t mark;       /* IN_DOLLAR: where the tag lies; IN_LINE: the -- */
	size_t tag_len;
	unsigned depth;    /* IN_COMMENT */
	uint64_t parens;
	/* a word being read, and what the statement's words said so far */
	bool in_word;
	char word[16];
	size_t word_len;
	unsigned words;    /* unquoted ones */
	char opening[4];   /* first letters of create or replace function */
	bool after_begin;
	uint64_t blocks;   /* of BEGIN ATOMIC and the CASEs in it */
	/* IN_ROWS */
	bool line_start;
	char hold[3];      /* what may be the beginning of "\.\r\n" */
	size_t hold_len;
};

#define NEED_MORE 1

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

/* Move on to `to`, counting the lines passed. */
static void
pass(struct reader *r, size_t to)
{
	r->line += count_lines(r->text.data + r->pos, to - r->pos);
	r->pos = to;
}

static void
begin(struct reader *r)
{
	if (r->begun)
		return;
	r->begun = true;
	r->start = r->pos;
	r->start_line = r->line;
}

/* Forget the statement's words; the next begins at `pos`. */
static void
reset(struct reader *r)
{
	r->begun = r->in_word = r->after_begin = false;
	r->again = AGAIN_NO;
	r->parens = r->blocks = 0;
	r->words = 0;
	memset(r->opening, 0, sizeof r->opening);
	r->start = r->pos;
	r->state = IN_TEXT;
}

/*
 * BEGIN ATOMIC ... END in a function's definition hides its semicolons.
 * psql counts every BEGIN there; a column may bear that name, but never
 * one followed by ATOMIC, so this is asked for too.
 */
static bool
is_routine(const struct reader *r)
{
	const char *o = r->opening;

	return o[0] == 'c' && (o[1] == 'f' || o[1] == 'p' ||
	    (o[1] == 'o' && o[2] == 'r' && (o[3] == 'f' || o[3] == 'p')));
}

static void
end_word(struct reader *r)
{
	static const char *const openers[] = { "create", "or", "replace",
		"function", "procedure" };
	bool after_begin = r->after_begin;

	r->in_word = r->after_begin = false;
	r->word[r->word_len < sizeof r->word ? r->word_len :
	    sizeof r->word - 1] = '\0';
	for (size_t i = 0; r->words < sizeof r->opening && i < 5; i++)
		if (strcmp(r->word, openers[i]) == 0)
			r->opening[r->words] = r->word[0];
	if (r->words < sizeof r->opening)
		r->words++;
	if (!is_routine(r) || r->parens > 0)
		return;
	if (r->blocks == 0) {
		if (after_begin && strcmp(r->word, "atomic") == 0)
			r->blocks = 1;
		r->after_begin = strcmp(r->word, "begin") == 0;
	} else if (strcmp(r->word, "case") == 0) {
		r->blocks++;
	} else if (strcmp(r->word, "end") == 0) {
		r->blocks--;
	}
}

/* Whether the word just read makes the quote behind it an E''. */
static bool
word_is_e(const struct reader *r)
{
	return r->word_len == 1 && r->word[0] == 'e';
}

static void
read_word(struct reader *r)
{
	const char *p = r->text.data;

	for (; r->pos < r->text.len && is_word(p[r->pos]); r->pos++) {
		if (r->word_len < sizeof r->word - 1)
			r->word[r->word_len] = to_lower(p[r->pos]);
		r->word_len++;
	}
}

/*
 * pg_dump of a database that has this setting off says so first and then
 * doubles its backslashes.
 */
static void
note_setting(struct reader *r, const char *text)
{
	struct sqltext_token t;

	if (to_lower(text[0]) != 's' || !sqltext_token(&text, &t) ||
	    !sqltext_is(&t, "set") || !sqltext_token(&text, &t))
		return;
	if ((sqltext_is(&t, "session") || sqltext_is(&t, "local")) &&
	    !sqltext_token(&text, &t))
		return;
	if (strcmp(t.word, "standard_conforming_strings") != 0 ||
	    !sqltext_token(&text, &t) || !sqltext_token(&text, &t))
		return;
	r->escapes = sqltext_is(&t, "off") || sqltext_is(&t, "false") ||
	    strcmp(t.word, "'off'") == 0 || strcmp(t.word, "0") == 0;
}

/* A ';' outside everything, at pos. */
static int
end_statement(struct reader *r, struct err *e)
{
	char *text = r->text.data + r->start;
	size_t len = r->pos - r->start;
	bool is_copy = false;
	int rc = 0;

	if (r->begun) {
		if (memchr(text, '\0', len) != NULL)
			return err_set(e, ERR_CORRUPT, "NUL byte in the "
			    "statement at line %llu",
			    (unsigned long long)r->start_line);
		text[len] = '\0';
		is_copy = sqltext_is_copy(text);
		if (is_copy)
			rc = r->ops->copy(r->ctx, text, len, r->start_line, e);
		else
			rc = r->ops->statement(r->ctx, text, len,
			    r->start_line, e);
		if (!is_copy)
			note_setting(r, text);
	}
	r->pos++;
	reset(r);
	if (is_copy)
		r->state = IN_COPY;
	return rc;
}

/* $, at pos: a dollar quote, a parameter, or nothing. */
static int
read_dollar(struct reader *r)
{
	const char *p = r->text.data;
	size_t q = r->pos + 1;

	if (q < r->text.len && is_word_start(p[q]))
		while (q < r->text.len && is_tag(p[q]) &&
		    q - r->pos <= TAG_MAX)
			q++;
	if (q == r->text.len && !r->final)
		return NEED_MORE;
	begin(r);
	if (q == r->text.len || p[q] != '$') {
		r->pos++;
		return 0;
	}
	r->mark = r->pos;
	r->tag_len = q + 1 - r->pos;
	r->pos = q + 1;
	r->state = IN_DOLLAR;
	return 0;
}

static void
read_quote(struct reader *r, bool escape)
{
	begin(r);
	r->pos++;
	r->state = escape || r->escapes ? IN_ESCAPE : IN_QUOTE;
	r->again = AGAIN_NO;
}

/* '-' or '/', at pos: a comment or an operator. */
static int
read_comment(struct reader *r)
{
	char c = r->text.data[r->pos];

	if (r->pos + 1 == r->text.len && !r->final)
		return NEED_MORE;
	if (r->pos + 1 < r->text.len &&
	    r->text.data[r->pos + 1] == (c == '-' ? '-' : '*')) {
		r->state = c == '-' ? IN_LINE : IN_COMMENT;
		r->mark = r->pos;
		r->depth = 1;
		r->pos += 2;
		return 0;
	}
	begin(r);
	r->again = AGAIN_NO;
	r->pos++;
	return 0;
}

static void
read_space(struct reader *r)
{
	const char *p = r->text.data;

	for (; r->pos < r->text.len && is_space(p[r->pos]); r->pos++) {
		if (p[r->pos] == '\n') {
			r->line++;
			if (r->again != AGAIN_NO)
				r->again = AGAIN_LINE;
		} else if (r->again == AGAIN_HERE) {
			r->again = AGAIN_BLANK;
		}
	}
	if (!r->begun)
		r->start = r->pos;
}

static int
scan_char(struct reader *r, struct err *e)
{
	char c = r->text.data[r->pos];

	switch (c) {
	case ' ': case '\t': case '\n': case '\v': case '\f': case '\r':
		read_space(r);
		return 0;
	case '\'':
		read_quote(r, r->again == AGAIN_HERE ||
		    r->again == AGAIN_LINE);
		return 0;
	case '-': case '/':
		return read_comment(r);
	case '$':
		r->again = AGAIN_NO;
		return read_dollar(r);
	case ';':
		if (r->parens == 0 && r->blocks == 0)
			return end_statement(r, e);
		break;
	case '\\':
		if (!r->begun) {
			r->state = IN_META;
			return 0;
		}
		break;
	case '"':
		begin(r);
		r->state = IN_IDENT;
		break;
	case '(':
		r->parens++;
		break;
	case ')':
		r->parens -= r->parens > 0;
		break;
	default:
		break;
	}
	begin(r);
	r->again = AGAIN_NO;
	r->after_begin = false;
	r->pos++;
	return 0;
}

static int
scan_text(struct reader *r, struct err *e)
{
	char c = r->text.data[r->pos];

	if (r->in_word || is_word_start(c)) {
		if (!r->in_word) {
			begin(r);
			r->in_word = true;
			r->word_len = 0;
			r->again = AGAIN_NO;
		}
		read_word(r);
		if (r->pos == r->text.len && !r->final)
			return NEED_MORE;
		end_word(r);
		if (r->pos < r->text.len && r->text.data[r->pos] == '\'')
			read_quote(r, word_is_e(r));
		return 0;
	}
	/* a digit cannot begin a word, but "1a" is none either */
	return scan_char(r, e);
}

/* To the closing quote; what follows it decides in scan_text(). */
static int
scan_quoted(struct reader *r)
{
	const char *p = r->text.data, *q;
	char quote = r->state == IN_IDENT ? '"' : '\'';

	q = memchr(p + r->pos, quote, r->text.len - r->pos);
	if (q == NULL) {
		pass(r, r->text.len);
		return NEED_MORE;
	}
	pass(r, (size_t)(q - p) + 1);
	r->state = IN_TEXT;
	return 0;
}

static int
scan_escape(struct reader *r)
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

static int
scan_dollar(struct reader *r)
{
	const char *p = r->text.data, *q;
	size_t left = r->text.len - r->pos;

	q = memmem(p + r->pos, left, p + r->mark, r->tag_len);
	if (q == NULL) {
		if (left >= r->tag_len)
			pass(r, r->text.len - (r->tag_len - 1));
		return NEED_MORE;
	}
	pass(r, (size_t)(q - p) + r->tag_len);
	r->state = IN_TEXT;
	return 0;
}

/* A comment ends at either end of line, as the server's scanner has it. */
static int
scan_line(struct reader *r, struct err *e)
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

static int
scan_comment(struct reader *r)
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

static int
scan_meta(struct reader *r, struct err *e)
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
	reset(r);
	return rc;
}

/* Rows begin on the line behind the COPY; only a comment may come before. */
static int
scan_copy(struct reader *r, struct err *e)
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
	pass(r, r->pos + (size_t)(nl - p) + 1);
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
take_end(struct reader *r, const char *p, size_t len, struct err *e, int *rc)
{
	for (size_t n = 0; n < len; n++) {
		if (p[n] == '\n' && r->hold_len >= 2) {
			r->line++;
			reset(r);
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

/* Take bytes of rows; how many is told, all unless the data ended. */
static size_t
take_rows(struct reader *r, const char *data, size_t len, struct err *e,
    int *rc)
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

/* Take what can be taken of `text`. */
static int
scan(struct reader *r, struct err *e)
{
	int rc = 0;

	while (rc == 0 && r->pos < r->text.len) {
		switch (r->state) {
		case IN_TEXT: rc = scan_text(r, e); break;
		case IN_QUOTE:
		case IN_IDENT: rc = scan_quoted(r); break;
		case IN_ESCAPE: rc = scan_escape(r); break;
		case IN_DOLLAR: rc = scan_dollar(r); break;
		case IN_LINE: rc = scan_line(r, e); break;
		case IN_COMMENT: rc = scan_comment(r); break;
		case IN_META: rc = scan_meta(r, e); break;
		case IN_COPY: rc = scan_copy(r, e); break;
		case IN_ROWS:
			r->pos += take_rows(r, r->text.data + r->pos,
			    r->text.len - r->pos, e, &rc);
			r->start = r->pos;
			break;
		}
	}
	return rc == -1 ? -1 : 0;
}

/* Forget what lies before the current statement or line. */
static void
drop_done(struct reader *r)
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
	struct reader *r = (struct reader *)s;
	const char *p = data;
	size_t n;
	int rc = 0;

	while (len > 0 && rc == 0) {
		if (r->state == IN_ROWS && r->pos == r->text.len) {
			n = take_rows(r, p, len, e, &rc);
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
	struct reader *r = (struct reader *)s;
	static const char *const within[] = {
		[IN_QUOTE] = "a string", [IN_ESCAPE] = "a string",
		[IN_IDENT] = "a quoted name", [IN_DOLLAR] = "a dollar quote",
		[IN_COMMENT] = "a comment", [IN_COPY] = "a COPY",
		[IN_ROWS] = "the rows of a COPY",
	};

	r->final = true;
	if (scan(r, e) == -1 ||
	    (r->state == IN_META && scan_meta(r, e) == -1) ||
	    (r->state == IN_LINE && scan_line(r, e) == -1))
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
	struct reader *r = (struct reader *)s;

	buf_free(&r->text);
	free(r);
}

struct sink *
sqltext_reader(const struct sqltext_ops *ops, void *ctx, struct err *e)
{
	static const struct sink_ops sink = { reader_write, reader_finish,
		reader_free };
	struct reader *r = calloc(1, sizeof *r);

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
