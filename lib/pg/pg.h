/*
 * pg: connections to PostgreSQL 13 to 18, over libpq.
 *
 * A database name is never taken for a connection string by accident
 * (PQconnectdbParams with expand_dbname = 0: a database named
 * "host=evil" connects elsewhere otherwise). Passwords come from .pgpass, a
 * service file or the environment; one in a conninfo is ERR_USAGE.
 */
#ifndef PGK_PG_H
#define PGK_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "err/err.h"

/*
 * Where to connect: a list of libpq keywords and values.
 */
struct pg_target;
struct pg_target *pg_target_new(struct err *e);
struct pg_target *pg_target_copy(const struct pg_target *t, struct err *e);
void pg_target_free(struct pg_target *t); /* NULL ok */

/* Set one keyword; "password" and unknown ones are ERR_USAGE. NULL unsets. */
int pg_target_set(struct pg_target *t, const char *keyword, const char *value,
    struct err *e);

/* Take all keywords of "host=... port=..." or a postgresql:// URI. */
int pg_target_conninfo(struct pg_target *t, const char *conninfo,
    struct err *e);

/* What -d got: a conninfo when it holds '=' or "://", else a name, as psql does. */
int pg_target_database_or_conninfo(struct pg_target *t, const char *word,
    struct err *e);

/* The value set, or NULL. */
const char *pg_target_get(const struct pg_target *t, const char *keyword);

/* As one conninfo string for pg_dump -d, dbname quoted so that it stays a name. Caller frees. */
char *pg_target_string(const struct pg_target *t, struct err *e);

/*
 * A connection. One thread at a time. Each carries application_name
 * "pgk-..." (log_program()), keepalives, tcp_user_timeout 60 s and
 * connect_timeout 30 s unless set; client_encoding is the database's own,
 * search_path empty, all timeouts off. A stop (stop.h) interrupts it.
 * Server notices go to log_debug(). ERR_PG: no connection, or a server older
 * than 13.
 */
struct pg;
struct pg *pg_connect(const struct pg_target *t, struct err *e);
void pg_close(struct pg *c); /* NULL ok */
int pg_server_version(const struct pg *c); /* 150018 */
const char *pg_server_version_text(const struct pg *c); /* "15.18 (Debian ...)" */
const char *pg_database(const struct pg *c);
const char *pg_host(const struct pg *c); /* or the socket's folder */
const char *pg_port(const struct pg *c);
const char *pg_encoding(const struct pg *c); /* of the server side database */

/*
 * Run one statement with text parameters. Failure is ERR_PG: the server's
 * message, with its hint, and "permission denied" with what to grant; the
 * connection stays usable unless it was lost. *rows (may be NULL) is the
 * caller's to free.
 */
struct pg_rows;
int pg_query(struct pg *c, const char *sql, const char *const *params,
    size_t count, struct pg_rows **rows, struct err *e);

/* Without parameters or rows; several statements allowed. */
int pg_exec(struct pg *c, const char *sql, struct err *e);

/* No timeout of the role's or database's ends it, as none does when it is new. */
int pg_no_timeouts(struct pg *c, struct err *e);

/* The SQLSTATE with which the last command failed ("40P01"), or "". */
const char *pg_sqlstate(const struct pg *c);

size_t pg_count(const struct pg_rows *r);
/* Text of a field (borrowed), NULL for SQL NULL or out of range. */
const char *pg_text(const struct pg_rows *r, size_t row, unsigned column);
/* As a number: 0 for NULL. */
uint64_t pg_number(const struct pg_rows *r, size_t row, unsigned column);
/* "t" */
bool pg_bool(const struct pg_rows *r, size_t row, unsigned column);
void pg_rows_free(struct pg_rows *r); /* NULL ok */

/*
 * COPY ... TO STDOUT: begin, next until *data is NULL (one row each, its
 * newline included, valid until the following call); *rows then is the
 * server's count.
 */
int pg_copy_out(struct pg *c, const char *sql, struct err *e);
int pg_copy_next(struct pg *c, const char **data, size_t *len,
    uint64_t *rows, struct err *e);

/*
 * COPY ... FROM STDIN: begin, any number of writes, end; or abort, which
 * makes the server roll the COPY back.
 */
int pg_copy_in(struct pg *c, const char *sql, struct err *e);
int pg_copy_write(struct pg *c, const char *data, size_t len, struct err *e);
int pg_copy_end(struct pg *c, uint64_t *rows, struct err *e);
void pg_copy_abort(struct pg *c, const char *why);

