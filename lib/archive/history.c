#include <stdlib.h>

#include "archive/archive_int.h"
#include "buf/buf.h"

#define TEXT_MAX ((size_t)1 << 20)

int
archive_history(struct archive *a, uint32_t timeline,
    const struct age_keys *keys, struct lsn_history *out, struct err *e)
{
	const struct lsn_name n = { LSN_HISTORY, timeline, 0, 0 };
	struct buf text = BUF_INIT(TEXT_MAX);
	char name[LSN_NAME_MAX];
	int rc = -1;

	if (timeline == 1) {
		*out = (struct lsn_history){ 1, NULL, 0 };
		return 0;
	}
	lsn_write_name(&n, LSN_SEGMENT_SIZE, name);
	if (archive_get(a, name, keys, false, &text, e) == 0)
		rc = lsn_history_parse(text.data != NULL ? text.data : "",
		    text.len, timeline, out, e);
	buf_free(&text);
	return rc;
}

struct timelines {
	uint32_t *list;
	size_t count;
};

static int
note(void *ctx, const char *leaf, uint64_t size, struct err *e)
{
	struct timelines *t = ctx;
	struct archive_variant v;
	struct archive_file f;
	void *p;

	(void)size;
	if (!archive_parse_leaf(leaf, LSN_SEGMENT_SIZE, &f, &v) ||
	    f.name.kind != LSN_HISTORY)
		return 0;
	if ((p = buf_more(t->list, t->count, sizeof *t->list, e)) == NULL)
		return -1;
	t->list = p;
	t->list[t->count++] = f.name.timeline;
	return 0;
}

/*
 * Of the timelines that left `timeline` at `from` or behind: the newest, or
 * itself, and where the last of them left it, or 0.
 */
static int
look_at_descendants(struct archive *a, uint32_t timeline, uint64_t from,
    const struct age_keys *keys, uint32_t *newest, uint64_t *last,
    struct err *e)
{
	struct timelines t = { NULL, 0 };
	int rc = store_list(a->store, ARCHIVE_FOLDER, note, &t, e);

	*newest = timeline;
	*last = 0;
	for (size_t i = 0; rc == 0 && i < t.count; i++) {
		struct lsn_history h;
		uint64_t left;

		if (t.list[i] <= timeline)
			continue;
		if ((rc = archive_history(a, t.list[i], keys, &h, e)) == -1)
			break;
		left = lsn_history_end(&h, timeline);
		if (left != 0 && left >= from && t.list[i] > *newest)
			*newest = t.list[i];
		if (left >= from && left > *last)
			*last = left;
		lsn_history_free(&h);
	}
	free(t.list);
	return rc;
}

int
archive_newest(struct archive *a, uint32_t timeline, uint64_t from,
    const struct age_keys *keys, uint32_t *newest, struct err *e)
{
	uint64_t last;

	return look_at_descendants(a, timeline, from, keys, newest, &last, e);
}

int
archive_left(struct archive *a, uint32_t timeline,
    const struct age_keys *keys, uint64_t *end, struct err *e)
{
	uint32_t newest;

	return look_at_descendants(a, timeline, 0, keys, &newest, end, e);
}
