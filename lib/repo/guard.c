#include <string.h>

#include "repo/repo_int.h"

int
repo_guard(const char *label, const char *what, const char *here,
    const char *allowed, struct err *e)
{
	if (label == NULL || (here != NULL && strcmp(label, here) == 0) ||
	    (allowed != NULL && strcmp(label, allowed) == 0))
		return 0;
	if (here == NULL) {
		err_set(e, ERR_REFUSED, "\"%s\" is of environment \"%s\", and "
		    "that of the target is not known", what, label);
		return err_hint(e, "say it by --environment, or by "
		    "environment under [server] in pgk.conf; "
		    "--allow-environment %s restores it anyway", label);
	}
	err_set(e, ERR_REFUSED, "\"%s\" is of environment \"%s\", the target "
	    "is of \"%s\"", what, label, here);
	return err_hint(e, "--allow-environment %s restores it anyway", label);
}

void
repo_blame(const struct repo_set *set, const struct age_keys *keys,
    struct err *e)
{
	for (size_t i = 0; e->kind == ERR_KEY && keys != NULL &&
	    i < set->recipient_count; i++)
		if (age_is_ours(keys, set->recipients[i])) {
			err_clear(e);
			err_set(e, ERR_CORRUPT, "its age header is damaged");
		}
}
