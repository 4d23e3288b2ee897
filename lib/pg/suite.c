#include <stdio.h>

#include "pg/pg_int.h"

/* The first key of all locks of ours: "pgk" as a number. */
#define SUITE "7366507"

void
pg_shield(struct pg *c)
{
	stop_forget(&c->stop);
	c->shielded = true;
}

int
pg_backend(const struct pg *c)
{
	return PQbackendPID(c->conn);
}

static int
call(struct pg *c, const char *function, enum pg_suite what, bool *yes,
    struct err *e)
{
	struct pg_rows *rows = NULL;
	char sql[128];

	snprintf(sql, sizeof sql, "SELECT pg_catalog.%s(" SUITE ", %d)",
	    function, (int)what);
	if (pg_query(c, sql, NULL, 0, &rows, e) == -1)
		return -1;
	*yes = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	return 0;
}

static int
busy(struct pg *c, enum pg_suite what, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *name;
	char sql[512];

	snprintf(sql, sizeof sql, "SELECT a.application_name, l.pid"
	    " FROM pg_catalog.pg_locks l"
	    " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
	    " WHERE l.locktype = 'advisory' AND l.classid = " SUITE
	    " AND l.objid = %d AND l.objsubid = 2 AND l.granted"
	    " AND l.database = (SELECT oid FROM pg_catalog.pg_database"
	    " WHERE datname = pg_catalog.current_database())", (int)what);
	if (pg_query(c, sql, NULL, 0, &rows, e) == -1)
		return -1;
	name = pg_text(rows, 0, 0);
	if (pg_count(rows) == 0) /* it went this very moment */
		err_set(e, ERR_BUSY, "another of the suite's tools was at "
		    "work");
	else
		err_set(e, ERR_BUSY, "%s (process %s of the server) is at "
		    "work in this database",
		    name != NULL && *name != '\0' ? name : "a session",
		    pg_text(rows, 0, 1));
	pg_rows_free(rows);
	return -1;
}

int
pg_suite_lock(struct pg *c, enum pg_suite what, bool shared, struct err *e)
{
	bool locked;

	if (call(c, shared ? "pg_try_advisory_lock_shared" :
	    "pg_try_advisory_lock", what, &locked, e) == -1)
		return -1;
	return locked ? 0 : busy(c, what, e);
}

int
pg_suite_unlock(struct pg *c, enum pg_suite what, bool shared, struct err *e)
{
	bool held;

	return call(c, shared ? "pg_advisory_unlock_shared" :
	    "pg_advisory_unlock", what, &held, e);
}
