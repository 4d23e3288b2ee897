#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "receive/receive_int.h"
#include "unit/unit.h"

int
receive_check_slot(const char *name, struct err *e)
{
	size_t len = strlen(name);

	if (len > 0 && len < RECEIVE_SLOT_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len)
		return 0;
	return err_set(e, ERR_USAGE, "\"%s\" cannot be a slot's name (a-z, "
	    "0-9, _; up to %d)", name, RECEIVE_SLOT_MAX - 1);
}

int
receive_drop_slot(const struct pg_target *target, const char *slot,
    struct err *e)
{
	struct pg *c = NULL;
	char command[128];
	struct err why = ERR_INIT;
	int rc = -1;

	if (receive_check_slot(slot, e) == -1 ||
	    (c = pg_connect_replication(target, e)) == NULL)
		return -1;
	snprintf(command, sizeof command, "DROP_REPLICATION_SLOT %s", slot);
	if (pg_exec(c, command, &why) == 0) {
		rc = 0;
	} else if (strcmp(pg_sqlstate(c), "42704") == 0) {
		err_set(e, ERR_ABSENT, "the server has no slot \"%s\"",
		    slot);
	} else {
		err_pass(e, &why);
	}
	pg_close(c);
	return rc;
}

/* One row by a walsender's command, at least `columns` wide. */
static struct pg_rows *
one_row(struct receiver *r, const char *command, unsigned columns,
    struct err *e)
{
	struct pg_rows *rows = NULL;

	if (pg_query(r->c, command, NULL, 0, &rows, e) == -1)
		return NULL;
	if (pg_count(rows) == 1 && pg_text(rows, 0, columns - 1) != NULL)
		return rows;
	pg_rows_free(rows);
	err_set(e, ERR_PG, "the server's answer to %s was not what was "
	    "expected", command);
	return NULL;
}

/* A number of a row that must be one, 1 at least. */
static int
number(const char *text, uint64_t max, uint64_t *out, struct err *e)
{
	char *end;

	*out = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || *out < 1 ||
	    *out > max)
		return err_set(e, ERR_PG, "the server sent \"%s\" for a "
		    "number", text);
	return 0;
}

static int
place(const char *text, uint64_t *out, struct err *e)
{
	if (lsn_parse(text, out, NULL) == 0)
		return 0;
	return err_set(e, ERR_PG, "the server sent \"%s\" for an LSN", text);
}

static int
identify(struct receiver *r, struct err *e)
{
	struct pg_rows *rows = one_row(r, "IDENTIFY_SYSTEM", 3, e);
	uint64_t system, timeline;
	int rc = -1;

	if (rows == NULL)
		return -1;
	if (number(pg_text(rows, 0, 0), UINT64_MAX, &system, e) == -1 ||
	    number(pg_text(rows, 0, 1), UINT32_MAX, &timeline, e) == -1 ||
	    place(pg_text(rows, 0, 2), &r->server_position, e) == -1)
		goto done;
	r->server_timeline = (uint32_t)timeline;
	if (r->system != 0 && r->system != system) {
		err_set(e, ERR_REFUSED, "the server is another cluster's now: "
		    "system identifier %" PRIu64 ", not %" PRIu64, system,
		    r->system);
		goto done;
	}
	if (archive_claim(r->o->archive, system, e) == -1)
		goto done;
	r->system = system;
	rc = 0;
done:
	pg_rows_free(rows);
	return rc;
}

/*
 * What pgk-restore made is a copy of the archive's cluster, with a log of its
 * own, until somebody says that it takes that one's place.
 */
static int
refuse_restored(struct receiver *r, struct err *e)
{
	struct pg_rows *rows = NULL;
	struct err why = ERR_INIT;
	const char *set;

	if (pg_query(r->c, "SHOW " ARCHIVE_GUARD_SETTING, NULL, 0, &rows,
	    &why) == -1)
		/* undefined_object: nobody has set it */
		return strcmp(pg_sqlstate(r->c), "42704") == 0 ? 0 :
		    err_pass(e, &why);
	set = pg_text(rows, 0, 0);
	if (set != NULL && *set != '\0') {
		err_set(e, ERR_REFUSED, "the server was restored from \"%s\": "
		    "its WAL is not put into an archive", set);
		err_hint(e, "once it is promoted and shall take the place of "
		    "the one it is a copy of: pgk-wal adopt, on its host, and "
		    "pg_ctl reload");
	}
	pg_rows_free(rows);
	return e->kind == ERR_NONE ? 0 : -1;
}

static int
ask_segment_size(struct receiver *r, struct err *e)
{
	struct pg_rows *rows = one_row(r, "SHOW wal_segment_size", 1, e);
	uint64_t size = 0;
	int rc = -1;

	if (rows == NULL)
		return -1;
	if (unit_parse_size(pg_text(rows, 0, 0), &size, NULL) == -1 ||
	    !lsn_is_segment_size(size))
		err_set(e, ERR_PG, "the server's wal_segment_size is \"%s\"",
		    pg_text(rows, 0, 0));
	else if (r->placed && r->segment_size != size)
		err_set(e, ERR_REFUSED, "the server's wal_segment_size has "
		    "changed, to %s", pg_text(rows, 0, 0));
	else
		rc = archive_claim_size(r->o->archive, (uint32_t)size, e);
	r->segment_size = (uint32_t)size;
	pg_rows_free(rows);
	return rc;
}

