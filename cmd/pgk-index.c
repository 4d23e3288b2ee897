/*
 * pgk-index: the indexes of a database, judged and kept.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "index/index.h"

struct tool {
	struct cli cli; /* first */
	bool json, tsv, all;
	bool has_also;
	struct index_asked asked;
	struct index_report report;
};

static struct tool tool = { .cli = CLI_INIT("pgk-index"),
	.asked = { .cli = &tool.cli } };

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
	struct index_asked *a = &t->asked;

	if (a->also_count == INDEX_ALSO_MAX)
		return err_set(e, ERR_USAGE, "more than %d", INDEX_ALSO_MAX);
	t->has_also = true;
	a->also[a->also_count++] = value;
	return 0;
}

/*
 * An entry with `take` has `flag` as well, which it sets: by flag and word it
 * is told what was given.
 */
static const struct opt options[] = {
	{ 0, "dry-run", NULL, "apply, analyze, reindex: print the SQL and do nothing",
	    NULL, &tool.asked.dry_run, NULL, NULL },
	{ 0, "drop-extra", NULL, "apply: drop what is not declared and "
	    "enforces nothing", NULL, &tool.asked.drop_extra, NULL, NULL },
	{ 0, "replace", NULL, "apply: replace what is declared otherwise",
	    NULL, &tool.asked.replace, NULL, NULL },
	{ 0, "max-wait", "DURATION", "wait so long for others at a build, "
	    "then go on without it", NULL, NULL, &tool.asked.max_wait, NULL },
	{ 0, "until", "HH:MM", "end at this time of day",
	    NULL, NULL, &tool.asked.until, NULL },
	{ 0, "also", "CONNINFO",
	    "unused, watch-usage: a standby; may be given more than once",
	    take_also, &tool.has_also, NULL, NULL },
	{ 0, "min-age", "DURATION",
	    "unused: a verdict needs so long without use (default 35d)",
	    NULL, NULL, &tool.asked.min_age, NULL },
	{ 0, "max-scans", "N",
	    "unused: so many scans count as none (default 0)",
	    NULL, NULL, &tool.asked.max_scans, NULL },
	{ 0, "alone", NULL, "unused: no queries run on standbys not named",
	    NULL, &tool.asked.alone, NULL, NULL },
	{ 0, "keep", "DURATION",
	    "watch-usage: delete samples older than this (default 400d)",
	    NULL, NULL, &tool.asked.keep, NULL },
	{ 0, "stale", "PERCENT",
	    "analyze: when so many rows changed (default 10)",
	    NULL, NULL, &tool.asked.stale, NULL },
	{ 0, "min-bloat", "PERCENT", "bloat, reindex: from PERCENT on (default 30)",
	    NULL, NULL, &tool.asked.min_bloat, NULL },
	{ 0, "min-size", "SIZE", "bloat, reindex: of SIZE or more (default 10MB)",
	    NULL, NULL, &tool.asked.min_size, NULL },
	{ 0, "estimate", NULL, "bloat, reindex: never read an index to measure it",
	    NULL, &tool.asked.estimate, NULL, NULL },
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

static const struct index_command *
find_command(const char *word, struct err *e)
{
	const struct index_command *k = index_commands;

	while (k->base.name != NULL && strcmp(k->base.name, word) != 0)
		k++;
	if (k->base.name != NULL)
		return k;
	err_set(e, ERR_USAGE, "unknown command \"%s\"", word);
	err_hint(e, "try \"pgk-index --help\"");
	return NULL;
}

/* No option is taken and not heeded. */
static int
check(const struct tool *t, const struct cli_command *k, struct err *e)
{
	if (cli_check_options(k, options, e) == -1 ||
	    cli_check_server(k, &t->cli, e) == -1)
		return -1;
	if (t->cli.store_url != NULL && !cli_takes(k, "store"))
		return cli_refuse_option(k, "store", e);
	if (t->json && t->tsv)
		return err_set(e, ERR_USAGE, "--json and --tsv: only one can "
		    "be meant");
	return cli_check_operands(k, &t->cli, e);
}

static int
print(const struct tool *t, struct err *e)
{
	struct sink *out = sink_fd(STDOUT_FILENO, "stdout", e);
	int rc = out == NULL ? -1 : index_print(&t->report, t->json ?
	    INDEX_JSON : t->tsv ? INDEX_TSV : t->asked.dry_run ? INDEX_SQL :
	    INDEX_TABLE, t->all, out, e);

	if (rc == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

static void
act(struct tool *t, const struct index_command *k, struct err *e)
{
	struct err why = ERR_INIT;

	t->asked.operands = t->cli.operands + 1;
	t->asked.operand_count = t->cli.operand_count - 1;
	t->report.check = k->base.name;
	if (k->run(&t->asked, &t->report, e) == 0 || t->report.count > 0)
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
	const struct index_command *k;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	if ((k = find_command(c->operands[0], &e)) != NULL &&
	    check(&tool, &k->base, &e) == 0)
		act(&tool, k, &e);
	return cli_end(c, &e);
}
