#include <string.h>

#include "restore/restore_int.h"
#include "stop/stop.h"

static int
read_list(struct restore *r, enum piece_kind kind, const char *part,
    struct list *l, struct err *e)
{
	struct script s = { .r = r, .c = r->main, .part = part, .list = l };

	return script_read(&s, kind, e);
}

/* Whether a SET matters: to something wanted, before it is set again. */
static bool
set_matters(const struct list *l, size_t at, const char *name)
{
	for (size_t i = at + 1; i < l->count; i++) {
		struct deed d;

		if (l->items[i].kind != DEED_SET) {
			if (!l->items[i].done)
				return true;
			continue;
		}
		deed_of(l->items[i].text, &d);
		if (strcmp(d.name, name) == 0)
			return false;
	}
	return false;
}

/* With -t, of a list only what belongs to the tables is left. */
static int
keep_picked(struct restore *r, struct list *l, struct err *e)
{
	struct deed d;

	for (size_t i = 0; i < l->count; i++) {
		int wants;

		deed_of(l->items[i].text, &d);
		if ((wants = pick_wants(r, &d, e)) == -1)
			return -1;
		l->items[i].done = wants == 0;
	}
	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].kind != DEED_SET)
			continue;
		deed_of(l->items[i].text, &d);
		l->items[i].done = !set_matters(l, i, d.name);
	}
	return 0;
}

static int
run_list(struct restore *r, struct list *l, const char *part, struct err *e)
{
	for (size_t i = 0; i < l->count; i++)
		if (!l->items[i].done && script_run(r->main, part,
		    l->items[i].text, l->items[i].line, false, e) == -1)
			return -1;
	return 0;
}

static int
run_pre(struct restore *r, struct err *e)
{
	struct script s = { .r = r, .c = r->main, .part = "pre-data" };

	progress_phase(r->progress, "definitions");
	return script_read(&s, PIECE_PRE, e);
}

static int
finish(struct restore *r, struct list *post, struct err *e)
{
	if (rows_load(r, e) == -1)
		return -1;
	/* a session even where there were no rows */
	if (crew_open(r, e) == -1 || post_run(r, post, e) == -1)
		return -1;
	return r->o->analyze ? catalog_analyze(r, e) : 0;
}

void
restore_unfinished(const struct restore *r, struct err *e)
{
	/* the signal, not the connections it cut, is the reason */
	if (stop_requested() != 0) {
		err_clear(e);
		stop_check(e);
	}
	if (r->marked)
		err_hint(e, "database \"%s\" is unfinished and marked so; "
		    "restore it again with --replace", r->name);
}

int
restore_fill(struct restore *r, struct err *e)
{
	struct list post = { .items = NULL };
	int rc = -1;

	r->progress = progress_new(r->name, 0, PROGRESS_BYTES);
	if (mark_begin(r, e) == 0 && run_pre(r, e) == 0 &&
	    read_list(r, PIECE_POST, "post-data", &post, e) == 0 &&
	    finish(r, &post, e) == 0)
		rc = mark_end(r, e);
	if (rc == -1)
		restore_unfinished(r, e);
	list_free(&post);
	progress_free(r->progress);
	r->progress = NULL;
	return rc;
}

/*
 * Tables alone. In a database that was there before, they bear the mark and
 * it does not.
 */
static int
fill_picked(struct restore *r, struct list *pre, struct list *post,
    const struct database_facts *f, struct err *e)
{
	bool whole = r->into != RESTORE_EXISTING;
	int rc = -1;

	if (target_prepare(r, f, e) == -1 || pick_look(r, e) == -1)
		goto done;
	r->progress = progress_new(r->name, 0, PROGRESS_BYTES);
	if ((whole && mark_begin(r, e) == -1) ||
	    keep_picked(r, pre, e) == -1 ||
	    run_list(r, pre, "pre-data", e) == -1 ||
	    keep_picked(r, post, e) == -1 || pick_mark(r, false, e) == -1)
		goto done;
	if (finish(r, post, e) == -1) {
		err_hint(e, "what was restored so far is marked as unfinished "
		    "by its comment");
		goto done;
	}
	if (pick_mark(r, true, e) == -1 || (whole && mark_end(r, e) == -1))
		goto done;
	rc = 0;
done:
	if (rc == -1)
		restore_unfinished(r, e);
	return rc;
}

static int
restore_picked(struct restore *r, const struct database_facts *f,
    struct err *e)
{
	struct list pre = { .items = NULL }, post = { .items = NULL };
	int rc = -1;

	if (read_list(r, PIECE_PRE, "pre-data", &pre, e) == 0 &&
	    read_list(r, PIECE_POST, "post-data", &post, e) == 0 &&
	    (r->pick = pick_new(r, &pre, &post, e)) != NULL)
		rc = fill_picked(r, &pre, &post, f, e);
	list_free(&pre);
	list_free(&post);
	return rc;
}

int
restore_pieces(const struct restore_options *o, struct blob *b,
    const struct repo_set *set, struct err *e)
{
	struct database_facts f;
	struct restore r;
	int rc = -1;

	restore_init(&r, o);
	r.blob = b;
	r.set = set;
	if ((r.index = piece_open(b, e)) == NULL ||
	    guard_file(&r, e) == -1 ||
	    guard_database(&r, o->source_database, e) == -1 ||
	    (r.target = pg_target_copy(o->target, e)) == NULL)
		goto done;
	r.name = pg_target_get(r.target, "dbname");
	guard_facts(&r, &f);
	if (o->table_count > 0)
		rc = restore_picked(&r, &f, e);
	else if (target_prepare(&r, &f, e) == 0)
		rc = restore_fill(&r, e);
done:
	piece_index_free(r.index);
	restore_release(&r);
	return rc;
}
