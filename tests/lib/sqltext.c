/* sqltext: cutting of scripts, in every cut of the stream, and its words. */
#include <stdlib.h>

#include "buf/buf.h"
#include "sqltext/sqltext.h"
#include "tap.h"

/* What was seen, as text; `fail_at` counts calls until one fails. */
struct seen {
	struct buf out;
	long fail_at;
};

static int
step(struct seen *s, struct err *e)
{
	if (s->fail_at > 0 && --s->fail_at == 0)
		return err_set(e, ERR_PG, "told to fail");
	return 0;
}

static int
see(struct seen *s, char kind, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return step(s, e) == -1 ||
	    buf_fmt(&s->out, e, "%c%llu[", kind,
	    (unsigned long long)line) == -1 ||
	    buf_add(&s->out, text, len, e) == -1 ||
	    buf_str(&s->out, "]", e) == -1 ? -1 : 0;
}

static int
see_statement(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	if (text[len] != '\0')
		abort();
	return see(ctx, 'S', text, len, line, e);
}

static int
see_copy(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return see(ctx, 'C', text, len, line, e) == -1 ? -1 :
	    buf_str(&((struct seen *)ctx)->out, "<", e);
}

static int
see_rows(void *ctx, const char *data, size_t len, struct err *e)
{
	return step(ctx, e) == -1 ? -1 :
	    buf_add(&((struct seen *)ctx)->out, data, len, e);
}

static int
see_end(void *ctx, struct err *e)
{
	return step(ctx, e) == -1 ? -1 :
	    buf_str(&((struct seen *)ctx)->out, ">", e);
}

static int
see_meta(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return see(ctx, 'M', text, len, line, e);
}

static int
see_comment(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return see(ctx, '#', text, len, line, e);
}

static const struct sqltext_ops ops = { see_statement, see_copy, see_rows,
	see_end, see_meta, NULL };
static const struct sqltext_ops with_comments = { see_statement, see_copy,
	see_rows, see_end, see_meta, see_comment };

/* Run a script in chunks of `chunk` bytes. */
static int
run(const struct sqltext_ops *o, struct seen *s, const char *sql, size_t len,
    size_t chunk, struct err *e)
{
	struct sink *r = sqltext_reader(o, s, e);
	int rc = r == NULL ? -1 : 0;

	for (size_t at = 0, n; rc == 0 && at < len; at += n) {
		n = len - at < chunk ? len - at : chunk;
		rc = sink_write(r, sql + at, n, e);
	}
	if (rc == 0)
		rc = sink_finish(r, e);
	sink_free(r);
	return rc;
}

/* The same whole and byte by byte and in threes: `want` each time. */
static void
check(const struct sqltext_ops *o, const char *sql, const char *want,
    const char *what, int line)
{
	static const size_t chunks[] = { 1 << 20, 1, 2, 3, 7 };

	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		struct seen s = { BUF_INIT(1 << 20), 0 };
		struct err e = ERR_INIT;

		if (run(o, &s, sql, strlen(sql), chunks[i], &e) == -1)
			buf_fmt(&s.out, &e, "failed: %s", e.text);
		tap_is(s.out.data ? s.out.data : "", want, what, __FILE__,
		    line);
		buf_free(&s.out);
	}
}
#define CUT(sql, want) check(&ops, (sql), (want), #sql, __LINE__)

static void
test_statements(void)
{
	CUT("", "");
	CUT(" \n ; ;;\n", "");
	CUT("select 1;select 2;", "S1[select 1]S1[select 2]");
	CUT("-- c\n/* a ; /* b ; */ ; */ select 1;\n\nx;",
	    "S2[select 1]S4[x]");
	CUT("select 'a;b''c;',\n\"d;\"\"e;\" -- f;\n, 2;g;",
	    "S1[select 'a;b''c;',\n\"d;\"\"e;\" -- f;\n, 2]S3[g]");
	CUT("select '\\';x;", "S1[select '\\']S1[x]");
	CUT("select E'\\';',e'\\\\';x;", "S1[select E'\\';',e'\\\\']S1[x]");
	CUT("select E'a''\\';';x;", "S1[select E'a''\\';']S1[x]");
	CUT("select E'a'\n -- c\n '\\';' ;x;",
	    "S1[select E'a'\n -- c\n '\\';' ]S3[x]");
	CUT("select E'a' '\\';x;", "S1[select E'a' '\\']S1[x]");
	CUT("select name'\\';x;", "S1[select name'\\']S1[x]");
	CUT("select $$a;$b;$$, $t$;$$;$tt$;$t$, $1;x;",
	    "S1[select $$a;$b;$$, $t$;$$;$tt$;$t$, $1]S1[x]");
	CUT("select a$b$;x;$c$;y;$c$;", "S1[select a$b$]S1[x]S1[$c$;y;$c$]");
	CUT("select $ \xed\x95\x9c$;$\xed\x95\x9c$;$\xed\x95\x9c$;x;",
	    "S1[select $ \xed\x95\x9c$]S1[$\xed\x95\x9c$;$\xed\x95\x9c$]S1[x]");
	CUT("create rule r as on insert to t do (a; (b); c);d;",
	    "S1[create rule r as on insert to t do (a; (b); c)]S1[d]");
	CUT("select 5-1/2*3-/* ; */-4;x;", "S1[select 5-1/2*3-/* ; */-4]S1[x]");
	CUT("a -- b\r;c;", "S1[a -- b\r]S1[c]");
}

