#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump/dump_int.h"
#include "log/log.h"
#include "sqltext/sqltext.h"

/*
 * pg_dump writes the schema, and the data that is not ours. Its three
 * sections are three scripts; here their seams are taken out, so that the
 * file is one script: one \restrict at the beginning and one \unrestrict at
 * the end (psql refuses a nested one, and between them no line of data can be
 * a command), and one "dump complete" at the end, whose absence tells that a
 * script was cut.
 */

#define HEAD_BYTES 2048
#define TAIL_BYTES 512
#define READ_BYTES 65536
#define ARG_BYTES ((size_t)96 << 10) /* one argument; Linux allows 128 KiB */
#define ARGS_MAX 32768 /* names are bounded before: NAMES_MAX of plan.c */

static const char complete[] = "--\n-- PostgreSQL database dump complete\n";

char *
dump_program(const struct dump_options *o, const char *name, struct err *e)
{
	struct buf path = BUF_INIT(BUF_TEXT_MAX);
	int rc = o->bindir == NULL ? buf_str(&path, name, e) :
	    buf_fmt(&path, e, "%s/%s", o->bindir, name);

	if (rc == -1)
		buf_free(&path);
	return path.data;
}

int
dump_check_program(const struct dump_options *o, int server_version,
    struct err *e)
{
	char *program = dump_program(o, "pg_dump", e), *said = NULL;
	const char *argv[] = { program, "--version", NULL };
	int major = 0, need = server_version / 10000, rc = -1;

	if (program == NULL)
		return -1;
	if (proc_capture(argv, NULL, 4096, &said, ERR_PG, e) == -1) {
		if (e->kind == ERR_ABSENT)
			e->kind = ERR_PG;
		err_hint(e, "install the client programs of PostgreSQL %d "
		    "(postgresql-client-%d), or name their folder: bindir "
		    "under [server] in pgk.conf", need, need);
		goto done;
	}
	if (sscanf(said, "pg_dump (PostgreSQL) %d", &major) != 1) {
		err_set(e, ERR_PG, "\"%s --version\" did not say a version",
		    program);
		goto done;
	}
	if (major < need) {
		err_set(e, ERR_PG, "\"%s\" is of version %d, older than the "
		    "server's %d", program, major, need);
		err_hint(e, "install postgresql-client-%d, or name its folder: "
		    "bindir under [server] in pgk.conf", need);
		goto done;
	}
	rc = 0;
done:
	free(said);
	free(program);
	return rc;
}

/* arguments */

struct args {
	char *list[ARGS_MAX + 1];
	size_t count;
};

static void
args_free(struct args *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->list[i]);
	free(a);
}

static int
arg(struct args *a, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
arg(struct args *a, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (a->count == ARGS_MAX)
		return err_set(e, ERR_NOMEM, "too many arguments for pg_dump");
	va_start(ap, fmt);
	n = vasprintf(&a->list[a->count], fmt, ap);
	va_end(ap);
	if (n == -1)
		return err_nomem(e);
	a->count++;
	return 0;
}

static int
add_switches(struct args *a, const struct dump_options *o, struct err *e)
{
	const struct {
		bool on;
		const char *word;
	} all[] = {
		{ !o->owner, "--no-owner" },
		{ !o->acl, "--no-privileges" },
		{ o->schema_only, "--schema-only" },
		{ o->no_comments, "--no-comments" },
		{ o->no_publications, "--no-publications" },
		{ o->no_subscriptions, "--no-subscriptions" },
		{ o->no_security_labels, "--no-security-labels" },
		{ o->no_tablespaces, "--no-tablespaces" },
		{ o->no_unlogged_table_data, "--no-unlogged-table-data" },
		{ o->large_objects_off, "--no-blobs" },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].on && arg(a, e, "%s", all[i].word) == -1)
			return -1;
	return 0;
}

static int
add_words(struct args *a, const struct dump_options *o, struct err *e)
{
	static const char *const names[] = {
		[DUMP_SCHEMA] = "--schema",
		[DUMP_EXCLUDE_SCHEMA] = "--exclude-schema",
		[DUMP_TABLE] = "--table",
		[DUMP_EXCLUDE_TABLE] = "--exclude-table",
		[DUMP_EXCLUDE_TABLE_DATA] = "--exclude-table-data",
	};

	for (size_t i = 0; i < o->word_count; i++)
		if (arg(a, e, "%s=%s", names[o->words[i].what],
		    o->words[i].pattern) == -1)
			return -1;
	return 0;
}

