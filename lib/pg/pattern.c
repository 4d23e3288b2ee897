#include <stdbool.h>
#include <string.h>

#include "pg/pg.h"
#include "sqltext/sqltext.h"

/*
 * psql's name patterns, as PostgreSQL's documentation of psql ("Patterns")
 * describes them: lower-cased unless quoted, '*' and '?' as in a shell, '.'
 * between schema and name, other regular expression characters as they are
 * outside double quotes and literal inside, '$' always literal.
 */

#define PARTS_MAX 2
#define SPECIAL "|*+?()[]{}.^$\\"

struct pattern {
	struct buf part[PARTS_MAX];
	unsigned parts;
	bool quoted;
};

static int
literal_char(struct buf *b, char c, struct err *e)
{
	if (strchr(SPECIAL, c) != NULL && buf_byte(b, '\\', e) == -1)
		return -1;
	return buf_byte(b, c, e);
}

static int
plain_char(struct pattern *p, const char **at, struct err *e)
{
	struct buf *b = &p->part[p->parts];
	char c = **at;

	switch (c) {
	case '*':
		return buf_str(b, ".*", e);
	case '?':
		return buf_byte(b, '.', e);
	case '$':
		return buf_str(b, "\\$", e);
	case '[':
		if ((*at)[1] != ']')
			return buf_byte(b, c, e);
		++*at;
		return buf_str(b, "\\[\\]", e); /* an array type's name */
	default:
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		return buf_byte(b, c, e);
	}
}

static int
split(struct pattern *p, const char *text, struct err *e)
{
	int rc = 0;

	for (const char *at = text; *at != '\0' && rc == 0; at++) {
		if (*at == '"' && p->quoted && at[1] == '"')
			rc = literal_char(&p->part[p->parts], *++at, e);
		else if (*at == '"')
			p->quoted = !p->quoted;
		else if (p->quoted)
			rc = literal_char(&p->part[p->parts], *at, e);
		else if (*at == '.' && ++p->parts == PARTS_MAX)
			rc = err_set(e, ERR_USAGE, "too many dots in \"%s\"",
			    text);
		else if (*at != '.')
			rc = plain_char(p, &at, e);
	}
	if (rc == 0 && p->quoted)
		rc = err_set(e, ERR_USAGE, "unterminated quote in \"%s\"",
		    text);
	return rc;
}

static int
condition(struct buf *sql, const char *expr, const struct buf *regex,
    struct err *e)
{
	struct buf whole = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (regex->len == 0 || strcmp(regex->data, ".*") == 0)
		return buf_str(sql, " AND true", e);
	if (buf_fmt(&whole, e, "^(%s)$", regex->data) == -1 ||
	    buf_fmt(sql, e, " AND %s OPERATOR(pg_catalog.~) ", expr) == -1 ||
	    sqltext_literal(sql, whole.data, e) == -1 ||
	    buf_str(sql, " COLLATE pg_catalog.default", e) == -1)
		goto done;
	rc = 0;
done:
	buf_free(&whole);
	return rc;
}

int
pg_pattern(struct buf *sql, const char *pattern, const char *schema_expr,
    const char *name_expr, const char *visible_expr, struct err *e)
{
	struct pattern p = { .part = { BUF_INIT(BUF_TEXT_MAX),
	    BUF_INIT(BUF_TEXT_MAX) } };
	int rc = -1;

	if (split(&p, pattern, e) == -1)
		goto done;
	if (p.parts == 1 && schema_expr == NULL) {
		err_set(e, ERR_USAGE, "too many dots in \"%s\"", pattern);
		goto done;
	}
	if (buf_str(sql, "(true", e) == -1 ||
	    condition(sql, name_expr, &p.part[p.parts], e) == -1)
		goto done;
	if (p.parts == 1) {
		if (condition(sql, schema_expr, &p.part[0], e) == -1)
			goto done;
	} else if (visible_expr != NULL &&
	    buf_fmt(sql, e, " AND %s", visible_expr) == -1) {
		goto done;
	}
	rc = buf_byte(sql, ')', e);
done:
	for (unsigned i = 0; i < PARTS_MAX; i++)
		buf_free(&p.part[i]);
	return rc;
}
