/*
 * Indexes that the dearest statements want. Each statement of
 * pg_stat_statements is planned, never run; columns that the plan compares or
 * sorts by, of tables it reads from end to end, make the candidates; hypopg
 * says what the plan would cost with each.
 *
 * The texts are other people's, and a planner evaluates functions: all is done
 * in a READ ONLY transaction, whose mode cannot be changed once it has begun.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/hypo.h"
#include "index/index_int.h"
#include "progress/progress.h"
#include "sqltext/sqltext.h"
#include "stop/stop.h"

extern const char sql_index_statements[], sql_index_candidates[],
    sql_index_seq_scans[];

#define QUERY_MAX 200 /* bytes shown of a statement */

/* An index for one or more statements. */
struct wish {
	char *schema, *table, *columns, *sql, *query;
	double before, after; /* cost, of the dearest statement */
	double milliseconds, percent;
	uint64_t calls, statements, bytes, table_bytes, writes;
};

struct suggest {
	struct pg *c;
	struct index_report *report;
	struct hypo hypo;
	struct wish *all;
	size_t count;
	unsigned unplanned;
};

/* Whether it is of those that can be planned and read something. */
static bool
is_plannable(const char *statement)
{
	static const char *const words[] = { "select", "with", "update",
		"delete", "insert", "merge" };
	struct sqltext_token t;

	if (!sqltext_token(&statement, &t))
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (sqltext_is(&t, words[i]))
			return true;
	return false;
}

/* Keeping. */

static int
copy(char **to, const char *text, struct err *e)
{
	return (*to = strdup(text)) == NULL ? err_nomem(e) : 0;
}

static struct wish *
wish_for(struct suggest *s, const struct pg_rows *rows, size_t i,
    struct err *e)
{
	struct wish *w;

	for (size_t k = 0; k < s->count; k++)
		if (strcmp(s->all[k].sql, pg_text(rows, i, C_SQL)) == 0)
			return &s->all[k];
	if ((w = buf_more(s->all, s->count, sizeof *w, e)) == NULL)
		return NULL;
	s->all = w;
	w += s->count++;
	w->table_bytes = pg_number(rows, i, C_BYTES);
	w->writes = pg_number(rows, i, C_WRITES);
	return copy(&w->schema, pg_text(rows, i, C_SCHEMA), e) == -1 ||
	    copy(&w->table, pg_text(rows, i, C_TABLE), e) == -1 ||
	    copy(&w->columns, pg_text(rows, i, C_COLUMNS), e) == -1 ||
	    copy(&w->sql, pg_text(rows, i, C_SQL), e) == -1 ? NULL : w;
}

