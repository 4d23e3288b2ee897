#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

#define NEW_SUFFIX "__pgk_new"

void
index_steps_free(struct index_steps *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->all[i].sql);
		free(s->all[i].schema);
		free(s->all[i].index);
	}
	free(s->all);
	*s = (struct index_steps){ NULL, 0 };
}

int
index_steps_text(const struct index_steps *s, char **text, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < s->count; i++)
		if (buf_fmt(&b, e, "%s%s;", i > 0 ? " " : "",
		    s->all[i].sql) == -1) {
			buf_free(&b);
			return -1;
		}
	*text = b.data;
	return 0;
}

/*
 * Add a step; its SQL is `fmt` with %I for a schema and a name, quoted, of
 * two arguments, %N for a name, %s for text.
 */
static int
add_sql(struct buf *b, struct err *e, const char *fmt, va_list args)
{
	const char *one, *two;
	int rc = buf_str(b, "", e);

	for (; rc == 0 && *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			rc = buf_byte(b, *fmt, e);
			continue;
		}
		one = va_arg(args, const char *);
		switch (*++fmt) {
		case 'I':
			two = va_arg(args, const char *);
			rc = sqltext_quote2(b, one, two, e);
			break;
		case 'N':
			rc = sqltext_quote(b, one, e);
			break;
		default:
			rc = buf_str(b, one, e);
			break;
		}
	}
	return rc;
}

static int
add(struct index_steps *s, enum index_step_kind kind, const char *schema,
    const char *index, struct err *e, const char *fmt, ...)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct index_step *x = buf_more(s->all, s->count, sizeof *x, e);
	va_list args;
	int rc;

	if (x == NULL)
		return -1;
	s->all = x;
	x += s->count;
	x->kind = kind;
	va_start(args, fmt);
	rc = add_sql(&b, e, fmt, args);
	va_end(args);
	if (rc == -1) {
		buf_free(&b);
		return -1;
	}
	x->sql = b.data;
	s->count++;
	if (kind == STEP_SHORT)
		return 0;
	if ((x->schema = strdup(schema)) == NULL ||
	    (x->index = strdup(index)) == NULL)
		return err_nomem(e);
	return 0;
}

int
index_steps_reindex(const char *schema, const char *index,
    struct index_steps *s, struct err *e)
{
	return add(s, STEP_REINDEX, schema, index, e,
	    "REINDEX INDEX CONCURRENTLY %I", schema, index);
}

int
index_steps_leftover(const char *schema, const char *index,
    struct index_steps *s, struct err *e)
{
	return add(s, STEP_DROP, schema, index, e,
	    "DROP INDEX CONCURRENTLY IF EXISTS %I", schema, index);
}

int
index_steps_drop(const char *schema, const struct index_entry *x,
    struct index_steps *s, struct err *e)
{
	/* the server drops no partitioned index concurrently */
	if (x->partitioned)
		return add(s, STEP_SHORT, schema, x->name, e, "DROP INDEX %I",
		    schema, x->name);
	return add(s, STEP_DROP, schema, x->name, e,
	    "DROP INDEX CONCURRENTLY IF EXISTS %I", schema, x->name);
}

int
index_steps_rename(const char *schema, const char *from, const char *to,
    struct index_steps *s, struct err *e)
{
	return add(s, STEP_SHORT, NULL, NULL, e, "ALTER INDEX %I RENAME TO %N",
	    schema, from, to);
}

static int
build(const struct index_item *x, const char *name, const char *schema,
    const char *table, struct index_steps *s, struct err *e)
{
	return add(s, STEP_BUILD, schema, name, e,
	    "CREATE %sINDEX CONCURRENTLY %N ON %I %s",
	    x->s->unique ? "UNIQUE " : "", name, schema, table, x->s->rest);
}

/*
 * Partitioned tables: an index on each leaf, a shell on each partitioned one.
 * The shells, invalid until all is attached, come last, so that whoever is
 * stopped in a long build leaves none.
 */

struct part {
	const char *oid, *parent, *schema, *table;
	bool partitioned;
	char index[POLICY_NAME_MAX + 1]; /* the name of its index */
};

/*
 * "PARTITION_INDEX", the same at every run. One that is too long is cut, and
 * ends in a sum of the whole instead.
 */
