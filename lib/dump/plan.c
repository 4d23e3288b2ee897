#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump/dump_int.h"
#include "log/log.h"
#include "sqltext/sqltext.h"

extern const char sql_dump_tables[], sql_dump_facts[];

/*
 * The names of our tables go to pg_dump as exclusions; arguments are bounded
 * (ARG_MAX), so tables beyond this many bytes of names, the smallest ones,
 * are left to pg_dump itself.
 */
#define NAMES_MAX ((size_t)768 << 10)

/* what pg_dump's selection options say */

static int
add_patterns(struct buf *sql, const struct dump_options *o, int what,
    const char *schema, const char *name, const char *visible, struct err *e)
{
	bool any = false;

	if (buf_byte(sql, '(', e) == -1)
		return -1;
	for (size_t i = 0; i < o->word_count; i++) {
		if ((int)o->words[i].what != what)
			continue;
		if ((any && buf_str(sql, " OR ", e) == -1) ||
		    pg_pattern(sql, o->words[i].pattern, schema, name,
		    visible, e) == -1)
			return -1;
		any = true;
	}
	return buf_str(sql, any ? ")" : "false)", e);
}

static bool
has_words(const struct dump_options *o, int what)
{
	for (size_t i = 0; i < o->word_count; i++)
		if ((int)o->words[i].what == what)
			return true;
	return false;
}

/*
 * The tables that -t and the like name, as an array of oids. Runs with the
 * role's own search_path, as pg_dump does for names without a schema: hence
 * every operator is qualified.
 */
static int
named_tables(struct dump_run *r, int what, struct buf *oids, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	int rc = -1;

	if (buf_str(&sql, "SELECT pg_catalog.array_agg(c.oid) FROM "
	    "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
	    "ON n.oid OPERATOR(pg_catalog.=) c.relnamespace WHERE ", e) == -1 ||
	    add_patterns(&sql, r->o, what, "n.nspname", "c.relname",
	    "pg_catalog.pg_table_is_visible(c.oid)", e) == -1 ||
	    pg_exec(r->coordinator, "RESET search_path", e) == -1 ||
	    pg_query(r->coordinator, sql.data, NULL, 0, &rows, e) == -1 ||
	    pg_exec(r->coordinator, "SET search_path = ''", e) == -1)
		goto done;
	rc = buf_fmt(oids, e, "'%s'::pg_catalog.oid[]",
	    pg_text(rows, 0, 0) ? pg_text(rows, 0, 0) : "{}");
done:
	pg_rows_free(rows);
	buf_free(&sql);
	return rc;
}

static int
add_named(struct dump_run *r, struct buf *sql, int what, bool include,
    struct err *e)
{
	if (!has_words(r->o, what))
		return 0;
	if (buf_fmt(sql, e, " AND %sc.oid = ANY (", include ? "" : "NOT ") ==
	    -1 || named_tables(r, what, sql, e) == -1)
		return -1;
	return buf_byte(sql, ')', e);
}

static int
selection(struct dump_run *r, struct buf *sql, struct err *e)
{
	const struct dump_options *o = r->o;

	/* with -t, pg_dump pays no heed to -n and -N */
	if (has_words(o, DUMP_TABLE)) {
		if (add_named(r, sql, DUMP_TABLE, true, e) == -1)
			return -1;
	} else {
		if (has_words(o, DUMP_SCHEMA) &&
		    (buf_str(sql, " AND ", e) == -1 || add_patterns(sql, o,
		    DUMP_SCHEMA, NULL, "n.nspname", NULL, e) == -1))
			return -1;
		if (buf_str(sql, " AND NOT ", e) == -1 || add_patterns(sql, o,
		    DUMP_EXCLUDE_SCHEMA, NULL, "n.nspname", NULL, e) == -1)
			return -1;
	}
	if (o->no_unlogged_table_data &&
	    buf_str(sql, " AND c.relpersistence <> 'u'", e) == -1)
		return -1;
	if (add_named(r, sql, DUMP_EXCLUDE_TABLE, false, e) == -1)
		return -1;
	return add_named(r, sql, DUMP_EXCLUDE_TABLE_DATA, false, e);
}

/* the tables */

static int
copy_text(char **to, const char *from, struct err *e)
{
	if (from != NULL && (*to = strdup(from)) == NULL)
		return err_nomem(e);
	return 0;
}

static int
larger_first(const void *a, const void *b)
{
	const struct dump_table *x = a, *y = b;

	return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : 0;
}

