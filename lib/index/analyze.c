/*
 * Statistics: which are stale, and ANALYZE of those tables, one at a time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "log/log.h"
#include "progress/progress.h"
#include "sqltext/sqltext.h"
#include "stop/stop.h"
#include "unit/unit.h"

extern const char sql_index_analyze[], sql_index_table[],
    sql_index_analyzing[];

#define POLL_MS 250
#define LEAST_CHANGES 50 /* as autovacuum_analyze_threshold has it */

enum { A_SCHEMA, A_TABLE, A_PARTITIONED, A_ROWS, A_CHANGES, A_ANALYZED,
	A_BYTES, A_BARE, A_MAY, A_HAS };

struct analyze {
	const struct index_analyze_options *o;
	const struct policy *file;
	struct index_report *report;
	struct pg *work, *watch;
	struct pg_rows *rows; /* all tables */
	bool *chosen;         /* by the file; NULL: all */
};

/* The tables of the policy. */

static size_t
find_row(const struct analyze *a, const char *schema, const char *table)
{
	size_t i = 0;

	while (i < pg_count(a->rows) &&
	    (strcmp(pg_text(a->rows, i, A_SCHEMA), schema) != 0 ||
	    strcmp(pg_text(a->rows, i, A_TABLE), table) != 0))
		i++;
	return i;
}

static int
add_missing(struct analyze *a, const struct policy_statement *s,
    struct err *e)
{
	struct index_finding *f;

	for (size_t i = 0; i < a->report->count; i++) {
		f = &a->report->findings[i];
		if (strcmp(f->table, s->table) == 0 &&
		    strcmp(f->schema, s->schema) == 0)
			return 0;
	}
	f = index_add(a->report, INDEX_ERROR, "NO-TABLE", e);
	if (f == NULL || index_name(f, s->schema, s->table, NULL, e) == -1)
		return -1;
	f->line = s->line;
	return index_text(&f->reason, e, "there is no such table");
}

static int
choose(struct analyze *a, const struct policy_statement *s, struct err *e)
{
	struct buf name = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	const char *param;
	size_t i;
	int rc = *s->schema != '\0' ? sqltext_quote2(&name, s->schema,
	    s->table, e) : sqltext_quote(&name, s->table, e);

	param = name.data;
	if (rc == 0)
		rc = pg_query(a->work, sql_index_table, &param, 1, &rows, e);
	buf_free(&name);
	if (rc == -1)
		return -1;
	i = pg_count(rows) == 0 ? pg_count(a->rows) : find_row(a,
	    pg_text(rows, 0, 1), pg_text(rows, 0, 2));
	pg_rows_free(rows);
	if (i == pg_count(a->rows))
		return add_missing(a, s, e);
	a->chosen[i] = true;
	return 0;
}

/* As psql would find them. */
static int
choose_all(struct analyze *a, struct err *e)
{
	int rc;

	if (a->file == NULL)
		return 0;
	if ((a->chosen = calloc(pg_count(a->rows) + 1, 1)) == NULL)
		return err_nomem(e);
	rc = pg_exec(a->work, "RESET search_path", e);
	for (size_t i = 0; i < a->file->count && rc == 0; i++)
		rc = choose(a, &a->file->all[i], e);
	return rc == 0 ? pg_exec(a->work, "SET search_path = ''", e) : -1;
}

/* Judging. */

/*
 * Why its statistics are stale, NULL if they are not. A table of the policy
 * is so with any change, others with many.
 */
static char *
stale_because(const struct analyze *a, size_t i, struct err *e)
{
	uint64_t rows = pg_number(a->rows, i, A_ROWS);
	uint64_t changes = pg_number(a->rows, i, A_CHANGES);
	uint64_t bare = pg_number(a->rows, i, A_BARE);
	const char *analyzed = pg_text(a->rows, i, A_ANALYZED);
	double bar = LEAST_CHANGES +
	    a->o->stale_percent / 100 * (double)rows;
	char *why = NULL, text[UNIT_TEXT_MAX];
	int64_t when = 0;

	if (rows == 0 && changes == 0)
		return NULL;
	if (analyzed == NULL && !pg_bool(a->rows, i, A_HAS)) {
		index_text(&why, e, "never analyzed");
	} else if ((double)changes > bar || (a->file != NULL && changes > 0)) {
		index_text(&why, e, "%" PRIu64 " of %" PRIu64 " rows changed "
		    "since", changes, rows);
	} else if (bare > 0) {
		index_text(&why, e, "%" PRIu64 " index%s on expressions ha%s "
		    "no statistics", bare, bare == 1 ? "" : "es",
		    bare == 1 ? "s" : "ve");
	} else if (analyzed == NULL) {
		if (a->file != NULL)
			index_text(&why, e, "nobody knows when it was "
			    "analyzed");
	} else if ((a->file != NULL || pg_bool(a->rows, i, A_PARTITIONED)) &&
	    unit_parse_rfc3339(analyzed, &when, NULL) == 0 &&
	    unit_now() - when > a->o->max_age) {
		index_text(&why, e, "analyzed %s ago", unit_duration(
		    (unit_now() - when) / 86400 * 86400, text));
	}
	return why;
}

