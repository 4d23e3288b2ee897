#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "pg/pg_int.h"

static int
begin(struct pg *c, const char *sql, ExecStatusType want, struct err *e)
{
	PGresult *res = PQexec(c->conn, sql);
	int rc = 0;

	if (PQresultStatus(res) != want)
		rc = pg_fail(c, res, e);
	PQclear(res);
	return rc;
}

/* Take all results to the end; the first failure is the one reported. */
static int
drain(struct pg *c, uint64_t *rows, struct err *e)
{
	PGresult *res;
	int rc = 0;

	while ((res = PQgetResult(c->conn)) != NULL) {
		if (PQresultStatus(res) != PGRES_COMMAND_OK && rc == 0)
			rc = pg_fail(c, res, e);
		else if (rc == 0 && rows != NULL)
			*rows = strtoull(PQcmdTuples(res), NULL, 10);
		PQclear(res);
		if (PQstatus(c->conn) == CONNECTION_BAD)
			break;
	}
	if (rc == 0 && PQstatus(c->conn) == CONNECTION_BAD)
		rc = pg_fail(c, NULL, e);
	return rc;
}

int
pg_copy_out(struct pg *c, const char *sql, struct err *e)
{
	return begin(c, sql, PGRES_COPY_OUT, e);
}

int
pg_copy_next(struct pg *c, const char **data, size_t *len, uint64_t *rows,
    struct err *e)
{
	int n;

	PQfreemem(c->row);
	c->row = NULL;
	n = PQgetCopyData(c->conn, &c->row, 0);
	if (n > 0) {
		*data = c->row;
		*len = (size_t)n;
		return 0;
	}
	*data = NULL;
	*len = 0;
	/* of a command with several results the next is pg_next()'s */
	if (n == -1)
		return c->sent ? 0 : drain(c, rows, e);
	return pg_fail(c, NULL, e);
}

int
pg_copy_in(struct pg *c, const char *sql, struct err *e)
{
	return begin(c, sql, PGRES_COPY_IN, e);
}

int
pg_copy_write(struct pg *c, const char *data, size_t len, struct err *e)
{
	while (len > 0) {
		int n = len > INT_MAX / 2 ? INT_MAX / 2 : (int)len;

		if (PQputCopyData(c->conn, data, n) != 1)
			return pg_fail(c, NULL, e);
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int
pg_copy_end(struct pg *c, uint64_t *rows, struct err *e)
{
	if (PQputCopyEnd(c->conn, NULL) != 1)
		return pg_fail(c, NULL, e);
	return drain(c, rows, e);
}

void
pg_copy_abort(struct pg *c, const char *why)
{
	struct err ignored = ERR_INIT;

	if (PQputCopyEnd(c->conn, why) == 1)
		drain(c, NULL, &ignored);
}
