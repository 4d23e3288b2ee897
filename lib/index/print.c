#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "form/form.h"
#include "index/index.h"
#include "unit/unit.h"

/* as a table */

static const struct form_column columns[] = { { "LINE", true },
	{ "VERDICT", false }, { "TABLE", false }, { "INDEX", false },
	{ "SIZE", true }, { "WHY", false } };
#define COLUMNS (sizeof columns / sizeof *columns)

/* "public.messages", with what is no printable text escaped. */
static int
table_name(struct buf *b, const struct index_finding *f, struct err *e)
{
	buf_reset(b);
	if (f->table == NULL)
		return buf_str(b, "-", e);
	if (f->schema != NULL && *f->schema != '\0' &&
	    (form_name(b, f->schema, false, false, e) == -1 ||
	    buf_byte(b, '.', e) == -1))
		return -1;
	return form_name(b, f->table, false, false, e);
}

static int
cell(struct form_table *t, struct buf *b, const char *text, struct err *e)
{
	buf_reset(b);
	return buf_str(b, "", e) == -1 ||
	    form_name(b, text, false, false, e) == -1 ? -1 :
	    form_table_cell(t, b->data, e);
}

/* One line, though the server writes a CASE on several. */
static int
note(struct form_table *t, struct buf *b, const char *what, const char *sql,
    struct err *e)
{
	char *line;
	int rc;

	if (sql == NULL)
		return 0;
	if ((line = strdup(sql)) == NULL)
		return err_nomem(e);
	for (char *p = line; (p = strchr(p, '\n')) != NULL;)
		*p = ' ';
	buf_reset(b);
	rc = buf_fmt(b, e, "%s: ", what) == -1 ||
	    form_name(b, line, false, false, e) == -1 ? -1 :
	    form_table_note(t, b->data, e);
	free(line);
	return rc;
}

static int
line_cell(struct form_table *t, uint64_t line, struct err *e)
{
	char text[32] = "-";

	if (line > 0)
		snprintf(text, sizeof text, "%" PRIu64, line);
	return form_table_cell(t, text, e);
}

static int
add_row(struct form_table *t, const struct index_finding *f, bool lines,
    struct buf *b, struct err *e)
{
	char size[UNIT_TEXT_MAX];

	if ((lines && line_cell(t, f->line, e) == -1) ||
	    form_table_cell(t, f->verdict, e) == -1 ||
	    table_name(b, f, e) == -1 ||
	    form_table_cell(t, b->data, e) == -1 ||
	    cell(t, b, f->index != NULL ? f->index : "-", e) == -1 ||
	    form_table_cell(t, f->sized ? unit_size(f->bytes, size) : "-",
	        e) == -1 ||
	    cell(t, b, f->reason != NULL ? f->reason : "", e) == -1 ||
	    note(t, b, "fix", f->fix, e) == -1)
		return -1;
	return note(t, b, "undo", f->undo, e);
}

static int
print_table(const struct index_report *r, bool all, struct sink *out,
    struct buf *b, struct err *e)
{
	struct form_table *t;
	size_t rows = 0;
	bool lines = false;
	int rc;

	for (size_t i = 0; i < r->count; i++)
		lines = lines || r->findings[i].line > 0;
	t = form_table_new(lines ? columns : columns + 1,
	    lines ? COLUMNS : COLUMNS - 1, e);
	rc = t == NULL ? -1 : 0;
	for (size_t i = 0; i < r->count && rc == 0; i++) {
		if (r->findings[i].severity == INDEX_OK && !all)
			continue;
		rc = add_row(t, &r->findings[i], lines, b, e);
		rows++;
	}
	if (rc == 0 && rows > 0)
		rc = form_table_print(t, out, e);
	form_table_free(t);
	return rc;
}

/* as TSV */

static int
tsv_text(struct buf *b, const char *text, struct err *e)
{
	if (buf_byte(b, '\t', e) == -1)
		return -1;
	return text == NULL ? 0 : form_name(b, text, true, false, e);
}

static int
tsv_number(struct buf *b, bool known, uint64_t n, struct err *e)
{
	return known ? buf_fmt(b, e, "\t%" PRIu64, n) : buf_byte(b, '\t', e);
}

static int
tsv_facts(struct buf *b, const struct index_finding *f, struct err *e)
{
	for (size_t i = 0; i < f->fact_count; i++)
		if (buf_fmt(b, e, "%c%s=", i == 0 ? '\t' : ',',
		    f->facts[i].name) == -1 ||
		    form_name(b, f->facts[i].value, true, true, e) == -1)
			return -1;
	return buf_str(b, f->fact_count == 0 ? "\t\n" : "\n", e);
}