static void
test_bodies(void)
{
	CUT("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC; SELECT 1; END;x;",
	    "S1[CREATE FUNCTION f() RETURNS int BEGIN ATOMIC; SELECT 1; END]"
	    "S1[x]");
	CUT("create or replace procedure p(begin int) begin atomic\n"
	    "select case when 1=1 then case 1 when 1 then 2 end end;\n"
	    "select (case 1 when 1 then 2 end), begin, \"end\";\nend;x;",
	    "S1[create or replace procedure p(begin int) begin atomic\n"
	    "select case when 1=1 then case 1 when 1 then 2 end end;\n"
	    "select (case 1 when 1 then 2 end), begin, \"end\";\nend]S4[x]");
	CUT("BEGIN;select 1;END;", "S1[BEGIN]S1[select 1]S1[END]");
	CUT("CREATE TABLE t (begin int);begin atomic;",
	    "S1[CREATE TABLE t (begin int)]S1[begin atomic]");
}

static void
test_copy(void)
{
	CUT("COPY t (a) FROM stdin;\n1\n2\n\\.\nx;",
	    "C1[COPY t (a) FROM stdin]<1\n2\n>S5[x]");
	CUT("copy \"from\".t\nfrom STDIN with (format csv); -- c\n\\.\r\ny;",
	    "C1[copy \"from\".t\nfrom STDIN with (format csv)]<>S4[y]");
	CUT("COPY t FROM stdin;\n\\N\n\\.x\n\\..\n\\\\.\n\\.\r\r\n\\\n\n;'\n"
	    "a\\.\n\\.\n",
	    "C1[COPY t FROM stdin]<\\N\n\\.x\n\\..\n\\\\.\n\\.\r\r\n\\\n\n;'\n"
	    "a\\.\n>");
	CUT("COPY t FROM stdin;\n\n\\.\n\\.\n",
	    "C1[COPY t FROM stdin]<\n>M4[\\.]");
	CUT("COPY t FROM '/x';COPY (select 1 from stdin) TO stdout;",
	    "S1[COPY t FROM '/x']S1[COPY (select 1 from stdin) TO stdout]");
	CUT("COPY t FROM stdin; x\n\\.\n",
	    "C1[COPY t FROM stdin]<failed: text behind COPY ... FROM stdin at "
	    "line 1");
}

static void
test_meta(void)
{
	CUT("\\restrict x;y\r\nselect 1;\n  \\unrestrict x;y\n\\connect d",
	    "M1[\\restrict x;y]S2[select 1]M3[\\unrestrict x;y]M4[\\connect d]");
	CUT("select 1 \\gexec\n;", "S1[select 1 \\gexec\n]");
	check(&with_comments, "-- a;\n--b\nx -- no\n;/*c*/--d",
	    "#1[-- a;]#2[--b]S3[x -- no\n]#4[--d]", "comments", __LINE__);
}

static void
test_settings(void)
{
	CUT("SET standard_conforming_strings = off;select '\\';';\n"
	    "SET standard_conforming_strings TO 'on';select '\\';x;",
	    "S1[SET standard_conforming_strings = off]S1[select '\\';']"
	    "S2[SET standard_conforming_strings TO 'on']S2[select '\\']S2[x]");
}

