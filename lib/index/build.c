#include <stdio.h>
#include <string.h>

#include "index/index_int.h"
#include "log/log.h"
#include "sqltext/sqltext.h"
#include "stop/stop.h"
#include "unit/unit.h"

extern const char sql_index_validity[];

#define CLEAN_MS 5000 /* for a drop; a stop leaves 20 s */

/* Dropping: by the watch, since what was begun must be ended. */

static int
take_answer(struct pg *c, struct err *e)
{
	struct pg_rows *rows;
	enum pg_next what;

	for (;;) {
		if (pg_next(c, &what, &rows, e) == -1)
			return -1;
		if (what == PG_NEXT_DONE)
			return 0;
		if (what == PG_NEXT_ROWS)
			pg_rows_free(rows);
	}
}

int
crew_drop(struct index_crew *w, const char *sql, int limit_ms, struct err *e)
{
	struct crew_view v = { .last = unit_clock() };
	double end = v.last + limit_ms / 1000.0;
	int pid = pg_backend(w->watch), rc;

	w->who[0] = '\0';
	w->waited = 0;
	/* no timeout: a drop that times out leaves its index invalid */
	if (pg_exec(w->watch, "SET lock_timeout = 0", e) == -1 ||
	    pg_send(w->watch, sql, e) == -1)
		return -1;
	while ((rc = pg_wait(w->watch, CREW_POLL_MS, e)) == 0) {
		if (!stop_requested())
			crew_look(w, w->work, pid, &v);
		if (limit_ms > 0 ? unit_clock() >= end :
		    crew_is_time(w) != NOT_ENDED || stop_requested() != 0)
			break;
	}
	if (rc == 0) {
		pg_close(w->watch);
		w->watch = NULL;
		if (stop_requested() == 0 && crew_open_watch(w, e) == -1)
			return -1;
		return 1;
	}
	if (rc == -1 || take_answer(w->watch, e) == -1)
		return -1;
	return pg_exec(w->watch, "SET lock_timeout = '2s'", e);
}

/* Building. */

static int
validity(struct index_crew *w, const struct index_step *s, int *valid,
    struct err *e)
{
	const char *params[2] = { s->schema, s->index };
	struct pg_rows *rows = NULL;

	if (pg_query(w->watch, sql_index_validity, params, 2, &rows, e) == -1)
		return -1;
	*valid = pg_count(rows) == 0 ? -1 : pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	return 0;
}

/* A stop cuts `work` off: its server process may be at it still. */
static int
await_end(struct index_crew *w, int pid, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *param;
	char text[16];
	bool there = true;

	snprintf(text, sizeof text, "%d", pid);
	param = text;
	for (int i = 0; i < 50 && there; i++) {
		if (pg_query(w->watch, "SELECT pg_catalog.pg_terminate_backend("
		    "pid) FROM pg_catalog.pg_stat_activity WHERE pid = "
		    "$1::integer", &param, 1, &rows, e) == -1)
			return -1;
		there = pg_count(rows) > 0;
		pg_rows_free(rows);
		if (there)
			crew_rest(100);
	}
	return 0;
}

static int
drop_invalid(struct index_crew *w, const char *schema, const char *index,
    struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_str(&sql, "DROP INDEX CONCURRENTLY IF EXISTS ", e) == 0 &&
	    sqltext_quote2(&sql, schema, index, e) == 0)
		rc = crew_drop(w, sql.data, CLEAN_MS, e);
	buf_free(&sql);
	return rc;
}

/* The copies that a REINDEX left: before it or behind it in the swap. */
static int
drop_copies(struct index_crew *w, const struct index_step *s, struct err *e)
{
	struct index_leftover x;
	struct pg_rows *rows;
	int rc = 0;

	if (index_leftovers(w->watch, &rows, e) == -1)
		return -1;
	for (size_t i = 0; rc == 0 && index_leftover_next(rows, &i, &x);)
		if (strcmp(x.schema, s->schema) == 0 &&
		    strcmp(x.origin, s->index) == 0)
			rc = drop_invalid(w, x.schema, x.index, e);
	pg_rows_free(rows);
	return rc;
}

/*
 * After a build that failed: its index, if any, is invalid and goes. 1 when
 * the server is still at it.
 */
static int
clean_up(struct index_crew *w, const struct index_step *s, struct err *e)
{
	int valid;

	if (stop_requested() != 0 &&
	    await_end(w, pg_backend(w->work), e) == -1)
		return -1;
	if (s->kind == STEP_REINDEX)
		return drop_copies(w, s, e);
	if (validity(w, s, &valid, e) == -1)
		return -1;
	return valid != 0 ? 0 : drop_invalid(w, s->schema, s->index, e);
}

static int
cancel(struct index_crew *w, struct err *e)
{
	const char *param;
	char text[16];

	snprintf(text, sizeof text, "%d", pg_backend(w->work));
	param = text;
	return pg_query(w->watch, "SELECT pg_catalog.pg_cancel_backend("
	    "$1::integer)", &param, 1, NULL, e);
}

static int
watch_build(struct index_crew *w, struct crew_view *v, enum crew_ended *ended,
    struct err *e)
{
	struct err ignored = ERR_INIT;
	int rc;

	while ((rc = pg_wait(w->work, CREW_POLL_MS, e)) == 0) {
		crew_look(w, w->watch, pg_backend(w->work), v);
		if (*ended != NOT_ENDED)
			continue;
		if ((*ended = crew_is_time(w)) != NOT_ENDED)
			cancel(w, &ignored);
	}
	return rc == -1 ? -1 : take_answer(w->work, e);
}

/* As psql would: with the search_path of the role, and no timeout. */
static int
run_build(struct index_crew *w, const struct index_step *s,
    enum crew_ended *ended, struct err *e)
{
	struct crew_view v = { .last = unit_clock() };
	int rc;

	if (pg_exec(w->work, "RESET search_path; SET lock_timeout = 0", e) ==
	    -1 || pg_send(w->work, s->sql, e) == -1)
		return -1;
	v.line = progress_new(s->index, 0, PROGRESS_COUNT);
	rc = watch_build(w, &v, ended, e);
	progress_free(v.line);
	return rc;
}

int
crew_settle(struct index_crew *w, struct err *e)
{
	return pg_exec(w->work, "SET search_path = ''; "
	    "SET lock_timeout = '2s'", e);
}

int
crew_build(struct index_crew *w, const struct index_step *s, char **why,
    bool *failed, struct err *e)
{
	enum crew_ended ended = NOT_ENDED;
	struct err own = ERR_INIT, cleaning = ERR_INIT;
	const char *also = "";
	int left, rc = run_build(w, s, &ended, &own);
	char who[sizeof w->who];
	double waited = w->waited;

	if (rc == 0)
		return crew_settle(w, e);
	memcpy(who, w->who, sizeof who);
	left = clean_up(w, s, &cleaning);
	memcpy(w->who, who, sizeof who);
	w->waited = waited;
	if (left == -1 && cleaning.kind != ERR_NONE)
		log_warning("index \"%s\" may be left invalid: %s", s->index,
		    cleaning.text);
	if (left == 1)
		also = "; the server drops what was begun as soon as it can";
	/* the statement's own fault, unless the connection is lost */
	*failed = own.kind == ERR_PG && crew_settle(w, &cleaning) == 0;
	if (ended != NOT_ENDED && *failed) {
		*failed = false;
		return crew_say_ended(w, ended, also, why, e);
	}
	return err_pass(e, &own);
}
