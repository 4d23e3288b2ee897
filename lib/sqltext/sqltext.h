/*
 * sqltext: a plain SQL script, cut into statements and COPY data.
 *
 * Reads what pg_dump and pg_dumpall write for psql, and SQL written by hand:
 * quotes ('', E'', U&'', ""), dollar quotes, comments (nested), parentheses,
 * BEGIN ATOMIC bodies, COPY ... FROM stdin with its rows up to "\.", and
 * lines that begin with a backslash. Push in, calls out; nothing of psql's
 * variables, and no shell, ever.
 */
#ifndef PGK_SQLTEXT_H
#define PGK_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink/sink.h"

#define SQLTEXT_STATEMENT_MAX ((size_t)256 << 20)

/*
 * A statement: text up to and without its ';', leading white space and
 * comments cut, NUL at the end, valid during the call. `line` counts
 * from 1. Each call returns 0 or -1 with *e set, which stops the reading.
 */
struct sqltext_ops {
	int (*statement)(void *ctx, const char *text, size_t len,
	    uint64_t line, struct err *e);
	/* a COPY ... FROM stdin (text without ';') begins; rows follow */
	int (*copy)(void *ctx, const char *text, size_t len, uint64_t line,
	    struct err *e);
	/*
	 * bytes of rows, cut anywhere; all of them end in a newline, and the
	 * final "\." line is not among them
	 */
	int (*rows)(void *ctx, const char *data, size_t len, struct err *e);
	int (*copy_end)(void *ctx, struct err *e);
	/* a psql command: the line from its backslash on, without newline */
	int (*meta)(void *ctx, const char *text, size_t len, uint64_t line,
	    struct err *e);
	/* a "-- ..." comment between statements, to its newline; NULL ok */
	int (*comment)(void *ctx, const char *text, size_t len,
	    uint64_t line, struct err *e);
};

/*
 * A sink. Strings follow the standard (a backslash is a backslash outside
 * E'') until the script itself says SET standard_conforming_strings = off.
 * Memory: the current statement, at most SQLTEXT_STATEMENT_MAX (ERR_NOMEM);
 * rows are not kept. ERR_CORRUPT: a NUL byte in a statement, words behind
 * "COPY ... FROM stdin;" on its line; from finish: a script that ends inside
 * a quote, comment, COPY data or a statement without ';' (psql would run that
 * last one; a backup that was cut looks just so).
 */
struct sink *sqltext_reader(const struct sqltext_ops *ops, void *ctx,
    struct err *e);

/*
 * Words of a statement, for telling what it does. Next token of
 * *at (which moves on): unquoted identifiers and keywords are lower-cased,
 * "quoted" ones unquoted with `quoted` set, punctuation is one character,
 * a literal or number is given as it stands (U&"" too: pg_dump writes none).
 * False at the end. Comments are passed over. `word` is cut to its size, and
 * then `cut` is set.
 */
struct sqltext_token {
	enum { SQLTEXT_WORD, SQLTEXT_LITERAL, SQLTEXT_NUMBER, SQLTEXT_PUNCT } kind;
	bool quoted, cut;
	char word[256];
	const char *begin, *end; /* the token in the text */
};
bool sqltext_token(const char **at, struct sqltext_token *t);

/* Whether the token is this keyword (lower case), unquoted. */
bool sqltext_is(const struct sqltext_token *t, const char *keyword);

/*
 * "a"."b" or a.b at *at into schema ("" if none) and name, and *at moves
 * behind it (a further ".c" is left there). False, and *at as it was, when
 * there is no name or it is too long.
 */
bool sqltext_name(const char **at, char schema[256], char name[256]);

/* Whether the statement is a COPY ... FROM stdin, whose rows follow it. */
bool sqltext_is_copy(const char *text);

/* Append name quoted as an SQL identifier, always in double quotes. */
struct buf;
int sqltext_quote(struct buf *b, const char *name, struct err *e);
/* "schema"."name". */
int sqltext_quote2(struct buf *b, const char *schema, const char *name,
    struct err *e);
/* Append as a literal: '...' with E and doubled backslashes when needed. */
int sqltext_literal(struct buf *b, const char *text, struct err *e);

#endif
