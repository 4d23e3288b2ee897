/*
 * hypo: what a statement's plan would cost with an index that is not there.
 * Private to the room; for suggest.c.
 */
#ifndef PGK_INDEX_HYPO_H
#define PGK_INDEX_HYPO_H

#include "index/index.h"

/* hypopg's functions, quoted with their schema; empty: it is not there. */
struct hypo {
	struct pg *c;
	struct buf create, size, drop;
};

#define HYPO_INIT { NULL, BUF_INIT(1024), BUF_INIT(1024), BUF_INIT(1024) }

/*
 * Look for hypopg on a connection, borrowed until hypo_free(). 0 also when it
 * is not there: the texts are empty then; -1: ERR_PG, ERR_NOMEM.
 */
int hypo_find(struct pg *c, struct hypo *h, struct err *e);
void hypo_free(struct hypo *h);

/* The first field of an answer as a number; param may be NULL. */
int hypo_number(struct pg *c, const char *sql, const char *param,
    double *out, struct err *e);

/*
 * The generic plan of a statement as JSON, and its cost; in a transaction.
 * Prepared anew each time: a plan is kept as it was made, whatever
 * hypothetical index came since. 0; 1: it cannot be planned here; -1.
 */
int hypo_plan(struct pg *c, const char *statement, struct buf *json,
    double *cost, struct err *e);

/* Columns of sql/index_candidates.sql. */
enum { C_SCHEMA, C_TABLE, C_COLUMNS, C_COUNT, C_SQL, C_RANK, C_BYTES,
	C_WRITES };

struct hypo_best {
	size_t row; /* of the candidates */
	double cost, bytes, weighed;
	bool found;
};

/*
 * Try all candidates: *best is the one that makes the plan cheapest, unless
 * none makes it much cheaper than `before`.
 */
int hypo_best(const struct hypo *h, const char *statement,
    const struct pg_rows *rows, double before, struct hypo_best *best,
    struct err *e);

#endif
