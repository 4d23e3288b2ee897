/* The commands of pgk-index: what its options say, made into questions. */
#include <limits.h>

#include "cli/cli.h"
#include "index/index.h"
#include "log/log.h"
#include "unit/unit.h"

#define DAY ((int64_t)86400)

static int
run_lint(struct index_asked *a, struct index_report *r, struct err *e)
{
	const struct policy_report found = { index_lint_found, r };
	struct policy *f = policy_load(a->operands[0], &found, e);
	struct policy_schema *schema = NULL;
	int rc = -1;

	if (f != NULL && (a->operand_count == 1 ||
	    (schema = policy_schema_load(a->operands[1], e)) != NULL))
		rc = policy_lint(f, schema, &found, e);
	policy_schema_free(schema);
	policy_free(f);
	if (rc == 0)
		index_report_sort(r);
	return rc;
}

/* A policy, for a command that connects. */
static int
open_both(struct index_asked *a, struct policy **f, struct pg **c,
    struct err *e)
{
	*c = NULL;
	if ((*f = policy_load(a->operands[0], NULL, e)) == NULL ||
	    policy_check(*f, e) == -1 ||
	    (*c = index_connect(a->cli->target, e)) == NULL)
		return -1;
	return 0;
}

static int
run_diff(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct policy *f = NULL;
	struct pg *c = NULL;
	int rc = open_both(a, &f, &c, e);

	if (rc == 0)
		rc = index_diff(c, f, r, e);
	pg_close(c);
	policy_free(f);
	return rc;
}

/* When to give up, as --max-wait and --until say. */
static int
take_limits(const struct index_asked *a, int64_t *max_wait, int64_t *until,
    struct err *e)
{
	if (a->max_wait != NULL && unit_parse_duration(a->max_wait, max_wait,
	    e) == -1)
		return err_prefix(e, "--max-wait");
	if (a->max_wait != NULL && *max_wait == 0)
		return err_set(e, ERR_USAGE, "--max-wait: nothing is built "
		    "without waiting");
	if (a->until != NULL && unit_next_clock(a->until,
	    a->cli->conf->policy.time_zone, unit_now(), until, e) == -1)
		return err_prefix(e, "--until");
	return 0;
}

static int
run_apply(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct index_apply_options o = { .target = a->cli->target,
		.dry_run = a->dry_run, .drop_extra = a->drop_extra,
		.replace = a->replace };
	struct policy *f = NULL;
	int rc = -1;

	if (take_limits(a, &o.max_wait, &o.until, e) == 0 &&
	    (f = policy_load(a->operands[0], NULL, e)) != NULL)
		rc = index_apply(&o, f, r, e);
	policy_free(f);
	return rc;
}

/* A command that asks one server one thing. */
static int
ask(struct index_asked *a, struct index_report *r,
    int (*question)(struct pg *c, struct index_report *r, struct err *e),
    struct err *e)
{
	struct pg *c = index_connect(a->cli->target, e);
	int rc = c == NULL ? -1 : question(c, r, e);

	pg_close(c);
	return rc;
}

static int
run_duplicate(struct index_asked *a, struct index_report *r, struct err *e)
{
	return ask(a, r, index_duplicate, e);
}

static int
run_invalid(struct index_asked *a, struct index_report *r, struct err *e)
{
	return ask(a, r, index_invalid, e);
}

static int
run_missing_fk(struct index_asked *a, struct index_report *r, struct err *e)
{
	return ask(a, r, index_missing_fk, e);
}

/* What is bloated: 30 % of 10 MB unless told otherwise. */
static int
bloat_options(const struct index_asked *a, struct index_bloat_options *o,
    struct err *e)
{
	int64_t percent = 30;

	o->min_bytes = (uint64_t)10 << 20;
	o->estimate_only = a->estimate;
	if (a->min_bloat != NULL && unit_parse_number(a->min_bloat, 1, 99,
	    &percent, e) == -1)
		return err_prefix(e, "--min-bloat");
	if (a->min_size != NULL && unit_parse_size(a->min_size,
	    &o->min_bytes, e) == -1)
		return err_prefix(e, "--min-size");
	o->min_percent = (double)percent;
	return 0;
}

static int
run_bloat(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct index_bloat_options o;
	struct pg *c;
	int rc;

	if (bloat_options(a, &o, e) == -1 ||
	    (c = index_connect(a->cli->target, e)) == NULL)
		return -1;
	rc = index_bloat(c, &o, r, e);
	pg_close(c);
	return rc;
}

/* The server of -d, -h and so on, and those of --also. */
struct servers {
	struct pg_target *all[INDEX_ALSO_MAX + 1];
	struct index_nodes nodes;
};

/* Those of --also are the same but for what it says. */
static int
open_servers(const struct index_asked *a, struct servers *s, struct err *e)
{
	s->nodes.all = (const struct pg_target *const *)s->all;
	for (size_t i = 0; i <= a->also_count; i++) {
		struct pg_target *x = pg_target_copy(a->cli->target, e);

		if (x == NULL)
			return -1;
		s->all[s->nodes.count++] = x;
		if (i > 0 && pg_target_conninfo(x, a->also[i - 1], e) == -1)
			return err_prefix(e, "--also");
	}
	return 0;
}

