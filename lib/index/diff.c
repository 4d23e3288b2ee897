#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"

static const struct {
	const char *verdict;
	enum index_severity severity;
	const char *reason;
} states[] = {
	[STATE_OK] = { "OK", INDEX_OK, "as declared" },
	[STATE_MISSING] = { "MISSING", INDEX_WARNING, "declared and not "
	    "there" },
	[STATE_RENAMED] = { "RENAMED", INDEX_WARNING, NULL },
	[STATE_CHANGED] = { "CHANGED", INDEX_WARNING, NULL },
	[STATE_INVALID] = { "INVALID", INDEX_ERROR, NULL },
	[STATE_BUILDING] = { "BUILDING", INDEX_NOTE, NULL },
	[STATE_CLASH] = { "NAME-CLASH", INDEX_ERROR, NULL },
	[STATE_REDUNDANT] = { "REDUNDANT", INDEX_NOTE, NULL },
	[STATE_NO_TABLE] = { "NO-TABLE", INDEX_ERROR, NULL },
	[STATE_REFUSED] = { "REFUSED", INDEX_ERROR, NULL },
	[STATE_UNVERIFIED] = { "UNVERIFIED", INDEX_NOTE, NULL },
	[STATE_UNSUPPORTED] = { "UNSUPPORTED", INDEX_ERROR, NULL },
};

/* From the method on: what two definitions differ in. */
static const char *
tail(const char *definition)
{
	const char *p = strstr(definition, " USING ");

	return p != NULL ? p + 7 : definition;
}

static int
say_changed(const struct index_item *x, struct index_finding *f,
    struct err *e)
{
	const struct index_entry *new = &x->shadow.all[0];

	if (index_fact_text(f, "found", x->entry->definition, e) == -1)
		return -1;
	return index_text(&f->reason, e, "it is %s%s, declared is %s%s",
	    x->entry->unique ? "unique " : "", tail(x->entry->definition),
	    new->unique ? "unique " : "", tail(new->definition));
}

static int
say_redundant(const struct index_item *x, struct index_finding *f,
    struct err *e)
{
	bool same = strcmp(x->cover->keys, x->shadow.all[0].keys) == 0;

	if (same)
		f->severity = INDEX_WARNING;
	if (x->cover->constraint != NULL)
		return index_text(&f->reason, e, same ? "the index of "
		    "constraint \"%s\" is the same" : "the index of "
		    "constraint \"%s\" begins with the same columns",
		    x->cover->constraint);
	return index_text(&f->reason, e, same ? "\"%s\" is the same" :
	    "\"%s\" begins with the same columns", x->cover_name);
}

static int
say_invalid(const struct index_item *x, struct index_finding *f,
    struct err *e)
{
	return index_text(&f->reason, e, "%s", x->partitioned ?
	    "not there on all partitions" :
	    "left by a build that failed: it costs and is not used");
}

static int
say(const struct index_item *x, struct index_finding *f, struct err *e)
{
	switch (x->state) {
	case STATE_RENAMED:
		return index_text(&f->reason, e, "it is there as \"%s\"",
		    x->entry->name);
	case STATE_CHANGED:
		return say_changed(x, f, e);
	case STATE_INVALID:
		return say_invalid(x, f, e);
	case STATE_BUILDING:
		return index_text(&f->reason, e, "process %s of the server "
		    "builds it", x->entry->builder);
	case STATE_REDUNDANT:
		return say_redundant(x, f, e);
	case STATE_CLASH: case STATE_NO_TABLE: case STATE_REFUSED:
	case STATE_UNVERIFIED: case STATE_UNSUPPORTED:
		return index_text(&f->reason, e, "%s", x->why);
	default:
		return index_text(&f->reason, e, "%s",
		    states[x->state].reason);
	}
}

/* What takes the fix back. */
static int
add_undo(const struct index_item *x, struct index_finding *f, struct err *e)
{
	struct index_steps steps = { NULL, 0 };
	struct index_entry made = { .name = x->s->name,
		.partitioned = x->partitioned };
	int rc = 0;

	if (f->fix == NULL)
		return 0;
	if (x->state == STATE_MISSING)
		rc = index_steps_drop(x->schema, &made, &steps, e);
	else if (x->state == STATE_RENAMED)
		rc = index_steps_rename(x->schema, x->s->name, x->entry->name,
		    &steps, e);
	else if (x->state == STATE_CHANGED)
		rc = index_text(&f->undo, e, "%s;", x->entry->definition);
	if (rc == 0 && steps.count > 0)
		rc = index_steps_text(&steps, &f->undo, e);
	index_steps_free(&steps);
	return rc;
}

