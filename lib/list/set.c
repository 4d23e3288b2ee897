#include <string.h>

#include "list/list_int.h"

/* The next base backup reads these and has no key: they are always plain. */
static bool
is_helper(const struct repo_object *o)
{
	return strcmp(o->role, "manifest") == 0 ||
	    strcmp(o->role, "blocks") == 0;
}

bool
list_is_encrypted(const struct repo_set *set)
{
	bool all = set->object_count > 0;

	for (size_t i = 0; i < set->object_count; i++)
		all = all && (set->objects[i].encrypted ||
		    (list_is_base(set) && is_helper(&set->objects[i])));
	return all;
}

int64_t
list_age(const struct repo_set *set, int64_t now)
{
	return now > set->end ? now - set->end : 0;
}

bool
list_is_same_way(const struct list_base *a, const struct list_base *b)
{
	return a->wal == LIST_WAL_ON && b->wal == LIST_WAL_ON &&
	    a->to == b->to && a->to_timeline == b->to_timeline;
}

bool
list_reaches(const struct list_base *b, int64_t from, int64_t *to)
{
	if (b->wal == LIST_WAL_ON)
		return archive_last_second(&b->last, from, to);
	*to = from;
	return b->wal == LIST_WAL_POINT;
}

bool
list_is_base(const struct repo_set *set)
{
	return set->kind == REPO_INCREMENTAL && set->method != NULL;
}
