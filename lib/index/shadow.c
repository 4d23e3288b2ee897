#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

extern const char sql_index_table[];

static char *
copy(const char *text, struct err *e)
{
	char *s = strdup(text);

	if (s == NULL)
		err_nomem(e);
	return s;
}

/* The table. */

static int
refuse_kind(struct index_item *x, const char *kind, struct err *e)
{
	const char *what = *kind == 'v' ? "a view" : *kind == 'f' ?
	    "a foreign table" : "no table";

	x->state = STATE_NO_TABLE;
	return index_text(&x->why, e, "\"%s\" is %s", x->s->table, what);
}

/* *how: PARTITION BY what; NULL when it is not partitioned. Caller frees. */
static int
keep_table(struct index_item *x, const struct pg_rows *r, char **how,
    struct err *e)
{
	const char *kind = pg_text(r, 0, 3);

	if (pg_count(r) == 0) {
		x->state = STATE_NO_TABLE;
		return index_text(&x->why, e, "there is no table \"%s\"",
		    x->s->table);
	}
	if (strchr("rpm", *kind) == NULL)
		return refuse_kind(x, kind, e);
	x->partitioned = *kind == 'p';
	if (pg_text(r, 0, 4) != NULL &&
	    (*how = copy(pg_text(r, 0, 4), e)) == NULL)
		return -1;
	if ((x->oid = copy(pg_text(r, 0, 0), e)) == NULL ||
	    (x->schema = copy(pg_text(r, 0, 1), e)) == NULL ||
	    (x->table = copy(pg_text(r, 0, 2), e)) == NULL)
		return -1;
	return 0;
}

/* Within a transaction whose search_path is the role's own, as psql's. */
static int
find_table(struct pg *c, struct index_item *x, char **how, struct err *e)
{
	struct buf name = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	const char *param;
	int rc = -1;

	if ((*x->s->schema != '\0' ? sqltext_quote2(&name, x->s->schema,
	    x->s->table, e) : sqltext_quote(&name, x->s->table, e)) == -1)
		goto done;
	param = name.data;
	if (pg_query(c, sql_index_table, &param, 1, &rows, e) == 0)
		rc = keep_table(x, rows, how, e);
	if (rows != NULL)
		pg_rows_free(rows);
done:
	buf_free(&name);
	return rc;
}

/* What the statement makes: on an empty copy of the table. */

static int
shadow_sql(const struct index_item *x, const char *how, struct buf *table,
    struct buf *index, struct err *e)
{
	if (buf_str(table, "CREATE TEMP TABLE ", e) == -1 ||
	    sqltext_quote(table, x->table, e) == -1 ||
	    buf_str(table, " (LIKE ", e) == -1 ||
	    sqltext_quote2(table, x->schema, x->table, e) == -1 ||
	    buf_str(table, " INCLUDING GENERATED)", e) == -1 ||
	    (how != NULL && buf_fmt(table, e, " PARTITION BY %s", how) == -1))
		return -1;
	/* the copy bears the table's name: an expression may use it */
	if (buf_fmt(index, e, "CREATE %sINDEX ON pg_temp.",
	    x->s->unique ? "UNIQUE " : "") == -1 ||
	    sqltext_quote(index, x->table, e) == -1 ||
	    buf_byte(index, ' ', e) == -1)
		return -1;
	return buf_str(index, x->s->rest, e);
}

static int
read_shadow(struct pg *c, struct index_item *x, struct err *e)
{
	struct buf name = BUF_INIT(BUF_TEXT_MAX);
	struct buf oids = BUF_INIT(64);
	struct pg_rows *rows = NULL;
	const char *param;
	int rc = -1;

	if (pg_exec(c, "SET LOCAL search_path = ''", e) == -1 ||
	    sqltext_quote2(&name, "pg_temp", x->table, e) == -1)
		goto done;
	param = name.data;
	if (pg_query(c, sql_index_table, &param, 1, &rows, e) == -1 ||
	    buf_fmt(&oids, e, "{%s}", pg_text(rows, 0, 0)) == -1 ||
	    index_catalogue_read(c, oids.data, &x->shadow, e) == -1)
		goto done;
	rc = x->shadow.count == 1 ? 0 : err_set(e, ERR_PG, "the copy of "
	    "\"%s\" has %zu indexes and not one", x->table, x->shadow.count);
done:
	if (rows != NULL)
		pg_rows_free(rows);
	buf_free(&oids);
	buf_free(&name);
	return rc;
}

/*
 * Whether an expression may use the whole row: the copy's rows are of another
 * type, which a function of the table's rows does not take.
 */
static bool
uses_row(const struct index_item *x)
{
	const char *at = x->s->rest;
	struct sqltext_token t;

	while (sqltext_token(&at, &t)) {
		const char *after = at;
		struct sqltext_token dot, star;

		if (t.kind != SQLTEXT_WORD || strcmp(t.word, x->table) != 0)
			continue;
		if (!sqltext_token(&after, &dot) || dot.word[0] != '.' ||
		    !sqltext_token(&after, &star) || star.word[0] == '*')
			return true;
	}
	return false;
}

/* Of the statement itself; else of the session, and then all would fail. */
static bool
is_statements_fault(struct pg *c)
{
	const char *state = pg_sqlstate(c);

	return strncmp(state, "42", 2) == 0 ? strcmp(state, "42501") != 0 :
	    strncmp(state, "0A", 2) == 0 || strncmp(state, "22", 2) == 0;
}

static int
make_shadow(struct pg *c, struct index_item *x, const char *how,
    struct err *e)
{
	struct buf table = BUF_INIT(BUF_TEXT_MAX);
	struct buf index = BUF_INIT(BUF_TEXT_MAX);
	struct err why = ERR_INIT;
	int rc = -1;

	if (shadow_sql(x, how, &table, &index, e) == -1)
		goto done;
	if (pg_exec(c, table.data, e) == -1)
		goto done;
	/* as one statement, whatever it holds */
	if (pg_query(c, index.data, NULL, 0, NULL, &why) == 0) {
		rc = read_shadow(c, x, e);
	} else if (!is_statements_fault(c)) {
		err_pass(e, &why);
	} else {
		x->state = uses_row(x) ? STATE_UNVERIFIED : STATE_REFUSED;
		rc = index_text(&x->why, e, "%s", why.text);
	}
done:
	buf_free(&table);
	buf_free(&index);
	return rc;
}

int
index_shadow(struct pg *c, struct index_item *x, struct err *e)
{
	struct err ignored = ERR_INIT;
	char *how = NULL;
	int rc = -1;

	if (pg_exec(c, "BEGIN READ WRITE; RESET search_path", e) == -1)
		return -1;
	if (find_table(c, x, &how, e) == 0)
		rc = x->oid == NULL ? 0 : make_shadow(c, x, how, e);
	free(how);
	if (rc == -1)
		err_prefix(e, "the statement at line %llu",
		    (unsigned long long)x->s->line);
	return pg_exec(c, "ROLLBACK", rc == 0 ? e : &ignored) == -1 ? -1 : rc;
}
