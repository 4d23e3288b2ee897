/*
 * gaps: whether an archive holds the whole log: the continuous ranges of each
 * timeline, what is missing or damaged, and how far each base backup can be
 * recovered.
 */
#ifndef PGK_GAPS_H
#define PGK_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/archive.h"
#include "cli/cli.h"
#include "repo/repo.h"
#include "sink/sink.h"

/* Segments of one timeline without a gap, or the runs at the end alone. */
struct gaps_range {
	uint32_t timeline;
	uint64_t start, end; /* LSNs: the first byte, behind the last */
	char first[LSN_NAME_MAX], last[LSN_NAME_MAX];
	uint64_t segments, stored;
	/* the segment behind it that is missing though the log goes on */
	char missing[LSN_NAME_MAX];
};

/* How far a base backup can be recovered, along the newest timeline it can. */
struct gaps_backup {
	char *name;        /* of the set */
	uint32_t timeline; /* its own */
	uint64_t begin;    /* where the log it cannot do without begins */
	int64_t time;      /* when it ended; seconds since 1970 */
	/* any place from `start` (the end of the backup) to `end` */
	uint64_t start, end;
	uint32_t end_timeline;
	char last[LSN_NAME_MAX];    /* the segment with the last byte */
	char missing[LSN_NAME_MAX]; /* as above, or "" */
	bool usable; /* the log from its start to its end is there */
	/* usable: the last transaction in that log, of all such backups */
	struct archive_last ended;
};

struct gaps_fault {
	enum err_kind kind; /* ERR_ABSENT: missing; ERR_CORRUPT: damaged */
	char name[LSN_NAME_MAX]; /* in pg_wal */
	char *text;         /* a line for people */
};

struct gaps {
	bool has_system;
	uint64_t system_identifier;
	uint32_t segment_size;
	struct gaps_range *ranges; /* by timeline, then LSN */
	size_t range_count;
	struct gaps_backup *backups; /* oldest first */
	size_t backup_count;
	struct gaps_fault *faults;
	size_t fault_count, missing, damaged;
};

/*
 * Look. Unless `fast`, each object is read and proven on `threads` threads
 * (`keys` as archive_get() needs them; ERR_KEY ends it); fast looks at names
 * and sizes alone, and leaves `ended` unknown. What is damaged counts as missing in ranges and backups.
 * Base backups that cannot be read are left out, with a warning.
 *
 * With `keep` (seconds; the policy's, for the log) what pgk-prune takes away is
 * not missed: before the newest base backup that ended more than `keep` before
 * `now`, a gap behind segments that old base backups need and others around
 * them do not.
 */
struct gaps_options {
	const struct age_keys *keys;
	bool fast;
	unsigned threads;
	int64_t now, keep; /* keep 0: every gap counts */
};
struct gaps *gaps_look(struct archive *a, struct repo *r,
    const struct gaps_options *o, struct err *e);
void gaps_free(struct gaps *g); /* NULL ok */

enum gaps_form { GAPS_TABLE, GAPS_TSV, GAPS_JSON };
int gaps_print(const struct gaps *g, enum gaps_form form, struct sink *out,
    struct err *e);

/* What pgk-wal check was asked for, as the options said. */
struct gaps_asked {
	struct cli *cli; /* after cli_parse(); repo and keys: by need */
	bool fast, json, tsv;
};

/*
 * Look, print on `out`, warn of each fault. ERR_CORRUPT, after all that: there
 * is damage. Without: cli->status_no when something is missing, or all is.
 */
int gaps_command(const struct gaps_asked *a, struct sink *out, struct err *e);

#endif
