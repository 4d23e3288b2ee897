/*
 * Publishing and deleting, and why a kill between any two steps is safe.
 * Each step is durable before the next (store.h). "Recovered" is what
 * repo_recover() does with the intents that the dead run no longer holds.
 *
 *	publishing               killed after it
 *	1 work lock              nothing is there
 *	2 object's temporary     swept: nobody holds its lock
 *	3 intent with its mark   recovered: no .json, no object: the intent goes
 *	4 object published       recovered: no .json: the object, by its mark,
 *	                         then the intent go
 *	  2 to 4 for each object and the signature, each with its own intent
 *	5 .json published        the set is whole; recovered: the intents go
 *	6 intents removed        done
 *
 *	deleting
 *	1 .json seized           nothing has changed
 *	2 intent with the marks  recovered: there is a .json: the intent goes,
 *	                         the set stays whole
 *	3 .json deleted          the set is gone; recovered: its objects,
 *	                         signature, proofs, then the intent go
 *	4 these deleted          recovered: what is left of them, the intent
 *	5 intent removed         done
 *
 * Recovery itself ends with the intent, so it can be killed and begin anew.
 * An object made by someone else under a name we had chosen bears no mark of
 * ours: the rename in 4 fails rather than replace it, and neither recovery
 * nor repo_draft_free() takes it away.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "repo/draft_int.h"

static struct store_lock *
lock_work(const struct repo_draft *d, struct err *e)
{
	const char *kind = repo_kind_name(d->kind);
	char path[2 * REPO_PATH_MAX];
	struct err why = ERR_INIT;
	struct store_lock *l;

	snprintf(path, sizeof path, "%s/work%s%s", kind,
	    *d->stem != '\0' ? "-" : "", d->stem);
	l = store_lock(d->r->store, path, &why);
	if (l == NULL && why.kind == ERR_BUSY)
		err_set(e, ERR_BUSY, "another %s into \"%s/%s%s\" is running",
		    log_program(), store_url(d->r->store), kind,
		    path + strlen(kind) + strlen("/work"));
	err_pass(e, &why);
	return l;
}

struct repo_draft *
repo_draft_new(struct repo *r, enum repo_kind kind, const char *stem,
    int64_t start, const char *zone, struct err *e)
{
	struct repo_draft *d = calloc(1, sizeof *d);
	struct err why = ERR_INIT;

	if (d == NULL) {
		err_nomem(e);
		return NULL;
	}
	d->r = r;
	d->kind = kind;
	d->start = start;
	if ((d->stem = repo_draft_stem(stem, e)) == NULL ||
	    repo_set_string(&d->zone, zone, e) == -1)
		goto fail;
	if ((d->parts = calloc(REPO_PARTS_MAX, sizeof *d->parts)) == NULL) {
		err_nomem(e);
		goto fail;
	}
	/* the name first: it proves that the stem is fit for a lock's name */
	if (repo_draft_choose(d, e) == -1 ||
	    (d->work = lock_work(d, e)) == NULL)
		goto fail;
	if (repo_recover(r, kind, false, NULL, &why) == -1)
		log_warning("could not clean up after an earlier run: %s",
		    why.text);
	return d;
fail:
	repo_draft_free(d);
	return NULL;
}

const char *
repo_draft_name(const struct repo_draft *d)
{
	return d->name;
}

/* A sink for NAME + suffix, after its intent. */
struct sink *
repo_draft_begin(struct repo_draft *d, const char *suffix, bool locked,
    struct err *e)
{
	struct repo_path path = repo_path(d->kind, d->name, suffix);
	struct repo_part *p = &d->parts[d->part_count];
	struct sink *s;

	if (d->part_count == REPO_PARTS_MAX) {
		err_set(e, ERR_NOMEM, "a set has at most %d objects",
		    REPO_OBJECTS_MAX);
		return NULL;
	}
	snprintf(p->item.name, sizeof p->item.name, "%s%s", d->name, suffix);
	s = store_put_marked(d->r->store, path.text, p->item.mark, e);
	if (s == NULL)
		return NULL;
	p->intent.first = (int)d->part_count + 1;
	if (repo_intent_put(d->r, d->kind, d->name, "publish", &p->item, 1,
	    locked, &p->intent, e) == -1) {
		sink_free(s);
		return NULL;
	}
	d->part_count++;
	return s;
}

struct sink *
repo_draft_object(struct repo_draft *d, const char *suffix, struct err *e)
{
	assert(!d->published);
	if (!repo_is_suffix(suffix)) {
		err_set(e, ERR_USAGE, "\"%s\" is not fit to end an object's "
		    "name", suffix);
		return NULL;
	}
	/* someone else's script may have begun in the same second as we */
	if (d->part_count == 0 && repo_draft_choose(d, e) == -1)
		return NULL;
	return repo_draft_begin(d, suffix, false, e);
}

/* Remove an object of ours; what is not there or not ours is left. */
int
repo_draft_remove(struct repo_draft *d, const char *object, const char *mark,
    struct err *e)
{
	struct err why = ERR_INIT;
	char path[REPO_PATH_MAX + 16];

	snprintf(path, sizeof path, "%s/%s", repo_kind_name(d->kind), object);
	if (store_delete_marked(d->r->store, path, mark, &why) == 0 ||
	    why.kind == ERR_ABSENT || why.kind == ERR_REFUSED)
		return 0;
	return err_pass(e, &why);
}

/*
 * The .json goes first if its put may have got through (a failing sync after
 * the rename). What cannot be removed keeps its intent for repo_recover().
 */
static int
undo(struct repo_draft *d, struct err *e)
{
	char json[REPO_NAME_MAX + sizeof ".json"];

	snprintf(json, sizeof json, "%s.json", d->name);
	if (d->json_mark[0] != '\0' &&
	    repo_draft_remove(d, json, d->json_mark, e) == -1)
		return -1;
	for (size_t i = 0; i < d->part_count; i++) {
		struct repo_part *p = &d->parts[i];

		if (repo_draft_remove(d, p->item.name, p->item.mark, e) == -1 ||
		    repo_intent_end(d->r, &p->intent, e) == -1)
			return -1;
	}
	return 0;
}

void
repo_draft_free(struct repo_draft *d)
{
	struct err why = ERR_INIT;

	if (d == NULL)
		return;
	if (!d->published && undo(d, &why) == -1) {
		log_warning("could not clean up after set \"%s\": %s",
		    d->name, why.text);
		log_hint("the next run or pgk-prune will");
	}
	for (size_t i = 0; i < d->part_count; i++)
		repo_intent_leave(&d->parts[i].intent);
	store_unlock(d->work);
	free(d->parts);
	free(d->stem);
	free(d->zone);
	free(d);
}
