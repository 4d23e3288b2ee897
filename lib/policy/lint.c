#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_int.h"
#include "sqltext/sqltext.h"

/* One statement on its own. */

int
lint_say(const struct policy_report *r, enum policy_severity severity,
    const char *verdict, const struct policy_statement *s,
    const char *covered_by, struct err *e, const char *fmt, ...)
{
	struct policy_finding f = { severity, verdict, s->line,
		*s->schema != '\0' ? s->schema : NULL, s->table, s->name,
		covered_by, NULL };
	va_list args;
	char *reason;
	int n, rc;

	va_start(args, fmt);
	n = vasprintf(&reason, fmt, args);
	va_end(args);
	if (n == -1)
		return err_nomem(e);
	f.reason = reason;
	rc = r->found(r->ctx, &f, e);
	free(reason);
	return rc;
}

static int
lint_name(const struct policy_statement *s, const struct policy_report *r,
    struct err *e)
{
	size_t len = s->name != NULL ? strlen(s->name) : 0;

	if (s->name == NULL)
		return lint_say(r, POLICY_ERROR, "UNNAMED", s, NULL, e, "the "
		    "server would choose a name, and another one at every "
		    "run");
	if (len > POLICY_NAME_MAX && lint_say(r, POLICY_ERROR, "LONG-NAME", s,
	    NULL, e, "longer than 63 bytes: the server would cut it") == -1)
		return -1;
	if (s->only && lint_say(r, POLICY_ERROR, "ONLY", s, NULL, e, "ON ONLY "
	    "leaves the partitions without: the index would be invalid") ==
	    -1)
		return -1;
	if (!s->if_not_exists && lint_say(r, POLICY_WARNING,
	    "NOT-IDEMPOTENT", s, NULL, e, "without IF NOT EXISTS the file "
	    "cannot be run twice") == -1)
		return -1;
	if (!s->concurrently)
		return 0;
	return lint_say(r, POLICY_WARNING, "CONCURRENTLY", s, NULL, e, "%s",
	    s->if_not_exists ? "run by hand, IF NOT EXISTS would keep an "
	    "invalid index that a failed build left" : "apply builds "
	    "concurrently by itself; psql could not run the file in a "
	    "transaction");
}

/* A single column in descending order: an index is read backwards as well. */
static int
lint_order(const struct policy_statement *s, const struct policy_report *r,
    struct err *e)
{
	bool ordered = strcmp(s->method, "btree") == 0, reversed = ordered;

	for (size_t i = 0; i < s->key_count; i++)
		reversed = reversed && s->keys[i].desc &&
		    s->keys[i].nulls_first;
	if (!reversed)
		return 0;
	return lint_say(r, POLICY_WARNING, "DESC", s, NULL, e, "%s buys nothing: "
	    "an index is read in either direction", s->key_count == 1 ?
	    "DESC on a single column" : "DESC on all columns");
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* An index that says of itself that it repeats the primary key: a guess. */
static int
lint_key_copy(const struct policy_statement *s, const struct policy_report *r,
    struct err *e)
{
	bool plain = s->key_count == 1 && s->keys[0].column &&
	    *s->predicate == '\0' && s->include_count == 0;

	if (!plain || (strcmp(s->keys[0].what, "id") != 0 &&
	    (s->name == NULL || (!ends_with(s->name, "_pk") &&
	    !ends_with(s->name, "_pkey")))))
		return 0;
	return lint_say(r, POLICY_WARNING, "KEY-COPY", s, NULL, e, "it looks "
	    "like a copy of the primary key, which has an index of its own");
}

/* What the server refuses in an index, or would let change under it. */
static int
lint_volatile(const struct policy_statement *s, const struct policy_report *r,
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
			return lint_say(r, POLICY_ERROR, "VOLATILE", s, NULL,
			    e, "\"%s\" gives another answer each time: an "
			    "index cannot hold it", words[i]);
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
lint_guess(const struct policy_statement *s, const struct policy_report *r,
    struct err *e)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (s->keys[i].column && is_hot(s->keys[i].what) &&
		    lint_say(r, POLICY_NOTE, "HOT", s, NULL, e, "\"%s\" looks "
		    "like a column that every use changes: no such update "
		    "can be HOT any more", s->keys[i].what) == -1)
			return -1;
	if (s->key_count != 1 || !s->keys[0].column || s->unique ||
	    *s->predicate != '\0' || !has_few_values(s->keys[0].what))
		return 0;
	return lint_say(r, POLICY_NOTE, "FEW-VALUES", s, NULL, e, "\"%s\" "
	    "looks like a column of few values: an index with WHERE for the "
	    "rare ones is smaller and is used", s->keys[0].what);
}

int
policy_lint(const struct policy *f, const struct policy_schema *schema,
    const struct policy_report *r, struct err *e)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct policy_statement *s = &f->all[i];
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

static int
keep_first(void *ctx, const struct policy_finding *f, struct err *e)
{
	const char *path = ctx;

	return f->severity != POLICY_ERROR ? 0 : err_set(e, ERR_CONF,
	    "\"%s\" line %llu: %s", path, (unsigned long long)f->line,
	    f->reason);
}

int
policy_check(const struct policy *p, struct err *e)
{
	const struct policy_report r = { keep_first, p->path };

	return policy_lint(p, NULL, &r, e);
}
