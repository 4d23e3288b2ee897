#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
#include "gaps/gaps_int.h"

int
gaps_add_fault(struct gaps *g, enum err_kind kind,
    const struct lsn_name *name, const char *text, struct err *e)
{
	struct gaps_fault *p = buf_more(g->faults, g->fault_count, sizeof *p,
	    e);

	if (p == NULL)
		return -1;
	g->faults = p;
	p += g->fault_count;
	p->kind = kind;
	lsn_write_name(name, g->segment_size, p->name);
	if ((p->text = strdup(text)) == NULL)
		return err_nomem(e);
	g->fault_count++;
	if (kind == ERR_ABSENT)
		g->missing++;
	else
		g->damaged++;
	return 0;
}

const struct lsn_history *
gaps_history(const struct gaps_histories *all, uint32_t timeline)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].timeline == timeline)
			return &all->list[i];
	return NULL;
}

static void
histories_free(struct gaps_histories *all)
{
	for (size_t i = 0; i < all->count; i++)
		lsn_history_free(&all->list[i]);
	free(all->list);
}

static int
add_history(struct gaps_histories *all, const struct lsn_history *h,
    struct err *e)
{
	void *p = buf_more(all->list, all->count, sizeof *h, e);

	if (p == NULL)
		return -1;
	all->list = p;
	all->list[all->count++] = *h;
	return 0;
}

/* Those that the list still has: what is damaged was taken out. */
static int
read_histories(struct gaps *g, struct archive *a,
    const struct archive_list *l, const struct gaps_options *o,
    struct gaps_histories *all, struct err *e)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct lsn_name *n = &l->files[i].name;
		struct err why = ERR_INIT;
		struct lsn_history h;

		if (n->kind != LSN_HISTORY ||
		    gaps_history(all, n->timeline) != NULL)
			continue;
		if (archive_history(a, n->timeline, o->keys, &h, &why) ==
		    -1) {
			if (why.kind == ERR_CORRUPT && gaps_add_fault(g,
			    ERR_CORRUPT, n, why.text, e) == 0)
				continue;
			if (why.kind != ERR_KEY || !o->fast)
				return err_pass(e, &why);
			/* there, but not known */
			h = (struct lsn_history){ n->timeline, NULL, 0 };
		}
		if (add_history(all, &h, e) == -1) {
			lsn_history_free(&h);
			return -1;
		}
	}
	return 0;
}

static int
find_all(struct gaps *g, struct archive *a, struct archive_list *l,
    struct repo *r, const struct gaps_options *o, struct err *e)
{
	struct gaps_histories all = { NULL, 0 };
	int rc = -1;

	g->segment_size = l->segment_size;
	if (gaps_prove(g, a, l, o, e) == 0 &&
	    read_histories(g, a, l, o, &all, e) == 0 &&
	    gaps_find_ranges(g, l, &all, e) == 0 &&
	    gaps_find_backups(g, a, l, &all, r, o, e) == 0) {
		if (o->keep > 0)
			gaps_excuse(g, &all, o->now, o->keep);
		rc = gaps_find_breaks(g, o->now, o->keep, e);
	}
	histories_free(&all);
	return rc;
}

struct gaps *
gaps_look(struct archive *a, struct repo *r, const struct gaps_options *o,
    struct err *e)
{
	struct gaps *g = calloc(1, sizeof *g);
	struct err why = ERR_INIT;
	struct archive_list l = { NULL, 0, 0 };
	int rc = -1;

	if (g == NULL) {
		err_nomem(e);
		return NULL;
	}
	g->has_system = archive_system(a, &g->system_identifier, &why) == 0;
	if (!g->has_system && why.kind != ERR_ABSENT)
		err_pass(e, &why);
	else if (archive_list(a, 0, &l, e) == 0)
		rc = find_all(g, a, &l, r, o, e);
	archive_list_free(&l);
	if (rc == -1) {
		gaps_free(g);
		return NULL;
	}
	return g;
}

void
gaps_free(struct gaps *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->backup_count; i++)
		free(g->backups[i].name);
	for (size_t i = 0; i < g->fault_count; i++)
		free(g->faults[i].text);
	free(g->ranges);
	free(g->backups);
	free(g->faults);
	free(g);
}
