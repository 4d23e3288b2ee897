/*
 * form: text for people and for programs: tables, TSV, JSON.
 *
 * Names come from servers and files: control bytes and invalid UTF-8 never
 * reach the output as they are.
 */
#ifndef PGK_FORM_H
#define PGK_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "buf/buf.h"
#include "sink/sink.h"

#define FORM_LINE_MAX ((size_t)16 << 20)

/*
 * Append a name as printable UTF-8: control bytes, marks that turn the
 * direction of text, and bytes that are no UTF-8 as \xNN. With `escapes` a
 * tab is \t, a newline \n, a carriage return \r, a backslash \\; with
 * `comma` too, a comma is \,.
 */
int form_name(struct buf *b, const char *name, bool escapes, bool comma,
    struct err *e);

/*
 * Append a JSON string with its quotes. Bytes that are no UTF-8 become
 * U+FFFD: JSON has no other way.
 */
int form_json(struct buf *b, const char *text, struct err *e);

/*
 * The columns that UTF-8 text takes on a terminal: 2 for wide characters,
 * 0 for combining ones, 1 for all others.
 */
size_t form_width(const char *text);

/*
 * A table: a line of headings, a line a row, columns aligned also when names
 * are of wide characters (Korean takes two columns each). The columns are
 * borrowed.
 */
struct form_column {
	const char *head;
	bool right; /* aligned to the right: numbers */
};
struct form_table;
struct form_table *form_table_new(const struct form_column *columns,
    size_t count, struct err *e);
void form_table_free(struct form_table *t); /* NULL ok */

/* The next cell, row by row; copied as it is: form_name() comes before. */
int form_table_cell(struct form_table *t, const char *text, struct err *e);

/* A line under the row just filled, indented, in no column. */
int form_table_note(struct form_table *t, const char *text, struct err *e);

/* All rows are whole. Without rows only the headings are written. */
int form_table_print(const struct form_table *t, struct sink *out,
    struct err *e);

#endif
