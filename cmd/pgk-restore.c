/*
 * pgk-restore: a logical backup into a database, a snapshot into a cluster,
 * or a base backup into a data folder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "log/log.h"
#include "lsn/lsn.h"
#include "recover/recover.h"
#include "restore/restore.h"
#include "source/source.h"
#include "unit/unit.h"

#define TABLES_MAX 256
#define MAPS_MAX 256

struct tool {
	struct cli cli; /* first: the shared options' ctx is ours */
	/* -d: into a database */
	struct restore_options o;
	const char *tables[TABLES_MAX];
	bool create, replace, yes, no_analyze;
	bool stdin_is_data;
	/* -D: into a data folder */
	struct recover_options r;
	const char *time, *lsn, *xid, *point;
	bool latest, plan, tsv, json;
	struct recover_map maps[MAPS_MAX];
	char *map_texts[MAPS_MAX];
	unsigned physical; /* options given that need -D */
};

static struct tool tool = { .cli = CLI_INIT("pgk-restore"),
	.r = { .action = "pause" } };

static int
take_table(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	if (t->o.table_count == TABLES_MAX)
		return err_set(e, ERR_USAGE, "given more than %d times",
		    TABLES_MAX);
	t->tables[t->o.table_count++] = value;
	return 0;
}

static const struct opt logical_options[] = {
	{ 0, "create", NULL, "create the database",
	    NULL, &tool.create, NULL, NULL },
	{ 0, "replace", NULL, "drop the database if it exists, and create it",
	    NULL, &tool.replace, NULL, NULL },
	{ 0, "yes", NULL, "do not ask before dropping",
	    NULL, &tool.yes, NULL, NULL },
	{ 0, "force", NULL, "end other sessions of a database to be dropped",
	    NULL, &tool.o.force, NULL, NULL },
	{ 0, "all", NULL, "restore roles and every database of a snapshot",
	    NULL, &tool.o.all, NULL, NULL },
	{ 0, "from-database", "NAME", "the database of a file with several",
	    NULL, NULL, &tool.o.source_database, NULL },
	{ 0, "maintenance-db", "NAME",
	    "connect to it to create and drop (default: postgres)",
	    NULL, NULL, &tool.o.maintenance, NULL },
	{ 't', "table", "SCHEMA.TABLE",
	    "only this table and what is part of it",
	    take_table, NULL, NULL, NULL },
	{ 0, "allow-environment", "LABEL",
	    "restore a backup of this other environment",
	    NULL, NULL, &tool.o.allow_environment, NULL },
	{ 'O', "no-owner", NULL, "do not set the owners of objects",
	    NULL, &tool.o.no_owner, NULL, NULL },
	{ 'x', "no-acl", NULL, "do not grant privileges",
	    NULL, &tool.o.no_acl, NULL, NULL },
	{ 0, "no-role-passwords", NULL,
	    "with --all: leave the roles' passwords as they are",
	    NULL, &tool.o.no_passwords, NULL, NULL },
	{ 0, "no-analyze", NULL, "do not gather statistics afterwards",
	    NULL, &tool.no_analyze, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static int
take_map(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;
	size_t n = t->r.map_count;

	t->physical++;
	if (n == MAPS_MAX)
		return err_set(e, ERR_USAGE, "given more than %d times",
		    MAPS_MAX);
	if (recover_read_map(value, &t->maps[n], &t->map_texts[n], e) == -1)
		return -1;
	t->r.map_count++;
	return 0;
}

static int
take_timeline(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	t->physical++;
	return recover_read_timeline(&t->r, value, e);
}

static int
take_action(void *ctx, const char *value, struct err *e)
{
	struct tool *t = ctx;

	t->physical++;
	return recover_read_action(&t->r, value, e);
}

static const struct opt physical_options[] = {
	{ 'D', "pgdata", "DIRECTORY", "restore a base backup into DIRECTORY",
	    NULL, NULL, &tool.r.datadir, "DIRECTORY" },
	{ 0, "target-time", "TIME", "recover up to TIME",
	    NULL, NULL, &tool.time, NULL },
	{ 0, "target-lsn", "LSN", "recover up to this place in the WAL",
	    NULL, NULL, &tool.lsn, NULL },
	{ 0, "target-xid", "XID", "recover up to this transaction's commit",
	    NULL, NULL, &tool.xid, NULL },
	{ 0, "target-name", "NAME", "recover up to this restore point",
	    NULL, NULL, &tool.point, NULL },
	{ 0, "latest", NULL, "recover to the end of the archive (default)",
	    NULL, &tool.latest, NULL, NULL },
	{ 0, "target-exclusive", NULL, "stop just before the target",
	    NULL, &tool.r.exclusive, NULL, NULL },
	{ 0, "target-timeline", "TIMELINE",
	    "latest, current or a number (default: latest)",
	    take_timeline, NULL, NULL, "latest current" },
	{ 0, "target-action", "ACTION",
	    "at the target: pause, promote or shutdown (default: pause)",
	    take_action, NULL, NULL, "pause promote shutdown" },
	{ 0, "tablespace-map", "OLD=NEW", "put the tablespace in OLD into NEW",
	    take_map, NULL, NULL, NULL },
	{ 0, "delta", NULL, "write only what differs from what is there",
	    NULL, &tool.r.delta, NULL, NULL },
	{ 0, "plan", NULL, "print what would be done, and touch nothing",
	    NULL, &tool.plan, NULL, NULL },
	{ 0, "tsv", NULL, "with --plan: print tab-separated values",
	    NULL, &tool.tsv, NULL, NULL },
	{ 0, "json", NULL, "with --plan: print a JSON object",
	    NULL, &tool.json, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { logical_options,
	physical_options, cli_pg_options, cli_jobs_options,
	cli_decrypt_options, cli_store_options, cli_environment_options,
	cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-restore",
	.purpose = "restore a backup into a PostgreSQL database, or a base "
	    "backup into a data folder.",
	.usage = "[OPTION]... SET|latest[:KIND[:DATABASE]]|FILE|- -d DATABASE\n"
	    "[OPTION]... [SET] -D DIRECTORY",
	.tables = tables,
	.ctx = &tool,
	.operands_min = 0,
	.operands_max = 1,
};

/* into a database */

/* Asked on a terminal only; everywhere else the answer is no. */
static bool
ask(void *ctx, const char *question)
{
	struct tool *t = ctx;

	return !t->stdin_is_data && cli_can_ask() &&
	    cli_ask(&t->cli, "%s", question);
}

static int
settle_restore(struct tool *t, struct err *e)
{
	struct restore_options *o = &t->o;

	if (t->physical > 0 || t->time != NULL || t->lsn != NULL ||
	    t->xid != NULL || t->point != NULL || t->latest || t->plan ||
	    t->tsv || t->json || t->r.exclusive || t->r.delta)
		return err_set(e, ERR_USAGE, "targets, --tablespace-map, "
		    "--delta and --plan are of base backups: they need -D");
	if (t->cli.operand_count == 0)
		return err_set(e, ERR_USAGE, "no backup is named");
	if (t->create && t->replace)
		return err_set(e, ERR_USAGE,
		    "--create and --replace: only one can be meant");
	if (o->all && (t->cli.dbname != NULL || o->table_count > 0 ||
	    o->source_database != NULL))
		return err_set(e, ERR_USAGE, "--all restores every database "
		    "under its own name: it takes no -d, -t or "
		    "--from-database");
	/* never into the database that happens to be configured */
	if (!o->all && (t->cli.dbname == NULL ||
	    pg_target_get(t->cli.target, "dbname") == NULL)) {
		err_set(e, ERR_USAGE, "no database to restore into was named");
		return err_hint(e, "-d DATABASE names it, --create makes it");
	}
	o->target = t->cli.target;
	o->into = t->replace ? RESTORE_REPLACE : t->create ? RESTORE_CREATE :
	    RESTORE_EXISTING;
	o->jobs = t->cli.jobs;
	o->tables = t->tables;
	o->environment = t->cli.environment;
	o->analyze = !t->no_analyze;
	o->confirm = t->yes ? NULL : ask;
	o->confirm_ctx = t;
	return 0;
}

static int
restore(struct tool *t, struct err *e)
{
	struct cli *c = &t->cli;
	struct source s = SOURCE_INIT;
	int rc = -1;

	if (settle_restore(t, e) == 0 && cli_open_identities(c, e) == 0 &&
	    source_open(&s, c, c->operands[0], "sql", e) == 0) {
		t->stdin_is_data = s.fd != -1;
		t->o.keys = c->keys;
		rc = restore_source(&t->o, &s, c->repo, e);
	}
	source_close(&s);
	return rc;
}

/* into a data folder */

/* Which target, and that there is one only. */
static int
settle_target(struct tool *t, struct err *e)
{
	struct recover_options *o = &t->r;

	if ((t->time != NULL) + (t->lsn != NULL) + (t->xid != NULL) +
	    (t->point != NULL) + t->latest > 1)
		return err_set(e, ERR_USAGE, "more than one target is given");
	o->word = t->xid != NULL ? t->xid : t->point;
	if (t->xid != NULL || t->point != NULL)
		o->target = t->xid != NULL ? RECOVER_XID : RECOVER_NAME;
	if (t->lsn != NULL) {
		o->target = RECOVER_LSN;
		return lsn_parse(t->lsn, &o->lsn, e);
	}
	if (t->time == NULL)
		return 0;
	o->target = RECOVER_TIME;
	return unit_parse_time(t->time, t->cli.conf->policy.time_zone,
	    &o->time, &o->micro, e);
}

/* Options of the logical mode, where they mean nothing. */
static int
settle_recover(struct tool *t, struct err *e)
{
	struct cli *c = &t->cli;
	struct recover_options *o = &t->r;
	const char *word = c->operand_count > 0 ? c->operands[0] : NULL;

	if (t->create || t->replace || t->yes || t->o.all || t->no_analyze ||
	    t->o.no_passwords || t->o.force || t->o.no_owner || t->o.no_acl ||
	    t->o.table_count > 0 || t->o.source_database != NULL ||
	    t->o.maintenance != NULL || c->dbname != NULL || c->host != NULL ||
	    c->port != NULL || c->user != NULL)
		return err_set(e, ERR_USAGE, "-D restores a base backup: "
		    "options of databases and servers mean nothing there");
	if ((t->tsv || t->json) && !t->plan)
		return err_set(e, ERR_USAGE, "--tsv and --json need --plan");
	if (t->tsv && t->json)
		return err_set(e, ERR_USAGE,
		    "--tsv and --json: only one can be meant");
	if (word != NULL && strcmp(word, "latest") != 0 &&
	    strcmp(word, "latest:incremental") != 0)
		o->set = word;
	o->maps = t->maps;
	o->jobs = c->jobs;
	o->environment = c->environment;
	o->allow_environment = t->o.allow_environment;
	return settle_target(t, e);
}

static void
tell_next(const struct tool *t, const struct recover *r)
{
	const struct recover_plan *p = recover_plan(r);
	char utc[UNIT_TEXT_MAX], local[UNIT_TEXT_MAX];

	if (t->r.target == RECOVER_TIME)
		fprintf(stderr, "%s: target %s is %s\n", t->cli.name,
		    unit_rfc3339(t->r.time, utc), unit_local(t->r.time,
		    t->cli.conf->policy.time_zone, local));
	fprintf(stderr, "%s: restored \"%s\"; to recover: pg_ctl start -D "
	    "\"%s\"\n", t->cli.name, p->chain[p->chain_count - 1]->name,
	    p->datadir);
	if (geteuid() == 0)
		log_hint("it belongs to root, as whom no server runs: chown "
		    "-R it%s first", p->space_count > 0 ?
		    " and its tablespaces" : "");
	if (!recover_has_conf(r))
		log_hint("the backup holds no postgresql.conf: name yours by "
		    "-o '-c config_file=FILE'");
	log_hint("what it writes is archived only after promotion and "
	    "pgk-wal adopt -D \"%s\"", p->datadir);
}

static int
print_plan(const struct tool *t, const struct recover *r, struct err *e)
{
	struct sink *out = sink_fd(STDOUT_FILENO, "stdout", e);
	int rc = out == NULL ? -1 : recover_tell(r, t->json ? RECOVER_JSON :
	    t->tsv ? RECOVER_TSV : RECOVER_PEOPLE, out, e);

	if (rc == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

static int
recover(struct tool *t, struct err *e)
{
	struct cli *c = &t->cli;
	struct recover *r = NULL;
	char **command = NULL;
	int rc = -1;

	if (settle_recover(t, e) == -1 || cli_open_repo(c, 0, e) == -1 ||
	    cli_open_identities(c, e) == -1 ||
	    (command = cli_wal_get(c, e)) == NULL)
		return -1;
	t->r.keys = c->keys;
	t->r.command = (const char *const *)command;
	if ((r = recover_open(&t->r, c->repo, e)) != NULL)
		rc = t->plan ? print_plan(t, r, e) : recover_run(r, e);
	if (rc == 0 && !t->plan) {
		tell_next(t, r);
		printf("%s\n", recover_plan(r)->datadir);
	}
	recover_free(r);
	cli_words_free(command);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	if (tool.r.datadir != NULL)
		recover(&tool, &e);
	else
		restore(&tool, &e);
	return cli_end(c, &e);
}
