/*
 * policy: any bytes as a policy and as a schema: an answer, the same with and
 * without a report when it is good; and lint says of each statement what it
 * can.
 */
#include "fuzz.h"
#include "index/index.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct index_report r = INDEX_REPORT_INIT("lint");
	const struct policy_report found = { index_lint_found, &r };
	struct err e = ERR_INIT, why = ERR_INIT;
	struct policy *f = policy_parse((const char *)data, len, "f",
	    &found, &e);
	struct policy *g = policy_parse((const char *)data, len, "f",
	    NULL, &why);
	struct policy_schema *schema;
	struct buf b = BUF_INIT(64 << 20);
	struct sink *out;

	/* what is refused is a finding in the one, an error in the other */
	if ((f == NULL && e.kind == ERR_NONE) ||
	    (g == NULL && why.kind == ERR_NONE) ||
	    (f != NULL && (g == NULL) != (r.count > 0)) ||
	    (f != NULL && g != NULL && f->count != g->count))
		abort();
	err_clear(&e);
	if (f != NULL && policy_lint(f, NULL, &found, &e) == -1)
		abort();
	/* and any bytes as a schema: all of it is read, or it is an error */
	schema = policy_schema_parse((const char *)data, len, "s", &e);
	if (schema == NULL && e.kind == ERR_NONE)
		abort();
	if (f != NULL && schema != NULL &&
	    policy_lint(f, schema, &found, &e) == -1)
		abort();
	policy_schema_free(schema);
	err_clear(&e);
	index_report_sort(&r);
	out = sink_buf(&b, &e);
	if (out == NULL || index_print(&r, INDEX_JSON, true, out, &e) == -1 ||
	    index_print(&r, INDEX_TSV, true, out, &e) == -1 ||
	    index_print(&r, INDEX_TABLE, true, out, &e) == -1)
		abort();
	sink_free(out);
	buf_free(&b);
	index_report_free(&r);
	policy_free(f);
	policy_free(g);
	return 0;
}

size_t
fuzz_seeds(struct fuzz_seed *out, size_t max)
{
	static const char *const seeds[] = {
		"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"i j\" ON ONLY "
		"s.\"T\" USING btree (a COLLATE \"C\" text_ops DESC NULLS LAST, "
		"lower((b)::text), (c -> 'x')) INCLUDE (d, e) NULLS NOT "
		"DISTINCT WITH (fillfactor = 70) TABLESPACE t WHERE a > now();",
		"\\set ON_ERROR_STOP on\n-- x\nCREATE INDEX a ON t (b);\n"
		"CREATE INDEX a ON t (b, c);\nDROP TABLE t;",
		"create index i on t using gin (x gin_trgm_ops(siglen=3));",
		"CREATE TABLE t (a int PRIMARY KEY, \"b c\" text DEFAULT 'x', d "
		"int REFERENCES o, UNIQUE (a, d), CONSTRAINT f FOREIGN KEY (a) "
		"REFERENCES r);ALTER TABLE ONLY s.t ADD CONSTRAINT p PRIMARY "
		"KEY (a);CREATE INDEX x ON t (d);",
		"COPY t FROM stdin;\n1\n\\.\nCREATE INDEX $$ ON t ($q$;$q$);",
	};
	size_t n = 0;

	for (; n < sizeof seeds / sizeof *seeds && n < max; n++)
		out[n] = (struct fuzz_seed){ seeds[n], strlen(seeds[n]) };
	return n;
}