/* The beginning of a statement, cut between letters. */
static char *
shorten(const char *text, struct err *e)
{
	size_t len = strlen(text), n = len < QUERY_MAX ? len : QUERY_MAX;
	char *out;

	while (n < len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	if ((out = strndup(text, n)) == NULL)
		err_nomem(e);
	return out;
}

enum { S_QUERY, S_CALLS, S_MS, S_PERCENT };

static int
keep(struct suggest *s, const struct pg_rows *statements, size_t k,
    const struct pg_rows *rows, const struct hypo_best *best, double before,
    struct err *e)
{
	struct wish *w = wish_for(s, rows, best->row, e);
	const char *ms = pg_text(statements, k, S_MS);
	const char *percent = pg_text(statements, k, S_PERCENT);

	if (w == NULL)
		return -1;
	if (w->query == NULL) {
		if ((w->query = shorten(pg_text(statements, k, S_QUERY),
		    e)) == NULL)
			return -1;
		w->before = before;
		w->after = best->cost;
		w->bytes = (uint64_t)best->bytes;
	}
	w->statements++;
	w->calls += pg_number(statements, k, S_CALLS);
	w->milliseconds += ms == NULL ? 0 : strtod(ms, NULL);
	w->percent += percent == NULL ? 0 : strtod(percent, NULL);
	return 0;
}

static int
statement(struct suggest *s, const struct pg_rows *statements, size_t k,
    struct err *e)
{
	const char *text = pg_text(statements, k, S_QUERY);
	struct buf json = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	struct hypo_best best = { .found = false };
	double before = 0;
	int rc = text != NULL && is_plannable(text) ?
	    hypo_plan(s->c, text, &json, &before, e) : 2;

	s->unplanned += rc == 1;
	if (rc == 0)
		rc = pg_query(s->c, sql_index_candidates,
		    (const char *const []){ json.data }, 1, &rows, e);
	if (rc == 0 && s->hypo.create.len > 0)
		rc = hypo_best(&s->hypo, text, rows, before, &best, e);
	else if (rc == 0)
		best.found = pg_count(rows) > 0;
	if (rc == 0 && best.found)
		rc = keep(s, statements, k, rows, &best, before, e);
	if (rows != NULL)
		pg_rows_free(rows);
	buf_free(&json);
	return rc == -1 ? -1 : 0;
}

/* Saying. */

static double
gain(const struct wish *w)
{
	return w->before > 0 ? w->milliseconds * (1 - w->after / w->before) :
	    w->milliseconds;
}

static int
by_gain(const void *a, const void *b)
{
	double x = gain(a), y = gain(b);

	return x > y ? -1 : x < y;
}

static int
say(struct suggest *s, const struct wish *w, struct err *e)
{
	bool tried = s->hypo.create.len > 0;
	struct index_finding *f = index_add(s->report, tried ?
	    INDEX_WARNING : INDEX_NOTE, tried ? "SUGGESTED" : "GUESS", e);

	if (f == NULL || index_name(f, w->schema, w->table, NULL, e) == -1)
		return -1;
	index_size(f, w->table_bytes);
	if ((tried ? index_text(&f->reason, e, "(%s): cost %.0f becomes %.0f"
	    " of what takes %.1f %% of the time: %s", w->columns, w->before,
	        w->after, w->percent, w->query) :
	    index_text(&f->reason, e, "(%s): a guess, of what takes %.1f %%"
	        " of the time: %s", w->columns, w->percent, w->query)) == -1 ||
	    index_text(&f->fix, e, "CREATE INDEX CONCURRENTLY%s;",
	        w->sql + strlen("CREATE INDEX")) == -1 ||
	    index_fact_text(f, "columns", w->columns, e) == -1 ||
	    index_fact_count(f, "statements", (int64_t)w->statements,
	        e) == -1 ||
	    index_fact_count(f, "calls", (int64_t)w->calls, e) == -1 ||
	    index_fact_real(f, "milliseconds", w->milliseconds, e) == -1 ||
	    index_fact_real(f, "percent", w->percent, e) == -1 ||
	    index_fact_count(f, "writes", (int64_t)w->writes, e) == -1 ||
	    index_fact_text(f, "query", w->query, e) == -1)
		return -1;
	if (!tried)
		return 0;
	return index_fact_real(f, "cost_before", w->before, e) == -1 ||
	    index_fact_real(f, "cost_after", w->after, e) == -1 ? -1 :
	    index_fact_count(f, "index_bytes", (int64_t)w->bytes, e);
}

static int
needs(struct suggest *s, const char *extension, const char *why,
    struct err *e)
{
	struct index_finding *f = index_add(s->report, INDEX_NOTE, "NEEDS",
	    e);

	if (f == NULL || index_text(&f->reason, e, "%s", why) == -1 ||
	    index_text(&f->fix, e, "CREATE EXTENSION %s;", extension) == -1)
		return -1;
	return index_fact_text(f, "extension", extension, e);
}

enum { Q_BYTES = 2, Q_SCANS, Q_READ, Q_ROWS, Q_INDEX_SCANS };

/* Without statements: the tables that are read from end to end. */
static int
seq_scans(struct suggest *s, struct err *e)
{
	struct pg_rows *rows;
	int rc = 0;

	if (pg_query(s->c, sql_index_seq_scans, NULL, 0, &rows, e) == -1)
		return -1;
	for (size_t i = 0; i < pg_count(rows) && rc == 0; i++) {
		struct index_finding *f = index_add(s->report, INDEX_NOTE,
		    "SEQ-SCANS", e);
		uint64_t scans = pg_number(rows, i, Q_SCANS);

		if (f == NULL || index_name(f, pg_text(rows, i, 0),
		    pg_text(rows, i, 1), NULL, e) == -1) {
			rc = -1;
			break;
		}
		index_size(f, pg_number(rows, i, Q_BYTES));
		rc = index_text(&f->reason, e, "read from end to end %" PRIu64
		    " times", scans) == -1 ||
		    index_fact_count(f, "seq_scans", (int64_t)scans,
		        e) == -1 ||
		    index_fact_count(f, "rows_read",
		        (int64_t)pg_number(rows, i, Q_READ), e) == -1 ||
		    index_fact_count(f, "index_scans",
		        (int64_t)pg_number(rows, i, Q_INDEX_SCANS),
		        e) == -1 ? -1 :
		    index_fact_count(f, "rows",
		        (int64_t)pg_number(rows, i, Q_ROWS), e);
	}
	pg_rows_free(rows);
	return rc;
}

/* Doing. */

/*
 * Statements name tables as their sessions find them: every schema of users
 * is looked into, public first.
 */
static const char begin[] = "BEGIN TRANSACTION READ ONLY;"
    " SET LOCAL plan_cache_mode = force_generic_plan;"
    " SET LOCAL statement_timeout = '10s';"
    " SELECT set_config('search_path', coalesce((SELECT string_agg("
    "quote_ident(nspname), ', ' ORDER BY nspname <> 'public', nspname)"
    " FROM pg_namespace WHERE nspname !~ '^pg_'"
    " AND nspname <> 'information_schema'"
    " AND has_schema_privilege(oid, 'USAGE')), ''), true)";

static int
statements(struct suggest *s, struct err *e)
{
	struct pg_rows *rows = NULL;
	struct progress *p;
	int rc = 0;

	if (pg_exec(s->c, begin, e) == -1)
		return -1;
	if (pg_query(s->c, sql_index_statements, NULL, 0, &rows, e) == -1) {
		/* created, but not in shared_preload_libraries */
		if (strcmp(pg_sqlstate(s->c), "55000") != 0)
			return -1;
		err_clear(e);
		return 1;
	}
	p = progress_new("statements", pg_count(rows), PROGRESS_COUNT);
	for (size_t i = 0; i < pg_count(rows) && rc == 0; i++) {
		rc = stop_check(e) == -1 ? -1 : statement(s, rows, i, e);
		progress_add(p, 1);
	}
	progress_free(p);
	pg_rows_free(rows);
	return rc;
}

static int
suggest(struct suggest *s, struct err *e)
{
	struct buf view = BUF_INIT(1024);
	bool counted;
	int rc = index_extension(s->c, "pg_stat_statements",
	    "pg_stat_statements", &view, e);

	counted = view.len > 0;
	buf_free(&view);
	if (rc == -1 || hypo_find(s->c, &s->hypo, e) == -1)
		return -1;
	rc = counted ? statements(s, e) : 1;
	if (rc == -1 || (counted && pg_exec(s->c, "ROLLBACK", e) == -1))
		return -1;
	if (rc == 1)
		return needs(s, "pg_stat_statements", "which statements are "
		    "dear is not counted: put pg_stat_statements into "
		    "shared_preload_libraries, restart and", e) == -1 ? -1 :
		    seq_scans(s, e);
	if (s->hypo.create.len == 0 && needs(s, "hypopg", "whether an index would "
	    "help is only guessed: to have it tried without building it, "
	    "install hypopg and", e) == -1)
		return -1;
	if (s->count > 1)
		qsort(s->all, s->count, sizeof *s->all, by_gain);
	for (size_t i = 0; i < s->count; i++)
		if (say(s, &s->all[i], e) == -1)
			return -1;
	return 0;
}

static void
wish_free(struct wish *w)
{
	free(w->schema);
	free(w->table);
	free(w->columns);
	free(w->sql);
	free(w->query);
}

int
index_suggest(struct pg *c, struct index_report *r, unsigned *unplanned,
    struct err *e)
{
	struct suggest s = { .c = c, .report = r, .hypo = HYPO_INIT };
	int rc = suggest(&s, e);

	*unplanned = s.unplanned;
	for (size_t i = 0; i < s.count; i++)
		wish_free(&s.all[i]);
	free(s.all);
	hypo_free(&s.hypo);
	return rc;
}
