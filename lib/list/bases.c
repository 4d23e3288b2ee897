/* Chains of base backups, and the WAL that leads on from each. */
#include <stdlib.h>
#include <string.h>

#include "list/list_int.h"
#include "log/log.h"

/* From a place on a timeline the newest one that comes from there. */
struct way {
	uint32_t from;
	uint64_t end;
	struct lsn_history h;
};

struct look {
	struct repo_set *const *sets;
	size_t count;
	struct archive *archive;
	struct archive_list wal;
	const struct age_keys *keys;
	uint64_t system;
	struct way *ways;
	size_t way_count;
};

/* NAME of the full one at the end of the way up, or NULL. */
static const char *
base_of(const struct look *l, size_t i)
{
	for (size_t steps = 0; steps <= l->count; steps++) {
		const char *parent = l->sets[i]->parent;
		size_t k;

		if (parent == NULL)
			return l->sets[i]->name;
		/* it lies a little before; backwards, and around the end */
		for (k = 1; k <= l->count; k++) {
			const struct repo_set *up =
			    l->sets[(i + l->count - k) % l->count];

			if (list_is_base(up) && strcmp(up->name, parent) == 0)
				break;
		}
		if (k > l->count)
			return NULL;
		i = (i + l->count - k) % l->count;
	}
	return NULL;
}

/* The way to the newest timeline; what cannot be read ends it here. */
static int
find_way(struct look *l, struct way *w, struct err *e)
{
	struct err why = ERR_INIT;
	uint32_t newest = w->from;

	w->h = (struct lsn_history){ w->from, NULL, 0 };
	if (archive_newest(l->archive, w->from, w->end, l->keys, &newest,
	    &why) == 0 && (newest == 1 || archive_history(l->archive, newest,
	        l->keys, &w->h, &why) == 0))
		return 0;
	if (why.kind == ERR_NOMEM || why.kind == ERR_SYS ||
	    why.kind == ERR_STOPPED)
		return err_pass(e, &why);
	w->h = (struct lsn_history){ w->from, NULL, 0 };
	log_info("WAL is followed on timeline %u alone: %s",
	    (unsigned)w->from, why.text);
	return 0;
}

/*
 * From a base backup's end on. One that begins before and passes there is the
 * same: a newer one would have been taken for it.
 */
static const struct lsn_history *
way_from(struct look *l, uint32_t from, uint64_t end, struct err *e)
{
	struct way *p;

	for (size_t i = 0; i < l->way_count; i++) {
		p = &l->ways[i];
		if (p->from == from && p->end <= end &&
		    lsn_history_end(&p->h, from) >= end)
			return &p->h;
	}
	p = reallocarray(l->ways, l->way_count + 1, sizeof *p);
	if (p == NULL) {
		err_nomem(e);
		return NULL;
	}
	l->ways = p;
	p += l->way_count;
	p->from = from;
	p->end = end;
	if (find_way(l, p, e) == -1)
		return NULL;
	l->way_count++;
	return &p->h;
}

static int
look_ahead(struct look *l, const struct repo_set *set, struct list_base *b,
    struct err *e)
{
	struct archive_reach reach;
	const struct lsn_history *h;
	uint64_t lsn, end;

	if (set->lsn == NULL || set->end_lsn == NULL || set->timeline == 0 ||
	    set->system_identifier == NULL || l->wal.count == 0 ||
	    strtoull(set->system_identifier, NULL, 10) != l->system ||
	    lsn_parse(set->lsn, &lsn, NULL) == -1 ||
	    lsn_parse(set->end_lsn, &end, NULL) == -1)
		return 0;
	if ((h = way_from(l, set->timeline, end, e)) == NULL)
		return -1;
	archive_reach(&l->wal, h, set->timeline, lsn, true, &reach);
	b->to = reach.end;
	b->to_timeline = reach.end_timeline;
	b->gap = reach.gap;
	memcpy(b->missing, reach.missing, sizeof b->missing);
	if (reach.end < end)
		b->wal = LIST_WAL_MISSING;
	else if (reach.gap && (reach.end - 1) / l->wal.segment_size ==
	    (end - 1) / l->wal.segment_size)
		b->wal = LIST_WAL_POINT;
	else
		b->wal = LIST_WAL_ON;
	b->known = set->end;
	return 0;
}

/* WAL that leads past the end of a base backup leads to when that ended. */
static void
know_times(const struct look *l, struct list_base *out)
{
	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; k < l->count; k++)
			if (out[i].wal == LIST_WAL_ON &&
			    out[k].wal >= LIST_WAL_POINT &&
			    out[i].to == out[k].to &&
			    out[i].to_timeline == out[k].to_timeline &&
			    l->sets[k]->end > out[i].known)
				out[i].known = l->sets[k]->end;
}

/* When the last transaction ended: looked for once for each way. */
static int
know_last(struct look *l, struct list_base *out, size_t i, struct err *e)
{
	uint64_t start = UINT64_MAX, lsn, end;
	struct archive_path p;

	for (size_t k = 0; k < l->count; k++) {
		if (!list_is_same_way(&out[i], &out[k]))
			continue;
		if (k < i) {
			out[i].last = out[k].last;
			return 0;
		}
		if (lsn_parse(l->sets[k]->lsn, &lsn, e) == -1)
			return -1;
		start = lsn < start ? lsn : start;
	}
	if (lsn_parse(l->sets[i]->end_lsn, &end, e) == -1)
		return -1;
	p = (struct archive_path){ l->archive, way_from(l,
	    l->sets[i]->timeline, end, e), l->wal.segment_size, out[i].to,
	    out[i].to_timeline, l->keys };
	return p.history == NULL ? -1 : archive_last(&p, start, false,
	    &out[i].last, e);
}

static int
open_wal(struct look *l, struct repo *r, struct err *e)
{
	struct err why = ERR_INIT;

	if ((l->archive = archive_open(repo_store(r), e)) == NULL ||
	    archive_list(l->archive, 0, &l->wal, e) == -1)
		return -1;
	if (archive_system(l->archive, &l->system, &why) == 0)
		return 0;
	archive_list_free(&l->wal);
	return why.kind == ERR_ABSENT ? 0 : err_pass(e, &why);
}

int
list_bases(struct repo *r, const struct age_keys *keys,
    struct repo_set *const *sets, size_t count, struct list_base **out,
    struct err *e)
{
	struct look l = { .sets = sets, .count = count, .keys = keys };
	struct list_base *bases = NULL;
	bool any = false;
	int rc = -1;

	for (size_t i = 0; i < count; i++)
		any = any || list_is_base(sets[i]);
	if (any && (bases = calloc(count, sizeof *bases)) == NULL)
		return err_nomem(e);
	if (any && open_wal(&l, r, e) == -1)
		goto done;
	for (size_t i = 0; i < count && any; i++) {
		if (!list_is_base(sets[i]))
			continue;
		bases[i].base = base_of(&l, i);
		if (look_ahead(&l, sets[i], &bases[i], e) == -1)
			goto done;
	}
	if (any)
		know_times(&l, bases);
	for (size_t i = 0; i < count && any; i++)
		if (bases[i].wal == LIST_WAL_ON &&
		    know_last(&l, bases, i, e) == -1)
			goto done;
	*out = bases;
	bases = NULL;
	rc = 0;
done:
	for (size_t i = 0; i < l.way_count; i++)
		lsn_history_free(&l.ways[i].h);
	free(l.ways);
	archive_list_free(&l.wal);
	archive_close(l.archive);
	free(bases);
	return rc;
}
