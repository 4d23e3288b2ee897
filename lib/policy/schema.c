#include <stdlib.h>
#include <string.h>

#include "policy/policy_int.h"
#include "policy/words_int.h"
#include "sqltext/sqltext.h"

/*
 * Tables, columns and keys out of CREATE TABLE and ALTER TABLE; whatever else
 * stands in a schema, and whatever of these is not understood, is passed over:
 * lint then says less, and nothing wrong.
 */

static void
table_free(struct policy_table *t)
{
	free(t->schema);
	free(t->name);
	for (size_t i = 0; i < t->column_count; i++)
		free(t->columns[i]);
	free(t->columns);
}

void
policy_schema_free(struct policy_schema *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->table_count; i++)
		table_free(&s->tables[i]);
	for (size_t i = 0; i < s->key_count; i++)
		policy_statement_free(&s->keys[i].as_index);
	free(s->tables);
	free(s->keys);
	free(s);
}

const struct policy_table *
policy_schema_table(const struct policy_schema *s, const char *schema,
    const char *name)
{
	for (size_t i = 0; i < s->table_count; i++) {
		const struct policy_table *t = &s->tables[i];

		if (strcmp(t->name, name) == 0 && (*schema == '\0' ||
		    *t->schema == '\0' || strcmp(t->schema, schema) == 0))
			return t;
	}
	return NULL;
}

bool
policy_table_has(const struct policy_table *t, const char *column)
{
	static const char *const system[] = { "tableoid", "ctid", "xmin",
		"cmin", "xmax", "cmax" };

	for (size_t i = 0; i < t->column_count; i++)
		if (strcmp(t->columns[i], column) == 0)
			return true;
	for (size_t i = 0; i < sizeof system / sizeof *system; i++)
		if (strcmp(system[i], column) == 0)
			return true;
	return t->open;
}

/* One statement being read. */
struct reader {
	struct policy_schema *s;
	size_t table;        /* its number: the array may move */
	const char *name;    /* of the constraint, or NULL */
	struct policy_schema_key *key; /* whose columns are read */
};

static int
add_column(struct policy_table *t, const char *name, struct err *e)
{
	char **p = buf_more(t->columns, t->column_count, sizeof *p, e);

	if (p == NULL)
		return -1;
	t->columns = p;
	p[t->column_count] = words_copy(name, strlen(name), e);
	return p[t->column_count++] == NULL ? -1 : 0;
}

static struct policy_schema_key *
add_key(struct reader *r, enum policy_key_kind kind, const char *name,
    struct err *e)
{
	const struct policy_table *t = &r->s->tables[r->table];
	struct policy_schema_key *k = buf_more(r->s->keys, r->s->key_count,
	    sizeof *k, e);
	struct policy_statement *s;

	if (k == NULL)
		return NULL;
	r->s->keys = k;
	k += r->s->key_count++;
	k->kind = kind;
	s = &k->as_index;
	s->unique = kind != POLICY_FOREIGN;
	if ((name != NULL &&
	    (s->name = words_copy(name, strlen(name), e)) == NULL) ||
	    (s->schema = words_copy(t->schema, strlen(t->schema), e)) ==
	    NULL || (s->table = words_copy(t->name, strlen(t->name), e)) ==
	    NULL || (s->method = words_copy("btree", 5, e)) == NULL ||
	    (s->predicate = words_copy("", 0, e)) == NULL)
		return NULL;
	return k;
}

static int
add_key_column(struct policy_schema_key *k, const char *name, struct err *e)
{
	struct policy_statement *s = &k->as_index;
	struct policy_key *x = &s->keys[s->key_count];

	if (s->key_count == POLICY_KEYS_MAX)
		return 0;
	x->what = words_copy(name, strlen(name), e);
	x->kind = words_copy("", 0, e);
	x->column = true;
	s->key_count++;
	return x->what == NULL || x->kind == NULL ? -1 : 0;
}

