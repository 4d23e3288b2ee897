/*
 * prune: which sets go, and why.
 */
#ifndef PGK_PRUNE_H
#define PGK_PRUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/archive.h"
#include "conf/conf.h"
#include "lsn/lsn.h"
#include "repo/repo.h"

#define PRUNE_REASON 160
enum prune_verdict { PRUNE_KEEP, PRUNE_DELETE };

struct prune_decision {
	const struct repo_set *set;
	/* the full base backup its chain begins with; else `set` itself */
	const struct repo_set *base;
	enum prune_verdict verdict;
	/*
	 * "34d old, kept 30d", "the newest of \"chat\"": one line of text;
	 * names in it are cut, but not made fit for a terminal
	 */
	char reason[PRUNE_REASON];
};

#define PRUNE_SKEW 600   /* seconds by which a clock may be wrong */
#define PRUNE_STALE 86400

struct prune_rule {
	int64_t now;       /* seconds since 1970 */
	int64_t keep;      /* seconds; 0: keep all */
	unsigned min_keep; /* at least 1 */
	/*
	 * For base backups: how long the WAL is kept that is in the store, 0
	 * when there is none or when all is kept.
	 */
	int64_t wal_keep;
};

/*
 * Judge the sets of one kind (oldest first), without touching anything. A set
 * is as old as its end. It is kept when
 *   - it is younger than `keep`, or
 *   - it is among the newest `min_keep` that hold one of its databases, by
 *     time or by sequence (a clock that was set back makes a new set look
 *     old); sets that name no database count together, or
 *   - something kept builds on it (parent), however far up the chain, or
 *   - nothing of the kind may go: one set is dated more than PRUNE_SKEW
 *     seconds after `now`, or the newest is itself older than `keep` and than
 *     PRUNE_STALE seconds. Either the clock is wrong or backups have
 *     stopped, and in both cases what is old is all there is.
 * Returns false in that last case, else true. `out` has `list->count`
 * entries, in the list's order.
 *
 * Base backups (REPO_INCREMENTAL) go and stay by chains: a full one and all
 * that builds on it, as old as the newest of them. Counted for `min_keep` are
 * chains, and only those whose full one is there. With `wal_keep`
 *   - they are kept at least as long as the WAL, which is of no use without
 *     one before it, and
 *   - so is the chain of the newest one that ended more than `wal_keep` ago:
 *     with it begins the time that the WAL can bring back.
 */
bool prune_judge(const struct repo_list *list, const struct prune_rule *rule,
    struct prune_decision *out);

/*
 * Whether the newest set is less than half the size (unpacked) of the one
 * before it: of some database, of the snapshots, or of the full base backups.
 * Then `reason` says which.
 */
bool prune_shrunken(const struct repo_list *list,
    char reason[PRUNE_REASON]);

/* A base backup as the WAL concerns it. */
struct prune_base {
	const char *name;
	int64_t end;            /* seconds since 1970 */
	uint32_t timeline;
	uint64_t lsn, end_lsn;  /* the WAL it cannot do without */
	bool kept;              /* else deleted in this run */
	bool read;              /* a restore may be replaying from it */
	bool onward;            /* all that it can be recovered with stays */
};

enum prune_wal_why {
	PRUNE_WAL_HISTORY, /* kept: histories are small and tell the ways */
	PRUNE_WAL_NEEDED,  /* kept: `base` is nothing without it */
	PRUNE_WAL_READ,    /* kept: behind `base`, which is being read */
	PRUNE_WAL_ONWARD,  /* kept: `base` can be recovered along it */
	PRUNE_WAL_YOUNG,   /* kept: nothing proves that it is old */
	PRUNE_WAL_BRANCH,  /* kept: of a timeline that `base` can take */
	PRUNE_WAL_LIVE,    /* kept: of the newest timeline, of unproven age */
	PRUNE_WAL_OLD,     /* goes: before `base`, which ended long ago */
	PRUNE_WAL_DEAD,    /* goes: of a timeline that no base backup reaches */
};

struct prune_wal {
	enum prune_verdict verdict;
	enum prune_wal_why why;
	const struct prune_base *base; /* or NULL */
};

/*
 * Judge the WAL by the base backups there are, without touching anything. Its
 * age is known from these alone: what lies before the start of one that ended
 * more than `keep` seconds ago, on its own line of timelines, is older.
 * A file goes only when
 *   - it is so proven to be old; or it is of a timeline, other than the newest
 *     one, that left that line before that place, and that no kept base backup
 *     can take; and
 *   - it holds nothing of [lsn, end_lsn) of a kept base backup, on whatever
 *     timeline, nor anything behind the start of one being read, nor on a way
 *     of recovery from one that is `onward`.
 * `histories` are those of the timelines (timeline 1 has none); of one that is
 * not among them nothing is taken for proven but itself. `out` has `wal->count`
 * entries, in the list's order.
 */
void prune_judge_wal(const struct archive_list *wal,
    const struct prune_base *bases, size_t base_count,
    const struct lsn_history *histories, size_t history_count, int64_t now,
    int64_t keep, struct prune_wal *out);

/*
 * Files of one timeline and verdict whose segments follow each other:
 * "000000010000000000000001..0F", how many segments, their stored bytes.
 */
struct prune_range {
	char name[2 * LSN_NAME_MAX];
	uint64_t segments, stored;
	char reason[PRUNE_REASON];
};

struct prune_options {
	const struct conf *conf; /* [policy] says keep of each kind */
	const enum repo_kind *kinds;
	size_t kind_count;
	unsigned min_keep; /* 0 is taken for 1 */
	bool dry_run;
	const struct age_keys *keys; /* for histories; may be NULL */
	bool allow_shrunken; /* prune_shrunken() does not stop it */
	int64_t now;
	/*
	 * One decision, after a kind's were carried out, oldest first: `done`
	 * is true when the set is deleted (dry_run: would be). May be NULL.
	 */
	void (*report)(void *ctx, const struct prune_decision *d, bool done);
	/* The same for the WAL, by ranges. May be NULL. */
	void (*report_wal)(void *ctx, const struct prune_range *r, bool done);
	void *ctx;
};

/*
 * Judge and delete, kind by kind, what builds on another set before that one;
 * first of all remove what runs that were killed have left (repo_recover()).
 * One run at a time a store (ERR_BUSY), a dry run any time. A kind without
 * `keep` in the policy keeps all. Sets being read are kept and reported.
 *
 * A kind of which something cannot be read or is damaged is left alone, every
 * damage warned of, and the call fails after the others (ERR_CORRUPT, or as
 * the first error was); the same with ERR_REFUSED for a kind of which
 * prune_judge() or prune_shrunken() says that nothing may go, if otherwise
 * something would have. Each deletion goes to the log file.
 *
 * The WAL is judged last, by the base backups left and those that have gone in
 * this run; oldest first it goes. From the beginning of the chain of the newest
 * base backup older than its `keep` on it stays without a gap. As long as nothing of the base backups may
 * go, nothing of it may.
 */
int prune_run(const struct prune_options *o, struct repo *r, struct err *e);

#endif
