#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "restore/restore_int.h"
#include "stop/stop.h"

extern const char sql_restore_relations[];

/* columns of sql_restore_relations */
enum { REL_SCHEMA, REL_NAME, REL_KIND, REL_BYTES, REL_PARTITION,
	REL_ROOT_SCHEMA, REL_ROOT, REL_POPULATED };

struct catalog {
	struct pg_rows *rows; /* sorted by schema and name, bytewise */
};

struct catalog *
catalog_read(struct pg *c, struct err *e)
{
	struct catalog *k = calloc(1, sizeof *k);

	if (k == NULL) {
		err_nomem(e);
		return NULL;
	}
	if (pg_query(c, sql_restore_relations, NULL, 0, &k->rows, e) == -1) {
		catalog_free(k);
		return NULL;
	}
	return k;
}

void
catalog_free(struct catalog *k)
{
	if (k == NULL)
		return;
	pg_rows_free(k->rows);
	free(k);
}

static void
relation_at(const struct catalog *k, size_t i, struct relation *out)
{
	*out = (struct relation){
		.schema = pg_text(k->rows, i, REL_SCHEMA),
		.name = pg_text(k->rows, i, REL_NAME),
		.kind = pg_text(k->rows, i, REL_KIND)[0],
		.bytes = pg_number(k->rows, i, REL_BYTES),
		.partition = pg_bool(k->rows, i, REL_PARTITION),
		.root_schema = pg_text(k->rows, i, REL_ROOT_SCHEMA),
		.root_name = pg_text(k->rows, i, REL_ROOT),
	};
}

bool
catalog_find(const struct catalog *k, const char *schema, const char *name,
    struct relation *out)
{
	size_t low = 0, high = pg_count(k->rows);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int d = strcmp(schema, pg_text(k->rows, mid, REL_SCHEMA));

		if (d == 0)
			d = strcmp(name, pg_text(k->rows, mid, REL_NAME));
		if (d == 0) {
			relation_at(k, mid, out);
			return true;
		}
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

/* counts */

static int
by_name(const void *a, const void *b)
{
	const struct count *x = a, *y = b;
	int d = strcmp(x->schema, y->schema);

	return d != 0 ? d : strcmp(x->name, y->name);
}

/* Leaves that are counted at the same root become one. */
static size_t
merge(struct count *c, size_t n)
{
	size_t out = 0;

	qsort(c, n, sizeof *c, by_name);
	for (size_t i = 0; i < n; i++) {
		if (out > 0 && by_name(&c[out - 1], &c[i]) == 0) {
			c[out - 1].want += c[i].want;
			c[out - 1].bytes += c[i].bytes;
		} else {
			c[out++] = c[i];
		}
	}
	return out;
}

int
catalog_counts(struct restore *r, const struct catalog *k,
    struct count **counts, size_t *n, struct err *e)
{
	size_t all = r->set == NULL ? 0 : r->set->table_count, used = 0;
	struct count *c = calloc(all + 1, sizeof *c);

	if (c == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < all; i++) {
		const struct repo_table *t = &r->set->tables[i];
		struct relation rel;

		if (strcmp(t->database, r->source) != 0 || (r->pick != NULL &&
		    !pick_rows(r->pick, t->schema, t->table)))
			continue;
		if (!catalog_find(k, t->schema, t->table, &rel)) {
			err_set(e, ERR_CORRUPT, "table \"%s\".\"%s\" of the "
			    "backup was not restored", t->schema, t->table);
			free(c);
			return -1;
		}
		/* what lies in which leaf is known only of all leaves */
		if (rel.root_name != NULL && r->pick != NULL &&
		    !pick_rows(r->pick, rel.root_schema, rel.root_name))
			continue;
		c[used].only = rel.root_name == NULL;
		c[used].schema = c[used].only ? rel.schema : rel.root_schema;
		c[used].name = c[used].only ? rel.name : rel.root_name;
		c[used].want = t->rows;
		c[used++].bytes = rel.bytes;
	}
	*n = merge(c, used);
	*counts = c;
	return 0;
}

int
catalog_count(struct pg *c, const struct count *n, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	int rc = -1;

	if (buf_fmt(&sql, e, "SELECT count(*) FROM %s",
	    n->only ? "ONLY " : "") == -1 ||
	    sqltext_quote2(&sql, n->schema, n->name, e) == -1 ||
	    pg_query(c, sql.data, NULL, 0, &rows, e) == -1)
		goto done;
	rc = 0;
	if (pg_number(rows, 0, 0) != n->want)
		rc = err_set(e, ERR_CORRUPT, "table \"%s\".\"%s\" has %llu "
		    "rows where the backup counted %llu", n->schema, n->name,
		    (unsigned long long)pg_number(rows, 0, 0),
		    (unsigned long long)n->want);
done:
	pg_rows_free(rows);
	buf_free(&sql);
	return rc;
}

/* ANALYZE */

struct analysis {
	struct restore *r;
	struct relation *tables;
	size_t count, next;
};

static int
analyze(void *ctx, struct pg *c, struct err *e)
{
	struct analysis *a = ctx;
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = 0;
	size_t i;

	while (rc == 0 && (i = crew_next(a->r, &a->next, a->count)) <
	    a->count) {
		buf_reset(&sql);
		rc = buf_str(&sql, "ANALYZE ", e);
		if (rc == 0)
			rc = sqltext_quote2(&sql, a->tables[i].schema,
			    a->tables[i].name, e);
		if (rc == 0 && (rc = pg_exec(c, sql.data, e)) == -1)
			err_prefix(e, "%s", sql.data);
		progress_add(a->r->progress, 1);
	}
	buf_free(&sql);
	return rc;
}

static int
larger_first(const void *a, const void *b)
{
	const struct relation *x = a, *y = b;

	return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

/* A partitioned table's ANALYZE is that of its partitions too. */
static int
list_tables(struct analysis *a, const struct catalog *k, struct err *e)
{
	size_t all = pg_count(k->rows);

	if ((a->tables = calloc(all + 1, sizeof *a->tables)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < all; i++) {
		struct relation *t = &a->tables[a->count];

		relation_at(k, i, t);
		if (a->r->pick != NULL ?
		    !pick_rows(a->r->pick, t->schema, t->name) :
		    t->partition)
			continue;
		if (pg_bool(k->rows, i, REL_POPULATED))
			a->count++;
	}
	qsort(a->tables, a->count, sizeof *a->tables, larger_first);
	return 0;
}

int
catalog_analyze(struct restore *r, struct err *e)
{
	struct analysis a = { .r = r };
	struct catalog *k;
	int rc = -1;

	if ((k = catalog_read(r->main, e)) != NULL &&
	    list_tables(&a, k, e) == 0) {
		progress_stage(r->progress, "analyze", a.count,
		    PROGRESS_COUNT);
		if (crew_run(r, analyze, &a, e) == 0)
			rc = stop_check(e);
	}
	free(a.tables);
	catalog_free(k);
	return rc;
}
