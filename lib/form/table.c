#include <stdlib.h>
#include <string.h>

#include "form/form.h"

struct form_table {
	const struct form_column *columns;
	size_t column_count;
	size_t *width;
	struct cell {
		char *text;
		bool note;
	} *cells;
	size_t count, filled; /* filled: cells that are no notes */
};

struct form_table *
form_table_new(const struct form_column *columns, size_t count,
    struct err *e)
{
	struct form_table *t = calloc(1, sizeof *t);

	if (t == NULL || (t->width = calloc(count, sizeof *t->width)) == NULL) {
		err_nomem(e);
		free(t);
		return NULL;
	}
	t->columns = columns;
	t->column_count = count;
	for (size_t i = 0; i < count; i++)
		t->width[i] = form_width(columns[i].head);
	return t;
}

void
form_table_free(struct form_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t->width);
	free(t);
}

static int
add(struct form_table *t, const char *text, bool note, struct err *e)
{
	void *p = buf_more(t->cells, t->count, sizeof *t->cells, e);

	if (p == NULL)
		return -1;
	t->cells = p;
	if ((t->cells[t->count].text = strdup(text)) == NULL)
		return err_nomem(e);
	t->cells[t->count++].note = note;
	return 0;
}

int
form_table_cell(struct form_table *t, const char *text, struct err *e)
{
	size_t column = t->filled % t->column_count, width = form_width(text);

	if (add(t, text, false, e) == -1)
		return -1;
	t->filled++;
	if (width > t->width[column])
		t->width[column] = width;
	return 0;
}

int
form_table_note(struct form_table *t, const char *text, struct err *e)
{
	return add(t, text, true, e);
}

static int
add_cell(const struct form_table *t, size_t column, const char *text,
    struct buf *b, struct err *e)
{
	int pad = (int)(t->width[column] - form_width(text));
	bool right = t->columns[column].right;
	bool last = column + 1 == t->column_count;

	if ((right && buf_fmt(b, e, "%*s", pad, "") == -1) ||
	    buf_str(b, text, e) == -1 ||
	    (!right && !last && buf_fmt(b, e, "%*s", pad, "") == -1))
		return -1;
	return buf_str(b, last ? "\n" : "  ", e);
}

static int
flush(struct buf *b, struct sink *out, struct err *e)
{
	int rc = sink_write(out, b->data, b->len, e);

	buf_reset(b);
	return rc;
}

int
form_table_print(const struct form_table *t, struct sink *out, struct err *e)
{
	struct buf b = BUF_INIT(FORM_LINE_MAX);
	size_t column = 0;
	int rc = 0;

	for (size_t i = 0; i < t->column_count && rc == 0; i++)
		rc = add_cell(t, i, t->columns[i].head, &b, e);
	for (size_t i = 0; i < t->count && rc == 0; i++) {
		if (column == 0)
			rc = flush(&b, out, e);
		if (rc == 0 && t->cells[i].note) {
			rc = buf_fmt(&b, e, "    %s\n", t->cells[i].text);
		} else if (rc == 0) {
			rc = add_cell(t, column, t->cells[i].text, &b, e);
			column = (column + 1) % t->column_count;
		}
	}
	if (rc == 0)
		rc = flush(&b, out, e);
	buf_free(&b);
	return rc;
}
