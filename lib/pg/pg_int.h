/*
 * pg_int: what the files of this room share.
 */
#ifndef PGK_PG_INT_H
#define PGK_PG_INT_H

#include <libpq-fe.h>

#include "pg/pg.h"
#include "stop/stop.h"

#define PG_KEYWORDS_MAX 64

struct pg_target {
	char *keyword[PG_KEYWORDS_MAX];
	char *value[PG_KEYWORDS_MAX];
	size_t count;
};

struct pg {
	PGconn *conn;
	PGcancel *cancel;
	struct stop_slot stop;
	bool shielded; /* a stop is no excuse for what fails here */
	char *row; /* the last row of a COPY OUT, to be freed */
	bool replication;
	bool sent; /* pg_send()'s command is not over: results remain */
	bool sending; /* a walsender's COPY has begun */
	char sqlstate[6];
};

/*
 * Record ERR_PG from a result (may be NULL) or the connection; ERR_STOPPED
 * when a stop was requested. Returns -1.
 */
int pg_fail(struct pg *c, const PGresult *res, struct err *e);

#endif
