/*
 * session: a base backup begun and ended by SQL, as PostgreSQL's documentation
 * has it ("Making a Base Backup Using the Low Level API"); the server's side of
 * it is over when the connection is.
 */
#ifndef PGK_BASE_SESSION_H
#define PGK_BASE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/pg.h"
#include "repo/repo.h"

/*
 * Connect to target's database, or to "postgres" when it names none and there
 * is none of the role's name; a role that may do all that is needed, in cluster
 * `system`. Caller closes. ERR_PG with what is to be granted; ERR_REFUSED:
 * another cluster.
 */
struct pg *base_session_open(const struct pg_target *target, uint64_t system,
    struct err *e);

/* Begin, with a checkpoint; where the backup begins. */
int base_session_start(struct pg *pg, const char *label, bool fast,
    uint64_t *start, struct err *e);

/* End it: where, and the content of two files. Caller frees label and map. */
struct base_ended {
	uint64_t end;
	char *label, *map; /* map: "" without tablespaces */
};
int base_session_stop(struct pg *pg, struct base_ended *out, struct err *e);

/* The tablespaces, into a set. */
int base_session_tablespaces(struct pg *pg, struct repo_set *set,
    struct err *e);

int base_session_is_primary(struct pg *pg, bool *out, struct err *e);

/* Whether the owner's group may read the data folder. */
int base_session_group_access(struct pg *pg, bool *out, struct err *e);

#endif
