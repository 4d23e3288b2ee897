/*
 * base_int: one base backup and the parts it is made by.
 *
 *	base.c       the order of things
 *	server.c     what the server says of itself
 *	parent.c     the chain to build on, or why there is none
 *	plan.c       full or incremental, and by which method
 *	take.c       the archives, the manifest, the hashes, as objects
 *	stream.c     what BASE_BACKUP sends
 *	walk.c       what happens to an archive on its way
 *	hashes.c, summaries.c, logged.c   where changed blocks come from
 *	wait.c       the WAL the backup needs
 */
#ifndef PGK_BASE_INT_H
#define PGK_BASE_INT_H

#include "base/again.h"
#include "base/base.h"
#include "base/change.h"
#include "base/stream.h"
#include "progress/progress.h"

#define BASE_REASON_MAX 512

struct base_server {
	uint64_t system;
	char system_text[24];
	uint32_t timeline;
	uint64_t position; /* the log's end, as far as it is known */
	uint32_t segment_size;
	int version;
	bool checksums, hint_bits; /* data_checksums, wal_log_hints */
	bool summaries;            /* summarize_wal */
	bool archiving;            /* archive_mode */
};

/* The newest set of this cluster, held so that nobody removes it. */
struct base_parent {
	struct repo_list list;
	const struct repo_set *set;  /* of the list, or NULL */
	const struct repo_set *full; /* that the chain begins with, or NULL */
	struct store_lock **holds;
	size_t hold_count;
};

/* What will be done. */
struct base_plan {
	bool incremental;
	enum base_method method; /* not ANY; of a full one not WAL */
};

struct base_run {
	const struct base_options *o;
	struct repo *repo;
	const char *zone; /* that the set's name has its time in */
	int64_t start;
	struct repo_draft *draft;
	struct repo_set *set;
	struct pg *pg;
	struct progress *progress;
	struct base_server server;
	struct base_parent parent;
	struct base_plan plan;
	struct blob *manifest; /* the parent's, for UPLOAD_MANIFEST */
	struct base_changes *changes;
	struct base_again again; /* for wrong pages */
	struct base_begin begin;
	uint64_t end;
	/* what an attempt has ruled out, "" or why */
	char no_summaries[BASE_REASON_MAX], no_wal[BASE_REASON_MAX];
	char no_increment[BASE_REASON_MAX];
	char lines[128]; /* of an incremental one's backup_label, at its end */
};

/* base.c: what backup_label calls the backup. */
const char *base_label(const struct base_options *o);

/* server.c: connect and ask. */
int base_connect(struct base_run *r, struct err *e);

/*
 * parent.c: find and hold the newest set of this cluster and its chain. What
 * is wrong with it is in `reason`, "" if nothing: then set and full are there.
 */
int base_parent_find(struct base_run *r, char reason[BASE_REASON_MAX],
    struct err *e);
void base_parent_free(struct base_parent *p);

/*
 * plan.c: decide, and say why (info) or refuse (ERR_REFUSED). Then open what
 * the method needs: r->changes, NULL when nobody asks.
 */
int base_plan(struct base_run *r, struct err *e);
int base_open_changes(struct base_run *r, struct err *e);

/* take.c: all archives into objects of the draft, noted in the set. */
int base_take(struct base_run *r, struct err *e);

/*
 * wait.c: before the backup, what makes the wait vain; after it, wait until
 * its WAL is in the store.
 */
int base_wait_check(struct base_run *r, struct err *e);
int base_wait(struct base_run *r, struct err *e);

#endif
