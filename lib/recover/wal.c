#include <stdlib.h>
#include <string.h>

#include "age/age.h"
#include "recover/recover_int.h"

/* What is known of the archive, as far as one set is concerned. */
struct way {
	struct archive *archive;
	struct archive_list list;
	struct archive_reach reach;
	uint64_t start, end; /* of the set */
};

static int
check_system(const struct recover *r, struct way *w, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t id;

	if (archive_system(w->archive, &id, &why) == -1) {
		if (why.kind != ERR_ABSENT)
			return err_pass(e, &why);
		err_set(e, ERR_REFUSED, "no WAL is archived in this store: "
		    "a base backup cannot be used without");
		return err_hint(e, "archive_command is \"pgk-wal push %%p\"");
	}
	if (id != r->system)
		return err_set(e, ERR_REFUSED, "the WAL in this store is of "
		    "another cluster, system identifier %llu and not %llu",
		    (unsigned long long)id, (unsigned long long)r->system);
	return 0;
}

/*
 * The newest timeline: of those that come from the set's. When it is for us to
 * choose the set and the newest of all does not come from there, either may be
 * what was given up.
 */
static int
choose_newest(const struct recover *r, const struct repo_set *set,
    const struct way *w, uint32_t *out, struct err *e)
{
	const struct age_keys *keys = r->o->keys;
	uint32_t newest = 1;

	if (archive_newest(w->archive, set->timeline, 0, keys, out, e) == -1 ||
	    archive_newest(w->archive, 1, 0, keys, &newest, e) == -1)
		return -1;
	if (r->o->set != NULL || newest <= *out)
		return 0;
	err_set(e, ERR_REFUSED, "\"%s\" is of timeline %u, from which the "
	    "newest, %u, does not come: one of the two was given up",
	    set->name, set->timeline, newest);
	return err_hint(e, "--target-timeline %u or --target-timeline %u",
	    *out, newest);
}

/* The timeline to follow and its ancestry; 1: the set does not lead to it. */
static int
choose_timeline(struct recover *r, const struct repo_set *set, struct way *w,
    struct err *e)
{
	const struct recover_options *o = r->o;
	uint32_t n = set->timeline;
	char end[LSN_TEXT_MAX];

	if (o->timeline == RECOVER_NUMBER)
		n = o->timeline_number;
	else if (o->timeline == RECOVER_NEWEST &&
	    choose_newest(r, set, w, &n, e) == -1)
		return -1;
	lsn_history_free(&r->history);
	memset(&r->history, 0, sizeof r->history);
	r->history.timeline = n;
	r->plan.timeline = n;
	if (n == set->timeline)
		return 0;
	if (archive_history(w->archive, n, o->keys, &r->history, e) == -1) {
		if (e->kind == ERR_ABSENT) {
			err_clear(e);
			err_set(e, ERR_REFUSED, "the archive has no history "
			    "of timeline %u", n);
		}
		return -1;
	}
	if (lsn_history_end(&r->history, set->timeline) >= w->end)
		return 0;
	err_set(e, ERR_REFUSED, "\"%s\" ends on timeline %u at %s, and "
	    "timeline %u does not lead over that", set->name, set->timeline,
	    lsn_text(w->end, end), n);
	err_hint(e, "--target-timeline current follows its own");
	return 1;
}

/* No key for the WAL is better known now than in the middle of recovery. */
static int
check_key(const struct recover *r, const struct way *w, uint32_t timeline,
    struct err *e)
{
	char name[LSN_NAME_MAX], have[LSN_NAME_MAX];
	struct blob *b;

	lsn_segment_of(timeline, w->start, w->list.segment_size, name);
	for (size_t i = 0; i < w->list.count; i++) {
		const struct archive_file *f = &w->list.files[i];
		size_t len = strlen(f->object);

		if (f->name.kind != LSN_SEGMENT || f->run || len < 4 ||
		    strcmp(f->object + len - 4, ".age") != 0 ||
		    strcmp(lsn_write_name(&f->name, w->list.segment_size,
		    have), name) != 0)
			continue;
		b = age_open(store_get(repo_store(r->repo), f->object, e),
		    r->o->keys, e);
		blob_free(b);
		return b != NULL ? 0 : err_prefix(e, "\"%s\"", f->object);
	}
	return 0;
}

static int
refuse_gap(const struct way *w, const char *why, struct err *e)
{
	char from[LSN_TEXT_MAX], to[LSN_TEXT_MAX], sure[LSN_TEXT_MAX];
	uint64_t last;

	err_set(e, ERR_REFUSED, "WAL segment %s is missing in the archive, %s",
	    w->reach.missing, why);
	if (w->reach.end < w->end)
		return err_hint(e, "this set cannot be used: name one that is "
		    "older or newer");
	/*
	 * A server stops at the first record that begins at a target or behind
	 * it: the last segment surely has one, but its end may be empty.
	 */
	last = (w->reach.end - 1) / w->list.segment_size *
	    w->list.segment_size;
	if (last < w->end)
		return err_hint(e, "from %s on all is there up to %s",
		    lsn_text(w->start, from), lsn_text(w->reach.end, to));
	return err_hint(e, "from %s on all is there up to %s: --target-lsn %s "
	    "is sure to be reached", lsn_text(w->start, from),
	    lsn_text(w->reach.end, to), lsn_text(last, sure));
}

