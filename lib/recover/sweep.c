#include <stdio.h>
#include <string.h>

#include "recover/recover_int.h"

struct sweep {
	const struct recover *r;
	uint32_t space;
};

static bool
is_link(const struct recover *r, const char *path)
{
	char link[40];

	for (size_t i = 1; i < r->space_count; i++) {
		snprintf(link, sizeof link, "pg_tblspc/%u", r->spaces[i].oid);
		if (strcmp(path, link) == 0)
			return true;
	}
	return false;
}

static bool
keep(void *ctx, const char *path)
{
	const struct sweep *s = ctx;

	if (files_find(&s->r->files, s->space, path) != NULL)
		return true;
	return s->space == 0 && (strcmp(path, RECOVER_MARK) == 0 ||
	    is_link(s->r, path));
}

int
sweep(struct recover *r, struct err *e)
{
	for (uint32_t i = 0; i < r->space_count; i++) {
		struct sweep s = { r, i };

		if (walk_empty(r->spaces[i].fd, keep, &s, e) == -1)
			return err_prefix(e, "\"%s\"", r->spaces[i].path);
	}
	return 0;
}
