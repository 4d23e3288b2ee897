#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/index_int.h"
#include "log/log.h"
#include "progress/progress.h"
#include "sqltext/sqltext.h"
#include "stop/stop.h"
#include "unit/unit.h"

extern const char sql_index_progress[], sql_index_dumps[],
    sql_index_validity[];

#define POLL_MS 500       /* between two looks at a build */
#define SAY_AFTER 2.0     /* seconds of waiting before it is said */
#define SHORT_PAUSE_MS 2000 /* between two tries at a lock others need */
#define CLEAN_MS 5000     /* for a drop; a stop leaves 20 s */

/* Why a step was ended. */
enum ended { NOT_ENDED, ENDED_WAIT, ENDED_WINDOW };

static void
rest(int ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* The connections. */

static int
open_watch(struct index_crew *w, struct err *e)
{
	pg_close(w->watch);
	if ((w->watch = index_connect(w->target, e)) == NULL)
		return -1;
	pg_shield(w->watch);
	return 0;
}

/* The server may be still at the end of a session that went just now. */
static int
take_lock(struct index_crew *w, struct err *e)
{
	for (int i = 0; i < 10; i++) {
		struct err why = ERR_INIT;

		if (pg_suite_lock(w->work, PG_SUITE_INDEX, false, &why) == 0)
			return 0;
		if (why.kind != ERR_BUSY || i == 9)
			return err_pass(e, &why);
		rest(100);
		if (stop_check(e) == -1)
			return -1;
	}
	return -1;
}

int
index_crew_open(struct index_crew *w, const struct pg_target *t,
    struct err *e)
{
	int version;

	w->target = t;
	if ((w->work = index_connect(t, e)) == NULL)
		return -1;
	version = pg_server_version(w->work);
	if (version >= 140000 && version < 140004) {
		err_set(e, ERR_REFUSED, "concurrent builds of PostgreSQL %s "
		    "may corrupt indexes", pg_server_version_text(w->work));
		return err_hint(e, "14.4 mended that");
	}
	return take_lock(w, e) == -1 || open_watch(w, e) == -1 ? -1 : 0;
}

void
index_crew_close(struct index_crew *w)
{
	pg_close(w->watch);
	pg_close(w->work);
}

/* Watching. */

struct view {
	struct progress *line;
	double began, last;  /* unit_clock() */
	int64_t said;        /* pid of whom was told of */
	double waited_since_said;
	char stage[128];
};

static void
show(struct view *v, const struct pg_rows *r)
{
	const char *phase = pg_text(r, 0, 0);
	bool tuples = pg_number(r, 0, 3) == 0;
	uint64_t total = pg_number(r, 0, tuples ? 5 : 3);
	uint64_t done = pg_number(r, 0, tuples ? 4 : 2);

	if (phase == NULL)
		return;
	/* a stage begins anew at every look: its line shows what was done */
	progress_stage(v->line, phase, total, PROGRESS_COUNT);
	progress_add(v->line, done);
}

static void
name_blocker(struct index_crew *w, const struct pg_rows *r)
{
	const char *pid = pg_text(r, 0, 6), *state = pg_text(r, 0, 9);
	const char *query = pg_text(r, 0, 11);
	char age[UNIT_TEXT_MAX];

	if (pid == NULL || strcmp(pid, "0") == 0) {
		snprintf(w->who, sizeof w->who, "a prepared transaction");
		return;
	}
	snprintf(w->who, sizeof w->who, "process %s (%s, user %s, %s, its "
	    "transaction is %s old: %s)", pid,
	    pg_text(r, 0, 7) != NULL && *pg_text(r, 0, 7) != '\0' ?
	    pg_text(r, 0, 7) : "no name",
	    pg_text(r, 0, 8) != NULL ? pg_text(r, 0, 8) : "unknown",
	    state != NULL ? state : "unseen",
	    unit_duration((int64_t)pg_number(r, 0, 10), age),
	    query != NULL ? query : "unseen");
}

/* Look at process `pid` through `eyes`, and count how long it waits. */
static void
look(struct index_crew *w, struct pg *eyes, int pid, struct view *v)
{
	struct err ignored = ERR_INIT;
	struct pg_rows *rows = NULL;
	double now = unit_clock();
	const char *param;
	char text[16];

	snprintf(text, sizeof text, "%d", pid);
	param = text;
	if (pg_query(eyes, sql_index_progress, &param, 1, &rows,
	    &ignored) == -1)
		return;
	if (pg_count(rows) == 1) {
		show(v, rows);
		if (pg_bool(rows, 0, 1)) {
			w->waited += now - v->last;
			name_blocker(w, rows);
			if (w->waited >= SAY_AFTER && v->said !=
			    (int64_t)pg_number(rows, 0, 6)) {
				log_info("waiting for %s", w->who);
				v->said = (int64_t)pg_number(rows, 0, 6);
			}
		}
	}
	v->last = now;
	pg_rows_free(rows);
}

static enum ended
is_time(struct index_crew *w)
{
	if (w->until > 0 && unit_now() >= w->until) {
		w->over = true;
		return ENDED_WINDOW;
	}
	return w->max_wait > 0 && w->waited >= (double)w->max_wait ?
	    ENDED_WAIT : NOT_ENDED;
}

static int
say_ended(struct index_crew *w, enum ended ended, const char *also,
    char **why, struct err *e)
{
	char text[UNIT_TEXT_MAX];

	if (ended == ENDED_WINDOW)
		return index_text(why, e, "the window has ended%s%s%s",
		    w->who[0] != '\0' ? "; it waited for " : "", w->who,
		    also) == -1 ? -1 : 1;
	return index_text(why, e, "waited %s for %s%s",
	    unit_duration((int64_t)w->waited, text), w->who, also) == -1 ?
	    -1 : 1;
}

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

/*
 * A drop that is cancelled leaves an invalid index: so it is not; when
 * the time is over the server is left to finish it alone. 1 then.
 */
static int
drop(struct index_crew *w, const char *sql, int limit_ms, struct err *e)
{
	struct view v = { .last = unit_clock() };
	double end = v.last + limit_ms / 1000.0;
	int pid = pg_backend(w->watch), rc;

	w->who[0] = '\0';
	w->waited = 0;
	/* no timeout: a drop that times out leaves its index invalid */
	if (pg_exec(w->watch, "SET lock_timeout = 0", e) == -1 ||
	    pg_send(w->watch, sql, e) == -1)
		return -1;
	while ((rc = pg_wait(w->watch, POLL_MS, e)) == 0) {
		if (!stop_requested())
			look(w, w->work, pid, &v);
		if (limit_ms > 0 ? unit_clock() >= end :
		    is_time(w) != NOT_ENDED || stop_requested() != 0)
			break;
	}
	if (rc == 0) {
		pg_close(w->watch);
		w->watch = NULL;
		if (stop_requested() == 0 && open_watch(w, e) == -1)
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
			rest(100);
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
		rc = drop(w, sql.data, CLEAN_MS, e);
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
watch_build(struct index_crew *w, struct view *v, enum ended *ended,
    struct err *e)
{
	struct err ignored = ERR_INIT;
	int rc;

	while ((rc = pg_wait(w->work, POLL_MS, e)) == 0) {
		look(w, w->watch, pg_backend(w->work), v);
		if (*ended == NOT_ENDED && (*ended = is_time(w)) != NOT_ENDED)
			cancel(w, &ignored);
	}
	return rc == -1 ? -1 : take_answer(w->work, e);
}

/* As psql would: with the search_path of the role, and no timeout. */
static int
run_build(struct index_crew *w, const struct index_step *s,
    enum ended *ended, struct err *e)
{
	struct view v = { .last = unit_clock() };
	int rc;

	if (pg_exec(w->work, "RESET search_path; SET lock_timeout = 0", e) ==
	    -1 || pg_send(w->work, s->sql, e) == -1)
		return -1;
	v.line = progress_new(s->index, 0, PROGRESS_COUNT);
	rc = watch_build(w, &v, ended, e);
	progress_free(v.line);
	return rc;
}

static int
settle(struct index_crew *w, struct err *e)
{
	return pg_exec(w->work, "SET search_path = ''; "
	    "SET lock_timeout = '2s'", e);
}

static int
build(struct index_crew *w, const struct index_step *s, char **why,
    bool *failed, struct err *e)
{
	enum ended ended = NOT_ENDED;
	struct err own = ERR_INIT, cleaning = ERR_INIT;
	const char *also = "";
	int left, rc = run_build(w, s, &ended, &own);
	char who[sizeof w->who];
	double waited = w->waited;

	if (rc == 0)
		return settle(w, e);
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
	*failed = own.kind == ERR_PG && settle(w, &cleaning) == 0;
	if (ended != NOT_ENDED && *failed) {
		*failed = false;
		return say_ended(w, ended, also, why, e);
	}
	return err_pass(e, &own);
}

/* Not while a dump runs: its snapshot would hold the build up to its end. */

static int
dump_runs(struct index_crew *w, bool *runs, struct err *e)
{
	struct err busy = ERR_INIT;
	struct pg_rows *rows = NULL;

	if (pg_suite_lock(w->work, PG_SUITE_SNAPSHOT, false, &busy) == -1) {
		*runs = true;
		snprintf(w->who, sizeof w->who, "%s", busy.text);
		return busy.kind == ERR_BUSY ? 0 : err_pass(e, &busy);
	}
	if (pg_query(w->work, sql_index_dumps, NULL, 0, &rows, e) == -1)
		return -1;
	*runs = pg_count(rows) > 0;
	if (*runs)
		snprintf(w->who, sizeof w->who, "%s (process %s), a dump",
		    pg_text(rows, 0, 0), pg_text(rows, 0, 1));
	pg_rows_free(rows);
	return *runs ? pg_suite_unlock(w->work, PG_SUITE_SNAPSHOT, false, e) :
	    0;
}

static int
await_dumps(struct index_crew *w, char **why, struct err *e)
{
	double began = unit_clock();
	bool runs = false, said = false;
	enum ended ended;

	while (dump_runs(w, &runs, e) == 0) {
		w->waited = unit_clock() - began;
		if (!runs)
			return 0;
		if (!said)
			log_info("waiting for %s", w->who);
		said = true;
		if ((ended = is_time(w)) != NOT_ENDED)
			return say_ended(w, ended, "", why, e);
		rest(POLL_MS);
		if (stop_check(e) == -1)
			return -1;
	}
	return -1;
}

static int
run_build_step(struct index_crew *w, const struct index_step *s, char **why,
    bool *failed, struct err *e)
{
	struct err ignored = ERR_INIT;
	int rc = await_dumps(w, why, e);

	if (rc != 0)
		return rc;
	rc = build(w, s, why, failed, e);
	pg_suite_unlock(w->work, PG_SUITE_SNAPSHOT, false,
	    rc == -1 ? &ignored : e);
	return e->kind != ERR_NONE ? -1 : rc;
}

static int
run_drop_step(struct index_crew *w, const struct index_step *s, char **why,
    struct err *e)
{
	int rc = drop(w, s->sql, 0, e);

	if (rc != 1)
		return rc;
	if (stop_check(e) == -1)
		return -1;
	return say_ended(w, w->over ? ENDED_WINDOW : ENDED_WAIT,
	    "; the server drops it as soon as it can", why, e);
}

/*
 * A lock that others wait for while we wait for it: not for long at a time.
 */
static int
run_short_step(struct index_crew *w, const struct index_step *s, char **why,
    bool *failed, struct err *e)
{
	double began = unit_clock();
	enum ended ended;

	if (pg_exec(w->work, "RESET search_path; SET lock_timeout = '300ms'",
	    e) == -1)
		return -1;
	for (;;) {
		struct err own = ERR_INIT, lost = ERR_INIT;

		if (pg_exec(w->work, s->sql, &own) == 0)
			return settle(w, e);
		if (strcmp(pg_sqlstate(w->work), "55P03") != 0 &&
		    strcmp(pg_sqlstate(w->work), "40P01") != 0) {
			*failed = own.kind == ERR_PG &&
			    settle(w, &lost) == 0;
			return err_pass(e, &own);
		}
		w->waited = unit_clock() - began;
		snprintf(w->who, sizeof w->who, "a lock that others hold");
		if ((ended = is_time(w)) != NOT_ENDED)
			return settle(w, e) == -1 ? -1 :
			    say_ended(w, ended, "", why, e);
		rest(SHORT_PAUSE_MS);
		if (stop_check(e) == -1)
			return -1;
	}
}

int
index_crew_run(struct index_crew *w, const struct index_steps *s, char **why,
    bool *failed, struct err *e)
{
	double waited = 0;
	int rc = 0;

	*failed = false;
	for (size_t i = 0; i < s->count && rc == 0; i++) {
		const struct index_step *x = &s->all[i];

		w->waited = 0;
		w->who[0] = '\0';
		if (stop_check(e) == -1)
			return -1;
		if (is_time(w) == ENDED_WINDOW)
			return say_ended(w, ENDED_WINDOW, "", why, e);
		log_info("%s", x->sql);
		rc = x->kind == STEP_BUILD || x->kind == STEP_REINDEX ?
		    run_build_step(w, x, why, failed, e) :
		    x->kind == STEP_DROP ? run_drop_step(w, x, why, e) :
		    run_short_step(w, x, why, failed, e);
		waited += w->waited;
	}
	w->waited = waited;
	return rc;
}
