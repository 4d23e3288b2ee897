#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "base/base_int.h"
#include "log/log.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define NAP_FIRST_MS 100
#define NAP_MOST_MS 2000

static void
hint(struct err *e)
{
	err_hint(e, "archive_mode = on with archive_command = 'pgk-wal push "
	    "%%p', or pgk-wal receive, brings the log into the store");
}

int
base_wait_check(struct base_run *r, struct err *e)
{
	struct archive *a = archive_open(repo_store(r->repo), e);
	struct err why = ERR_INIT;
	uint64_t id;
	int rc = 0;

	if (a == NULL)
		return -1;
	if (archive_system(a, &id, &why) == -1) {
		if (why.kind != ERR_ABSENT)
			rc = err_pass(e, &why);
		else if (!r->server.archiving && r->o->wal_timeout > 0)
			rc = err_set(e, ERR_PG, "the store has no WAL and the "
			    "server archives none: this backup could not be "
			    "restored");
		if (why.kind == ERR_ABSENT && rc == -1)
			hint(e);
	} else if (id != r->server.system) {
		rc = err_set(e, ERR_REFUSED, "the store's WAL is of another "
		    "cluster (system identifier %" PRIu64 ", this is %s)", id,
		    r->server.system_text);
		err_hint(e, "each cluster needs a store of its own");
	}
	archive_close(a);
	return rc;
}

/* 1: all there; 0: not yet, `reach` tells. */
static int
look(struct base_run *r, struct archive *a, struct archive_reach *reach,
    struct err *e)
{
	struct lsn_history here = { .timeline = r->begin.timeline };
	struct archive_list list;

	if (archive_list(a, r->server.segment_size, &list, e) == -1)
		return -1;
	archive_reach(&list, &here, r->begin.timeline, r->begin.start, true,
	    reach);
	archive_list_free(&list);
	return reach->end >= r->end;
}

static int
nap(unsigned ms, struct err *e)
{
	const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
	return stop_check(e);
}

static int
give_up(struct base_run *r, const struct archive_reach *reach, struct err *e)
{
	char text[UNIT_TEXT_MAX], lsn[LSN_TEXT_MAX];

	err_set(e, ERR_PG, "the WAL of the backup is not in the store after "
	    "%s: %s%s is missing (needed up to %s)",
	    unit_duration(r->o->wal_timeout, text), reach->missing,
	    reach->missing[0] == '\0' ? "a segment" : "",
	    lsn_text(r->end, lsn));
	hint(e);
	return -1;
}

int
base_wait(struct base_run *r, struct err *e)
{
	double until = unit_clock() + (double)r->o->wal_timeout;
	struct archive *a = archive_open(repo_store(r->repo), e);
	struct archive_reach reach;
	unsigned ms = NAP_FIRST_MS;
	int rc;

	if (a == NULL)
		return -1;
	progress_stage(r->progress, "waiting for WAL", 0, PROGRESS_COUNT);
	while ((rc = look(r, a, &reach, e)) == 0) {
		if (unit_clock() >= until) {
			rc = give_up(r, &reach, e);
			break;
		}
		log_debug("waiting for %s", reach.missing);
		if ((rc = nap(ms, e)) == -1)
			break;
		ms = 2 * ms < NAP_MOST_MS ? 2 * ms : NAP_MOST_MS;
	}
	archive_close(a);
	return rc == 1 ? 0 : -1;
}
