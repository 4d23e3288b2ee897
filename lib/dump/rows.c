#include <stdlib.h>
#include <string.h>

#include "dump/dump_int.h"
#include "sqltext/sqltext.h"
#include "stop/stop.h"
#include "task/task.h"

/* One thing a worker does next. */
struct job {
	enum { JOB_NONE, JOB_DATA, JOB_POST, JOB_ROWS } what;
	struct dump_table *table;
	uint64_t from, to; /* blocks; to = 0: to the end */
	bool whole;
};

static uint64_t
blocks(const struct dump_table *t)
{
	return t->bytes / DUMP_PAGE;
}

/* The next range of the largest table not yet done. */
static bool
next_range(struct dump_run *r, struct job *j)
{
	struct dump_table *t;

	while (r->next_table < r->table_count &&
	    !r->tables[r->next_table].ours)
		r->next_table++;
	if (r->next_table == r->table_count)
		return false;
	t = &r->tables[r->next_table];
	*j = (struct job){ JOB_ROWS, t, r->next_block, 0, false };
	j->whole = !r->split || !t->heap || blocks(t) <= DUMP_RANGE;
	if (!j->whole && r->next_block + DUMP_RANGE < blocks(t)) {
		j->to = r->next_block += DUMP_RANGE;
		return true;
	}
	/* the last range has no end: rows may have come since we looked */
	r->next_table++;
	r->next_block = 0;
	return true;
}

/*
 * pg_dump's own sections come first: they wait in a pipe, and large objects
 * may take long.
 */
static struct job
next_job(struct dump_run *r)
{
	struct job j = { .what = JOB_NONE };

	pthread_mutex_lock(&r->lock);
	if (r->failed) {
		/* nothing */
	} else if (r->data != NULL && !r->data_taken) {
		r->data_taken = true;
		j.what = JOB_DATA;
	} else if (r->post != NULL && !r->post_taken) {
		r->post_taken = true;
		j.what = JOB_POST;
	} else {
		next_range(r, &j);
	}
	pthread_mutex_unlock(&r->lock);
	return j;
}

static int
select_sql(const struct job *j, struct buf *sql, struct err *e)
{
	const struct dump_table *t = j->table;
	const char *columns = t->columns ? t->columns : "";

	if (j->whole && t->columns != NULL) {
		if (buf_str(sql, "COPY ", e) == -1 ||
		    sqltext_quote2(sql, t->schema, t->name, e) == -1)
			return -1;
		return buf_fmt(sql, e, " (%s) TO STDOUT", columns);
	}
	if (buf_fmt(sql, e, "COPY (SELECT %s FROM ONLY ", columns) == -1 ||
	    sqltext_quote2(sql, t->schema, t->name, e) == -1)
		return -1;
	if (!j->whole && buf_fmt(sql, e, " WHERE ctid >= '(%llu,0)'",
	    (unsigned long long)j->from) == -1)
		return -1;
	if (j->to != 0 && buf_fmt(sql, e, " AND ctid < '(%llu,0)'",
	    (unsigned long long)j->to) == -1)
		return -1;
	return buf_str(sql, ") TO STDOUT", e);
}

static int
copy_head(const struct dump_table *t, struct buf *head, struct err *e)
{
	if (buf_str(head, "COPY ", e) == -1 || sqltext_quote2(head,
	    t->root_schema ? t->root_schema : t->schema,
	    t->root_name ? t->root_name : t->name, e) == -1)
		return -1;
	if (t->columns != NULL && buf_fmt(head, e, " (%s)", t->columns) == -1)
		return -1;
	return buf_str(head, " FROM stdin;\n", e);
}

static int
end_piece(struct piece_maker *m, uint64_t rows, size_t head, struct err *e)
{
	if (piece_write(m, "\\.\n", 3, e) == -1)
		return -1;
	return piece_put(m, rows, (uint32_t)head, e);
}

/* The rows of a range, cut at rows into pieces that are COPYs of their own. */
static int
copy_rows(struct dump_run *r, struct pg *c, struct piece_maker *m,
    const struct job *j, const struct buf *head, struct err *e)
{
	struct piece spec = { .kind = PIECE_COPY,
		.database = (unsigned)r->number, .schema = j->table->schema,
		.table = j->table->name };
	uint64_t rows = 0, in_piece = 0;
	const char *data;
	size_t len;

	for (;;) {
		if (pg_copy_next(c, &data, &len, &rows, e) == -1)
			return -1;
		if (in_piece > 0 && (data == NULL ||
		    piece_size(m) + len > PIECE_PLAIN)) {
			if (end_piece(m, in_piece, head->len, e) == -1)
				return -1;
			in_piece = 0;
		}
		if (data == NULL)
			break;
		if (in_piece == 0 && (piece_begin(m, &spec, e) == -1 ||
		    piece_write(m, head->data, head->len, e) == -1))
			return -1;
		if (piece_write(m, data, len, e) == -1)
			return -1;
		in_piece++;
	}
	pthread_mutex_lock(&r->lock);
	j->table->rows += rows;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

/*
 * Our own lock on the table stands already; asking again must not wait
 * behind someone who waits for it: that would be a deadlock the server cannot
 * see.
 */
static int
lock_again(struct pg *c, const struct dump_table *t, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_str(&sql, "LOCK TABLE ONLY ", e) == 0 &&
	    sqltext_quote2(&sql, t->schema, t->name, e) == 0 &&
	    buf_str(&sql, " IN ACCESS SHARE MODE NOWAIT", e) == 0)
		rc = pg_exec(c, sql.data, e);
	if (rc == -1 && strcmp(pg_sqlstate(c), "55P03") == 0)
		err_hint(e, "another session waits to change this table; "
		    "run the dump again");
	buf_free(&sql);
	return rc;
}

