/* The brake for a source that has lost what it had. */
#include <stdio.h>
#include <string.h>

#include "prune/prune_int.h"

/* Whether both are of one series, whose sizes can be compared. */
static bool
is_alike(const struct repo_set *a, const struct repo_set *b)
{
	if (a->kind == REPO_INCREMENTAL)
		return a->parent == NULL && b->parent == NULL;
	if (a->kind == REPO_SNAPSHOT)
		return true;
	if (a->database_count != 1 || b->database_count != 1)
		return a->database_count == b->database_count;
	return strcmp(a->databases[0].name, b->databases[0].name) == 0;
}

/* The next older or (step 1) newer one of the series; count if none is. */
static size_t
next_alike(const struct repo_list *list, size_t i, int step)
{
	const struct repo_set *set = list->sets[i];

	for (size_t k = i + (size_t)step; k < list->count; k += (size_t)step)
		if (is_alike(set, list->sets[k]))
			return k;
	return list->count;
}

bool
prune_shrunken(const struct repo_list *list,
    char reason[PRUNE_REASON])
{
	for (size_t i = list->count; i-- > 0;) {
		const struct repo_set *set = list->sets[i];
		char now[UNIT_TEXT_MAX], then[UNIT_TEXT_MAX];
		uint64_t before;
		size_t k;

		if ((set->kind == REPO_INCREMENTAL && set->parent != NULL) ||
		    next_alike(list, i, 1) < list->count ||
		    (k = next_alike(list, i, -1)) == list->count)
			continue;
		before = repo_set_plain(list->sets[k]);
		if (repo_set_plain(set) >= before / 2)
			continue;
		snprintf(reason, PRUNE_REASON,
		    "%.80s has %s, the one before it %s", set->name,
		    unit_size(repo_set_plain(set), now),
		    unit_size(before, then));
		return true;
	}
	return false;
}
