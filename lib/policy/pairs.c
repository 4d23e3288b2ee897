#include <string.h>

#include "policy/policy_int.h"

/* Two statements together. */

static bool
same_table(const struct policy_statement *a, const struct policy_statement *b)
{
	/* a name without a schema may be any schema's: likely the same one */
	return strcmp(a->table, b->table) == 0 &&
	    (strcmp(a->schema, b->schema) == 0 || *a->schema == '\0' ||
	    *b->schema == '\0');
}

static bool
same_key(const struct policy_key *a, const struct policy_key *b)
{
	return a->column == b->column && strcmp(a->what, b->what) == 0 &&
	    strcmp(a->kind, b->kind) == 0;
}

/* Whether b's keys lead those of a, in the same order or wholly reversed. */
static bool
leads(const struct policy_statement *b, const struct policy_statement *a)
{
	bool same = true, reversed = true;

	if (b->key_count > a->key_count)
		return false;
	for (size_t i = 0; i < b->key_count; i++) {
		const struct policy_key *x = &b->keys[i], *y = &a->keys[i];

		if (!same_key(x, y))
			return false;
		same = same && x->desc == y->desc &&
		    x->nulls_first == y->nulls_first;
		reversed = reversed && x->desc != y->desc &&
		    x->nulls_first != y->nulls_first;
	}
	return strcmp(b->method, "btree") != 0 || same || reversed;
}

static bool
has_column(const struct policy_statement *s, const char *name)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (s->keys[i].column && strcmp(s->keys[i].what, name) == 0)
			return true;
	for (size_t i = 0; i < s->include_count; i++)
		if (strcmp(s->included[i], name) == 0)
			return true;
	return false;
}

static bool
holds_included(const struct policy_statement *a,
    const struct policy_statement *b)
{
	for (size_t i = 0; i < b->include_count; i++)
		if (!has_column(a, b->included[i]))
			return false;
	return true;
}

/* Whether `a` does all that `b` does. */
static bool
covers(const struct policy_statement *a, const struct policy_statement *b)
{
	bool equal = a->key_count == b->key_count;

	if (!same_table(a, b) || strcmp(a->method, b->method) != 0 ||
	    strcmp(a->predicate, b->predicate) != 0 || !leads(b, a) ||
	    !holds_included(a, b))
		return false;
	if (!equal && strcmp(b->method, "btree") != 0)
		return false;
	return !b->unique || (a->unique && equal &&
	    a->nulls_not_distinct == b->nulls_not_distinct);
}

static int
lint_pair(const struct policy_statement *a, const struct policy_statement *b,
    const struct policy_report *r, struct err *e)
{
	bool equal = a->key_count == b->key_count;

	return lint_say(r, POLICY_WARNING, equal ? "DUPLICATE" : "PREFIX", b,
	    a->name, e, "\"%s\" at line %llu %s", a->name != NULL ? a->name :
	    "?", (unsigned long long)a->line, equal ? "is the same index" :
	    "begins with the same columns");
}

int
lint_others(const struct policy *f, size_t i, bool covered,
    const struct policy_report *r, struct err *e)
{
	const struct policy_statement *s = &f->all[i], *o;

	for (size_t k = 0; k < i; k++) {
		o = &f->all[k];
		if (s->name == NULL || o->name == NULL ||
		    strcmp(s->name, o->name) != 0 ||
		    (strcmp(s->schema, o->schema) != 0 &&
		    *s->schema != '\0' && *o->schema != '\0'))
			continue;
		return lint_say(r, POLICY_ERROR, "TWICE", s, NULL, e, "line "
		    "%llu declares an index of this name as well",
		    (unsigned long long)o->line);
	}
	for (size_t k = 0; !covered && k < f->count; k++) {
		o = &f->all[k];
		/* of two that cover each other the later one is too many */
		if (k != i && covers(o, s) && (k < i || !covers(s, o)))
			return lint_pair(o, s, r, e);
	}
	return 0;
}

/* Beside the schema. */

static int
no_column(const struct policy_statement *s, const char *column,
    const struct policy_report *r, struct err *e)
{
	return lint_say(r, POLICY_ERROR, "NO-COLUMN", s, NULL, e, "the table "
	    "has no column \"%s\"", column);
}

