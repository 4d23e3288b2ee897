#include <stdlib.h>

#include "recover/recover_int.h"

struct view {
	struct codec_map *map;
	struct blob *blob;      /* with `view` */
	struct codec_view *view; /* NULL: not open */
	uint64_t used;          /* when last, by view_clock */
	bool held;              /* not to be closed */
};

static struct view *
view_of(struct recover *r, unsigned set, uint32_t space, struct err *e)
{
	if (r->views == NULL && (r->views = calloc(r->chain_count *
	    r->space_count, sizeof *r->views)) == NULL) {
		err_nomem(e);
		return NULL;
	}
	return &r->views[(set - 1) * r->space_count + space];
}

struct codec_map *
view_map(struct recover *r, unsigned set, uint32_t space, struct err *e)
{
	struct view *v = view_of(r, set, space, e);

	if (v != NULL && v->map == NULL)
		v->map = codec_map_new(e);
	return v == NULL ? NULL : v->map;
}

static void
close_view(struct recover *r, struct view *v)
{
	if (v->view == NULL)
		return;
	codec_view_free(v->view);
	blob_free(v->blob);
	v->view = NULL;
	v->blob = NULL;
	r->views_open--;
}

/* The one that was not used for longest. */
static void
close_one(struct recover *r)
{
	struct view *oldest = NULL;

	for (size_t i = 0; i < r->chain_count * r->space_count; i++) {
		struct view *v = &r->views[i];

		if (v->view != NULL && !v->held && (oldest == NULL ||
		    v->used < oldest->used))
			oldest = v;
	}
	if (oldest != NULL)
		close_view(r, oldest);
}

/* Memory for one block more in each is for a few of them only. */
static void
look_less_ahead(struct recover *r)
{
	for (size_t i = 0; r->views_open > VIEWS_AHEAD &&
	    i < r->chain_count * r->space_count; i++)
		if (r->views[i].view != NULL)
			codec_view_alone(r->views[i].view);
}

static int
open_view(struct recover *r, struct view *v, unsigned set, uint32_t space,
    struct err *e)
{
	if (r->views_open == VIEWS_MAX)
		close_one(r);
	if ((v->blob = r->reopen(r, set, space, e)) == NULL)
		return -1;
	if ((v->view = codec_view_new(v->blob, v->map, e)) == NULL) {
		blob_free(v->blob);
		v->blob = NULL;
		return -1;
	}
	r->views_open++;
	look_less_ahead(r);
	return 0;
}

/* The view, open; NULL with *e. */
static struct view *
open_of(struct recover *r, unsigned set, uint32_t space, struct err *e)
{
	struct view *v = view_of(r, set, space, e);

	if (v == NULL || (v->view == NULL && open_view(r, v, set, space,
	    e) == -1))
		return NULL;
	v->used = ++r->view_clock;
	return v;
}

int
view_hold(struct recover *r, unsigned set, uint32_t space, bool hold,
    struct err *e)
{
	struct view *v = view_of(r, set, space, e);

	if (v != NULL)
		v->held = hold;
	return v == NULL ? -1 : 0;
}

static int
blame(const struct recover *r, unsigned set, struct err *e)
{
	return err_prefix(e, "an archive of \"%s\"",
	    r->chain[r->chain_count - set]->name);
}

int
view_at(struct recover *r, unsigned set, uint32_t space, uint64_t off,
    const void **data, size_t *len, struct err *e)
{
	struct view *v = open_of(r, set, space, e);

	if (v == NULL)
		return -1;
	return codec_view_at(v->view, off, data, len, e) == 0 ? 0 :
	    blame(r, set, e);
}

int
view_size(struct recover *r, unsigned set, uint32_t space, uint64_t *size,
    struct err *e)
{
	struct view *v = open_of(r, set, space, e);

	if (v == NULL)
		return -1;
	return codec_view_size(v->view, size, e) == 0 ? 0 : blame(r, set, e);
}

void
view_free(struct recover *r)
{
	for (size_t i = 0; r->views != NULL &&
	    i < r->chain_count * r->space_count; i++) {
		close_view(r, &r->views[i]);
		codec_map_free(r->views[i].map);
	}
	free(r->views);
	r->views = NULL;
}
