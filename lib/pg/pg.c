#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log/log.h"
#include "pg/pg_int.h"

/* Room for our own keywords behind those of the target. */
#define EXTRA_KEYWORDS 8

struct params {
	const char *keyword[PG_KEYWORDS_MAX + EXTRA_KEYWORDS + 1];
	const char *value[PG_KEYWORDS_MAX + EXTRA_KEYWORDS + 1];
	size_t count;
};

static void
add(struct params *p, const char *keyword, const char *value)
{
	p->keyword[p->count] = keyword;
	p->value[p->count++] = value;
}

/* Not set by the target, a service file or the environment. */
static bool
is_unset(const PQconninfoOption *defaults, const struct pg_target *t,
    const char *keyword)
{
	if (pg_target_get(t, keyword) != NULL)
		return false;
	for (; defaults != NULL && defaults->keyword != NULL; defaults++)
		if (strcmp(defaults->keyword, keyword) == 0)
			return defaults->val == NULL ||
			    defaults->val[0] == '\0';
	return false;
}

/* .pgpass and pg_hba.conf call a walsender's database "replication". */
static void
fill(struct params *p, const struct pg_target *t, bool replication)
{
	PQconninfoOption *defaults = PQconndefaults();

	for (size_t i = 0; i < t->count; i++)
		if (!replication || strcmp(t->keyword[i], "dbname") != 0)
			add(p, t->keyword[i], t->value[i]);
	if (replication) {
		add(p, "dbname", "replication");
		add(p, "replication", "true");
	}
	add(p, "fallback_application_name", log_program());
	if (is_unset(defaults, t, "connect_timeout"))
		add(p, "connect_timeout", "30");
	if (is_unset(defaults, t, "tcp_user_timeout"))
		add(p, "tcp_user_timeout", "60000");
	if (is_unset(defaults, t, "keepalives_idle"))
		add(p, "keepalives_idle", "30");
	PQconninfoFree(defaults);
	add(p, NULL, NULL);
}

/* The first line of a message of libpq, without its end. */
static int
line_len(const char *text)
{
	return (int)strcspn(text, "\n");
}

/*
 * libpq's connection errors are several lines, the last the cause, an
 * address a line; one line is made of them.
 */
static void
one_line(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text != '\0' && n + 2 < size; text++) {
		if (*text != '\n') {
			out[n++] = *text == '\t' ? ' ' : *text;
			continue;
		}
		while (text[1] == '\n' || text[1] == '\t')
			text++;
		if (text[1] != '\0') {
			out[n++] = ';';
			out[n++] = ' ';
		}
	}
	out[n] = '\0';
}

static void
add_hint(const PGresult *res, const char *state, struct err *e)
{
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);

	if (hint != NULL)
		err_hint(e, "%.*s", line_len(hint), hint);
	else if (strcmp(state, "42501") == 0)
		err_hint(e, "sql/roles.sql grants what each tool needs");
}

static int
fail_result(struct pg *c, const PGresult *res, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);

	if (text == NULL)
		return -1;
	snprintf(c->sqlstate, sizeof c->sqlstate, "%s", state ? state : "");
	if (detail == NULL)
		detail = context;
	err_set(e, ERR_PG, "%s: %.*s%s%.*s%s", severity ? severity : "ERROR",
	    line_len(text), text, detail ? " (" : "",
	    detail ? line_len(detail) : 0, detail ? detail : "",
	    detail ? ")" : "");
	add_hint(res, c->sqlstate, e);
	return -1;
}

int
pg_fail(struct pg *c, const PGresult *res, struct err *e)
{
	char text[ERR_TEXT_MAX];

	c->sqlstate[0] = '\0';
	if (!c->shielded && stop_check(e) == -1)
		return -1;
	if (res != NULL && PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY))
		return fail_result(c, res, e);
	one_line(PQerrorMessage(c->conn), text, sizeof text);
	if (text[0] == '\0')
		snprintf(text, sizeof text, "%s", "the server's answer was "
		    "not what was expected");
	return err_set(e, ERR_PG, "%s", text);
}

/*
 * What a walsender warns of while it sends is what it does not send, such as a
 * link in the data folder; but for the warning of a backup that is cut short,
 * after which an error comes. Other sessions' warnings are of their SQL.
 */
static bool
is_serious(const struct pg *c, const PGresult *res)
{
	const char *kind = PQresultErrorField(res,
	    PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *where = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

	return c->sending && kind != NULL && strcmp(kind, "WARNING") == 0 &&
	    (where == NULL || strcmp(where, "do_pg_abort_backup") != 0);
}

static void
notice(void *arg, const PGresult *res)
{
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY);

	if (text != NULL && is_serious(arg, res))
		log_warning("the server: %s", text);
	else if (text != NULL)
		log_debug("server: %s: %s", severity ? severity : "NOTICE",
		    text);
}

static void
interrupt(void *arg)
{
	pg_interrupt(arg);
}

int
pg_no_timeouts(struct pg *c, struct err *e)
{
	return pg_exec(c, "SELECT pg_catalog.set_config(name, '0', false)"
	    " FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout',"
	    " 'lock_timeout', 'idle_in_transaction_session_timeout',"
	    " 'idle_session_timeout', 'transaction_timeout')", e);
}

/*
 * Names travel as the server stores them, nothing is found through a
 * search_path, and no timeout of the role's or database's cuts a backup. A
 * walsender knows no SET; what concerns it is idle_session_timeout alone,
 * between one command and the next.
 */
