/* pgk-wal's push, get and adopt: what their options say, made into calls. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "feed/feed.h"
#include "fsx/fsx.h"
#include "log/log.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define PREFETCH 8 /* segments, unless told otherwise */
#define FAILED 255 /* of get: PostgreSQL's recovery stops */

int
feed_push_command(const struct feed_asked *a, struct err *e)
{
	struct archive_how how = { .threads = a->cli->jobs };

	if (a->compress != NULL && codec_parse(a->compress, &a->cli->codec,
	    e) == -1)
		return err_prefix(e, "option \"--compress\"");
	if (cli_open_recipients(a->cli, e) == -1 ||
	    cli_open_archive(a->cli, STORE_CREATE, e) == -1)
		return -1;
	how.codec = a->cli->codec;
	how.keys = a->cli->keys;
	return feed_push(a->cli->archive, a->operands[0], &how, e);
}

int
feed_push_exit(const struct err *e, int status)
{
	if (e->kind == ERR_NONE)
		return 0;
	/* a store that is not there is no answer */
	if (e->kind == ERR_ABSENT)
		return err_status(ERR_SYS);
	return status > 125 ? err_status(ERR_BUSY) : status;
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
answer_no(const struct feed_asked *a, struct err *e)
{
	if (is_recovery(a->operands[1])) {
		log_info("%s", e->text);
		err_clear(e);
		a->cli->status_no = true;
	}
	return -1;
}

int
feed_get_command(const struct feed_asked *a, struct err *e)
{
	struct feed_get how = { .partial = a->partial,
		.threads = a->cli->jobs };
	int64_t n = is_recovery(a->operands[1]) ? PREFETCH : 0;

	if (a->prefetch != NULL && unit_parse_number(a->prefetch, 0,
	    FEED_PREFETCH_MAX, &n, e) == -1)
		return err_prefix(e, "option \"--prefetch\"");
	how.prefetch = (unsigned)n;
	if (feed_check_name(a->operands[0], e) == -1 ||
	    cli_open_identities(a->cli, e) == -1 ||
	    cli_open_archive(a->cli, 0, e) == -1) {
		/*
		 * The answer "absent" is the archive's alone: not a key's
		 * file's, not the store's.
		 */
		if (e->kind == ERR_ABSENT)
			e->kind = ERR_SYS;
		return -1;
	}
	how.keys = a->cli->keys;
	if (feed_get(a->cli->archive, a->operands[0], a->operands[1], &how,
	    e) == 0)
		return 0;
	return e->kind == ERR_ABSENT ? answer_no(a, e) : -1;
}

int
feed_get_exit(const struct err *e, int status)
{
	/* the answer is no; a warning is no failure */
	if (e->kind == ERR_NONE)
		return status == 1 ? 1 : 0;
	if (e->kind == ERR_STOPPED && stop_requested() == SIGTERM)
		return 128 + SIGTERM;
	return e->kind == ERR_ABSENT ? 1 : FAILED;
}

static int
adopt(const struct feed_asked *a, int datadir, struct err *e)
{
	struct archive_guard g;
	uint32_t timeline;
	bool reload;

	if (feed_adoption(datadir, &g, &timeline, e) == -1)
		return err_prefix(e, "\"%s\"", a->datadir);
	if (!a->yes && cli_can_ask() && !cli_ask(a->cli, "restored from "
	    "\"%s\" (timeline %" PRIu32 "), now on timeline %" PRIu32
	    ": let it archive?", g.set, g.timeline, timeline))
		return err_set(e, ERR_REFUSED, "not confirmed; the guard "
		    "stays");
	if (feed_adopt(datadir, &reload, e) == -1)
		return err_prefix(e, "\"%s\"", a->datadir);
	if (reload)
		log_hint("if the server runs, pgk-wal receive takes its WAL "
		    "after: pg_ctl reload -D \"%s\"", a->datadir);
	return 0;
}

int
feed_adopt_command(const struct feed_asked *a, struct err *e)
{
	int fd, rc;

	if (a->datadir == NULL || *a->datadir == '\0') {
		err_set(e, ERR_USAGE, "no data directory is named");
		return err_hint(e, "-D DIRECTORY, or set PGDATA");
	}
	fd = open(a->datadir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return err_sys(e, "could not open folder \"%s\"", a->datadir);
	rc = adopt(a, fd, e);
	fsx_close(fd);
	return rc;
}
