#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "buf/buf.h"
#include "gaps/gaps_int.h"
#include "log/log.h"

struct look {
	struct archive *archive;
	const struct archive_list *list;
	const struct gaps_histories *all;
	const struct gaps_options *o;
};

static void
warn_bad(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	(void)name; /* the text names it */
	log_warning("damaged: %s", why->text);
}

/* The newest timeline that a backup can follow; its own at least. */
static const struct lsn_history *
newest_path(const struct gaps_histories *all,
    const struct lsn_history *own, uint64_t end)
{
	const struct lsn_history *best = own;

	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].timeline > best->timeline &&
		    lsn_history_end(&all->list[i], own->timeline) >= end)
			best = &all->list[i];
	return best;
}

static int
say_unusable(struct gaps *g, const struct gaps_backup *b,
    const struct archive_reach *r, struct err *e)
{
	struct err text = ERR_INIT;
	struct lsn_name n;

	err_set(&text, ERR_ABSENT, "base backup \"%s\" cannot be restored: "
	    "segment %s is missing", b->name, r->missing);
	if (lsn_parse_name(r->missing, g->segment_size, &n, e) == -1)
		return -1;
	return gaps_add_fault(g, ERR_ABSENT, &n, text.text, e);
}

static int
add_backup(struct gaps *g, const struct repo_set *set,
    const struct archive_reach *r, uint64_t begin, uint64_t start,
    struct err *e)
{
	struct gaps_backup *p = buf_more(g->backups, g->backup_count,
	    sizeof *p, e);

	if (p == NULL)
		return -1;
	g->backups = p;
	p += g->backup_count;
	if ((p->name = strdup(set->name)) == NULL)
		return err_nomem(e);
	g->backup_count++;
	p->timeline = set->timeline;
	p->begin = begin;
	p->time = set->end;
	p->start = start;
	p->usable = r->end >= start;
	p->end = p->usable ? r->end : start;
	p->end_timeline = r->end_timeline;
	if (r->end > 0)
		lsn_segment_of(r->end_timeline, r->end - 1, g->segment_size,
		    p->last);
	if (!p->usable)
		p->last[0] = '\0';
	if (r->gap || !p->usable)
		memcpy(p->missing, r->missing, sizeof p->missing);
	return p->usable ? 0 : say_unusable(g, p, r, e);
}

/* When the last transaction ended: looked for once for each end of the log. */
static int
find_last(struct gaps *g, const struct look *k, const struct lsn_history *path,
    struct err *e)
{
	struct gaps_backup *b = &g->backups[g->backup_count - 1];
	const struct archive_path p = { k->archive, path, g->segment_size,
		b->end, b->end_timeline, k->o->keys };

	for (struct gaps_backup *c = g->backups; c < b; c++)
		if (c->usable && c->end == b->end &&
		    c->end_timeline == b->end_timeline) {
			b->ended = c->ended;
			return 0;
		}
	return archive_last(&p, b->begin, false, &b->ended, e);
}

static int
take_set(struct gaps *g, const struct look *k, const struct repo_set *set,
    struct err *e)
{
	const struct lsn_history none = { set->timeline, NULL, 0 };
	const struct lsn_history *own = gaps_history(k->all, set->timeline);
	const struct lsn_history *path;
	struct archive_reach r;
	uint64_t start, end;
	char id[24];

	snprintf(id, sizeof id, "%" PRIu64, g->system_identifier);
	if (set->lsn == NULL || set->timeline == 0)
		return 0;
	if (g->has_system && set->system_identifier != NULL &&
	    strcmp(id, set->system_identifier) != 0) {
		log_warning("base backup \"%s\" is of another cluster than "
		    "the archive", set->name);
		return 0;
	}
	if (lsn_parse(set->lsn, &start, e) == -1 || lsn_parse(set->end_lsn !=
	    NULL ? set->end_lsn : set->lsn, &end, e) == -1)
		return err_prefix(e, "set \"%s\"", set->name);
	path = newest_path(k->all, own != NULL ? own : &none, end);
	archive_reach(k->list, path, set->timeline, start, true, &r);
	if (add_backup(g, set, &r, start, end, e) == -1)
		return -1;
	return k->o->fast || r.end < end ? 0 : find_last(g, k, path, e);
}

int
gaps_find_backups(struct gaps *g, struct archive *a,
    const struct archive_list *l, const struct gaps_histories *all,
    struct repo *r, const struct gaps_options *o, struct err *e)
{
	const struct look k = { a, l, all, o };
	struct repo_list sets;
	int rc = 0;

	if (repo_list(r, REPO_INCREMENTAL, &sets, warn_bad, NULL, e) == -1)
		return -1;
	for (size_t i = 0; i < sets.count && rc == 0; i++)
		rc = take_set(g, &k, sets.sets[i], e);
	repo_list_free(&sets);
	return rc;
}

static bool
is_said(const struct gaps *g, const char *name)
{
	for (size_t i = 0; i < g->fault_count; i++)
		if (strcmp(g->faults[i].name, name) == 0)
			return true;
	return false;
}

int
gaps_find_breaks(struct gaps *g, int64_t now, int64_t keep, struct err *e)
{
	const struct gaps_backup *anchor = keep > 0 ?
	    gaps_anchor(g, now, keep) : NULL;

	for (size_t i = 0; i < g->backup_count; i++) {
		const struct gaps_backup *b = &g->backups[i];
		struct err text = ERR_INIT;
		struct lsn_name n;

		if (!b->usable || b->missing[0] == '\0' ||
		    (anchor != NULL && b->time < anchor->time) ||
		    is_said(g, b->missing))
			continue;
		err_set(&text, ERR_ABSENT, "segment %s is missing, and later "
		    "ones are there", b->missing);
		if (lsn_parse_name(b->missing, g->segment_size, &n, e) == -1 ||
		    gaps_add_fault(g, ERR_ABSENT, &n, text.text, e) == -1)
			return -1;
	}
	return 0;
}
