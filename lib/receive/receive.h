/*
 * receive: the write-ahead log, streamed from a server into the archive.
 *
 * What pg_receivewal does, with an archive (archive.h) for a folder. A whole
 * segment is put by archive_put(); while one grows, its bytes are put as runs
 * every `interval`, or at once when `synchronous`, and the server is told no
 * byte to be flushed that is not durable in the store. It begins where the
 * archive ends and never skips anything unasked.
 */
#ifndef PGK_RECEIVE_H
#define PGK_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "age/age.h"
#include "archive/archive.h"
#include "cli/cli.h"
#include "pg/pg.h"
#include "store/store.h"

#define RECEIVE_SLOT_MAX 64 /* with the NUL */
#define RECEIVE_INTERVAL 5         /* seconds, for `interval` */
#define RECEIVE_STATUS_INTERVAL 10 /* and for `status_interval` */

struct receive_options {
	const struct pg_target *target;
	struct store *store;      /* the archive's: for the lock */
	struct archive *archive;
	struct archive_how how;
	const struct age_keys *identities; /* that open runs, or NULL */
	const char *slot;         /* NULL: none */
	bool create_slot;         /* unless it is there */
	bool synchronous;
	bool once;                /* do not connect again */
	bool accept_gap;          /* go on behind what the server has no more */
	int64_t interval;         /* seconds, at least 1 */
	int64_t status_interval;  /* the same */
	uint64_t end;             /* stop when all before it is durable; 0: never */
	const char *scratch;      /* a folder for segments over 32 MiB */
};

/*
 * Receive until stopped (a stop is success: what was received is durable by
 * then) or until `end`. A connection that is lost is made anew, later and
 * later, and this is said once.
 *
 * ERR_BUSY: another receives into this archive. ERR_REFUSED: the server was
 * restored and is not adopted (ARCHIVE_GUARD_SETTING); the archive is
 * another cluster's or has a newer timeline; the server has no more what the
 * archive needs next, or its slot is gone or lost; its log differs from
 * what was received. ERR_PG: the first connection could not be made, or with
 * `once` any loss. ERR_CORRUPT: what the server sent is no log, or the store's
 * runs are damaged. ERR_SYS, ERR_KEY: the store's. After any failure what was
 * told to be flushed is in the store, and a later run goes on from there.
 */
int receive_run(const struct receive_options *o, struct err *e);

/* ERR_ABSENT when the server has no such slot. */
int receive_drop_slot(const struct pg_target *target, const char *slot,
    struct err *e);

/* [a-z0-9_], 1 to 63 of them; ERR_USAGE. */
int receive_check_slot(const char *name, struct err *e);

/*
 * What pgk-wal receive was asked for: what the options said, in their words;
 * NULL for what was not given.
 */
struct receive_asked {
	struct cli *cli; /* after cli_parse(); archive and keys: by need */
	const char *compress, *slot, *interval, *status_interval, *endpos;
	const char *scratch; /* a folder; NULL: /var/tmp */
	bool create_slot, synchronous, no_loop, accept_gap;
	bool drop_slot; /* and nothing else */
};

/*
 * Do so: receive_run() or receive_drop_slot(). ERR_USAGE: a word that is no
 * method, slot, LSN, or duration from 1s to 1h.
 */
int receive_command(const struct receive_asked *a, struct err *e);

/* The exit status, of cli_end()'s: warnings are no failure of who is stopped. */
int receive_exit(const struct err *e, int status);

/*
 * What a walsender's message says (PostgreSQL's "Streaming Replication
 * Protocol"). `data` points into the message.
 */
enum receive_type { RECEIVE_DATA, RECEIVE_KEEPALIVE };
struct receive_message {
	enum receive_type type;
	uint64_t start;        /* of a RECEIVE_DATA: its first byte's LSN */
	uint64_t end;          /* of the log, on the server */
	bool reply;            /* of a RECEIVE_KEEPALIVE: answer at once */
	const char *data;
	size_t len;
};

/* ERR_CORRUPT for a message that is none, is cut or has an impossible LSN. */
int receive_decode(const char *message, size_t len,
    struct receive_message *out, struct err *e);

/* A standby's status: `written` and `flushed`, 0 for "not known". */
#define RECEIVE_STATUS_SIZE 34
/* Write it into `out`. */
void receive_status(uint64_t written, uint64_t flushed, int64_t now_us,
    char out[RECEIVE_STATUS_SIZE]);

#endif
