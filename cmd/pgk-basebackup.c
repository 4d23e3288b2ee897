/*
 * pgk-basebackup: physical backup of a cluster, full or incremental.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "cli/cli.h"
#include "unit/unit.h"

#define WAL_TIMEOUT 300
#define WAL_TIMEOUT_MAX ((int64_t)7 * 86400)

struct tool {
	struct cli cli; /* first: the shared options' ctx is ours */
	struct base_options o;
	bool full, incremental, automatic;
};

static int
take_method(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	if (strcmp(value, "blocks") == 0)
		t->o.method = BASE_BLOCKS;
	else if (strcmp(value, "wal") == 0)
		t->o.method = BASE_WAL;
	else if (strcmp(value, "summaries") == 0)
		t->o.method = BASE_SUMMARIES;
	else
		return err_set(e, ERR_USAGE, "\"%s\" is none of \"blocks\", "
		    "\"wal\", \"summaries\"", value);
	return 0;
}

static int
take_checkpoint(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	if (strcmp(value, "fast") != 0 && strcmp(value, "spread") != 0)
		return err_set(e, ERR_USAGE, "\"%s\" is neither \"fast\" nor "
		    "\"spread\"", value);
	t->o.fast = strcmp(value, "fast") == 0;
	return 0;
}

static int
take_rate(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	if (unit_parse_size(value, &t->o.max_rate, e) == -1)
		return -1;
	if (t->o.max_rate < BASE_RATE_MIN || t->o.max_rate > BASE_RATE_MAX)
		return err_set(e, ERR_USAGE, "\"%s\" is not from 32kB to 1GB "
		    "a second", value);
	return 0;
}

static int
take_label(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	if (strlen(value) > BASE_LABEL_MAX)
		return err_set(e, ERR_USAGE, "more than %d bytes",
		    BASE_LABEL_MAX);
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(e, ERR_USAGE, "control characters");
	t->o.label = value;
	return 0;
}

static int
take_wal_timeout(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	if (strcmp(value, "0") == 0) {
		t->o.wal_timeout = 0;
		return 0;
	}
	if (unit_parse_duration(value, &t->o.wal_timeout, e) == -1)
		return -1;
	if (t->o.wal_timeout > WAL_TIMEOUT_MAX)
		return err_set(e, ERR_USAGE, "more than a week");
	return 0;
}

static struct tool tool = { .cli = CLI_INIT("pgk-basebackup"),
	.o = { .wal_timeout = WAL_TIMEOUT } };

static const struct opt options[] = {
	{ 0, "full", NULL, "back up everything",
	    NULL, &tool.full, NULL, NULL },
	{ 0, "incremental", NULL, "back up what changed, or fail",
	    NULL, &tool.incremental, NULL, NULL },
	{ 0, "auto", NULL, "incremental where that can be (default)",
	    NULL, &tool.automatic, NULL, NULL },
	{ 0, "method", "METHOD", "how changes are found: blocks, wal, summaries",
	    take_method, NULL, NULL, "blocks wal summaries" },
	{ 0, "checkpoint", "MODE", "fast or spread (default: spread)",
	    take_checkpoint, NULL, NULL, "fast spread" },
	{ 0, "max-rate", "SIZE", "bytes a second at most, such as 20MB",
	    take_rate, NULL, NULL, NULL },
	{ 0, "label", "TEXT", "label in backup_label",
	    take_label, NULL, NULL, NULL },
	{ 0, "wal-timeout", "DURATION",
	    "wait for the WAL in the store (default: 5m; 0: do not)",
	    take_wal_timeout, NULL, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { options, cli_pg_options,
	cli_jobs_options, cli_codec_options, cli_encrypt_options,
	cli_identity_options, cli_store_options, cli_environment_options,
	cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-basebackup",
	.purpose = "back up a PostgreSQL cluster's files, whole or what changed.",
	.usage = "[OPTION]...",
	.tables = tables,
	.ctx = &tool,
};

static int
settle(struct tool *t, struct err *e)
{
	struct base_options *o = &t->o;
	const char *scratch = getenv("TMPDIR");

	if (t->full + t->incremental + t->automatic > 1)
		return err_set(e, ERR_USAGE, "--full, --incremental, --auto: "
		    "only one can be meant");
	o->mode = t->full ? BASE_FULL : t->incremental ? BASE_INCREMENTAL :
	    BASE_AUTO;
	o->tool = "pgk-basebackup " CLI_VERSION;
	o->target = t->cli.target;
	o->interval = t->cli.conf->policy.base_interval;
	o->scratch = scratch != NULL && *scratch != '\0' ? scratch :
	    "/var/tmp";
	o->jobs = t->cli.jobs;
	o->codec = t->cli.codec;
	o->environment = t->cli.environment;
	return 0;
}

static int
back_up(struct tool *t, struct err *e)
{
	struct cli *c = &t->cli;
	char *name = NULL;

	t->o.keys = c->keys;
	t->o.identities = c->readers;
	if (cli_open_repo(c, STORE_CREATE, e) == -1 ||
	    base_to_repo(&t->o, c->repo, c->conf->policy.time_zone,
	    c->sign_key, &name, e) == -1)
		return -1;
	printf("%s/%s\n", repo_kind_name(REPO_INCREMENTAL), name);
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
	if (settle(&tool, &e) == 0 && cli_open_recipients(c, &e) == 0 &&
	    cli_open_readers(c, &e) == 0)
		back_up(&tool, &e);
	return cli_end(c, &e);
}
