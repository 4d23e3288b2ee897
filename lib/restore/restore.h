/*
 * restore: a logical backup into a database.
 *
 * The target bears a mark while it is unfinished: the comment on the database
 * begins "pgk-restore: unfinished restore of" (its own comment follows and is
 * put back at the end), and a database made here lets nobody but its owner
 * connect until then. With -t into a database that was there before, the
 * tables bear the mark instead. What bears one is refused by later runs.
 */
#ifndef PGK_RESTORE_H
#define PGK_RESTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "age/age.h"
#include "pg/pg.h"
#include "repo/repo.h"
#include "sink/sink.h"
#include "source/source.h"

enum restore_into {
	RESTORE_EXISTING, /* an existing database without objects of users */
	RESTORE_CREATE,   /* create it (template0); ERR_REFUSED if it exists */
	RESTORE_REPLACE,  /* drop it first if it exists */
};

struct restore_options {
	const struct pg_target *target; /* dbname: the database to fill */
	const char *maintenance;        /* database to create and drop from;
	                                   NULL: "postgres" */
	const char *source;             /* a set's name or a file's, for
	                                   messages and the mark */
	enum restore_into into;
	bool force;        /* end other sessions before dropping */
	unsigned jobs;     /* 1..TASK_THREADS_MAX */
	const char *source_database;    /* of a file with several, or NULL */
	/*
	 * -t SCHEMA.TABLE, as SQL writes names: Mixed is mixed, "Mixed" is
	 * Mixed. A partitioned table brings its partitions. One that is in
	 * the target must be empty and gets rows only.
	 */
	const char *const *tables;
	size_t table_count;
	const char *environment;        /* the target's label, or NULL */
	const char *allow_environment;  /* a label that may differ, or NULL */
	bool no_owner, no_acl;
	bool analyze;
	/* asked before dropping; NULL: do not ask. False: ERR_REFUSED */
	bool (*confirm)(void *ctx, const char *question);
	void *confirm_ctx;
	/* of restore_source() alone */
	bool all;          /* every database of a snapshot, and its roles */
	bool no_passwords; /* leave the roles' passwords as they are */
	const struct age_keys *keys; /* or NULL */
};

/*
 * Restore what was opened, whatever it is, by the means below: a file with an
 * index in pieces, or with o->all as a cluster, and then the password hashes
 * that lie beside it in `r` (of a set, else NULL); anything else as a script,
 * for which `all` and a database named are ERR_USAGE. A set that has lost its
 * index is ERR_CORRUPT, and damage names the object. o->source, and
 * o->source_database where the operand named one, are taken from `s`.
 */
int restore_source(const struct restore_options *o, struct source *s,
    struct repo *r, struct err *e);

/*
 * Restore a file with an index (piece.h). `set` NULL: a file that is not in
 * a store; its facts then come from the index. The stored bytes of each
 * piece are proven before the target sees them.
 *
 * ERR_REFUSED: the environment's label differs, the target is not empty, in
 * use, marked, exists (RESTORE_CREATE), the file holds a psql command.
 * ERR_ABSENT: no index (read it as a stream), no such database or table in
 * the file. ERR_USAGE: several databases and none named. ERR_CORRUPT: the
 * file, or another number of rows than was dumped. ERR_PG: the statement,
 * with its line and object. The target is touched only after the index was
 * read and the guards have spoken.
 */
int restore_pieces(const struct restore_options *o, struct blob *b,
    const struct repo_set *set, struct err *e);

/*
 * Restore every database of a snapshot, globals first; each must not exist
 * (postgres and template1: must be empty); RESTORE_REPLACE drops them first
 * (postgres and template1: unless they are empty).
 * o->target's dbname and o->source_database are not looked at.
 */
int restore_cluster(const struct restore_options *o, struct blob *b,
    const struct repo_set *set, struct err *e);

/*
 * A sink that runs any plain SQL dump of one database, in sequence, on one
 * connection; its finish verifies the end and does what follows a restore.
 * The target is touched once 4 KiB (or all) have come and look like a script:
 * pg_dump's own formats, a cluster's dump and other things are ERR_REFUSED. A
 * script that pg_dump began must also say that it is complete: ERR_CORRUPT.
 * -t is ERR_USAGE. The options must outlive it.
 */
struct sink *restore_script(const struct restore_options *o, struct err *e);

/*
 * A sink that runs a script of roles (a snapshot's "globals" object) in the
 * maintenance database. A role or tablespace that exists already is kept.
 */
struct sink *restore_globals(const struct restore_options *o,
    struct err *e);

#endif
