#include <stdlib.h>
#include <string.h>

#include "restore/restore_int.h"
#include "unit/unit.h"

#define OWN "\nits own comment: "

/* The mark, and behind it the comment that will be put back. */
static int
mark_text(const struct restore *r, const char *former, struct buf *b,
    struct err *e)
{
	char when[UNIT_TEXT_MAX];

	return buf_fmt(b, e, MARK_BEGIN "%s begun %s%s%s%s",
	    r->o->source != NULL ? r->o->source : "a script",
	    unit_rfc3339(unit_now(), when),
	    r->replaced_more ? MARK_LOST : "",
	    former != NULL ? OWN : "",
	    former != NULL ? former : "");
}

int
mark_check(const char *comment, const char *what, struct err *e)
{
	if (comment == NULL ||
	    strncmp(comment, MARK_BEGIN, strlen(MARK_BEGIN)) != 0)
		return 0;
	return err_set(e, ERR_REFUSED, "%s holds an unfinished restore (%.*s)",
	    what, (int)strcspn(comment + strlen("pgk-restore: "), "\n"),
	    comment + strlen("pgk-restore: "));
}

const char *
mark_own(const char *comment)
{
	const char *p;

	if (comment == NULL ||
	    strncmp(comment, MARK_BEGIN, strlen(MARK_BEGIN)) != 0)
		return comment;
	p = strstr(comment, OWN);
	return p == NULL ? NULL : p + strlen(OWN);
}

/* COMMENT ON what IS text (or NULL) */
static int
add_comment(struct buf *sql, const char *what, const char *text,
    struct err *e)
{
	if (buf_fmt(sql, e, "COMMENT ON %s IS ", what) == -1)
		return -1;
	return text == NULL ? buf_str(sql, "NULL", e) :
	    sqltext_literal(sql, text, e);
}

static int
database_what(const char *name, struct buf *what, struct err *e)
{
	return buf_str(what, "DATABASE ", e) == -1 ? -1 :
	    sqltext_quote(what, name, e);
}

int
mark_database(struct restore *r, struct pg *c, const char *name,
    struct err *e)
{
	struct buf what = BUF_INIT(BUF_TEXT_MAX), sql = BUF_INIT(BUF_TEXT_MAX);
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (database_what(name, &what, e) == -1 ||
	    mark_text(r, r->former, &text, e) == -1 ||
	    buf_str(&sql, "BEGIN; SET LOCAL synchronous_commit = on; ", e) ==
	    -1 || add_comment(&sql, what.data, text.data, e) == -1)
		goto done;
	if (r->created && buf_fmt(&sql, e, "; REVOKE CONNECT ON %s FROM "
	    "PUBLIC", what.data) == -1)
		goto done;
	if (buf_str(&sql, "; COMMIT", e) == -1 ||
	    pg_exec(c, sql.data, e) == -1) {
		err_prefix(e, "could not mark database \"%s\" as unfinished",
		    r->name);
		err_hint(e, "restore as the database's owner");
		goto done;
	}
	rc = 0;
done:
	buf_free(&text);
	buf_free(&sql);
	buf_free(&what);
	return rc;
}

int
mark_begin(struct restore *r, struct err *e)
{
	if (!r->marked && mark_database(r, r->main, r->name, e) == -1)
		return -1;
	r->marked = true;
	return 0;
}

/* All in one transaction: it is finished or it is not. */
int
mark_end(struct restore *r, struct err *e)
{
	struct buf what = BUF_INIT(BUF_TEXT_MAX), sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (database_what(r->name, &what, e) == -1 || pg_exec(r->main,
	    "BEGIN; SET LOCAL synchronous_commit = on", e) == -1 ||
	    add_comment(&sql, what.data, r->former, e) == -1 ||
	    (r->created && buf_fmt(&sql, e, "; GRANT CONNECT ON %s TO PUBLIC",
	    what.data) == -1) || pg_exec(r->main, sql.data, e) == -1)
		goto done;
	for (size_t i = 0; i < r->late.count; i++)
		if (script_run(r->main, "pre-data", r->late.items[i].text,
		    r->late.items[i].line, false, e) == -1)
			goto done;
	rc = pg_exec(r->main, "COMMIT", e);
	r->marked = rc == -1;
done:
	buf_free(&sql);
	buf_free(&what);
	return rc;
}

int
mark_table(struct restore *r, const char *schema, const char *name, bool end,
    struct err *e)
{
	struct buf what = BUF_INIT(BUF_TEXT_MAX), sql = BUF_INIT(BUF_TEXT_MAX);
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	const char *own, *params[1];
	int rc = -1;

	if (sqltext_quote2(&what, schema, name, e) == -1)
		goto done;
	params[0] = what.data;
	if (pg_query(r->main, "SELECT obj_description($1::regclass, "
	    "'pg_class')", params, 1, &rows, e) == -1)
		goto done;
	own = mark_own(pg_text(rows, 0, 0));
	if (!end && mark_text(r, own, &text, e) == -1)
		goto done;
	if (buf_str(&sql, "COMMENT ON TABLE ", e) == -1 ||
	    buf_fmt(&sql, e, "%s IS ", what.data) == -1 ||
	    (!end ? sqltext_literal(&sql, text.data, e) : own == NULL ?
	    buf_str(&sql, "NULL", e) : sqltext_literal(&sql, own, e)) == -1)
		goto done;
	rc = pg_exec(r->main, sql.data, e);
done:
	pg_rows_free(rows);
	buf_free(&text);
	buf_free(&sql);
	buf_free(&what);
	return rc;
}
