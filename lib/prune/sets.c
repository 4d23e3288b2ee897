/* Sets of one kind: judged, and deleted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "prune/prune_int.h"
#include "stop/stop.h"

struct damage {
	struct err first;
	unsigned count;
};

static void
note_damage(void *ctx, const char *name, const struct err *why)
{
	struct damage *d = ctx;

	(void)name; /* the text names it */
	log_warning("%s", why->text);
	err_pass(&d->first, why);
	d->count++;
}

/* A kind's sets while they go. */
struct work {
	const struct prune_options *o;
	struct repo *r;
	const struct repo_list *list;
	struct prune_decision *out;
	enum { PENDING, STAYS, GONE } *state;
};

/* The newer one of those left that builds on set i, or NULL. */
static const char *
child_of(const struct work *w, size_t i)
{
	for (size_t k = 0; k < w->list->count; k++) {
		const struct repo_set *set = w->list->sets[k];

		if (w->state[k] != GONE && set->parent != NULL &&
		    strcmp(set->parent, w->list->sets[i]->name) == 0)
			return set->name;
	}
	return NULL;
}

bool
prune_is_read(struct repo *r, const struct repo_set *set)
{
	struct err why = ERR_INIT;
	char path[REPO_NAME_MAX + 32];
	struct store_lock *l;

	snprintf(path, sizeof path, "%s/%s.json", repo_kind_name(set->kind),
	    set->name);
	l = store_seize(repo_store(r), path, &why);
	store_unlock(l);
	return l == NULL && why.kind == ERR_BUSY;
}

/*
 * A chain goes as a whole or stays: when one of it is being read, nothing of
 * it goes. Asked before its first one is deleted; who begins to read after
 * that finds what lies below still whole.
 */
static bool
chain_stays(struct work *w, size_t i)
{
	const struct repo_set *base = w->out[i].base, *read = NULL;
	size_t n = w->list->count;

	for (size_t k = 0; k < n; k++) {
		if (w->out[k].base != base)
			continue;
		if (w->state[k] == GONE)
			return false;
		if (read == NULL && prune_is_read(w->r, w->list->sets[k]))
			read = w->list->sets[k];
	}
	for (size_t k = 0; read != NULL && k < n; k++) {
		if (w->out[k].base != base)
			continue;
		w->state[k] = STAYS;
		if (w->list->sets[k] == read)
			prune_keep(&w->out[k], "being read");
		else
			prune_keep(&w->out[k], "its chain is being read: "
			    "%.100s", read->name);
	}
	return read != NULL;
}

/* Carry out one decision. A set being read, or gone already, is no failure. */
static int
carry_out(struct work *w, size_t i, struct err *e)
{
	struct prune_decision *d = &w->out[i];
	struct err why = ERR_INIT;
	const char *child;

	if (stop_check(e) == -1)
		return -1;
	if (d->verdict == PRUNE_DELETE && d->set->kind == REPO_INCREMENTAL &&
	    !w->o->dry_run && chain_stays(w, i))
		return 0;
	w->state[i] = STAYS;
	if (d->verdict == PRUNE_KEEP)
		return 0;
	if ((child = child_of(w, i)) != NULL) {
		prune_keep(d, "%.120s builds on it", child);
	} else if (w->o->dry_run) {
		w->state[i] = GONE;
	} else if (repo_delete(w->r, d->set, &why) == 0) {
		w->state[i] = GONE;
		log_record("deleted set \"%s/%s\": %s",
		    repo_kind_name(d->set->kind), d->set->name, d->reason);
	} else if (why.kind == ERR_BUSY) {
		prune_keep(d, "being read");
	} else if (why.kind == ERR_REFUSED) { /* a newer set than we know */
		prune_keep(d, "%s", why.text);
	} else if (why.kind == ERR_ABSENT) {
		prune_keep(d, "gone already");
		w->state[i] = GONE;
	} else {
		return err_pass(e, &why);
	}
	return 0;
}

/* The set with the highest sequence of those pending; count if none is. */
static size_t
next_pending(const struct work *w)
{
	size_t best = w->list->count;

	for (size_t i = 0; i < w->list->count; i++)
		if (w->state[i] == PENDING && (best == w->list->count ||
		    w->list->sets[i]->sequence >
		    w->list->sets[best]->sequence))
			best = i;
	return best;
}

