#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

extern const char sql_index_table[], sql_index_named[], sql_index_foreign[];

static char *
copy(const char *text, struct err *e)
{
	char *s = strdup(text);

	if (s == NULL)
		err_nomem(e);
	return s;
}

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

/* The table. */

static int
refuse_kind(struct index_item *x, const char *kind, struct err *e)
{
	const char *what = *kind == 'v' ? "a view" : *kind == 'f' ?
	    "a foreign table" : "no table";

	x->state = STATE_NO_TABLE;
	return index_text(&x->why, e, "\"%s\" is %s", x->s->table, what);
}

static int
keep_table(struct index_item *x, const struct pg_rows *r, struct err *e)
{
	const char *kind = pg_text(r, 0, 3);

	if (pg_count(r) == 0) {
		x->state = STATE_NO_TABLE;
		return index_text(&x->why, e, "there is no table \"%s\"",
		    x->s->table);
	}
	if (strchr("rpm", *kind) == NULL)
		return refuse_kind(x, kind, e);
	x->partitioned = *kind == 'p';
	if ((x->oid = copy(pg_text(r, 0, 0), e)) == NULL ||
	    (x->schema = copy(pg_text(r, 0, 1), e)) == NULL ||
	    (x->table = copy(pg_text(r, 0, 2), e)) == NULL)
		return -1;
	return 0;
}

/* Within a transaction whose search_path is the role's own, as psql's. */
static int
find_table(struct pg *c, struct index_item *x, struct err *e)
{
	struct buf name = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	const char *param;
	int rc = -1;

	if ((*x->s->schema != '\0' ? sqltext_quote2(&name, x->s->schema,
	    x->s->table, e) : sqltext_quote(&name, x->s->table, e)) == -1)
		goto done;
	param = name.data;
	if (pg_query(c, sql_index_table, &param, 1, &rows, e) == 0)
		rc = keep_table(x, rows, e);
	if (rows != NULL)
		pg_rows_free(rows);
done:
	buf_free(&name);
	return rc;
}

/* What the statement makes: on an empty copy of the table. */

static int
shadow_sql(const struct index_item *x, struct buf *table, struct buf *index,
    struct err *e)
{
	if (buf_str(table, "CREATE TEMP TABLE ", e) == -1 ||
	    sqltext_quote(table, x->table, e) == -1 ||
	    buf_str(table, " (LIKE ", e) == -1 ||
	    sqltext_quote2(table, x->schema, x->table, e) == -1 ||
	    buf_str(table, " INCLUDING GENERATED)", e) == -1)
		return -1;
	/* the copy bears the table's name: an expression may use it */
	if (buf_fmt(index, e, "CREATE %sINDEX ON pg_temp.",
	    x->s->unique ? "UNIQUE " : "") == -1 ||
	    sqltext_quote(index, x->table, e) == -1 ||
	    buf_byte(index, ' ', e) == -1)
		return -1;
	return buf_str(index, x->s->rest, e);
}

static int
read_shadow(struct pg *c, struct index_item *x, struct err *e)
{
	struct buf name = BUF_INIT(BUF_TEXT_MAX);
	struct buf oids = BUF_INIT(64);
	struct pg_rows *rows = NULL;
	const char *param;
	int rc = -1;

	if (pg_exec(c, "SET LOCAL search_path = ''", e) == -1 ||
	    sqltext_quote2(&name, "pg_temp", x->table, e) == -1)
		goto done;
	param = name.data;
	if (pg_query(c, sql_index_table, &param, 1, &rows, e) == -1 ||
	    buf_fmt(&oids, e, "{%s}", pg_text(rows, 0, 0)) == -1 ||
	    index_catalogue_read(c, oids.data, &x->shadow, e) == -1)
		goto done;
	rc = x->shadow.count == 1 ? 0 : err_set(e, ERR_PG, "the copy of "
	    "\"%s\" has %zu indexes and not one", x->table, x->shadow.count);
done:
	if (rows != NULL)
		pg_rows_free(rows);
	buf_free(&oids);
	buf_free(&name);
	return rc;
}

/*
 * Whether an expression may use the whole row: the copy's rows are of another
 * type, which a function of the table's rows does not take.
 */
static bool
uses_row(const struct index_item *x)
{
	const char *at = x->s->rest;
	struct sqltext_token t;

	while (sqltext_token(&at, &t)) {
		const char *after = at;
		struct sqltext_token dot, star;

		if (t.kind != SQLTEXT_WORD || strcmp(t.word, x->table) != 0)
			continue;
		if (!sqltext_token(&after, &dot) || dot.word[0] != '.' ||
		    !sqltext_token(&after, &star) || star.word[0] == '*')
			return true;
	}
	return false;
}

/* Of the statement itself; else of the session, and then all would fail. */
static bool
is_statements_fault(struct pg *c)
{
	const char *state = pg_sqlstate(c);

	return strncmp(state, "42", 2) == 0 ? strcmp(state, "42501") != 0 :
	    strncmp(state, "0A", 2) == 0 || strncmp(state, "22", 2) == 0;
}

static int
make_shadow(struct pg *c, struct index_item *x, struct err *e)
{
	struct buf table = BUF_INIT(BUF_TEXT_MAX);
	struct buf index = BUF_INIT(BUF_TEXT_MAX);
	struct err why = ERR_INIT;
	int rc = -1;

	if (shadow_sql(x, &table, &index, e) == -1)
		goto done;
	if (pg_exec(c, table.data, e) == -1)
		goto done;
	/* as one statement, whatever it holds */
	if (pg_query(c, index.data, NULL, 0, NULL, &why) == 0) {
		rc = read_shadow(c, x, e);
	} else if (!is_statements_fault(c)) {
		err_pass(e, &why);
	} else {
		x->state = uses_row(x) ? STATE_UNVERIFIED : STATE_REFUSED;
		rc = index_text(&x->why, e, "%s", why.text);
	}
done:
	buf_free(&table);
	buf_free(&index);
	return rc;
}

static int
look(struct pg *c, struct index_item *x, struct err *e)
{
	int rc = -1;
	struct err ignored = ERR_INIT;

	if (pg_exec(c, "BEGIN READ WRITE; RESET search_path", e) == -1)
		return -1;
	if (find_table(c, x, e) == 0)
		rc = x->oid == NULL ? 0 : make_shadow(c, x, e);
	if (rc == -1)
		err_prefix(e, "the statement at line %llu",
		    (unsigned long long)x->s->line);
	return pg_exec(c, "ROLLBACK", rc == 0 ? e : &ignored) == -1 ? -1 : rc;
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
		if (look(c, &p.items[i], e) == -1)
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
