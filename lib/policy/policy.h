/*
 * policy: the indexes there should be, as a file says them.
 *
 * A file of plain CREATE [UNIQUE] INDEX [IF NOT EXISTS] statements that psql
 * can run too. Nothing else may stand in it but comments and
 * \set ON_ERROR_STOP. Nothing here needs a server.
 */
#ifndef PGK_POLICY_H
#define PGK_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err/err.h"

#define POLICY_KEYS_MAX 32 /* PostgreSQL's own bounds */
#define POLICY_NAME_MAX 63
#define POLICY_TEXT_MAX ((size_t)16 << 20) /* of a file */

/* A column or expression of an index. */
struct policy_key {
	char *what;  /* a column's name, or an expression's words */
	bool column;
	char *kind;  /* collation and operator class as written, or "" */
	bool desc, nulls_first;
};

struct policy_statement {
	uint64_t line;
	bool unique, concurrently, if_not_exists, only;
	char *name;          /* NULL: it has none */
	char *schema, *table; /* schema "": found by search_path */
	char *rest;          /* all behind the table: "USING gin (a) ..." */
	char *method;        /* "btree" */
	struct policy_key keys[POLICY_KEYS_MAX];
	size_t key_count;
	char *included[POLICY_KEYS_MAX]; /* INCLUDE */
	size_t include_count;
	bool nulls_not_distinct;
	char *with;          /* words between WITH's brackets, or "" */
	char *predicate;     /* words behind WHERE, or "" */
};

struct policy {
	char *path; /* for messages */
	struct policy_statement *all;
	size_t count;
};

/* What is said of a policy; all texts are borrowed for the call. */
enum policy_severity { POLICY_NOTE, POLICY_WARNING, POLICY_ERROR };
struct policy_finding {
	enum policy_severity severity;
	const char *verdict;        /* static, one word in capitals */
	uint64_t line;              /* 0: of no statement */
	const char *schema, *table, *index; /* NULL: not said */
	const char *covered_by;     /* the index that does the same, or NULL */
	const char *reason;         /* one sentence, no full stop */
};

/* Where findings go; found returns 0, or -1 with *e, which ends it all. */
struct policy_report {
	int (*found)(void *ctx, const struct policy_finding *f, struct err *e);
	void *ctx;
};

/*
 * Read a policy; "-" is stdin. A statement that is none of ours is ERR_CONF
 * with path and line; with `report` (else NULL) it is a finding, REFUSED, and
 * what follows is read on. ERR_ABSENT, ERR_SYS: the file.
 */
struct policy *policy_load(const char *path,
    const struct policy_report *report, struct err *e);

/* The same from memory, `path` for messages. */
struct policy *policy_parse(const char *text, size_t len, const char *path,
    const struct policy_report *report, struct err *e);
void policy_free(struct policy *p); /* NULL ok */

/*
 * The tables of an application, read from its CREATE TABLE and ALTER TABLE
 * statements (as pg_dump --schema-only writes them); what else the file
 * holds is passed over. ERR_CONF: no SQL; ERR_ABSENT, ERR_SYS: the file.
 */
struct policy_schema;
struct policy_schema *policy_schema_load(const char *path, struct err *e);
struct policy_schema *policy_schema_parse(const char *text, size_t len,
    const char *path, struct err *e);
void policy_schema_free(struct policy_schema *s); /* NULL ok */

/*
 * What can be said of a policy without a server. POLICY_ERROR: UNNAMED, TWICE
 * (one name, two indexes), LONG-NAME, ONLY, VOLATILE. POLICY_WARNING:
 * DUPLICATE, PREFIX, DESC (alone it buys nothing), NOT-IDEMPOTENT (no
 * IF NOT EXISTS), CONCURRENTLY, KEY-COPY. POLICY_NOTE is guessed from names:
 * HOT, FEW-VALUES. With a schema (else NULL) also NO-TABLE, NO-COLUMN
 * (POLICY_ERROR); KEY-COPY is then known, not guessed; MISSING-FK: a foreign
 * key whose columns no index leads with.
 */
int policy_lint(const struct policy *p, const struct policy_schema *schema,
    const struct policy_report *report, struct err *e);

/*
 * ERR_CONF for the first POLICY_ERROR of policy_lint(), without a schema: what
 * no server should be given.
 */
int policy_check(const struct policy *p, struct err *e);

#endif