/*
 * What builds on another set has a higher sequence and goes first, so that a
 * run that ends early leaves no set without its parent; reported is in the
 * list's order all the same.
 */
static int
carry_out_all(struct work *w, struct err *e)
{
	size_t i;
	int rc = 0;

	while (rc == 0 && (i = next_pending(w)) < w->list->count)
		if ((rc = carry_out(w, i, e)) == -1)
			w->state[i] = PENDING;
	for (i = 0; i < w->list->count && w->o->report != NULL; i++)
		if (w->state[i] != PENDING)
			w->o->report(w->o->ctx, &w->out[i],
			    w->out[i].verdict == PRUNE_DELETE);
	return rc;
}

/* Whether some set would go if only its age counted. */
static bool
some_old(const struct repo_list *list, int64_t now, int64_t keep)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->sets[i]->end < now - keep)
			return true;
	return false;
}

static bool
some_go(const struct work *w)
{
	for (size_t i = 0; i < w->list->count; i++)
		if (w->out[i].verdict == PRUNE_DELETE)
			return true;
	return false;
}

int
prune_refuse(enum repo_kind kind, const char *why, const char *hint,
    struct err *e)
{
	err_set(e, ERR_REFUSED, "nothing of kind \"%s\" was deleted: %s",
	    repo_kind_name(kind), why);
	return err_hint(e, "%s", hint);
}

static int
prune_list(const struct prune_options *o, struct repo *r,
    enum repo_kind kind, int64_t wal_keep, struct prune_sets *sets,
    struct err *e)
{
	const struct repo_list *list = &sets->list;
	const struct conf_policy *row = &o->conf->policy.kind[kind];
	struct work w = { o, r, list, NULL, NULL };
	struct prune_rule rule = { o->now, row->set ? row->keep : 0,
		o->min_keep > 0 ? o->min_keep : 1, wal_keep };
	char brake[sizeof w.out->reason];
	struct err why = ERR_INIT;
	int rc = -1;

	w.out = calloc(list->count + 1, sizeof *w.out);
	w.state = calloc(list->count + 1, sizeof *w.state);
	sets->gone = calloc(list->count + 1, sizeof *sets->gone);
	if (w.out == NULL || w.state == NULL || sets->gone == NULL) {
		err_nomem(e);
		goto done;
	}
	if (!prune_judge(list, &rule, w.out)) {
		if (some_old(list, o->now, rule.keep))
			prune_refuse(kind, w.out[0].reason,
			    PRUNE_CLOCK_HINT, &why);
	} else if (!o->allow_shrunken && some_go(&w) &&
	    prune_shrunken(list, brake)) {
		prune_refuse(kind, brake, PRUNE_SHRUNKEN_HINT, &why);
		for (size_t i = 0; i < list->count; i++)
			prune_keep(&w.out[i], "%s", brake);
	}
	rc = carry_out_all(&w, e);
	for (size_t i = 0; i < list->count; i++)
		sets->gone[i] = w.state[i] == GONE;
	if (rc == 0)
		rc = err_pass(e, &why);
done:
	free(w.out);
	free(w.state);
	return rc;
}

int
prune_load(struct repo *r, enum repo_kind kind, enum repo_kind of,
    struct prune_sets *out, struct err *e)
{
	struct damage damage = { ERR_INIT, 0 };

	if (repo_list(r, of, &out->list, note_damage, &damage, e) == -1)
		return -1;
	if (damage.count == 0)
		return 0;
	return err_set(e, damage.first.kind, "nothing of kind \"%s\" was "
	    "deleted: %u %s cannot be read or are damaged",
	    repo_kind_name(kind), damage.count, kind == of ?
	    "of its sets" : "base backups");
}

int
prune_sets(const struct prune_options *o, struct repo *r,
    enum repo_kind kind, int64_t wal_keep, struct prune_sets *out,
    struct err *e)
{
	if (repo_recover(r, kind, o->dry_run, NULL, e) == -1 ||
	    prune_load(r, kind, kind, out, e) == -1)
		return -1;
	out->loaded = true;
	return prune_list(o, r, kind, wal_keep, out, e);
}

void
prune_sets_free(struct prune_sets *s)
{
	repo_list_free(&s->list);
	free(s->gone);
	*s = (struct prune_sets){ .gone = NULL };
}