/* A column within the brackets of PRIMARY KEY, UNIQUE, FOREIGN KEY. */
static int
on_key_column(void *ctx, const char *text, size_t len, struct err *e)
{
	struct reader *r = ctx;
	char *part = words_copy(text, len, e);
	struct words p = { .at = part };
	int rc = 0;

	if (part == NULL)
		return -1;
	words_next(&p);
	if (words_is_name(&p))
		rc = add_key_column(r->key, p.t.word, e);
	free(part);
	return rc;
}

/* PRIMARY KEY (...), UNIQUE (...), FOREIGN KEY (...): 1 when it is none. */
static int
table_constraint(struct reader *r, struct words *p, const char *name,
    struct err *e)
{
	enum policy_key_kind kind = words_is(p, "primary") ? POLICY_PRIMARY :
	    words_is(p, "unique") ? POLICY_UNIQUE : POLICY_FOREIGN;

	if (!words_is(p, "primary") && !words_is(p, "unique") &&
	    !words_is(p, "foreign"))
		return 1;
	words_next(p);
	words_take(p, "key");
	if (!words_is_punct(p, '(')) /* USING INDEX, NULLS NOT DISTINCT */
		return 0;
	if ((r->key = add_key(r, kind, name, e)) == NULL)
		return -1;
	return words_take_list(p, on_key_column, r, e);
}

/* PRIMARY KEY, UNIQUE and REFERENCES behind a column's type. */
static int
column_constraints(struct reader *r, struct words *p, const char *column,
    struct err *e)
{
	unsigned depth = 0;

	for (; !p->end; words_next(p)) {
		struct policy_schema_key *k;

		if (words_is_punct(p, '('))
			depth++;
		else if (words_is_punct(p, ')') && depth > 0)
			depth--;
		if (depth > 0 || (!words_is(p, "primary") &&
		    !words_is(p, "unique") && !words_is(p, "references")))
			continue;
		k = add_key(r, words_is(p, "primary") ? POLICY_PRIMARY :
		    words_is(p, "unique") ? POLICY_UNIQUE : POLICY_FOREIGN,
		    NULL, e);
		if (k == NULL || add_key_column(k, column, e) == -1)
			return -1;
	}
	return 0;
}

static int
read_column(struct reader *r, struct words *p, struct err *e)
{
	char *name;
	int rc;

	if (!words_is_name(p))
		return 0;
	if ((name = words_copy(p->t.word, strlen(p->t.word), e)) == NULL)
		return -1;
	words_next(p);
	rc = add_column(&r->s->tables[r->table], name, e);
	if (rc == 0)
		rc = column_constraints(r, p, name, e);
	free(name);
	return rc;
}

/* [CONSTRAINT name] constraint, or a column. */
static int
read_element(struct reader *r, struct words *p, struct err *e)
{
	static const char *const others[] = { "check", "exclude", "not" };
	char *name = NULL;
	bool named = words_take(p, "constraint");
	int rc;

	if (named && (name = words_take_name(p, "a name", e)) == NULL)
		return -1;
	rc = table_constraint(r, p, name, e);
	free(name);
	if (rc != 1)
		return rc;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (named || words_is(p, others[i]))
			return 0;
	if (words_is(p, "like")) {
		r->s->tables[r->table].open = true;
		return 0;
	}
	return read_column(r, p, e);
}

static int
on_element(void *ctx, const char *text, size_t len, struct err *e)
{
	char *part = words_copy(text, len, e);
	struct words p = { .at = part };
	int rc;

	if (part == NULL)
		return -1;
	words_next(&p);
	rc = read_element(ctx, &p, e);
	free(part);
	return rc;
}

