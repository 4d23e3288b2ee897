#include <stdlib.h>
#include <string.h>

#include "restore/restore_int.h"
#include "stop/stop.h"

#define HEAD_MAX ((size_t)1 << 20) /* a COPY with 1600 columns is 100 KB */
#define END_BYTES 3                /* of "\.\n" */
#define FEED_BYTES ((size_t)64 << 10)

/*
 * A piece is one COPY: its statement, its rows, its end mark. Seen as a sink:
 * the statement begins the COPY, the rows go to the server, the last three
 * bytes are held back.
 */
struct feed {
	struct sink base;
	struct pg *c;
	const struct piece *p;
	struct buf head;
	bool begun;
	char tail[END_BYTES];
	size_t tail_len;
};

/* One COPY ... FROM stdin and nothing else. */
static int
begin_copy(struct feed *f, struct err *e)
{
	struct sqltext_token t;
	const char *at = f->head.data, *last = NULL;
	bool one = true;

	while (sqltext_token(&at, &t)) {
		one = one && last == NULL;
		if (t.kind == SQLTEXT_PUNCT && t.word[0] == ';')
			last = t.begin;
	}
	if (memchr(f->head.data, '\0', f->head.len) != NULL || !one ||
	    last == NULL || !sqltext_is_copy(f->head.data))
		return err_set(e, ERR_CORRUPT, "the piece at byte %llu of the "
		    "file does not begin with a COPY",
		    (unsigned long long)f->p->off);
	f->head.data[last - f->head.data] = '\0';
	if (pg_copy_in(f->c, f->head.data, e) == -1)
		return -1;
	f->begun = true;
	return 0;
}

