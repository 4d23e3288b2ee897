#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "log/log.h"
#include "receive/receive_int.h"
#include "unit/unit.h"

/* A commit waits no longer than this for others to share its write. */
#define SYNCHRONOUS_DELAY 0.05

/* Silence for so many status intervals, and at least so long, is a loss. */
#define SILENT_INTERVALS 6
#define SILENT_SECONDS 60

/*
 * Nothing is told before the server has sent again what is durable already:
 * only then is it known to be the same log.
 */
static int
tell(struct receiver *r, struct err *e)
{
	uint64_t durable = receiver_durable(r);
	bool known = r->position >= durable;
	char message[RECEIVE_STATUS_SIZE];
	struct timeval t;

	gettimeofday(&t, NULL);
	receive_status(known ? r->position : 0, known ? durable : 0,
	    (int64_t)t.tv_sec * 1000000 + t.tv_usec, message);
	r->spoke = unit_clock();
	return pg_stream_send(r->c, message, sizeof message, e);
}

static int
publish(struct receiver *r, struct err *e)
{
	const struct receive_options *o = r->o;

	if (growing_publish(&r->grow, o, e) == -1)
		return -1;
	r->over = o->end != 0 && receiver_durable(r) >= o->end;
	return tell(r, e);
}

static int
take_data(struct receiver *r, const struct receive_message *m, struct err *e)
{
	struct growing *g = &r->grow;
	const char *data = m->data;
	char here[LSN_TEXT_MAX], there[LSN_TEXT_MAX];
	size_t left = m->len;

	if (m->start != r->position)
		return err_set(e, ERR_CORRUPT, "the server sent the log from "
		    "%s on where %s was to follow", lsn_text(m->start, there),
		    lsn_text(r->position, here));
	while (left > 0) {
		uint32_t offset = (uint32_t)(r->position - growing_start(g));
		uint32_t len = g->size - offset;

		if (len > left)
			len = (uint32_t)left;
		if (growing_take(g, offset, data, len, e) == -1)
			return -1;
		data += len;
		left -= len;
		r->position += len;
		if (offset + len < g->size)
			continue;
		if (publish(r, e) == -1)
			return -1;
		growing_begin(g, g->name.timeline, g->name.segment + 1);
	}
	return 0;
}

static int
take(struct receiver *r, const char *message, size_t len, struct err *e)
{
	struct receive_message m;

	if (receive_decode(message, len, &m, e) == -1)
		return -1;
	r->heard = unit_clock();
	if (m.type == RECEIVE_DATA)
		return take_data(r, &m, e);
	/* a server that shuts down waits for all to be flushed */
	return m.reply ? publish(r, e) : 0;
}

/* When the bytes that are not durable have waited long enough. */
static double
publish_due(const struct receiver *r)
{
	return r->grow.since + (r->o->synchronous ? SYNCHRONOUS_DELAY :
	    (double)r->o->interval);
}

static int
wait_ms(const struct receiver *r)
{
	double due = r->spoke + (double)r->o->status_interval;

	if (r->grow.since > 0) {
		/* whatever has come already goes into the same write */
		if (r->o->synchronous)
			return 0;
		if (publish_due(r) < due)
			due = publish_due(r);
	}
	due = (due - unit_clock()) * 1000 + 1;
	return due < 0 ? 0 : due > 60000 ? 60000 : (int)due;
}

/* What the clock, or an empty socket, asks for. */
static int
keep_time(struct receiver *r, bool idle, struct err *e)
{
	double now = unit_clock(), patience = SILENT_SECONDS;

	if (patience < SILENT_INTERVALS * (double)r->o->status_interval)
		patience = SILENT_INTERVALS * (double)r->o->status_interval;
	if (now - r->heard > patience)
		return err_set(e, ERR_PG, "the server has been silent for "
		    "%.0f seconds", now - r->heard);
	if (r->grow.since > 0 && ((r->o->synchronous && idle) ||
	    now >= publish_due(r)))
		return publish(r, e);
	if (now - r->spoke >= (double)r->o->status_interval)
		return tell(r, e);
	return 0;
}