static void
close_servers(struct servers *s)
{
	for (size_t i = 0; i < s->nodes.count; i++)
		pg_target_free(s->all[i]);
}

/* A duration an option gave, or `otherwise` in seconds. */
static int
duration(const char *option, const char *word, int64_t otherwise,
    int64_t *seconds, struct err *e)
{
	*seconds = otherwise;
	if (word == NULL || unit_parse_duration(word, seconds, e) == 0)
		return 0;
	return err_prefix(e, "%s", option);
}

static int
unused_options(struct index_asked *a, struct index_unused_options *o,
    struct err *e)
{
	int64_t scans = 0;

	o->alone = a->alone;
	if (duration("--min-age", a->min_age, 35 * DAY, &o->min_age, e) == -1)
		return -1;
	if (a->max_scans != NULL && unit_parse_number(a->max_scans, 0,
	    INT64_MAX, &scans, e) == -1)
		return err_prefix(e, "--max-scans");
	o->max_scans = (uint64_t)scans;
	/* a store that is not there yet has no samples */
	if (cli_names_store(a->cli) && cli_open_store(a->cli, 0, e) == -1 &&
	    (a->cli->store_url != NULL || e->kind != ERR_ABSENT))
		return -1;
	err_clear(e);
	o->store = a->cli->store;
	return 0;
}

static int
run_unused(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct index_unused_options o = { .store = NULL };
	struct servers s = { .nodes = { .count = 0 } };
	int rc = -1;

	if (unused_options(a, &o, e) == 0 && open_servers(a, &s, e) == 0)
		rc = index_unused(&s.nodes, &o, r, e);
	close_servers(&s);
	return rc;
}

static int
run_watch_usage(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct servers s = { .nodes = { .count = 0 } };
	int64_t keep;
	int rc = -1;

	if (duration("--keep", a->keep, 400 * DAY, &keep, e) == 0 &&
	    cli_open_store(a->cli, STORE_CREATE, e) == 0 &&
	    open_servers(a, &s, e) == 0)
		rc = index_usage_watch(&s.nodes, a->cli->store, keep, r,
		    e);
	close_servers(&s);
	return rc;
}

static int
run_suggest(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct pg *c = index_connect(a->cli->target, e);
	unsigned unplanned = 0;
	int rc = c == NULL ? -1 : index_suggest(c, r, &unplanned, e);

	pg_close(c);
	if (unplanned > 0)
		log_info("%u statements could not be planned here", unplanned);
	return rc;
}

static int
run_reindex(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct index_reindex_options o = { .target = a->cli->target,
		.names = a->operands, .name_count = a->operand_count,
		.dry_run = a->dry_run };

	if (take_limits(a, &o.max_wait, &o.until, e) == -1 ||
	    bloat_options(a, &o.bloat, e) == -1)
		return -1;
	return index_reindex(&o, r, e);
}

static int
run_analyze(struct index_asked *a, struct index_report *r, struct err *e)
{
	struct index_analyze_options o = { .target = a->cli->target,
		.dry_run = a->dry_run, .max_age = 7 * DAY };
	struct policy *f = NULL;
	int64_t percent = 10;
	int rc = -1;

	if (a->stale != NULL && unit_parse_number(a->stale, 0, 100, &percent,
	    e) == -1)
		return err_prefix(e, "--stale");
	o.stale_percent = (double)percent;
	if (a->operand_count == 0 || (f = policy_load(a->operands[0],
	    NULL, e)) != NULL)
		rc = index_analyze(&o, f, r, e);
	policy_free(f);
	return rc;
}

const struct index_command index_commands[] = {
	{ { "apply", "a FILE.sql", 1, 1,
	    "dry-run drop-extra replace max-wait until", true }, run_apply },
	{ { "diff", "a FILE.sql", 1, 1, "", true }, run_diff },
	{ { "lint", "a FILE.sql", 1, 2, "", false }, run_lint },
	{ { "duplicate", NULL, 0, 0, "", true }, run_duplicate },
	{ { "invalid", NULL, 0, 0, "", true }, run_invalid },
	{ { "missing-fk", NULL, 0, 0, "", true }, run_missing_fk },
	{ { "bloat", NULL, 0, 0, "min-bloat min-size estimate", true },
	    run_bloat },
	{ { "unused", NULL, 0, 0, "also min-age max-scans alone store", true },
	    run_unused },
	{ { "analyze", NULL, 0, 1, "dry-run stale", true }, run_analyze },
	{ { "reindex", NULL, 0, UINT_MAX,
	    "dry-run max-wait until min-bloat min-size estimate", true },
	    run_reindex },
	{ { "suggest", NULL, 0, 0, "", true }, run_suggest },
	{ { "watch-usage", NULL, 0, 0, "also keep store", true },
	    run_watch_usage },
	{ { .name = NULL }, NULL }
};
