#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "index/usage.h"
#include "unit/unit.h"

extern const char sql_index_node[], sql_index_usage[];

static void
node_free(struct usage_node *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->all[i].schema);
		free(n->all[i].table);
		free(n->all[i].name);
		free(n->all[i].definition);
		free(n->all[i].needed);
		free(n->all[i].expressions);
		free(n->all[i].undo);
	}
	free(n->all);
	free(n->label);
}

void
usage_sample_free(struct usage_sample *s)
{
	for (size_t i = 0; i < s->count; i++)
		node_free(&s->nodes[i]);
	free(s->cluster);
	free(s->database);
	memset(s, 0, sizeof *s);
}

static int
by_name(const void *a, const void *b)
{
	const struct usage_index *x = a, *y = b;
	int c = strcmp(x->schema, y->schema);

	return c != 0 ? c : strcmp(x->name, y->name);
}

const struct usage_index *
usage_find(const struct usage_node *n, const char *schema, const char *name)
{
	size_t from = 0, to = n->count;

	while (from < to) {
		size_t at = from + (to - from) / 2;
		const struct usage_index *x = &n->all[at];
		int c = strcmp(schema, x->schema);

		if (c == 0)
			c = strcmp(name, x->name);
		if (c == 0)
			return x;
		if (c < 0)
			to = at;
		else
			from = at + 1;
	}
	return NULL;
}

static int
copy(char **to, const char *text, struct err *e)
{
	if (text != NULL && (*to = strdup(text)) == NULL)
		return err_nomem(e);
	return 0;
}

/* 0 for NULL. */
static int
take_time(const char *text, int64_t *when, struct err *e)
{
	*when = 0;
	return text == NULL ? 0 : unit_parse_rfc3339(text, when, e);
}

enum { U_SCHEMA, U_TABLE, U_INDEX, U_METHOD, U_SCANS, U_ENTRIES, U_LAST,
	U_BYTES, U_WRITES, U_NEEDED, U_EXPRESSIONS, U_CREATED, U_PARTITIONED,
	U_UNDO, U_DEFINITION };

static int
fill(struct usage_index *x, const struct pg_rows *r, size_t i, struct err *e)
{
	x->scans = pg_number(r, i, U_SCANS);
	x->entries = pg_number(r, i, U_ENTRIES);
	x->bytes = pg_number(r, i, U_BYTES);
	x->writes = pg_number(r, i, U_WRITES);
	x->partitioned = pg_bool(r, i, U_PARTITIONED);
	if (copy(&x->schema, pg_text(r, i, U_SCHEMA), e) == -1 ||
	    copy(&x->table, pg_text(r, i, U_TABLE), e) == -1 ||
	    copy(&x->name, pg_text(r, i, U_INDEX), e) == -1 ||
	    copy(&x->definition, pg_text(r, i, U_DEFINITION), e) == -1 ||
	    copy(&x->needed, pg_text(r, i, U_NEEDED), e) == -1 ||
	    copy(&x->expressions, pg_text(r, i, U_EXPRESSIONS), e) == -1 ||
	    copy(&x->undo, pg_text(r, i, U_UNDO), e) == -1 ||
	    take_time(pg_text(r, i, U_LAST), &x->last_scan, e) == -1)
		return -1;
	return take_time(pg_text(r, i, U_CREATED), &x->created, e);
}

static int
read_indexes(struct pg *c, struct usage_node *n, struct err *e)
{
	struct pg_rows *rows;
	int rc = 0;

	if (pg_query(c, sql_index_usage, NULL, 0, &rows, e) == -1)
		return -1;
	if ((n->all = calloc(pg_count(rows) + 1, sizeof *n->all)) == NULL)
		rc = err_nomem(e);
	for (size_t i = 0; i < pg_count(rows) && rc == 0; i++)
		rc = fill(&n->all[n->count++], rows, i, e);
	pg_rows_free(rows);
	if (rc == 0 && n->count > 1)
		qsort(n->all, n->count, sizeof *n->all, by_name);
	return rc;
}

enum { N_CLUSTER, N_DATABASE, N_STANDBY, N_NOW, N_SINCE, N_COUNTS,
	N_STANDBYS };

/* The first server says of what the sample is; the others must agree. */
static int
check_same(struct usage_sample *s, const struct pg_rows *r, const char *label,
    struct err *e)
{
	if (s->cluster == NULL)
		return copy(&s->cluster, pg_text(r, 0, N_CLUSTER), e) == -1 ?
		    -1 : copy(&s->database, pg_text(r, 0, N_DATABASE), e);
	if (strcmp(s->cluster, pg_text(r, 0, N_CLUSTER)) != 0)
		return err_set(e, ERR_USAGE, "%s is a server of another "
		    "cluster", label);
	if (strcmp(s->database, pg_text(r, 0, N_DATABASE)) != 0)
		return err_set(e, ERR_USAGE, "%s: \"%s\" is not the database "
		    "\"%s\"", label, pg_text(r, 0, N_DATABASE), s->database);
	for (size_t i = 0; i + 1 < s->count; i++)
		if (strcmp(s->nodes[i].label, label) == 0)
			return err_set(e, ERR_USAGE, "%s was named twice",
			    label);
	return 0;
}

static int
ask_node(struct pg *c, struct usage_sample *s, struct usage_node *n,
    struct err *e)
{
	struct pg_rows *r;
	int rc;

	if (index_text(&n->label, e, "%s:%s", pg_host(c), pg_port(c)) == -1 ||
	    pg_query(c, sql_index_node, NULL, 0, &r, e) == -1)
		return -1;
	n->standby = pg_bool(r, 0, N_STANDBY);
	n->counts = pg_bool(r, 0, N_COUNTS);
	n->standbys = pg_number(r, 0, N_STANDBYS);
	rc = check_same(s, r, n->label, e);
	if (rc == 0)
		rc = take_time(pg_text(r, 0, N_NOW), &n->taken, e);
	if (rc == 0)
		rc = take_time(pg_text(r, 0, N_SINCE), &n->since, e);
	pg_rows_free(r);
	return rc == 0 ? read_indexes(c, n, e) : -1;
}

int
usage_ask(const struct pg_target *t, struct usage_sample *s, struct err *e)
{
	struct pg *c;
	int rc;

	if (s->count == USAGE_NODES_MAX)
		return err_set(e, ERR_USAGE, "more than %d servers",
		    USAGE_NODES_MAX);
	if ((c = index_connect(t, e)) == NULL)
		return -1;
	/* the sample's from here, to be freed with it */
	rc = ask_node(c, s, &s->nodes[s->count++], e);
	pg_close(c);
	return rc;
}

int
usage_ask_all(const struct index_nodes *nodes, struct usage_sample *s,
    struct err *e)
{
	for (size_t i = 0; i < nodes->count; i++) {
		if (usage_ask(nodes->all[i], s, e) == 0)
			continue;
		if (i > 0 && e->kind == ERR_PG)
			err_prefix(e, "no verdict without server %zu of %zu",
			    i + 1, nodes->count);
		return -1;
	}
	return 0;
}