/*
 * Replication: a connection to the server's walsender (replication=true;
 * `t`'s dbname is not used). Role: REPLICATION, and a line for "replication"
 * in pg_hba.conf. Commands are those of PostgreSQL's "Streaming Replication
 * Protocol"; pg_exec() and the calls below work, pg_query() with count 0 too.
 */
struct pg *pg_connect_replication(const struct pg_target *t, struct err *e);

/* Whether pg_connect_replication() made it. */
bool pg_is_replication(const struct pg *c);

/*
 * A command with several results (BASE_BACKUP, START_REPLICATION): send it,
 * then take them one by one. PG_NEXT_ROWS gives *rows (caller frees);
 * PG_NEXT_COPY_OUT and _BOTH: read with pg_copy_next() or pg_stream_next()
 * until the end, then go on; PG_NEXT_COPY_IN: pg_copy_write(), then
 * pg_copy_done(); PG_NEXT_DONE: the command is over.
 */
enum pg_next { PG_NEXT_ROWS, PG_NEXT_COPY_OUT, PG_NEXT_COPY_IN,
	PG_NEXT_COPY_BOTH, PG_NEXT_DONE };
int pg_send(struct pg *c, const char *command, struct err *e);
int pg_next(struct pg *c, enum pg_next *what, struct pg_rows **rows,
    struct err *e);

/*
 * Wait at most `timeout_ms` for pg_next() to have an answer: 1, 0 after the
 * time, -1. A connection closed meanwhile leaves the server to finish the
 * command.
 */
int pg_wait(struct pg *c, int timeout_ms, struct err *e);

/*
 * End our side of a COPY IN or COPY BOTH; its result comes by pg_next(). An
 * error of the server's within a COPY ends it, and is told by this or pg_next().
 */
int pg_copy_done(struct pg *c, struct err *e);

/*
 * One message of a COPY OUT or BOTH, waiting at most `timeout_ms` (-1: for
 * ever): 1 and the message (valid until the following call), 0 after the
 * time, 2 at the end of the COPY, -1.
 */
int pg_stream_next(struct pg *c, int timeout_ms, const char **data,
    size_t *len, struct err *e);

/* One message to the server in a COPY BOTH, sent at once. */
int pg_stream_send(struct pg *c, const void *data, size_t len,
    struct err *e);

/*
 * End what another thread is doing on this connection, soon and for good:
 * asks the server to cancel and shuts the socket down. The connection is
 * lost. Async-signal-unsafe, thread-safe; for stop.h and task_crowd().
 */
void pg_interrupt(struct pg *c);

/*
 * Leave this connection alone when a stop is requested: for cleaning up
 * after one.
 */
void pg_shield(struct pg *c);

/* The process id of the server's side. */
int pg_backend(const struct pg *c);

/*
 * The suite's locks: advisory ones of the database, held until they are
 * released or the connection ends. None is waited for: ERR_BUSY names the
 * holder's program and process.
 *
 *   PG_SUITE_SNAPSHOT  shared by who keeps a snapshot for long (a dump); alone
 *                      by who would have to wait for its end (a concurrent
 *                      build of an index)
 *   PG_SUITE_INDEX     alone, by who makes and drops indexes
 */
enum pg_suite { PG_SUITE_SNAPSHOT = 1, PG_SUITE_INDEX = 2 };
int pg_suite_lock(struct pg *c, enum pg_suite what, bool shared,
    struct err *e);
int pg_suite_unlock(struct pg *c, enum pg_suite what, bool shared,
    struct err *e);

/*
 * Pattern of psql and pg_dump (-n, -t, --exclude-table-data): "public.m*",
 * "\"Mixed Case\"". Appends an SQL condition over the expressions given
 * (schema_expr NULL: only a name is allowed), e.g.
 *   (n.nspname OPERATOR(pg_catalog.~) '^(public)$' COLLATE pg_catalog.default AND c.relname ...)
 * or `visible_expr` when no schema is in the pattern (NULL: any schema).
 * ERR_USAGE for too many dots. As processSQLNamePattern() of PostgreSQL.
 */
int pg_pattern(struct buf *sql, const char *pattern, const char *schema_expr,
    const char *name_expr, const char *visible_expr, struct err *e);

#endif
