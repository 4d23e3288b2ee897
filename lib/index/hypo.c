/*
 * Planning statements of others, and trying indexes that are not there.
 */
#include <stdlib.h>
#include <string.h>

#include "index/hypo.h"
#include "index/index_int.h"
#include "stop/stop.h"

#define GAIN 0.7 /* a plan must cost less than this of what it did */

int
hypo_number(struct pg *c, const char *sql, const char *param, double *out,
    struct err *e)
{
	struct pg_rows *rows;
	const char *text;

	if (pg_query(c, sql, &param, param != NULL, &rows, e) == -1)
		return -1;
	text = pg_text(rows, 0, 0);
	*out = text == NULL ? 0 : strtod(text, NULL);
	pg_rows_free(rows);
	return 0;
}

/* EXECUTE pgk_statement(NULL, ...), its plan as JSON into `json`. */
static int
explain(struct pg *c, struct buf *json, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	double n = 0;
	int rc = hypo_number(c, "SELECT cardinality(parameter_types)"
	    " FROM pg_catalog.pg_prepared_statements"
	    " WHERE name = 'pgk_statement'", NULL, &n, e);

	if (rc == 0)
		rc = buf_str(&sql, "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE "
		    "pgk_statement", e);
	for (int i = 0; i < (int)n && rc == 0; i++)
		rc = buf_str(&sql, i == 0 ? "(NULL" : ", NULL", e);
	if (rc == 0 && (n < 1 || buf_byte(&sql, ')', e) == 0) &&
	    pg_query(c, sql.data, NULL, 0, &rows, e) == 0 &&
	    pg_text(rows, 0, 0) != NULL) {
		buf_reset(json);
		rc = buf_str(json, pg_text(rows, 0, 0), e);
	} else {
		rc = -1;
	}
	if (rows != NULL)
		pg_rows_free(rows);
	buf_free(&sql);
	return rc;
}

/*
 * The generic plan of a statement and its cost. Prepared anew each time:
 * a plan is kept as it was made, whatever hypothetical index came since.
 * 0; 1: the statement cannot be planned here; -1.
 */
int
hypo_plan(struct pg *c, const char *statement, struct buf *json, double *cost,
    struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct err own = ERR_INIT;
	int rc = -1;

	if (pg_exec(c, "SAVEPOINT pgk", e) == -1)
		return -1;
	if (buf_fmt(&sql, &own, "PREPARE pgk_statement AS %s",
	    statement) == 0 &&
	    pg_query(c, sql.data, NULL, 0, NULL, &own) == 0)
		rc = explain(c, json, &own);
	buf_free(&sql);
	if (pg_exec(c, "ROLLBACK TO SAVEPOINT pgk; RELEASE SAVEPOINT pgk;"
	    " DEALLOCATE ALL", e) == -1)
		return -1;
	if (rc == -1)
		return own.kind == ERR_PG || own.kind == ERR_NONE ? 1 :
		    err_pass(e, &own);
	return hypo_number(c, "SELECT $1::jsonb #>> '{0,Plan,Total Cost}'",
	    json->data, cost, e);
}

/* Trying. */

/* With candidate i in place: the cost, and the bytes the index would have. */
static int
try(const struct hypo *h, const char *statement, const struct pg_rows *rows,
    size_t i, double *cost, double *bytes, struct err *e)
{
	struct buf sql = BUF_INIT(4096), json = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *made = NULL;
	const char *param = pg_text(rows, i, C_SQL);
	int rc = -1;

	if (buf_fmt(&sql, e, "SELECT indexrelid::text FROM %s($1)",
	    h->create.data) == -1 ||
	    pg_query(h->c, sql.data, &param, 1, &made, e) == -1 ||
	    (rc = hypo_plan(h->c, statement, &json, cost, e)) != 0)
		goto done;
	buf_reset(&sql);
	if (buf_fmt(&sql, e, "SELECT %s($1::oid)", h->size.data) == -1 ||
	    hypo_number(h->c, sql.data, pg_text(made, 0, 0), bytes,
	        e) == -1)
		rc = -1;
done:
	if (made != NULL)
		pg_rows_free(made);
	buf_reset(&sql);
	if (rc != -1 && (buf_fmt(&sql, e, "SELECT %s()",
	    h->drop.data) == -1 || pg_exec(h->c, sql.data, e) == -1))
		rc = -1;
	buf_free(&json);
	buf_free(&sql);
	return rc;
}

/* A column more must be worth it. */
int
hypo_best(const struct hypo *h, const char *statement,
    const struct pg_rows *rows, double before, struct hypo_best *best,
    struct err *e)
{
	for (size_t i = 0; i < pg_count(rows); i++) {
		double cost, bytes, weighed;
		int rc = try(h, statement, rows, i, &cost, &bytes, e);

		if (rc == -1 || stop_check(e) == -1)
			return -1;
		weighed = cost * (1 + 0.05 *
		    (double)pg_number(rows, i, C_COUNT));
		if (rc == 1 || cost > GAIN * before ||
		    (best->found && weighed >= best->weighed))
			continue;
		*best = (struct hypo_best){ i, cost, bytes, weighed, true };
	}
	return 0;
}

int
hypo_find(struct pg *c, struct hypo *h, struct err *e)
{
	h->c = c;
	if (index_extension(c, "hypopg", "hypopg_create_index", &h->create,
	    e) == -1 || index_extension(c, "hypopg", "hypopg_relation_size",
	    &h->size, e) == -1)
		return -1;
	return index_extension(c, "hypopg", "hypopg_reset", &h->drop, e);
}

void
hypo_free(struct hypo *h)
{
	buf_free(&h->create);
	buf_free(&h->size);
	buf_free(&h->drop);
}
