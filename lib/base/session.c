#include "base/session.h"

#include <stdlib.h>
#include <string.h>

#include "lsn/lsn.h"

#define NEW_NAMES 150000 /* pg_start_backup became pg_backup_start */

static bool
is_new(const struct pg *pg)
{
	return pg_server_version(pg) >= NEW_NAMES;
}

static int
check_function(struct pg *pg, const char *name, struct err *e)
{
	static const char sql[] = "SELECT pg_catalog.has_function_privilege("
	    "'pg_catalog.' || $1, 'EXECUTE')";
	struct pg_rows *rows = NULL;
	int rc = 0;

	if (pg_query(pg, sql, &name, 1, &rows, e) == -1)
		return -1;
	if (!pg_bool(rows, 0, 0)) {
		rc = err_set(e, ERR_PG, "the role may not EXECUTE %s in "
		    "database \"%s\"", name, pg_database(pg));
		err_hint(e, "roles.sql, run in that database, grants what the "
		    "method \"wal\" needs");
	}
	pg_rows_free(rows);
	return rc;
}

static int
check_rights(struct pg *pg, struct err *e)
{
	static const char *const both[] = {
		"pg_ls_dir(text,boolean,boolean)",
		"pg_stat_file(text,boolean)",
		"pg_read_binary_file(text,bigint,bigint,boolean)",
		"pg_control_system()" };
	const bool named = is_new(pg);

	if (check_function(pg, named ? "pg_backup_start(text,boolean)" :
	    "pg_start_backup(text,boolean,boolean)", e) == -1 ||
	    check_function(pg, named ? "pg_backup_stop(boolean)" :
	    "pg_stop_backup(boolean,boolean)", e) == -1)
		return -1;
	for (size_t i = 0; i < sizeof both / sizeof *both; i++)
		if (check_function(pg, both[i], e) == -1)
			return -1;
	return 0;
}

/* A list of hosts may have led elsewhere. */
static int
check_system(struct pg *pg, uint64_t system, struct err *e)
{
	struct pg_rows *rows = NULL;
	uint64_t got;

	if (pg_query(pg, "SELECT system_identifier "
	    "FROM pg_catalog.pg_control_system()", NULL, 0, &rows, e) == -1)
		return -1;
	got = pg_number(rows, 0, 0);
	pg_rows_free(rows);
	return got == system ? 0 : err_set(e, ERR_REFUSED, "database \"%s\" "
	    "is of another cluster than the replication connection",
	    pg_database(pg));
}

static struct pg *
connect_any(struct pg_target *t, struct err *e)
{
	struct err why = ERR_INIT, ignored = ERR_INIT;
	struct pg *pg = pg_connect(t, &why);

	if (pg == NULL && why.kind == ERR_PG &&
	    pg_target_get(t, "dbname") == NULL &&
	    pg_target_set(t, "dbname", "postgres", &ignored) == 0)
		pg = pg_connect(t, &ignored);
	if (pg == NULL)
		err_pass(e, &why);
	return pg;
}

struct pg *
base_session_open(const struct pg_target *target, uint64_t system,
    struct err *e)
{
	struct pg_target *t = pg_target_copy(target, e);
	struct pg *pg = t == NULL ? NULL : connect_any(t, e);

	pg_target_free(t);
	if (pg != NULL && check_rights(pg, e) == 0 &&
	    check_system(pg, system, e) == 0)
		return pg;
	pg_close(pg);
	return NULL;
}

int
base_session_start(struct pg *pg, const char *label, bool fast,
    uint64_t *start, struct err *e)
{
	const char *const params[] = { label, fast ? "true" : "false" };
	struct pg_rows *rows = NULL;
	const char *text;
	int rc;

	if (pg_query(pg, is_new(pg) ?
	    "SELECT pg_catalog.pg_backup_start($1, $2)" :
	    "SELECT pg_catalog.pg_start_backup($1, $2, false)", params, 2,
	    &rows, e) == -1)
		return -1;
	text = pg_text(rows, 0, 0);
	rc = text != NULL && lsn_parse(text, start, NULL) == 0 ? 0 :
	    err_set(e, ERR_PG, "the server does not say where the backup "
	    "begins");
	pg_rows_free(rows);
	return rc;
}

static int
take_ended(const struct pg_rows *rows, struct base_ended *out, struct err *e)
{
	const char *lsn = pg_text(rows, 0, 0), *label = pg_text(rows, 0, 1);
	const char *map = pg_text(rows, 0, 2);

	if (lsn == NULL || lsn_parse(lsn, &out->end, NULL) == -1 ||
	    label == NULL)
		return err_set(e, ERR_PG, "the server does not say where the "
		    "backup ends");
	out->label = strdup(label);
	out->map = strdup(map != NULL ? map : "");
	if (out->label != NULL && out->map != NULL)
		return 0;
	free(out->label);
	free(out->map);
	return err_nomem(e);
}

int
base_session_stop(struct pg *pg, struct base_ended *out, struct err *e)
{
	struct pg_rows *rows = NULL;
	int rc;

	if (pg_query(pg, is_new(pg) ? "SELECT lsn, labelfile, spcmapfile"
	    " FROM pg_catalog.pg_backup_stop(false)" :
	    "SELECT lsn, labelfile, spcmapfile"
	    " FROM pg_catalog.pg_stop_backup(false, false)", NULL, 0, &rows,
	    e) == -1)
		return -1;
	rc = take_ended(rows, out, e);
	pg_rows_free(rows);
	return rc;
}

int
base_session_tablespaces(struct pg *pg, struct repo_set *set, struct err *e)
{
	struct pg_rows *rows = NULL;
	int rc = pg_query(pg, "SELECT oid,"
	    " pg_catalog.pg_tablespace_location(oid)"
	    " FROM pg_catalog.pg_tablespace WHERE spcname"
	    " NOT IN ('pg_default', 'pg_global') ORDER BY oid", NULL, 0,
	    &rows, e);

	for (size_t i = 0; rc == 0 && i < pg_count(rows); i++) {
		struct repo_tablespace t = {
			.oid = (uint32_t)pg_number(rows, i, 0),
			.location = (char *)(uintptr_t)pg_text(rows, i, 1) };

		rc = t.oid != 0 && t.location != NULL &&
		    t.location[0] != '\0' ? repo_add_tablespace(set, &t, e) :
		    err_set(e, ERR_PG, "a tablespace without a place");
	}
	pg_rows_free(rows);
	return rc;
}

int
base_session_is_primary(struct pg *pg, bool *out, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (pg_query(pg, "SELECT NOT pg_catalog.pg_is_in_recovery()", NULL, 0,
	    &rows, e) == -1)
		return -1;
	*out = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	return 0;
}

int
base_session_group_access(struct pg *pg, bool *out, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *text;

	if (pg_query(pg, "SHOW data_directory_mode", NULL, 0, &rows, e) == -1)
		return -1;
	text = pg_text(rows, 0, 0);
	*out = text != NULL && strcmp(text, "0750") == 0;
	pg_rows_free(rows);
	return 0;
}
