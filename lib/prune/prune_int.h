/*
 * prune_int: what the parts of the room share.
 */
#ifndef PGK_PRUNE_INT_H
#define PGK_PRUNE_INT_H

#include "prune/prune.h"
#include "unit/unit.h"

/* judge.c */

void prune_keep(struct prune_decision *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Whole hours, and of two days on whole days: "34d", not "34d3h7m1s". */
const char *prune_age_text(int64_t age, char out[UNIT_TEXT_MAX]);

/*
 * chain.c: prune_judge() for base backups, `out` judged by age already. -1:
 * no memory.
 */
int prune_judge_chains(const struct repo_list *list,
    const struct prune_rule *rule, struct prune_decision *out);

#endif
