/*
 * list_int: what the forms share.
 */
#ifndef PGK_LIST_INT_H
#define PGK_LIST_INT_H

#include "form/form.h"
#include "list/list.h"

bool list_is_encrypted(const struct repo_set *set);

bool list_is_base(const struct repo_set *set);

/*
 * windows.c: "recoverable: any time from A to B (WAL to LSN of timeline T),
 * gaps: none", a line a window; then what can be restored only as it ended, or
 * not at all.
 */
int list_windows(struct repo_set *const *sets, const struct list_base *bases,
    size_t count, const char *zone, struct sink *out, struct err *e);

/* Seconds since a set's end, 0 for the future. */
int64_t list_age(const struct repo_set *set, int64_t now);

#endif