static void
test_broken(void)
{
	static const struct {
		const char *sql, *word;
	} bad[] = {
		{ "x;\nselect 1", "statement begun at line 2" },
		{ "select 1 -- ;", "statement" },
		{ "select 'a;", "a string" },
		{ "select E'a\\';", "a string" },
		{ "select E'a\\", "a string" },
		{ "select \"a;", "a quoted name" },
		{ "select $a$;$a;", "a dollar quote" },
		{ "/* /* */", "a comment" },
		{ "COPY t FROM stdin;", "a COPY" },
		{ "COPY t FROM stdin;\n1\n", "rows of a COPY" },
		{ "COPY t FROM stdin;\n1\n\\.", "rows of a COPY" },
		{ "create table t (a int;", "statement" },
		{ "create function f() begin atomic select 1;", "statement" },
		{ "select $a", "statement" },
		{ "x -", "statement" },
		{ "abc", "statement" },
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (size_t chunk = 1; chunk < 40; chunk += 38) {
			struct seen s = { BUF_INIT(1 << 20), 0 };
			int rc = run(&ops, &s, bad[i].sql,
			    strlen(bad[i].sql), chunk, &e);

			tap_fails(rc == -1, &e, ERR_CORRUPT, bad[i].word,
			    bad[i].word, __FILE__, __LINE__);
			buf_free(&s.out);
		}
	struct seen s = { BUF_INIT(1 << 20), 0 };

	FAILS(run(&ops, &s, "drop\0 x;", 8, 3, &e) == -1, ERR_CORRUPT, "NUL");
	buf_free(&s.out);
}

/* An error of each call in turn is passed on; the last run has none. */
static void
test_sweep(void)
{
	static const char sql[] = "a;\\m\nCOPY t FROM stdin;\n1\n2\n\\.\n"
	    "b;\n-- c\nd;";
	struct err e = ERR_INIT;
	long at = 0;
	int rc;

	do {
		struct seen s = { BUF_INIT(1 << 20), ++at };

		rc = run(&with_comments, &s, sql, strlen(sql), 5, &e);
		buf_free(&s.out);
		if (rc == -1)
			FAILS(rc == -1, ERR_PG, "told to fail");
	} while (rc == -1 && at < 100);
	OK(at > 8 && at < 100);
}

/* A statement past the bound is refused, comments and rows are not held. */
static void
test_bounds(void)
{
	size_t len = (size_t)1 << 20;
	char *data = malloc(len);
	struct seen s = { BUF_INIT(1 << 20), 0 };
	struct err e = ERR_INIT;
	struct sink *r = sqltext_reader(&ops, &s, &e);
	int rc;

	if (data == NULL || r == NULL)
		abort();
	memset(data, 'x', len);
	rc = sink_write(r, "/*", 2, &e);
	for (int i = 0; rc == 0 && i < 300; i++)
		rc = sink_write(r, data, len, &e);
	OK(rc == 0);
	OK(sink_write(r, "*/\n'", 4, &e) == 0);
	for (int i = 0; rc == 0 && i < 300; i++)
		rc = sink_write(r, data, len, &e);
	FAILS(rc == -1, ERR_NOMEM, "statement at line 2");
	sink_free(r);
	buf_free(&s.out);
	free(data);
}

static void
words(const char *sql, const char *want, int line)
{
	struct buf b = BUF_INIT(1 << 16);
	struct err e = ERR_INIT;
	struct sqltext_token t;

	while (sqltext_token(&sql, &t))
		buf_fmt(&b, &e, "%c%s|", t.quoted ? 'q' : "WLNP"[t.kind],
		    t.word);
	tap_is(b.data ? b.data : "", want, want, __FILE__, line);
	buf_free(&b);
}
#define WORDS(sql, want) words((sql), (want), __LINE__)

static void
test_words(void)
{
	char schema[256], name[256], big[600];
	const char *at;
	struct sqltext_token t;

	WORDS("", "");
	WORDS("CREATE Table \"A\"\"b\".c (d Int4 -- x\n)",
	    "Wcreate|Wtable|qA\"b|P.|Wc|P(|Wd|Wint4|P)|");
	WORDS("'a''b' E'\\'' $x$ $$ $x$ U&'x' U&\"y\" B'1' 1.5e-3 $1 a::b/**/",
	    "L'a''b'|LE'\\''|L$x$ $$ $x$|LU&'x'|LU&\"y\"|LB'1'|N1.5e-3|P$|N1|"
	    "Wa|P:|P:|Wb|");
	WORDS("'open", "L'open|");
	WORDS("\"open", "qopen|");
	WORDS("$a$open", "L$a$open|");
	at = " public . \"T.\"\"x\".col";
	OK(sqltext_name(&at, schema, name));
	IS(schema, "public");
	IS(name, "T.\"x");
	IS(at, ".col");
	at = "Only t";
	OK(sqltext_name(&at, schema, name));
	IS(schema, "");
	IS(name, "only");
	at = "(x)";
	OK(!sqltext_name(&at, schema, name));
	IS(at, "(x)");
	at = "a.'b'";
	OK(!sqltext_name(&at, schema, name));
	memset(big, 'y', sizeof big);
	big[sizeof big - 1] = '\0';
	at = big;
	OK(sqltext_token(&at, &t) && t.cut && strlen(t.word) == 255);
	at = big;
	OK(!sqltext_name(&at, schema, name));
	OK(sqltext_is_copy("COPY a.b (\"from\", c) FROM STDIN"));
	OK(!sqltext_is_copy("COPY a.b TO stdout"));
	OK(!sqltext_is_copy("SELECT 1 FROM stdin"));
}

static void
test_quotes(void)
{
	struct buf b = BUF_INIT(1 << 10);
	struct err e = ERR_INIT;

	OK(sqltext_quote2(&b, "a\"b", "c.d", &e) == 0);
	IS(b.data, "\"a\"\"b\".\"c.d\"");
	buf_reset(&b);
	OK(sqltext_literal(&b, "it's", &e) == 0);
	IS(b.data, "'it''s'");
	buf_reset(&b);
	OK(sqltext_literal(&b, "a\\b'", &e) == 0);
	IS(b.data, "E'a\\\\b'''");
	buf_free(&b);
}

int
main(void)
{
	test_statements();
	test_bodies();
	test_copy();
	test_meta();
	test_settings();
	test_broken();
	test_sweep();
	test_bounds();
	test_words();
	test_quotes();
	return done();
}