/*
 * Our tables' rows are not pg_dump's work. A quoted name in a pattern stands
 * for itself, and outside quotes '(', '|' and ')' are those of a regular
 * expression: "schema".("t1"|"t2") names many tables in one argument.
 */
static int
by_schema(const void *a, const void *b)
{
	const struct dump_table *const *x = a, *const *y = b;

	return strcmp((*x)->schema, (*y)->schema);
}

static int
exclude_sorted(struct args *a, struct dump_table **t, size_t count,
    struct err *e)
{
	struct buf b = BUF_INIT(2 * ARG_BYTES);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		bool first = b.len == 0;

		if (first)
			rc = sqltext_quote(&b, t[i]->schema, e);
		if (rc == 0)
			rc = buf_str(&b, first ? ".(" : "|", e);
		if (rc == 0)
			rc = sqltext_quote(&b, t[i]->name, e);
		if (rc == 0 && (i + 1 == count || b.len > ARG_BYTES ||
		    strcmp(t[i]->schema, t[i + 1]->schema) != 0)) {
			rc = arg(a, e, "--exclude-table-data=%s)", b.data);
			buf_reset(&b);
		}
	}
	buf_free(&b);
	return rc;
}

static int
exclude_ours(struct args *a, struct dump_run *r, struct err *e)
{
	struct dump_table **ours = calloc(r->table_count + 1, sizeof *ours);
	size_t count = 0;
	int rc;

	if (ours == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < r->table_count; i++)
		if (r->tables[i].ours)
			ours[count++] = &r->tables[i];
	qsort(ours, count, sizeof *ours, by_schema);
	rc = exclude_sorted(a, ours, count, e);
	free(ours);
	return rc;
}

static int
section_args(struct args *a, struct dump_run *r, enum dump_section s,
    bool create, struct err *e)
{
	static const char *const names[] = { "pre-data", "data", "post-data" };
	const struct dump_options *o = r->o;
	char *conninfo = pg_target_string(r->target, e);
	int rc = -1;

	if (conninfo == NULL)
		return -1;
	if ((a->list[0] = dump_program(o, "pg_dump", e)) == NULL)
		goto done;
	a->count = 1;
	if (arg(a, e, "--no-password") == -1 ||
	    arg(a, e, "--section=%s", names[s]) == -1 ||
	    arg(a, e, "--snapshot=%s", r->snapshot) == -1 ||
	    arg(a, e, "--encoding=%s", pg_encoding(r->coordinator)) == -1 ||
	    arg(a, e, "--lock-wait-timeout=%lld",
	    o->lock_timeout_ms > 0 ? (long long)o->lock_timeout_ms : 60000) ==
	    -1 || (create && arg(a, e, "--create") == -1) ||
	    add_switches(a, o, e) == -1 || add_words(a, o, e) == -1 ||
	    (s == DUMP_DATA && exclude_ours(a, r, e) == -1) ||
	    arg(a, e, "--dbname=%s", conninfo) == -1)
		goto done;
	rc = 0;
done:
	free(conninfo);
	return rc;
}

struct proc *
dump_section_start(struct dump_run *r, enum dump_section s, bool create,
    struct err *e)
{
	struct args *a = calloc(1, sizeof *a);
	struct proc *p = NULL;

	if (a == NULL) {
		err_nomem(e);
		return NULL;
	}
	if (section_args(a, r, s, create, e) == 0)
		p = proc_start((const char *const *)a->list, NULL, e);
	args_free(a);
	return p;
}

/* reading a section */

struct reading {
	struct dump_run *r;
	enum dump_section section;
	struct piece_maker *m;
	struct buf held; /* not yet written: the head, then always the tail */
	bool past_head;
};

static int
begin_piece(struct reading *x, struct err *e)
{
	static const enum piece_kind kinds[] = { PIECE_PRE, PIECE_DATA,
		PIECE_POST };
	struct piece spec = { .kind = kinds[x->section],
		.database = (unsigned)x->r->number };

	return piece_begin(x->m, &spec, e);
}

