#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

extern const char sql_index_named[], sql_index_foreign[];

static void
item_free(struct index_item *x)
{
	free(x->schema);
	free(x->table);
	free(x->oid);
	free(x->why);
	index_catalogue_free(&x->shadow);
}

void
index_plan_free(struct index_plan *p)
{
	for (size_t i = 0; p->items != NULL && i < p->file->count; i++)
		item_free(&p->items[i]);
	free(p->items);
	index_catalogue_free(&p->catalogue);
	*p = (struct index_plan){ NULL, NULL, { NULL, NULL, 0 } };
}

/* What there is. */

static int
read_catalogue(struct pg *c, struct index_plan *p, struct err *e)
{
	struct buf oids = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_byte(&oids, '{', e);

	for (size_t i = 0; i < p->file->count && rc == 0; i++)
		if (p->items[i].oid != NULL)
			rc = buf_fmt(&oids, e, "%s%s", oids.len > 1 ? "," :
			    "", p->items[i].oid);
	if (rc == 0)
		rc = buf_byte(&oids, '}', e);
	if (rc == 0)
		rc = index_catalogue_read(c, oids.data, &p->catalogue, e);
	buf_free(&oids);
	return rc;
}

static const struct index_entry *
entry_named(const struct index_plan *p, const struct index_item *x)
{
	for (size_t i = 0; i < p->catalogue.count; i++) {
		const struct index_entry *y = &p->catalogue.all[i];

		if (strcmp(y->table_oid, x->oid) == 0 &&
		    strcmp(y->name, x->s->name) == 0)
			return y;
	}
	return NULL;
}

static int
check_name(struct pg *c, struct index_item *x, struct err *e)
{
	const char *params[2] = { x->schema, x->s->name };
	struct pg_rows *rows = NULL;
	const char *kind;
	int rc = 0;

	if (pg_query(c, sql_index_named, params, 2, &rows, e) == -1)
		return -1;
	if (pg_count(rows) > 0) {
		kind = pg_text(rows, 0, 0);
		x->state = STATE_CLASH;
		rc = pg_text(rows, 0, 2) != NULL ? index_text(&x->why, e,
		    "an index of table \"%s\" bears this name",
		    pg_text(rows, 0, 2)) : index_text(&x->why, e,
		    "%s bears this name", *kind == 'S' ? "a sequence" :
		    *kind == 'v' ? "a view" : *kind == 'c' ? "a type" :
		    "a table");
	}
	pg_rows_free(rows);
	return rc;
}

bool
index_is_item(const struct index_item *x, const struct index_entry *y)
{
	return x->shadow.count > 0 && index_same(y, &x->shadow.all[0]);
}

static int
judge_named(struct index_item *x, struct err *e)
{
	const struct index_entry *y = x->entry;

	if (y->builder != NULL && !y->valid)
		x->state = STATE_BUILDING;
	else if (!y->valid && y->constraint == NULL)
		x->state = STATE_INVALID;
	else if (index_is_item(x, y))
		x->state = STATE_OK;
	else if (y->constraint == NULL)
		x->state = STATE_CHANGED;
	else {
		x->state = STATE_CLASH;
		return index_text(&x->why, e, "the index of constraint "
		    "\"%s\" bears this name", y->constraint);
	}
	return 0;
}

const struct index_item *
index_plan_owner(const struct index_plan *p, const struct index_entry *entry)
{
	for (size_t i = 0; i < p->file->count; i++)
		if (p->items[i].entry == entry)
			return &p->items[i];
	return NULL;
}

const struct index_item *
index_plan_table(const struct index_plan *p, const char *table_oid)
{
	for (size_t i = 0; i < p->file->count; i++)
		if (p->items[i].oid != NULL &&
		    strcmp(p->items[i].oid, table_oid) == 0)
			return &p->items[i];
	return NULL;
}

/* The same index by another name, which nothing else in the file claims. */
static const struct index_entry *
entry_renamed(const struct index_plan *p, const struct index_item *x)
{
	for (size_t i = 0; i < p->catalogue.count; i++) {
		const struct index_entry *y = &p->catalogue.all[i];

		if (strcmp(y->table_oid, x->oid) == 0 && y->valid &&
		    y->constraint == NULL && y->attached == NULL &&
		    index_is_item(x, y) &&
		    index_plan_owner(p, y) == NULL)
			return y;
	}
	return NULL;
}

static bool
same_keys(const struct index_entry *a, const struct index_entry *b)
{
	return strcmp(a->keys, b->keys) == 0;
}

/* A constraint's index that does the same, or more. */
static const struct index_entry *
constraint_cover(const struct index_plan *p, const struct index_item *x)
{
	for (size_t i = 0; i < p->catalogue.count; i++) {
		const struct index_entry *y = &p->catalogue.all[i];

		if (y->constraint != NULL && y->valid && y != x->entry &&
		    strcmp(y->table_oid, x->oid) == 0 &&
		    index_covers(y, &x->shadow.all[0]))
			return y;
	}
	return NULL;
}

