/*
 * pgk-wal: the write-ahead log: into the archive, out of it, and whether
 * it is all there.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "feed/feed.h"
#include "gaps/gaps.h"
#include "receive/receive.h"

struct tool {
	struct cli cli; /* first */
	const char *compress; /* push's and receive's */
	struct feed_asked feed;
	struct receive_asked receive;
	struct gaps_asked gaps;
};

static struct tool tool = { .cli = CLI_INIT("pgk-wal"),
	.feed = { .cli = &tool.cli }, .receive = { .cli = &tool.cli },
	.gaps = { .cli = &tool.cli } };

static const struct opt options[] = {
	{ 'Z', "compress", "METHOD", "push, receive: gzip[:1-9], zstd[:1-19] or none "
	    "(default: gzip:1)", NULL, NULL, &tool.compress,
	    "gzip zstd none" },
	{ 0, "prefetch", "N", "get: fetch up to N more ahead (default: 8 in "
	    "recovery)", NULL, NULL, &tool.feed.prefetch, NULL },
	{ 0, "partial", NULL, "get: take a segment that is not complete, too",
	    NULL, &tool.feed.partial, NULL, NULL },
	{ 'S', "slot", "NAME", "receive: the replication slot (default: pgk)",
	    NULL, NULL, &tool.receive.slot, NULL },
	{ 0, "create-slot", NULL, "receive: make the slot unless it is there",
	    NULL, &tool.receive.create_slot, NULL, NULL },
	{ 0, "drop-slot", NULL, "receive: remove the slot, and do nothing else",
	    NULL, &tool.receive.drop_slot, NULL, NULL },
	{ 0, "synchronous", NULL, "receive: make all durable at once and tell "
	    "the server", NULL, &tool.receive.synchronous, NULL, NULL },
	{ 0, "interval", "DURATION", "receive: how long bytes may wait to be "
	    "durable (default: 5s)", NULL, NULL, &tool.receive.interval, NULL },
	{ 0, "status-interval", "DURATION", "receive: how often the server is "
	    "told (default: 10s)", NULL, NULL, &tool.receive.status_interval, NULL },
	{ 0, "endpos", "LSN", "receive: stop when all before LSN is durable",
	    NULL, NULL, &tool.receive.endpos, NULL },
	{ 0, "no-loop", NULL, "receive: fail when the connection is lost",
	    NULL, &tool.receive.no_loop, NULL, NULL },
	{ 0, "accept-gap", NULL, "receive: go on behind WAL that the server "
	    "has no more", NULL, &tool.receive.accept_gap, NULL, NULL },
	{ 0, "fast", NULL, "check: look at names and sizes only",
	    NULL, &tool.gaps.fast, NULL, NULL },
	{ 0, "json", NULL, "check: print JSON", NULL, &tool.gaps.json, NULL,
	    NULL },
	{ 0, "tsv", NULL, "check: print tab-separated values with headings",
	    NULL, &tool.gaps.tsv, NULL, NULL },
	{ 'D', "pgdata", "DIRECTORY", "adopt: the server's data directory",
	    NULL, NULL, &tool.feed.datadir, "DIRECTORY" },
	{ 0, "yes", NULL, "adopt: do not ask", NULL, &tool.feed.yes, NULL, NULL },
	{ .name = NULL }
};

static const struct opt *const tables[] = { options, cli_encrypt_options,
	cli_identity_options, cli_pg_options, cli_jobs_options,
	cli_store_options, cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-wal",
	.purpose = "put the write-ahead log into the archive and get it back.",
	.usage = "[OPTION]... push PATH\n[OPTION]... get NAME PATH\n"
	    "[OPTION]... receive [-S SLOT]\n"
	    "[OPTION]... check [--fast] [--json|--tsv]\n"
	    "[OPTION]... adopt [-D DIRECTORY]",
	.tables = tables,
	.ctx = &tool,
	.operands_min = 1,
	.operands_max = UINT_MAX,
};

static int
push(struct tool *t, struct err *e)
{
	return feed_push_command(&t->feed, e);
}

static int
get(struct tool *t, struct err *e)
{
	return feed_get_command(&t->feed, e);
}

static int
receive(struct tool *t, struct err *e)
{
	t->receive.scratch = getenv("TMPDIR");
	return receive_command(&t->receive, e);
}

static int
check(struct tool *t, struct err *e)
{
	struct sink *out = sink_fd(STDOUT_FILENO, "stdout", e);
	int rc = out == NULL ? -1 : gaps_command(&t->gaps, out, e);

	if (rc == 0)
		rc = sink_finish(out, e);
	sink_free(out);
	return rc;
}

static int
adopt(struct tool *t, struct err *e)
{
	if (t->feed.datadir == NULL)
		t->feed.datadir = getenv("PGDATA");
	return feed_adopt_command(&t->feed, e);
}

/* A command; `exits`, unless NULL, has the last word on the exit status. */
struct command {
	struct cli_command base;
	int (*run)(struct tool *t, struct err *e);
	int (*exits)(const struct err *e, int status);
};

#define WRITES " recipient recipients-file no-encrypt"
#define READS " identity"

static const struct command commands[] = {
	{ { "push", "a PATH", 1, 1, "compress" WRITES, false },
	    push, feed_push_exit },
	{ { "get", "a NAME and a PATH", 2, 2, "partial prefetch" READS,
	    false }, get, feed_get_exit },
	{ { "receive", NULL, 0, 0, "compress slot create-slot drop-slot "
	    "synchronous interval status-interval endpos no-loop accept-gap"
	    WRITES, true }, receive, receive_exit },
	{ { "check", NULL, 0, 0, "fast json tsv" READS, false },
	    check, NULL },
	{ { "adopt", NULL, 0, 0, "pgdata yes", false }, adopt, NULL }
};

static const struct command *
find_command(const char *word)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].base.name, word) == 0)
			return &commands[i];
	return NULL;
}

static int
act(struct tool *t, struct err *e)
{
	const struct cli *c = &t->cli;
	const struct command *k = find_command(c->operands[0]);

	if (k == NULL) {
		err_set(e, ERR_USAGE, "unknown command \"%s\"",
		    c->operands[0]);
		return err_hint(e, "try \"pgk-wal --help\"");
	}
	/* no option is taken and not heeded */
	if (cli_check_options(&k->base, options, e) == -1 ||
	    cli_check_keys(&k->base, c, e) == -1 ||
	    cli_check_server(&k->base, c, e) == -1 ||
	    cli_check_operands(&k->base, c, e) == -1)
		return -1;
	t->feed.operands = c->operands + 1;
	t->feed.compress = t->receive.compress = t->compress;
	return k->run(t, e);
}

/* The command by the first word that is one: also when parsing fails. */
static const struct command *
command_of(int argc, char **argv)
{
	const struct command *k = NULL;

	for (int i = 1; i < argc && k == NULL; i++)
		k = find_command(argv[i]);
	return k;
}

int
main(int argc, char **argv)
{
	const struct command *k = command_of(argc, argv);
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;
	int status;

	if (cli_parse(c, &description, argc, argv, &e) == 0 && !c->done)
		act(&tool, &e);
	status = cli_end(c, &e);
	return c->done || k == NULL || k->exits == NULL ? status :
	    k->exits(&e, status);
}
