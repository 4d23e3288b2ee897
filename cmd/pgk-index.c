/*
 * pgk-index: the indexes of a database, judged and kept.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "index/index.h"
#include "log/log.h"
#include "unit/unit.h"

#define ALSO_MAX 31
#define DAY ((int64_t)86400)

struct tool {
	struct cli cli; /* first */
	bool json, tsv, all;
	/* after the command's word */
	const char *const *operands;
	unsigned operand_count;
	struct index_report report;
	/* apply */
	bool dry_run, drop_extra, replace;
	const char *max_wait, *until;
	/* bloat */
	const char *stale; /* analyze */
	const char *min_bloat, *min_size;
	bool estimate;
	/* unused, watch-usage */
	const char *also[ALSO_MAX];
	size_t also_count;
	bool has_also, alone;
	const char *min_age, *max_scans, *keep;
	struct pg_target *targets[ALSO_MAX + 1];
	size_t target_count;
};

static struct tool tool = { .cli = CLI_INIT("pgk-index") };

/*
 * A command: what it takes and what it does. `run` fills the report, of which
 * all is printed, also after a failure.
 */
struct command {
	const char *name;
	unsigned operands_min, operands_max;
	bool offline;        /* takes no -d, -h, -p, -U */
	const char *options; /* of those in `options`: "max-wait until" */
	int (*run)(struct tool *t, struct err *e);
};

static int
run_lint(struct tool *t, struct err *e)
{
	const struct policy_report found = { index_lint_found, &t->report };
	struct policy *f = policy_load(t->operands[0], &found, e);
	struct policy_schema *schema = NULL;
	int rc = -1;

	if (f != NULL && (t->operand_count == 1 ||
	    (schema = policy_schema_load(t->operands[1], e)) != NULL))
		rc = policy_lint(f, schema, &found, e);
	policy_schema_free(schema);
	policy_free(f);
	if (rc == 0)
		index_report_sort(&t->report);
	return rc;
}

/* A policy, for a command that connects. */
static int
open_both(struct tool *t, struct policy **f, struct pg **c,
    struct err *e)
{
	*c = NULL;
	if ((*f = policy_load(t->operands[0], NULL, e)) == NULL ||
	    policy_check(*f, e) == -1 ||
	    (*c = index_connect(t->cli.target, e)) == NULL)
		return -1;
	return 0;
}

static int
run_diff(struct tool *t, struct err *e)
{
	struct policy *f = NULL;
	struct pg *c = NULL;
	int rc = open_both(t, &f, &c, e);

	if (rc == 0)
		rc = index_diff(c, f, &t->report, e);
	pg_close(c);
	policy_free(f);
	return rc;
}

/* When to give up, as --max-wait and --until say. */
static int
take_limits(const struct tool *t, int64_t *max_wait, int64_t *until,
    struct err *e)
{
	if (t->max_wait != NULL && unit_parse_duration(t->max_wait, max_wait,
	    e) == -1)
		return err_prefix(e, "--max-wait");
	if (t->max_wait != NULL && *max_wait == 0)
		return err_set(e, ERR_USAGE, "--max-wait: nothing is built "
		    "without waiting");
	if (t->until != NULL && unit_next_clock(t->until,
	    t->cli.conf->policy.time_zone, unit_now(), until, e) == -1)
		return err_prefix(e, "--until");
	return 0;
}

static int
run_apply(struct tool *t, struct err *e)
{
	struct index_apply_options o = { .target = t->cli.target,
		.dry_run = t->dry_run, .drop_extra = t->drop_extra,
		.replace = t->replace };
	struct policy *f = NULL;
	int rc = -1;

	if (take_limits(t, &o.max_wait, &o.until, e) == 0 &&
	    (f = policy_load(t->operands[0], NULL, e)) != NULL)
		rc = index_apply(&o, f, &t->report, e);
	policy_free(f);
	return rc;
}

/* A command that asks one server one thing. */
static int
ask(struct tool *t, int (*question)(struct pg *c, struct index_report *r,
    struct err *e), struct err *e)
{
	struct pg *c = index_connect(t->cli.target, e);
	int rc = c == NULL ? -1 : question(c, &t->report, e);

	pg_close(c);
	return rc;
}

static int
run_duplicate(struct tool *t, struct err *e)
{
	return ask(t, index_duplicate, e);
}

