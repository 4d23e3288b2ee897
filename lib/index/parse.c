#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

/*
 * Only as much of the grammar of CREATE INDEX as it takes to find its parts:
 * whether an expression is one, the server says.
 */
struct parser {
	const char *at;
	struct sqltext_token t; /* the one looked at */
	bool end;               /* there is none */
};

static int
bad(struct parser *p, const char *wanted, struct err *e)
{
	if (p->end)
		return err_set(e, ERR_CONF, "%s expected at its end", wanted);
	return err_set(e, ERR_CONF, "%s expected at \"%.40s\"", wanted,
	    p->t.word);
}

static void
next(struct parser *p)
{
	p->end = !sqltext_token(&p->at, &p->t);
	if (p->end)
		p->t.begin = p->t.end = p->at;
}

static bool
is(const struct parser *p, const char *keyword)
{
	return !p->end && sqltext_is(&p->t, keyword);
}

static bool
is_punct(const struct parser *p, char c)
{
	return !p->end && p->t.kind == SQLTEXT_PUNCT && p->t.word[0] == c;
}

static bool
take(struct parser *p, const char *keyword)
{
	if (!is(p, keyword))
		return false;
	next(p);
	return true;
}

static char *
copy(const char *text, size_t len, struct err *e)
{
	char *s = strndup(text, len);

	if (s == NULL)
		err_nomem(e);
	return s;
}

static char *
take_name(struct parser *p, const char *wanted, struct err *e)
{
	char *name;

	if (p->end || p->t.kind != SQLTEXT_WORD || p->t.cut ||
	    p->t.word[0] == '\0') {
		bad(p, wanted, e);
		return NULL;
	}
	name = copy(p->t.word, strlen(p->t.word), e);
	next(p);
	return name;
}

char *
index_words(const char *text, size_t len, struct err *e)
{
	struct buf b = BUF_INIT(INDEX_FILE_MAX);
	struct sqltext_token t;
	char *part = copy(text, len, e);
	const char *at = part;
	int rc = part == NULL ? -1 : buf_str(&b, "", e);

	while (rc == 0 && sqltext_token(&at, &t)) {
		bool plain = t.kind == SQLTEXT_WORD && !t.quoted && !t.cut;

		if (b.len > 0)
			rc = buf_byte(&b, ' ', e);
		if (rc == 0)
			rc = plain ? buf_str(&b, t.word, e) :
			    buf_add(&b, t.begin, (size_t)(t.end - t.begin), e);
	}
	free(part);
	if (rc == -1)
		buf_free(&b);
	return b.data;
}

/*
 * Past a list in brackets, which are looked at: `each` gets every part
 * between commas. Returns -1 at a bracket that is never closed.
 */
static int
take_list(struct parser *p, struct index_statement *s,
    int (*each)(struct index_statement *s, const char *text, size_t len,
    struct err *e), struct err *e)
{
	const char *begin;
	unsigned depth = 0;

	if (!is_punct(p, '('))
		return bad(p, "\"(\"", e);
	begin = p->t.end;
	for (next(p); !p->end; next(p)) {
		if (is_punct(p, '(') || is_punct(p, '[')) {
			depth++;
		} else if (depth > 0 && (is_punct(p, ')') ||
		    is_punct(p, ']'))) {
			depth--;
		} else if (depth == 0 && (is_punct(p, ',') ||
		    is_punct(p, ')'))) {
			if (each(s, begin, (size_t)(p->t.begin - begin), e) ==
			    -1)
				return -1;
			begin = p->t.end;
			if (is_punct(p, ')')) {
				next(p);
				return 0;
			}
		}
	}
	return bad(p, "\")\"", e);
}

/* Past a column, schema.function(...) or bracket: where the expression ends. */
static void
skip_expression(struct parser *p)
{
	unsigned depth = 0;

	do {
		if (is_punct(p, '('))
			depth++;
		else if (is_punct(p, ')') && depth > 0)
			depth--;
		else if (is_punct(p, '.') && depth == 0)
			next(p);
		next(p);
	} while (!p->end && (depth > 0 || is_punct(p, '.') ||
	    is_punct(p, '(')));
}

/* collation and operator class, with its parameters */
static int
take_kind(struct parser *p, struct index_key *k, struct err *e)
{
	const char *begin = p->t.begin;
	unsigned depth = 0;

	while (!p->end && (depth > 0 || !(is(p, "asc") || is(p, "desc") ||
	    is(p, "nulls")))) {
		if (is_punct(p, '('))
			depth++;
		else if (is_punct(p, ')') && depth > 0)
			depth--;
		next(p);
	}
	k->kind = index_words(begin, (size_t)(p->t.begin - begin), e);
	return k->kind == NULL ? -1 : 0;
}

static int
take_order(struct parser *p, struct index_key *k, struct err *e)
{
	k->desc = is(p, "desc");
	if (!take(p, "desc"))
		take(p, "asc");
	k->nulls_first = k->desc;
	if (take(p, "nulls")) {
		k->nulls_first = is(p, "first");
		if (!take(p, "first") && !take(p, "last"))
			return bad(p, "FIRST or LAST", e);
	}
	return p->end ? 0 : bad(p, "\",\" or \")\"", e);
}

/* Whether no token lies between. */
static bool
is_blank(const char *from, const char *to)
{
	struct sqltext_token t;

	return !sqltext_token(&from, &t) || t.begin >= to;
}

static int
add_key(struct index_statement *s, const char *text, size_t len,
    struct err *e)
{
	struct index_key *k = &s->keys[s->key_count];
	char *part;
	struct parser p;
	struct sqltext_token first;
	const char *begin;
	int rc = -1;