int
receiver_history(struct receiver *r, uint32_t timeline,
    struct lsn_history *out, struct err *e)
{
	struct lsn_name name = { .kind = LSN_HISTORY, .timeline = timeline };
	struct lsn_history h = { .timeline = 0 };
	char command[64], file[LSN_NAME_MAX];
	struct pg_rows *rows;
	const char *text;
	int rc = -1;

	if (timeline == 1) {
		*out = (struct lsn_history){ .timeline = 1 };
		return 0;
	}
	snprintf(command, sizeof command, "TIMELINE_HISTORY %" PRIu32,
	    timeline);
	if ((rows = one_row(r, command, 2, e)) == NULL)
		return -1;
	text = pg_text(rows, 0, 1);
	lsn_write_name(&name, r->segment_size, file);
	if (lsn_history_parse(text, strlen(text), timeline, &h, e) == 0)
		rc = archive_put(r->o->archive, file, text, strlen(text),
		    &r->o->how, e);
	if (rc == 0)
		*out = h;
	else
		lsn_history_free(&h);
	pg_rows_free(rows);
	return rc;
}

static int
create_slot(struct receiver *r, struct err *e)
{
	struct err why = ERR_INIT;
	char command[160];

	snprintf(command, sizeof command,
	    "CREATE_REPLICATION_SLOT %s PHYSICAL RESERVE_WAL", r->o->slot);
	if (pg_exec(r->c, command, &why) == 0)
		log_info("made the slot \"%s\"", r->o->slot);
	else if (strcmp(pg_sqlstate(r->c), "42710") != 0)
		return err_pass(e, &why);
	return 0;
}

/* Before 15 a walsender cannot tell, but an ordinary session may. */
static int
slot_by_sql(struct receiver *r, uint64_t *lsn)
{
	struct err e = ERR_INIT;
	struct pg *c = pg_connect(r->o->target, &e);
	const char *params[] = { r->o->slot };
	struct pg_rows *rows = NULL;
	int rc = -1;

	if (c != NULL && pg_query(c, "SELECT restart_lsn FROM "
	    "pg_catalog.pg_replication_slots WHERE slot_name = $1", params, 1,
	    &rows, &e) == 0 && pg_text(rows, 0, 0) != NULL)
		rc = place(pg_text(rows, 0, 0), lsn, &e);
	if (e.kind != ERR_NONE)
		log_debug("where the slot begins is not known: %s", e.text);
	pg_rows_free(rows);
	pg_close(c);
	return rc;
}

int
receiver_slot_start(struct receiver *r, uint64_t *lsn, struct err *e)
{
	struct pg_rows *rows = NULL;
	char command[128];
	int rc = 0;

	*lsn = 0;
	if (r->o->slot == NULL)
		return 0;
	if (pg_server_version(r->c) < 150000) {
		if (slot_by_sql(r, lsn) == -1)
			*lsn = 0;
		return 0;
	}
	snprintf(command, sizeof command, "READ_REPLICATION_SLOT %s",
	    r->o->slot);
	if (pg_query(r->c, command, NULL, 0, &rows, e) == -1)
		return -1;
	/* no slot of this name: a row of nulls */
	if (pg_text(rows, 0, 1) != NULL)
		rc = place(pg_text(rows, 0, 1), lsn, e);
	pg_rows_free(rows);
	return rc;
}

/* 14 and later tell; before that it may be a standby. */
static bool
is_primary(struct receiver *r)
{
	struct err e = ERR_INIT;
	struct pg_rows *rows;
	bool primary;

	if (pg_server_version(r->c) < 140000 ||
	    (rows = one_row(r, "SHOW in_hot_standby", 1, &e)) == NULL)
		return false;
	primary = strcmp(pg_text(rows, 0, 0), "off") == 0;
	pg_rows_free(rows);
	return primary;
}

/* A standby may lag; a primary that lacks what it sent has lost it. */
int
receiver_check_position(struct receiver *r, struct err *e)
{
	char at[LSN_TEXT_MAX], durable[LSN_TEXT_MAX];

	r->behind = false;
	if (r->grow.name.timeline != r->server_timeline ||
	    r->server_position >= receiver_durable(r))
		return 0;
	lsn_text(r->server_position, at);
	lsn_text(receiver_durable(r), durable);
	if (is_primary(r)) {
		err_set(e, ERR_REFUSED, "the server is at %s, behind the "
		    "archive's end %s on the same timeline", at, durable);
		return err_hint(e, "it was put back to an earlier state "
		    "without a new timeline: receive it into another store");
	}
	if (r->server_position >= growing_start(&r->grow))
		return 0;
	r->behind = true;
	return err_set(e, ERR_PG, "the server is at %s, and does not have %s "
	    "yet", at, durable);
}

int
receiver_connect(struct receiver *r, struct err *e)
{
	pg_close(r->c);
	lsn_history_free(&r->history);
	r->history = (struct lsn_history){ .timeline = 0 };
	if ((r->c = pg_connect_replication(r->o->target, e)) == NULL ||
	    refuse_restored(r, e) == -1 || identify(r, e) == -1 ||
	    ask_segment_size(r, e) == -1 ||
	    receiver_history(r, r->server_timeline, &r->history, e) == -1)
		return -1;
	if (r->o->create_slot && create_slot(r, e) == -1)
		return -1;
	return 0;
}
