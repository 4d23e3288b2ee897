/*
 * gaps_int: what the files of this room share.
 */
#ifndef PGK_GAPS_INT_H
#define PGK_GAPS_INT_H

#include "gaps/gaps.h"

/* The text is copied. */
int gaps_add_fault(struct gaps *g, enum err_kind kind,
    const struct lsn_name *name, const char *text, struct err *e);

/* prove.c: find what is damaged, and take it out of the list. */
int gaps_prove(struct gaps *g, struct archive *a, struct archive_list *l,
    const struct gaps_options *o, struct err *e);

/* The ancestries of the timelines in the archive, by timeline. */
struct gaps_histories {
	struct lsn_history *list;
	size_t count;
};
const struct lsn_history *gaps_history(const struct gaps_histories *all,
    uint32_t timeline);

/* ranges.c */
int gaps_find_ranges(struct gaps *g, const struct archive_list *l,
    const struct gaps_histories *all, struct err *e);

/* backups.c */
int gaps_find_backups(struct gaps *g, struct archive *a,
    const struct archive_list *l, const struct gaps_histories *all,
    struct repo *r, const struct gaps_options *o, struct err *e);

/*
 * What is missing on the way of a base backup and in no range: where a
 * timeline ends before the place at which the next left it. Of base backups
 * before the anchor (`keep` 0: there is none) pgk-prune kept no way.
 */
int gaps_find_breaks(struct gaps *g, int64_t now, int64_t keep,
    struct err *e);

/* excuse.c: take out the faults that are pgk-prune's doing. */
void gaps_excuse(struct gaps *g, const struct gaps_histories *all,
    int64_t now, int64_t keep);

/* The newest usable base backup that ended more than `keep` ago, or NULL. */
const struct gaps_backup *gaps_anchor(const struct gaps *g, int64_t now,
    int64_t keep);

#endif
