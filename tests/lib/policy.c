/*
 * policy: good and hostile, and what lint says of them.
 */
#include <stdlib.h>

#include "index/index.h"
#include "tap.h"

static struct err e;

static struct policy *
parse(const char *text)
{
	return policy_parse(text, strlen(text), "p.sql", NULL, &e);
}

static void
test_whole(void)
{
	struct policy *f = parse("-- a comment\n\\set ON_ERROR_STOP on\n"
	    "/* another; one */ create unique index concurrently if not exists"
	    " \"색인 \"\"1\"\"\" on ONLY App.\"T t\" using GIN\n"
	    "  (a, lower(B) COLLATE \"C\" text_ops DESC NULLS LAST, (x->>'y,)'),"
	    " s.f(a, (b)) gist_trgm_ops(siglen = 3) ASC, c.d NULLS FIRST)"
	    " include (\"Q\", z) nulls not distinct"
	    " with (fillfactor = 70, x) tablespace t1 where a > 1 AND"
	    " b='it''s;';");
	const struct policy_statement *s;

	if (!OK(f != NULL && f->count == 1))
		return;
	s = &f->all[0];
	EQ(s->line, 3);
	OK(s->unique && s->concurrently && s->if_not_exists && s->only);
	IS(s->name, "색인 \"1\"");
	IS(s->schema, "app");
	IS(s->table, "T t");
	IS(s->method, "gin");
	EQ(s->key_count, 5);
	OK(s->keys[0].column && !s->keys[0].desc && !s->keys[0].nulls_first);
	IS(s->keys[0].what, "a");
	IS(s->keys[1].what, "lower ( b )");
	IS(s->keys[1].kind, "collate \"C\" text_ops");
	OK(!s->keys[1].column && s->keys[1].desc && !s->keys[1].nulls_first);
	IS(s->keys[2].what, "( x - > > 'y,)' )");
	IS(s->keys[3].what, "s . f ( a , ( b ) )");
	IS(s->keys[3].kind, "gist_trgm_ops ( siglen = 3 )");
	OK(!s->keys[4].column && s->keys[4].nulls_first);
	EQ(s->include_count, 2);
	IS(s->included[0], "Q");
	OK(s->nulls_not_distinct);
	IS(s->with, "fillfactor = 70, x");
	IS(s->predicate, "a > 1 and b = 'it''s;'");
	OK(strncmp(s->rest, "using GIN", 9) == 0);
	policy_free(f);
}

static void
test_odd_names(void)
{
	struct policy *f = parse("CREATE INDEX if ON t (a);\n\n"
	    "CREATE INDEX ON t (b);create index i on t(c desc)\n;");

	if (!OK(f != NULL && f->count == 3))
		return;
	IS(f->all[0].name, "if");
	OK(!f->all[0].if_not_exists);
	IS(f->all[1].name, NULL);
	EQ(f->all[1].line, 3);
	IS(f->all[2].name, "i");
	IS(f->all[2].predicate, "");
	OK(f->all[2].keys[0].desc && f->all[2].keys[0].nulls_first);
	FAILS(policy_check(f, &e) == -1, ERR_CONF, "\"p.sql\" line 3");
	policy_free(f);
}