static int
copy_table(struct dump_run *r, struct pg *c, struct piece_maker *m,
    const struct job *j, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX), head = BUF_INIT(BUF_TEXT_MAX);
	uint64_t done = j->to != 0 ? j->to : blocks(j->table);
	int rc = -1;

	if (select_sql(j, &sql, e) == 0 &&
	    copy_head(j->table, &head, e) == 0 &&
	    lock_again(c, j->table, e) == 0 &&
	    pg_copy_out(c, sql.data, e) == 0)
		rc = copy_rows(r, c, m, j, &head, e);
	if (rc == -1)
		err_prefix(e, "could not copy table \"%s\".\"%s\"",
		    j->table->schema, j->table->name);
	else if (done > j->from)
		progress_add(r->progress, (done - j->from) * DUMP_PAGE);
	buf_free(&head);
	buf_free(&sql);
	return rc;
}

static int
run_job(struct dump_run *r, struct pg *c, struct piece_maker *m,
    const struct job *j, struct err *e)
{
	switch (j->what) {
	case JOB_DATA:
		return dump_section_read(r, r->data, DUMP_DATA, m, NULL, e);
	case JOB_POST:
		return dump_section_read(r, r->post, DUMP_POST, r->post_maker,
		    NULL, e);
	default:
		return copy_table(r, c, m, j, e);
	}
}

static int
worker(void *ctx, unsigned number, struct err *e)
{
	struct dump_run *r = ctx;
	struct pg *c = r->sessions[number];
	struct piece_maker *m = piece_maker_new(r->writer, e);
	int rc = m == NULL ? -1 : 0;

	while (rc == 0) {
		struct job j = next_job(r);

		if (j.what == JOB_NONE)
			break;
		if ((rc = stop_check(e)) == 0)
			rc = run_job(r, c, m, &j, e);
	}
	piece_maker_free(m);
	return rc;
}

/* One failed: nobody begins anything, and nobody waits for the server. */
static void
worker_failed(void *ctx)
{
	struct dump_run *r = ctx;

	pthread_mutex_lock(&r->lock);
	r->failed = true;
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->o->jobs; i++)
		if (r->sessions[i] != NULL)
			pg_interrupt(r->sessions[i]);
}

static struct pg *
open_session(struct dump_run *r, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct pg *c = pg_connect(r->target, e);
	int rc = -1;

	if (c != NULL && dump_settle(c, e) == 0 &&
	    buf_str(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
	    "SET TRANSACTION SNAPSHOT ", e) == 0 &&
	    sqltext_literal(&sql, r->snapshot, e) == 0)
		rc = pg_exec(c, sql.data, e);
	buf_free(&sql);
	if (rc == -1) {
		pg_close(c);
		return NULL;
	}
	return c;
}

static int
note_tables(struct dump_run *r, const char *database, struct err *e)
{
	for (size_t i = 0; i < r->table_count; i++) {
		const struct dump_table *t = &r->tables[i];
		struct repo_table row = {
			.database = (char *)(uintptr_t)database,
			.schema = t->schema, .table = t->name,
			.rows = t->rows };

		if (t->ours && repo_add_table(r->set, &row, e) == -1)
			return -1;
	}
	return 0;
}

int
dump_rows(struct dump_run *r, struct err *e)
{
	unsigned jobs = r->o->jobs;
	int rc = -1;

	if ((r->sessions = calloc(jobs, sizeof(struct pg *))) == NULL)
		return err_nomem(e);
	for (unsigned i = 0; i < jobs; i++)
		if ((r->sessions[i] = open_session(r, e)) == NULL)
			goto done;
	progress_phase(r->progress, "rows");
	rc = task_crowd(jobs, worker, worker_failed, r, e);
	if (rc == 0)
		rc = note_tables(r, pg_target_get(r->target, "dbname"), e);
done:
	for (unsigned i = 0; i < jobs; i++)
		pg_close(r->sessions[i]);
	free(r->sessions);
	r->sessions = NULL;
	return rc;
}
