#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "restore/restore_int.h"
#include "stop/stop.h"

/*
 * Indexes are what takes longest after the rows, and they can be built side
 * by side, also those of one table. ADD PRIMARY KEY and ADD UNIQUE would lock
 * the others out: for an ordinary table of some size with more to build they
 * are split (deed_split_unique()), and the constraint is added, in its turn,
 * on the index that is there. Counting the rows goes along.
 */
#define SPLIT_BYTES ((uint64_t)1 << 20)

/* Memory for sorting, a worker: a bound for all, within bounds for each. */
#define BUILD_MEMORY_ALL 1024u /* MB */
#define BUILD_MEMORY_MIN 64u
#define BUILD_MEMORY_MAX 256u

struct job {
	struct build *build; /* or */
	struct count *count;
	uint64_t bytes;
	size_t order;
};

struct building {
	struct restore *r;
	struct job *jobs;
	size_t count, next;
	unsigned memory;
};

static int
larger_first(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/*
 * It may need something that comes before it in the script: a function made
 * late, a lock. Its turn will come.
 */
static bool
may_wait(const char *state)
{
	return strncmp(state, "42", 2) == 0 || strcmp(state, "40P01") == 0 ||
	    strcmp(state, "55P03") == 0;
}

static int
build_one(struct pg *c, struct build *b, struct err *e)
{
	struct buf index = BUF_INIT(SQLTEXT_STATEMENT_MAX);
	struct buf attach = BUF_INIT(SQLTEXT_STATEMENT_MAX);
	const char *sql = b->s->text;
	int rc = 0;

	if (b->s->kind == DEED_UNIQUE && b->plain && !b->alone &&
	    b->bytes >= SPLIT_BYTES &&
	    (rc = deed_split_unique(sql, &index, &attach, e)) == 1)
		sql = index.data;
	if (rc == -1)
		goto done;
	if ((rc = pg_exec(c, sql, e)) == -1 && e->kind == ERR_PG &&
	    may_wait(pg_sqlstate(c))) {
		err_clear(e);
		b->later = true;
		rc = 0;
	} else if (rc == -1 && e->kind == ERR_PG) {
		char excerpt[DEED_EXCERPT];

		err_prefix(e, "statement at line %llu of post-data: %s",
		    (unsigned long long)b->s->line,
		    deed_excerpt(b->s->text, excerpt));
	} else if (rc == 0 && sql == index.data) {
		b->attach = attach.data;
		attach.data = NULL;
	} else if (rc == 0) {
		b->s->done = true;
	}
done:
	buf_free(&attach);
	buf_free(&index);
	return rc;
}

/*
 * Memory only upwards. A build of our own keeps every worker busy: more
 * processes for each would share its memory, spill and merge.
 */
static int
set_up(struct pg *c, const struct building *x, struct err *e)
{
	unsigned mb = x->memory;
	char sql[160];

	if (x->r->session_count > 1 && x->count > 1 &&
	    pg_exec(c, "SET max_parallel_maintenance_workers = 0", e) == -1)
		return -1;
	snprintf(sql, sizeof sql, "SELECT set_config('maintenance_work_mem', "
	    "'%uMB', false) WHERE (SELECT setting::bigint FROM pg_settings "
	    "WHERE name = 'maintenance_work_mem') < %u", mb, mb * 1024);
	return pg_exec(c, sql, e);
}

static int
work(void *ctx, struct pg *c, struct err *e)
{
	struct building *x = ctx;
	const char *tablespace = NULL;
	int rc = set_up(c, x, e);
	size_t i;

	while (rc == 0 && (i = crew_next(x->r, &x->next, x->count)) <
	    x->count) {
		struct job *j = &x->jobs[i];

		if (j->count != NULL) {
			rc = catalog_count(c, j->count, e);
		} else if (j->build->tablespace != tablespace) {
			tablespace = j->build->tablespace;
			rc = pg_exec(c, tablespace, e);
		}
		if (rc == 0 && j->build != NULL)
			rc = build_one(c, j->build, e);
		progress_add(x->r->progress, 1);
	}
	return rc;
}

/* what there is to build */

/* The index or key, if its table is there already. */
static int
add_build(struct build *b, struct statement *s, const char *tablespace,
    const struct catalog *k, struct err *e)
{
	struct relation rel;
	struct deed d;

	deed_of(s->text, &d);
	if (!catalog_find(k, d.schema, d.name, &rel))
		return 0; /* a view of post-data, or what we do not know */
	*b = (struct build){ .s = s, .tablespace = tablespace,
		.bytes = rel.bytes, .plain = rel.kind == 'r' };
	b->schema = strdup(d.schema);
	b->name = strdup(d.name);
	if (b->schema == NULL || b->name == NULL) {
		free(b->schema);
		free(b->name);
		return err_nomem(e);
	}
	return 1;
}

/*
 * SET default_tablespace stands before the statements it is meant for;
 * nothing of it is a tablespace named ''.
 */
static int
list_builds(struct list *post, const struct catalog *k, struct build *builds,
    size_t *count, struct err *e)
{
	const char *tablespace = "SET default_tablespace = ''";

	for (size_t i = 0; i < post->count; i++) {
		struct statement *s = &post->items[i];
		struct deed d;
		int rc = 0;

		if (s->done) {
			continue; /* not of the tables of -t */
		} else if (s->kind == DEED_SET) {
			deed_of(s->text, &d);
			if (strcmp(d.name, "default_tablespace") == 0)
				tablespace = s->text;
		} else if (s->kind == DEED_INDEX || s->kind == DEED_UNIQUE) {
			rc = add_build(&builds[*count], s, tablespace, k, e);
		}
		if (rc == -1)
			return -1;
		*count += rc == 1;
	}
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct build *const *x = a, *const *y = b;
	int d = strcmp((*x)->schema, (*y)->schema);

	return d != 0 ? d : strcmp((*x)->name, (*y)->name);
}

static int
mark_alone(struct build *builds, size_t count, struct err *e)
{
	struct build **sorted = calloc(count + 1, sizeof *sorted);

	if (sorted == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < count; i++)
		sorted[i] = &builds[i];
	qsort(sorted, count, sizeof *sorted, by_name);
	for (size_t i = 0; i < count; i++)
		sorted[i]->alone =
		    (i == 0 || by_name(&sorted[i - 1], &sorted[i]) != 0) &&
		    (i + 1 == count ||
		    by_name(&sorted[i], &sorted[i + 1]) != 0);
	free(sorted);
	return 0;
}

static int
list_jobs(struct building *x, struct build *builds, size_t build_count,
    struct count *counts, size_t count_count, struct err *e)
{
	x->jobs = calloc(build_count + count_count + 1, sizeof *x->jobs);
	if (x->jobs == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < build_count; i++)
		x->jobs[x->count++] = (struct job){ .build = &builds[i],
			.bytes = builds[i].bytes, .order = i };
	for (size_t i = 0; i < count_count; i++)
		x->jobs[x->count++] = (struct job){ .count = &counts[i],
			.bytes = counts[i].bytes, .order = build_count + i };
	qsort(x->jobs, x->count, sizeof *x->jobs, larger_first);
	return 0;
}

static unsigned
share(unsigned jobs)
{
	unsigned mb = BUILD_MEMORY_ALL / jobs;

	return mb < BUILD_MEMORY_MIN ? BUILD_MEMORY_MIN :
	    mb > BUILD_MEMORY_MAX ? BUILD_MEMORY_MAX : mb;
}

int
build_all(struct restore *r, struct list *post, struct build **builds,
    size_t *count, struct err *e)
{
	struct building x = { .r = r, .memory = share(r->o->jobs) };
	struct catalog *k = catalog_read(r->main, e);
	struct count *counts = NULL;
	size_t n = 0;
	int rc = -1;

	*count = 0;
	if ((*builds = calloc(post->count + 1, sizeof **builds)) == NULL)
		err_nomem(e);
	if (k == NULL || *builds == NULL ||
	    list_builds(post, k, *builds, count, e) == -1 ||
	    mark_alone(*builds, *count, e) == -1 ||
	    catalog_counts(r, k, &counts, &n, e) == -1 ||
	    list_jobs(&x, *builds, *count, counts, n, e) == -1)
		goto done;
	progress_stage(r->progress, "indexes", x.count, PROGRESS_COUNT);
	rc = x.count == 0 ? 0 : crew_run(r, work, &x, e);
	if (rc == 0)
		rc = stop_check(e);
done:
	free(x.jobs);
	free(counts);
	catalog_free(k);
	return rc;
}

void
build_free(struct build *builds, size_t count)
{
	for (size_t i = 0; builds != NULL && i < count; i++) {
		free(builds[i].schema);
		free(builds[i].name);
		free(builds[i].attach);
	}
	free(builds);
}
