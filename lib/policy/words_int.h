/*
 * words_int: reading SQL word by word, for parse.c and schema.c.
 */
#ifndef PGK_INDEX_WORDS_INT_H
#define PGK_INDEX_WORDS_INT_H

#include "err/err.h"
#include "sqltext/sqltext.h"

struct words {
	const char *at;         /* behind `t` */
	struct sqltext_token t; /* the one looked at */
	bool end;               /* there is none */
};

void words_next(struct words *p);
bool words_is(const struct words *p, const char *keyword);
bool words_is_punct(const struct words *p, char c);
bool words_is_name(const struct words *p);

/* Past the keyword, if it is there. */
bool words_take(struct words *p, const char *keyword);

/* ERR_CONF "WANTED expected at ...". Returns -1. */
int words_bad(struct words *p, const char *wanted, struct err *e);

/* Past a name, or "a"."b" (schema "" if none). Caller frees, after -1 too. */
char *words_take_name(struct words *p, const char *wanted, struct err *e);
int words_take_table(struct words *p, char **schema, char **table,
    struct err *e);

/* Past a list in brackets: `each` gets every part between its commas. */
int words_take_list(struct words *p, int (*each)(void *ctx, const char *text,
    size_t len, struct err *e), void *ctx, struct err *e);

/* Like strndup(). */
char *words_copy(const char *text, size_t len, struct err *e);

#endif
