#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

/* One statement on its own. */

static struct index_finding *
found(struct index_report *r, enum index_severity severity,
    const char *verdict, const struct index_statement *s, struct err *e)
{
	struct index_finding *f = index_add(r, severity, verdict, e);

	if (f == NULL || index_name(f, *s->schema != '\0' ? s->schema : NULL,
	    s->table, s->name, e) == -1)
		return NULL;
	f->line = s->line;
	return f;
}

static int
say(struct index_report *r, enum index_severity severity,
    const char *verdict, const struct index_statement *s, const char *why,
    struct err *e)
{
	struct index_finding *f = found(r, severity, verdict, s, e);

	return f == NULL ? -1 : index_text(&f->reason, e, "%s", why);
}

static int
lint_name(const struct index_statement *s, struct index_report *r,
    struct err *e)
{
	size_t len = s->name != NULL ? strlen(s->name) : 0;

	if (s->name == NULL)
		return say(r, INDEX_ERROR, "UNNAMED", s, "the server would "
		    "choose a name, and another one at every run", e);
	if (len > INDEX_NAME_MAX && say(r, INDEX_ERROR, "LONG-NAME", s,
	    "longer than 63 bytes: the server would cut it", e) == -1)
		return -1;
	if (s->only && say(r, INDEX_ERROR, "ONLY", s, "ON ONLY leaves the "
	    "partitions without: the index would be invalid", e) == -1)
		return -1;
	if (!s->if_not_exists && say(r, INDEX_WARNING, "NOT-IDEMPOTENT", s,
	    "without IF NOT EXISTS the file cannot be run twice", e) == -1)
		return -1;
	if (!s->concurrently)
		return 0;
	return say(r, INDEX_WARNING, "CONCURRENTLY", s, s->if_not_exists ?
	    "run by hand, IF NOT EXISTS would keep an invalid index that a "
	    "failed build left" : "apply builds concurrently by itself; psql "
	    "could not run the file in a transaction", e);
}

/* A single column in descending order: an index is read backwards as well. */
static int
lint_order(const struct index_statement *s, struct index_report *r,
    struct err *e)
{
	bool ordered = strcmp(s->method, "btree") == 0, reversed = ordered;

	for (size_t i = 0; i < s->key_count; i++)
		reversed = reversed && s->keys[i].desc &&
		    s->keys[i].nulls_first;
	if (!reversed)
		return 0;
	return say(r, INDEX_WARNING, "DESC", s, s->key_count == 1 ?
	    "DESC on a single column buys nothing: an index is read in "
	    "either direction" : "all columns DESC buys nothing: an index is "
	    "read in either direction", e);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* An index that says of itself that it repeats the primary key. */
static int
lint_key_copy(const struct index_statement *s, struct index_report *r,
    struct err *e)
{
	bool plain = s->key_count == 1 && s->keys[0].column &&
	    *s->predicate == '\0' && s->include_count == 0;

	if (!plain || (strcmp(s->keys[0].what, "id") != 0 &&
	    (s->name == NULL || (!ends_with(s->name, "_pk") &&
	    !ends_with(s->name, "_pkey")))))
		return 0;
	return say(r, INDEX_WARNING, "KEY-COPY", s, "it looks like a copy of "
	    "the primary key, which has an index of its own", e);
}

/* What the server refuses in an index, or would let change under it. */
static int
lint_volatile(const struct index_statement *s, struct index_report *r,
    struct err *e)
{
	static const char *const words[] = { "now", "current_timestamp",
		"current_date", "current_time", "localtime", "localtimestamp",
		"clock_timestamp", "statement_timestamp",
		"transaction_timestamp", "timeofday", "random",
		"gen_random_uuid", "uuid_generate_v4", "nextval",
		"current_user", "session_user", "current_setting",
		"pg_backend_pid", "txid_current" };
	const char *at = s->rest;
	struct sqltext_token t;
	struct index_finding *f;

	while (sqltext_token(&at, &t))
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			const char *after = at;
			struct sqltext_token n;
			bool call = strncmp(words[i], "current_", 8) != 0 &&
			    strncmp(words[i], "local", 5) != 0 &&
			    strcmp(words[i], "session_user") != 0;

			/* "now" may be a column, now() is not */
			if (!sqltext_is(&t, words[i]) || (call &&
			    !(sqltext_token(&after, &n) && n.word[0] == '(')))
				continue;
			f = found(r, INDEX_ERROR, "VOLATILE", s, e);
			return f == NULL ? -1 : index_text(&f->reason, e,
			    "\"%s\" gives another answer each time: an index "
			    "cannot hold it", words[i]);
		}
	return 0;
}

/* Guesses by the names of columns. */

static bool
is_hot(const char *column)
{
	return strncmp(column, "last_", 5) == 0 ||
	    strncmp(column, "updated_", 8) == 0 ||
	    strncmp(column, "modified_", 9) == 0;
}

static bool
has_few_values(const char *column)
{
	static const char *const names[] = { "status", "state", "type",
		"kind", "gender", "active", "enabled", "deleted", "priority" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(column, names[i]) == 0)
			return true;
	return strncmp(column, "is_", 3) == 0 || ends_with(column, "_flag");
}

static int
lint_guess(const struct index_statement *s, struct index_report *r,
    struct err *e)
{
	struct index_finding *f;

