#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive_int.h"
#include "buf/buf.h"

struct gather {
	struct archive *a;
	struct archive_list list;
	const char *folder; /* being listed */
};

/* What is no file of ours, or lies in another's place, is passed over. */
static int
note(void *ctx, const char *leaf, uint64_t size, struct err *e)
{
	struct gather *g = ctx;
	struct archive_variant v;
	struct archive_file f;
	size_t len = strlen(g->folder);
	void *p;

	if (!archive_parse_leaf(leaf, g->list.segment_size, &f, &v) ||
	    strncmp(f.object, g->folder, len) != 0 ||
	    f.object[len] != '/' || strcmp(f.object + len + 1, leaf) != 0)
		return 0;
	if ((p = buf_more(g->list.files, g->list.count, sizeof f, e)) == NULL)
		return -1;
	f.stored = size;
	g->list.files = p;
	g->list.files[g->list.count++] = f;
	return 0;
}

static int
list_folder(void *ctx, const char *name, uint64_t size, struct err *e)
{
	struct gather *g = ctx;
	char folder[ARCHIVE_OBJECT];
	int len = snprintf(folder, sizeof folder, ARCHIVE_FOLDER "/%s", name);

	(void)size;
	if (len < 0 || (size_t)len >= sizeof folder)
		return 0;
	g->folder = folder;
	return store_list(g->a->store, folder, note, g, e);
}

/* A history, then segments with their runs, partials and backups. */
static int
compare(const void *a, const void *b)
{
	const struct archive_file *x = a, *y = b;
	bool x_history = x->name.kind == LSN_HISTORY;
	bool y_history = y->name.kind == LSN_HISTORY;

	if (x->name.timeline != y->name.timeline)
		return x->name.timeline < y->name.timeline ? -1 : 1;
	if (x_history != y_history)
		return x_history ? -1 : 1;
	if (x->name.segment != y->name.segment)
		return x->name.segment < y->name.segment ? -1 : 1;
	if (x->name.kind != y->name.kind)
		return x->name.kind < y->name.kind ? -1 : 1;
	if (x->run != y->run)
		return y->run ? -1 : 1;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return strcmp(x->object, y->object);
}

int
archive_list(struct archive *a, uint32_t segment_size,
    struct archive_list *out, struct err *e)
{
	struct gather g = { .a = a, .list = { .segment_size = segment_size } };

	if (segment_size == 0 &&
	    archive_segment_size(a, &g.list.segment_size, e) == -1)
		return -1;
	g.folder = ARCHIVE_FOLDER;
	if (store_list(a->store, ARCHIVE_FOLDER, note, &g, e) == -1 ||
	    store_list_folders(a->store, ARCHIVE_FOLDER, list_folder, &g,
	    e) == -1) {
		archive_list_free(&g.list);
		return -1;
	}
	if (g.list.count > 0)
		qsort(g.list.files, g.list.count, sizeof *g.list.files,
		    compare);
	*out = g.list;
	return 0;
}

void
archive_list_free(struct archive_list *l)
{
	free(l->files);
	l->files = NULL;
	l->count = 0;
}

static int
note_sealed(void *ctx, const char *leaf, uint64_t size, struct err *e)
{
	size_t len = strlen(leaf);

	(void)size;
	(void)e;
	if (strstr(leaf, ".history.") != NULL && len > 4 &&
	    strcmp(leaf + len - 4, ".age") == 0)
		*(bool *)ctx = true;
	return 0;
}

int
archive_history_needs_key(struct archive *a, bool *needs, struct err *e)
{
	*needs = false;
	return store_list(a->store, ARCHIVE_FOLDER, note_sealed, needs, e);
}

int
archive_delete(struct archive *a, const struct archive_file *f,
    struct err *e)
{
	return store_delete(a->store, f->object, e);
}