static int
take_tables(struct dump_run *r, const struct pg_rows *rows, struct err *e)
{
	size_t names = 0;

	r->tables = calloc(pg_count(rows) + 1, sizeof *r->tables);
	if (r->tables == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < pg_count(rows); i++) {
		struct dump_table *t = &r->tables[r->table_count++];

		if (copy_text(&t->schema, pg_text(rows, i, 1), e) == -1 ||
		    copy_text(&t->name, pg_text(rows, i, 2), e) == -1 ||
		    copy_text(&t->columns, pg_text(rows, i, 5), e) == -1 ||
		    copy_text(&t->root_schema, pg_text(rows, i, 6), e) == -1 ||
		    copy_text(&t->root_name, pg_text(rows, i, 7), e) == -1)
			return -1;
		t->bytes = pg_number(rows, i, 3);
		t->heap = pg_bool(rows, i, 4);
	}
	qsort(r->tables, r->table_count, sizeof *r->tables, larger_first);
	for (size_t i = 0; i < r->table_count; i++) {
		struct dump_table *t = &r->tables[i];

		names += 2 * (strlen(t->schema) + strlen(t->name)) + 40;
		t->ours = names < NAMES_MAX;
	}
	return 0;
}

static int
list_tables(struct dump_run *r, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	int rc = -1;

	if (r->o->schema_only)
		return 0;
	if (buf_str(&sql, sql_dump_tables, e) == 0 &&
	    selection(r, &sql, e) == 0 &&
	    pg_query(r->coordinator, sql.data, NULL, 0, &rows, e) == 0)
		rc = take_tables(r, rows, e);
	pg_rows_free(rows);
	buf_free(&sql);
	return rc;
}

static int
lock_tables(struct dump_run *r, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = 0;

	progress_phase(r->progress, "waiting for table locks");
	for (size_t i = 0; rc == 0 && i < r->table_count; i++) {
		if (sql.len == 0)
			rc = buf_str(&sql, "LOCK TABLE ONLY ", e);
		if (rc == 0)
			rc = sqltext_quote2(&sql, r->tables[i].schema,
			    r->tables[i].name, e);
		if (rc == -1)
			break;
		if (i + 1 < r->table_count && sql.len < 64 * 1024) {
			rc = buf_str(&sql, ", ONLY ", e);
			continue;
		}
		if ((rc = buf_str(&sql, " IN ACCESS SHARE MODE", e)) == 0)
			rc = pg_exec(r->coordinator, sql.data, e);
		buf_reset(&sql);
	}
	buf_free(&sql);
	return rc == -1 ? err_prefix(e, "could not lock the tables") : 0;
}

/* the snapshot and the facts */

int
dump_settle(struct pg *c, struct err *e)
{
	return pg_exec(c,
	    "SET DateStyle = ISO; SET IntervalStyle = postgres;"
	    " SET extra_float_digits = 3; SET row_security = off;"
	    " SET synchronize_seqscans = off; SET bytea_output = hex;"
	    " SET max_parallel_workers_per_gather = 0;"
	    " SET enable_seqscan = off; SET jit = off;"
	    " SET quote_all_identifiers = off", e);
}

/*
 * Builds of indexes keep out of a dump's way, since they would wait for the end of
 * its snapshot. One that runs already is not waited for: the backup comes
 * first.
 */
static int
show_presence(struct dump_run *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (pg_suite_lock(r->coordinator, PG_SUITE_SNAPSHOT, true, &why) == 0)
		return 0;
	if (why.kind != ERR_BUSY)
		return err_pass(e, &why);
	log_info("%s; it may have to wait for this dump", why.text);
	return 0;
}

static int
take_snapshot(struct dump_run *r, struct err *e)
{
	struct pg_rows *rows = NULL;
	int rc = -1;

	if (pg_exec(r->coordinator, "BEGIN ISOLATION LEVEL REPEATABLE READ "
	    "READ ONLY", e) == -1 ||
	    pg_query(r->coordinator, "SELECT pg_export_snapshot()", NULL, 0,
	    &rows, e) == -1)
		goto done;
	rc = copy_text(&r->snapshot, pg_text(rows, 0, 0), e);
done:
	pg_rows_free(rows);
	return rc;
}

