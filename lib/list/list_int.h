/*
 * list_int: what the forms share.
 */
#ifndef PGK_LIST_INT_H
#define PGK_LIST_INT_H

#include "form/form.h"
#include "list/list.h"

bool list_is_encrypted(const struct repo_set *set);

/* Seconds since a set's end, 0 for the future. */
int64_t list_age(const struct repo_set *set, int64_t now);

#endif