/* Refused, each with its line, and the reason. */
static void
test_refused(void)
{
	static const struct {
		const char *text, *word;
	} bad[] = {
		{ "\n\nDROP INDEX x;", "line 3: not a CREATE INDEX: \"drop\"" },
		{ "CREATE TABLE t (a int);", "\"create table\"" },
		{ "CREATE;", "\"create \"" },
		{ "CREATE INDEX;", "name expected at its end" },
		{ "CREATE INDEX CONCURRENTLY;", "name expected at its end" },
		{ "CREATE INDEX a;", "ON expected" },
		{ "CREATE INDEX a ON;", "a table expected at its end" },
		{ "CREATE INDEX a ON t;", "\"(\" expected" },
		{ "CREATE INDEX a ON t ();", "a column or expression" },
		{ "CREATE INDEX a ON t (b,);", "a column or expression" },
		{ "CREATE INDEX a ON t (b;", "line 1" },
		{ "CREATE INDEX a ON t (b) c;", "end expected at \"c\"" },
		{ "CREATE INDEX a ON t (b) WHERE;", "a condition" },
		{ "CREATE INDEX a ON t (b) INCLUDE (c d);", "\"d\"" },
		{ "CREATE INDEX a ON t (b) NULLS FIRST;", "DISTINCT" },
		{ "CREATE INDEX a ON t (b NULLS x);", "FIRST or LAST" },
		{ "CREATE INDEX a ON t (b DESC c);", "\"c\"" },
		{ "CREATE INDEX a.b ON t (c);", "ON expected at \".\"" },
		{ "CREATE INDEX a ON d.s.t (c);", "of this database" },
		{ "CREATE INDEX IF NOT a ON t (c);", "EXISTS expected" },
		{ "CREATE INDEX U&\"a\" ON t (c);", "name expected" },
		{ "CREATE INDEX \"\" ON t (c);", "name expected" },
		{ "CREATE INDEX a ON t USING 'x' (c);", "an index method" },
		{ "COPY t FROM stdin;\n1\n\\.\n", "COPY" },
		{ "\\! rm -rf x\n", "psql command" },
		{ "\\set ON_ERROR_STOPx\n", "psql command" },
		{ "CREATE INDEX a ON t (b)", "within the statement" },
		{ "CREATE INDEX a ON t (b) WHERE c = 'x", "within a string" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(parse(bad[i].text) == NULL, ERR_CONF, bad[i].word);
	FAILS(policy_parse("a\0b;", 4, "p.sql", NULL, &e) == NULL,
	    ERR_CONF, "NUL byte");
}

static void
test_bounds(void)
{
	struct buf b = BUF_INIT(1 << 20);
	struct policy *f;

	buf_str(&b, "CREATE INDEX a ON t (c0", &e);
	for (int i = 1; i < POLICY_KEYS_MAX; i++)
		buf_fmt(&b, &e, ", c%d", i);
	buf_str(&b, ");", &e);
	f = parse(b.data);
	OK(f != NULL && f->all[0].key_count == POLICY_KEYS_MAX);
	policy_free(f);
	b.len -= 2;
	buf_str(&b, ", one_more);", &e);
	FAILS(parse(b.data) == NULL, ERR_CONF, "more than 32 columns");
	/* names and expressions of any length are taken or refused whole */
	buf_reset(&b);
	buf_str(&b, "CREATE INDEX a ON t (f(", &e);
	for (int i = 0; i < 100000; i++)
		buf_byte(&b, '(', &e);
	buf_str(&b, ");", &e);
	FAILS(parse(b.data) == NULL, ERR_CONF, "within the statement");
	buf_reset(&b);
	buf_fmt(&b, &e, "CREATE INDEX %0300d%0300d ON t (a);", 0, 0);
	FAILS(parse(b.data) == NULL, ERR_CONF, "name expected");
	buf_reset(&b);
	buf_fmt(&b, &e, "CREATE INDEX x%0300d ON t (a);", 0);
	FAILS(parse(b.data) == NULL, ERR_CONF, "name expected");
	buf_reset(&b);
	buf_fmt(&b, &e, "CREATE INDEX x%063d ON t (a, x%0300d);", 0, 0);
	f = parse(b.data);
	if (OK(f != NULL))
		FAILS(policy_check(f, &e) == -1, ERR_CONF, "63 bytes");
	policy_free(f);
	buf_free(&b);
}

/* "name VERDICT," of all findings, in order; schema NULL: without. */
static void
lint_beside(const char *text, const char *tables, const char *want)
{
	struct index_report r = INDEX_REPORT_INIT("lint");
	const struct policy_report found = { index_lint_found, &r };
	struct policy *f = policy_parse(text, strlen(text), "p.sql",
	    &found, &e);
	struct policy_schema *schema = tables == NULL ? NULL :
	    policy_schema_parse(tables, strlen(tables), "s.sql", &e);
	struct buf b = BUF_INIT(1 << 16);

	buf_str(&b, "", &e);
	if (OK(f != NULL && (schema != NULL || tables == NULL)) &&
	    OK(policy_lint(f, schema, &found, &e) == 0)) {
		index_report_sort(&r);
		for (size_t i = 0; i < r.count; i++)
			buf_fmt(&b, &e, "%s %s,", r.findings[i].index != NULL ?
			    r.findings[i].index : "-", r.findings[i].verdict);
		IS(b.data, want);
	}
	buf_free(&b);
	policy_schema_free(schema);
	policy_free(f);
	index_report_free(&r);
}

static void
lint(const char *text, const char *want)
{
	lint_beside(text, NULL, want);
}

#define C "CREATE INDEX IF NOT EXISTS "
#define U "CREATE UNIQUE INDEX IF NOT EXISTS "

static void
test_lint_single(void)
{
	lint("", "");
	lint(C "a ON t (b, c DESC) WHERE d > 3;", "");
	lint("CREATE INDEX a ON t (b);", "a NOT-IDEMPOTENT,");
	lint("CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON t (b);",
	    "a CONCURRENTLY,");
	lint("CREATE INDEX ON t (b);", "- UNNAMED,");
	lint(C "a ON ONLY t (b);", "a ONLY,");
	lint("DROP TABLE x;\n" C "a ON t (b);\nSELECT 1;",
	    "- REFUSED,- REFUSED,");
	lint(C "a ON t (b DESC);", "a DESC,");
	lint(C "a ON t (b DESC, c DESC);", "a DESC,");
	/* not what the other direction gives */
	lint(C "a ON t (b DESC NULLS LAST);" C "d ON t (c DESC, b);", "");
	lint(C "x ON t (id);", "x KEY-COPY,");
	lint(C "t_pk ON t (b);", "t_pk KEY-COPY,");
	lint(C "x ON t (id) WHERE id > 7;" C "y ON t (id, c);", "");
	lint(C "a ON t (b) WHERE c > now();", "a VOLATILE,");
	lint(C "a ON t (b) WHERE c = CURRENT_USER;", "a VOLATILE,");
	lint(C "a ON t (now, \"now\") WHERE random > 3;", "");
	lint(C "a ON t (b) WHERE c = 'now()' /* now() */;", "");
	lint(C "a ON t (last_seen, b);", "a HOT,");
	lint(C "a ON t (status);", "a FEW-VALUES,");
	lint(C "a ON t (status) WHERE status = 'open';", "");
}

static void
test_lint_pairs(void)
{
	lint(C "a ON t (x);" C "b ON t (x);", "b DUPLICATE,");
	lint(C "a ON t (x);" C "b ON t (y);" C "c ON o (x);", "");
	lint(C "a ON s.t (x);" C "b ON t (x);", "b DUPLICATE,");
	lint(C "a ON s.t (x);" C "b ON r.t (x);", "");
	lint(C "a ON t (x);" C "b ON t (x, y);", "a PREFIX,");
	lint(C "a ON t (x);" C "b ON t (x DESC, y DESC NULLS FIRST);",
	    "a PREFIX,b DESC,");
	lint(C "a ON t (x, y DESC);" C "b ON t (x DESC, y);", "b DUPLICATE,");
	lint(C "a ON t (x, y);" C "b ON t (x, y DESC, z);", "");
	lint(C "a ON t (x NULLS FIRST);" C "b ON t (x, z);", "");
	/* what forbids rows is no mere prefix, nor does a plain one do it */
	lint(U "a ON t (x);" C "b ON t (x, y);", "");
	lint(U "a ON t (x);" C "b ON t (x);", "b DUPLICATE,");
	lint(C "a ON t (x);" U "b ON t (x);", "a DUPLICATE,");
	lint(U "a ON t (x);" U "b ON t (x) NULLS NOT DISTINCT;", "");
	/* another predicate, method, class, collation, payload */
	lint(C "a ON t (x);" C "b ON t (x) WHERE y;", "");
	lint(C "a ON t (x) WHERE  y;" C "b ON t (x) WHERE Y;",
	    "b DUPLICATE,");
	lint(C "a ON t (x);" C "b ON t USING hash (x);", "");
	lint(C "a ON t USING gin (x);" C "b ON t USING gin (x, y);", "");
	lint(C "a ON t (x text_pattern_ops);" C "b ON t (x);", "");
	lint(C "a ON t (x COLLATE \"C\");" C "b ON t (x);", "");
	lint(C "a ON t (x);" C "b ON t (x) INCLUDE (y);", "a DUPLICATE,");
	lint(C "a ON t (x) INCLUDE (z);" C "b ON t (x, y);", "");
	lint(C "a ON t (x) INCLUDE (y);" C "b ON t (x, y);", "a PREFIX,");
	lint(C "a ON t (lower(x));" C "b ON t (LOWER ( x ));",
	    "b DUPLICATE,");
	/* one name */
	lint(C "a ON t (x);" C "A ON t (y);", "a TWICE,");
	lint(C "a ON r.t (x);" C "a ON s.t (y);", "");
}

/* As pg_dump writes it, and as people do. */
#define SCHEMA "\\restrict k\nSET x = 1;\n" \
    "CREATE TABLE public.t (id bigint NOT NULL, \"A b\" text DEFAULT 'primary " \
    "key', n numeric(10,2) DEFAULT f(1, 2), g int GENERATED ALWAYS AS (n) " \
    "STORED, CONSTRAINT c CHECK ((n > 0)));\n" \
    "COPY public.t (id) FROM stdin;\n1\n\\.\n" \
    "ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n" \
    "ALTER TABLE ONLY public.t ADD CONSTRAINT u UNIQUE (\"A b\", n);\n" \
    "CREATE TABLE IF NOT EXISTS o (id serial PRIMARY KEY, t_id int NOT NULL " \
    "REFERENCES t ON DELETE CASCADE, x int UNIQUE, y int, z int, UNIQUE (z, y), " \
    "FOREIGN KEY (y, z) REFERENCES r (a, b));\n" \
    "CREATE TABLE part PARTITION OF t FOR VALUES IN (1);\n" \
    "CREATE VIEW v AS SELECT 1;\n" \
    "ALTER TABLE o ADD COLUMN late int;ALTER TABLE gone DROP COLUMN x;\n"

static void
test_schema(void)
{
	/* (z, y) of a constraint serves the foreign key (y, z) */
	lint_beside("", SCHEMA, "- MISSING-FK,");
	lint_beside(C "a ON o (t_id);", SCHEMA, "");
	lint_beside(C "a ON o (t_id, y);", SCHEMA, "");
	lint_beside(C "a ON o (t_id) WHERE t_id IS NOT NULL;", SCHEMA, "");
	lint_beside(C "a ON o (t_id) WHERE y > 0;", SCHEMA, "- MISSING-FK,");
	lint_beside(C "a ON o (y, t_id);", SCHEMA, "- MISSING-FK,");
	lint_beside(C "a ON o USING brin (t_id);", SCHEMA, "- MISSING-FK,");
	lint_beside(C "a ON t (id, n);" C "b ON o (t_id);", SCHEMA, "");
	/* keys known: no guessing by names */
	lint_beside(C "a ON t (id);" C "b ON o (t_id);" C "o_pk ON o (y);"
	    U "c ON t (\"A b\", n);" C "d ON public.t (\"A b\");" C
	    "e ON o (x);", SCHEMA, "e KEY-COPY,a KEY-COPY,c KEY-COPY,"
	    "d PREFIX,");
	lint_beside(C "a ON t (nope);" C "b ON o (t_id, late) INCLUDE (q);"
	    C "c ON t (lower(nope));" C "d ON part (any_at_all);", SCHEMA,
	    "b NO-COLUMN,a NO-COLUMN,");
	lint_beside(C "a ON v (x);" C "b ON app.t (id);" C "c ON o (t_id);",
	    SCHEMA, "a NO-TABLE,b NO-TABLE,");
	/* what is not understood is passed over */
	lint_beside(C "a ON t (b, c);", "CREATE TABLE t (b int, 5 x, (c) d);",
	    "a NO-COLUMN,");
	lint_beside("", "CREATE TABLE; CREATE TABLE a.b.c (d int); ALTER TABLE; "
	    "ALTER TABLE t ADD; CREATE TABLE t (FOREIGN KEY (), PRIMARY KEY,"
	    " CONSTRAINT, x);", "");
	FAILS(policy_schema_parse("CREATE TABLE t (", 16, "s.sql", &e) == NULL,
	    ERR_CONF, "\"s.sql\"");
}

int
main(void)
{
	test_whole();
	test_odd_names();
	test_refused();
	test_bounds();
	test_lint_single();
	test_lint_pairs();
	test_schema();
	return done();
}