/* What this role could not read, or nobody but a superuser dumps. */
static int
note_missing(struct dump_run *r, const struct pg_rows *f,
    const char *database, struct err *e)
{
	char text[512];

	if (pg_bool(f, 0, 10))
		return 0;
	if (pg_number(f, 0, 11) > 0) {
		snprintf(text, sizeof text, "options of user mappings in "
		    "database \"%s\": only a superuser reads them", database);
		log_info("not in the backup: %s", text);
		if (repo_add_missing(r->set, text, e) == -1)
			return -1;
	}
	if (pg_number(f, 0, 12) > 0) {
		snprintf(text, sizeof text, "subscriptions of database "
		    "\"%s\": only a superuser dumps them", database);
		log_warning("not in the backup: %s", text);
		if (repo_add_missing(r->set, text, e) == -1)
			return -1;
	}
	return 0;
}

static int
file_fact(struct dump_run *r, const char *key, const char *value,
    struct err *e)
{
	char name[64];

	if (value == NULL)
		return 0;
	snprintf(name, sizeof name, "%s-%d", key, r->number);
	return piece_add_fact(r->writer, name, value, e);
}

static int
note_facts(struct dump_run *r, const char *database, struct err *e)
{
	struct repo_database d = { .name = (char *)(uintptr_t)database };
	struct pg_rows *f = NULL;
	int rc = -1;

	if (pg_query(r->coordinator, sql_dump_facts, NULL, 0, &f, e) == -1)
		goto done;
	if (r->set->lsn == NULL) {
		r->set->timeline = (uint32_t)pg_number(f, 0, 1);
		if (repo_set_string(&r->set->system_identifier,
		    pg_text(f, 0, 0), e) == -1 ||
		    repo_set_string(&r->set->lsn, pg_text(f, 0, 2), e) == -1 ||
		    repo_set_string(&r->set->checksums, pg_text(f, 0, 3), e) ==
		    -1)
			goto done;
	}
	d.size = pg_number(f, 0, 4);
	d.encoding = (char *)(uintptr_t)pg_text(f, 0, 5);
	if (repo_add_database(r->set, &d, e) == -1 ||
	    file_fact(r, "encoding", d.encoding, e) == -1 ||
	    file_fact(r, "lc-collate", pg_text(f, 0, 6), e) == -1 ||
	    file_fact(r, "lc-ctype", pg_text(f, 0, 7), e) == -1 ||
	    file_fact(r, "locale-provider", pg_text(f, 0, 8), e) == -1 ||
	    file_fact(r, "icu-locale", pg_text(f, 0, 9), e) == -1 ||
	    note_missing(r, f, database, e) == -1)
		goto done;
	rc = 0;
done:
	pg_rows_free(f);
	return rc;
}

int
dump_plan(struct dump_run *r, const char *database, struct err *e)
{
	char timeout[64];

	if ((r->target = pg_target_copy(r->o->target, e)) == NULL ||
	    pg_target_set(r->target, "dbname", database, e) == -1 ||
	    (r->coordinator = pg_connect(r->target, e)) == NULL)
		return -1;
	r->split = pg_server_version(r->coordinator) >= 140000;
	snprintf(timeout, sizeof timeout, "SET lock_timeout = %lld",
	    (long long)r->o->lock_timeout_ms);
	if (pg_exec(r->coordinator, timeout, e) == -1 ||
	    dump_settle(r->coordinator, e) == -1 ||
	    show_presence(r, e) == -1 || take_snapshot(r, e) == -1 ||
	    (r->number = piece_add_database(r->writer, database, e)) == -1 ||
	    note_facts(r, database, e) == -1 || list_tables(r, e) == -1)
		return -1;
	return lock_tables(r, e);
}

void
dump_unplan(struct dump_run *r)
{
	proc_free(r->data);
	proc_free(r->post);
	piece_maker_free(r->post_maker);
	for (size_t i = 0; i < r->table_count; i++) {
		struct dump_table *t = &r->tables[i];

		free(t->schema);
		free(t->name);
		free(t->columns);
		free(t->root_schema);
		free(t->root_name);
	}
	free(r->tables);
	free(r->snapshot);
	free(r->restrict_key);
	pg_close(r->coordinator);
	pg_target_free(r->target);
	r->data = r->post = NULL;
	r->post_maker = NULL;
	r->tables = NULL;
	r->snapshot = r->restrict_key = NULL;
	r->coordinator = NULL;
	r->target = NULL;
	r->table_count = r->next_table = 0;
	r->next_block = 0;
	r->data_taken = r->post_taken = false;
	r->failed = false;
}
