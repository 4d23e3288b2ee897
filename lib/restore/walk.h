/*
 * walk: over the tokens of a statement, a grammar's words in C.
 */
#ifndef PGK_RESTORE_WALK_H
#define PGK_RESTORE_WALK_H

#include <stdbool.h>

#include "sqltext/sqltext.h"

/* A walk over a statement's tokens; `t` is the current one while `more`. */
struct walk {
	const char *at;
	struct sqltext_token t;
	bool more;
};

static inline bool
next(struct walk *w)
{
	return w->more = sqltext_token(&w->at, &w->t);
}

static inline bool
is(const struct walk *w, const char *keyword)
{
	return w->more && sqltext_is(&w->t, keyword);
}

static inline bool
is_punct(const struct walk *w, char c)
{
	return w->more && w->t.kind == SQLTEXT_PUNCT && w->t.word[0] == c;
}

static inline bool
accept(struct walk *w, const char *keyword)
{
	return is(w, keyword) ? (next(w), true) : false;
}

/* One of the words, of a list that ends with NULL. */
static inline bool
accept_any(struct walk *w, const char *const *words)
{
	for (; *words != NULL; words++)
		if (accept(w, *words))
			return true;
	return false;
}

static inline bool
accept_name(struct walk *w, char schema[256], char name[256])
{
	const char *p = w->t.begin;

	if (!w->more || !sqltext_name(&p, schema, name))
		return false;
	w->at = p;
	next(w);
	return true;
}

static inline void
accept_exists(struct walk *w)
{
	if (accept(w, "if")) {
		accept(w, "not");
		accept(w, "exists");
	}
}

/* On to behind the first such keyword outside parentheses. */
static inline bool
skip_to(struct walk *w, const char *keyword)
{
	unsigned depth = 0;

	for (; w->more; next(w)) {
		if (is_punct(w, '('))
			depth++;
		else if (is_punct(w, ')'))
			depth -= depth > 0;
		else if (depth == 0 && accept(w, keyword))
			return true;
	}
	return false;
}

#endif
