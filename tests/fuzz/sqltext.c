/*
 * sqltext: any bytes, whole and in two uneven cuts: the same events, the same
 * answer; and the tokens of each statement move forward to its end.
 */
#include "buf/buf.h"
#include "fuzz.h"
#include "sqltext/sqltext.h"

static int
add(struct buf *b, char kind, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return buf_fmt(b, e, "%c%llu:", kind, (unsigned long long)line) == -1 ?
	    -1 : buf_add(b, text, len, e);
}

static int
on_statement(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	struct sqltext_token t;
	const char *at = text, *last = text;

	if (len == 0 || strlen(text) != len)
		abort();
	while (sqltext_token(&at, &t)) {
		if (at <= last || at > text + len)
			abort();
		last = at;
	}
	return add(ctx, 'S', text, len, line, e);
}

static int
on_copy(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return add(ctx, 'C', text, len, line, e);
}

static int
on_rows(void *ctx, const char *data, size_t len, struct err *e)
{
	return buf_add(ctx, data, len, e);
}

static int
on_end(void *ctx, struct err *e)
{
	return buf_str(ctx, "\\.", e);
}

static int
on_meta(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return add(ctx, 'M', text, len, line, e);
}

static int
on_comment(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	return add(ctx, '#', text, len, line, e);
}

static int
run(struct buf *out, const uint8_t *data, size_t len, size_t first,
    size_t chunk)
{
	static const struct sqltext_ops ops = { on_statement, on_copy, on_rows,
		on_end, on_meta, on_comment };
	struct err e = ERR_INIT;
	struct sink *s = sqltext_reader(&ops, out, &e);
	int rc = s == NULL ? -1 : 0;

	for (size_t at = 0, n = first; rc == 0 && at < len; n = chunk) {
		if (n > len - at)
			n = len - at;
		rc = sink_write(s, data + at, n, &e);
		at += n;
	}
	if (rc == 0)
		rc = sink_finish(s, &e);
	sink_free(s);
	if (rc == -1 && e.kind == ERR_NONE)
		abort();
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf a = BUF_INIT(16 << 20), b = BUF_INIT(16 << 20);
	size_t first = len == 0 ? 1 : 1 + data[len / 2] % (len + 1);
	int rc = run(&a, data, len, len + 1, len + 1);

	if (run(&b, data, len, first, 1 + len / 5) != rc ||
	    (rc == 0 && (a.len != b.len ||
	    (a.len > 0 && memcmp(a.data, b.data, a.len) != 0))))
		abort();
	buf_free(&a);
	buf_free(&b);
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static const char *const seeds[] = {
		"\\restrict k\nSET standard_conforming_strings = off;\n"
		"SELECT 'a\\'';', E'\\'' ;\n\\unrestrict k\n",
		"COPY public.t (a, b) FROM stdin;\n1\t\\N\n\\\\.\n\\.\n\n",
		"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC; SELECT CASE "
		"WHEN 1=1 THEN 2 END; END;\n-- x\n/* a /* b */ c */",
		"CREATE TABLE \"a\"\"b\" (c $$;$$, d $t$;$t$);",
		"CREATE RULE r AS ON INSERT TO t DO (a; b);\r\n",
	};
	size_t n = 0;

	for (; n < sizeof seeds / sizeof *seeds && n < max; n++)
		out[n] = (struct fuzz_seed){ seeds[n], strlen(seeds[n]) };
	return n;
}
