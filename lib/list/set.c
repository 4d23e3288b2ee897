#include "list/list_int.h"

bool
list_is_encrypted(const struct repo_set *set)
{
	bool all = set->object_count > 0;

	for (size_t i = 0; i < set->object_count; i++)
		all = all && set->objects[i].encrypted;
	return all;
}

int64_t
list_age(const struct repo_set *set, int64_t now)
{
	return now > set->end ? now - set->end : 0;
}

bool
list_is_base(const struct repo_set *set)
{
	return set->kind == REPO_INCREMENTAL && set->method != NULL;
}