	if (s->key_count == INDEX_KEYS_MAX)
		return err_set(e, ERR_CONF, "more than %d columns",
		    INDEX_KEYS_MAX);
	if ((part = copy(text, len, e)) == NULL)
		return -1;
	p.at = part;
	next(&p);
	if (p.end) {
		bad(&p, "a column or expression", e);
		goto done;
	}
	s->key_count++;
	begin = p.t.begin;
	first = p.t;
	skip_expression(&p);
	/* one word is a column; anything more is an expression */
	k->column = first.kind == SQLTEXT_WORD && !first.cut &&
	    is_blank(first.end, p.t.begin);
	k->what = k->column ? copy(first.word, strlen(first.word), e) :
	    index_words(begin, (size_t)(p.t.begin - begin), e);
	if (k->what != NULL && take_kind(&p, k, e) == 0)
		rc = take_order(&p, k, e);
done:
	free(part);
	return rc;
}

static int
add_included(struct index_statement *s, const char *text, size_t len,
    struct err *e)
{
	char *part = copy(text, len, e);
	struct parser p = { .at = part };
	char *name = NULL;

	if (part == NULL)
		return -1;
	next(&p);
	if (s->include_count == INDEX_KEYS_MAX)
		err_set(e, ERR_CONF, "more than %d columns", INDEX_KEYS_MAX);
	else
		name = take_name(&p, "a column", e);
	if (name != NULL) {
		s->included[s->include_count++] = name;
		if (!p.end) {
			bad(&p, "\",\" or \")\"", e);
			name = NULL;
		}
	}
	free(part);
	return name == NULL ? -1 : 0;
}

static int
add_with(struct index_statement *s, const char *text, size_t len,
    struct err *e)
{
	char *words = index_words(text, len, e), *both;

	if (words == NULL)
		return -1;
	if (s->with == NULL) {
		s->with = words;
		return 0;
	}
	both = malloc(strlen(s->with) + strlen(words) + 3);
	if (both != NULL) {
		strcpy(both, s->with);
		strcat(strcat(both, ", "), words);
		free(s->with);
		s->with = both;
	}
	free(words);
	return both == NULL ? err_nomem(e) : 0;
}

static int
take_tail(struct parser *p, struct index_statement *s, struct err *e)
{
	char *ignored;

	if (take(p, "include") && take_list(p, s, add_included, e) == -1)
		return -1;
	if (take(p, "nulls")) {
		s->nulls_not_distinct = take(p, "not");
		if (!take(p, "distinct"))
			return bad(p, "DISTINCT", e);
	}
	if (take(p, "with") && take_list(p, s, add_with, e) == -1)
		return -1;
	if (take(p, "tablespace")) {
		if ((ignored = take_name(p, "a tablespace", e)) == NULL)
			return -1;
		free(ignored);
	}
	if (is(p, "where")) {
		next(p);
		if (p->end)
			return bad(p, "a condition", e);
		s->predicate = index_words(p->t.begin, strlen(p->t.begin), e);
		return s->predicate == NULL ? -1 : 0;
	}
	return p->end ? 0 : bad(p, "the statement's end", e);
}

static int
take_table(struct parser *p, struct index_statement *s, struct err *e)
{
	if (!take(p, "on"))
		return bad(p, "ON", e);
	s->only = take(p, "only");
	if ((s->table = take_name(p, "a table", e)) == NULL)
		return -1;
	if (is_punct(p, '.')) {
		next(p);
		s->schema = s->table;
		if ((s->table = take_name(p, "a table", e)) == NULL)
			return -1;
	} else if ((s->schema = copy("", 0, e)) == NULL) {
		return -1;
	}
	if (is_punct(p, '.'))
		return bad(p, "a table of this database", e);
	return (s->rest = copy(p->t.begin, strlen(p->t.begin), e)) == NULL ?
	    -1 : 0;
}

static int
take_head(struct parser *p, struct index_statement *s, struct err *e)
{
	if (!take(p, "create"))
		return err_set(e, ERR_CONF,
		    "not a CREATE INDEX: \"%.40s\"", p->t.word);
	s->unique = take(p, "unique");
	if (!take(p, "index"))
		return err_set(e, ERR_CONF, "not a CREATE INDEX: "
		    "\"create %.40s\"", p->end ? "" : p->t.word);
	s->concurrently = take(p, "concurrently");
	if (is(p, "on"))
		return 0;
	if (is(p, "if")) {
		struct parser ahead = *p;

		next(&ahead);
		if (take(&ahead, "not")) { /* else an index named "if" */
			if (!take(&ahead, "exists"))
				return bad(&ahead, "EXISTS", e);
			s->if_not_exists = true;
			*p = ahead;
		}
	}
	return (s->name = take_name(p, "an index's name", e)) == NULL ? -1 : 0;
}

int
index_parse_statement(const char *text, struct index_statement *s,
    struct err *e)
{
	struct parser p = { .at = text };

	next(&p);
	if (take_head(&p, s, e) == -1 || take_table(&p, s, e) == -1)
		return -1;
	if (take(&p, "using"))
		s->method = take_name(&p, "an index method", e);
	else
		s->method = copy("btree", 5, e);
	if (s->method == NULL || take_list(&p, s, add_key, e) == -1 ||
	    take_tail(&p, s, e) == -1)
		return -1;
	if ((s->with == NULL && (s->with = copy("", 0, e)) == NULL) ||
	    (s->predicate == NULL && (s->predicate = copy("", 0, e)) == NULL))
		return -1;
	return 0;
}
