/*
 * pg: what needs no server: targets, and name patterns as psql has them.
 */
#include <stdlib.h>

#include "pg/pg.h"
#include "tap.h"

static void
test_target(void)
{
	struct err e = ERR_INIT;
	struct pg_target *t = pg_target_new(&e), *copy;
	char *text;

	EQ(pg_target_set(t, "host", "/run", &e), 0);
	EQ(pg_target_set(t, "port", "1", &e), 0);
	EQ(pg_target_set(t, "port", "2", &e), 0);
	IS(pg_target_get(t, "port"), "2");
	IS(pg_target_get(t, "user"), NULL);
	EQ(pg_target_set(t, "port", NULL, &e), 0);
	IS(pg_target_get(t, "port"), NULL);
	FAILS(pg_target_set(t, "hots", "x", &e) == -1, ERR_USAGE, "hots");
	FAILS(pg_target_set(t, "password", "x", &e) == -1, ERR_USAGE,
	    "password");

	/* a name that looks like a conninfo stays a name */
	EQ(pg_target_set(t, "dbname", "host=evil user='x\\'", &e), 0);
	copy = pg_target_copy(t, &e);
	text = pg_target_string(copy, &e);
	IS(text, "host='/run' dbname='host=evil user=\\'x\\\\\\''");
	free(text);
	pg_target_free(copy);
	pg_target_free(t);
}

static void
test_conninfo(void)
{
	struct err e = ERR_INIT;
	struct pg_target *t = pg_target_new(&e);

	EQ(pg_target_conninfo(t, "host=a port=5 dbname='b c'", &e), 0);
	IS(pg_target_get(t, "dbname"), "b c");
	EQ(pg_target_database_or_conninfo(t, "plain", &e), 0);
	IS(pg_target_get(t, "dbname"), "plain");
	EQ(pg_target_database_or_conninfo(t, "postgresql://u@h:7/d", &e), 0);
	IS(pg_target_get(t, "port"), "7");
	FAILS(pg_target_conninfo(t, "host=a password=tiger", &e) == -1,
	    ERR_USAGE, "password");
	FAILS(pg_target_conninfo(t, "host", &e) == -1, ERR_USAGE, "invalid");
	EQ(pg_target_conninfo(t, "host=a password=ti ger", &e), -1);
	OK(strstr(e.text, "ger") == NULL);
	pg_target_free(t);
}

static void
pattern(const char *word, const char *want)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;

	EQ(pg_pattern(&sql, word, "n", "c", "v", &e), 0);
	IS(sql.data, want);
	buf_free(&sql);
}

#define OP " OPERATOR(pg_catalog.~) "
#define COLL " COLLATE pg_catalog.default"

static void
test_pattern(void)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;

	pattern("Messages", "(true AND c" OP "'^(messages)$'" COLL " AND v)");
	pattern("\"Mixed\"", "(true AND c" OP "'^(Mixed)$'" COLL " AND v)");
	pattern("public.m*",
	    "(true AND c" OP "'^(m.*)$'" COLL " AND n" OP "'^(public)$'" COLL
	    ")");
	pattern("*.*", "(true AND true AND true)");
	pattern("a?b|c", "(true AND c" OP "'^(a.b|c)$'" COLL " AND v)");
	pattern("\"a\"\"b.c\"",
	    "(true AND c" OP "E'^(a\"b\\\\.c)$'" COLL " AND v)");
	pattern("a$", "(true AND c" OP "E'^(a\\\\$)$'" COLL " AND v)");
	FAILS(pg_pattern(&sql, "a.b.c", "n", "c", "v", &e) == -1, ERR_USAGE,
	    "dots");
	FAILS(pg_pattern(&sql, "a.b", NULL, "n", NULL, &e) == -1, ERR_USAGE,
	    "dots");
	FAILS(pg_pattern(&sql, "\"a", "n", "c", "v", &e) == -1, ERR_USAGE,
	    "quote");
	buf_free(&sql);
}

int
main(void)
{
	test_target();
	test_conninfo();
	test_pattern();
	return done();
}
