/*
 * REINDEX CONCURRENTLY: of indexes named, or of those that are bloated; and
 * what former ones left is dropped.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"
#include "stop/stop.h"
#include "unit/unit.h"

extern const char sql_index_reindex[];

/* Room for the copy, and what is sorted for it. */
#define SPACE_FACTOR 1.2

enum { R_SCHEMA, R_TABLE, R_INDEX, R_BYTES, R_EXCLUSION, R_PLACE, R_MAY,
	R_SYSTEM };

struct reindex {
	const struct index_reindex_options *o;
	struct index_crew crew;
	struct pg *work; /* the crew's, or of a dry run */
	struct index_report *report;
	struct pg_rows **named; /* one for each name */
};

/* What is free where the index lies: only if that is here. */
static bool
free_space(const struct reindex *a, const char *place, uint64_t *bytes)
{
	struct statvfs fs;

	/*
	 * By a socket the server is here, and no container's port; a folder
	 * that is not there is one we cannot see.
	 */
	if (place == NULL || *pg_host(a->work) != '/' ||
	    statvfs(place, &fs) == -1)
		return false;
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return true;
}

static void
verdict(struct index_finding *f, enum index_severity severity,
    const char *word)
{
	f->severity = severity;
	f->verdict = word;
}

/* Whether it can be done at all; else the finding says why not. */
static int
may(struct reindex *a, const struct pg_rows *r, size_t i,
    struct index_finding *f, bool *good, struct err *e)
{
	char need[UNIT_TEXT_MAX], rest[UNIT_TEXT_MAX];
	uint64_t left = 0, wanted = (uint64_t)(SPACE_FACTOR *
	    (double)pg_number(r, i, R_BYTES));
	bool known = free_space(a, pg_text(r, i, R_PLACE), &left);

	*good = false;
	if (pg_bool(r, i, R_EXCLUSION) || pg_bool(r, i, R_SYSTEM)) {
		verdict(f, INDEX_ERROR, "REFUSED");
		free(f->fix);
		f->fix = NULL;
		return index_text(&f->reason, e, "the server rebuilds no %s "
		    "online", pg_bool(r, i, R_SYSTEM) ? "system index" :
		    "exclusion constraint");
	}
	if (!pg_bool(r, i, R_MAY)) {
		verdict(f, INDEX_ERROR, "NO-RIGHT");
		return index_text(&f->reason, e, "only its owner may, and "
		    "from 17 on who has MAINTAIN");
	}
	if (index_fact_text(f, "free_space", known ? "known" : "unknown",
	    e) == -1 ||
	    (known && index_fact_count(f, "free_bytes", (int64_t)left,
	        e) == -1))
		return -1;
	if (known && left < wanted) {
		verdict(f, INDEX_WARNING, "NO-SPACE");
		return index_text(&f->reason, e, "needs %s, and %s are free",
		    unit_size(wanted, need), unit_size(left, rest));
	}
	*good = true;
	return 0;
}

static int
size_of(struct reindex *a, const struct index_finding *f, uint64_t *bytes,
    struct err *e)
{
	const char *params[2] = { f->schema, f->index };
	struct pg_rows *rows;

	if (pg_query(a->work, "SELECT pg_relation_size(c.oid) FROM pg_class c"
	    " JOIN pg_namespace n ON n.oid = c.relnamespace"
	    " WHERE n.nspname = $1 AND c.relname = $2", params, 2, &rows,
	    e) == -1)
		return -1;
	*bytes = pg_number(rows, 0, 0);
	pg_rows_free(rows);
	return 0;
}

static int
say_done(struct reindex *a, double seconds, struct index_finding *f,
    struct err *e)
{
	char before[UNIT_TEXT_MAX], after[UNIT_TEXT_MAX];
	uint64_t bytes;

