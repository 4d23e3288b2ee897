/*
 * Unused indexes: what is proved of them on all servers, made a verdict.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "index/proof.h"
#include "log/log.h"
#include "unit/unit.h"

#define DAY 86400 /* what was used today is used, whatever min_age is */

struct work {
	const struct index_unused_options *o;
	const struct usage_sample *now;
	struct proofs proofs;
	bool partial; /* not all servers were asked */
};

/* Of all servers. */
struct verdict {
	int64_t proved, counted; /* seconds: the least of all servers */
	bool used, absent;
};

static struct verdict
weigh(const struct work *w, size_t i)
{
	struct verdict v = { INT64_MAX, INT64_MAX, false, false };

	for (size_t k = 0; k < w->now->count; k++) {
		const struct usage_node *n = &w->now->nodes[k];
		const struct proof *p = proofs_of(&w->proofs, k, i);
		int64_t proved = n->taken - p->from - p->blind;
		int64_t counted = n->taken - p->since - p->blind;

		v.proved = proved < v.proved ? proved : v.proved;
		v.counted = counted < v.counted ? counted : v.counted;
		v.used = v.used || p->used;
		v.absent = v.absent || !p->there;
	}
	return v;
}

/* One unit is enough. */
static const char *
about(int64_t seconds, char out[UNIT_TEXT_MAX])
{
	int64_t unit = seconds >= 2 * 86400 ? 86400 : seconds >= 7200 ? 3600 :
	    seconds >= 120 ? 60 : 1;

	return unit_duration(seconds - seconds % unit, out);
}

/* For people: what was seen, and what a verdict lacks. */
static int
explain(const struct work *w, const struct verdict *v,
    struct index_finding *f, struct err *e)
{
	char counted[UNIT_TEXT_MAX], need[UNIT_TEXT_MAX];

	about(v->counted, counted);
	about(w->o->min_age, need);
	if (strcmp(f->verdict, "UNUSED") == 0)
		return index_text(&f->reason, e, "not scanned for %s on %zu "
		    "server%s", about(v->proved, counted), w->now->count,
		    w->now->count == 1 ? "" : "s");
	if (strcmp(f->verdict, "IDLE") == 0)
		return index_text(&f->reason, e, "not scanned for %s; no "
		    "verdict: %s", counted, w->partial ? "not all servers "
		    "were asked" : "whether the index is that old is not "
		    "known");
	if (strcmp(f->verdict, "EARLY") == 0)
		return v->absent ? index_text(&f->reason, e, "no verdict: a "
		    "server has not got the index yet") :
		    index_text(&f->reason, e, "not scanned for %s; no verdict "
		    "before %s", counted, need);
	return index_text(&f->reason, e, "scanned within %s", need);
}

static int
add_facts(const struct work *w, const struct usage_index *x,
    const struct verdict *v, struct index_finding *f, struct err *e)
{
	char text[UNIT_TEXT_MAX];
	int64_t since = w->now->nodes[0].since;

	if (index_fact_count(f, "scans", (int64_t)x->scans, e) == -1 ||
	    index_fact_count(f, "entries", (int64_t)x->entries, e) == -1 ||
	    index_fact_count(f, "writes", (int64_t)x->writes, e) == -1 ||
	    index_fact_text(f, "counted_since", since == 0 ? NULL :
	        unit_rfc3339(since, text), e) == -1 ||
	    index_fact_text(f, "last_scan", x->last_scan == 0 ? NULL :
	        unit_rfc3339(x->last_scan, text), e) == -1 ||
	    index_fact_text(f, "needed", x->needed, e) == -1)
		return -1;
	if (x->needed == NULL && (index_fact_count(f, "proved_seconds",
	    v->proved, e) == -1 || index_fact_count(f, "not_scanned_seconds",
	    v->counted, e) == -1))
		return -1;
	return index_fact_count(f, "samples", (int64_t)w->proofs.samples, e) == -1 ?
	    -1 : index_fact_count(f, "servers", (int64_t)w->now->count, e);
}

static int
add_drop(const struct usage_index *x, struct index_finding *f, struct err *e)
{
	if (index_quoted(&f->fix, x->partitioned ? "DROP INDEX " :
	    "DROP INDEX CONCURRENTLY ", x->schema, x->name, e) == -1 ||
	    index_sql(&f->undo, x->undo, e) == -1)
		return -1;
	/* the planner knows values of an expression by its index alone */
	return index_fact_text(f, "statistics_first", x->expressions, e);
}

static int
judge(const struct work *w, size_t i, struct index_report *r, struct err *e)
{
	const struct usage_index *x = &w->now->nodes[0].all[i];
	struct verdict v = weigh(w, i);
	enum index_severity severity = INDEX_OK;
	const char *word = "USED";
	struct index_finding *f;

	if (x->needed != NULL) {
		word = "NEEDED";
	} else if (v.proved >= w->o->min_age && !v.absent &&
	    (!v.used || v.proved >= DAY)) {
		severity = w->partial ? INDEX_NOTE : INDEX_WARNING;
		word = w->partial ? "IDLE" : "UNUSED";
	} else if (!v.used) {
		severity = INDEX_NOTE;
		word = v.counted >= w->o->min_age && !v.absent ? "IDLE" :
		    "EARLY";
	}
	if ((f = index_add(r, severity, word, e)) == NULL ||
	    index_name(f, x->schema, x->table, x->name, e) == -1)
		return -1;
	index_size(f, x->bytes);
	if ((x->needed != NULL ? index_text(&f->reason, e, "needed: %s",
	    x->needed) : explain(w, &v, f, e)) == -1 ||
	    add_facts(w, x, &v, f, e) == -1)
		return -1;
	return severity == INDEX_OK || strcmp(word, "EARLY") == 0 ? 0 :
	    add_drop(x, f, e);
}

/*
 * Whether all servers were asked that can be seen: the primary, and as many
 * standbys as are connected to those asked (a standby may have its own).
 */
static void
warn(struct work *w)
{
	size_t standbys = 0, connected = 0;

	for (size_t i = 0; i < w->now->count; i++) {
		const struct usage_node *n = &w->now->nodes[i];

		standbys += n->standby;
		connected += n->standbys;
		if (!n->counts)
			log_warning("%s does not count: track_counts is off",
			    n->label);
	}
	if (standbys == w->now->count) {
		w->partial = true;
		log_warning("no verdict: the primary was not asked");
	} else if (connected > standbys && !w->o->alone) {
		w->partial = true;
		log_warning("no verdict: %zu standby%s connected, %zu given",
		    connected, connected == 1 ? " is" : "s are", standbys);
		log_hint("name each with --also; --alone when no query runs "
		    "there");
	}
}

int
index_unused(const struct index_nodes *nodes,
    const struct index_unused_options *o, struct index_report *r,
    struct err *e)
{
	struct usage_sample now = { .cluster = NULL };
	struct work w = { .o = o, .now = &now };
	int rc = usage_ask_all(nodes, &now, e);

	if (rc == 0) {
		warn(&w);
		rc = proofs_make(&now, o->store, o->max_scans, &w.proofs, e);
	}
	for (size_t i = 0; rc == 0 && i < w.proofs.indexes; i++)
		rc = judge(&w, i, r, e);
	proofs_free(&w.proofs);
	usage_sample_free(&now);
	return rc;
}
