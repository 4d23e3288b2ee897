#include <errno.h>
#include <poll.h>
#include <time.h>

#include "pg/pg_int.h"

int
pg_send(struct pg *c, const char *command, struct err *e)
{
	c->sqlstate[0] = '\0';
	if (PQsendQuery(c->conn, command) != 1)
		return pg_fail(c, NULL, e);
	c->sent = true;
	return 0;
}

/* After a failure: read on to the command's end, so that another can follow. */
static int
give_up(struct pg *c, PGresult *res, struct err *e)
{
	pg_fail(c, res, e);
	do {
		PQclear(res);
		if (PQstatus(c->conn) == CONNECTION_BAD)
			break;
		res = PQgetResult(c->conn);
		switch (PQresultStatus(res)) {
		case PGRES_COPY_IN:
		case PGRES_COPY_OUT:
		case PGRES_COPY_BOTH:
			/* would come again and again */
			PQclear(res);
			pg_interrupt(c);
			res = NULL;
			break;
		default:
			break;
		}
	} while (res != NULL);
	c->sent = false;
	return -1;
}

int
pg_next(struct pg *c, enum pg_next *what, struct pg_rows **rows,
    struct err *e)
{
	PGresult *res;

	while ((res = PQgetResult(c->conn)) != NULL) {
		switch (PQresultStatus(res)) {
		case PGRES_COMMAND_OK:
		case PGRES_EMPTY_QUERY:
			PQclear(res);
			continue;
		case PGRES_TUPLES_OK:
			*what = PG_NEXT_ROWS;
			*rows = (struct pg_rows *)res;
			return 0;
		case PGRES_COPY_OUT:
			*what = PG_NEXT_COPY_OUT;
			c->sending = c->replication;
			break;
		case PGRES_COPY_IN:
			*what = PG_NEXT_COPY_IN;
			break;
		case PGRES_COPY_BOTH:
			*what = PG_NEXT_COPY_BOTH;
			break;
		default:
			return give_up(c, res, e);
		}
		PQclear(res);
		return 0;
	}
	c->sent = false;
	if (PQstatus(c->conn) == CONNECTION_BAD)
		return pg_fail(c, NULL, e);
	*what = PG_NEXT_DONE;
	return 0;
}

int
pg_copy_done(struct pg *c, struct err *e)
{
	/* in a COPY this tells of the COPY, else how the server ended it */
	PGresult *res = PQgetResult(c->conn);

	switch (PQresultStatus(res)) {
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
		PQclear(res);
		return PQputCopyEnd(c->conn, NULL) == 1 ? 0 :
		    pg_fail(c, NULL, e);
	case PGRES_COMMAND_OK:
		PQclear(res);
		return 0;
	default:
		return give_up(c, res, e);
	}
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: there may be something to read; 0: the time is over. */
static int
wait_readable(struct pg *c, int timeout_ms, struct err *e)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd p = { .fd = PQsocket(c->conn), .events = POLLIN };
	int n;

	if (p.fd == -1)
		return pg_fail(c, NULL, e);
	do {
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();

		n = poll(&p, 1, timeout_ms >= 0 && left < 0 ? 0 : (int)left);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(e, "could not wait for the server");
	if (n > 0 && PQconsumeInput(c->conn) != 1)
		return pg_fail(c, NULL, e);
	return n > 0;
}

int
pg_wait(struct pg *c, int timeout_ms, struct err *e)
{
	int64_t end = now_ms() + timeout_ms, left;
	int rc;

	while (PQisBusy(c->conn)) {
		if ((left = end - now_ms()) < 0)
			left = 0;
		if ((rc = wait_readable(c, (int)left, e)) != 1)
			return rc;
	}
	return 1;
}

int
pg_stream_next(struct pg *c, int timeout_ms, const char **data, size_t *len,
    struct err *e)
{
	int64_t end = now_ms() + timeout_ms;
	int n, rc;

	PQfreemem(c->row);
	c->row = NULL;
	while ((n = PQgetCopyData(c->conn, &c->row, 1)) == 0) {
		int64_t left = end - now_ms();

		if (timeout_ms >= 0 && left < 0)
			left = 0;
		rc = wait_readable(c, timeout_ms < 0 ? -1 : (int)left, e);
		if (rc != 1)
			return rc;
	}
	if (n == -1)
		return 2;
	if (n < 0)
		return pg_fail(c, NULL, e);
	*data = c->row;
	*len = (size_t)n;
	return 1;
}

int
pg_stream_send(struct pg *c, const void *data, size_t len, struct err *e)
{
	if (PQputCopyData(c->conn, data, (int)len) != 1 ||
	    PQflush(c->conn) != 0)
		return pg_fail(c, NULL, e);
	return 0;
}
