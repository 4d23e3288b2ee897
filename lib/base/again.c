#include "base/again.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/files.h"
#include "base/session.h"
#include "log/log.h"
#include "stop/stop.h"
#include "tar/tar.h"

#define TRIES 5
#define NAP_MS 20 /* from one to the next */

struct read {
	unsigned char page[PAGE_SIZE_PG];
	bool whole;
};

static int
keep(void *ctx, size_t number, const void *data, size_t len, struct err *e)
{
	struct read *r = ctx;

	(void)number;
	(void)e;
	r->whole = data != NULL && len == PAGE_SIZE_PG;
	if (r->whole)
		memcpy(r->page, data, len);
	return 0;
}

static int
ask(struct base_again *a, const char *path, uint32_t block, struct read *r,
    struct err *e)
{
	struct base_part part = { .offset = (uint64_t)block * PAGE_SIZE_PG,
		.len = PAGE_SIZE_PG };
	const char *slash = strrchr(path, '/');
	char folder[TAR_PATH_MAX + 8];

	if (slash == NULL)
		return err_set(e, ERR_PG, "\"%.200s\" is in no folder", path);
	snprintf(folder, sizeof folder, "./%.*s", (int)(slash - path), path);
	part.name = slash + 1;
	log_debug("reading block %u of \"%s\" again", block, path);
	if (a->pg == NULL &&
	    (a->pg = base_session_open(a->target, a->system, e)) == NULL)
		return -1;
	return base_files_read(a->pg, folder, &part, 1, keep, r, e);
}

static int
give_up(struct base_again *a, const struct err *why, struct err *e)
{
	if (stop_requested() != 0 || why->kind == ERR_NOMEM)
		return err_pass(e, why);
	log_info("pages are not read again: %s", why->text);
	a->failed = true;
	return 0;
}

int
base_again(struct base_again *a, const char *path, const struct page_file *f,
    uint32_t block, void *page, bool *good, struct err *e)
{
	const uint32_t number = f->segment * PAGE_SEGMENT + block;
	const struct timespec nap = { 0, NAP_MS * 1000000L };

	*good = false;
	if (a->wrong == BASE_AGAIN_MAX)
		return 0;
	for (int i = 0; i < TRIES && !*good && !a->failed; i++) {
		struct err why = ERR_INIT;
		struct read r;

		if (i > 0)
			nanosleep(&nap, NULL);
		if (ask(a, path, block, &r, &why) == -1)
			return give_up(a, &why, e);
		/* a file that is gone is as good as any: replay drops it */
		*good = !r.whole || page_is_good(r.page, number, a->start);
		if (r.whole && page != NULL)
			memcpy(page, r.page, PAGE_SIZE_PG);
	}
	a->wrong += !*good;
	return 0;
}

void
base_again_free(struct base_again *a)
{
	pg_close(a->pg);
	a->pg = NULL;
}
