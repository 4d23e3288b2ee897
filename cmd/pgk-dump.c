/*
 * pgk-dump: logical full backup of a database, or of the cluster.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dump/dump.h"
#include "unit/unit.h"

#define WORDS_MAX 256

struct tool {
	struct cli cli; /* first: the shared options' ctx is ours */
	struct dump_options o;
	struct dump_word words[WORDS_MAX];
	const char *output; /* -o FILE, "-", or NULL: the store */
	bool owner, no_owner, acl, no_acl;
};

static int
add_word(void *ctx, int what, const char *value, struct err *e)
{
	struct tool *t = ctx;
	struct dump_word *w = &t->words[t->o.word_count];

	if (t->o.word_count == WORDS_MAX)
		return err_set(e, ERR_USAGE, "given more than %d times",
		    WORDS_MAX);
	w->what = (enum dump_what)what;
	w->pattern = value;
	t->o.word_count++;
	return 0;
}

static int
take_schema(void *ctx, const char *value, struct err *e)
{
	return add_word(ctx, DUMP_SCHEMA, value, e);
}

static int
take_exclude_schema(void *ctx, const char *value, struct err *e)
{
	return add_word(ctx, DUMP_EXCLUDE_SCHEMA, value, e);
}

static int
take_table(void *ctx, const char *value, struct err *e)
{
	return add_word(ctx, DUMP_TABLE, value, e);
}

static int
take_exclude_table(void *ctx, const char *value, struct err *e)
{
	return add_word(ctx, DUMP_EXCLUDE_TABLE, value, e);
}

static int
take_exclude_data(void *ctx, const char *value, struct err *e)
{
	return add_word(ctx, DUMP_EXCLUDE_TABLE_DATA, value, e);
}

static int
take_lock_wait(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;
	int64_t seconds;

	if (unit_parse_duration(value, &seconds, e) == -1)
		return -1;
	if (seconds > 24 * 3600)
		return err_set(e, ERR_USAGE, "more than a day");
	t->o.lock_timeout_ms = seconds * 1000;
	return 0;
}

static struct tool tool = { .cli = CLI_INIT("pgk-dump") };