	for (size_t i = 0; i < s->key_count; i++) {
		if (!s->keys[i].column || !is_hot(s->keys[i].what))
			continue;
		if ((f = found(r, INDEX_NOTE, "HOT", s, e)) == NULL ||
		    index_text(&f->reason, e, "\"%s\" looks like a column "
		    "that every use changes: no such update can be HOT any "
		    "more", s->keys[i].what) == -1)
			return -1;
	}
	if (s->key_count != 1 || !s->keys[0].column || s->unique ||
	    *s->predicate != '\0' || !has_few_values(s->keys[0].what))
		return 0;
	f = found(r, INDEX_NOTE, "FEW-VALUES", s, e);
	return f == NULL ? -1 : index_text(&f->reason, e, "\"%s\" looks like "
	    "a column of few values: an index with WHERE for the rare ones "
	    "is smaller and is used", s->keys[0].what);
}

/* Two statements together. */

static bool
same_table(const struct index_statement *a, const struct index_statement *b)
{
	/* a name without a schema may be any schema's: likely the same one */
	return strcmp(a->table, b->table) == 0 &&
	    (strcmp(a->schema, b->schema) == 0 || *a->schema == '\0' ||
	    *b->schema == '\0');
}

static bool
same_key(const struct index_key *a, const struct index_key *b)
{
	return a->column == b->column && strcmp(a->what, b->what) == 0 &&
	    strcmp(a->kind, b->kind) == 0;
}

/* Whether b's keys lead those of a, in the same order or wholly reversed. */
static bool
leads(const struct index_statement *b, const struct index_statement *a)
{
	bool same = true, reversed = true;

	if (b->key_count > a->key_count)
		return false;
	for (size_t i = 0; i < b->key_count; i++) {
		const struct index_key *x = &b->keys[i], *y = &a->keys[i];

		if (!same_key(x, y))
			return false;
		same = same && x->desc == y->desc &&
		    x->nulls_first == y->nulls_first;
		reversed = reversed && x->desc != y->desc &&
		    x->nulls_first != y->nulls_first;
	}
	return strcmp(b->method, "btree") != 0 || same || reversed;
}

static bool
has_column(const struct index_statement *s, const char *name)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (s->keys[i].column && strcmp(s->keys[i].what, name) == 0)
			return true;
	for (size_t i = 0; i < s->include_count; i++)
		if (strcmp(s->included[i], name) == 0)
			return true;
	return false;
}

static bool
holds_included(const struct index_statement *a,
    const struct index_statement *b)
{
	for (size_t i = 0; i < b->include_count; i++)
		if (!has_column(a, b->included[i]))
			return false;
	return true;
}

/* Whether `a` does all that `b` does. */
static bool
covers(const struct index_statement *a, const struct index_statement *b)
{
	bool equal = a->key_count == b->key_count;

	if (!same_table(a, b) || strcmp(a->method, b->method) != 0 ||
	    strcmp(a->predicate, b->predicate) != 0 || !leads(b, a) ||
	    !holds_included(a, b))
		return false;
	if (!equal && strcmp(b->method, "btree") != 0)
		return false;
	return !b->unique || (a->unique && equal &&
	    a->nulls_not_distinct == b->nulls_not_distinct);
}

static int
lint_pair(const struct index_statement *a, const struct index_statement *b,
    struct index_report *r, struct err *e)
{
	bool equal = a->key_count == b->key_count;
	struct index_finding *f = found(r, INDEX_WARNING, equal ?
	    "DUPLICATE" : "PREFIX", b, e);

	if (f == NULL || (a->name != NULL &&
	    index_fact_text(f, "covered_by", a->name, e) == -1))
		return -1;
	return index_text(&f->reason, e, equal ? "\"%s\" at line %llu is the "
	    "same index" : "\"%s\" at line %llu begins with the same columns",
	    a->name != NULL ? a->name : "?", (unsigned long long)a->line);
}

static int
lint_others(const struct index_file *f, size_t i, struct index_report *r,
    struct err *e)
{
	const struct index_statement *s = &f->all[i], *o;
	struct index_finding *x;

	for (size_t k = 0; k < i; k++) {
		o = &f->all[k];
		if (s->name == NULL || o->name == NULL ||
		    strcmp(s->name, o->name) != 0 ||
		    (strcmp(s->schema, o->schema) != 0 &&
		    *s->schema != '\0' && *o->schema != '\0'))
			continue;
		x = found(r, INDEX_ERROR, "TWICE", s, e);
		return x == NULL ? -1 : index_text(&x->reason, e, "line %llu "
		    "declares an index of this name as well",
		    (unsigned long long)o->line);
	}
	for (size_t k = 0; k < f->count; k++) {
		o = &f->all[k];
		/* of two that cover each other the later one is too many */
		if (k != i && covers(o, s) && (k < i || !covers(s, o)))
			return lint_pair(o, s, r, e);
	}
	return 0;
}

int
index_lint(const struct index_file *f, struct index_report *r, struct err *e)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct index_statement *s = &f->all[i];

		if (lint_name(s, r, e) == -1 || lint_volatile(s, r, e) == -1 ||
		    lint_order(s, r, e) == -1 ||
		    lint_key_copy(s, r, e) == -1 ||
		    lint_others(f, i, r, e) == -1 ||
		    lint_guess(s, r, e) == -1)
			return -1;
	}
	return 0;
}

int
index_file_check(const struct index_file *f, struct err *e)
{
	struct index_report r = INDEX_REPORT_INIT("lint");
	int rc = index_lint(f, &r, e);

	for (size_t i = 0; i < r.count && rc == 0; i++) {
		const struct index_finding *x = &r.findings[i];

		if (x->severity == INDEX_ERROR)
			rc = err_set(e, ERR_CONF, "\"%s\" line %llu: %s",
			    f->path, (unsigned long long)x->line, x->reason);
	}
	index_report_free(&r);
	return rc;
}
