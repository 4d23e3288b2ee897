/* The WAL: what the base backups say of it, and its deletion. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "prune/prune_int.h"
#include "stop/stop.h"

struct work {
	const struct prune_options *o;
	struct archive *archive;
	const struct archive_list *wal;
	int64_t keep;
	struct prune_base *bases;
	size_t base_count;
	struct lsn_history *histories;
	size_t history_count;
	struct prune_wal *out;
};

/* 1: of this cluster, into *b; 0: of another; -1. */
static int
read_base(const struct repo_set *set, bool has_system, uint64_t system,
    struct prune_base *b, struct err *e)
{
	if (set->lsn == NULL || set->end_lsn == NULL || set->timeline == 0 ||
	    set->system_identifier == NULL ||
	    lsn_parse(set->lsn, &b->lsn, NULL) == -1 ||
	    lsn_parse(set->end_lsn, &b->end_lsn, NULL) == -1)
		return err_set(e, ERR_CORRUPT, "nothing of kind \"wal\" was "
		    "deleted: base backup \"%s\" does not say which it "
		    "needs", set->name);
	if (has_system && strtoull(set->system_identifier, NULL, 10) !=
	    system)
		return 0;
	b->name = set->name;
	b->timeline = set->timeline;
	return 1;
}

/*
 * When a set ended: not before those that were published before it, whatever
 * its date. A clock that was set back makes a young one look old, and with it
 * all WAL before it.
 */
static int64_t
end_of(const struct repo_list *list, const struct repo_set *set)
{
	int64_t end = set->end;

	for (size_t i = 0; i < list->count; i++)
		if (list->sets[i]->sequence < set->sequence &&
		    list->sets[i]->end > end)
			end = list->sets[i]->end;
	return end;
}

static int
read_bases(struct work *w, struct repo *r, const struct prune_sets *sets,
    struct err *e)
{
	struct err why = ERR_INIT;
	bool has_system = true;
	uint64_t system;

	if (archive_system(w->archive, &system, &why) == -1) {
		if (why.kind != ERR_ABSENT)
			return err_pass(e, &why);
		has_system = false;
	}
	w->bases = calloc(sets->list.count + 1, sizeof *w->bases);
	if (w->bases == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < sets->list.count; i++) {
		const struct repo_set *set = sets->list.sets[i];
		struct prune_base *b = &w->bases[w->base_count];
		int rc = read_base(set, has_system, system, b, e);

		if (rc == -1)
			return -1;
		if (rc == 0)
			continue;
		if (set->wal_segment_size != 0 &&
		    set->wal_segment_size != w->wal->segment_size)
			return err_set(e, ERR_CORRUPT, "nothing of kind "
			    "\"wal\" was deleted: base backup \"%s\" is of "
			    "a server with another segment size", set->name);
		b->end = end_of(&sets->list, set);
		b->kept = sets->gone == NULL || !sets->gone[i];
		/* of a younger one nothing is old enough to go */
		b->read = b->kept && !w->o->dry_run &&
		    b->end < w->o->now - w->keep && prune_is_read(r, set);
		w->base_count++;
	}
	return 0;
}

/* The set its chain begins with, among those kept; or itself. */
static const char *
chain_begin(const struct prune_sets *sets, const char *name)
{
	size_t steps, i = 0;

	for (steps = 0; steps <= sets->list.count; steps++) {
		const char *parent;

		for (i = 0; i < sets->list.count; i++)
			if (strcmp(sets->list.sets[i]->name, name) == 0)
				break;
		if (i == sets->list.count)
			break;
		if ((parent = sets->list.sets[i]->parent) == NULL)
			return name;
		name = parent;
	}
	return NULL;
}

/* From where on the WAL is to be without a gap. */
static void
choose_onward(struct work *w, const struct prune_sets *sets)
{
	const struct prune_base *best = NULL;
	const char *begin;

	for (size_t i = 0; i < w->base_count; i++) {
		const struct prune_base *b = &w->bases[i];

		if (b->kept && b->end < w->o->now - w->keep &&
		    (best == NULL || b->end > best->end))
			best = b;
	}
	if (best == NULL || (begin = chain_begin(sets, best->name)) == NULL)
		return;
	for (size_t i = 0; i < w->base_count; i++)
		if (strcmp(w->bases[i].name, begin) == 0)
			w->bases[i].onward = true;
}

