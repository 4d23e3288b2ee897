#include "base/files.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/*
 * COPY's binary format (PostgreSQL's documentation: COPY, "Binary Format"),
 * which spares both sides the making and reading of text: a head, with the
 * first row or before it; rows of u16 count and fields, each an i32 length,
 * -1 for NULL, and bytes; at the end a count of -1. Numbers are big-endian.
 */
#define HEAD "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define HEAD_SIZE (sizeof HEAD - 1)
#define FIELDS_MAX 4

struct field {
	const char *data; /* NULL for NULL */
	size_t len;
};

struct copy {
	struct pg *pg;
	unsigned count; /* of fields */
	bool begun;
	struct field fields[FIELDS_MAX];
};

static int
bad(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the server's answer is no binary COPY");
}

static int
take_fields(struct copy *c, const char *data, size_t len, struct err *e)
{
	for (unsigned i = 0; i < c->count; i++) {
		uint32_t n;

		if (len < sizeof n)
			return bad(e);
		memcpy(&n, data, sizeof n);
		n = be32toh(n);
		data += sizeof n;
		len -= sizeof n;
		c->fields[i] = (struct field){ NULL, 0 };
		if (n == UINT32_MAX)
			continue;
		if (n > len)
			return bad(e);
		c->fields[i] = (struct field){ data, n };
		data += n;
		len -= n;
	}
	return len == 0 ? 0 : bad(e);
}

/* The next row: 1; 0 at the end. */
static int
next(struct copy *c, struct err *e)
{
	for (;;) {
		const char *data;
		uint16_t count;
		size_t len;

		if (pg_copy_next(c->pg, &data, &len, NULL, e) == -1)
			return -1;
		if (data == NULL)
			return c->begun ? 0 : bad(e);
		if (!c->begun) {
			if (len < HEAD_SIZE || memcmp(data, HEAD,
			    HEAD_SIZE) != 0)
				return bad(e);
			c->begun = true;
			data += HEAD_SIZE;
			len -= HEAD_SIZE;
		}
		if (len == 0)
			continue;
		if (len < sizeof count)
			return bad(e);
		memcpy(&count, data, sizeof count);
		count = be16toh(count);
		if (count == UINT16_MAX && len == sizeof count)
			continue;
		if (count != c->count)
			return bad(e);
		return take_fields(c, data + sizeof count,
		    len - sizeof count, e) == -1 ? -1 : 1;
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

static int
number(const struct field *f, uint64_t *out, struct err *e)
{
	if (f->data == NULL || f->len != sizeof *out)
		return bad(e);
	memcpy(out, f->data, sizeof *out);
	*out = be64toh(*out);
	return 0;
}

/* The name's place is noted as a number until all names are there. */
static int
add(struct base_files *l, const struct field row[FIELDS_MAX], struct err *e)
{
	struct base_file *f;
	uint64_t mtime = 0;

	if (row[0].data == NULL || row[0].len == 0 ||
	    memchr(row[0].data, '\0', row[0].len) != NULL ||
	    row[3].data == NULL || row[3].len != 1)
		return bad(e);
	f = buf_more(l->files, l->count, sizeof *f, e);
	if (f == NULL)
		return -1;
	l->files = f;
	f += l->count;
	f->name = (const char *)(uintptr_t)l->names.len;
	f->folder = *row[3].data != 0;
	if (number(&row[1], &f->size, e) == -1 ||
	    number(&row[2], &mtime, e) == -1 ||
	    buf_add(&l->names, row[0].data, row[0].len, e) == -1 ||
	    buf_byte(&l->names, '\0', e) == -1)
		return -1;
	f->mtime = (int64_t)mtime;
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
	    " pg_catalog.floor(pg_catalog.date_part('epoch',"
	    " s.modification))::bigint, s.isdir FROM pg_catalog.pg_ls_dir(",
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
	struct copy c = { .pg = pg, .count = 4 };
	struct buf sql = BUF_INIT(65536);
	int rc = -1;

	if (list_command(&sql, folder, e) == 0 &&
	    pg_copy_out(pg, sql.data, e) == 0)
		while ((rc = next(&c, e)) == 1)
			if ((rc = add(out, c.fields, e)) == -1)
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

int
base_files_read(struct pg *pg, const char *folder,
    const struct base_part *parts, size_t count, int (*each)(void *ctx,
    size_t number, const void *data, size_t len, struct err *e), void *ctx,
    struct err *e)
{
	struct copy c = { .pg = pg, .count = 1 };
	struct buf sql = BUF_INIT((size_t)8 << 20);
	size_t i = 0;
	int rc = -1;

	if (read_command(&sql, folder, parts, count, e) == 0 &&
	    pg_copy_out(pg, sql.data, e) == 0)
		while ((rc = next(&c, e)) == 1) {
			if (i == count || c.fields[0].len > parts[i].len)
				rc = bad(e);
			else
				rc = each(ctx, i++, c.fields[0].data,
				    c.fields[0].len, e);
			if (rc == -1)
				break;
		}
	buf_free(&sql);
	return rc == 0 && i != count ? bad(e) : rc;
}
