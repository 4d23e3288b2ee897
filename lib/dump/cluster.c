#include <stdlib.h>
#include <string.h>

#include "dump/dump_int.h"
#include "sqltext/sqltext.h"

extern const char sql_dump_databases[], sql_dump_create[];

#define READ_BYTES 65536

/* pg_dumpall's roles, their settings and tablespaces, without passwords. */
static struct proc *
start_globals(struct dump_run *r, struct err *e)
{
	char *program = dump_program(r->o, "pg_dumpall", e);
	char *conninfo = pg_target_string(r->o->target, e);
	struct buf dbname = BUF_INIT(BUF_TEXT_MAX);
	struct proc *p = NULL;

	if (program != NULL && conninfo != NULL &&
	    buf_fmt(&dbname, e, "--dbname=%s", conninfo) == 0) {
		const char *argv[] = { program, "--globals-only",
			"--no-role-passwords", "--no-password", dbname.data,
			r->o->no_comments ? "--no-comments" : NULL, NULL };

		p = proc_start(argv, NULL, e);
	}
	buf_free(&dbname);
	free(conninfo);
	free(program);
	return p;
}

int
dump_globals(struct dump_run *r, const char *before, struct err *e)
{
	struct piece spec = { .kind = PIECE_GLOBALS };
	struct piece_maker *m = piece_maker_new(r->writer, e);
	struct proc *p = m == NULL ? NULL : start_globals(r, e);
	char *data = malloc(READ_BYTES);
	ssize_t n = -1;
	int rc = -1;

	if (p == NULL || data == NULL || piece_begin(m, &spec, e) == -1 ||
	    piece_write(m, before, strlen(before), e) == -1)
		goto done;
	while ((n = proc_read(p, data, READ_BYTES, e)) > 0)
		if (piece_write(m, data, (size_t)n, e) == -1)
			goto done;
	if (n == 0 && proc_finish(p, ERR_PG, e) == 0)
		rc = piece_put(m, 0, 0, e);
done:
	if (rc == -1 && e->kind == ERR_NONE)
		err_nomem(e);
	free(data);
	proc_free(p);
	piece_maker_free(m);
	return rc == -1 ? err_prefix(e, "could not dump the globals") : 0;
}

/* ALTER ROLE ... PASSWORD for every role that has one. */
static int
hashes_script(struct pg_rows *rows, struct buf *sql, struct err *e)
{
	if (buf_str(sql, "-- Role password hashes; feed to psql after the "
	    "roles were made.\n\n", e) == -1)
		return -1;
	for (size_t i = 0; i < pg_count(rows); i++)
		if (buf_str(sql, "ALTER ROLE ", e) == -1 ||
		    sqltext_quote(sql, pg_text(rows, i, 0), e) == -1 ||
		    buf_str(sql, " PASSWORD ", e) == -1 ||
		    sqltext_literal(sql, pg_text(rows, i, 1), e) == -1 ||
		    buf_str(sql, ";\n", e) == -1)
			return -1;
	return 0;
}

int
dump_hashes(struct dump_run *r, struct sink *globals, struct err *e)
{
	static const char ask[] = "SELECT rolname, rolpassword FROM pg_authid "
	    "WHERE rolpassword IS NOT NULL ORDER BY 1";
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	struct pg *c = pg_connect(r->o->target, e);
	int rc = -1;

	if (c == NULL || pg_query(c, ask, NULL, 0, &rows, e) == -1 ||
	    hashes_script(rows, &sql, e) == -1 ||
	    sink_write(globals, sql.data, sql.len, e) == -1)
		goto done;
	rc = sink_finish(globals, e);
done:
	pg_rows_free(rows);
	buf_wipe(&sql);
	pg_close(c);
	return rc == -1 ? err_prefix(e, "could not read the role password "
	    "hashes") : 0;
}

int
dump_databases(struct dump_run *r, struct pg_rows **rows, struct err *e)
{
	struct pg *c = pg_connect(r->o->target, e);
	int rc = c == NULL ? -1 : pg_query(c, sql_dump_databases, NULL, 0,
	    rows, e);

	pg_close(c);
	return rc;
}

/* A word of a psql command: '...' with C's escapes, on one line. */
static int
psql_quote(struct buf *b, const char *text, struct err *e)
{
	int rc = buf_byte(b, '\'', e);

	for (; *text != '\0' && rc == 0; text++)
		switch (*text) {
		case '\n':
			rc = buf_str(b, "\\n", e);
			break;
		case '\r':
			rc = buf_str(b, "\\r", e);
			break;
		case '\'':
		case '\\':
			rc = buf_fmt(b, e, "\\%c", *text);
			break;
		default:
			rc = buf_byte(b, *text, e);
		}
	return rc == -1 ? -1 : buf_byte(b, '\'', e);
}

/* \connect to a database by a conninfo, so that no name is misread. */
static int
connect_line(struct buf *script, const char *name, struct err *e)
{
	struct pg_target *t = pg_target_new(e);
	char *text = NULL;
	int rc = -1;

	if (t != NULL && pg_target_set(t, "dbname", name, e) == 0 &&
	    (text = pg_target_string(t, e)) != NULL &&
	    buf_str(script, "\\connect -reuse-previous=on ", e) == 0 &&
	    psql_quote(script, text, e) == 0)
		rc = buf_str(script, "\n\n", e);
	free(text);
	pg_target_free(t);
	return rc;
}

/* pg_dump refuses to name such a database in a script of its own. */
static int
create_line(struct dump_run *r, struct buf *script, struct err *e)
{
	struct pg_rows *rows = NULL;
	int rc = pg_query(r->coordinator, sql_dump_create, NULL, 0, &rows, e);

	if (rc == 0)
		rc = buf_fmt(script, e, "%s\n\n", pg_text(rows, 0, 0));
	pg_rows_free(rows);
	if (rc == 0)
		rc = repo_add_missing(r->set, "comment, grants and settings "
		    "of a database with a line break in its name", e);
	return rc;
}

int
dump_connect_script(struct dump_run *r, const char *name, bool *create,
    struct buf *script, struct err *e)
{
	bool broken = strpbrk(name, "\n\r") != NULL;

	/* every server has these two */
	*create = !broken && strcmp(name, "postgres") != 0 &&
	    strcmp(name, "template1") != 0;
	if (*create)
		return 0;
	if (broken && create_line(r, script, e) == -1)
		return -1;
	return connect_line(script, name, e);
}
