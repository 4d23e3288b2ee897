/*
 * policy_int: what the files of this room share.
 *
 *	file.c parse.c words.c   the policy, its statements, their words
 *	schema.c                 tables and keys
 *	lint.c pairs.c           judged: one statement, two together
 */
#ifndef PGK_POLICY_INT_H
#define PGK_POLICY_INT_H

#include "buf/buf.h"
#include "policy/policy.h"

/*
 * One statement of a policy into `s`, zeroed by the caller, who frees it also
 * after a failure. ERR_CONF: it is none that a policy may hold, and why.
 */
int policy_parse_statement(const char *text, struct policy_statement *s,
    struct err *e);

void policy_statement_free(struct policy_statement *s);

/* The whole of a file, "-": stdin; *name for messages. */
int policy_slurp(const char *path, const char **name, struct buf *text,
    struct err *e);

/*
 * The words of text[0..len) with one space between: for comparing. Caller
 * frees.
 */
char *policy_words(const char *text, size_t len, struct err *e);

/* A schema: what lint needs of it. */
struct policy_table {
	char *schema, *name;  /* schema "": not said */
	char **columns;
	size_t column_count;
	bool open;            /* has columns that are not listed */
};

enum policy_key_kind { POLICY_PRIMARY, POLICY_UNIQUE, POLICY_FOREIGN };
struct policy_schema_key {
	enum policy_key_kind kind;
	struct policy_statement as_index; /* name NULL: the server chose it */
};

struct policy_schema {
	struct policy_table *tables;
	size_t table_count;
	struct policy_schema_key *keys;
	size_t key_count;
};

/* The first table of this name ("" is any schema), or NULL. */
const struct policy_table *policy_schema_table(const struct policy_schema *s,
    const char *schema, const char *name);
bool policy_table_has(const struct policy_table *t, const char *column);

/* A finding about a statement, its reason as printf has it. */
int lint_say(const struct policy_report *r, enum policy_severity severity,
    const char *verdict, const struct policy_statement *s,
    const char *covered_by, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

/*
 * One statement beside the schema: *covered when a constraint's index does the
 * same; the i-th beside the others, of which then only the name is judged.
 */
int lint_schema(const struct policy_statement *s,
    const struct policy_schema *schema, const struct policy_report *r,
    bool *covered, struct err *e);
int lint_others(const struct policy *p, size_t i, bool covered,
    const struct policy_report *r, struct err *e);

/* Foreign keys that nothing serves. */
int lint_foreign(const struct policy *p,
    const struct policy_schema *schema, const struct policy_report *r,
    struct err *e);

#endif