/* Add a timeline's history, once; one that cannot be read proves nothing. */
static int
read_history(struct work *w, uint32_t timeline, struct err *e)
{
	struct err why = ERR_INIT;
	void *p;

	if (timeline <= 1)
		return 0;
	for (size_t i = 0; i < w->history_count; i++)
		if (w->histories[i].timeline == timeline)
			return 0;
	p = buf_more(w->histories, w->history_count, sizeof *w->histories, e);
	if (p == NULL)
		return -1;
	w->histories = p;
	if (archive_history(w->archive, timeline, w->o->keys,
	    &w->histories[w->history_count], &why) == 0) {
		w->history_count++;
		return 0;
	}
	if (why.kind != ERR_ABSENT && why.kind != ERR_KEY)
		return err_pass(e, &why);
	log_info("WAL of timelines before %" PRIu32 " is kept: %s", timeline,
	    why.text);
	return 0;
}

static int
read_histories(struct work *w, struct err *e)
{
	uint32_t last = 0;

	for (size_t i = 0; i < w->base_count; i++)
		if (read_history(w, w->bases[i].timeline, e) == -1)
			return -1;
	for (size_t i = 0; i < w->wal->count; i++) {
		uint32_t timeline = w->wal->files[i].name.timeline;

		if (timeline != last && read_history(w, timeline, e) == -1)
			return -1;
		last = timeline;
	}
	return 0;
}

static void
give_reason(const struct work *w, const struct prune_wal *d,
    char reason[PRUNE_REASON])
{
	const char *name = d->base != NULL ? d->base->name : "";
	char keep[UNIT_TEXT_MAX];

	unit_duration(w->keep, keep);
	switch (d->why) {
	case PRUNE_WAL_HISTORY:
		snprintf(reason, PRUNE_REASON, "a timeline's history");
		break;
	case PRUNE_WAL_NEEDED:
		snprintf(reason, PRUNE_REASON, "%.120s needs it", name);
		break;
	case PRUNE_WAL_READ:
		snprintf(reason, PRUNE_REASON, "behind %.100s, which is being "
		    "read", name);
		break;
	case PRUNE_WAL_ONWARD:
		snprintf(reason, PRUNE_REASON, "%.100s can be recovered along "
		    "it", name);
		break;
	case PRUNE_WAL_YOUNG:
		snprintf(reason, PRUNE_REASON, w->base_count == 0 ? "there is "
		    "no base backup" : "no base backup behind it is older "
		    "than %s", keep);
		break;
	case PRUNE_WAL_BRANCH:
		snprintf(reason, PRUNE_REASON, "of a timeline that %.90s can "
		    "take", name);
		break;
	case PRUNE_WAL_LIVE:
		snprintf(reason, PRUNE_REASON, "of the newest timeline");
		break;
	case PRUNE_WAL_OLD:
		snprintf(reason, PRUNE_REASON, "before %.100s, older than %s",
		    name, keep);
		break;
	case PRUNE_WAL_DEAD:
		snprintf(reason, PRUNE_REASON, "of a timeline that no base "
		    "backup reaches, left before %.80s", name);
		break;
	}
}

/* Files i to end - 1 have one fate and follow each other. */
static size_t
range_end(const struct work *w, size_t i)
{
	const struct lsn_name *first = &w->wal->files[i].name, *last = first;
	size_t end = i + 1;

	for (; end < w->wal->count; end++) {
		const struct lsn_name *next = &w->wal->files[end].name;

		if (w->out[end].why != w->out[i].why ||
		    w->out[end].base != w->out[i].base ||
		    next->timeline != first->timeline ||
		    next->kind == LSN_HISTORY ||
		    first->kind == LSN_HISTORY ||
		    next->segment > last->segment + 1)
			break;
		last = next;
	}
	return end;
}