static struct index_finding *
add_table(struct analyze *a, size_t i, bool stale, struct err *e)
{
	struct index_finding *f = index_add(a->report, stale ?
	    INDEX_WARNING : INDEX_OK, stale ? "STALE" : "FRESH", e);

	if (f == NULL || index_name(f, pg_text(a->rows, i, A_SCHEMA),
	    pg_text(a->rows, i, A_TABLE), NULL, e) == -1)
		return NULL;
	index_size(f, pg_number(a->rows, i, A_BYTES));
	if (index_fact_count(f, "rows",
	    (int64_t)pg_number(a->rows, i, A_ROWS), e) == -1 ||
	    index_fact_count(f, "changes_since_analyze",
	        (int64_t)pg_number(a->rows, i, A_CHANGES), e) == -1 ||
	    index_fact_text(f, "analyzed", pg_text(a->rows, i, A_ANALYZED),
	        e) == -1)
		return NULL;
	return f;
}

/* Doing. */

static void
look(struct analyze *a, struct progress *line)
{
	struct err ignored = ERR_INIT;
	struct pg_rows *rows = NULL;
	const char *param;
	char pid[16];

	snprintf(pid, sizeof pid, "%d", pg_backend(a->work));
	param = pid;
	if (a->watch == NULL || pg_query(a->watch, sql_index_analyzing,
	    &param, 1, &rows, &ignored) == -1)
		return;
	if (pg_count(rows) == 1) {
		progress_stage(line, pg_text(rows, 0, 0),
		    pg_number(rows, 0, 2), PROGRESS_COUNT);
		progress_add(line, pg_number(rows, 0, 1));
	}
	pg_rows_free(rows);
}

static int
run(struct analyze *a, const char *sql, const char *table, struct err *e)
{
	struct progress *line = progress_new(table, 0, PROGRESS_COUNT);
	struct pg_rows *rows;
	enum pg_next what = PG_NEXT_ROWS;
	int rc = pg_send(a->work, sql, e);

	while (rc == 0 && (rc = pg_wait(a->work, POLL_MS, e)) == 0)
		look(a, line);
	progress_free(line);
	if (rc == -1)
		return -1;
	while (what != PG_NEXT_DONE) {
		if (pg_next(a->work, &what, &rows, e) == -1)
			return -1;
		if (what == PG_NEXT_ROWS)
			pg_rows_free(rows);
	}
	return 0;
}

/* What came of it, into the finding. */
static int
act(struct analyze *a, size_t i, struct index_finding *f, struct err *e)
{
	struct err own = ERR_INIT;
	double began = unit_clock();

	if (!pg_bool(a->rows, i, A_MAY)) {
		f->verdict = "NO-RIGHT";
		f->severity = INDEX_ERROR;
		return index_text(&f->reason, e, "only its owner may analyze "
		    "it, and from 17 on who has MAINTAIN");
	}
	if (run(a, f->fix, f->table, &own) == 0) {
		f->verdict = "ANALYZED";
		f->severity = INDEX_NOTE;
		free(f->fix);
		f->fix = NULL;
		return index_fact_real(f, "seconds", unit_clock() - began, e);
	}
	f->verdict = "FAILED";
	f->severity = INDEX_ERROR;
	if (strcmp(pg_sqlstate(a->work), "55P03") == 0) {
		f->verdict = "POSTPONED";
		f->severity = INDEX_WARNING;
		snprintf(own.text, sizeof own.text, "%s", "others hold a lock "
		    "on it");
	}
	if (own.kind != ERR_PG || pg_exec(a->work, "SELECT 1",
	    &(struct err)ERR_INIT) == -1)
		return err_pass(e, &own);
	return index_text(&f->reason, e, "%s", own.text);
}

static int
table(struct analyze *a, size_t i, struct err *e)
{
	char *why = stale_because(a, i, e);
	struct index_finding *f;

	if (e->kind != ERR_NONE)
		return -1;
	if ((f = add_table(a, i, why != NULL, e)) == NULL) {
		free(why);
		return -1;
	}
	f->reason = why;
	if (why == NULL)
		return 0;
	if (index_quoted(&f->fix, "ANALYZE ", f->schema, f->table, e) == -1)
		return -1;
	return a->o->dry_run ? 0 : act(a, i, f, e);
}

static int
all_tables(struct analyze *a, struct err *e)
{
	struct err ignored = ERR_INIT;

	/* progress is for looking at: it may fail */
	if (!a->o->dry_run)
		a->watch = index_connect(a->o->target, &ignored);
	for (size_t i = 0; i < pg_count(a->rows); i++) {
		if (a->chosen != NULL && !a->chosen[i])
			continue;
		if (stop_check(e) == -1 || table(a, i, e) == -1)
			return -1;
	}
	return 0;
}

int
index_analyze(const struct index_analyze_options *o,
    const struct policy *file, struct index_report *r, struct err *e)
{
	struct analyze a = { .o = o, .file = file, .report = r };
	int rc = -1;

	if ((a.work = index_connect(o->target, e)) != NULL &&
	    pg_query(a.work, sql_index_analyze, NULL, 0, &a.rows, e) == 0 &&
	    choose_all(&a, e) == 0)
		/* all that is wrong with a policy is said at once */
		rc = r->count > 0 ? 0 : all_tables(&a, e);
	pg_rows_free(a.rows);
	pg_close(a.watch);
	pg_close(a.work);
	free(a.chosen);
	return rc;
}
