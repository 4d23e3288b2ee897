#include <stdlib.h>
#include <string.h>

#include "policy/policy_int.h"
#include "policy/words_int.h"

/*
 * Only as much of the grammar of CREATE INDEX as it takes to find its parts:
 * whether an expression is one, the server says.
 */

/* Past a column, schema.function(...) or bracket: where the expression ends. */
static void
skip_expression(struct words *p)
{
	unsigned depth = 0;

	do {
		if (words_is_punct(p, '('))
			depth++;
		else if (words_is_punct(p, ')') && depth > 0)
			depth--;
		else if (words_is_punct(p, '.') && depth == 0)
			words_next(p);
		words_next(p);
	} while (!p->end && (depth > 0 || words_is_punct(p, '.') ||
	    words_is_punct(p, '(')));
}

/* collation and operator class, with its parameters */
static int
take_kind(struct words *p, struct policy_key *k, struct err *e)
{
	const char *begin = p->t.begin;
	unsigned depth = 0;

	while (!p->end && (depth > 0 || !(words_is(p, "asc") ||
	    words_is(p, "desc") || words_is(p, "nulls")))) {
		if (words_is_punct(p, '('))
			depth++;
		else if (words_is_punct(p, ')') && depth > 0)
			depth--;
		words_next(p);
	}
	k->kind = policy_words(begin, (size_t)(p->t.begin - begin), e);
	return k->kind == NULL ? -1 : 0;
}

static int
take_order(struct words *p, struct policy_key *k, struct err *e)
{
	k->desc = words_is(p, "desc");
	if (!words_take(p, "desc"))
		words_take(p, "asc");
	k->nulls_first = k->desc;
	if (words_take(p, "nulls")) {
		k->nulls_first = words_is(p, "first");
		if (!words_take(p, "first") && !words_take(p, "last"))
			return words_bad(p, "FIRST or LAST", e);
	}
	return p->end ? 0 : words_bad(p, "\",\" or \")\"", e);
}

/* Whether no token lies between. */
static bool
is_blank(const char *from, const char *to)
{
	struct sqltext_token t;

	return !sqltext_token(&from, &t) || t.begin >= to;
}

static int
add_key(void *ctx, const char *text, size_t len, struct err *e)
{
	struct policy_statement *s = ctx;
	struct policy_key *k = &s->keys[s->key_count];
	char *part;
	struct words p;
	struct sqltext_token first;
	const char *begin;
	int rc = -1;

	if (s->key_count == POLICY_KEYS_MAX)
		return err_set(e, ERR_CONF, "more than %d columns",
		    POLICY_KEYS_MAX);
	if ((part = words_copy(text, len, e)) == NULL)
		return -1;
	p.at = part;
	words_next(&p);
	if (p.end) {
		words_bad(&p, "a column or expression", e);
		goto done;
	}
	s->key_count++;
	begin = p.t.begin;
	first = p.t;
	skip_expression(&p);
	/* one word is a column; anything more is an expression */
	k->column = first.kind == SQLTEXT_WORD && !first.cut &&
	    is_blank(first.end, p.t.begin);
	k->what = k->column ? words_copy(first.word, strlen(first.word), e) :
	    policy_words(begin, (size_t)(p.t.begin - begin), e);
	if (k->what != NULL && take_kind(&p, k, e) == 0)
		rc = take_order(&p, k, e);
done:
	free(part);
	return rc;
}

static int
add_included(void *ctx, const char *text, size_t len, struct err *e)
{
	struct policy_statement *s = ctx;
	char *part = words_copy(text, len, e);
	struct words p = { .at = part };
	char *name = NULL;

	if (part == NULL)
		return -1;
	words_next(&p);
	if (s->include_count == POLICY_KEYS_MAX)
		err_set(e, ERR_CONF, "more than %d columns", POLICY_KEYS_MAX);
	else
		name = words_take_name(&p, "a column", e);
	if (name != NULL) {
		s->included[s->include_count++] = name;
		if (!p.end) {
			words_bad(&p, "\",\" or \")\"", e);
			name = NULL;
		}
	}
	free(part);
	return name == NULL ? -1 : 0;
}

static int
add_with(void *ctx, const char *text, size_t len, struct err *e)
{
	struct policy_statement *s = ctx;
	char *words = policy_words(text, len, e), *both;

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
take_tail(struct words *p, struct policy_statement *s, struct err *e)
{
	char *ignored;

	if (words_take(p, "include") &&
	    words_take_list(p, add_included, s, e) == -1)
		return -1;
	if (words_take(p, "nulls")) {
		s->nulls_not_distinct = words_take(p, "not");
		if (!words_take(p, "distinct"))
			return words_bad(p, "DISTINCT", e);
	}
	if (words_take(p, "with") && words_take_list(p, add_with, s, e) == -1)
		return -1;
	if (words_take(p, "tablespace")) {
		if ((ignored = words_take_name(p, "a tablespace", e)) == NULL)
			return -1;
		free(ignored);
	}
	if (words_is(p, "where")) {
		words_next(p);
		if (p->end)
			return words_bad(p, "a condition", e);
		s->predicate = policy_words(p->t.begin, strlen(p->t.begin), e);
		return s->predicate == NULL ? -1 : 0;
	}
	return p->end ? 0 : words_bad(p, "the statement's end", e);
}

static int
take_table(struct words *p, struct policy_statement *s, struct err *e)
{
	if (!words_take(p, "on"))
		return words_bad(p, "ON", e);
	s->only = words_take(p, "only");
	if (words_take_table(p, &s->schema, &s->table, e) == -1)
		return -1;
	s->rest = words_copy(p->t.begin, strlen(p->t.begin), e);
	return s->rest == NULL ? -1 : 0;
}

static int
take_head(struct words *p, struct policy_statement *s, struct err *e)
{
	if (!words_take(p, "create"))
		return err_set(e, ERR_CONF,
		    "not a CREATE INDEX: \"%.40s\"", p->t.word);
	s->unique = words_take(p, "unique");
	if (!words_take(p, "index"))
		return err_set(e, ERR_CONF, "not a CREATE INDEX: "
		    "\"create %.40s\"", p->end ? "" : p->t.word);
	s->concurrently = words_take(p, "concurrently");
	if (words_is(p, "on"))
		return 0;
	if (words_is(p, "if")) {
		struct words ahead = *p;

		words_next(&ahead);
		if (words_take(&ahead, "not")) { /* else an index named "if" */
			if (!words_take(&ahead, "exists"))
				return words_bad(&ahead, "EXISTS", e);
			s->if_not_exists = true;
			*p = ahead;
		}
	}
	s->name = words_take_name(p, "an index's name", e);
	return s->name == NULL ? -1 : 0;
}

int
policy_parse_statement(const char *text, struct policy_statement *s,
    struct err *e)
{
	struct words p = { .at = text };

	words_next(&p);
	if (take_head(&p, s, e) == -1 || take_table(&p, s, e) == -1)
		return -1;
	if (words_take(&p, "using"))
		s->method = words_take_name(&p, "an index method", e);
	else
		s->method = words_copy("btree", 5, e);
	if (s->method == NULL || words_take_list(&p, add_key, s, e) == -1 ||
	    take_tail(&p, s, e) == -1)
		return -1;
	if ((s->with == NULL && (s->with = words_copy("", 0, e)) == NULL) ||
	    (s->predicate == NULL &&
	    (s->predicate = words_copy("", 0, e)) == NULL))
		return -1;
	return 0;
}