static void
name_range(const struct work *w, size_t i, size_t end, struct prune_range *r)
{
	struct lsn_name first = w->wal->files[i].name;
	struct lsn_name last = w->wal->files[end - 1].name;
	char from[LSN_NAME_MAX], to[LSN_NAME_MAX];
	size_t same = 0;

	if (first.kind != LSN_HISTORY)
		first.kind = last.kind = LSN_SEGMENT;
	lsn_write_name(&first, w->wal->segment_size, from);
	lsn_write_name(&last, w->wal->segment_size, to);
	while (from[same] != '\0' && from[same] == to[same])
		same++;
	if (from[same] == '\0')
		snprintf(r->name, sizeof r->name, "%s", from);
	else
		snprintf(r->name, sizeof r->name, "%s..%s", from,
		    to + same / 2 * 2);
	r->segments = r->stored = 0;
	for (size_t k = i; k < end; k++) {
		const struct archive_file *f = &w->wal->files[k];

		r->stored += f->stored;
		r->segments += f->name.kind != LSN_HISTORY && (k == i ||
		    f->name.segment != f[-1].name.segment);
	}
	give_reason(w, &w->out[i], r->reason);
}

static int
delete_range(const struct work *w, size_t i, size_t end, struct err *e)
{
	for (; i < end; i++) {
		struct err why = ERR_INIT;

		if (stop_check(e) == -1)
			return -1;
		if (archive_delete(w->archive, &w->wal->files[i],
		    &why) == -1 && why.kind != ERR_ABSENT)
			return err_pass(e, &why);
	}
	return 0;
}

/* The oldest first: what a run that ends early leaves has no gap. */
static int
carry_out(const struct work *w, struct err *e)
{
	size_t end;

	for (size_t i = 0; i < w->wal->count; i = end) {
		bool goes = w->out[i].verdict == PRUNE_DELETE;
		struct prune_range range;

		end = range_end(w, i);
		name_range(w, i, end, &range);
		if (goes && !w->o->dry_run) {
			if (delete_range(w, i, end, e) == -1)
				return -1;
			log_record("deleted WAL %s: %s", range.name,
			    range.reason);
		}
		if (w->o->report_wal != NULL)
			w->o->report_wal(w->o->ctx, &range, goes);
	}
	return 0;
}

/* Keep all when the base backups, that prove the age, are in doubt. */
static int
check_bases(struct work *w, const struct prune_sets *bases, struct err *e)
{
	char reason[PRUNE_REASON];
	const char *hint = NULL;
	bool some = false;

	for (size_t i = 0; i < w->wal->count; i++)
		some = some || w->out[i].verdict == PRUNE_DELETE;
	if (!some)
		return 0;
	if (!prune_clock(&bases->list, w->o->now, w->keep, reason))
		hint = PRUNE_CLOCK_HINT;
	else if (!w->o->allow_shrunken &&
	    prune_shrunken(&bases->list, reason))
		hint = PRUNE_SHRUNKEN_HINT;
	if (hint == NULL)
		return 0;
	return prune_refuse(REPO_WAL, reason, hint, e);
}

int
prune_wal(const struct prune_options *o, struct repo *r,
    struct archive *archive, const struct archive_list *wal,
    struct prune_sets *bases, struct err *e)
{
	struct work w = { .o = o, .archive = archive, .wal = wal,
		.keep = o->conf->policy.kind[REPO_WAL].keep };
	int rc = -1;

	if (repo_recover(r, REPO_WAL, o->dry_run, NULL, e) == -1 ||
	    (!bases->loaded && prune_load(r, REPO_WAL, REPO_INCREMENTAL,
	        bases, e) == -1))
		return -1;
	if ((w.out = calloc(wal->count + 1, sizeof *w.out)) == NULL)
		return err_nomem(e);
	if (read_bases(&w, r, bases, e) == -1 || read_histories(&w, e) == -1)
		goto done;
	choose_onward(&w, bases);
	prune_judge_wal(wal, w.bases, w.base_count, w.histories,
	    w.history_count, o->now, w.keep, w.out);
	if (check_bases(&w, bases, e) == 0)
		rc = carry_out(&w, e);
done:
	for (size_t i = 0; i < w.history_count; i++)
		lsn_history_free(&w.histories[i]);
	free(w.histories);
	free(w.bases);
	free(w.out);
	return rc;
}
