#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest/digest.h"
#include "log/log.h"
#include "restore/restore_int.h"

#define TARGET_NEW_MAX 48

extern const char sql_restore_objects[], sql_restore_database[];

/* A database cannot be dropped from itself. */
struct pg *
target_maintenance(const struct restore_options *o, const char *name,
    struct err *e)
{
	const char *dbname = o->maintenance != NULL ? o->maintenance :
	    "postgres";
	struct pg_target *t = pg_target_copy(o->target, e);
	struct pg *c = NULL;

	if (name != NULL && strcmp(dbname, name) == 0)
		dbname = strcmp(name, "template1") == 0 ? "postgres" :
		    "template1";
	if (t != NULL && pg_target_set(t, "dbname", dbname, e) == 0 &&
	    (c = pg_connect(t, e)) == NULL)
		err_prefix(e, "database \"%s\"", dbname);
	pg_target_free(t);
	return c;
}

static int
look(struct pg *c, const char *name, struct pg_rows **rows, struct err *e)
{
	const char *params[] = { name };

	return pg_query(c, sql_restore_database, params, 1, rows, e);
}

int
target_exists(struct pg *c, const char *name, struct err *e)
{
	struct pg_rows *rows = NULL;
	int rc = look(c, name, &rows, e);

	if (rc == 0)
		rc = pg_count(rows) > 0;
	pg_rows_free(rows);
	return rc;
}

static int
refuse_marked(const struct restore *r, const char *comment, struct err *e)
{
	struct buf what = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_fmt(&what, e, "database \"%s\"", r->name);

	if (rc == 0 && (rc = mark_check(comment, what.data, e)) == -1)
		err_hint(e, "restore it again with --replace");
	buf_free(&what);
	return rc;
}

/* Empty but for what extensions brought. */
static int
refuse_full(struct restore *r, struct err *e)
{
	struct buf some = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	int rc = pg_query(r->main, sql_restore_objects, NULL, 0, &rows, e);

	for (size_t i = 0; rc == 0 && i < pg_count(rows); i++)
		rc = buf_fmt(&some, e, "%s%s", i == 0 ? "" : ", ",
		    i < 3 ? pg_text(rows, i, 0) : "...");
	if (rc == 0 && pg_count(rows) > 0) {
		rc = err_set(e, ERR_REFUSED, "database \"%s\" is not empty: "
		    "%s", r->name, some.data);
		err_hint(e, "restore into an empty database, or with "
		    "--replace, or tables alone with -t");
	}
	pg_rows_free(rows);
	buf_free(&some);
	return rc;
}

static int
use_existing(struct restore *r, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *comment;
	int rc = -1;

	if ((r->main = session_open(r, e)) == NULL) {
		err_hint(e, "--create makes the database");
		return -1;
	}
	if (look(r->main, r->name, &rows, e) == -1)
		goto done;
	comment = pg_text(rows, 0, DB_COMMENT);
	if (refuse_marked(r, comment, e) == -1 ||
	    (r->o->table_count == 0 && refuse_full(r, e) == -1))
		goto done;
	if (comment != NULL && (r->former = strdup(comment)) == NULL) {
		err_nomem(e);
		goto done;
	}
	rc = 0;
done:
	pg_rows_free(rows);
	return rc;
}

bool
target_is_clean(struct restore *r)
{
	struct err ignored = ERR_INIT;
	bool clean = use_existing(r, &ignored) == 0;

	pg_close(r->main);
	free(r->former);
	r->main = NULL;
	r->former = NULL;
	return clean;
}

/* creating */

static int
add_word(struct buf *sql, const char *word, const char *value, struct err *e)
{
	if (value == NULL)
		return 0;
	return buf_fmt(sql, e, " %s ", word) == -1 ? -1 :
	    sqltext_literal(sql, value, e);
}

static int
add_name(struct buf *sql, const char *word, const char *name, struct err *e)
{
	if (name == NULL)
		return 0;
	return buf_fmt(sql, e, " %s ", word) == -1 ? -1 :
	    sqltext_quote(sql, name, e);
}

/* Who compares strings: PostgreSQL 15 knows ICU for databases, 17 its own. */
static int
add_provider(struct buf *sql, int version, const struct database_facts *f,
    struct err *e)
{
	char kind = f->provider != NULL ? f->provider[0] : '\0';

	if ((kind == 'i' && version < 150000) ||
	    (kind == 'b' && version < 170000))
		return err_set(e, ERR_REFUSED, "the database's locale provider "
		    "(%s) is not known to a server of version %d",
		    kind == 'i' ? "icu" : "builtin", version / 10000);
	if (version < 150000 || kind == '\0')
		return 0;
	if (kind == 'i')
		return buf_str(sql, " LOCALE_PROVIDER icu", e) == -1 ? -1 :
		    add_word(sql, "ICU_LOCALE", f->locale, e);
	if (kind == 'b')
		return buf_str(sql, " LOCALE_PROVIDER builtin", e) == -1 ? -1 :
		    add_word(sql, "BUILTIN_LOCALE", f->locale, e);
	return buf_str(sql, " LOCALE_PROVIDER libc", e);
}