static int
tsv_line(const struct index_report *r, const struct index_finding *f,
    struct buf *b, struct err *e)
{
	if (buf_fmt(b, e, "%s\t%s\t%s", r->check,
	    index_severity_name(f->severity), f->verdict) == -1 ||
	    tsv_text(b, f->schema, e) == -1 || tsv_text(b, f->table, e) == -1 ||
	    tsv_text(b, f->index, e) == -1 ||
	    tsv_number(b, f->sized, f->bytes, e) == -1 ||
	    tsv_number(b, f->line > 0, f->line, e) == -1 ||
	    tsv_text(b, f->reason, e) == -1 || tsv_text(b, f->fix, e) == -1 ||
	    tsv_text(b, f->undo, e) == -1)
		return -1;
	return tsv_facts(b, f, e);
}

static int
print_tsv(const struct index_report *r, struct sink *out, struct buf *b,
    struct err *e)
{
	static const char heads[] = "check\tseverity\tverdict\tschema\ttable"
	    "\tindex\tbytes\tline\treason\tfix\tundo\tfacts\n";
	int rc = sink_write(out, heads, sizeof heads - 1, e);

	for (size_t i = 0; i < r->count && rc == 0; i++) {
		buf_reset(b);
		rc = tsv_line(r, &r->findings[i], b, e);
		if (rc == 0)
			rc = sink_write(out, b->data, b->len, e);
	}
	return rc;
}

/* as JSON */

static int
json_text(struct buf *b, const char *name, const char *text, struct err *e)
{
	if (text == NULL)
		return 0;
	return buf_fmt(b, e, ", \"%s\": ", name) == -1 ? -1 :
	    form_json(b, text, e);
}

static int
json_facts(struct buf *b, const struct index_finding *f, struct err *e)
{
	if (buf_str(b, ", \"facts\": {", e) == -1)
		return -1;
	for (size_t i = 0; i < f->fact_count; i++) {
		const struct index_fact *x = &f->facts[i];

		if (buf_fmt(b, e, "%s\"%s\": ", i == 0 ? "" : ", ",
		    x->name) == -1 || (x->number ? buf_str(b, x->value, e) :
		    form_json(b, x->value, e)) == -1)
			return -1;
	}
	return buf_str(b, "}}", e);
}

static int
json_object(const struct index_report *r, const struct index_finding *f,
    struct buf *b, struct err *e)
{
	if (buf_fmt(b, e, "  {\"check\": \"%s\", \"severity\": \"%s\", "
	    "\"verdict\": \"%s\"", r->check, index_severity_name(f->severity),
	    f->verdict) == -1 ||
	    json_text(b, "schema", f->schema, e) == -1 ||
	    json_text(b, "table", f->table, e) == -1 ||
	    json_text(b, "index", f->index, e) == -1 ||
	    (f->sized && buf_fmt(b, e, ", \"bytes\": %" PRIu64,
	        f->bytes) == -1) ||
	    (f->line > 0 && buf_fmt(b, e, ", \"line\": %" PRIu64,
	        f->line) == -1) ||
	    json_text(b, "reason", f->reason, e) == -1 ||
	    json_text(b, "fix", f->fix, e) == -1 ||
	    json_text(b, "undo", f->undo, e) == -1)
		return -1;
	return json_facts(b, f, e);
}

static int
print_json(const struct index_report *r, struct sink *out, struct buf *b,
    struct err *e)
{
	const char *end = r->count == 0 ? "[]\n" : "\n]\n";
	int rc = 0;

	for (size_t i = 0; i < r->count && rc == 0; i++) {
		buf_reset(b);
		rc = buf_str(b, i == 0 ? "[\n" : ",\n", e);
		if (rc == 0)
			rc = json_object(r, &r->findings[i], b, e);
		if (rc == 0)
			rc = sink_write(out, b->data, b->len, e);
	}
	return rc == -1 ? -1 : sink_write(out, end, strlen(end), e);
}

/* as a script */

static int
print_sql(const struct index_report *r, struct sink *out, struct buf *b,
    struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < r->count && rc == 0; i++) {
		const struct index_finding *f = &r->findings[i];

		if (f->fix == NULL)
			continue;
		buf_reset(b);
		/* no name can end the comment */
		if (buf_fmt(b, e, "-- %s ", f->verdict) == -1 ||
		    form_name(b, f->index != NULL ? f->index : f->table,
		        true, false, e) == -1 ||
		    buf_str(b, ": ", e) == -1 ||
		    form_name(b, f->reason, true, false, e) == -1 ||
		    buf_fmt(b, e, "\n%s\n", f->fix) == -1)
			return -1;
		rc = sink_write(out, b->data, b->len, e);
	}
	return rc;
}

int
index_print(const struct index_report *r, enum index_form form, bool all,
    struct sink *out, struct err *e)
{
	struct buf b = BUF_INIT(FORM_LINE_MAX);
	int rc = form == INDEX_JSON ? print_json(r, out, &b, e) :
	    form == INDEX_TSV ? print_tsv(r, out, &b, e) :
	    form == INDEX_SQL ? print_sql(r, out, &b, e) :
	    print_table(r, all, out, &b, e);

	buf_free(&b);
	return rc;
}
