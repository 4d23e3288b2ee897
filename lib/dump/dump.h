/*
 * dump: the logical backup: one database, or the cluster.
 */
#ifndef PGK_DUMP_H
#define PGK_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "age/age.h"
#include "codec/codec.h"
#include "conf/conf.h"
#include "pg/pg.h"
#include "repo/repo.h"

/* What pg_dump's own selection options were given, in order. */
struct dump_word {
	enum dump_what { DUMP_SCHEMA, DUMP_EXCLUDE_SCHEMA, DUMP_TABLE,
		DUMP_EXCLUDE_TABLE, DUMP_EXCLUDE_TABLE_DATA } what;
	const char *pattern;
};

struct dump_options {
	const char *tool;               /* "pgk-dump 0.1.0" */
	const struct pg_target *target; /* dbname set; `all`: any database */
	const char *bindir;             /* of pg_dump; NULL: PATH */
	unsigned jobs;                  /* 1..TASK_THREADS_MAX */
	struct codec codec;
	const struct age_keys *keys;    /* recipients, or NULL: plain */
	bool plain_is_meant;            /* no warning of secrets in the clear */
	bool all;                       /* every database, globals first */
	bool owner, acl;                /* emit OWNER, GRANT */
	bool schema_only;
	bool no_comments, no_publications, no_subscriptions,
	    no_security_labels, no_tablespaces, no_unlogged_table_data, large_objects_off;
	const struct dump_word *words;
	size_t word_count;
	int64_t lock_timeout_ms; /* wait for table locks; 0: for ever */
	const char *environment; /* label, or NULL */
};

/*
 * Dump into `out` (taken: finished on success, always freed), as the piece
 * file of piece.h. `globals` (may be NULL; taken too) receives the role password hashes when
 * `all` is set: the caller gives it only when it is encrypted. Fills *set's
 * facts (server, times, databases, tables, missing); objects are the
 * caller's. ERR_PG: connection, pg_dump missing, too old or failing;
 * ERR_SYS, ERR_STOPPED. No process or session of ours remains in any case.
 */
int dump_run(const struct dump_options *o, struct sink *out,
    struct sink *globals, struct repo_set *set, uint64_t *plain,
    struct err *e);

/*
 * Dump into the store as a new set (kind full, or snapshot with `all`) and publish it. *name: caller
 * frees.
 */
int dump_to_repo(const struct dump_options *o, struct repo *r,
    const char *zone, const struct sign_key *key, char **name,
    struct err *e);

#endif