/* A later set of this timeline shows that its WAL is of after the target. */
static bool
is_before_gap(const struct recover *r, const struct repo_set *set,
    const struct way *w)
{
	struct err ignored = ERR_INIT;
	uint64_t end;

	for (size_t i = 0; i < r->sets.count; i++) {
		const struct repo_set *s = r->sets.sets[i];

		if (s->timeline == set->timeline && s->start > r->o->time &&
		    s->system_identifier != NULL && strcmp(
		    s->system_identifier, set->system_identifier) == 0 &&
		    s->lsn != NULL && lsn_parse(s->lsn, &end, &ignored) == 0 &&
		    end > w->start && end <= w->reach.end)
			return true;
		err_clear(&ignored);
	}
	return false;
}

/* The timeline on which the way ends may be known to have gone further. */
static int
look_further(const struct recover *r, struct way *w, struct err *e)
{
	const uint32_t timeline = w->reach.end_timeline;
	const uint64_t end = lsn_history_end(&r->history, timeline);
	uint64_t left;

	if (w->reach.gap)
		return 0;
	if (archive_left(w->archive, timeline, r->o->keys, &left, e) == -1)
		return -1;
	left = left < end ? left : end;
	w->reach.gap = left / w->list.segment_size >
	    w->reach.end / w->list.segment_size;
	return 0;
}

/* 2: the set cannot be used at all, another might. */
static int
check_reach(const struct recover *r, const struct way *w, struct err *e)
{
	const struct recover_options *o = r->o;

	if (w->reach.end < w->end) {
		refuse_gap(w, "and the backup itself needs it", e);
		return 2;
	}
	if (o->target == RECOVER_LSN && o->lsn > w->reach.end)
		return refuse_gap(w, "and the target lies behind it", e);
	if (o->target == RECOVER_LATEST && w->reach.gap)
		return refuse_gap(w, "and there is more behind it", e);
	return 0;
}

/* 1: an older set may do. */
static int
check_target(struct recover *r, const struct repo_set *set,
    const struct way *w, struct err *e)
{
	const struct recover_options *o = r->o;
	const struct archive_path p = { w->archive, &r->history,
		w->list.segment_size, w->reach.end, w->reach.end_timeline,
		o->keys };
	const int answer = target_look(r, &p, w->start, w->end, e);

	switch (answer) {
	case -1:
		return -1;
	case TARGET_REACHED:
		return 0;
	case TARGET_UNKNOWN:
		if (!w->reach.gap || o->target == RECOVER_LSN ||
		    (o->target == RECOVER_TIME && is_before_gap(r, set, w)))
			return 0;
		refuse_gap(w, "and there is more behind it", e);
		break;
	case TARGET_BEYOND:
		if (w->reach.gap) {
			refuse_gap(w, "and the target lies behind it", e);
			break;
		}
		/* fall through */
	default:
		target_refuse(r, set, (enum target_answer)answer, e);
	}
	return target_is_searched(o) ? 1 : -1;
}

static int
look(struct recover *r, const struct repo_set *set, struct way *w,
    struct err *e)
{
	int rc;

	if ((w->archive = archive_open(repo_store(r->repo), e)) == NULL ||
	    check_system(r, w, e) == -1)
		return -1;
	if ((rc = choose_timeline(r, set, w, e)) != 0)
		return rc;
	if (archive_list(w->archive, set->wal_segment_size, &w->list, e) == -1)
		return -1;
	archive_reach(&w->list, &r->history, set->timeline, w->start, true,
	    &w->reach);
	if (look_further(r, w, e) == -1)
		return -1;
	if ((rc = check_reach(r, w, e)) != 0)
		return rc;
	if (check_key(r, w, set->timeline, e) == -1)
		return -1;
	return check_target(r, set, w, e);
}

int
wal_plan(struct recover *r, const struct repo_set *set, struct err *e)
{
	struct way w = { 0 };
	int rc;

	if (lsn_parse(set->lsn, &w.start, e) == -1 ||
	    lsn_parse(set->end_lsn, &w.end, e) == -1)
		return -1;
	if ((rc = look(r, set, &w, e)) == 0) {
		r->plan.wal_start = w.start;
		r->plan.consistent = w.end;
		r->plan.wal_end = w.reach.end;
		r->plan.wal_segments = w.reach.segments;
		r->plan.wal_stored = w.reach.stored;
		r->gap = w.reach.gap;
	}
	archive_list_free(&w.list);
	archive_close(w.archive);
	return rc;
}
