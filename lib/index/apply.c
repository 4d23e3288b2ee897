#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "stop/stop.h"
#include "unit/unit.h"

struct apply {
	const struct index_apply_options *o;
	struct index_crew crew;
	struct index_plan plan;
	struct index_report *report;
};

/* What a state becomes when its steps were run. */
static const char *
done_verdict(enum index_state state)
{
	switch (state) {
	case STATE_MISSING:
		return "BUILT";
	case STATE_INVALID:
		return "REPAIRED";
	case STATE_RENAMED:
		return "RENAMED";
	default:
		return "REPLACED";
	}
}

static int
say_done(const struct apply *a, const char *verdict, double seconds,
    struct index_finding *f, struct err *e)
{
	f->verdict = verdict;
	f->severity = INDEX_NOTE;
	return index_text(&f->reason, e, "took %.1f s, of which it waited %.1f "
	    "s for others", seconds, a->crew.waited) == -1 ||
	    index_fact_real(f, "seconds", seconds, e) == -1 ||
	    index_fact_real(f, "waited_seconds", a->crew.waited, e) == -1 ?
	    -1 : 0;
}

/* Run the steps of a finding and put into it what came of them. */
static int
act(struct apply *a, const struct index_steps *steps, const char *verdict,
    struct index_finding *f, struct err *e)
{
	struct err own = ERR_INIT;
	double began = unit_clock();
	char *why = NULL;
	bool failed = false;
	int rc = index_crew_run(&a->crew, steps, &why, &failed, &own);

	if (rc == 0)
		return say_done(a, verdict, unit_clock() - began, f, e);
	if (rc == 1 || own.kind == ERR_STOPPED) {
		f->severity = INDEX_WARNING;
		f->verdict = "POSTPONED";
	} else {
		f->severity = INDEX_ERROR;
		f->verdict = "FAILED";
	}
	free(f->undo);
	f->undo = NULL;
	if (rc == 1) {
		free(f->reason);
		f->reason = why;
		return index_fact_real(f, "waited_seconds", a->crew.waited,
		    e);
	}
	if (index_text(&f->reason, e, "%s", own.text) == -1)
		return -1;
	return failed ? 0 : err_pass(e, &own);
}

/* The size that an index has got, and how to be rid of it again. */
static int
finish_item(struct apply *a, const struct index_item *x,
    struct index_finding *f, struct err *e)
{
	const char *params[2] = { x->schema, x->s->name };
	struct pg_rows *rows = NULL;

	if (pg_query(a->crew.work, "SELECT pg_catalog.pg_relation_size(c.oid)"
	    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
	    " ON n.oid = c.relnamespace WHERE n.nspname = $1"
	    " AND c.relname = $2", params, 2, &rows, e) == -1)
		return -1;
	f->sized = !x->partitioned && pg_count(rows) == 1;
	f->bytes = pg_number(rows, 0, 0);
	pg_rows_free(rows);
	free(f->fix);
	f->fix = NULL;
	return 0;
}

static int
apply_item(struct apply *a, const struct index_item *x, struct err *e)
{
	struct index_finding *f = index_plan_item(a->crew.work, &a->plan, x,
	    a->report, e);
	struct index_steps steps = { NULL, 0 };
	int rc = -1;

	if (f == NULL)
		return -1;
	if (x->state == STATE_CHANGED && !a->o->replace)
		return 0;
	if (index_steps_item(a->crew.work, &a->plan, x, &steps, e) == 0)
		rc = steps.count == 0 ? 0 : act(a, &steps,
		    done_verdict(x->state), f, e);
	if (rc == 0 && steps.count > 0 && f->severity == INDEX_NOTE)
		rc = finish_item(a, x, f, e);
	index_steps_free(&steps);
	return rc;
}

static int
apply_extra(struct apply *a, const struct index_entry *y, struct err *e)
{
	const struct index_item *t = index_plan_table(&a->plan, y->table_oid);
	struct index_finding *f = index_plan_undeclared(&a->plan, y,
	    a->report, e);
	struct index_steps steps = { NULL, 0 };
	int rc = -1;

	if (f == NULL)
		return -1;
	/* that it is there is no failure of the policy's */
	if (y->valid)
		f->severity = INDEX_NOTE;
	if (!a->o->drop_extra || f->fix == NULL)
		return 0;
	if (index_steps_drop(t->schema, y, &steps, e) == 0)
		rc = act(a, &steps, "DROPPED", f, e);
	index_steps_free(&steps);
	return rc;
}

/* A policy that is wrong is not begun: all that is wrong is said at once. */
static int
refuse(struct apply *a, bool *refused, struct err *e)
{
	for (size_t i = 0; i < a->plan.file->count; i++) {
		const struct index_item *x = &a->plan.items[i];

		if (x->state != STATE_NO_TABLE && x->state != STATE_REFUSED)
			continue;
		*refused = true;
		if (index_plan_item(a->crew.work, &a->plan, x, a->report,
		    e) == NULL)
			return -1;
	}
	return 0;
}

static int
apply_all(struct apply *a, struct err *e)
{
	for (size_t i = 0; i < a->plan.file->count; i++)
		if (apply_item(a, &a->plan.items[i], e) == -1)
			return -1;
	for (size_t i = 0; i < a->plan.catalogue.count; i++) {
		const struct index_entry *y = &a->plan.catalogue.all[i];

		if (index_is_undeclared(&a->plan, y) &&
		    apply_extra(a, y, e) == -1)
			return -1;
	}
	return 0;
}

static int
run(struct apply *a, const struct policy *f, struct err *e)
{
	bool refused = false;

	if (index_crew_open(&a->crew, a->o->target, e) == -1 ||
	    index_plan_make(a->crew.work, f, &a->plan, e) == -1 ||
	    refuse(a, &refused, e) == -1)
		return -1;
	return refused ? 0 : apply_all(a, e);
}

/* Only what would be done keeps its SQL. */
static void
leave_out(const struct index_apply_options *o, struct index_finding *f)
{
	bool changed = strcmp(f->verdict, "CHANGED") == 0;
	bool extra = f->line == 0;

	if ((!changed || o->replace) && (!extra || o->drop_extra))
		return;
	free(f->fix);
	f->fix = NULL;
	if (extra && f->severity == INDEX_WARNING)
		f->severity = INDEX_NOTE;
}

static int
dry_run(const struct index_apply_options *o, const struct policy *f,
    struct index_report *r, struct err *e)
{
	struct pg *c = index_connect(o->target, e);
	int rc = c == NULL ? -1 : index_diff(c, f, r, e);

	pg_close(c);
	for (size_t i = 0; i < r->count; i++)
		leave_out(o, &r->findings[i]);
	return rc;
}

int
index_apply(const struct index_apply_options *o, const struct policy *f,
    struct index_report *r, struct err *e)
{
	struct apply a = { .o = o, .report = r };
	int rc;

	if (policy_check(f, e) == -1)
		return -1;
	if (o->dry_run)
		return dry_run(o, f, r, e);
	a.crew.max_wait = o->max_wait;
	a.crew.until = o->until;
	rc = run(&a, f, e);
	index_plan_free(&a.plan);
	index_crew_close(&a.crew);
	return rc;
}
