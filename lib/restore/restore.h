/*
 * restore: a logical backup into a database.
 */
#ifndef PGK_RESTORE_H
#define PGK_RESTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "age/age.h"
#include "pg/pg.h"
#include "repo/repo.h"
#include "sink/sink.h"

enum restore_into {
	RESTORE_EXISTING, /* an existing database without objects of users */
	RESTORE_CREATE,   /* create it (template0); ERR_REFUSED if it exists */
	RESTORE_REPLACE,  /* drop it first if it exists */
};

struct restore_options {
	const struct pg_target *target; /* dbname: the database to fill */
	const char *maintenance;        /* database to create and drop from */
	enum restore_into into;
	bool force;        /* end other sessions before dropping */
	unsigned jobs;
	const char *source_database;    /* of a file with several, or NULL */
	const char *const *tables;      /* -t SCHEMA.TABLE */
	size_t table_count;
	const char *environment;        /* the target's label, or NULL */
	const char *allow_environment;  /* a label that may differ, or NULL */
	bool no_owner, no_acl;
	bool analyze;
	/* asked before dropping; NULL: do not ask. False: ERR_REFUSED */
	bool (*confirm)(void *ctx, const char *question);
	void *confirm_ctx;
};

/*
 * Restore a file with an index (piece.h). `set` NULL: a file that is not in
 * a store; its facts then come from the index. The stored bytes of each
 * piece are proven before the target sees them.
 */
int restore_pieces(const struct restore_options *o, struct blob *b,
    const struct repo_set *set, struct err *e);

/*
 * Restore every database of a snapshot, globals first; each must not exist
 * (postgres and template1: must be empty).
 */
int restore_cluster(const struct restore_options *o, struct blob *b,
    const struct repo_set *set, struct err *e);

/*
 * A sink that runs any plain SQL dump, in sequence, on one connection; its
 * finish verifies the end and does what follows a restore. The options must
 * outlive it.
 */
struct sink *restore_script(const struct restore_options *o, struct err *e);

#endif