static int
create_table(struct policy_schema *s, struct words *p, struct err *e)
{
	struct policy_table *t = buf_more(s->tables, s->table_count, sizeof *t, e);
	struct reader r = { .s = s, .table = s->table_count };

	if (t == NULL)
		return -1;
	s->tables = t;
	t += s->table_count++;
	if (words_take(p, "if") && words_take(p, "not"))
		words_take(p, "exists");
	if (words_take_table(p, &t->schema, &t->name, e) == -1)
		return -1;
	/* PARTITION OF, OF type, AS: columns that are not listed here */
	if (!words_is_punct(p, '(')) {
		t->open = true;
		return 0;
	}
	if (words_take_list(p, on_element, &r, e) == -1)
		return -1;
	if (words_is(p, "inherits"))
		s->tables[r.table].open = true;
	return 0;
}

static int
alter_table(struct policy_schema *s, struct words *p, struct err *e)
{
	struct reader r = { .s = s };
	char *schema = NULL, *name = NULL;
	const struct policy_table *t = NULL;
	int rc = 0;

	if (words_take(p, "if"))
		words_take(p, "exists");
	words_take(p, "only");
	if (words_take_table(p, &schema, &name, e) == -1)
		rc = -1;
	else
		t = policy_schema_table(s, schema, name);
	free(schema);
	free(name);
	if (t == NULL || rc == -1)
		return rc;
	r.table = (size_t)(t - s->tables);
	/* pg_dump writes one action each; of several the first is read */
	if (!words_take(p, "add"))
		return 0;
	if (words_take(p, "column") && words_take(p, "if") &&
	    words_take(p, "not"))
		words_take(p, "exists");
	return read_element(&r, p, e);
}

static int
on_statement(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	struct policy_schema *s = ctx;
	struct err why = ERR_INIT;
	struct words p = { .at = text };
	size_t tables = s->table_count;
	int rc = 0;

	(void)len;
	(void)line;
	words_next(&p);
	if (words_take(&p, "alter")) {
		if (words_take(&p, "table"))
			rc = alter_table(s, &p, &why);
	} else if (words_take(&p, "create")) {
		words_take(&p, "unlogged");
		words_take(&p, "foreign");
		if (words_take(&p, "materialized"))
			rc = words_take(&p, "view") ?
			    create_table(s, &p, &why) : 0;
		else if (words_take(&p, "table"))
			rc = create_table(s, &p, &why);
	}
	if (rc == 0 || why.kind != ERR_CONF)
		return rc == 0 ? 0 : err_pass(e, &why);
	/* not understood: what was read of it is not all */
	if (s->table_count > tables) {
		struct policy_table *t = &s->tables[tables];

		t->open = true;
		if (t->schema == NULL || t->name == NULL) {
			table_free(t);
			s->table_count--;
		}
	}
	return 0;
}

static int
on_copy(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	(void)ctx;
	(void)text;
	(void)len;
	(void)line;
	(void)e;
	return 0;
}

static int
on_rows(void *ctx, const char *data, size_t len, struct err *e)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)e;
	return 0;
}

static int
on_copy_end(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

struct policy_schema *
policy_schema_parse(const char *text, size_t len, const char *path,
    struct err *e)
{
	static const struct sqltext_ops ops = { on_statement, on_copy,
		on_rows, on_copy_end, on_copy, NULL };
	struct policy_schema *s = calloc(1, sizeof *s);
	struct err why = ERR_INIT;
	struct sink *in;

	if (s == NULL) {
		err_nomem(e);
		return NULL;
	}
	in = sqltext_reader(&ops, s, &why);
	if (in == NULL || sink_write(in, text, len, &why) == -1 ||
	    sink_finish(in, &why) == -1) {
		if (why.kind == ERR_CORRUPT)
			err_set(e, ERR_CONF, "\"%s\": %s", path, why.text);
		else
			err_pass(e, &why);
		policy_schema_free(s);
		s = NULL;
	}
	sink_free(in);
	return s;
}

struct policy_schema *
policy_schema_load(const char *path, struct err *e)
{
	struct buf text = BUF_INIT(POLICY_TEXT_MAX + 65536);
	struct policy_schema *s = NULL;
	const char *name;

	if (policy_slurp(path, &name, &text, e) == 0)
		s = policy_schema_parse(text.data, text.len, name, e);
	buf_free(&text);
	return s;
}
