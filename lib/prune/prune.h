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
	enum prune_verdict verdict;
	char reason[160]; /* "34d old, kept 30d", "the newest of its kind" */
};

/*
 * Judge the sets of one kind (oldest first), without touching anything.
 *   now       seconds since 1970
 *   keep      seconds; 0: keep all
 *   min_keep  at least 1: never fewer sets per database than that
 * A set is kept when it is younger than `keep`, among the newest `min_keep` of its kind and
 * database(s), newer than `now` by more than 10 minutes (a clock is wrong:
 * then nothing of the kind goes), or something kept names it as parent.
 * `out` has `list->count` entries.
 */
void prune_judge(const struct repo_list *list, int64_t now, int64_t keep,
    unsigned min_keep, struct prune_decision *out);

struct prune_options {
	const struct conf *conf;
	const enum repo_kind *kinds;
	size_t kind_count;
	unsigned min_keep;
	bool dry_run;
	int64_t now;
	/* one decision, after it was carried out (or would be) */
	void (*report)(void *ctx, const struct prune_decision *d, bool done);
	void *ctx;
};

/*
 * Judge and delete, kind by kind. One run at a time a store (ERR_BUSY). A kind whose listing or .json
 * cannot be read whole is left alone and the call fails after the others
 * (ERR_CORRUPT). Sets being read are kept and reported.
 */
int prune_run(const struct prune_options *o, struct repo *r, struct err *e);

#endif