/* Another declared index that does; of two alike the later is too many. */
static const struct index_item *
declared_cover(const struct index_plan *p, const struct index_item *x)
{
	for (size_t i = 0; i < p->file->count; i++) {
		const struct index_item *o = &p->items[i];

		if (o == x || o->shadow.count == 0 ||
		    strcmp(o->oid, x->oid) != 0 ||
		    !index_covers(&o->shadow.all[0], &x->shadow.all[0]))
			continue;
		if (o < x || !index_covers(&x->shadow.all[0],
		    &o->shadow.all[0]))
			return o;
	}
	return NULL;
}

/* A second pass: what the others are is known by then. */
static void
judge_cover(const struct index_plan *p, struct index_item *x)
{
	const struct index_entry *y = constraint_cover(p, x);
	const struct index_item *o = y == NULL ? declared_cover(p, x) : NULL;

	if (o != NULL)
		y = &o->shadow.all[0];
	x->cover = y;
	x->cover_name = o != NULL ? o->s->name : y != NULL ? y->name : NULL;
	/* what is missing and would only repeat another is not missed */
	if (y != NULL && (x->state == STATE_OK || (x->state == STATE_MISSING &&
	    same_keys(y, &x->shadow.all[0]))))
		x->state = STATE_REDUNDANT;
}

/* What cannot be compared is told by its name alone. */
static int
judge_unverified(const struct index_plan *p, struct index_item *x,
    struct err *e)
{
	x->entry = entry_named(p, x);
	if (x->entry == NULL)
		x->state = STATE_MISSING;
	else if (!x->entry->valid)
		x->state = x->entry->builder != NULL ? STATE_BUILDING :
		    STATE_INVALID;
	else
		return index_text(&x->why, e, "an index of this name is there; "
		    "one on whole rows cannot be compared");
	return 0;
}

/*
 * The server takes no index for complete that a foreign partition has not;
 * only in one statement, which locks, does it pass such partitions over.
 */
static int
check_foreign(struct pg *c, struct index_item *x, struct err *e)
{
	const char *param = x->oid;
	struct pg_rows *rows = NULL;
	int rc = 0;

	if (!x->partitioned || (x->state != STATE_MISSING &&
	    x->state != STATE_INVALID))
		return 0;
	if (pg_query(c, sql_index_foreign, &param, 1, &rows, e) == -1)
		return -1;
	if (pg_count(rows) > 0) {
		x->state = STATE_UNSUPPORTED;
		rc = index_text(&x->why, e, "partition \"%s\" is a foreign "
		    "table: such an index cannot be built concurrently",
		    pg_text(rows, 0, 0));
	}
	pg_rows_free(rows);
	return rc;
}

static int
judge(struct pg *c, struct index_plan *p, struct err *e)
{
	struct index_item *x;
	size_t n = p->file->count;

	for (x = p->items; x < p->items + n; x++) {
		if (x->state == STATE_UNVERIFIED &&
		    judge_unverified(p, x, e) == -1)
			return -1;
		if (x->shadow.count == 0)
			continue;
		x->state = STATE_MISSING;
		x->entry = entry_named(p, x);
		if ((x->entry != NULL ? judge_named(x, e) :
		    check_name(c, x, e)) == -1)
			return -1;
	}
	for (x = p->items; x < p->items + n; x++)
		if (x->state == STATE_MISSING &&
		    (x->entry = entry_renamed(p, x)) != NULL)
			x->state = STATE_RENAMED;
	for (x = p->items; x < p->items + n; x++) {
		if (x->shadow.count > 0)
			judge_cover(p, x);
		if (check_foreign(c, x, e) == -1)
			return -1;
	}
	return 0;
}

bool
index_is_droppable(const struct index_entry *x)
{
	return x->constraint == NULL && !x->unique && !x->pinned &&
	    x->attached == NULL;
}

static int
check_primary(struct pg *c, struct err *e)
{
	struct pg_rows *rows = NULL;
	bool standby;

	if (pg_query(c, "SELECT pg_catalog.pg_is_in_recovery()", NULL, 0,
	    &rows, e) == -1)
		return -1;
	standby = pg_bool(rows, 0, 0);
	pg_rows_free(rows);
	if (!standby)
		return 0;
	err_set(e, ERR_PG, "this server is a standby");
	return err_hint(e, "a policy is compared on temporary tables: connect "
	    "to the primary");
}

int
index_plan_make(struct pg *c, const struct policy *f,
    struct index_plan *out, struct err *e)
{
	struct index_plan p = { .file = f };

	if (policy_check(f, e) == -1 || check_primary(c, e) == -1)
		return -1;
	if ((p.items = calloc(f->count + 1, sizeof *p.items)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < f->count; i++) {
		p.items[i].s = &f->all[i];
		if (index_shadow(c, &p.items[i], e) == -1)
			goto fail;
	}
	if (read_catalogue(c, &p, e) == -1 || judge(c, &p, e) == -1)
		goto fail;
	*out = p;
	return 0;
fail:
	index_plan_free(&p);
	return -1;
}