static int
add_create(struct pg *c, const char *name, const struct database_facts *f,
    struct buf *sql, struct err *e)
{
	return buf_str(sql, "CREATE DATABASE ", e) == -1 ||
	    sqltext_quote(sql, name, e) == -1 ||
	    buf_str(sql, " TEMPLATE template0", e) == -1 ||
	    add_name(sql, "OWNER", f->owner, e) == -1 ||
	    add_word(sql, "ENCODING", f->encoding, e) == -1 ||
	    add_provider(sql, pg_server_version(c), f, e) == -1 ||
	    add_word(sql, "LC_COLLATE", f->collate, e) == -1 ||
	    add_word(sql, "LC_CTYPE", f->ctype, e) == -1 ||
	    add_name(sql, "TABLESPACE", f->tablespace, e) == -1 ? -1 : 0;
}

/* What a database is called until it bears the mark. */
static void
new_name(const char *name, char out[TARGET_NEW_MAX])
{
	char hex[DIGEST_HEX];
	struct digest d;

	digest_of(name, strlen(name), &d);
	snprintf(out, TARGET_NEW_MAX, "pgk-restore new %.16s",
	    digest_hex(&d, hex));
}

/* One that a killed run left; nobody has used it yet. */
static int
drop_new(struct pg *c, const char *name, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_str(&sql, "DROP DATABASE IF EXISTS ", e) == 0 &&
	    sqltext_quote(&sql, name, e) == 0)
		rc = pg_exec(c, sql.data, e);
	buf_free(&sql);
	return rc;
}

static int
rename_new(const struct restore *r, struct pg *c, const char *from,
    struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_str(&sql, "ALTER DATABASE ", e) == 0 &&
	    sqltext_quote(&sql, from, e) == 0 &&
	    buf_str(&sql, " RENAME TO ", e) == 0 &&
	    sqltext_quote(&sql, r->name, e) == 0)
		rc = pg_exec(c, sql.data, e);
	buf_free(&sql);
	return rc;
}

/*
 * It is made and marked under another name, so that there is no instant at
 * which the real name stands for a database that looks finished.
 */
int
target_create(struct restore *r, struct pg *c, const struct database_facts *f,
    struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct err ignored = ERR_INIT;
	char name[TARGET_NEW_MAX];
	int rc = -1;

	new_name(r->name, name);
	if (drop_new(c, name, e) == -1 ||
	    add_create(c, name, f, &sql, e) == -1)
		goto done;
	log_info("creating database \"%s\"", r->name);
	if (pg_exec(c, sql.data, e) == -1) {
		err_prefix(e, "could not create database \"%s\"", r->name);
		err_hint(e, "an empty database that you make yourself can be "
		    "restored into as well");
		goto done;
	}
	r->created = true;
	if (mark_database(r, c, name, e) == -1 ||
	    rename_new(r, c, name, e) == -1) {
		drop_new(c, name, &ignored);
		goto done;
	}
	r->marked = true;
	rc = strcmp(r->name, "template1") != 0 ? 0 : list_add(&r->late,
	    DEED_DATABASE, "ALTER DATABASE template1 IS_TEMPLATE true", 0, e);
done:
	buf_free(&sql);
	return rc;
}

int
target_prepare(struct restore *r, const struct database_facts *facts,
    struct err *e)
{
	struct database_facts f = { .encoding = NULL };
	struct pg_rows *db = NULL;
	struct pg *c;
	int rc = -1;

	if (r->into == RESTORE_EXISTING)
		return use_existing(r, e);
	if (facts != NULL)
		f = *facts;
	if ((c = target_maintenance(r->o, r->name, e)) == NULL ||
	    look(c, r->name, &db, e) == -1)
		goto done;
	if (pg_count(db) == 0) {
		rc = target_create(r, c, &f, e);
	} else if (r->into == RESTORE_REPLACE) {
		rc = target_replace(r, c, db, &f, e);
	} else if (refuse_marked(r, pg_text(db, 0, DB_COMMENT), e) == 0) {
		err_set(e, ERR_REFUSED, "database \"%s\" exists", r->name);
		err_hint(e, "--replace drops it first");
	}
	if (rc == 0 && (r->main = session_open(r, e)) == NULL)
		rc = -1;
done:
	pg_rows_free(db);
	pg_close(c);
	return rc;
}