	if (size_of(a, f, &bytes, e) == -1 ||
	    index_text(&f->reason, e, "%s before, %s now; took %.1f s, of "
	        "which it waited %.1f s for others", unit_size(f->bytes,
	        before), unit_size(bytes, after), seconds,
	        a->crew.waited) == -1 ||
	    index_fact_count(f, "bytes_before", (int64_t)f->bytes, e) == -1 ||
	    index_fact_count(f, "bytes_after", (int64_t)bytes, e) == -1 ||
	    index_fact_real(f, "seconds", seconds, e) == -1)
		return -1;
	f->bytes = bytes;
	free(f->fix);
	f->fix = NULL;
	return index_fact_real(f, "waited_seconds", a->crew.waited, e);
}

/* Run a step and put into the finding what came of it: 1 when it was done. */
static int
act(struct reindex *a, const struct index_steps *steps, const char *done,
    struct index_finding *f, struct err *e)
{
	struct err own = ERR_INIT;
	bool failed = false;
	char *why = NULL;
	int rc = index_crew_run(&a->crew, steps, &why, &failed, &own);

	if (rc == 0) {
		verdict(f, INDEX_NOTE, done);
		return 1;
	}
	if (rc == 1) {
		verdict(f, INDEX_WARNING, "POSTPONED");
		free(f->reason);
		f->reason = why;
		return 0;
	}
	verdict(f, own.kind == ERR_STOPPED ? INDEX_WARNING : INDEX_ERROR,
	    own.kind == ERR_STOPPED ? "POSTPONED" : "FAILED");
	if (index_text(&f->reason, e, "%s", own.text) == -1)
		return -1;
	return failed ? 0 : err_pass(e, &own);
}

/* One index: row i of index_reindex.sql. */
static int
rebuild(struct reindex *a, const struct pg_rows *r, size_t i,
    const char *planned, const char *reason, struct err *e)
{
	struct index_steps steps = { NULL, 0 };
	struct index_finding *f = index_add_row(a->report, INDEX_WARNING,
	    planned, r, i, e);
	double began = unit_clock();
	bool good;
	int rc;

	if (f == NULL || index_quoted(&f->fix, "REINDEX INDEX CONCURRENTLY ",
	    f->schema, f->index, e) == -1 ||
	    index_text(&f->reason, e, "%s", reason) == -1)
		return -1;
	index_size(f, pg_number(r, i, R_BYTES));
	if (may(a, r, i, f, &good, e) == -1 || !good || a->o->dry_run)
		return e->kind == ERR_NONE ? 0 : -1;
	rc = index_steps_reindex(f->schema, f->index, &steps, e);
	if (rc == 0)
		rc = act(a, &steps, "REINDEXED", f, e);
	index_steps_free(&steps);
	return rc == 1 ? say_done(a, unit_clock() - began, f, e) : rc;
}

/* What former ones left. */

static int
drop_one(struct reindex *a, const struct index_leftover *x, struct err *e)
{
	struct index_steps steps = { NULL, 0 };
	struct index_finding *f = index_add(a->report, INDEX_WARNING,
	    "LEFTOVER", e);
	int rc;

	if (f == NULL || index_name(f, x->schema, x->table, x->index,
	    e) == -1 || index_quoted(&f->fix, "DROP INDEX CONCURRENTLY ",
	    x->schema, x->index, e) == -1 || index_text(&f->reason, e,
	    "of a REINDEX of \"%s\"", x->origin) == -1)
		return -1;
	index_size(f, x->bytes);
	if (a->o->dry_run)
		return 0;
	rc = index_steps_leftover(x->schema, x->index, &steps, e);
	if (rc == 0)
		rc = act(a, &steps, "DROPPED", f, e);
	index_steps_free(&steps);
	if (rc == 1) {
		free(f->fix);
		f->fix = NULL;
	}
	return rc == -1 ? -1 : 0;
}

static int
drop_leftovers(struct reindex *a, struct err *e)
{
	struct index_leftover x;
	struct pg_rows *rows;
	int rc = 0;

	if (index_leftovers(a->work, &rows, e) == -1)
		return -1;
	for (size_t i = 0; rc == 0 && index_leftover_next(rows, &i, &x);)
		rc = drop_one(a, &x, e);
	pg_rows_free(rows);
	return rc;
}

/* Those that were named: all that is wrong with the names is said at once. */

