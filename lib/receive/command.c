/* pgk-wal receive: what its options say, made into a call. */
#include "lsn/lsn.h"
#include "receive/receive.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define SLOT "pgk" /* unless told otherwise */
#define SCRATCH "/var/tmp"

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
read_options(const struct receive_asked *a, struct receive_options *o,
    struct err *e)
{
	if (take_seconds("interval", a->interval, &o->interval, e) == -1 ||
	    take_seconds("status-interval", a->status_interval,
	    &o->status_interval, e) == -1 ||
	    receive_check_slot(o->slot, e) == -1)
		return -1;
	if (a->endpos != NULL && lsn_parse(a->endpos, &o->end, e) == -1)
		return err_prefix(e, "option \"--endpos\"");
	if (a->compress != NULL && codec_parse(a->compress, &a->cli->codec,
	    e) == -1)
		return err_prefix(e, "option \"--compress\"");
	return 0;
}

int
receive_command(const struct receive_asked *a, struct err *e)
{
	struct cli *c = a->cli;
	struct receive_options o = {
		.target = c->target,
		.slot = a->slot != NULL ? a->slot : SLOT,
		.create_slot = a->create_slot,
		.synchronous = a->synchronous,
		.once = a->no_loop,
		.accept_gap = a->accept_gap,
		.interval = RECEIVE_INTERVAL,
		.status_interval = RECEIVE_STATUS_INTERVAL,
		.scratch = a->scratch != NULL ? a->scratch : SCRATCH,
	};

	if (read_options(a, &o, e) == -1)
		return -1;
	if (a->drop_slot)
		return receive_drop_slot(o.target, o.slot, e);
	if (cli_open_recipients(c, e) == -1 ||
	    cli_open_archive(c, STORE_CREATE, e) == -1)
		return -1;
	o.store = c->store;
	o.archive = c->archive;
	o.how = (struct archive_how){ c->codec, c->keys, c->jobs };
	o.identities = c->keys;
	return receive_run(&o, e);
}

int
receive_exit(const struct err *e, int status)
{
	(void)e;
	/* a loss that was made good long ago is no failure of today's */
	return status == 3 && stop_requested() != 0 ? 0 : status;
}
