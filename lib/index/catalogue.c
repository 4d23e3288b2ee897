#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"

extern const char sql_index_catalogue[];

static const char *
text(const struct pg_rows *rows, size_t i, unsigned column)
{
	const char *s = pg_text(rows, i, column);

	return s != NULL ? s : "";
}

static void
fill(struct index_entry *x, const struct pg_rows *r, size_t i)
{
	x->oid = pg_text(r, i, 0);
	x->table_oid = pg_text(r, i, 1);
	x->name = pg_text(r, i, 2);
	x->method = pg_text(r, i, 3);
	x->valid = pg_bool(r, i, 4) && pg_bool(r, i, 5) && pg_bool(r, i, 6);
	x->unique = pg_bool(r, i, 7);
	x->partitioned = pg_bool(r, i, 8);
	x->bytes = pg_number(r, i, 9);
	x->keys = text(r, i, 10);
	x->options = text(r, i, 11);
	x->reversed = text(r, i, 12);
	x->included = text(r, i, 13);
	x->columns = text(r, i, 14);
	x->predicate = text(r, i, 15);
	x->kind = text(r, i, 16);
	x->storage = text(r, i, 17);
	x->definition = text(r, i, 18);
	x->constraint = pg_text(r, i, 19);
	x->pinned = pg_bool(r, i, 20);
	x->attached = pg_text(r, i, 21);
	x->builder = pg_text(r, i, 22);
}

int
index_catalogue_read(struct pg *c, const char *oids,
    struct index_catalogue *out, struct err *e)
{
	struct index_catalogue k = { NULL, NULL, 0 };

	if (pg_query(c, sql_index_catalogue, &oids, 1, &k.rows, e) == -1)
		return -1;
	k.count = pg_count(k.rows);
	if ((k.all = calloc(k.count + 1, sizeof *k.all)) == NULL) {
		pg_rows_free(k.rows);
		return err_nomem(e);
	}
	for (size_t i = 0; i < k.count; i++)
		fill(&k.all[i], k.rows, i);
	*out = k;
	return 0;
}

void
index_catalogue_free(struct index_catalogue *k)
{
	if (k->rows != NULL)
		pg_rows_free(k->rows);
	free(k->all);
	*k = (struct index_catalogue){ NULL, NULL, 0 };
}

bool
index_same(const struct index_entry *a, const struct index_entry *b)
{
	return strcmp(a->method, b->method) == 0 &&
	    strcmp(a->keys, b->keys) == 0 &&
	    strcmp(a->options, b->options) == 0 &&
	    strcmp(a->included, b->included) == 0 &&
	    strcmp(a->predicate, b->predicate) == 0 &&
	    strcmp(a->kind, b->kind) == 0 &&
	    strcmp(a->storage, b->storage) == 0;
}

static bool
starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Whether each part of b's INCLUDE is a column of a. */
static bool
holds_included(const struct index_entry *a, const struct index_entry *b)
{
	const char *p = b->included, *end;
	bool all = true;

	for (; all && (end = strchr(p, INDEX_PART)) != NULL; p = end + 1) {
		size_t n = (size_t)(end - p) + 1;
		const char *at = a->columns;

		while ((at = strchr(at, INDEX_PART)) != NULL &&
		    strncmp(at + 1, p, n) != 0)
			at++;
		all = at != NULL;
	}
	return all;
}

bool
index_covers(const struct index_entry *a, const struct index_entry *b)
{
	bool equal = strcmp(a->keys, b->keys) == 0;
	bool btree = strcmp(b->method, "btree") == 0;

	if (strcmp(a->method, b->method) != 0 ||
	    strcmp(a->predicate, b->predicate) != 0 ||
	    !(equal || (btree && starts(a->keys, b->keys))) ||
	    (btree && !starts(a->options, b->options) &&
	    !starts(a->options, b->reversed)))
		return false;
	/* what forbids rows does so only as it is, a deferrable key less */
	if (b->unique && (!equal || strcmp(a->kind, b->kind) != 0))
		return false;
	return strstr(b->kind, "exclusion") == NULL && holds_included(a, b);
}