static const struct opt options[] = {
	{ 0, "all", NULL, "dump every database and the globals (a snapshot)",
	    NULL, &tool.o.all, NULL, NULL },
	{ 'o', "output", "FILE", "write to FILE, or - for stdout, not the store",
	    NULL, NULL, &tool.output, "FILE" },
	{ 'n', "schema", "PATTERN", "dump matching schemas only",
	    take_schema, NULL, NULL, NULL },
	{ 'N', "exclude-schema", "PATTERN", "leave matching schemas out",
	    take_exclude_schema, NULL, NULL, NULL },
	{ 't', "table", "PATTERN", "dump matching tables only",
	    take_table, NULL, NULL, NULL },
	{ 'T', "exclude-table", "PATTERN", "leave matching tables out",
	    take_exclude_table, NULL, NULL, NULL },
	{ 0, "exclude-table-data", "PATTERN",
	    "dump matching tables without their rows",
	    take_exclude_data, NULL, NULL, NULL },
	{ 's', "schema-only", NULL, "dump definitions, no rows",
	    NULL, &tool.o.schema_only, NULL, NULL },
	{ 'B', "no-large-objects", NULL, "leave large objects out",
	    NULL, &tool.o.large_objects_off, NULL, NULL },
	{ 0, "owner", NULL, "set the owners of objects (default with --all)",
	    NULL, &tool.owner, NULL, NULL },
	{ 'O', "no-owner", NULL, "do not (default without --all)",
	    NULL, &tool.no_owner, NULL, NULL },
	{ 0, "acl", NULL, "grant the privileges (default with --all)",
	    NULL, &tool.acl, NULL, NULL },
	{ 'x', "no-acl", NULL, "do not (default without --all)",
	    NULL, &tool.no_acl, NULL, NULL },
	{ 0, "no-comments", NULL, "leave comments out",
	    NULL, &tool.o.no_comments, NULL, NULL },
	{ 0, "no-publications", NULL, "leave publications out",
	    NULL, &tool.o.no_publications, NULL, NULL },
	{ 0, "no-subscriptions", NULL, "leave subscriptions out",
	    NULL, &tool.o.no_subscriptions, NULL, NULL },
	{ 0, "no-security-labels", NULL, "leave security labels out",
	    NULL, &tool.o.no_security_labels, NULL, NULL },
	{ 0, "no-tablespaces", NULL, "do not assign tablespaces",
	    NULL, &tool.o.no_tablespaces, NULL, NULL },
	{ 0, "no-unlogged-table-data", NULL,
	    "dump unlogged tables without their rows",
	    NULL, &tool.o.no_unlogged_table_data, NULL, NULL },
	{ 0, "lock-wait-timeout", "DURATION",
	    "fail when table locks take longer (default: wait)",
	    take_lock_wait, NULL, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { options, cli_pg_options,
	cli_jobs_options, cli_codec_options, cli_encrypt_options,
	cli_store_options, cli_environment_options, cli_options,
	NULL };

static const struct opt_tool description = {
	.name = "pgk-dump",
	.purpose = "back up a PostgreSQL database into one plain SQL file.",
	.usage = "[OPTION]... [DATABASE]",
	.tables = tables,
	.ctx = &tool,
	.operands_max = 1,
};

/* The database's name as the server says it, wherever it was given. */
static int
settle_database(struct tool *t, struct err *e)
{
	struct pg_target *target = t->cli.target;
	struct pg *c;
	int rc;

	if (t->cli.operand_count == 1 && pg_target_database_or_conninfo(target,
	    t->cli.operands[0], e) == -1)
		return -1;
	if (t->o.all && pg_target_get(target, "dbname") == NULL)
		return pg_target_set(target, "dbname", "postgres", e);
	if (pg_target_get(target, "dbname") != NULL)
		return 0;
	if ((c = pg_connect(target, e)) == NULL)
		return -1;
	rc = pg_target_set(target, "dbname", pg_database(c), e);
	pg_close(c);
	return rc;
}

static int
settle(struct tool *t, struct err *e)
{
	struct dump_options *o = &t->o;

	if ((t->owner && t->no_owner) || (t->acl && t->no_acl))
		return err_set(e, ERR_USAGE, "--owner with --no-owner, or "
		    "--acl with --no-acl: only one can be meant");
	if (o->all && o->word_count > 0)
		return err_set(e, ERR_USAGE, "--all dumps everything: it "
		    "takes no -n, -N, -t, -T or --exclude-table-data");
	o->tool = "pgk-dump " CLI_VERSION;
	o->owner = t->owner || (o->all && !t->no_owner);
	o->acl = t->acl || (o->all && !t->no_acl);
	o->words = t->words;
	o->target = t->cli.target;
	o->bindir = t->cli.conf->server.bindir;
	o->jobs = t->cli.jobs;
	o->codec = t->cli.codec;
	o->environment = t->cli.environment;
	o->plain_is_meant = t->cli.plain;
	return settle_database(t, e);
}

/* To a file or stdout: no set, no counts, the same bytes. */
static int
dump_to_output(struct tool *t, struct err *e)
{
	bool to_stdout = strcmp(t->output, "-") == 0;
	struct repo_set *set = NULL;
	struct sink *out = NULL;
	uint64_t plain;
	int rc = -1;

	if (to_stdout && isatty(STDOUT_FILENO) &&
	    (t->o.codec.kind != CODEC_NONE || t->o.keys != NULL))
		return err_set(e, ERR_USAGE, "compressed data is not written "
		    "to a terminal");
	out = to_stdout ? sink_fd(STDOUT_FILENO, "stdout", e) :
	    sink_file(t->output, e);
	if (t->o.keys != NULL)
		out = age_writer(out, t->o.keys, t->o.jobs, e);
	if (out == NULL || (set = repo_set_new(REPO_FULL, e)) == NULL) {
		sink_free(out);
		return -1;
	}
	set->start = unit_now();
	if (repo_set_string(&set->tool, t->o.tool, e) == -1)
		sink_free(out);
	else
		rc = dump_run(&t->o, out, NULL, set, &plain, e);
	repo_set_free(set);
	return rc;
}

static int
dump_to_store(struct tool *t, struct err *e)
{
	struct cli *c = &t->cli;
	char *name = NULL;

	if (cli_open_repo(c, STORE_CREATE, e) == -1 ||
	    dump_to_repo(&t->o, c->repo, c->conf->policy.time_zone,
	    c->sign_key, &name, e) == -1)
		return -1;
	printf("%s/%s\n", repo_kind_name(t->o.all ? REPO_SNAPSHOT : REPO_FULL),
	    name);
	free(name);
	return 0;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	if (settle(&tool, &e) == 0 && cli_open_recipients(c, &e) == 0) {
		tool.o.keys = c->keys;
		if (tool.output != NULL)
			dump_to_output(&tool, &e);
		else
			dump_to_store(&tool, &e);
	}
	return cli_end(c, &e);
}
