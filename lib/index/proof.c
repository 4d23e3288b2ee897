/*
 * The proof that an index was not used is walked back in time: from what a
 * server counts now, over the samples of its counters, as long as the index
 * was not scanned more often than allowed. Where the counters began anew
 * between two samples nobody knows what happened; that time does not count.
 * Only a sample shows that an index was there already; without one its age is
 * not known (but from the commit's time, or from its last scan).
 */
#include <stdlib.h>
#include <string.h>

#include "index/proof.h"
#include "log/log.h"

static struct proof *
proof_of(const struct proofs *w, size_t node, size_t i)
{
	return &w->all[node * w->indexes + i];
}

static void
begin(struct proofs *w)
{
	for (size_t k = 0; k < w->now->count; k++) {
		const struct usage_node *n = &w->now->nodes[k];

		for (size_t i = 0; i < w->indexes; i++) {
			const struct usage_index *mine =
			    &w->now->nodes[0].all[i];
			const struct usage_index *x = usage_find(n,
			    mine->schema, mine->name);
			struct proof *p = proof_of(w, k, i);

			p->from = p->since = p->at = n->taken;
			p->at_since = n->since;
			p->there = x != NULL;
			p->ended = !p->there || !n->counts || n->since == 0;
			p->at_scans = x != NULL ? x->scans : 0;
		}
	}
}

/* One sample further back; NULL: the index was not there, or not known. */
static void
step(const struct proofs *w, struct proof *p, const struct usage_node *n,
    const struct usage_index *x)
{
	bool same = x != NULL && n->since == p->at_since &&
	    x->scans <= p->at_scans;
	uint64_t more = same ? p->at_scans - x->scans : p->at_scans;

	if (p->ended)
		return;
	if (x == NULL || n->taken > p->at) {
		p->ended = x == NULL;
		return;
	}
	if (more > w->max_scans - p->scans) {
		p->used = p->ended = true;
		return;
	}
	p->scans += more;
	if (!same)
		p->blind += n->since == p->at_since || p->at_since < n->taken ?
		    p->at - n->taken : p->at_since - n->taken;
	p->from = p->since = n->taken;
	p->at = n->taken;
	p->at_since = n->since;
	p->at_scans = x->scans;
}

static const struct usage_node *
same_node(const struct usage_sample *s, const char *label)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->nodes[i].label, label) == 0)
			return &s->nodes[i];
	return NULL;
}

/* One of the same name and another definition is another index. */
static const struct usage_index *
same_index(const struct usage_node *n, const struct usage_index *x)
{
	const struct usage_index *y = usage_find(n, x->schema, x->name);

	/* "-": its table was locked, and nobody could look */
	return y != NULL && (strcmp(x->definition, y->definition) == 0 ||
	    strcmp(x->definition, "-") == 0 ||
	    strcmp(y->definition, "-") == 0) ? y : NULL;
}

static bool
look_back(struct proofs *w, const struct usage_sample *s)
{
	bool more = false;

	for (size_t k = 0; k < w->now->count; k++) {
		const struct usage_node *n = same_node(s,
		    w->now->nodes[k].label);

		for (size_t i = 0; i < w->indexes; i++) {
			const struct usage_index *x =
			    &w->now->nodes[0].all[i];
			struct proof *p = proof_of(w, k, i);

			if (n != NULL)
				step(w, p, n, same_index(n, x));
			more = more || !p->ended;
		}
	}
	w->samples++;
	return more;
}

/* The samples, newest first. A damaged one costs its part of the proof only. */
static int
walk(struct proofs *w, struct store *store, struct err *e)
{
	struct usage_names names = { NULL, 0 };
	struct buf folder = BUF_INIT(1024);
	int rc = usage_folder(w->now, &folder, e);
	bool more = true;

	if (rc == 0)
		rc = usage_names(store, folder.data, &names, e);
	for (size_t i = names.count; rc == 0 && more && i-- > 0;) {
		struct usage_sample s;
		struct err why = ERR_INIT;

		if (usage_read(store, names.all[i], w->now, &s,
		    &why) == 0) {
			more = look_back(w, &s);
			usage_sample_free(&s);
		} else if (why.kind == ERR_CORRUPT) {
			log_warning("%s", why.text);
		} else if (why.kind != ERR_ABSENT) {
			rc = err_pass(e, &why);
		}
	}
	usage_names_free(&names);
	buf_free(&folder);
	return rc;
}

/* What the oldest counters say of the time before them. */
static void
conclude(const struct proofs *w, struct proof *p, const struct usage_index *x)
{
	bool allowed = p->at_scans <= w->max_scans - p->scans;

	if (p->ended)
		return;
	/* without a scan since: it was there then, and nothing was reset */
	if (x->last_scan != 0 && x->last_scan < p->from) {
		p->from = p->since = x->last_scan;
		p->blind = 0;
	}
	if (!allowed) {
		p->used = true;
		return;
	}
	p->scans += p->at_scans;
	if (p->at_since != 0 && p->at_since < p->since)
		p->since = p->at_since;
	if (x->created != 0 && x->created < p->from)
		p->from = x->created > p->since ? x->created : p->since;
}

int
proofs_make(const struct usage_sample *now, struct store *store,
    uint64_t max_scans, struct proofs *out, struct err *e)
{
	struct proofs w = { .now = now, .max_scans = max_scans,
		.indexes = now->nodes[0].count };

	w.all = calloc(now->count * w.indexes + 1, sizeof *w.all);
	if (w.all == NULL)
		return err_nomem(e);
	begin(&w);
	if (store != NULL && walk(&w, store, e) == -1) {
		free(w.all);
		return -1;
	}
	for (size_t k = 0; k < now->count; k++)
		for (size_t i = 0; i < w.indexes; i++) {
			const struct usage_index *x = &now->nodes[0].all[i];

			x = usage_find(&now->nodes[k], x->schema, x->name);
			if (x != NULL)
				conclude(&w, proof_of(&w, k, i), x);
		}
	*out = w;
	return 0;
}

const struct proof *
proofs_of(const struct proofs *w, size_t node, size_t i)
{
	return proof_of(w, node, i);
}

void
proofs_free(struct proofs *w)
{
	free(w->all);
	w->all = NULL;
}
