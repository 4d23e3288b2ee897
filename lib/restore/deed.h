/*
 * deed: what a statement of a dump does, and to what, by its words.
 *
 * Knows the statements pg_dump writes; anything else is DEED_OTHER. Names are
 * read as SQL reads them, never by pattern.
 */
#ifndef PGK_RESTORE_DEED_H
#define PGK_RESTORE_DEED_H

#include <stdbool.h>

#include "buf/buf.h"
#include "err/err.h"

enum deed_kind {
	DEED_OTHER,
	DEED_SET,        /* SET name = ... */
	DEED_AUTHORIZE,  /* SET SESSION AUTHORIZATION */
	DEED_SCHEMA,     /* CREATE SCHEMA name */
	DEED_ROLE,       /* CREATE ROLE, CREATE TABLESPACE */
	DEED_DATABASE,   /* CREATE, ALTER, DROP, COMMENT, GRANT a database */
	DEED_CREATE,     /* a table, view or sequence */
	DEED_ALTER,      /* or anything else that belongs to a relation */
	DEED_ATTACH,     /* name2 becomes a partition of name */
	DEED_OWNED,      /* sequence name becomes owned by table name2 */
	DEED_IDENTITY,   /* table name gets identity sequence name2 */
	DEED_DEFAULT,    /* table name takes a default from sequence name2 */
	DEED_INDEX,      /* CREATE INDEX name2 ON name */
	DEED_ATTACH_INDEX, /* index name2 becomes a part of index name */
	DEED_UNIQUE,     /* table name ADD PRIMARY KEY, UNIQUE, EXCLUDE */
	DEED_FOREIGN,    /* table name ADD FOREIGN KEY to name2 */
	DEED_STATISTICS, /* CREATE STATISTICS name2 on name */
	DEED_COMMENT,    /* on a relation or what belongs to it */
	DEED_COMMENT_CONSTRAINT, /* on a constraint of name */
	DEED_ACL,        /* GRANT, REVOKE on something */
	DEED_DEFAULT_ACL,
	DEED_OWNER,      /* ALTER ... OWNER TO */
	DEED_SETVAL,     /* of sequence name */
	DEED_COPY,       /* into name */
	DEED_REFRESH,    /* materialized view name */
};

struct deed {
	enum deed_kind kind;
	bool acl;   /* DEED_DATABASE: a GRANT or REVOKE */
	bool owner; /* DEED_DATABASE: an OWNER TO */
	char schema[256], name[256]; /* "" where there is none */
	char schema2[256], name2[256];
};

void deed_of(const char *text, struct deed *d);

/*
 * ALTER TABLE ... ADD CONSTRAINT c PRIMARY KEY|UNIQUE (...) as CREATE UNIQUE
 * INDEX c and ADD CONSTRAINT c ... USING INDEX c, so that the index can be
 * built beside others of the table. 1 done; 0 this one must run as it stands.
 */
int deed_split_unique(const char *text, struct buf *index, struct buf *attach,
    struct err *e);

/* A DEED_DATABASE statement with the database's name replaced. */
int deed_rename_database(const char *text, const char *name, struct buf *out,
    struct err *e);

#define DEED_EXCERPT 128
/*
 * The statement's beginning on one line, for messages: white space folded,
 * cut near 120 bytes, and before the first literal where it might be a secret.
 */
const char *deed_excerpt(const char *text, char out[DEED_EXCERPT]);

#endif
