/*
 * draft_int: a set being made, as the parts of repo_draft_*() see it.
 */
#ifndef PGK_REPO_DRAFT_INT_H
#define PGK_REPO_DRAFT_INT_H

#include "repo/repo_int.h"

#define REPO_PARTS_MAX (REPO_OBJECTS_MAX + 1) /* the signature */

/* An object or the signature. */
struct repo_part {
	struct repo_item item;
	struct repo_intent intent;
};

struct repo_draft {
	struct repo *r;
	enum repo_kind kind;
	int64_t start;
	char *zone;
	char *stem; /* "" for none */
	char name[REPO_NAME_MAX + 1];
	struct store_lock *work;
	struct repo_part *parts; /* in the order made */
	size_t part_count;
	char json_mark[STORE_MARK_MAX]; /* "" until its put began */
	bool published;
};

/* draft_name.c */

/* A copy without '.', which would end NAME too early; "" for NULL. */
char *repo_draft_stem(const char *stem, struct err *e);

/* Set d->name to the first that is free: no file NAME.*, no folder NAME. */
int repo_draft_choose(struct repo_draft *d, struct err *e);

/* draft.c */

/* A sink for NAME + suffix, after its intent; `locked`: repo_intent_put(). */
struct sink *repo_draft_begin(struct repo_draft *d, const char *suffix,
    bool locked, struct err *e);

/* Remove an object of ours; what is not there or not ours is left. */
int repo_draft_remove(struct repo_draft *d, const char *object,
    const char *mark, struct err *e);

#endif
