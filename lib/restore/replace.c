#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/log.h"
#include "restore/restore_int.h"
#include "stop/stop.h"

extern const char sql_restore_sessions[], sql_restore_keep[];

/* Sessions of a restore that just failed may need a moment to end. */
#define LEAVING_TRIES 50
#define LEAVING_NS 100000000L

static bool
all_ours(const struct pg_rows *rows)
{
	for (size_t i = 0; i < pg_count(rows); i++)
		if (strcmp(pg_text(rows, i, 2), log_program()) != 0)
			return false;
	return pg_count(rows) > 0;
}

static int
list_sessions(struct restore *r, struct pg *c, struct pg_rows **rows,
    struct err *e)
{
	const struct timespec moment = { 0, LEAVING_NS };
	const char *params[] = { r->name };

	for (unsigned i = 0;; i++) {
		if (pg_query(c, sql_restore_sessions, params, 1, rows, e) ==
		    -1)
			return -1;
		if (i == LEAVING_TRIES || !all_ours(*rows))
			return 0;
		pg_rows_free(*rows);
		*rows = NULL;
		nanosleep(&moment, NULL);
	}
}

/* The other sessions are told of; only `force` ends them. */
static int
check_sessions(struct restore *r, struct pg *c, struct err *e)
{
	struct pg_rows *rows = NULL;
	size_t count;
	int rc = list_sessions(r, c, &rows, e);

	count = rc == 0 ? pg_count(rows) : 0;
	for (size_t i = 0; i < count; i++)
		log_info("session %s of role \"%s\" (%s, %s) uses database "
		    "\"%s\"", pg_text(rows, i, 0), pg_text(rows, i, 1),
		    pg_text(rows, i, 2), pg_text(rows, i, 3), r->name);
	if (count > 0 && !r->o->force) {
		rc = err_set(e, ERR_REFUSED, "database \"%s\" is in use by "
		    "%zu other session%s, one of them process %s of role "
		    "\"%s\" (%s, %s)", r->name, count, count == 1 ? "" : "s",
		    pg_text(rows, 0, 0), pg_text(rows, 0, 1),
		    pg_text(rows, 0, 2), pg_text(rows, 0, 3));
		err_hint(e, "-v lists all; --force ends them");
	}
	pg_rows_free(rows);
	return rc;
}

static int
confirm(const struct restore *r, const struct pg_rows *db, struct err *e)
{
	struct buf question = BUF_INIT(BUF_TEXT_MAX);
	const char *size = pg_text(db, 0, DB_SIZE);
	bool yes = true;
	int rc;

	if (r->o->confirm == NULL)
		return 0;
	rc = buf_fmt(&question, e, "drop database \"%s\" (%s, owner \"%s\") "
	    "and restore %s in its place?", r->name,
	    size != NULL ? size : "size not known", pg_text(db, 0, DB_OWNER),
	    r->o->source != NULL ? r->o->source : "the backup");
	if (rc == 0)
		yes = r->o->confirm(r->o->confirm_ctx, question.data);
	buf_free(&question);
	if (!yes) {
		rc = err_set(e, ERR_REFUSED, "database \"%s\" was not dropped: "
		    "not confirmed", r->name);
		err_hint(e, "--yes confirms");
	}
	return rc;
}

/*
 * Limit, settings and grants of the database survive its replacement; those
 * of one that bears a mark are our own doing.
 */
static int
keep(struct restore *r, struct pg *c, const struct pg_rows *db,
    struct err *e)
{
	const char *params[] = { r->name };
	const char *comment = pg_text(db, 0, DB_COMMENT);
	const char *own = mark_own(comment);
	struct pg_rows *rows = NULL;
	int rc = 0;

