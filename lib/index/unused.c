/*
 * Unused indexes. The proof is walked back in time: from what a server counts
 * now, over the samples of its counters, as long as an index was not scanned
 * more often than allowed. Where the counters began anew between two samples
 * nobody knows what happened; that time does not count. Only a sample shows
 * that an index was there already; without one its age is not known (but from
 * the commit's time, or from its last scan).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_int.h"
#include "index/usage.h"
#include "log/log.h"
#include "unit/unit.h"

#define DAY 86400 /* what was used today is used, whatever min_age is */

/* What is known of an index on one server. */
struct proof {
	bool there;     /* the server has the index */
	bool used;      /* more scans than allowed were seen */
	bool ended;     /* nothing before helps */
	uint64_t scans; /* seen since `from` */
	int64_t from;   /* not used from then on, and there: proved */
	int64_t since;  /* not used since, whether there or not */
	int64_t blind;  /* seconds of it that nobody counted */
	/* the oldest sample looked at so far */
	uint64_t at_scans;
	int64_t at, at_since;
};

struct work {
	const struct index_unused_options *o;
	const struct usage_sample *now;
	struct proof *proofs; /* of each node, those of the first's indexes */
	size_t indexes;
	size_t samples;
	bool partial; /* not all servers were asked */
};

static struct proof *
proof_of(const struct work *w, size_t node, size_t i)
{
	return &w->proofs[node * w->indexes + i];
}

static void
begin(struct work *w)
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
step(const struct work *w, struct proof *p, const struct usage_node *n,
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
	if (more > w->o->max_scans - p->scans) {
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
look_back(struct work *w, const struct usage_sample *s)
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
walk(struct work *w, struct err *e)
{
	struct usage_names names = { NULL, 0, 0 };
	struct buf folder = BUF_INIT(1024);
	int rc = usage_folder(w->now, &folder, e);
	bool more = true;

	if (rc == 0)
		rc = usage_names(w->o->store, folder.data, &names, e);
	for (size_t i = names.count; rc == 0 && more && i-- > 0;) {
		struct usage_sample s;
		struct err why = ERR_INIT;

		if (usage_read(w->o->store, names.all[i], w->now, &s,
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
conclude(const struct work *w, struct proof *p, const struct usage_index *x)
{
	if (p->ended)
		return;
	/* without a scan since: it was there then, and nothing was reset */
	if (x->last_scan != 0 && x->last_scan < p->from) {
		p->from = p->since = x->last_scan;
		p->blind = 0;
		p->used = true;
		return;
	}
	if (p->at_scans > w->o->max_scans - p->scans) {
		p->used = true;
		return;
	}
	p->scans += p->at_scans;
	if (p->at_since != 0 && p->at_since < p->since)
		p->since = p->at_since;
	if (x->created != 0 && x->created < p->from)
		p->from = x->created > p->since ? x->created : p->since;
}

/* Of all servers. */
struct verdict {
	int64_t proved, counted; /* seconds: the least of all servers */
	uint64_t scans;
	bool used, absent;
};

static struct verdict
weigh(const struct work *w, size_t i)
{
	struct verdict v = { INT64_MAX, INT64_MAX, 0, false, false };

	for (size_t k = 0; k < w->now->count; k++) {
		const struct usage_node *n = &w->now->nodes[k];
		const struct usage_index *x = usage_find(n,
		    w->now->nodes[0].all[i].schema,
		    w->now->nodes[0].all[i].name);
		struct proof *p = proof_of(w, k, i);
		int64_t proved, counted;

		if (x != NULL)
			conclude(w, p, x);
		proved = n->taken - p->from - p->blind;
		counted = n->taken - p->since - p->blind;
		v.proved = proved < v.proved ? proved : v.proved;
		v.counted = counted < v.counted ? counted : v.counted;
		v.scans += p->scans;
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
	return index_fact_count(f, "samples", (int64_t)w->samples, e) == -1 ?
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
		w.indexes = now.nodes[0].count;
		w.proofs = calloc(now.count * w.indexes + 1,
		    sizeof *w.proofs);
		rc = w.proofs == NULL ? err_nomem(e) : 0;
	}
	if (rc == 0) {
		warn(&w);
		begin(&w);
		if (o->store != NULL)
			rc = walk(&w, e);
	}
	for (size_t i = 0; i < w.indexes && rc == 0; i++)
		rc = judge(&w, i, r, e);
	free(w.proofs);
	usage_sample_free(&now);
	return rc;
}
