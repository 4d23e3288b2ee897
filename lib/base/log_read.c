#include "base/log_read.h"

#include <stdlib.h>

#include "archive/archive.h"
#include "base/files.h"
#include "log/log.h"
#include "lsn/lsn.h"
#include "stop/stop.h"
#include "wal/wal.h"

struct base_log_reader {
	struct base_log log;
	struct base_changed *out;
	struct archive *archive;
	struct wal_walk walk;
	uint64_t next; /* the segment to be read: its first byte */
	uint64_t to;   /* 0: not known yet */
	bool absent;   /* the server has no such segment */
	bool ended;    /* the backup's end was met */
};

static int
take_change(void *ctx, uint64_t lsn, const struct wal_change *c,
    struct err *e)
{
	struct base_log_reader *r = ctx;

	if (lsn < r->log.from)
		return 0;
	if (c->what == WAL_BACKUP && c->start == r->log.from)
		r->ended = true;
	return base_changed_add(r->out, c, e);
}

/* A stage that walks over what is sent. */
struct stage {
	struct sink base;
	struct base_log_reader *r;
};

static int
take(struct sink *s, const void *data, size_t len, struct err *e)
{
	return wal_walk_take(&((struct stage *)s)->r->walk, data, len, e);
}

static int
from_archive(struct base_log_reader *r, const char *name, struct err *e)
{
	static const struct sink_ops ops = { take, NULL, NULL };
	struct stage stage = { { &ops }, r };

	return archive_send(r->archive, name, r->log.keys, false,
	    &stage.base, e);
}

static int
take_part(void *ctx, size_t number, const void *data, size_t len,
    struct err *e)
{
	struct base_log_reader *r = ctx;

	(void)number;
	r->absent = r->absent || data == NULL;
	return r->absent ? 0 : wal_walk_take(&r->walk, data, len, e);
}

/* Its first `len` bytes. */
static int
from_server(struct base_log_reader *r, const char *name, uint64_t len,
    struct err *e)
{
	struct base_part parts[BASE_PARTS_MAX];

	r->absent = false;
	for (uint64_t at = 0; at < len && !r->absent;) {
		size_t n = 0;

		for (; n < BASE_PARTS_MAX && at < len; n++) {
			const uint64_t left = len - at;

			parts[n] = (struct base_part){ name, at,
				left < BASE_PART_MAX ? (uint32_t)left :
				BASE_PART_MAX };
			at += parts[n].len;
		}
		if (base_files_read(r->log.pg, "./pg_wal", parts, n,
		    take_part, r, e) == -1)
			return -1;
	}
	return r->absent ? err_set(e, ERR_ABSENT, "it is not in the server's "
	    "pg_wal") : 0;
}

/*
 * Where the archive fails, the server may still do: 0, and `absent` when there
 * is no such segment yet.
 */
static int
try_archive(struct base_log_reader *r, const char *name, bool *absent,
    struct err *e)
{
	const struct wal_walk before = r->walk;
	struct err why = ERR_INIT;

	if (from_archive(r, name, &why) == 0)
		return 1;
	if (stop_requested() != 0 || why.kind == ERR_NOMEM ||
	    why.kind == ERR_REFUSED)
		return err_pass(e, &why);
	r->walk = before;
	*absent = why.kind == ERR_ABSENT;
	if (why.kind == ERR_CORRUPT)
		log_warning("the archive's \"%s\": %s", name, why.text);
	else
		log_debug("the archive's \"%s\": %s", name, why.text);
	return 0;
}

/* Likewise, its first `len` bytes. */
static int
try_server(struct base_log_reader *r, const char *name, uint64_t len,
    struct err *e)
{
	const struct wal_walk before = r->walk;
	struct err why = ERR_INIT;

	if (from_server(r, name, len, &why) == 0)
		return 1;
	if (why.kind != ERR_ABSENT)
		return err_pass(e, &why);
	r->walk = before;
	return 0;
}

/*
 * The last segment may be in the archive later only; any may have come there,
 * and have left the server, since it was looked for.
 */
static int
read_segment(struct base_log_reader *r, uint64_t begin, struct err *e)
{
	const struct base_log *l = &r->log;
	const bool last = r->to != 0 && r->to - begin < l->segment_size;
	const uint64_t len = !last ? l->segment_size :
	    r->to - r->to % WAL_PAGE + WAL_PAGE - begin;
	char name[LSN_NAME_MAX];
	bool absent = true;
	int rc = 0;

	lsn_segment_of(l->timeline, begin, l->segment_size, name);
	log_debug("reading WAL segment %s", name);
	if (!last)
		rc = try_archive(r, name, &absent, e);
	if (rc == 0)
		rc = try_server(r, name, len, e);
	if (rc == 0 && absent)
		rc = try_archive(r, name, &absent, e);
	if (rc == 0)
		err_set(e, ERR_REFUSED, "WAL segment %s is neither in the "
		    "store, to be read from here, nor in the server's pg_wal",
		    name);
	return rc == 1 ? 0 : -1;
}

/* Segments that begin up to `last`. */
static int
read_up_to(struct base_log_reader *r, uint64_t last, struct err *e)
{
	for (; r->next <= last && !r->walk.ended;
	    r->next += r->log.segment_size)
		if (stop_check(e) == -1 ||
		    read_segment(r, r->next, e) == -1)
			return -1;
	return 0;
}

static int
cannot_follow(const struct base_log_reader *r, struct err *e)
{
	char lsn[LSN_TEXT_MAX];

	return err_set(e, ERR_REFUSED, "the log cannot be followed behind %s",
	    lsn_text(r->walk.next, lsn));
}

int
base_log_until(struct base_log_reader *r, uint64_t lsn, struct err *e)
{
	const uint64_t size = r->log.segment_size;

	if (lsn < size)
		return 0;
	if (read_up_to(r, lsn - lsn % size - size, e) == -1)
		return -1;
	return r->walk.ended ? cannot_follow(r, e) : 0;
}

/*
 * A server that was put back to an earlier state, by a snapshot of its disk
 * say, goes on with a log of its own under the same names.
 */
static int
check_ended(const struct base_log_reader *r, struct err *e)
{
	return r->ended || !r->log.ended ? 0 : err_set(e, ERR_REFUSED,
	    "the log does not tell of the end of the backup to build on: that "
	    "was taken from a standby, or this server was put back to an "
	    "earlier state");
}

int
base_log_to(struct base_log_reader *r, uint64_t to, struct err *e)
{
	if (to < r->next) /* a standby's backup begins in the past */
		return check_ended(r, e);
	r->to = r->walk.limit = to;
	if (read_up_to(r, to, e) == -1)
		return -1;
	return r->walk.ended && r->walk.next == to ? check_ended(r, e) :
	    cannot_follow(r, e);
}

struct base_log_reader *
base_log_open(const struct base_log *log, struct base_changed *out,
    struct err *e)
{
	struct base_log_reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_nomem(e);
		return NULL;
	}
	r->log = *log;
	r->out = out;
	r->next = log->from - log->from % log->segment_size;
	r->walk = (struct wal_walk)WAL_WALK_INIT(NULL, r);
	r->walk.on_change = take_change;
	if ((r->archive = archive_open(log->store, e)) == NULL) {
		free(r);
		return NULL;
	}
	archive_set_threads(r->archive, log->threads);
	return r;
}

void
base_log_close(struct base_log_reader *r)
{
	if (r == NULL)
		return;
	archive_close(r->archive);
	free(r);
}
