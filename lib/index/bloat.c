/*
 * Bloat: what a REINDEX would give back. The estimate of
 * sql/index_bloat.sql picks the candidates; pgstatindex(), which reads all of
 * an index, settles them where it is installed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "log/log.h"
#include "progress/progress.h"
#include "stop/stop.h"

extern const char sql_index_bloat[];

enum { B_BYTES = 3, B_IDEAL, B_PERCENT, B_ROWS, B_FILL, B_DEDUP, B_CHANGES,
	B_ANALYZED, B_OID };

/* What the two methods were measured to be off by, in points of percent. */
#define ESTIMATE_ERROR 8.0
#define MEASURE_ERROR 2.0

/*
 * The leaf pages' content packed at the fill factor, and the pages above it.
 * A failure (the index is locked, or gone meanwhile) leaves the estimate.
 */
static bool
measure(struct pg *c, const char *function, const char *oid, double fill,
    uint64_t *ideal)
{
	struct buf sql = BUF_INIT(4096);
	struct err why = ERR_INIT;
	struct pg_rows *rows = NULL;
	const char *params[] = { oid };
	bool done = false;

	if (buf_fmt(&sql, &why, "SELECT ceil((leaf_pages *"
	    " nullif(avg_leaf_density, 'NaN') / %.1f + internal_pages + 1) *"
	    " current_setting('block_size')::int)::bigint"
	    " FROM %s($1::oid::regclass)", fill, function) == 0 &&
	    pg_query(c, sql.data, params, 1, &rows, &why) == 0 &&
	    pg_text(rows, 0, 0) != NULL) {
		*ideal = pg_number(rows, 0, 0);
		done = true;
	}
	if (!done && why.kind != ERR_NONE)
		log_debug("not measured: %s", why.text);
	pg_rows_free(rows);
	buf_free(&sql);
	return done;
}

static double
percent(uint64_t ideal, uint64_t bytes)
{
	return bytes == 0 ? 0 : 100 * (1 - (double)ideal / (double)bytes);
}

static int
add_unknown(const struct pg_rows *rows, size_t i, struct index_report *r,
    struct err *e)
{
	struct index_finding *f = index_add_row(r, INDEX_NOTE, "UNKNOWN",
	    rows, i, e);

	if (f == NULL)
		return -1;
	index_size(f, pg_number(rows, i, B_BYTES));
	if (index_text(&f->reason, e, "no statistics of its columns can be "
	    "seen: never analyzed, or no right to read them") == -1)
		return -1;
	/* what makes them */
	return index_quoted(&f->fix, "ANALYZE ", pg_text(rows, i, 0),
	    pg_text(rows, i, 1), e);
}

struct bloat {
	double percent, error;
	uint64_t ideal;
	bool measured;
};

static int
add_bloat(const struct pg_rows *rows, size_t i, const struct bloat *b,
    bool over, struct index_report *r, struct err *e)
{
	struct index_finding *f = index_add_row(r, over ? INDEX_WARNING :
	    INDEX_OK, over ? "BLOATED" : "OK", rows, i, e);
	uint64_t bytes = pg_number(rows, i, B_BYTES);

	if (f == NULL)
		return -1;
	index_size(f, bytes);
	if (index_text(&f->reason, e, "%.0f %% (%s %.0f points) is not needed",
	    b->percent > 0 ? b->percent : 0, b->measured ? "measured, within" :
	    "estimate, within", b->error) == -1 ||
	    index_fact_real(f, "bloat_percent", b->percent, e) == -1 ||
	    index_fact_text(f, "method", b->measured ? "pgstatindex" :
	        "estimate", e) == -1 ||
	    index_fact_real(f, "error_points", b->error, e) == -1 ||
	    index_fact_count(f, "ideal_bytes", (int64_t)b->ideal, e) == -1 ||
	    index_fact_count(f, "wasted_bytes", bytes > b->ideal ?
	        (int64_t)(bytes - b->ideal) : 0, e) == -1 ||
	    index_fact_count(f, "rows", (int64_t)pg_number(rows, i, B_ROWS),
	        e) == -1 ||
	    index_fact_count(f, "changes_since_analyze",
	        (int64_t)pg_number(rows, i, B_CHANGES), e) == -1 ||
	    index_fact_text(f, "analyzed", pg_text(rows, i, B_ANALYZED),
	        e) == -1)
		return -1;
	return over ? index_quoted(&f->fix, "REINDEX INDEX CONCURRENTLY ",
	    pg_text(rows, i, 0), pg_text(rows, i, 2), e) : 0;
}

/*
 * An estimate near the bar or over it is worth a measurement: what it may be
 * off by is taken into account.
 */
static int
judge(struct pg *c, const struct index_bloat_options *o,
    const char *function, const struct pg_rows *rows, size_t i,
    struct index_report *r, struct err *e)
{
	struct bloat b = { .error = ESTIMATE_ERROR };
	uint64_t bytes = pg_number(rows, i, B_BYTES);
	bool known = pg_text(rows, i, B_PERCENT) != NULL;

	b.ideal = pg_number(rows, i, B_IDEAL);
	if (bytes >= o->min_bytes && function != NULL &&
	    (!known || percent(b.ideal, bytes) >= o->min_percent -
	        2 * ESTIMATE_ERROR) &&
	    measure(c, function, pg_text(rows, i, B_OID),
	        (double)pg_number(rows, i, B_FILL), &b.ideal)) {
		b.measured = known = true;
		b.error = MEASURE_ERROR;
	}
	if (!known)
		return bytes < o->min_bytes ? 0 : add_unknown(rows, i, r, e);
	b.percent = percent(b.ideal, bytes);
	return add_bloat(rows, i, &b, bytes >= o->min_bytes &&
	    b.percent >= o->min_percent, r, e);
}

int
index_bloat(struct pg *c, const struct index_bloat_options *o,
    struct index_report *r, struct err *e)
{
	struct buf function = BUF_INIT(1024);
	struct pg_rows *rows = NULL;
	struct progress *p = NULL;
	int rc = -1;

	if ((!o->estimate_only && index_extension(c, "pgstattuple",
	    "pgstatindex", &function, e) == -1) ||
	    pg_query(c, sql_index_bloat, NULL, 0, &rows, e) == -1)
		goto done;
	p = progress_new("bloat", pg_count(rows), PROGRESS_COUNT);
	rc = 0;
	for (size_t i = 0; i < pg_count(rows) && rc == 0; i++) {
		progress_phase(p, pg_text(rows, i, 2));
		rc = stop_check(e) == -1 ? -1 : judge(c, o, function.data,
		    rows, i, r, e);
		progress_add(p, 1);
	}
done:
	progress_free(p);
	pg_rows_free(rows);
	buf_free(&function);
	return rc;
}
