#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "log/log.h"
#include "receive/receive_int.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define LOCK_NAME "wal/receive"

/* Milliseconds before the first and later attempts to connect again. */
#define PAUSE_FIRST 250
#define PAUSE_MAX 10000

/* The server does not have what must come next, and says so in many ways. */
static int
gone(struct receiver *r, const char *why, struct err *e)
{
	char lsn[LSN_TEXT_MAX];

	err_set(e, ERR_REFUSED, "the server has no more the log from %s on "
	    "timeline %" PRIu32 ", where the archive ends: %s",
	    lsn_text(receiver_durable(r), lsn), r->grow.name.timeline, why);
	return err_hint(e, "if no archive_command fills the gap, go on behind "
	    "it with --accept-gap and make a new base backup");
}

/* What a failure of the server's means here. */
static void
explain(struct receiver *r, struct err *e)
{
	const char *state = r->c != NULL ? pg_sqlstate(r->c) : "";
	struct err was = *e;

	if (e->kind != ERR_PG || !r->placed)
		return;
	if (strcmp(state, "58P01") == 0) {
		err_clear(e);
		gone(r, was.text, e);
	} else if (strcmp(state, "55000") == 0) {
		err_clear(e);
		err_set(e, ERR_REFUSED, "the slot \"%s\" is lost: %s",
		    r->o->slot != NULL ? r->o->slot : "", was.text);
		err_hint(e, "remove it with --drop-slot, then start with "
		    "--create-slot: if the server still has the log nothing "
		    "is missing");
	} else if (strcmp(state, "42704") == 0) {
		err_clear(e);
		err_set(e, ERR_REFUSED, "%s", was.text);
		err_hint(e, "--create-slot makes it");
	}
}

static bool
starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/*
 * Whether to connect again: a lost connection, a server that shuts down,
 * starts or is full, a slot that its former walsender has not let go yet.
 */
static bool
is_passing(const struct receiver *r, const struct err *e)
{
	const char *state = r->c != NULL ? pg_sqlstate(r->c) : "";

	if (e->kind != ERR_PG || r->system == 0 || r->o->once)
		return false;
	return r->behind || state[0] == '\0' || starts_with(state, "57") ||
	    starts_with(state, "53") || starts_with(state, "08") ||
	    strcmp(state, "55006") == 0;
}

static void
pause_ms(int ms)
{
	for (; ms > 0 && stop_requested() == 0; ms -= 50)
		poll(NULL, 0, 50);
}

/* One connection, from its beginning to its end. */
static int
attempt(struct receiver *r, struct err *e)
{
	if (receiver_connect(r, e) == -1 ||
	    (!r->placed && receiver_place(r, e) == -1) ||
	    receiver_follow(r, e) == -1 ||
	    receiver_check_position(r, e) == -1)
		return -1;
	return receiver_stream(r, e);
}

/* A gap is gone over once, and only when the server says that there is one. */
static bool
may_skip(struct receiver *r, const struct err *e)
{
	return r->o->accept_gap && !r->gap_accepted && r->placed &&
	    e->kind == ERR_PG && r->c != NULL &&
	    strcmp(pg_sqlstate(r->c), "58P01") == 0;
}

static int
skip(struct receiver *r, struct err *e)
{
	r->gap_accepted = true;
	err_clear(e);
	if (receiver_connect(r, e) == -1)
		return -1;
	return receiver_skip(r, e);
}

/*
 * The connection is lost: what came by it is made durable at once, since it
 * may be all that is left of the server.
 */
static int
save(struct receiver *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (!r->placed || (e->kind != ERR_PG && e->kind != ERR_STOPPED) ||
	    growing_publish(&r->grow, r->o, &why) == 0)
		return 0;
	*e = why;
	return -1;
}

static int
receive(struct receiver *r, struct err *e)
{
	int pause = PAUSE_FIRST;
	bool said = false;

	for (;;) {
		r->streaming = false;
		if (attempt(r, e) == 0)
			return 0;
		if (may_skip(r, e)) {
			if (skip(r, e) == -1)
				return -1;
			continue;
		}
		if (save(r, e) == -1)
			return -1;
		if (e->kind == ERR_STOPPED || stop_requested() != 0) {
			err_clear(e);
			return 0;
		}
		if (!is_passing(r, e)) {
			explain(r, e);
			return -1;
		}
		if (r->streaming) {
			pause = PAUSE_FIRST;
			said = false;
		}
		if (!said)
			log_warning("%s; trying again", e->text);
		said = true;
		err_clear(e);
		pause_ms(pause);
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
	}
}

int
receive_run(const struct receive_options *o, struct err *e)
{
	struct receiver r = { .o = o, .grow.fd = -1 };
	struct store_lock *lock;
	int rc = -1;

	if ((o->slot == NULL || receive_check_slot(o->slot, e) == 0) &&
	    (lock = store_lock(o->store, LOCK_NAME, e)) != NULL) {
		rc = receive(&r, e);
		store_unlock(lock);
	}
	pg_close(r.c);
	lsn_history_free(&r.history);
	growing_free(&r.grow);
	return rc;
}
