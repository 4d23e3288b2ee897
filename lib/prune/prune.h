/*
 * prune: which sets go, and why.
 */
#ifndef PGK_PRUNE_H
#define PGK_PRUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "repo/repo.h"

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
	char reason[160];
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
    char reason[sizeof ((struct prune_decision *)0)->reason]);

struct prune_options {
	const struct conf *conf; /* [policy] says keep of each kind */
	const enum repo_kind *kinds;
	size_t kind_count;
	unsigned min_keep; /* 0 is taken for 1 */
	bool dry_run;
	bool allow_shrunken; /* prune_shrunken() does not stop it */
	int64_t now;
	/*
	 * One decision, after a kind's were carried out, oldest first: `done`
	 * is true when the set is deleted (dry_run: would be). May be NULL.
	 */
	void (*report)(void *ctx, const struct prune_decision *d, bool done);
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
 */
int prune_run(const struct prune_options *o, struct repo *r, struct err *e);

#endif