static void
part_name(const char *table, const char *index, char out[POLICY_NAME_MAX + 1])
{
	uint32_t sum = 2166136261u; /* FNV-1a */
	char whole[2 * 256];
	int n = snprintf(whole, sizeof whole, "%s_%s", table, index);
	size_t len;

	if (n >= 0 && n <= POLICY_NAME_MAX) {
		memcpy(out, whole, (size_t)n + 1);
		return;
	}
	for (const char *p = whole; *p != '\0'; p++)
		sum = (sum ^ (unsigned char)*p) * 16777619u;
	len = POLICY_NAME_MAX - 9;
	while (len > 0 && (whole[len] & 0xc0) == 0x80) /* within a character */
		len--;
	memcpy(out, whole, len);
	snprintf(out + len, POLICY_NAME_MAX + 1 - len, "_%08x", sum);
}

static const struct part *
part_of(const struct part *all, size_t count, const char *oid)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].oid, oid) == 0)
			return &all[i];
	return NULL;
}

static void
keep_name(struct part *p, const char *name)
{
	snprintf(p->index, sizeof p->index, "%s", name);
}

/* The index of a partition that is one already, or could become it. */
static const struct index_entry *
part_entry(const struct index_catalogue *k, const struct part *p,
    const struct index_item *x, bool *invalid)
{
	const struct index_entry *found = NULL;

	*invalid = false;
	for (size_t i = 0; i < k->count; i++) {
		const struct index_entry *y = &k->all[i];

		if (strcmp(y->table_oid, p->oid) != 0)
			continue;
		if (strcmp(y->name, p->index) == 0 && !y->valid &&
		    !y->partitioned && y->attached == NULL)
			*invalid = true;
		if (!index_is_item(x, y) || y->constraint != NULL ||
		    !(y->valid || p->partitioned))
			continue;
		if (found == NULL || y->attached != NULL)
			found = y;
	}
	return found;
}

static bool
is_attached_to(const struct index_catalogue *k, const struct index_entry *y,
    const struct part *parent)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->all[i].oid, y->attached) == 0)
			return strcmp(k->all[i].table_oid, parent->oid) == 0 &&
			    strcmp(k->all[i].name, parent->index) == 0;
	return false;
}

static int
part_steps(const struct index_item *x, const struct index_catalogue *k,
    struct part *p, const struct part *parent, struct index_steps *builds,
    struct index_steps *s, struct err *e)
{
	bool invalid;
	const struct index_entry *y;

	part_name(p->table, x->s->name, p->index);
	y = part_entry(k, p, x, &invalid);
	if (y != NULL && y->attached != NULL &&
	    is_attached_to(k, y, parent)) {
		keep_name(p, y->name);
		return 0;
	}
	if (y != NULL && y->attached == NULL) {
		keep_name(p, y->name);
	} else if (p->partitioned) {
		if (add(s, STEP_SHORT, NULL, NULL, e,
		    "CREATE %sINDEX %N ON ONLY %I %s",
		    x->s->unique ? "UNIQUE " : "", p->index, p->schema,
		    p->table, x->s->rest) == -1)
			return -1;
	} else if ((invalid && add(builds, STEP_DROP, p->schema, p->index, e,
	    "DROP INDEX CONCURRENTLY IF EXISTS %I", p->schema,
	    p->index) == -1) ||
	    build(x, p->index, p->schema, p->table, builds, e) == -1) {
		return -1;
	}
	return add(s, STEP_SHORT, NULL, NULL, e,
	    "ALTER INDEX %I ATTACH PARTITION %I", parent->schema,
	    parent->index, p->schema, p->index);
}

static int
read_parts(struct pg *c, const struct index_item *x, struct pg_rows **rows,
    struct index_catalogue *k, struct err *e)
{
	struct buf oids = BUF_INIT(BUF_TEXT_MAX);
	extern const char sql_index_partitions[];
	const char *param = x->oid;
	int rc = pg_query(c, sql_index_partitions, &param, 1, rows, e);

	if (rc == 0)
		rc = buf_fmt(&oids, e, "{%s", x->oid);
	for (size_t i = 0; rc == 0 && i < pg_count(*rows); i++)
		rc = buf_fmt(&oids, e, ",%s", pg_text(*rows, i, 0));
	if (rc == 0 && (rc = buf_byte(&oids, '}', e)) == 0)
		rc = index_catalogue_read(c, oids.data, k, e);
	buf_free(&oids);
	return rc;
}

/* Move all of `from` behind what is in `to`. */
static int
append(struct index_steps *to, struct index_steps *from, struct err *e)
{
	struct index_step *all;

	for (size_t i = 0; i < from->count; i++) {
		all = buf_more(to->all, to->count, sizeof *all, e);
		if (all == NULL)
			return -1;
		to->all = all;
		all[to->count++] = from->all[i];
		from->all[i] = (struct index_step){ .sql = NULL };
	}
	return 0;
}