static int
emit(struct reading *x, size_t len, struct err *e)
{
	if (piece_write(x->m, x->held.data, len, e) == -1)
		return -1;
	buf_drop(&x->held, len);
	if (x->section == DUMP_POST || piece_size(x->m) < PIECE_PLAIN)
		return 0;
	return piece_put(x->m, 0, 0, e) == -1 ? -1 : begin_piece(x, e);
}

/* Cut held[from, to) out. */
static void
cut(struct buf *held, size_t from, size_t to)
{
	memmove(held->data + from, held->data + to, held->len - to + 1);
	held->len -= to - from;
}

/* The key is kept from the first section; later ones lose their line. */
static int
take_restrict(struct reading *x, struct err *e)
{
	static const char word[] = "\n\\restrict ";
	struct dump_run *r = x->r;
	const char *head = x->held.data == NULL ? "" : x->held.data;
	const char *at = strstr(head, word), *set = strstr(head, "\nSET ");
	size_t begin, key, end;

	x->past_head = true;
	/* behind the first SET it is no command but somebody's text */
	if (at == NULL || (set != NULL && set < at))
		return 0;
	begin = (size_t)(at + 1 - x->held.data);
	key = begin + strlen(word) - 1;
	end = key + strcspn(x->held.data + key, "\n");
	if (x->section == DUMP_PRE) {
		free(r->restrict_key);
		r->restrict_key = strndup(x->held.data + key, end - key);
		return r->restrict_key == NULL ? err_nomem(e) : 0;
	}
	cut(&x->held, begin, end < x->held.len ? end + 1 : end);
	return 0;
}

/* What a section ends with: "complete" and \unrestrict. */
static int
end_section(struct reading *x, struct err *e)
{
	struct buf *b = &x->held;
	char *at = NULL, *next = b->data == NULL ? NULL :
	    strstr(b->data, complete);

	for (; next != NULL; next = strstr(next + 1, complete))
		at = next;
	if (at == NULL)
		return err_set(e, ERR_PG, "pg_dump did not write its "
		    "script to the end");
	b->len = (size_t)(at - b->data);
	b->data[b->len] = '\0';
	if (x->section != DUMP_POST)
		return 0;
	if (buf_fmt(b, e, "%s--\n\n", complete) == -1)
		return -1;
	return x->r->restrict_key == NULL ? 0 :
	    buf_fmt(b, e, "\\unrestrict %s\n\n", x->r->restrict_key);
}

/* pg_dump warns of what it left out: that needs a person. */
static void
pass_warnings(const struct proc *p)
{
	const char *line = proc_said(p), *next;

	for (; *line != '\0'; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		if (memmem(line, len, "warning:", 8) != NULL)
			log_warning("%.*s", (int)len, line);
		else if (len > 0)
			log_debug("%.*s", (int)len, line);
	}
}

static int
read_all(struct reading *x, struct proc *p, struct err *e)
{
	static const size_t keep = TAIL_BYTES;

	for (;;) {
		ssize_t n;

		if (x->r->failed)
			return err_set(e, ERR_PG, "another part failed");
		if (buf_reserve(&x->held, READ_BYTES, e) == -1)
			return -1;
		n = proc_read(p, x->held.data + x->held.len, READ_BYTES, e);
		if (n == -1)
			return -1;
		x->held.len += (size_t)n;
		x->held.data[x->held.len] = '\0';
		if (!x->past_head && (n == 0 || x->held.len >= HEAD_BYTES) &&
		    take_restrict(x, e) == -1)
			return -1;
		if (n == 0)
			return 0;
		if (x->past_head && x->held.len > keep &&
		    emit(x, x->held.len - keep, e) == -1)
			return -1;
	}
}

int
dump_section_read(struct dump_run *r, struct proc *p, enum dump_section s,
    struct piece_maker *m, const char *before, struct err *e)
{
	struct reading x = { r, s, m, BUF_INIT(BUF_TEXT_MAX), false };
	int rc = -1;

	if (begin_piece(&x, e) == -1 ||
	    (before != NULL && piece_write(m, before, strlen(before), e) ==
	    -1) || read_all(&x, p, e) == -1)
		goto done;
	/* only a pg_dump that ended well has told all */
	if (proc_finish(p, ERR_PG, e) == -1)
		goto done;
	pass_warnings(p);
	if (end_section(&x, e) == -1 || emit(&x, x.held.len, e) == -1)
		goto done;
	rc = s == DUMP_POST ? 0 : piece_put(m, 0, 0, e);
done:
	buf_free(&x.held);
	return rc;
}
