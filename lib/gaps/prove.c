#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gaps/gaps_int.h"
#include "progress/progress.h"
#include "stop/stop.h"
#include "task/task.h"

#define STORED_MIN 20 /* less is no gzip, no zstd and no age file */

struct prover {
	struct gaps *g;
	struct archive *a;
	struct archive_list *l;
	const struct age_keys *keys;
	struct progress *progress;
	pthread_mutex_t lock; /* of all below, and of g's faults */
	size_t next;
	bool *bad; /* by place in the list */
};

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* What the size alone tells, or NULL. */
static const char *
wrong_size(const struct archive_list *l, const struct archive_file *f)
{
	bool packed = ends_with(f->object, ".gz") ||
	    ends_with(f->object, ".zst") || ends_with(f->object, ".age");
	bool whole = f->name.kind == LSN_SEGMENT ||
	    f->name.kind == LSN_PARTIAL;
	uint64_t want = f->run ? f->end - f->begin : l->segment_size;

	if (packed)
		return f->stored < STORED_MIN ? "it is cut off" : NULL;
	return whole && f->stored != want ? "it has not the size of a segment"
	    : NULL;
}

static int
note_bad(struct prover *p, size_t i, const char *text, struct err *e)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	p->bad[i] = true;
	rc = gaps_add_fault(p->g, ERR_CORRUPT, &p->l->files[i].name, text,
	    e);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static int
look_at_sizes(struct prover *p, struct err *e)
{
	for (size_t i = 0; i < p->l->count; i++) {
		const struct archive_file *f = &p->l->files[i];
		const char *what = wrong_size(p->l, f);
		struct err text = ERR_INIT;

		if (what == NULL)
			continue;
		err_set(&text, ERR_CORRUPT, "\"%s\": %s", f->object, what);
		if (note_bad(p, i, text.text, e) == -1)
			return -1;
	}
	return 0;
}

/* The next to be read; the list's end when there is none. */
static size_t
take(struct prover *p)
{
	size_t i;

	pthread_mutex_lock(&p->lock);
	while (p->next < p->l->count && p->bad[p->next])
		p->next++;
	i = p->next < p->l->count ? p->next++ : p->l->count;
	pthread_mutex_unlock(&p->lock);
	return i;
}

static int
work(void *ctx, unsigned worker, struct err *e)
{
	struct prover *p = ctx;
	size_t i;

	(void)worker;
	while ((i = take(p)) < p->l->count) {
		struct err why = ERR_INIT;

		if (stop_check(e) == -1)
			return -1;
		progress_add(p->progress, p->l->files[i].stored);
		if (archive_check(p->a, &p->l->files[i], p->keys, &why) == 0)
			continue;
		if (why.kind == ERR_ABSENT) /* deleted meanwhile */
			p->bad[i] = true;
		else if (why.kind != ERR_CORRUPT)
			return err_pass(e, &why);
		else if (note_bad(p, i, why.text, e) == -1)
			return -1;
	}
	return 0;
}

static void
abandon(void *ctx)
{
	struct prover *p = ctx;

	pthread_mutex_lock(&p->lock);
	p->next = p->l->count;
	pthread_mutex_unlock(&p->lock);
}

static int
read_all(struct prover *p, unsigned threads, struct err *e)
{
	uint64_t total = 0;
	int rc;

	for (size_t i = 0; i < p->l->count; i++)
		total += p->l->files[i].stored;
	p->progress = progress_new("check", total, PROGRESS_BYTES);
	rc = task_crowd(threads, work, abandon, p, e);
	progress_free(p->progress);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	const struct gaps_fault *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->text, y->text);
}

int
gaps_prove(struct gaps *g, struct archive *a, struct archive_list *l,
    const struct gaps_options *o, struct err *e)
{
	struct prover p = { .g = g, .a = a, .l = l, .keys = o->keys };
	size_t kept = 0;
	int rc = -1;

	if ((p.bad = calloc(l->count + 1, sizeof *p.bad)) == NULL)
		return err_nomem(e);
	pthread_mutex_init(&p.lock, NULL);
	if (look_at_sizes(&p, e) == 0 &&
	    (o->fast || read_all(&p, o->threads, e) == 0)) {
		for (size_t i = 0; i < l->count; i++)
			if (!p.bad[i])
				l->files[kept++] = l->files[i];
		l->count = kept;
		if (g->fault_count > 0)
			qsort(g->faults, g->fault_count, sizeof *g->faults,
			    by_name);
		rc = 0;
	}
	pthread_mutex_destroy(&p.lock);
	free(p.bad);
	return rc;
}