static int
settle(struct pg *c, struct err *e)
{
	const char *server = PQparameterStatus(c->conn, "server_encoding");
	int version = pg_server_version(c);

	if (version < 130000)
		return err_set(e, ERR_PG, "server version %d.%d is older "
		    "than 13, the oldest supported", version / 10000,
		    version % 10000);
	if (c->replication)
		return 0;
	if (server != NULL && PQsetClientEncoding(c->conn, server) != 0)
		return pg_fail(c, NULL, e);
	return pg_exec(c, "SET search_path = ''", e) == -1 ? -1 :
	    pg_no_timeouts(c, e);
}

static struct pg *
connect_to(const struct pg_target *t, bool replication, struct err *e)
{
	struct params p = { .count = 0 };
	struct pg *c = calloc(1, sizeof *c);

	if (c == NULL) {
		err_nomem(e);
		return NULL;
	}
	c->replication = replication;
	fill(&p, t, replication);
	/* expand_dbname 0: a database's name is never a connection string */
	c->conn = PQconnectdbParams(p.keyword, p.value, 0);
	stop_register(&c->stop, interrupt, c);
	if (c->conn == NULL) {
		err_nomem(e);
		goto fail;
	}
	if (PQstatus(c->conn) != CONNECTION_OK) {
		pg_fail(c, NULL, e);
		goto fail;
	}
	PQsetNoticeReceiver(c->conn, notice, c);
	c->cancel = PQgetCancel(c->conn);
	if (settle(c, e) == -1)
		goto fail;
	return c;
fail:
	pg_close(c);
	return NULL;
}

struct pg *
pg_connect(const struct pg_target *t, struct err *e)
{
	return connect_to(t, false, e);
}

struct pg *
pg_connect_replication(const struct pg_target *t, struct err *e)
{
	return connect_to(t, true, e);
}

bool
pg_is_replication(const struct pg *c)
{
	return c->replication;
}

void
pg_close(struct pg *c)
{
	if (c == NULL)
		return;
	stop_forget(&c->stop);
	PQfreemem(c->row);
	PQfreeCancel(c->cancel);
	PQfinish(c->conn);
	free(c);
}

void
pg_interrupt(struct pg *c)
{
	char why[256];

	/* PQcancel first: it needs the server to know the session still */
	if (c->cancel != NULL)
		PQcancel(c->cancel, why, sizeof why);
	if (c->conn != NULL && PQsocket(c->conn) >= 0)
		shutdown(PQsocket(c->conn), SHUT_RDWR);
}

int
pg_server_version(const struct pg *c)
{
	return PQserverVersion(c->conn);
}

const char *
pg_server_version_text(const struct pg *c)
{
	const char *text = PQparameterStatus(c->conn, "server_version");

	return text != NULL ? text : "";
}

const char *
pg_database(const struct pg *c)
{
	return PQdb(c->conn);
}

const char *
pg_host(const struct pg *c)
{
	const char *host = PQhost(c->conn);

	return host != NULL ? host : "";
}

const char *
pg_port(const struct pg *c)
{
	const char *port = PQport(c->conn);

	return port != NULL ? port : "";
}

const char *
pg_encoding(const struct pg *c)
{
	const char *text = PQparameterStatus(c->conn, "server_encoding");

	return text != NULL ? text : "SQL_ASCII";
}

const char *
pg_sqlstate(const struct pg *c)
{
	return c->sqlstate;
}

int
pg_query(struct pg *c, const char *sql, const char *const *params,
    size_t count, struct pg_rows **rows, struct err *e)
{
	PGresult *res;
	ExecStatusType status;

	c->sqlstate[0] = '\0';
	/* a walsender knows the simple protocol alone */
	res = c->replication && count == 0 ? PQexec(c->conn, sql) :
	    PQexecParams(c->conn, sql, (int)count, NULL, params, NULL, NULL,
	        0);
	status = PQresultStatus(res);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		pg_fail(c, res, e);
		PQclear(res);
		return -1;
	}
	if (rows != NULL)
		*rows = (struct pg_rows *)res;
	else
		PQclear(res);
	return 0;
}

int
pg_exec(struct pg *c, const char *sql, struct err *e)
{
	PGresult *res;
	ExecStatusType status;
	int rc = 0;

	c->sqlstate[0] = '\0';
	res = PQexec(c->conn, sql);
	status = PQresultStatus(res);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
	    status != PGRES_EMPTY_QUERY)
		rc = pg_fail(c, res, e);
	PQclear(res);
	return rc;
}

/* struct pg_rows is never defined: it is libpq's result behind our name */

size_t
pg_count(const struct pg_rows *r)
{
	return (size_t)PQntuples((const PGresult *)r);
}

const char *
pg_text(const struct pg_rows *r, size_t row, unsigned column)
{
	const PGresult *res = (const PGresult *)r;

	if (row >= pg_count(r) || (int)column >= PQnfields(res) ||
	    PQgetisnull(res, (int)row, (int)column))
		return NULL;
	return PQgetvalue(res, (int)row, (int)column);
}

uint64_t
pg_number(const struct pg_rows *r, size_t row, unsigned column)
{
	const char *text = pg_text(r, row, column);

	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

bool
pg_bool(const struct pg_rows *r, size_t row, unsigned column)
{
	const char *text = pg_text(r, row, column);

	return text != NULL && strcmp(text, "t") == 0;
}

void
pg_rows_free(struct pg_rows *r)
{
	PQclear((PGresult *)r);
}