struct index_finding *
index_plan_item(struct pg *c, const struct index_plan *p,
    const struct index_item *x, struct index_report *r, struct err *e)
{
	struct index_finding *f = index_add(r, states[x->state].severity,
	    states[x->state].verdict, e);
	struct index_steps steps = { NULL, 0 };
	bool good;

	if (f == NULL || index_name(f, x->schema != NULL ? x->schema :
	    *x->s->schema != '\0' ? x->s->schema : NULL, x->s->table,
	    x->s->name, e) == -1 || say(x, f, e) == -1)
		return NULL;
	f->line = x->s->line;
	if (x->entry != NULL) {
		f->sized = !x->entry->partitioned;
		f->bytes = x->entry->bytes;
	}
	if (x->cover != NULL &&
	    index_fact_text(f, "covered_by", x->cover_name, e) == -1)
		return NULL;
	good = index_steps_item(c, p, x, &steps, e) == 0 &&
	    index_steps_text(&steps, &f->fix, e) == 0 &&
	    add_undo(x, f, e) == 0;
	index_steps_free(&steps);
	return good ? f : NULL;
}

/* Indexes of the policy's tables that it does not declare. */

static const char *
undeclared_cover(const struct index_plan *p, const struct index_entry *y)
{
	for (size_t i = 0; i < p->catalogue.count; i++) {
		const struct index_entry *o = &p->catalogue.all[i];

		if (o != y && o->valid &&
		    strcmp(o->table_oid, y->table_oid) == 0 &&
		    index_covers(o, y) && (!index_covers(y, o) ||
		    index_plan_owner(p, o) != NULL || o->constraint != NULL))
			return o->name;
	}
	return NULL;
}

static int
say_undeclared(const struct index_plan *p, const struct index_entry *y,
    struct index_finding *f, struct err *e)
{
	const char *cover = undeclared_cover(p, y);

	if (!y->valid && y->builder != NULL) {
		f->verdict = "BUILDING";
		f->severity = INDEX_NOTE;
		return index_text(&f->reason, e, "not declared; process %s "
		    "of the server builds it", y->builder);
	}
	if (!y->valid) {
		f->verdict = "INVALID";
		f->severity = INDEX_ERROR;
		return index_text(&f->reason, e, "not declared, and left by "
		    "a build that failed");
	}
	if (cover == NULL)
		return index_text(&f->reason, e, "there and not declared");
	if (index_fact_text(f, "covered_by", cover, e) == -1)
		return -1;
	return index_text(&f->reason, e, "there and not declared; \"%s\" does "
	    "the same", cover);
}

struct index_finding *
index_plan_undeclared(const struct index_plan *p,
    const struct index_entry *y, struct index_report *r, struct err *e)
{
	const struct index_item *t = index_plan_table(p, y->table_oid);
	struct index_finding *f = index_add(r, INDEX_WARNING, "UNDECLARED", e);
	struct index_steps steps = { NULL, 0 };
	bool good;

	if (f == NULL || index_name(f, t->schema, t->table, y->name, e) ==
	    -1 || say_undeclared(p, y, f, e) == -1 ||
	    index_text(&f->undo, e, "%s;", y->definition) == -1)
		return NULL;
	f->sized = !y->partitioned;
	f->bytes = y->bytes;
	if (f->severity == INDEX_NOTE || !index_is_droppable(y)) {
		free(f->undo);
		f->undo = NULL;
		return f;
	}
	good = index_steps_drop(t->schema, y, &steps, e) == 0 &&
	    index_steps_text(&steps, &f->fix, e) == 0;
	index_steps_free(&steps);
	return good ? f : NULL;
}

bool
index_is_undeclared(const struct index_plan *p, const struct index_entry *y)
{
	return y->constraint == NULL && y->attached == NULL &&
	    index_plan_owner(p, y) == NULL;
}

int
index_plan_report(struct pg *c, const struct index_plan *p,
    struct index_report *r, struct err *e)
{
	for (size_t i = 0; i < p->file->count; i++)
		if (index_plan_item(c, p, &p->items[i], r, e) == NULL)
			return -1;
	for (size_t i = 0; i < p->catalogue.count; i++) {
		const struct index_entry *y = &p->catalogue.all[i];

		if (index_is_undeclared(p, y) &&
		    index_plan_undeclared(p, y, r, e) == NULL)
			return -1;
	}
	index_report_sort(r);
	return 0;
}

int
index_diff(struct pg *c, const struct policy *f, struct index_report *r,
    struct err *e)
{
	struct index_plan p;
	int rc;

	if (index_plan_make(c, f, &p, e) == -1)
		return -1;
	rc = index_plan_report(c, &p, r, e);
	index_plan_free(&p);
	return rc;
}
