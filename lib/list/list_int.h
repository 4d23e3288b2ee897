/*
 * list_int: what the forms share.
 */
#ifndef PGK_LIST_INT_H
#define PGK_LIST_INT_H

#include "form/form.h"
#include "list/list.h"

bool list_is_encrypted(const struct repo_set *set);

bool list_is_base(const struct repo_set *set);

/* Whether the same WAL leads on from both. */
bool list_is_same_way(const struct list_base *a, const struct list_base *b);

/*
 * The last second that a recovery to a time reaches, at least `from` (when the
 * set ended: then none behind that). False: it is not known.
 */
bool list_reaches(const struct list_base *b, int64_t from, int64_t *to);

/*
 * windows.c: "recoverable: any time from A to B (WAL to LSN, timeline T), gaps:
 * none", a line a window; then what can be restored only as it ended, or not
 * at all.
 */
int list_windows(struct repo_set *const *sets, const struct list_base *bases,
    size_t count, const char *zone, struct sink *out, struct err *e);

/* Seconds since a set's end, 0 for the future. */
int64_t list_age(const struct repo_set *set, int64_t now);

#endif