static int
partitioned_steps(struct pg *c, const struct index_item *x,
    struct index_steps *s, struct err *e)
{
	struct index_catalogue k = { NULL, NULL, 0 };
	struct index_steps shells = { NULL, 0 };
	struct pg_rows *rows = NULL;
	struct part *all = NULL;
	size_t count;
	int rc = read_parts(c, x, &rows, &k, e);

	if (rc == -1)
		goto done;
	rc = -1;
	count = pg_count(rows) + 1;
	if ((all = calloc(count, sizeof *all)) == NULL) {
		err_nomem(e);
		goto done;
	}
	all[0] = (struct part){ x->oid, NULL, x->schema, x->table, true, "" };
	keep_name(&all[0], x->s->name);
	if (x->entry == NULL && add(&shells, STEP_SHORT, NULL, NULL, e,
	    "CREATE %sINDEX %N ON ONLY %I %s", x->s->unique ? "UNIQUE " : "",
	    x->s->name, x->schema, x->table, x->s->rest) == -1)
		goto done;
	for (size_t i = 1; i < count; i++) {
		const struct part *parent = part_of(all, i,
		    pg_text(rows, i - 1, 1));

		all[i] = (struct part){ pg_text(rows, i - 1, 0), NULL,
			pg_text(rows, i - 1, 3), pg_text(rows, i - 1, 4),
			pg_bool(rows, i - 1, 2), "" };
		if (parent == NULL || part_steps(x, &k, &all[i], parent, s,
		    &shells, e) == -1)
			goto done;
	}
	rc = append(s, &shells, e);
done:
	index_steps_free(&shells);
	free(all);
	index_catalogue_free(&k);
	if (rows != NULL)
		pg_rows_free(rows);
	return rc;
}

/* Another index of this name: the new one is built beside, then takes it. */

static void
new_name(const struct index_item *x, char out[POLICY_NAME_MAX + 1])
{
	if (strlen(x->s->name) + sizeof NEW_SUFFIX - 1 <= POLICY_NAME_MAX)
		snprintf(out, POLICY_NAME_MAX + 1, "%.63s" NEW_SUFFIX,
		    x->s->name);
	else
		part_name(x->s->name, NEW_SUFFIX, out);
}

/* What a run that was cut short left under the new name. */
static const struct index_entry *
left_over(const struct index_plan *p, const struct index_item *x)
{
	char name[POLICY_NAME_MAX + 1];

	new_name(x, name);
	for (size_t i = 0; i < p->catalogue.count; i++)
		if (strcmp(p->catalogue.all[i].name, name) == 0 &&
		    strcmp(p->catalogue.all[i].table_oid, x->oid) == 0)
			return &p->catalogue.all[i];
	return NULL;
}

static bool
is_wanted(const struct index_entry *y, const struct index_item *x)
{
	return y != NULL && y->valid && index_is_item(x, y);
}

static int
change_steps(const struct index_plan *p, const struct index_item *x,
    struct index_steps *s, struct err *e)
{
	const struct index_entry *left = left_over(p, x);
	char name[POLICY_NAME_MAX + 1];

	new_name(x, name);
	if (!is_wanted(left, x) && ((left != NULL &&
	    index_steps_drop(x->schema, left, s, e) == -1) ||
	    build(x, name, x->schema, x->table, s, e) == -1))
		return -1;
	if (index_steps_drop(x->schema, x->entry, s, e) == -1)
		return -1;
	return index_steps_rename(x->schema, name, x->s->name, s, e);
}

int
index_steps_item(struct pg *c, const struct index_plan *p,
    const struct index_item *x, struct index_steps *s, struct err *e)
{
	switch (x->state) {
	case STATE_MISSING:
		return x->partitioned ? partitioned_steps(c, x, s, e) :
		    build(x, x->s->name, x->schema, x->table, s, e);
	case STATE_INVALID:
		if (x->partitioned && index_is_item(x, x->entry))
			return partitioned_steps(c, x, s, e);
		if (x->partitioned || x->entry->attached != NULL)
			return 0;
		if (is_wanted(left_over(p, x), x))
			return change_steps(p, x, s, e);
		return index_steps_drop(x->schema, x->entry, s, e) == -1 ?
		    -1 : build(x, x->s->name, x->schema, x->table, s, e);
	case STATE_RENAMED:
		return index_steps_rename(x->schema, x->entry->name,
		    x->s->name, s, e);
	case STATE_CHANGED:
		if (x->partitioned || x->entry->attached != NULL)
			return 0;
		return change_steps(p, x, s, e);
	default:
		return 0;
	}
}
