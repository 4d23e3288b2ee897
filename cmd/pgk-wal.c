/*
 * pgk-wal: the write-ahead log: into the archive, out of it, and whether
 * it is all there.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/archive.h"
#include "cli/cli.h"
#include "feed/feed.h"
#include "fsx/fsx.h"
#include "gaps/gaps.h"
#include "log/log.h"
#include "receive/receive.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define PREFETCH 8 /* segments, unless told otherwise */
#define FAILED 255 /* of get: PostgreSQL's recovery stops */

struct tool {
	struct cli cli; /* first */
	struct archive *archive;
	/* after the command's word */
	const char *const *operands;
	unsigned operand_count;
	/* options of commands */
	const char *compress, *prefetch, *datadir;
	bool fast, json, tsv, partial, yes;
	const char *slot, *interval, *status_interval, *endpos;
	bool create_slot, drop_slot, synchronous, no_loop, accept_gap;
};

static struct tool tool = { .cli = CLI_INIT("pgk-wal") };

/*
 * A command: its operands, which options it takes and what it does. `keys`
 * says what it does with the archive's: 'w' encrypts, 'r' decrypts, 'b' both.
 */
struct command {
	const char *name, *needs; /* its operands, for people */
	unsigned operands_min, operands_max;
	const char *options; /* of those in `options`: "prefetch partial" */
	char keys;           /* or 0 */
	bool server;         /* it connects to one */
	int (*run)(struct tool *t, struct err *e);
};

static int
open_archive(struct tool *t, int store_flags, struct err *e)
{
	if (cli_open_store(&t->cli, store_flags, e) == -1 ||
	    (t->archive = archive_open(t->cli.store, e)) == NULL)
		return -1;
	return 0;
}

static int
run_push(struct tool *t, struct err *e)
{
	struct archive_how how = { .threads = t->cli.jobs };

	if (t->compress != NULL && codec_parse(t->compress, &t->cli.codec,
	    e) == -1)
		return err_prefix(e, "option \"--compress\"");
	if (cli_open_recipients(&t->cli, e) == -1 ||
	    open_archive(t, STORE_CREATE, e) == -1)
		return -1;
	how.codec = t->cli.codec;
	how.keys = t->cli.keys;
	return feed_push(t->archive, t->operands[0], &how, e);
}

/* PostgreSQL's own names for what it asks for in recovery. */
static bool
is_recovery(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	return strcmp(name, "RECOVERYXLOG") == 0 ||
	    strcmp(name, "RECOVERYHISTORY") == 0;
}

/* A standby asks for what is not there yet every few seconds. */
static int
answer_no(struct tool *t, struct err *e)
{
	if (is_recovery(t->operands[1])) {
		log_info("%s", e->text);
		err_clear(e);
		t->cli.status_no = true;
	}
	return -1;
}

static int
run_get(struct tool *t, struct err *e)
{
	struct feed_get how = { .partial = t->partial,
		.threads = t->cli.jobs };
	int64_t n = is_recovery(t->operands[1]) ? PREFETCH : 0;

	if (t->prefetch != NULL && unit_parse_number(t->prefetch, 0,
	    FEED_PREFETCH_MAX, &n, e) == -1)
		return err_prefix(e, "option \"--prefetch\"");
	how.prefetch = (unsigned)n;
	if (feed_check_name(t->operands[0], e) == -1 ||
	    cli_open_identities(&t->cli, e) == -1)
		return -1;
	if (open_archive(t, 0, e) == -1) {
		/* the answer "absent" is the archive's alone */
		if (e->kind == ERR_ABSENT)
			e->kind = ERR_SYS;
		return -1;
	}
	how.keys = t->cli.keys;
	if (feed_get(t->archive, t->operands[0], t->operands[1], &how,
	    e) == 0)
		return 0;
	return e->kind == ERR_ABSENT ? answer_no(t, e) : -1;
}

