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
#include "log/log.h"
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
	bool partial, yes;
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

	if (feed_adoption(datadir, &g, &timeline, e) == -1)
		return err_prefix(e, "\"%s\"", path);
	if (!t->yes && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
	    !ask(&g, timeline))
		return err_set(e, ERR_REFUSED, "not confirmed; the guard "
		    "stays");
	return feed_adopt(datadir, e);
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

static const struct command commands[] = {
	{ "push", "a PATH", 1, 1, "compress", 'w', run_push },
	{ "get", "a NAME and a PATH", 2, 2, "partial prefetch", 'r',
	    run_get },
	{ "adopt", "nothing", 0, 0, "pgdata yes", 0, run_adopt },
	{ NULL, NULL, 0, 0, NULL, 0, NULL }
};

static const struct opt options[] = {
	{ 'Z', "compress", "METHOD", "push: gzip[:1-9], zstd[:1-19] or none "
	    "(default: gzip:1)", NULL, NULL, &tool.compress,
	    "gzip zstd none" },
	{ 0, "prefetch", "N", "get: fetch up to N more ahead (default: 8 in "
	    "recovery)", NULL, NULL, &tool.prefetch, NULL },
	{ 0, "partial", NULL, "get: take a segment that is not complete, too",
	    NULL, &tool.partial, NULL, NULL },
	{ 'D', "pgdata", "DIRECTORY", "adopt: the server's data directory",
	    NULL, NULL, &tool.datadir, "DIRECTORY" },
	{ 0, "yes", NULL, "adopt: do not ask", NULL, &tool.yes, NULL, NULL },
	{ .name = NULL }
};

static const struct opt *const tables[] = { options, cli_encrypt_options,
	cli_identity_options, cli_jobs_options, cli_store_options,
	cli_options, NULL };

static const struct opt_tool description = {
	.name = "pgk-wal",
	.purpose = "put the write-ahead log into the archive and get it back.",
	.usage = "[OPTION]... push PATH\n[OPTION]... get NAME PATH\n"
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
		return status > 125 ? err_status(ERR_BUSY) : status;
	}
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