static int
ask(struct reindex *a, const char *name, struct pg_rows **rows,
    struct err *e)
{
	return pg_query(a->work, sql_index_reindex, &name, 1, rows, e);
}

static int
look_up(struct reindex *a, size_t i, struct err *e)
{
	struct err own = ERR_INIT;
	struct index_finding *f;
	int rc = ask(a, a->o->names[i], &a->named[i], &own);

	/* to_regclass() refuses what is no name at all */
	if (rc == -1 && own.kind != ERR_PG)
		return err_pass(e, &own);
	if (rc == 0 && pg_count(a->named[i]) > 0)
		return 0;
	f = index_add(a->report, INDEX_ERROR, "NO-INDEX", e);
	if (f == NULL || index_name(f, NULL, NULL, a->o->names[i], e) == -1)
		return -1;
	return index_text(&f->reason, e, "there is no such index%s",
	    rc == 0 ? "" : " (a name is written as in SQL)");
}

static int
look_up_all(struct reindex *a, struct err *e)
{
	a->named = calloc(a->o->name_count + 1, sizeof *a->named);
	if (a->named == NULL)
		return err_nomem(e);
	if (pg_exec(a->work, "RESET search_path", e) == -1)
		return -1;
	for (size_t i = 0; i < a->o->name_count; i++)
		if (look_up(a, i, e) == -1)
			return -1;
	return pg_exec(a->work, "SET search_path = ''", e);
}

static int
rebuild_named(struct reindex *a, struct err *e)
{
	for (size_t i = 0; i < a->o->name_count; i++)
		for (size_t k = 0; k < pg_count(a->named[i]); k++)
			if (rebuild(a, a->named[i], k, "PLANNED",
			    "it was named", e) == -1)
				return -1;
	return 0;
}

/* Those that are bloated. */

static int
rebuild_bloated(struct reindex *a, const struct index_finding *x,
    struct err *e)
{
	struct buf name = BUF_INIT(4096);
	struct pg_rows *rows = NULL;
	int rc = sqltext_quote2(&name, x->schema, x->index, e);

	if (rc == 0)
		rc = ask(a, name.data, &rows, e);
	/* it may be gone meanwhile */
	for (size_t i = 0; rc == 0 && i < pg_count(rows); i++)
		rc = rebuild(a, rows, i, "BLOATED", x->reason, e);
	if (rows != NULL)
		pg_rows_free(rows);
	buf_free(&name);
	return rc;
}

static int
rebuild_all_bloated(struct reindex *a, struct err *e)
{
	struct index_report found = INDEX_REPORT_INIT("bloat");
	int rc = index_bloat(a->work, &a->o->bloat, &found, e);

	for (size_t i = 0; i < found.count && rc == 0; i++)
		if (strcmp(found.findings[i].verdict, "BLOATED") == 0)
			rc = stop_check(e) == -1 ? -1 :
			    rebuild_bloated(a, &found.findings[i], e);
	index_report_free(&found);
	return rc;
}

static int
open_all(struct reindex *a, struct err *e)
{
	if (a->o->dry_run)
		return (a->work = index_connect(a->o->target, e)) == NULL ?
		    -1 : 0;
	a->crew.max_wait = a->o->max_wait;
	a->crew.until = a->o->until;
	if (index_crew_open(&a->crew, a->o->target, e) == -1)
		return -1;
	a->work = a->crew.work;
	return 0;
}

int
index_reindex(const struct index_reindex_options *o, struct index_report *r,
    struct err *e)
{
	struct reindex a = { .o = o, .report = r };
	int rc = -1;

	if (open_all(&a, e) == 0 && look_up_all(&a, e) == 0)
		rc = r->count > 0 ? 0 : drop_leftovers(&a, e) == -1 ? -1 :
		    o->name_count > 0 ? rebuild_named(&a, e) :
		    rebuild_all_bloated(&a, e);
	for (size_t i = 0; a.named != NULL && i < o->name_count; i++)
		pg_rows_free(a.named[i]);
	free(a.named);
	if (o->dry_run)
		pg_close(a.work);
	index_crew_close(&a.crew);
	return rc;
}