static bool
ask(const struct archive_guard *g, uint32_t timeline)
{
	char answer[8] = "";

	fprintf(stderr, "pgk-wal: restored from \"%s\" (timeline %" PRIu32
	    "), now on timeline %" PRIu32 ": let it archive? [y/N] ", g->set,
	    g->timeline, timeline);
	fflush(stderr);
	return fgets(answer, sizeof answer, stdin) != NULL &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

static int
adopt(struct tool *t, int datadir, const char *path, struct err *e)
{
	struct archive_guard g;
	uint32_t timeline;
	bool reload;

	if (feed_adoption(datadir, &g, &timeline, e) == -1)
		return err_prefix(e, "\"%s\"", path);
	if (!t->yes && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
	    !ask(&g, timeline))
		return err_set(e, ERR_REFUSED, "not confirmed; the guard "
		    "stays");
	if (feed_adopt(datadir, &reload, e) == -1)
		return err_prefix(e, "\"%s\"", path);
	if (reload)
		log_hint("if the server runs, pgk-wal receive takes its WAL "
		    "after: pg_ctl reload -D \"%s\"", path);
	return 0;
}

static int
run_adopt(struct tool *t, struct err *e)
{
	const char *path = t->datadir != NULL ? t->datadir : getenv("PGDATA");
	int fd, rc;

	if (path == NULL || *path == '\0') {
		err_set(e, ERR_USAGE, "no data directory is named");
		return err_hint(e, "-D DIRECTORY, or set PGDATA");
	}
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return err_sys(e, "could not open folder \"%s\"", path);
	rc = adopt(t, fd, path, e);
	close(fd);
	return rc;
}

static int
take_seconds(const char *option, const char *word, int64_t *seconds,
    struct err *e)
{
	if (word == NULL)
		return 0;
	if (unit_parse_duration(word, seconds, e) == -1)
		return err_prefix(e, "option \"--%s\"", option);
	if (*seconds < 1 || *seconds > 3600)
		return err_set(e, ERR_USAGE, "option \"--%s\": \"%s\" is not "
		    "within 1s and 1h", option, word);
	return 0;
}

static int
read_receive_options(struct tool *t, struct receive_options *o,
    struct err *e)
{
	if (take_seconds("interval", t->interval, &o->interval, e) == -1 ||
	    take_seconds("status-interval", t->status_interval,
	    &o->status_interval, e) == -1 ||
	    receive_check_slot(o->slot, e) == -1)
		return -1;
	if (t->endpos != NULL && lsn_parse(t->endpos, &o->end, e) == -1)
		return err_prefix(e, "option \"--endpos\"");
	if (t->compress != NULL && codec_parse(t->compress, &t->cli.codec,
	    e) == -1)
		return err_prefix(e, "option \"--compress\"");
	return 0;
}

static int
run_receive(struct tool *t, struct err *e)
{
	const char *scratch = getenv("TMPDIR");
	struct receive_options o = {
		.target = t->cli.target,
		.slot = t->slot != NULL ? t->slot : "pgk",
		.create_slot = t->create_slot,
		.synchronous = t->synchronous,
		.once = t->no_loop,
		.accept_gap = t->accept_gap,
		.interval = RECEIVE_INTERVAL,
		.status_interval = RECEIVE_STATUS_INTERVAL,
		.scratch = scratch != NULL ? scratch : "/var/tmp",
	};

	if (read_receive_options(t, &o, e) == -1)
		return -1;
	if (t->drop_slot)
		return receive_drop_slot(o.target, o.slot, e);
	if (cli_open_recipients(&t->cli, e) == -1 ||
	    open_archive(t, STORE_CREATE, e) == -1)
		return -1;
	o.store = t->cli.store;
	o.archive = t->archive;
	o.how = (struct archive_how){ t->cli.codec, t->cli.keys,
		t->cli.jobs };
	o.identities = t->cli.keys;
	return receive_run(&o, e);
}

#define RECEIVE_OPTIONS "compress slot create-slot drop-slot synchronous " \
	"interval status-interval endpos no-loop accept-gap"

static int
print_gaps(const struct tool *t, const struct gaps *g, struct err *e)
{
	struct sink *out = sink_fd(STDOUT_FILENO, "stdout", e);
	int rc = out == NULL ? -1 : gaps_print(g, t->json ? GAPS_JSON :
	    t->tsv ? GAPS_TSV : GAPS_TABLE, out, e);

	sink_free(out);
	return rc;
}

/* What is wrong, a line each on stderr; the exit status says the worst. */
static int
judge_gaps(struct tool *t, const struct gaps *g, struct err *e)
{
	for (size_t i = 0; i < g->fault_count; i++) {
		bool damaged = g->faults[i].kind == ERR_CORRUPT;

		log_warning("%s%s", damaged ? "damaged: " : "",
		    g->faults[i].text);
	}
	if (g->damaged > 0)
		return err_set(e, ERR_CORRUPT, "%zu %s of the archive %s "
		    "damaged, %zu missing", g->damaged, g->damaged == 1 ?
		    "file" : "files", g->damaged == 1 ? "is" : "are",
		    g->missing);
	t->cli.status_no = g->missing > 0 ||
	    (g->range_count == 0 && g->backup_count == 0);
	return 0;
}

static int
run_check(struct tool *t, struct err *e)
{
	struct gaps_options o = { .fast = t->fast, .threads = t->cli.jobs };
	struct gaps *g;
	int rc = -1;

	if (t->json && t->tsv)
		return err_set(e, ERR_USAGE, "--json and --tsv: only one can "
		    "be meant");
	if (cli_open_identities(&t->cli, e) == -1 ||
	    cli_open_repo(&t->cli, 0, e) == -1 ||
	    (t->archive = archive_open(t->cli.store, e)) == NULL)
		return -1;
	o.keys = t->cli.keys;
	o.now = unit_now();
	o.keep = t->cli.conf->policy.kind[CONF_WAL].keep;
	if ((g = gaps_look(t->archive, t->cli.repo, &o, e)) == NULL) {
		e->hint[0] = '\0';
		if (e->kind == ERR_KEY)
			err_hint(e, "give the identity with --identity, or "
			    "look at names and sizes only with --fast");
		return -1;
	}
	if (print_gaps(t, g, e) == 0)
		rc = judge_gaps(t, g, e);
	gaps_free(g);
	return rc;
}

static const struct command commands[] = {
	{ "push", "a PATH", 1, 1, "compress", 'w', false, run_push },
	{ "get", "a NAME and a PATH", 2, 2, "partial prefetch", 'r', false,
	    run_get },
	{ "receive", "nothing", 0, 0, RECEIVE_OPTIONS, 'w', true,
	    run_receive },
	{ "check", "nothing", 0, 0, "fast json tsv", 'r', false, run_check },
	{ "adopt", "nothing", 0, 0, "pgdata yes", 0, false, run_adopt },
	{ NULL, NULL, 0, 0, NULL, 0, false, NULL }
};

static const struct opt options[] = {
	{ 'Z', "compress", "METHOD", "push, receive: gzip[:1-9], zstd[:1-19] or none "
	    "(default: gzip:1)", NULL, NULL, &tool.compress,
	    "gzip zstd none" },
	{ 0, "prefetch", "N", "get: fetch up to N more ahead (default: 8 in "
	    "recovery)", NULL, NULL, &tool.prefetch, NULL },
	{ 0, "partial", NULL, "get: take a segment that is not complete, too",
	    NULL, &tool.partial, NULL, NULL },
	{ 'S', "slot", "NAME", "receive: the replication slot (default: pgk)",
	    NULL, NULL, &tool.slot, NULL },
	{ 0, "create-slot", NULL, "receive: make the slot unless it is there",
	    NULL, &tool.create_slot, NULL, NULL },
	{ 0, "drop-slot", NULL, "receive: remove the slot, and do nothing else",
	    NULL, &tool.drop_slot, NULL, NULL },
	{ 0, "synchronous", NULL, "receive: make all durable at once and tell "
	    "the server", NULL, &tool.synchronous, NULL, NULL },
	{ 0, "interval", "DURATION", "receive: how long bytes may wait to be "
	    "durable (default: 5s)", NULL, NULL, &tool.interval, NULL },
	{ 0, "status-interval", "DURATION", "receive: how often the server is "
	    "told (default: 10s)", NULL, NULL, &tool.status_interval, NULL },
	{ 0, "endpos", "LSN", "receive: stop when all before LSN is durable",
	    NULL, NULL, &tool.endpos, NULL },
	{ 0, "no-loop", NULL, "receive: fail when the connection is lost",
	    NULL, &tool.no_loop, NULL, NULL },
	{ 0, "accept-gap", NULL, "receive: go on behind WAL that the server "
	    "has no more", NULL, &tool.accept_gap, NULL, NULL },
	{ 0, "fast", NULL, "check: look at names and sizes only",
	    NULL, &tool.fast, NULL, NULL },
	{ 0, "json", NULL, "check: print JSON", NULL, &tool.json, NULL,
	    NULL },
	{ 0, "tsv", NULL, "check: print tab-separated values with headings",
	    NULL, &tool.tsv, NULL, NULL },
	{ 'D', "pgdata", "DIRECTORY", "adopt: the server's data directory",
	    NULL, NULL, &tool.datadir, "DIRECTORY" },
	{ 0, "yes", NULL, "adopt: do not ask", NULL, &tool.yes, NULL, NULL },
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

static const struct command *
find_command(const char *word)
{
	const struct command *c = commands;

	while (c->name != NULL && strcmp(c->name, word) != 0)
		c++;
	return c->name != NULL ? c : NULL;
}

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

/* 'w' or 'r' */
static bool
uses_keys(const struct command *c, char how)
{
	return c->keys == how || c->keys == 'b';
}

static int
refuse_option(const char *option, const struct command *c, struct err *e)
{
	return err_set(e, ERR_USAGE, "option \"--%s\" is not for \"%s\"",
	    option, c->name);
}

/* No option is taken and not heeded. */
static int
check_options(const struct tool *t, const struct command *c, struct err *e)
{
	const struct cli *cli = &t->cli;

	for (const struct opt *o = options; o->name != NULL; o++) {
		bool given = o->flag != NULL ? *o->flag : *o->word != NULL;

		if (given && !has_word(c->options, o->name))
			return refuse_option(o->name, c, e);
	}
	if (cli->recipients.count > 0 && !uses_keys(c, 'w'))
		return refuse_option("recipient", c, e);
	if (cli->recipients_files.count > 0 && !uses_keys(c, 'w'))
		return refuse_option("recipients-file", c, e);
	if (cli->plain && !uses_keys(c, 'w'))
		return refuse_option("no-encrypt", c, e);
	if (cli->identities.count > 0 && !uses_keys(c, 'r'))
		return refuse_option("identity", c, e);
	if (!c->server && (cli->host != NULL || cli->port != NULL ||
	    cli->user != NULL || cli->dbname != NULL))
		return err_set(e, ERR_USAGE, "\"%s\" connects to no server",
		    c->name);
	if (t->operand_count < c->operands_min)
		return err_set(e, ERR_USAGE, "\"%s\" needs %s", c->name,
		    c->needs);
	if (t->operand_count > c->operands_max)
		return err_set(e, ERR_USAGE, "unexpected word \"%s\"",
		    t->operands[c->operands_max]);
	return 0;
}

static void
act(struct tool *t, struct err *e)
{
	const struct command *c = find_command(t->cli.operands[0]);

	if (c == NULL) {
		err_set(e, ERR_USAGE, "unknown command \"%s\"",
		    t->cli.operands[0]);
		err_hint(e, "try \"pgk-wal --help\"");
		return;
	}
	t->operands = t->cli.operands + 1;
	t->operand_count = t->cli.operand_count - 1;
	if (check_options(t, c, e) == 0)
		c->run(t, e);
}

/* The command by the first word that is one: also when parsing fails. */
static const char *
command_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (find_command(argv[i]) != NULL)
			return argv[i];
	return "";
}

/*
 * What PostgreSQL makes of the exit status decides. Of restore_command 0 is
 * a file, 143 a shutdown, more than 125 a failure that stops recovery, and
 * anything else says that WAL ends here. Of archive_command 0 is a file
 * archived, and more than 125 restarts the archiver.
 */
static int
status_for_server(const char *command, const struct err *e, int status)
{
	if (strcmp(command, "get") == 0) {
		if (e->kind == ERR_NONE)
			return tool.cli.status_no ? 1 : 0;
		if (e->kind == ERR_STOPPED && stop_requested() == SIGTERM)
			return 128 + SIGTERM;
		return e->kind == ERR_ABSENT ? 1 : FAILED;
	}
	if (strcmp(command, "push") == 0) {
		if (e->kind == ERR_NONE)
			return 0;
		/* a store that is not there is no answer */
		if (e->kind == ERR_ABSENT)
			return err_status(ERR_SYS);
		return status > 125 ? err_status(ERR_BUSY) : status;
	}
	/* a loss that was made good long ago is no failure of today's */
	if (strcmp(command, "receive") == 0 && status == 3 &&
	    stop_requested() != 0)
		return 0;
	return status;
}

int
main(int argc, char **argv)
{
	const char *command = command_of(argc, argv);
	struct err e = ERR_INIT;
	struct cli *c = &tool.cli;
	int status;

	if (cli_parse(c, &description, argc, argv, &e) == 0 && !c->done)
		act(&tool, &e);
	archive_close(tool.archive);
	status = cli_end(c, &e);
	return c->done ? status : status_for_server(command, &e, status);
}
