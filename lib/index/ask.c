/*
 * What the catalogue alone tells: duplicates, invalid indexes, foreign keys
 * without an index. The questions are sql/index_*.sql; here their answers
 * become findings.
 */
#include <inttypes.h>
#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

extern const char sql_index_duplicate[], sql_index_invalid[],
    sql_index_missing_fk[], sql_index_locked[];

struct index_finding *
index_add_row(struct index_report *r, enum index_severity severity,
    const char *verdict, const struct pg_rows *rows, size_t i, struct err *e)
{
	struct index_finding *f = index_add(r, severity, verdict, e);

	if (f == NULL || index_name(f, pg_text(rows, i, 0),
	    pg_text(rows, i, 1), pg_text(rows, i, 2), e) == -1)
		return NULL;
	return f;
}

void
index_size(struct index_finding *f, uint64_t bytes)
{
	f->sized = true;
	f->bytes = bytes;
}

int
index_sql(char **field, const char *sql, struct err *e)
{
	return sql == NULL ? 0 : index_text(field, e, "%s", sql);
}

/* What could not be looked at is said, too. */
static int
add_locked(struct pg *c, struct index_report *r, struct err *e)
{
	struct pg_rows *rows;
	int rc = 0;

	if (pg_query(c, sql_index_locked, NULL, 0, &rows, e) == -1)
		return -1;
	for (size_t i = 0; i < pg_count(rows) && rc == 0; i++) {
		struct index_finding *f = index_add(r, INDEX_NOTE, "LOCKED",
		    e);

		rc = f == NULL || index_name(f, pg_text(rows, i, 0),
		    pg_text(rows, i, 1), NULL, e) == -1 ? -1 :
		    index_text(&f->reason, e, "not looked at: process %s "
		        "holds it", pg_text(rows, i, 2));
	}
	pg_rows_free(rows);
	return rc;
}

/* Ask, and have each row of the answer made a finding. */
static int
ask(struct pg *c, const char *sql, struct index_report *r,
    int (*each)(const struct pg_rows *rows, size_t i, struct index_report *r,
        struct err *e), struct err *e)
{
	struct pg_rows *rows;
	int rc = 0;

	if (pg_query(c, sql, NULL, 0, &rows, e) == -1)
		return -1;
	for (size_t i = 0; i < pg_count(rows) && rc == 0; i++)
		rc = each(rows, i, r, e);
	pg_rows_free(rows);
	return rc == 0 ? add_locked(c, r, e) : -1;
}

enum { DUP_KIND = 3, DUP_REVERSED, DUP_COVER, DUP_BYTES, DUP_COVER_BYTES,
	DUP_FIX, DUP_UNDO };

static int
add_duplicate(const struct pg_rows *rows, size_t i, struct index_report *r,
    struct err *e)
{
	const char *kind = pg_text(rows, i, DUP_KIND);
	const char *cover = pg_text(rows, i, DUP_COVER);
	bool reversed = pg_bool(rows, i, DUP_REVERSED);
	bool prefix = strcmp(kind, "prefix") == 0;
	bool exact = strcmp(kind, "duplicate") == 0;
	struct index_finding *f = index_add_row(r, INDEX_WARNING, exact ?
	    "DUPLICATE" : prefix ? "PREFIX" : "COVERED", rows, i, e);

	if (f == NULL)
		return -1;
	index_size(f, pg_number(rows, i, DUP_BYTES));
	if (index_text(&f->reason, e, exact ? "the same as \"%s\"%s" : prefix ?
	    "its columns are the first of \"%s\"%s" :
	    "\"%s\" has the same columns and INCLUDEs more%s", cover,
	    reversed ? ", read backwards" : "") == -1 ||
	    index_fact_text(f, "covered_by", cover, e) == -1 ||
	    index_fact_count(f, "cover_bytes",
	        (int64_t)pg_number(rows, i, DUP_COVER_BYTES), e) == -1)
		return -1;
	return index_sql(&f->fix, pg_text(rows, i, DUP_FIX), e) == -1 ? -1 :
	    index_sql(&f->undo, pg_text(rows, i, DUP_UNDO), e);
}

int
index_duplicate(struct pg *c, struct index_report *r, struct err *e)
{
	return ask(c, sql_index_duplicate, r, add_duplicate, e);
}

enum { INV_STATE = 3, INV_WHAT, INV_BYTES, INV_SLOWS, INV_REJECTS, INV_FIX,
	INV_UNDO, INV_ORIGIN };

static const struct {
	const char *state, *verdict;
	enum index_severity severity;
} states[] = {
	{ "building", "BUILDING", INDEX_NOTE },
	{ "dropping", "DROPPING", INDEX_NOTE },
	{ "incomplete", "INCOMPLETE", INDEX_WARNING },
	{ "half-dropped", "HALF-DROPPED", INDEX_WARNING },
	{ "leftover", "LEFTOVER", INDEX_WARNING },
	{ "failed", "INVALID", INDEX_WARNING },
};
#define STATES (sizeof states / sizeof *states)

static int
add_invalid(const struct pg_rows *rows, size_t i, struct index_report *r,
    struct err *e)
{
	const char *state = pg_text(rows, i, INV_STATE);
	bool slows = pg_bool(rows, i, INV_SLOWS);
	bool rejects = pg_bool(rows, i, INV_REJECTS), at_work;
	struct index_finding *f;
	size_t k = 0;

