#include <stdio.h>
#include <string.h>
#include <time.h>

#include "index/index_int.h"
#include "log/log.h"
#include "stop/stop.h"
#include "unit/unit.h"

extern const char sql_index_dumps[];

#define SHORT_PAUSE_MS 2000 /* between two tries at a lock others need */

void
crew_rest(int ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* The connections. */

int
crew_open_watch(struct index_crew *w, struct err *e)
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
		crew_rest(100);
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
	return take_lock(w, e) == -1 || crew_open_watch(w, e) == -1 ? -1 : 0;
}

void
index_crew_close(struct index_crew *w)
{
	pg_close(w->watch);
	pg_close(w->work);
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
	enum crew_ended ended;

	while (dump_runs(w, &runs, e) == 0) {
		w->waited = unit_clock() - began;
		if (!runs)
			return 0;
		if (!said)
			log_info("waiting for %s", w->who);
		said = true;
		if ((ended = crew_is_time(w)) != NOT_ENDED)
			return crew_say_ended(w, ended, "", why, e);
		crew_rest(CREW_POLL_MS);
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
	rc = crew_build(w, s, why, failed, e);
	pg_suite_unlock(w->work, PG_SUITE_SNAPSHOT, false,
	    rc == -1 ? &ignored : e);
	return e->kind != ERR_NONE ? -1 : rc;
}

static int
run_drop_step(struct index_crew *w, const struct index_step *s, char **why,
    struct err *e)
{
	int rc = crew_drop(w, s->sql, 0, e);

	if (rc != 1)
		return rc;
	if (stop_check(e) == -1)
		return -1;
	return crew_say_ended(w, w->over ? ENDED_WINDOW : ENDED_WAIT,
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
	enum crew_ended ended;

	if (pg_exec(w->work, "RESET search_path; SET lock_timeout = '300ms'",
	    e) == -1)
		return -1;
	for (;;) {
		struct err own = ERR_INIT, lost = ERR_INIT;

		if (pg_exec(w->work, s->sql, &own) == 0)
			return crew_settle(w, e);
		if (strcmp(pg_sqlstate(w->work), "55P03") != 0 &&
		    strcmp(pg_sqlstate(w->work), "40P01") != 0) {
			*failed = own.kind == ERR_PG &&
			    crew_settle(w, &lost) == 0;
			return err_pass(e, &own);
		}
		w->waited = unit_clock() - began;
		snprintf(w->who, sizeof w->who, "a lock that others hold");
		if ((ended = crew_is_time(w)) != NOT_ENDED)
			return crew_settle(w, e) == -1 ? -1 :
			    crew_say_ended(w, ended, "", why, e);
		crew_rest(SHORT_PAUSE_MS);
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
		if (crew_is_time(w) == ENDED_WINDOW)
			return crew_say_ended(w, ENDED_WINDOW, "", why, e);
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
