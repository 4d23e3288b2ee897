/*
 * What is outside of quotes and comments: where statements begin and end, and
 * what opens a quote or a comment.
 */
#include <string.h>

#include "buf/buf.h"
#include "sqltext/reader_int.h"
#include "sqltext/sqltext_int.h"

static void
begin(struct sqltext_reader *r)
{
	if (r->begun)
		return;
	r->begun = true;
	r->start = r->pos;
	r->start_line = r->line;
}

/*
 * BEGIN ATOMIC ... END in a function's definition hides its semicolons.
 * psql counts every BEGIN there; a column may bear that name, but never
 * one followed by ATOMIC, so this is asked for too.
 */
static bool
is_routine(const struct sqltext_reader *r)
{
	const char *o = r->opening;

	return o[0] == 'c' && (o[1] == 'f' || o[1] == 'p' ||
	    (o[1] == 'o' && o[2] == 'r' && (o[3] == 'f' || o[3] == 'p')));
}

static void
end_word(struct sqltext_reader *r)
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
word_is_e(const struct sqltext_reader *r)
{
	return r->word_len == 1 && r->word[0] == 'e';
}

static void
read_word(struct sqltext_reader *r)
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
note_setting(struct sqltext_reader *r, const char *text)
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
end_statement(struct sqltext_reader *r, struct err *e)
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
	sqltext_reset(r);
	if (is_copy)
		r->state = IN_COPY;
	return rc;
}

/* $, at pos: a dollar quote, a parameter, or nothing. */
static int
read_dollar(struct sqltext_reader *r)
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
read_quote(struct sqltext_reader *r, bool escape)
{
	begin(r);
	r->pos++;
	r->state = escape || r->escapes ? IN_ESCAPE : IN_QUOTE;
	r->again = AGAIN_NO;
}

/* '-' or '/', at pos: a comment or an operator. */
static int
read_comment(struct sqltext_reader *r)
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
read_space(struct sqltext_reader *r)
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
scan_char(struct sqltext_reader *r, struct err *e)
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

int
sqltext_scan_text(struct sqltext_reader *r, struct err *e)
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
