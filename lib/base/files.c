#include "base/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/row.h"

/* The next row of a COPY: 1; 0 at the end. */
static int
next(struct pg *pg, struct base_row *r, struct err *e)
{
	for (;;) {
		const char *data;
		size_t len;
		int rc;

		if (pg_copy_next(pg, &data, &len, NULL, e) == -1)
			return -1;
		if (data == NULL)
			return base_row_end(r, e);
		if ((rc = base_row_take(r, data, len, e)) != 0)
			return rc;
	}
}

/* As a literal, whatever it holds. */
static int
quote(struct buf *sql, const char *text, struct err *e)
{
	int rc = buf_str(sql, " E'", e);

	for (; *text != '\0' && rc == 0; text++)
		if ((*text != '\'' && *text != '\\') || (rc = buf_byte(sql,
		    *text, e)) == 0)
			rc = buf_byte(sql, *text, e);
	return rc == 0 ? buf_byte(sql, '\'', e) : -1;
}

/* listing */

/* Mtimes before 1970 are that. The name's place is a number for now. */
static int
add(struct base_files *l, const struct base_row *r, struct err *e)
{
	const struct base_field *name = &r->fields[0];
	struct base_file f = { .name = (const char *)(uintptr_t)l->names.len };
	struct base_file *more;
	uint64_t mtime = 0;

	if (name->data == NULL || name->len == 0 || memchr(name->data, '\0',
	    name->len) != NULL || r->fields[3].data == NULL ||
	    r->fields[3].len != 1)
		return err_set(e, ERR_CORRUPT, "the server lists a file "
		    "without a name");
	f.folder = *r->fields[3].data != 0;
	if (base_row_number(r, 1, &f.size, e) == -1 ||
	    base_row_number(r, 2, &mtime, e) == -1 ||
	    (more = buf_more(l->files, l->count, sizeof f, e)) == NULL)
		return -1;
	f.mtime = (int64_t)mtime;
	l->files = more;
	l->files[l->count] = f;
	if (buf_add(&l->names, name->data, name->len, e) == -1 ||
	    buf_byte(&l->names, '\0', e) == -1)
		return -1;
	l->count++;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct base_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
list_command(struct buf *sql, const char *folder, struct err *e)
{
	if (buf_str(sql, "COPY (SELECT n, s.size,"
	    " greatest(pg_catalog.floor(pg_catalog.date_part('epoch',"
	    " s.modification)), 0)::bigint, s.isdir FROM pg_catalog.pg_ls_dir(",
	    e) == -1 || quote(sql, folder, e) == -1 ||
	    buf_str(sql, ", true, false) n, LATERAL pg_catalog.pg_stat_file(",
	    e) == -1 || quote(sql, folder, e) == -1)
		return -1;
	return buf_str(sql, " || '/' || n, true) s WHERE s.isdir IS NOT NULL)"
	    " TO STDOUT (FORMAT binary)", e);
}

int
base_files_list(struct pg *pg, const char *folder, struct base_files *out,
    struct err *e)
{
	struct base_row row = BASE_ROW_INIT(4);
	struct buf sql = BUF_INIT(65536);
	int rc = -1;

	if (list_command(&sql, folder, e) == 0 &&
	    pg_copy_out(pg, sql.data, e) == 0)
		while ((rc = next(pg, &row, e)) == 1)
			if ((rc = add(out, &row, e)) == -1)
				break;
	buf_free(&sql);
	if (rc == -1)
		return -1;
	for (size_t i = 0; i < out->count; i++)
		out->files[i].name = out->names.data +
		    (uintptr_t)out->files[i].name;
	if (out->count > 0)
		qsort(out->files, out->count, sizeof *out->files, by_name);
	return 0;
}

void
base_files_free(struct base_files *f)
{
	free(f->files);
	f->files = NULL;
	f->count = 0;
	buf_free(&f->names);
}

/* reading */

static int
read_command(struct buf *sql, const char *folder,
    const struct base_part *parts, size_t count, struct err *e)
{
	if (buf_str(sql, "COPY (SELECT pg_catalog.pg_read_binary_file(", e) ==
	    -1 || quote(sql, folder, e) == -1 ||
	    buf_str(sql, " || '/' || n, o, l, true) FROM unnest("
	    "ARRAY[", e) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if ((i > 0 && buf_byte(sql, ',', e) == -1) ||
		    quote(sql, parts[i].name, e) == -1)
			return -1;
	if (buf_str(sql, "]::text[], '{", e) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (buf_fmt(sql, e, "%s%llu", i > 0 ? "," : "",
		    (unsigned long long)parts[i].offset) == -1)
			return -1;
	if (buf_str(sql, "}'::bigint[], '{", e) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (buf_fmt(sql, e, "%s%u", i > 0 ? "," : "", parts[i].len) ==
		    -1)
			return -1;
	return buf_str(sql, "}'::bigint[]) r (n, o, l)) TO STDOUT"
	    " (FORMAT binary)", e);
}

static int
ask(struct pg *pg, const char *folder, const char *sql, struct err *e)
{
	return pg_copy_out(pg, sql, e) == 0 ? 0 : err_prefix(e,
	    "files of folder \"%s\"", folder);
}

static int
too_much(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the server sends other parts of files "
	    "than it was asked for");
}

int
base_files_read(struct pg *pg, const char *folder,
    const struct base_part *parts, size_t count, int (*each)(void *ctx,
    size_t number, const void *data, size_t len, struct err *e), void *ctx,
    struct err *e)
{
	struct base_row row = BASE_ROW_INIT(1);
	struct buf sql = BUF_INIT((size_t)8 << 20);
	size_t i = 0;
	int rc = -1;

	if (read_command(&sql, folder, parts, count, e) == 0 &&
	    ask(pg, folder, sql.data, e) == 0)
		while ((rc = next(pg, &row, e)) == 1) {
			const struct base_field *f = &row.fields[0];

			if (i == count || f->len > parts[i].len)
				rc = too_much(e);
			else
				rc = each(ctx, i++, f->data, f->len, e);
			if (rc == -1)
				break;
		}
	buf_free(&sql);
	return rc == 0 && i != count ? too_much(e) : rc;
}
