#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list/list_int.h"
#include "unit/unit.h"

#define DATABASES_WIDTH 40 /* of names; then only their number */

enum { KIND, NAME, DATABASE, TAKEN, AGE, STORED, PLAIN, ENCRYPTED, ROWS,
	COLUMNS };

static const struct {
	const char *head;
	bool right;
} columns[COLUMNS] = {
	[KIND] = { "KIND", false },
	[NAME] = { "NAME", false },
	[DATABASE] = { "DATABASE", false },
	[TAKEN] = { "TAKEN", false },
	[AGE] = { "AGE", true },
	[STORED] = { "STORED", true },
	[PLAIN] = { "PLAIN", true },
	[ENCRYPTED] = { "ENCRYPTED", false },
	[ROWS] = { "ROWS", true },
};

struct row {
	char *cell[COLUMNS];
};

/* "a, b" or "a, b and 5 more". */
static char *
databases(const struct repo_set *set, struct err *e)
{
	struct buf b = BUF_INIT(LIST_LINE_MAX);
	size_t i;

	if (buf_str(&b, "", e) == -1)
		return NULL;
	for (i = 0; i < set->database_count; i++) {
		if (i > 0 && list_width(b.data) >= DATABASES_WIDTH)
			break;
		if ((i > 0 && buf_str(&b, ", ", e) == -1) ||
		    list_add_name(&b, set->databases[i].name, false, false,
		        e) == -1)
			goto fail;
	}
	if (i < set->database_count && buf_fmt(&b, e, " and %zu more",
	    set->database_count - i) == -1)
		goto fail;
	return b.data;
fail:
	buf_free(&b);
	return NULL;
}

/* One unit is enough to see how old it is: "34d", "23h". */
static const char *
age_text(int64_t age, char out[UNIT_TEXT_MAX])
{
	static const int64_t units[] = { 86400, 3600, 60 };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (age >= 2 * units[i])
			return unit_duration(age - age % units[i], out);
	return unit_duration(age, out);
}

static int
fill(struct row *row, const struct repo_set *set, const char *zone,
    int64_t now, struct err *e)
{
	char text[UNIT_TEXT_MAX];
	char **cell = row->cell;

	if ((cell[DATABASE] = databases(set, e)) == NULL)
		return -1;
	cell[KIND] = strdup(repo_kind_name(set->kind));
	cell[NAME] = strdup(set->name);
	cell[TAKEN] = strdup(unit_local(set->start, zone, text));
	cell[AGE] = strdup(age_text(list_age(set, now), text));
	cell[STORED] = strdup(unit_size(repo_set_stored(set), text));
	cell[PLAIN] = strdup(unit_size(repo_set_plain(set), text));
	cell[ENCRYPTED] = strdup(list_is_encrypted(set) ? "yes" : "no");
	snprintf(text, sizeof text, "%" PRIu64, set->rows);
	cell[ROWS] = strdup(text);
	for (unsigned i = 0; i < COLUMNS; i++)
		if (cell[i] == NULL)
			return err_nomem(e);
	return 0;
}

static int
add_cell(struct buf *b, unsigned column, const char *text, size_t width,
    struct err *e)
{
	size_t pad = width - list_width(text);
	bool last = column == COLUMNS - 1;

	if ((columns[column].right && buf_fmt(b, e, "%*s", (int)pad,
	    "") == -1) || buf_str(b, text, e) == -1)
		return -1;
	if (!columns[column].right && !last &&
	    buf_fmt(b, e, "%*s", (int)pad, "") == -1)
		return -1;
	return buf_str(b, last ? "\n" : "  ", e);
}

static int
print_row(char *const *cell, const size_t *width, struct sink *out,
    struct err *e)
{
	struct buf b = BUF_INIT(LIST_LINE_MAX);
	int rc = 0;

	for (unsigned i = 0; i < COLUMNS && rc == 0; i++)
		rc = add_cell(&b, i, cell != NULL ? cell[i] : columns[i].head,
		    width[i], e);
	if (rc == 0)
		rc = sink_write(out, b.data, b.len, e);
	buf_free(&b);
	return rc;
}

int
list_table(struct repo_set *const *sets, size_t count, const char *zone,
    int64_t now, struct sink *out, struct err *e)
{
	struct row *rows = calloc(count + 1, sizeof *rows);
	size_t width[COLUMNS];
	int rc = -1;

	if (rows == NULL)
		return err_nomem(e);
	for (unsigned k = 0; k < COLUMNS; k++)
		width[k] = strlen(columns[k].head);
	for (size_t i = 0; i < count; i++) {
		if (fill(&rows[i], sets[i], zone, now, e) == -1)
			goto done;
		for (unsigned k = 0; k < COLUMNS; k++) {
			size_t w = list_width(rows[i].cell[k]);

			if (w > width[k])
				width[k] = w;
		}
	}
	rc = print_row(NULL, width, out, e);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = print_row(rows[i].cell, width, out, e);
done:
	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < COLUMNS; k++)
			free(rows[i].cell[k]);
	free(rows);
	return rc;
}
