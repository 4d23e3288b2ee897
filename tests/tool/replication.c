/*
 * replication - send one command to a walsender and tell what comes
 *
 *	replication COMMAND copy         read COPYs row by row
 *	replication COMMAND stream [N]   message by message; with N, end the COPY
 *	                                 after N of them
 *	replication COMMAND query        one result, by pg_query()
 *
 * Where to connect is libpq's to find in the environment. A line for each
 * result: "rows: a|b|...", "copy out: MESSAGES BYTES FIRST-BYTE", "copy
 * both: ...", "done"; then the same connection answers IDENTIFY_SYSTEM:
 * "alive". Exit status as the tools'.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "pg/pg.h"
#include "stop/stop.h"

static void
show_rows(struct pg_rows *rows)
{
	for (size_t i = 0; i < pg_count(rows); i++) {
		printf("rows:");
		for (unsigned k = 0; k < 4; k++) {
			const char *text = pg_text(rows, i, k);

			printf("%s%s", k > 0 ? "|" : " ", text ? text : "");
		}
		printf("\n");
	}
	pg_rows_free(rows);
}

static int
read_copy(struct pg *c, bool stream, long most, struct err *e)
{
	unsigned long messages = 0, bytes = 0;
	const char *data = NULL;
	char first = '-';
	size_t len = 0;
	int rc = 1;

	while (most == 0 || messages < (unsigned long)most) {
		if (stream)
			rc = pg_stream_next(c, 10000, &data, &len, e);
		else
			rc = pg_copy_next(c, &data, &len, NULL, e);
		if (rc == -1)
			return -1;
		if (stream ? rc == 2 : data == NULL)
			break;
		if (stream && rc == 0) {
			printf("nothing in 10 s\n");
			break;
		}
		if (messages++ == 0)
			first = data[0];
		bytes += len;
	}
	printf("%lu %lu %c\n", messages, bytes, first);
	fflush(stdout);
	return 0;
}

static int
results(struct pg *c, bool stream, long most, struct err *e)
{
	struct pg_rows *rows = NULL;
	enum pg_next what;

	for (;;) {
		if (pg_next(c, &what, &rows, e) == -1)
			return -1;
		switch (what) {
		case PG_NEXT_ROWS:
			show_rows(rows);
			break;
		case PG_NEXT_COPY_OUT:
			printf("copy out: ");
			if (read_copy(c, stream, most, e) == -1)
				return -1;
			break;
		case PG_NEXT_COPY_BOTH:
			printf("copy both: ");
			if (read_copy(c, stream, most, e) == -1 ||
			    pg_copy_done(c, e) == -1)
				return -1;
			/* what was under way still comes */
			printf("rest: ");
			if (read_copy(c, true, 0, e) == -1)
				return -1;
			break;
		case PG_NEXT_COPY_IN:
			printf("copy in\n");
			if (pg_copy_done(c, e) == -1)
				return -1;
			break;
		case PG_NEXT_DONE:
			printf("done\n");
			return 0;
		}
		fflush(stdout);
	}
}

static int
talk(struct pg *c, const char *command, const char *how, long most,
    struct err *e)
{
	struct pg_rows *rows = NULL;

	if (!pg_is_replication(c))
		return err_set(e, ERR_USAGE, "no replication connection");
	if (strcmp(how, "query") == 0) {
		if (pg_query(c, command, NULL, 0, &rows, e) == -1)
			return -1;
		show_rows(rows);
		return 0;
	}
	if (pg_send(c, command, e) == -1)
		return -1;
	return results(c, strcmp(how, "stream") == 0, most, e);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT, again = ERR_INIT;
	struct pg_target *t;
	struct pg *c = NULL;

	log_open("replication", LOG_LEVEL_DEBUG);
	if (argc < 3 || stop_install(&e) == -1)
		return 2;
	t = pg_target_new(&e);
	if (t != NULL && pg_target_set(t, "dbname", "nowhere", &e) == 0 &&
	    (c = pg_connect_replication(t, &e)) != NULL)
		talk(c, argv[1], argv[2], argc > 3 ? atol(argv[3]) : 0, &e);
	if (e.kind != ERR_NONE)
		log_error(&e);
	if (c != NULL && pg_exec(c, "IDENTIFY_SYSTEM", &again) == 0)
		printf("alive\n");
	pg_close(c);
	pg_target_free(t);
	return err_status(e.kind);
}