	while (k < STATES - 1 && strcmp(states[k].state, state) != 0)
		k++;
	at_work = states[k].severity == INDEX_NOTE;
	f = index_add_row(r, rejects && !at_work ? INDEX_ERROR :
	    states[k].severity, states[k].verdict, rows, i, e);
	if (f == NULL)
		return -1;
	index_size(f, pg_number(rows, i, INV_BYTES));
	if (index_text(&f->reason, e, "%s%s%s", pg_text(rows, i, INV_WHAT),
	    !slows || at_work ? "" : "; each write pays for it, no query "
	    "uses it", rejects && !at_work ? "; it rejects duplicates" :
	    "") == -1 ||
	    index_fact_text(f, "slows_writes", slows ? "yes" : "no",
	        e) == -1 ||
	    index_fact_text(f, "rejects_duplicates", rejects ? "yes" : "no",
	        e) == -1)
		return -1;
	return index_sql(&f->fix, pg_text(rows, i, INV_FIX), e) == -1 ? -1 :
	    index_sql(&f->undo, pg_text(rows, i, INV_UNDO), e);
}

int
index_invalid(struct pg *c, struct index_report *r, struct err *e)
{
	return ask(c, sql_index_invalid, r, add_invalid, e);
}

int
index_extension(struct pg *c, const char *extension, const char *function,
    struct buf *name, struct err *e)
{
	const char *params[2] = { extension, function };
	struct pg_rows *rows;
	int rc = 0;

	if (pg_query(c, "SELECT n.nspname FROM pg_extension x"
	    " JOIN pg_namespace n ON n.oid = x.extnamespace"
	    " WHERE x.extname = $1 AND has_schema_privilege(n.oid, 'USAGE')"
	    " AND EXISTS (SELECT FROM pg_proc p"
	    " WHERE p.pronamespace = n.oid AND p.proname = $2"
	    " AND has_function_privilege(p.oid, 'EXECUTE'))", params, 2,
	    &rows, e) == -1)
		return -1;
	if (pg_count(rows) > 0)
		rc = sqltext_quote2(name, pg_text(rows, 0, 0), function, e);
	pg_rows_free(rows);
	return rc;
}

int
index_leftovers(struct pg *c, struct pg_rows **rows, struct err *e)
{
	return pg_query(c, sql_index_invalid, NULL, 0, rows, e);
}

bool
index_leftover_next(const struct pg_rows *rows, size_t *i,
    struct index_leftover *out)
{
	for (; *i < pg_count(rows); ++*i) {
		const char *state = pg_text(rows, *i, INV_STATE);

		if (pg_text(rows, *i, INV_ORIGIN) == NULL ||
		    strcmp(state, "building") == 0 ||
		    strcmp(state, "dropping") == 0)
			continue;
		*out = (struct index_leftover){
			.schema = pg_text(rows, *i, 0),
			.table = pg_text(rows, *i, 1),
			.index = pg_text(rows, *i, 2),
			.origin = pg_text(rows, *i, INV_ORIGIN),
			.bytes = pg_number(rows, *i, INV_BYTES),
		};
		++*i;
		return true;
	}
	return false;
}

enum { FK_NAME = 2, FK_COLUMNS, FK_PARENT, FK_ON_DELETE, FK_TABLES, FK_BYTES,
	FK_CHANGES, FK_INVALID, FK_FIX };

static int
add_foreign_key(const struct pg_rows *rows, size_t i, struct index_report *r,
    struct err *e)
{
	struct index_finding *f = index_add_row(r, INDEX_WARNING, "MISSING-FK",
	    rows, i, e);
	uint64_t tables = pg_number(rows, i, FK_TABLES);

	/* the third column is the constraint here: there is no index */
	if (f == NULL || index_name(f, pg_text(rows, i, 0),
	    pg_text(rows, i, 1), NULL, e) == -1)
		return -1;
	index_size(f, pg_number(rows, i, FK_BYTES));
	if (index_text(&f->reason, e, "no %sindex serves foreign key \"%s\" "
	    "(%s) to %s%s", pg_bool(rows, i, FK_INVALID) ? "valid " : "",
	    pg_text(rows, i, FK_NAME), pg_text(rows, i, FK_COLUMNS),
	    pg_text(rows, i, FK_PARENT), tables > 1 ? ", in several "
	    "partitions" : "") == -1 ||
	    index_fact_text(f, "constraint", pg_text(rows, i, FK_NAME),
	        e) == -1 ||
	    index_fact_text(f, "columns", pg_text(rows, i, FK_COLUMNS),
	        e) == -1 ||
	    index_fact_text(f, "refers_to", pg_text(rows, i, FK_PARENT),
	        e) == -1 ||
	    index_fact_text(f, "on_delete", pg_text(rows, i, FK_ON_DELETE),
	        e) == -1 ||
	    index_fact_count(f, "parent_changes",
	        (int64_t)pg_number(rows, i, FK_CHANGES), e) == -1 ||
	    index_fact_count(f, "tables", (int64_t)tables, e) == -1)
		return -1;
	return index_sql(&f->fix, pg_text(rows, i, FK_FIX), e);
}

int
index_missing_fk(struct pg *c, struct index_report *r, struct err *e)
{
	return ask(c, sql_index_missing_fk, r, add_foreign_key, e);
}

int
index_quoted(char **field, const char *verb, const char *schema,
    const char *name, struct err *e)
{
	struct buf b = BUF_INIT(4096);
	int rc = buf_str(&b, verb, e);

	if (rc == 0)
		rc = sqltext_quote2(&b, schema, name, e);
	if (rc == 0)
		rc = index_text(field, e, "%s;", b.data);
	buf_free(&b);
	return rc;
}
