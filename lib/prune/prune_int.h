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
 * False when nothing of a kind may go: a set is dated in the future, or the
 * newest is older than `keep` and a day (prune_judge()).
 */
bool prune_clock(const struct repo_list *list, int64_t now, int64_t keep,
    char reason[PRUNE_REASON]);

/*
 * chain.c: prune_judge() for base backups, `out` judged by age already. -1:
 * no memory.
 */
int prune_judge_chains(const struct repo_list *list,
    const struct prune_rule *rule, struct prune_decision *out);

/* sets.c */

/* A kind's sets, and which of them went in this run. */
struct prune_sets {
	struct repo_list list;
	bool *gone; /* NULL: none */
	bool loaded;
};

/* Clean up after killed runs, judge, delete. *out is filled as far as known. */
int prune_sets(const struct prune_options *o, struct repo *r,
    enum repo_kind kind, int64_t wal_keep, struct prune_sets *out,
    struct err *e);

/* Read the sets of kind `of`, whose damage keeps `kind` from being pruned. */
int prune_load(struct repo *r, enum repo_kind kind, enum repo_kind of,
    struct prune_sets *out, struct err *e);
void prune_sets_free(struct prune_sets *s);

/* Whether somebody reads the set now. */
bool prune_is_read(struct repo *r, const struct repo_set *set);

/* ERR_REFUSED "nothing of kind ... was deleted: WHY". Returns -1. */
int prune_refuse(enum repo_kind kind, const char *why, const char *hint,
    struct err *e);
#define PRUNE_CLOCK_HINT "check the clock, and that backups are made"
#define PRUNE_SHRUNKEN_HINT "look for what is missing; --allow-shrunken " \
    "goes on all the same"

/*
 * walrun.c: judge the WAL by the base backups (loaded here if they are not)
 * and delete.
 */
int prune_wal(const struct prune_options *o, struct repo *r,
    struct archive *archive, const struct archive_list *wal,
    struct prune_sets *bases, struct err *e);

#endif
