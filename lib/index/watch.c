#include <stdio.h>
#include <string.h>

#include "index/index_int.h"
#include "log/log.h"
#include "unit/unit.h"

extern const char sql_index_progress[];

#define SAY_AFTER 2.0 /* seconds of waiting before it is said */

static void
show(struct crew_view *v, const struct pg_rows *r)
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
void
crew_look(struct index_crew *w, struct pg *eyes, int pid, struct crew_view *v)
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

enum crew_ended
crew_is_time(struct index_crew *w)
{
	if (w->until > 0 && unit_now() >= w->until) {
		w->over = true;
		return ENDED_WINDOW;
	}
	return w->max_wait > 0 && w->waited >= (double)w->max_wait ?
	    ENDED_WAIT : NOT_ENDED;
}

int
crew_say_ended(struct index_crew *w, enum crew_ended ended, const char *also,
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
