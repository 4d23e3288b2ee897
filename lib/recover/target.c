/*
 * Whether the log has what ends recovery at the target; a server that meets the
 * log's end first does not start. It stops (xlogrecovery.c) at the first
 *
 *	time    end of a transaction that is later, or with `exclusive` as late
 *	LSN     record that begins there or behind it
 *	xid     end of this transaction
 *	name    restore point of this name
 *
 * and that must lie behind the backup's end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "recover/recover_int.h"

#define MICRO 1000000 /* in a second */

bool
target_is_searched(const struct recover_options *o)
{
	return o->target == RECOVER_XID || o->target == RECOVER_NAME;
}

const char *
target_moment(int64_t micro, char *out, size_t size)
{
	int64_t rest = (micro % MICRO + MICRO) % MICRO;
	const struct recover_options o = { .target = RECOVER_TIME,
		.time = (micro - rest) / MICRO, .micro = (unsigned)rest };

	recover_target_text(&o, out, size);
	return out;
}

/* of times and places */

static int
look_at_time(const struct recover *r)
{
	const struct recover_options *o = r->o;
	int64_t when;

	if (r->last.what == ARCHIVE_LAST_NONE)
		return TARGET_BEYOND;
	if (r->last.what == ARCHIVE_LAST_UNKNOWN)
		return TARGET_UNKNOWN;
	if (__builtin_mul_overflow(o->time, MICRO, &when) ||
	    __builtin_add_overflow(when, o->micro, &when))
		return TARGET_UNKNOWN;
	return when < r->last.time || (o->exclusive &&
	    when == r->last.time) ? TARGET_REACHED : TARGET_BEYOND;
}

/* of transactions and names */

struct search {
	const struct recover_options *o;
	uint32_t xid;
	uint64_t found; /* where its record begins, or 0 */
	uint64_t at;
	struct progress *progress;
};

static int
match(void *ctx, const struct wal_event *ev, struct err *e)
{
	struct search *s = ctx;
	bool is_it = s->o->target == RECOVER_NAME ? ev->what == WAL_POINT &&
	    strcmp(ev->name, s->o->word) == 0 : ev->what != WAL_POINT &&
	    ev->xid == s->xid;

	(void)e;
	progress_add(s->progress, ev->lsn - s->at);
	s->at = ev->lsn;
	if (is_it)
		s->found = ev->lsn;
	return is_it;
}

/*
 * Sets are tried from the newest on: what lies behind the start of the one
 * before, on the same path, has been searched for it.
 */
static int
search(struct recover *r, const struct archive_path *p, uint64_t start,
    struct err *e)
{
	struct recover_search *done = &r->search;
	struct search s = { .o = r->o, .at = start };
	uint64_t to = p->end;
	int rc;

	/* servers take 64 bits and heed 32 */
	if (s.o->target == RECOVER_XID)
		s.xid = (uint32_t)strtoull(s.o->word, NULL, 10);
	if (done->timeline == p->history->timeline && done->end == p->end &&
	    start <= done->from)
		to = done->from;
	else
		done->found = 0;
	s.progress = progress_new("looking for the target", to - start,
	    PROGRESS_BYTES);
	rc = archive_events(p, start, to, match, &s, NULL, e);
	progress_free(s.progress);
	if (rc == -1)
		return -1;
	done->timeline = p->history->timeline;
	done->end = p->end;
	done->from = start;
	if (s.found != 0)
		done->found = s.found;
	return 0;
}

static int
look_for(struct recover *r, const struct archive_path *p, uint64_t start,
    uint64_t end, struct err *e)
{
	struct err why = ERR_INIT;

	if (search(r, p, start, &why) == -1) {
		if (why.kind != ERR_KEY && why.kind != ERR_CORRUPT)
			return err_pass(e, &why);
		log_info("the target is not looked for: %s", why.text);
		return TARGET_UNKNOWN;
	}
	return r->search.found == 0 ? TARGET_BEYOND :
	    r->search.found < end ? TARGET_BEFORE : TARGET_REACHED;
}

int
target_look(struct recover *r, const struct archive_path *p, uint64_t start,
    uint64_t end, struct err *e)
{
	if (archive_last(p, start, false, &r->last, e) == -1)
		return -1;
	switch (r->o->target) {
	case RECOVER_TIME:
		/* a clock may have been set back a little */
		if (look_at_time(r) == TARGET_BEYOND &&
		    archive_last(p, start, true, &r->last, e) == -1)
			return -1;
		return look_at_time(r);
	case RECOVER_LSN:
		return r->last.record == 0 ? TARGET_UNKNOWN :
		    r->o->lsn <= r->last.record ? TARGET_REACHED :
		    TARGET_BEYOND;
	case RECOVER_XID:
	case RECOVER_NAME:
		return look_for(r, p, start, end, e);
	case RECOVER_LATEST:
		break;
	}
	return TARGET_UNKNOWN;
}

/* what is said */

static int
refuse_time(const struct recover *r, const struct repo_set *set,
    const char *target, struct err *e)
{
	char last[256], sure[256], more[] = "or wait until more WAL is "
	    "archived";

	if (r->last.what == ARCHIVE_LAST_NONE) {
		err_set(e, ERR_REFUSED, "the archive does not reach the "
		    "target, %s: no transaction in it has ended since \"%s\" "
		    "was begun", target, set->name);
		return err_hint(e, "--latest takes all there is; %s", more);
	}
	err_set(e, ERR_REFUSED, "the archive does not reach the target, %s: "
	    "its last transaction ended at %s", target,
	    target_moment(r->last.time, last, sizeof last));
	if (r->last.time - 1 < (set->end + 1) * MICRO)
		return err_hint(e, "--latest takes all there is; %s", more);
	return err_hint(e, "--target-time '%s' is the last that can be "
	    "reached, and --latest takes all there is; %s",
	    target_moment(r->last.time - 1, sure, sizeof sure), more);
}

int
target_refuse(const struct recover *r, const struct repo_set *set,
    enum target_answer answer, struct err *e)
{
	char target[256], lsn[LSN_TEXT_MAX];

	recover_target_text(r->o, target, sizeof target);
	if (r->o->target == RECOVER_TIME)
		return refuse_time(r, set, target, e);
	if (r->o->target == RECOVER_LSN) {
		err_set(e, ERR_REFUSED, "the archive does not reach the "
		    "target, %s: its last record begins at %s", target,
		    lsn_text(r->last.record, lsn));
		return err_hint(e, "--latest takes all there is; or wait until "
		    "more WAL is archived");
	}
	if (answer == TARGET_BEFORE)
		return err_set(e, ERR_REFUSED, "the target, %s, is at %s, "
		    "before the end of \"%s\"", target,
		    lsn_text(r->search.found, lsn), set->name);
	err_set(e, ERR_REFUSED, "the target, %s, is not in the archive's WAL "
	    "from the start of \"%s\" on", target, set->name);
	return err_hint(e, "is it on another timeline, or not archived yet?");
}
