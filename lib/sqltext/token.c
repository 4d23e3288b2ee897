#include <stdint.h>
#include <string.h>

#include "buf/buf.h"
#include "sqltext/sqltext.h"
#include "sqltext/sqltext_int.h"

/* Past white space and comments. */
static const char *
skip_blank(const char *p)
{
	unsigned depth;

	for (;;) {
		if (is_space(*p)) {
			p++;
		} else if (p[0] == '-' && p[1] == '-') {
			p += strcspn(p, "\r\n");
		} else if (p[0] == '/' && p[1] == '*') {
			for (depth = 1, p += 2; depth > 0 && *p != '\0'; p++) {
				if (p[0] == '/' && p[1] == '*')
					depth++, p++;
				else if (p[0] == '*' && p[1] == '/')
					depth--, p++;
			}
		} else {
			return p;
		}
	}
}

/* Behind the quote that closes the one at p; doubled ones do not. */
static const char *
skip_quoted(const char *p, bool backslash)
{
	char quote = *p++;

	for (; *p != '\0'; p++) {
		if (backslash && p[0] == '\\' && p[1] != '\0')
			p++;
		else if (p[0] == quote && p[1] == quote)
			p++;
		else if (p[0] == quote)
			return p + 1;
	}
	return p;
}

/* Behind $tag$...$tag$ at p, or p when that is none. */
static const char *
skip_dollar(const char *p)
{
	const char *q = p + 1, *end;
	size_t tag;

	if (is_word_start(*q))
		while (is_tag(*q))
			q++;
	if (*q != '$')
		return p;
	tag = (size_t)(q + 1 - p);
	for (end = q + 1; (end = strchr(end, '$')) != NULL; end++)
		if (strncmp(end, p, tag) == 0)
			return end + tag;
	return q + 1 + strlen(q + 1);
}

static void
put(struct sqltext_token *t, size_t *len, char c)
{
	if (*len + 1 < sizeof t->word)
		t->word[(*len)++] = c;
	else
		t->cut = true;
}

/* The word as it counts: lower case, or without its quotes. */
static void
fill_word(struct sqltext_token *t)
{
	size_t len = 0;
	const char *p = t->begin, *end = t->end;

	if (t->quoted) {
		p++;
		if (end > p && end[-1] == '"')
			end--;
		for (; p < end; p++) {
			put(t, &len, *p);
			if (*p == '"')
				p++;
		}
	} else {
		for (; p < end; p++)
			put(t, &len, t->kind == SQLTEXT_WORD ? to_lower(*p) :
			    *p);
	}
	t->word[len] = '\0';
}

/* Behind the string, bit string or U&"" that a letter opens, or NULL. */
static const char *
skip_prefixed(const char *p)
{
	char c = to_lower(*p);

	if (p[1] == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n'))
		return skip_quoted(p + 1, c == 'e');
	if (c == 'u' && p[1] == '&' && (p[2] == '\'' || p[2] == '"'))
		return skip_quoted(p + 2, false);
	return NULL;
}

/* ".5", "1e-3", "0x1F": near enough, what matters is where it ends */
static const char *
skip_number(const char *p)
{
	for (; is_tag(*p) || *p == '.'; p++)
		if (to_lower(*p) == 'e' && (p[1] == '-' || p[1] == '+'))
			p++;
	return p;
}

bool
sqltext_token(const char **at, struct sqltext_token *t)
{
	const char *p = skip_blank(*at), *end;

	*at = p;
	if (*p == '\0')
		return false;
	t->quoted = t->cut = false;
	t->begin = p;
	t->kind = SQLTEXT_LITERAL;
	if (*p == '\'') {
		end = skip_quoted(p, false);
	} else if (*p == '"') {
		t->kind = SQLTEXT_WORD;
		t->quoted = true;
		end = skip_quoted(p, false);
	} else if (is_word_start(*p)) {
		if ((end = skip_prefixed(p)) == NULL) {
			t->kind = SQLTEXT_WORD;
			for (end = p; is_word(*end); end++)
				;
		}
	} else if (*p == '$' && (end = skip_dollar(p)) > p) {
		;
	} else if (is_digit(*p) || (*p == '.' && is_digit(p[1]))) {
		t->kind = SQLTEXT_NUMBER;
		end = skip_number(p);
	} else {
		t->kind = SQLTEXT_PUNCT;
		end = p + 1;
	}
	t->end = *at = end;
	fill_word(t);
	return true;
}

bool
sqltext_is(const struct sqltext_token *t, const char *keyword)
{
	return t->kind == SQLTEXT_WORD && !t->quoted &&
	    strcmp(t->word, keyword) == 0;
}

bool
sqltext_name(const char **at, char schema[256], char name[256])
{
	struct sqltext_token t;
	const char *p = *at, *after;

	if (!sqltext_token(&p, &t) || t.kind != SQLTEXT_WORD || t.cut)
		return false;
	schema[0] = '\0';
	memcpy(name, t.word, sizeof t.word);
	after = p;
	if (sqltext_token(&p, &t) && t.kind == SQLTEXT_PUNCT &&
	    t.word[0] == '.') {
		if (!sqltext_token(&p, &t) || t.kind != SQLTEXT_WORD || t.cut)
			return false;
		memcpy(schema, name, sizeof t.word);
		memcpy(name, t.word, sizeof t.word);
		after = p;
	}
	*at = after;
	return true;
}

/*
 * FROM is reserved and cannot be a name unless quoted; "stdout" is taken
 * for stdin there by PostgreSQL's grammar too.
 */
bool
sqltext_is_copy(const char *text)
{
	struct sqltext_token t;
	unsigned depth = 0;

	if (!sqltext_token(&text, &t) || !sqltext_is(&t, "copy"))
		return false;
	while (sqltext_token(&text, &t)) {
		if (t.kind == SQLTEXT_PUNCT && t.word[0] == '(')
			depth++;
		else if (t.kind == SQLTEXT_PUNCT && t.word[0] == ')')
			depth -= depth > 0;
		else if (depth == 0 && sqltext_is(&t, "from"))
			return sqltext_token(&text, &t) &&
			    (sqltext_is(&t, "stdin") ||
			    sqltext_is(&t, "stdout"));
	}
	return false;
}

int
sqltext_quote(struct buf *b, const char *name, struct err *e)
{
	if (buf_byte(b, '"', e) == -1)
		return -1;
	for (; *name != '\0'; name++)
		if ((*name == '"' && buf_byte(b, '"', e) == -1) ||
		    buf_byte(b, *name, e) == -1)
			return -1;
	return buf_byte(b, '"', e);
}

int
sqltext_quote2(struct buf *b, const char *schema, const char *name,
    struct err *e)
{
	return sqltext_quote(b, schema, e) == -1 ||
	    buf_byte(b, '.', e) == -1 || sqltext_quote(b, name, e) == -1 ? -1 :
	    0;
}

int
sqltext_literal(struct buf *b, const char *text, struct err *e)
{
	bool backslash = strchr(text, '\\') != NULL;

	if (buf_str(b, backslash ? "E'" : "'", e) == -1)
		return -1;
	for (; *text != '\0'; text++)
		if (((*text == '\'' || *text == '\\') &&
		    buf_byte(b, *text, e) == -1) || buf_byte(b, *text, e) == -1)
			return -1;
	return buf_byte(b, '\'', e);
}
