/*
 * list_int: what the forms share.
 */
#ifndef PGK_LIST_INT_H
#define PGK_LIST_INT_H

#include "list/list.h"

#define LIST_LINE_MAX ((size_t)16 << 20)

bool list_is_encrypted(const struct repo_set *set);

/* Seconds since a set's end, 0 for the future. */
int64_t list_age(const struct repo_set *set, int64_t now);

#endif
