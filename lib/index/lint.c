#include <string.h>

#include "index/index_int.h"
#include "sqltext/sqltext.h"

/* One statement on its own. */

struct index_finding *
lint_found(struct index_report *r, enum index_severity severity,
    const char *verdict, const struct index_statement *s, struct err *e)
{
	struct index_finding *f = index_add(r, severity, verdict, e);

	if (f == NULL || index_name(f, *s->schema != '\0' ? s->schema : NULL,
	    s->table, s->name, e) == -1)
		return NULL;
	f->line = s->line;
	return f;
}

int
lint_say(struct index_report *r, enum index_severity severity,
    const char *verdict, const struct index_statement *s, const char *why,
    struct err *e)
{
	struct index_finding *f = lint_found(r, severity, verdict, s, e);

	return f == NULL ? -1 : index_text(&f->reason, e, "%s", why);
}

static int
lint_name(const struct index_statement *s, struct index_report *r,
    struct err *e)
{
	size_t len = s->name != NULL ? strlen(s->name) : 0;

	if (s->name == NULL)
		return lint_say(r, INDEX_ERROR, "UNNAMED", s, "the server "
		    "would choose a name, and another one at every run", e);
	if (len > INDEX_NAME_MAX && lint_say(r, INDEX_ERROR, "LONG-NAME", s,
	    "longer than 63 bytes: the server would cut it", e) == -1)
		return -1;
	if (s->only && lint_say(r, INDEX_ERROR, "ONLY", s, "ON ONLY leaves the "
	    "partitions without: the index would be invalid", e) == -1)
		return -1;
	if (!s->if_not_exists && lint_say(r, INDEX_WARNING,
	    "NOT-IDEMPOTENT", s, "without IF NOT EXISTS the file cannot be "
	    "run twice", e) == -1)
		return -1;
	if (!s->concurrently)
		return 0;
	return lint_say(r, INDEX_WARNING, "CONCURRENTLY", s, s->if_not_exists ?
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
	return lint_say(r, INDEX_WARNING, "DESC", s, s->key_count == 1 ?
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

/* An index that says of itself that it repeats the primary key: a guess. */
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
	return lint_say(r, INDEX_WARNING, "KEY-COPY", s, "it looks like a "
	    "copy of the primary key, which has an index of its own", e);
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
			f = lint_found(r, INDEX_ERROR, "VOLATILE", s, e);
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
		if ((f = lint_found(r, INDEX_NOTE, "HOT", s, e)) == NULL ||
		    index_text(&f->reason, e, "\"%s\" looks like a column "
		    "that every use changes: no such update can be HOT any "
		    "more", s->keys[i].what) == -1)
			return -1;
	}
	if (s->key_count != 1 || !s->keys[0].column || s->unique ||
	    *s->predicate != '\0' || !has_few_values(s->keys[0].what))
		return 0;
	f = lint_found(r, INDEX_NOTE, "FEW-VALUES", s, e);
	return f == NULL ? -1 : index_text(&f->reason, e, "\"%s\" looks like "
	    "a column of few values: an index with WHERE for the rare ones "
	    "is smaller and is used", s->keys[0].what);
}

int
index_lint(const struct index_file *f, const struct index_schema *schema,
    struct index_report *r, struct err *e)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct index_statement *s = &f->all[i];
		bool covered = false;

		if (lint_name(s, r, e) == -1 || lint_volatile(s, r, e) == -1 ||
		    lint_order(s, r, e) == -1 ||
		    (schema == NULL && lint_key_copy(s, r, e) == -1) ||
		    (schema != NULL &&
		        lint_schema(s, schema, r, &covered, e) == -1) ||
		    lint_others(f, i, covered, r, e) == -1 ||
		    lint_guess(s, r, e) == -1)
			return -1;
	}
	return schema == NULL ? 0 : lint_foreign(f, schema, r, e);
}

int
index_file_check(const struct index_file *f, struct err *e)
{
	struct index_report r = INDEX_REPORT_INIT("lint");
	int rc = index_lint(f, NULL, &r, e);

	for (size_t i = 0; i < r.count && rc == 0; i++) {
		const struct index_finding *x = &r.findings[i];

		if (x->severity == INDEX_ERROR)
			rc = err_set(e, ERR_CONF, "\"%s\" line %llu: %s",
			    f->path, (unsigned long long)x->line, x->reason);
	}
	index_report_free(&r);
	return rc;
}
