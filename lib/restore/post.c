#include "restore/restore_int.h"

/*
 * Post-data: what can be built side by side first, then everything else in
 * the order of the script, where runs of foreign keys are parallel again.
 */

static struct build *
find_build(struct build *builds, size_t count, const struct statement *s,
    size_t *at)
{
	/* both are in the script's order */
	while (*at < count && builds[*at].s < s)
		++*at;
	return *at < count && builds[*at].s == s ? &builds[*at] : NULL;
}

/* The end of a run of foreign keys, comments on constraints among them. */
static size_t
foreign_end(const struct list *post, size_t from, size_t *keys)
{
	size_t i = from;

	for (*keys = 0; i < post->count; i++) {
		if (post->items[i].kind == DEED_FOREIGN)
			*keys += !post->items[i].done;
		else if (post->items[i].kind != DEED_COMMENT_CONSTRAINT)
			break;
	}
	return i;
}

static int
run_rest(struct restore *r, struct list *post, struct build *builds,
    size_t count, struct err *e)
{
	size_t at = 0, keys, end;

	for (size_t i = 0; i < post->count; i++) {
		struct statement *s = &post->items[i];
		struct build *b = find_build(builds, count, s, &at);

		if (s->kind == DEED_FOREIGN && !s->done &&
		    r->session_count > 1) {
			end = foreign_end(post, i, &keys);
			progress_phase(r->progress, "foreign keys");
			if (keys > 1 &&
			    foreign_run(r, post, i, end, e) == -1)
				return -1;
			progress_phase(r->progress, "constraints");
		}
		if (s->done)
			continue;
		if (script_run(r->main, "post-data", b != NULL && b->attach !=
		    NULL ? b->attach : s->text, s->line, false, e) == -1)
			return -1;
		s->done = true;
		progress_add(r->progress, 1);
	}
	return 0;
}

int
post_run(struct restore *r, struct list *post, struct err *e)
{
	struct build *builds = NULL;
	size_t count = 0;
	int rc = build_all(r, post, &builds, &count, e);

	progress_stage(r->progress, "constraints", post->count,
	    PROGRESS_COUNT);
	if (rc == 0)
		rc = run_rest(r, post, builds, count, e);
	build_free(builds, count);
	return rc;
}