/* Of one COPY: 0 at its end, or when r->over. */
static int
take_all(struct receiver *r, struct err *e)
{
	const char *message;
	size_t len;
	int rc;

	r->heard = unit_clock();
	if (tell(r, e) == -1)
		return -1;
	while (!r->over) {
		rc = pg_stream_next(r->c, wait_ms(r), &message, &len, e);
		if (rc == -1)
			return -1;
		if (rc == 2)
			return 0;
		if (rc == 1 && take(r, message, len, e) == -1)
			return -1;
		if (r->o->end != 0 && r->position >= r->o->end &&
		    publish(r, e) == -1)
			return -1;
		if (keep_time(r, rc == 0, e) == -1)
			return -1;
	}
	return 0;
}

/* What is still under way when we end a COPY is of no interest. */
static int
finish(struct receiver *r, struct err *e)
{
	const char *message;
	size_t len;
	int rc;

	if (pg_copy_done(r->c, e) == -1)
		return -1;
	if (!r->over)
		return 0;
	while ((rc = pg_stream_next(r->c, 10000, &message, &len, e)) == 1)
		;
	return rc == 2 ? 0 : -1;
}

/* The row that says where the next timeline begins, if one comes. */
static int
take_next(struct receiver *r, struct pg_rows *rows, uint32_t *timeline,
    uint64_t *at, struct err *e)
{
	uint64_t n = pg_number(rows, 0, 0);
	const char *text = pg_text(rows, 0, 1);

	if (n <= r->grow.name.timeline || n > UINT32_MAX || text == NULL)
		return err_set(e, ERR_CORRUPT, "the server calls %" PRIu64
		    " the timeline after %" PRIu32, n,
		    r->grow.name.timeline);
	*timeline = (uint32_t)n;
	if (lsn_parse(text, at, NULL) == -1)
		return err_set(e, ERR_CORRUPT, "the server sent \"%s\" for "
		    "an LSN", text);
	return 0;
}

/* To the command's end; *timeline stays 0 when none was told. */
static int
take_results(struct receiver *r, uint32_t *timeline, uint64_t *at,
    struct err *e)
{
	struct pg_rows *rows = NULL;
	enum pg_next what;
	int rc;

	for (;;) {
		if (pg_next(r->c, &what, &rows, e) == -1)
			return -1;
		switch (what) {
		case PG_NEXT_DONE:
			return 0;
		case PG_NEXT_ROWS:
			rc = take_next(r, rows, timeline, at, e);
			pg_rows_free(rows);
			if (rc == -1)
				return -1;
			break;
		case PG_NEXT_COPY_BOTH:
			r->streaming = true;
			if (take_all(r, e) == -1 || finish(r, e) == -1)
				return -1;
			break;
		default:
			return err_set(e, ERR_CORRUPT, "the server did not "
			    "answer START_REPLICATION with a stream");
		}
	}
}

static int
start(struct receiver *r, struct err *e)
{
	char command[192], lsn[LSN_TEXT_MAX];
	const char *slot = r->o->slot;

	r->position = growing_start(&r->grow);
	snprintf(command, sizeof command,
	    "START_REPLICATION %s%s PHYSICAL %s TIMELINE %" PRIu32,
	    slot != NULL ? "SLOT " : "", slot != NULL ? slot : "",
	    lsn_text(r->position, lsn), r->grow.name.timeline);
	log_info("receiving from %s on timeline %" PRIu32, lsn,
	    r->grow.name.timeline);
	return pg_send(r->c, command, e);
}

int
receiver_stream(struct receiver *r, struct err *e)
{
	char text[LSN_TEXT_MAX], here[LSN_TEXT_MAX];

	r->over = r->o->end != 0 && receiver_durable(r) >= r->o->end;
	while (!r->over) {
		uint32_t next = 0;
		uint64_t at = 0;

		if (start(r, e) == -1 || take_results(r, &next, &at, e) == -1)
			return -1;
		if (r->over)
			break;
		if (next == 0)
			return err_set(e, ERR_PG, "the server has ended the "
			    "stream");
		if (growing_publish(&r->grow, r->o, e) == -1)
			return -1;
		if (receiver_durable(r) != at)
			return err_set(e, ERR_CORRUPT, "timeline %" PRIu32
			    " ended at %s, but came to %s",
			    r->grow.name.timeline, lsn_text(at, text),
			    lsn_text(receiver_durable(r), here));
		log_info("timeline %" PRIu32 " ended at %s, %" PRIu32
		    " follows", r->grow.name.timeline, text, next);
		if (receiver_move(r, next, at, e) == -1)
			return -1;
	}
	return 0;
}