static int
run_invalid(struct tool *t, struct err *e)
{
	return ask(t, index_invalid, e);
}

static int
run_missing_fk(struct tool *t, struct err *e)
{
	return ask(t, index_missing_fk, e);
}

/* What is bloated: 30 % of 10 MB unless told otherwise. */
static int
bloat_options(const struct tool *t, struct index_bloat_options *o,
    struct err *e)
{
	int64_t percent = 30;

	o->min_bytes = (uint64_t)10 << 20;
	o->estimate_only = t->estimate;
	if (t->min_bloat != NULL && unit_parse_number(t->min_bloat, 1, 99,
	    &percent, e) == -1)
		return err_prefix(e, "--min-bloat");
	if (t->min_size != NULL && unit_parse_size(t->min_size,
	    &o->min_bytes, e) == -1)
		return err_prefix(e, "--min-size");
	o->min_percent = (double)percent;
	return 0;
}

static int
run_bloat(struct tool *t, struct err *e)
{
	struct index_bloat_options o;
	struct pg *c;
	int rc;

	if (bloat_options(t, &o, e) == -1 ||
	    (c = index_connect(t->cli.target, e)) == NULL)
		return -1;
	rc = index_bloat(c, &o, &t->report, e);
	pg_close(c);
	return rc;
}

/* The server of -d, -h and so on, and those of --also: the same but for what it says. */
static int
open_nodes(struct tool *t, struct index_nodes *nodes, struct err *e)
{
	for (size_t i = 0; i <= t->also_count; i++) {
		struct pg_target *x = pg_target_copy(t->cli.target, e);

		if (x == NULL)
			return -1;
		t->targets[t->target_count++] = x;
		if (i > 0 && pg_target_conninfo(x, t->also[i - 1], e) == -1)
			return err_prefix(e, "--also");
	}
	nodes->all = (const struct pg_target *const *)t->targets;
	nodes->count = t->target_count;
	return 0;
}

