/*
 * base: physical backups: a full base backup of a cluster, or an incremental
 * one in PostgreSQL 17's format, over the replication protocol.
 */
#ifndef PGK_BASE_H
#define PGK_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "age/age.h"
#include "codec/codec.h"
#include "pg/pg.h"
#include "repo/repo.h"
#include "sign/sign.h"

#define BASE_RATE_MIN ((uint64_t)32 << 10) /* the server's own bounds */
#define BASE_RATE_MAX ((uint64_t)1 << 30)
#define BASE_LABEL_MAX 200
#define BASE_INTERVAL 86400 /* seconds from full to full, by default */

/* AUTO: incremental when there is a parent to build on, else full. */
enum base_mode { BASE_AUTO, BASE_FULL, BASE_INCREMENTAL };

/*
 * Where the changed blocks of an incremental backup come from; of a full one,
 * what the incremental ones after it will need.
 *
 *	BASE_BLOCKS     hashes of every block, compared with the parent's; any
 *	                version
 *	BASE_SUMMARIES  the server's WAL summaries; from 17 on, with
 *	                summarize_wal
 *	BASE_WAL        the log since the parent, from the store's archive or
 *	                the server; any version, and needs an ordinary
 *	                connection to `target`'s database. A full one is as
 *	                with blocks
 *	BASE_ANY        summaries where the server has them and they are safe,
 *	                else wal where that can be, else blocks
 */
enum base_method { BASE_ANY, BASE_BLOCKS, BASE_WAL, BASE_SUMMARIES };

struct base_options {
	const char *tool;               /* "pgk-basebackup 0.1.0" */
	const struct pg_target *target;
	enum base_mode mode;
	enum base_method method;
	int64_t interval;    /* AUTO: a full one this long after the last; 0:
	                        never for its age */
	bool fast;           /* checkpoint at once, not spread */
	uint64_t max_rate;   /* bytes a second, or 0 */
	const char *label;   /* in backup_label; NULL: the tool's name. Up to
	                        BASE_LABEL_MAX bytes, none a control byte */
	int64_t wal_timeout; /* seconds to wait for the WAL; 0: do not */
	const char *scratch; /* folder for a temporary file, without a name */
	unsigned jobs;       /* 1..TASK_THREADS_MAX that compress */
	struct codec codec;
	const struct age_keys *keys; /* recipients, or NULL: plain */
	const struct age_keys *identities; /* for the archive, or NULL */
	const char *environment;     /* label, or NULL */
};

/*
 * Back up into the store as a new set of kind incremental and publish it. The
 * set's parent says what it builds on: NULL for a full one; a chain never
 * crosses a timeline, a change of the checksum state or of the system
 * identifier. *name: caller frees.
 *
 * A wrong page checksum is warned of and counted in the set's bad_pages; the
 * set is published all the same. Nothing is published when the WAL from the
 * backup's start to its end is not in the store in time.
 *
 * ERR_PG: connection, permission, what BASE_BACKUP says, WAL that does not
 * come. ERR_REFUSED: BASE_INCREMENTAL without a usable parent, a method that
 * the server cannot serve, a store with another cluster's WAL, over
 * REPO_OBJECTS_MAX tablespaces. ERR_BUSY: another backup runs. ERR_CORRUPT:
 * the server sent what is no backup. ERR_SYS, ERR_STOPPED. After a failure
 * nothing is left, here or on the server.
 */
int base_to_repo(const struct base_options *o, struct repo *r,
    const char *zone, const struct sign_key *key, char **name,
    struct err *e);

#endif
