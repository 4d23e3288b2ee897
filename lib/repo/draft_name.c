#include <stdio.h>
#include <string.h>

#include "repo/draft_int.h"
#include "unit/unit.h"

#define NAME_TRIES 99

struct taken {
	const char *name;
	bool yes;
};

static int
note_taken(void *ctx, const char *file, uint64_t size, struct err *e)
{
	struct taken *t = ctx;
	size_t len = strlen(t->name);

	(void)size;
	(void)e;
	if (strncmp(file, t->name, len) == 0 &&
	    (file[len] == '.' || file[len] == '\0'))
		t->yes = true;
	return 0;
}

/* Whether there is a file NAME.* or a folder NAME, whosever: 1, 0, -1. */
static int
is_taken(const struct repo_draft *d, const char *name, struct err *e)
{
	const char *kind = repo_kind_name(d->kind);
	struct taken taken = { name, false };

	if (store_list(d->r->store, kind, note_taken, &taken, e) == -1 ||
	    store_list_folders(d->r->store, kind, note_taken, &taken,
	        e) == -1)
		return -1;
	return taken.yes;
}

/* "STEM_KIND_" before the time, or "KIND_". */
static int
add_head(const struct repo_draft *d, struct buf *b, struct err *e)
{
	const char *kind = repo_kind_name(d->kind);

	if (*d->stem != '\0')
		return buf_fmt(b, e, "%s_%s_", d->stem, kind);
	return buf_fmt(b, e, "%s_", d->kind == REPO_INCREMENTAL ?
	    "basebackup" : kind);
}

int
repo_draft_choose(struct repo_draft *d, struct err *e)
{
	char stamp[UNIT_TEXT_MAX];
	struct buf b = BUF_INIT(REPO_PATH_MAX);
	int rc = -1;

	unit_stamp(d->start, d->zone, stamp);
	for (int i = 1; i <= NAME_TRIES; i++) {
		int taken;

		buf_reset(&b);
		if (add_head(d, &b, e) == -1 ||
		    buf_str(&b, stamp, e) == -1 ||
		    (i > 1 && buf_fmt(&b, e, "_%d", i) == -1))
			goto done;
		if (!repo_is_name(b.data)) {
			err_set(e, ERR_USAGE, "\"%s\" is not fit to name a "
			    "set", b.data);
			goto done;
		}
		if ((taken = is_taken(d, b.data, e)) == -1)
			goto done;
		if (taken == 0) {
			snprintf(d->name, sizeof d->name, "%s", b.data);
			rc = 0;
			goto done;
		}
	}
	err_set(e, ERR_BUSY, "all names like \"%s\" are taken", b.data);
done:
	buf_free(&b);
	return rc;
}

char *
repo_draft_stem(const char *stem, struct err *e)
{
	struct buf b = BUF_INIT(REPO_PATH_MAX);
	int rc = buf_str(&b, "", e);

	for (; rc == 0 && stem != NULL && *stem != '\0'; stem++)
		rc = *stem == '.' ? buf_str(&b, "%2E", e) :
		    buf_byte(&b, *stem, e);
	if (rc == 0)
		return b.data;
	buf_free(&b);
	return NULL;
}