/* In parts that stay in the processor's cache on their way through libpq. */
static int
send(struct feed *f, const char *data, size_t len, struct err *e)
{
	while (len > 0) {
		size_t n = len < FEED_BYTES ? len : FEED_BYTES;

		if (pg_copy_write(f->c, data, n, e) == -1)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

/* All but the last three bytes so far. */
static int
feed_rows(struct feed *f, const char *data, size_t len, struct err *e)
{
	size_t whole = f->tail_len + len;
	size_t out = whole > END_BYTES ? whole - END_BYTES : 0;
	size_t old = out < f->tail_len ? out : f->tail_len;

	if (send(f, f->tail, old, e) == -1 ||
	    send(f, data, out - old, e) == -1)
		return -1;
	memmove(f->tail, f->tail + old, f->tail_len - old);
	f->tail_len -= old;
	memcpy(f->tail + f->tail_len, data + (out - old), len - (out - old));
	f->tail_len += len - (out - old);
	return 0;
}

static int
feed_write(struct sink *s, const void *data, size_t len, struct err *e)
{
	struct feed *f = (struct feed *)s;
	size_t n = f->p->head - f->head.len;

	if (!f->begun) {
		n = n < len ? n : len;
		if (buf_add(&f->head, data, n, e) == -1)
			return -1;
		if (f->head.len < f->p->head)
			return 0;
		if (begin_copy(f, e) == -1)
			return -1;
		data = (const char *)data + n;
		len -= n;
	}
	return feed_rows(f, data, len, e);
}

static int
feed_finish(struct sink *s, struct err *e)
{
	struct feed *f = (struct feed *)s;
	uint64_t rows = 0;

	if (!f->begun || f->tail_len != END_BYTES ||
	    memcmp(f->tail, "\\.\n", END_BYTES) != 0)
		return err_set(e, ERR_CORRUPT, "the piece at byte %llu of the "
		    "file does not end as a COPY does",
		    (unsigned long long)f->p->off);
	if (pg_copy_end(f->c, &rows, e) == -1)
		return -1;
	f->begun = false;
	if (rows != f->p->rows)
		return err_set(e, ERR_CORRUPT, "table \"%s\".\"%s\": %llu "
		    "rows were loaded where the backup holds %llu",
		    f->p->schema, f->p->table, (unsigned long long)rows,
		    (unsigned long long)f->p->rows);
	return 0;
}

static int
load(struct pg *c, struct piece_reader *reader, const struct piece *p,
    struct err *e)
{
	static const struct sink_ops ops = { feed_write, feed_finish, NULL };
	struct feed f = { .base = { &ops }, .c = c, .p = p,
		.head = BUF_INIT(HEAD_MAX) };
	int rc = -1;

	if (piece_read(reader, p, &f.base, e) == 0)
		rc = feed_finish(&f.base, e);
	if (rc == -1 && f.begun)
		pg_copy_abort(c, "the backup could not be read");
	buf_free(&f.head);
	/* the piece's own words on damage name the table already */
	if (rc == -1 && e->kind != ERR_CORRUPT)
		err_prefix(e, "table \"%s\".\"%s\"", p->schema, p->table);
	return rc;
}

/* the order of things */

struct job {
	const struct piece *p;
	uint64_t table; /* plain bytes of the table's pieces */
	size_t first;   /* the table's first piece */
};

struct loading {
	struct restore *r;
	struct job *jobs;
	size_t count, next;
	bool has_data, data_taken;
};

static int
by_table(const void *a, const void *b)
{
	const struct job *x = a, *y = b;
	int d = strcmp(x->p->schema, y->p->schema);

	if (d == 0)
		d = strcmp(x->p->table, y->p->table);
	return d != 0 ? d : x->p->off < y->p->off ? -1 : 1;
}

static int
largest_first(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	if (x->table != y->table)
		return x->table > y->table ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->p->off < y->p->off ? -1 : 1;
}

static bool
same_table(const struct job *x, const struct job *y)
{
	return strcmp(x->p->schema, y->p->schema) == 0 &&
	    strcmp(x->p->table, y->p->table) == 0;
}

/* The pieces of the largest table first, each table's in their order. */
static void
sort(struct loading *l)
{
	qsort(l->jobs, l->count, sizeof *l->jobs, by_table);
	for (size_t i = 0, j; i < l->count; i = j) {
		uint64_t sum = 0;

		for (j = i; j < l->count &&
		    same_table(&l->jobs[i], &l->jobs[j]); j++)
			sum += l->jobs[j].p->plain;
		for (size_t k = i; k < j; k++) {
			l->jobs[k].table = sum;
			l->jobs[k].first = i;
		}
	}
	qsort(l->jobs, l->count, sizeof *l->jobs, largest_first);
}

static int
list_jobs(struct loading *l, struct err *e)
{
	struct restore *r = l->r;
	size_t all = piece_count(r->index);
	uint64_t total = 0;

	if ((l->jobs = calloc(all + 1, sizeof *l->jobs)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < all; i++) {
		const struct piece *p = piece_at(r->index, i);

		if (p->database != r->number)
			continue;
		if (p->kind == PIECE_DATA)
			l->has_data = true;
		if (p->kind != PIECE_COPY || (r->pick != NULL &&
		    !pick_rows(r->pick, p->schema, p->table)))
			continue;
		l->jobs[l->count++].p = p;
		total += p->plain;
	}
	sort(l);
	progress_total(r->progress, total);
	return 0;
}

/* Sequences and large objects, in one session and in order. */
static int
load_data(struct restore *r, struct pg *c, struct err *e)
{
	struct script s = { .r = r, .c = c, .part = "data", .data = true };

	return script_read(&s, PIECE_DATA, e);
}

static bool
take_data(struct loading *l)
{
	bool mine;

	pthread_mutex_lock(&l->r->lock);
	mine = l->has_data && !l->data_taken;
	l->data_taken = true;
	pthread_mutex_unlock(&l->r->lock);
	return mine;
}

static int
work(void *ctx, struct pg *c, struct err *e)
{
	struct loading *l = ctx;
	struct restore *r = l->r;
	struct piece_reader *reader = piece_reader_new(r->blob, r->index, e);
	int rc = reader == NULL ? -1 : 0;
	size_t i;

	if (rc == 0 && take_data(l))
		rc = load_data(r, c, e);
	while (rc == 0 && (i = crew_next(r, &l->next, l->count)) < l->count) {
		rc = load(c, reader, l->jobs[i].p, e);
		if (rc == 0)
			progress_add(r->progress, l->jobs[i].p->plain);
	}
	piece_reader_free(reader);
	return rc;
}

int
rows_load(struct restore *r, struct err *e)
{
	struct loading l = { .r = r };
	int rc = -1;

	progress_phase(r->progress, "rows");
	if (list_jobs(&l, e) == 0 && (l.count > 0 || l.has_data))
		rc = crew_run(r, work, &l, e);
	else if (e->kind == ERR_NONE)
		rc = 0;
	free(l.jobs);
	return rc == 0 ? stop_check(e) : -1;
}
