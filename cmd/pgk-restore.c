/*
 * pgk-restore: a logical backup into a database, or a snapshot into a cluster.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "piece/piece.h"
#include "restore/restore.h"
#include "source/source.h"
#include "unpack/unpack.h"

#define TABLES_MAX 256

struct tool {
	struct cli cli; /* first: the shared options' ctx is ours */
	struct restore_options o;
	const char *tables[TABLES_MAX];
	bool create, replace, yes, all, no_analyze, no_passwords;
	bool stdin_is_data;
};

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

static struct tool tool = { .cli = CLI_INIT("pgk-restore") };

static const struct opt options[] = {
	{ 0, "create", NULL, "create the database",
	    NULL, &tool.create, NULL, NULL },
	{ 0, "replace", NULL, "drop the database if it exists, and create it",
	    NULL, &tool.replace, NULL, NULL },
	{ 0, "yes", NULL, "do not ask before dropping",
	    NULL, &tool.yes, NULL, NULL },
	{ 0, "force", NULL, "end other sessions of a database to be dropped",
	    NULL, &tool.o.force, NULL, NULL },
	{ 0, "all", NULL, "restore roles and every database of a snapshot",
	    NULL, &tool.all, NULL, NULL },
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
	    NULL, &tool.no_passwords, NULL, NULL },
	{ 0, "no-analyze", NULL, "do not gather statistics afterwards",
	    NULL, &tool.no_analyze, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct opt *const tables[] = { options, cli_pg_options,
	cli_jobs_options, cli_decrypt_options, cli_store_options,
	cli_environment_options, cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-restore",
	.purpose = "restore a logical backup into a PostgreSQL database.",
	.usage = "[OPTION]... SET|latest[:KIND[:DATABASE]]|FILE|- -d DATABASE",
	.tables = tables,
	.ctx = &tool,
	.operands_min = 1,
	.operands_max = 1,
};

/* Asked on a terminal only; everywhere else the answer is no. */
static bool
ask(void *ctx, const char *question)
{
	struct tool *t = ctx;
	char answer[16] = "";

	if (t->stdin_is_data || !isatty(STDIN_FILENO) ||
	    !isatty(STDERR_FILENO))
		return false;
	fprintf(stderr, "%s: %s [y/N] ", t->cli.name, question);
	fflush(stderr);
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

static int
settle(struct tool *t, struct err *e)
{
	struct restore_options *o = &t->o;

	if (t->create && t->replace)
		return err_set(e, ERR_USAGE,
		    "--create and --replace: only one can be meant");
	if (t->all && (t->cli.dbname != NULL || o->table_count > 0 ||
	    o->source_database != NULL))
		return err_set(e, ERR_USAGE, "--all restores every database "
		    "under its own name: it takes no -d, -t or "
		    "--from-database");
	/* never into the database that happens to be configured */
	if (!t->all && (t->cli.dbname == NULL ||
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

/* 1 it has an index, 0 it is to be read as a stream, -1. */
static int
has_index(struct tool *t, struct source *s, struct err *e)
{
	unsigned char first[64];
	struct piece_index *x;
	bool armored = false;
	size_t n;

	if (s->blob == NULL)
		return 0;
	n = s->blob->size < sizeof first ? (size_t)s->blob->size :
	    sizeof first;
	if (blob_read(s->blob, 0, first, n, e) == -1)
		return -1;
	if (age_sniff(first, n, &armored) && armored)
		return 0;
	if (source_unpack(s, t->cli.keys, e) == -1)
		return -1;
	if ((x = piece_open(s->blob, e)) != NULL) {
		piece_index_free(x);
		return 1;
	}
	if (e->kind != ERR_ABSENT)
		return err_prefix(e, "\"%s\"", s->name);
	err_clear(e);
	return s->set == NULL ? 0 : err_set(e, ERR_CORRUPT,
	    "\"%s\" has lost its index", s->name);
}

static int
restore_stream(struct tool *t, struct source *s, struct err *e)
{
	struct sink *out;
	int rc = -1;

	if (t->all || s->database != NULL || t->o.source_database != NULL)
		return err_set(e, ERR_USAGE, "\"%s\" has no index of "
		    "databases: it was not made by pgk-dump, or cannot be "
		    "read anywhere", s->name);
	out = restore_script(&t->o, e);
	if (out != NULL && source_send(s, t->cli.keys, out, e) == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

/* The roles' password hashes lie in an object of their own. */
static int
restore_passwords(struct tool *t, struct source *s, struct err *e)
{
	const struct repo_object *o = s->set == NULL ? NULL :
	    repo_object(s->set, "globals");
	struct sink *out = NULL;
	struct blob *b;
	int rc = -1;

	if (o == NULL || t->no_passwords)
		return 0;
	if ((b = repo_object_open(t->cli.repo, s->set, o, e)) != NULL &&
	    (out = unpack_stream(restore_globals(&t->o, e), t->cli.keys, e)) !=
	    NULL && blob_send(b, 0, b->size, out, e) == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	blob_free(b);
	return rc;
}

static int
restore_source(struct tool *t, struct source *s, struct err *e)
{
	int indexed = has_index(t, s, e);

	if (indexed == -1)
		return -1;
	t->o.source = s->name;
	t->stdin_is_data = s->fd != -1;
	if (indexed == 0)
		return restore_stream(t, s, e);
	if (s->database != NULL)
		t->o.source_database = s->database;
	if (!t->all)
		return restore_pieces(&t->o, s->blob, s->set, e);
	return restore_cluster(&t->o, s->blob, s->set, e) == -1 ? -1 :
	    restore_passwords(t, s, e);
}

/* Damage is said of the object that is damaged. */
static int
restore(struct tool *t, struct source *s, struct err *e)
{
	const char *name = s->object != NULL ? s->object->name : s->name;

	if (restore_source(t, s, e) == 0)
		return 0;
	if (e->kind == ERR_CORRUPT && strstr(e->text, name) == NULL)
		err_prefix(e, "\"%s\"", name);
	return -1;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;
	struct source s = SOURCE_INIT;

	if (cli_parse(c, &description, argc, argv, &e) == -1 || c->done)
		return cli_end(c, &e);
	if (settle(&tool, &e) == 0 && cli_open_identities(c, &e) == 0 &&
	    source_open(&s, c, c->operands[0], "sql", &e) == 0)
		restore(&tool, &s, &e);
	source_close(&s);
	return cli_end(c, &e);
}
