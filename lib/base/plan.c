#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_int.h"
#include "log/log.h"
#include "lsn/lsn.h"
#include "unit/unit.h"

#define INTERVAL_SLACK 300 /* cron is not to the second */

/*
 * WAL summaries need a server that records every change of a page. Since 17.11
 * and 18.6 clearing a bit of a visibility map names the map's page; before,
 * an incremental backup could keep a stale map. And when a table shrinks the
 * last page of its map is recorded only with data checksums or wal_log_hints.
 */
static bool
has_known_faults(int version)
{
	return (version / 10000 == 17 && version < 170011) ||
	    (version / 10000 == 18 && version < 180006);
}

/* Why the server's summaries cannot be used, or NULL. */
static const char *
why_no_summaries(const struct base_run *r)
{
	const struct base_server *s = &r->server;

	if (s->version < 170000)
		return "PostgreSQL has them from 17 on";
	if (!s->summaries)
		return "summarize_wal is off";
	if (!s->checksums && !s->hint_bits)
		return "data checksums and wal_log_hints are both off: the log "
		    "then lacks changes of visibility maps";
	return r->no_summaries[0] != '\0' ? r->no_summaries : NULL;
}

static const char *
version_fault(const struct base_run *r)
{
	return has_known_faults(r->server.version) ? "before 17.11 and 18.6 "
	    "incremental backups of the server could hold stale visibility "
	    "maps" : NULL;
}

static int
choose_method(struct base_run *r, struct err *e)
{
	const char *why = why_no_summaries(r);
	const char *fault = version_fault(r);

	r->plan.method = r->o->method;
	switch (r->o->method) {
	case BASE_BLOCKS:
		return 0;
	case BASE_WAL: /* which the incremental ones will need */
		r->plan.method = BASE_BLOCKS;
		return 0;
	case BASE_SUMMARIES:
		if (why != NULL)
			return err_set(e, ERR_REFUSED, "WAL summaries cannot "
			    "be used: %s", why);
		if (fault != NULL)
			log_warning("%s", fault);
		return 0;
	default:
		if (why == NULL)
			why = fault;
		if (why != NULL && r->server.version >= 170000)
			log_info("no WAL summaries: %s", why);
		r->plan.method = why == NULL ? BASE_SUMMARIES : BASE_BLOCKS;
		return 0;
	}
}

/* Which way, when it is neither full nor by summaries. */
static void
choose_wal(struct base_run *r)
{
	if (r->plan.method == BASE_SUMMARIES || r->o->method == BASE_BLOCKS)
		return;
	if (r->no_wal[0] == '\0')
		r->plan.method = BASE_WAL;
	else
		log_info("not by the log: %s", r->no_wal);
}

static void
age(const struct base_run *r, char *reason)
{
	int64_t interval = r->o->interval;
	char text[UNIT_TEXT_MAX];

	if (interval > 12 * INTERVAL_SLACK)
		interval -= INTERVAL_SLACK;
	if (r->o->mode == BASE_AUTO && interval > 0 &&
	    unit_now() - r->parent.full->start >= interval)
		snprintf(reason, BASE_REASON_MAX, "the last full one, \"%s\", "
		    "is older than %s", r->parent.full->name,
		    unit_duration(r->o->interval, text));
}

static void
check_objects(const struct base_run *r, char *reason)
{
	const char *role = r->plan.method == BASE_SUMMARIES ? "manifest" :
	    "blocks";

	if (repo_object(r->parent.set, role) == NULL)
		snprintf(reason, BASE_REASON_MAX, "set \"%s\" has no object "
		    "\"%s\"", r->parent.set->name, role);
}

int
base_plan(struct base_run *r, struct err *e)
{
	char reason[BASE_REASON_MAX] = "";

	if (choose_method(r, e) == -1)
		return -1;
	r->plan.incremental = false;
	if (r->o->mode == BASE_FULL)
		return 0;
	if (base_parent_find(r, reason, e) == -1)
		return -1;
	if (*reason == '\0')
		age(r, reason);
	if (*reason == '\0')
		check_objects(r, reason);
	if (*reason == '\0')
		snprintf(reason, sizeof reason, "%s", r->no_increment);
	if (*reason == '\0') {
		r->plan.incremental = true;
		choose_wal(r);
		log_info("an incremental backup upon \"%s\"",
		    r->parent.set->name);
		return 0;
	}
	if (r->o->mode == BASE_INCREMENTAL)
		return err_set(e, ERR_REFUSED, "no incremental backup can be "
		    "made: %s", reason);
	log_info("a full backup: %s", reason);
	return 0;
}

/* An object of the parent, its bytes proven. */
static struct blob *
open_proven(struct base_run *r, const char *role, struct err *e)
{
	const struct repo_object *o = repo_object(r->parent.set, role);
	struct blob *b = repo_object_open(r->repo, r->parent.set, o, e);
	struct digest sum;

	if (b == NULL)
		return NULL;
	if (digest_blob(b, &sum, e) == 0) {
		if (digest_same(&sum, &o->sum))
			return b;
		err_set(e, ERR_CORRUPT, "\"%s\" has another sum than was "
		    "recorded", o->name);
	}
	blob_free(b);
	return NULL;
}

static struct base_changes *
open_logged(struct base_run *r, struct blob *parent, struct err *e)
{
	const struct base_options *o = r->o;
	struct base_logged how = { .target = o->target,
		.store = repo_store(r->repo), .keys = o->identities,
		.threads = o->jobs, .system = r->server.system,
		.timeline = r->server.timeline,
		.segment_size = r->server.segment_size,
		.position = r->server.position, .again = &r->again,
		.label = base_label(o), .lines = r->lines, .fast = o->fast,
		.check = r->server.checksums, .max_rate = o->max_rate };

	if (lsn_parse(r->parent.set->lsn, &how.from, e) == -1) {
		blob_free(parent);
		return NULL;
	}
	return base_logged_new(&how, parent, e);
}

/* What backup_label says of the parent. */
static void
parent_lines(struct base_run *r)
{
	const struct repo_set *p = r->parent.set;

	snprintf(r->lines, sizeof r->lines, "INCREMENTAL FROM LSN: %s\n"
	    "INCREMENTAL FROM TLI: %" PRIu32 "\n", p->lsn, p->timeline);
}

int
base_open_changes(struct base_run *r, struct err *e)
{
	const bool blocks = r->plan.method != BASE_SUMMARIES;
	struct blob *b = NULL;

	base_changes_free(r->changes);
	r->changes = NULL;
	blob_free(r->manifest);
	r->manifest = NULL;
	if (!r->plan.incremental && !blocks)
		return 0;
	if (r->plan.incremental && (b = open_proven(r, blocks ? "blocks" :
	    "manifest", e)) == NULL)
		return -1;
	if (r->plan.incremental)
		parent_lines(r);
	if (r->plan.method == BASE_WAL) {
		r->changes = open_logged(r, b, e);
	} else if (blocks) {
		r->changes = base_hashes_new(b, e);
	} else {
		r->manifest = b;
		r->changes = base_summaries_new(b, e);
	}
	return r->changes == NULL ? -1 : 0;
}