static int
lint_columns(const struct policy_statement *s, const struct policy_table *t,
    const struct policy_report *r, struct err *e)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (s->keys[i].column &&
		    !policy_table_has(t, s->keys[i].what) &&
		    no_column(s, s->keys[i].what, r, e) == -1)
			return -1;
	for (size_t i = 0; i < s->include_count; i++)
		if (!policy_table_has(t, s->included[i]) &&
		    no_column(s, s->included[i], r, e) == -1)
			return -1;
	return 0;
}

static int
lint_keys(const struct policy_statement *s, const struct policy_schema *schema,
    const struct policy_report *r, bool *covered, struct err *e)
{
	for (size_t i = 0; i < schema->key_count; i++) {
		const struct policy_schema_key *k = &schema->keys[i];
		bool equal = k->as_index.key_count == s->key_count;

		if (k->kind == POLICY_FOREIGN || !covers(&k->as_index, s))
			continue;
		*covered = true;
		return lint_say(r, POLICY_WARNING, equal ? "KEY-COPY" :
		    "PREFIX", s, k->as_index.name, e, equal ?
		    "the %s has the same index" : "the index of the %s "
		    "begins with the same columns", k->kind == POLICY_PRIMARY ?
		    "primary key" : "UNIQUE constraint");
	}
	return 0;
}

int
lint_schema(const struct policy_statement *s,
    const struct policy_schema *schema, const struct policy_report *r,
    bool *covered, struct err *e)
{
	const struct policy_table *t = policy_schema_table(schema, s->schema,
	    s->table);

	if (t == NULL)
		return lint_say(r, POLICY_ERROR, "NO-TABLE", s, NULL, e, "the "
		    "schema has no such table");
	return lint_columns(s, t, r, e) == -1 ? -1 :
	    lint_keys(s, schema, r, covered, e);
}

/* Whether s finds the rows that refer to one: any order of the columns. */
static bool
serves(const struct policy_statement *s, const struct policy_statement *key)
{
	bool plain = strcmp(s->method, "btree") == 0 ||
	    (strcmp(s->method, "hash") == 0 && key->key_count == 1);

	if (!same_table(s, key) || !plain || s->key_count < key->key_count)
		return false;
	if (*s->predicate != '\0' && (key->key_count != 1 ||
	    strcmp(strchr(s->predicate, ' ') != NULL ?
	    strchr(s->predicate, ' ') : "", " is not null") != 0 ||
	    strncmp(s->predicate, key->keys[0].what,
	    strlen(key->keys[0].what)) != 0))
		return false;
	for (size_t i = 0; i < key->key_count; i++) {
		const char *column = key->keys[i].what;
		size_t n = 0;

		while (n < key->key_count && !(s->keys[n].column &&
		    strcmp(s->keys[n].what, column) == 0))
			n++;
		if (n == key->key_count)
			return false;
	}
	return true;
}

static bool
is_served(const struct policy *f, const struct policy_schema *schema,
    const struct policy_statement *key)
{
	for (size_t i = 0; i < f->count; i++)
		if (serves(&f->all[i], key))
			return true;
	for (size_t i = 0; i < schema->key_count; i++)
		if (schema->keys[i].kind != POLICY_FOREIGN &&
		    serves(&schema->keys[i].as_index, key))
			return true;
	return false;
}

static int
say_foreign(const struct policy_statement *key, const struct policy_report *r,
    struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_str(&b, "", e);

	for (size_t i = 0; i < key->key_count && rc == 0; i++)
		if ((i > 0 && buf_str(&b, ", ", e) == -1) ||
		    buf_str(&b, key->keys[i].what, e) == -1)
			rc = -1;
	if (rc == 0)
		rc = lint_say(r, POLICY_WARNING, "MISSING-FK", key, NULL, e,
		    "no index serves the foreign key (%s): deleting a row it "
		    "refers to reads the whole table", b.data);
	buf_free(&b);
	return rc;
}

int
lint_foreign(const struct policy *f,
    const struct policy_schema *schema, const struct policy_report *r,
    struct err *e)
{
	for (size_t i = 0; i < schema->key_count; i++) {
		const struct policy_schema_key *k = &schema->keys[i];

		if (k->kind == POLICY_FOREIGN && k->as_index.key_count > 0 &&
		    !is_served(f, schema, &k->as_index) &&
		    say_foreign(&k->as_index, r, e) == -1)
			return -1;
	}
	return 0;
}