	if (own != comment && strstr(comment, MARK_LOST) != NULL)
		log_warning("settings and grants of database \"%s\" were lost "
		    "when an earlier restore was cut short", r->name);
	if (own == comment)
		rc = pg_query(c, sql_restore_keep, params, 1, &rows, e);
	for (size_t i = 0; rc == 0 && rows != NULL && i < pg_count(rows); i++)
		rc = list_add(&r->late, DEED_DATABASE, pg_text(rows, i, 0), 0,
		    e);
	r->replaced_more = r->late.count > 0;
	pg_rows_free(rows);
	if (rc == 0 && own != NULL && (r->former = strdup(own)) == NULL)
		rc = err_nomem(e);
	return rc;
}

static int
drop(struct restore *r, struct pg *c, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_str(&sql, "DROP DATABASE ", e) == -1 ||
	    sqltext_quote(&sql, r->name, e) == -1 ||
	    (r->o->force && buf_str(&sql, " WITH (FORCE)", e) == -1))
		goto done;
	log_info("dropping database \"%s\"", r->name);
	/* of the templates, only this one can be in a backup */
	if (strcmp(r->name, "template1") == 0 && pg_exec(c,
	    "ALTER DATABASE template1 IS_TEMPLATE false", e) == -1)
		goto done;
	if ((rc = pg_exec(c, sql.data, e)) == -1) {
		err_prefix(e, "could not drop database \"%s\"", r->name);
		if (strcmp(pg_sqlstate(c), "55006") == 0)
			err_hint(e, "sessions, subscriptions or replication "
			    "slots hold it");
	}
done:
	buf_free(&sql);
	return rc;
}

/*
 * A subscription forbids to drop its database. Those in one that was never
 * finished are our own: not enabled, and without a slot elsewhere.
 */
static int
drop_subscriptions(struct restore *r, struct err *e)
{
	static const char ask[] = "SELECT format('ALTER SUBSCRIPTION %1$I "
	    "DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP "
	    "SUBSCRIPTION %1$I', subname) FROM pg_subscription s JOIN "
	    "pg_database d ON d.oid = s.subdbid WHERE d.datname = "
	    "current_database() AND NOT subenabled";
	struct pg_rows *rows = NULL;
	struct pg *c = session_open(r, e);
	int rc = c == NULL ? -1 : pg_query(c, ask, NULL, 0, &rows, e);

	for (size_t i = 0; rc == 0 && i < pg_count(rows); i++)
		rc = pg_exec(c, pg_text(rows, i, 0), e);
	pg_rows_free(rows);
	pg_close(c);
	return rc;
}

/* Some roles may not even see whether there are any: then the drop tells. */
static int
clear_unfinished(struct restore *r, const struct pg_rows *db, struct err *e)
{
	const char *comment = pg_text(db, 0, DB_COMMENT);
	struct err ignored = ERR_INIT;

	if (mark_own(comment) == comment)
		return 0;
	if (drop_subscriptions(r, &ignored) == -1)
		log_info("%s", ignored.text);
	return stop_check(e);
}

/*
 * Owner and tablespace are the old database's; encoding and locale the
 * backup's, or where it says nothing the old database's too.
 */
int
target_replace(struct restore *r, struct pg *c, const struct pg_rows *db,
    struct database_facts *f, struct err *e)
{
	if (check_sessions(r, c, e) == -1 || confirm(r, db, e) == -1 ||
	    keep(r, c, db, e) == -1 || clear_unfinished(r, db, e) == -1 ||
	    drop(r, c, e) == -1)
		return -1;
	f->owner = pg_text(db, 0, DB_OWNER);
	f->tablespace = pg_text(db, 0, DB_TABLESPACE);
	if (f->encoding == NULL) {
		f->encoding = pg_text(db, 0, DB_ENCODING);
		f->collate = pg_text(db, 0, DB_COLLATE);
		f->ctype = pg_text(db, 0, DB_CTYPE);
		f->provider = pg_text(db, 0, DB_PROVIDER);
		f->locale = pg_text(db, 0, DB_LOCALE);
	}
	return target_create(r, c, f, e);
}