static void
close_nodes(struct tool *t)
{
	for (size_t i = 0; i < t->target_count; i++)
		pg_target_free(t->targets[i]);
	t->target_count = 0;
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
unused_options(struct tool *t, struct index_unused_options *o, struct err *e)
{
	int64_t scans = 0;

	o->alone = t->alone;
	if (duration("--min-age", t->min_age, 35 * DAY, &o->min_age, e) == -1)
		return -1;
	if (t->max_scans != NULL && unit_parse_number(t->max_scans, 0,
	    INT64_MAX, &scans, e) == -1)
		return err_prefix(e, "--max-scans");
	o->max_scans = (uint64_t)scans;
	/* a store that is not there yet has no samples */
	if (cli_names_store(&t->cli) && cli_open_store(&t->cli, 0, e) == -1 &&
	    (t->cli.store_url != NULL || e->kind != ERR_ABSENT))
		return -1;
	err_clear(e);
	o->store = t->cli.store;
	return 0;
}

static int
run_unused(struct tool *t, struct err *e)
{
	struct index_unused_options o = { .store = NULL };
	struct index_nodes nodes;
	int rc = -1;

	if (unused_options(t, &o, e) == 0 && open_nodes(t, &nodes, e) == 0)
		rc = index_unused(&nodes, &o, &t->report, e);
	close_nodes(t);
	return rc;
}

static int
run_watch_usage(struct tool *t, struct err *e)
{
	struct index_nodes nodes;
	int64_t keep;
	int rc = -1;

	if (duration("--keep", t->keep, 400 * DAY, &keep, e) == 0 &&
	    cli_open_store(&t->cli, STORE_CREATE, e) == 0 &&
	    open_nodes(t, &nodes, e) == 0)
		rc = index_usage_watch(&nodes, t->cli.store, keep,
		    &t->report, e);
	close_nodes(t);
	return rc;
}

static int
run_suggest(struct tool *t, struct err *e)
{
	struct pg *c = index_connect(t->cli.target, e);
	unsigned unplanned = 0;
	int rc = c == NULL ? -1 : index_suggest(c, &t->report, &unplanned,
	    e);

	pg_close(c);
	if (unplanned > 0)
		log_info("%u statements could not be planned here", unplanned);
	return rc;
}

static int
run_reindex(struct tool *t, struct err *e)
{
	struct index_reindex_options o = { .target = t->cli.target,
		.names = t->operands, .name_count = t->operand_count,
		.dry_run = t->dry_run };

	if (take_limits(t, &o.max_wait, &o.until, e) == -1 ||
	    bloat_options(t, &o.bloat, e) == -1)
		return -1;
	return index_reindex(&o, &t->report, e);
}

static int
run_analyze(struct tool *t, struct err *e)
{
	struct index_analyze_options o = { .target = t->cli.target,
		.dry_run = t->dry_run, .max_age = 7 * DAY };
	struct policy *f = NULL;
	int64_t percent = 10;
	int rc = -1;

	if (t->stale != NULL && unit_parse_number(t->stale, 0, 100, &percent,
	    e) == -1)
		return err_prefix(e, "--stale");
	o.stale_percent = (double)percent;
	if (t->operand_count == 0 || (f = policy_load(t->operands[0],
	    NULL, e)) != NULL)
		rc = index_analyze(&o, f, &t->report, e);
	policy_free(f);
	return rc;
}

static const struct command commands[] = {
	{ "apply", 1, 1, false, "dry-run drop-extra replace max-wait until",
	    run_apply },
	{ "diff", 1, 1, false, "", run_diff },
	{ "lint", 1, 2, true, "", run_lint },
	{ "duplicate", 0, 0, false, "", run_duplicate },
	{ "invalid", 0, 0, false, "", run_invalid },
	{ "missing-fk", 0, 0, false, "", run_missing_fk },
	{ "bloat", 0, 0, false, "min-bloat min-size estimate", run_bloat },
	{ "unused", 0, 0, false, "also min-age max-scans alone store",
	    run_unused },
	{ "analyze", 0, 1, false, "dry-run stale", run_analyze },
	{ "reindex", 0, UINT_MAX, false,
	    "dry-run max-wait until min-bloat min-size estimate",
	    run_reindex },
	{ "suggest", 0, 0, false, "", run_suggest },
	{ "watch-usage", 0, 0, false, "also keep store", run_watch_usage },
	{ NULL, 0, 0, false, NULL, NULL }
};

/* Options of commands; those of the form are everyone's. */
static const struct opt form_options[] = {
	{ 0, "json", NULL, "print a JSON list", NULL, &tool.json, NULL, NULL },
	{ 0, "tsv", NULL, "print tab-separated values with headings",
	    NULL, &tool.tsv, NULL, NULL },
	{ 'a', "all", NULL, "print in the table what is well, too",
	    NULL, &tool.all, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static int
take_also(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	if (t->also_count == ALSO_MAX)
		return err_set(e, ERR_USAGE, "more than %d", ALSO_MAX);
	t->has_also = true;
	t->also[t->also_count++] = value;
	return 0;
}

/*
 * An entry with `take` has `flag` as well, which it sets: by flag and word it
 * is told what was given.
 */
static const struct opt options[] = {
	{ 0, "dry-run", NULL, "apply, analyze, reindex: print the SQL and do nothing",
	    NULL, &tool.dry_run, NULL, NULL },
	{ 0, "drop-extra", NULL, "apply: drop what is not declared and "
	    "enforces nothing", NULL, &tool.drop_extra, NULL, NULL },
	{ 0, "replace", NULL, "apply: replace what is declared otherwise",
	    NULL, &tool.replace, NULL, NULL },
	{ 0, "max-wait", "DURATION", "wait so long for others at a build, "
	    "then go on without it", NULL, NULL, &tool.max_wait, NULL },
	{ 0, "until", "HH:MM", "end at this time of day",
	    NULL, NULL, &tool.until, NULL },
	{ 0, "also", "CONNINFO",
	    "unused, watch-usage: a standby; may be given more than once",
	    take_also, &tool.has_also, NULL, NULL },
	{ 0, "min-age", "DURATION",
	    "unused: a verdict needs so long without use (default 35d)",
	    NULL, NULL, &tool.min_age, NULL },
	{ 0, "max-scans", "N",
	    "unused: so many scans count as none (default 0)",
	    NULL, NULL, &tool.max_scans, NULL },
	{ 0, "alone", NULL, "unused: no queries run on standbys not named",
	    NULL, &tool.alone, NULL, NULL },
	{ 0, "keep", "DURATION",
	    "watch-usage: delete samples older than this (default 400d)",
	    NULL, NULL, &tool.keep, NULL },
	{ 0, "stale", "PERCENT",
	    "analyze: when so many rows changed (default 10)",
	    NULL, NULL, &tool.stale, NULL },
	{ 0, "min-bloat", "PERCENT", "bloat, reindex: from PERCENT on (default 30)",
	    NULL, NULL, &tool.min_bloat, NULL },
	{ 0, "min-size", "SIZE", "bloat, reindex: of SIZE or more (default 10MB)",
	    NULL, NULL, &tool.min_size, NULL },
	{ 0, "estimate", NULL, "bloat, reindex: never read an index to measure it",
	    NULL, &tool.estimate, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { options, form_options,
	cli_store_options, cli_pg_options, cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-index",
	.purpose = "judge the indexes of a database, and keep them.",
	.usage = "[OPTION]... apply FILE.sql\n[OPTION]... diff FILE.sql\n[OPTION]... lint FILE.sql [SCHEMA.sql]\n"
	    "[OPTION]... duplicate|invalid|missing-fk|bloat|unused|suggest\n"
	    "[OPTION]... analyze [FILE.sql]\n[OPTION]... reindex [INDEX]...\n"
	    "[OPTION]... watch-usage",
	.tables = tables,
	.ctx = &tool,
	.operands_min = 1,
	.operands_max = UINT_MAX,
};

/* Whether `name` is among the words of `list`. */
static bool
has_word(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; (p = strstr(p, name)) != NULL; p += len)
		if ((p == list || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

static const struct command *
find_command(const char *word, struct err *e)
{
	const struct command *c = commands;

	while (c->name != NULL && strcmp(c->name, word) != 0)
		c++;
	if (c->name != NULL)
		return c;
	err_set(e, ERR_USAGE, "unknown command \"%s\"", word);
	err_hint(e, "try \"pgk-index --help\"");
	return NULL;
}

/* No option is taken and not heeded. */
static int
check_options(const struct tool *t, const struct command *c, struct err *e)
{
	const struct cli *cli = &t->cli;

	for (const struct opt *o = options; o->name != NULL; o++) {
		bool given = (o->flag != NULL && *o->flag) ||
		    (o->word != NULL && *o->word != NULL);

		if (given && !has_word(c->options, o->name))
			return err_set(e, ERR_USAGE, "option \"--%s\" is not "
			    "for \"%s\"", o->name, c->name);
	}
	if (c->offline && (cli->dbname != NULL || cli->host != NULL ||
	    cli->port != NULL || cli->user != NULL))
		return err_set(e, ERR_USAGE, "\"%s\" connects to no server",
		    c->name);
	if (cli->store_url != NULL && !has_word(c->options, "store"))
		return err_set(e, ERR_USAGE, "option \"--store\" is not for "
		    "\"%s\"", c->name);
	if (t->json && t->tsv)
		return err_set(e, ERR_USAGE, "--json and --tsv: only one can "
		    "be meant");
	if (t->operand_count < c->operands_min)
		return err_set(e, ERR_USAGE, "\"%s\" needs %s", c->name,
		    "a FILE.sql");
	if (t->operand_count > c->operands_max)
		return err_set(e, ERR_USAGE, "unexpected word \"%s\"",
		    t->operands[c->operands_max]);
	return 0;
}

static int
print(const struct tool *t, struct err *e)
{
	struct sink *out = sink_fd(STDOUT_FILENO, "stdout", e);
	int rc = out == NULL ? -1 : index_print(&t->report, t->json ?
	    INDEX_JSON : t->tsv ? INDEX_TSV : t->dry_run ? INDEX_SQL :
	    INDEX_TABLE, t->all, out, e);

	if (rc == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

static void
act(struct tool *t, const struct command *c, struct err *e)
{
	struct err why = ERR_INIT;

	t->report.check = c->name;
	if (c->run(t, e) == 0 || t->report.count > 0)
		print(t, &why);
	err_pass(e, &why);
	t->cli.status_no = index_report_bad(&t->report) > 0;
	index_report_free(&t->report);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;
	const struct command *command;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	tool.operands = c->operands + 1;
	tool.operand_count = c->operand_count - 1;
	if ((command = find_command(c->operands[0], &e)) != NULL &&
	    check_options(&tool, command, &e) == 0)
		act(&tool, command, &e);
	return cli_end(c, &e);
}
