#include <inttypes.h>
#include <stdio.h>

#include "list/list_int.h"
#include "unit/unit.h"

#define DATABASES_WIDTH 40 /* of names; then only their number */

static const struct form_column columns[] = {
	{ "KIND", false }, { "NAME", false }, { "DATABASE", false },
	{ "TAKEN", false }, { "AGE", true }, { "STORED", true },
	{ "PLAIN", true }, { "ENCRYPTED", false }, { "ROWS", true },
};

/* with base backups among them */
static const struct form_column chain_columns[] = {
	{ "KIND", false }, { "NAME", false }, { "DATABASE", false },
	{ "METHOD", false }, { "BUILDS ON", false }, { "TAKEN", false },
	{ "AGE", true }, { "STORED", true }, { "PLAIN", true },
	{ "ENCRYPTED", false }, { "ROWS", true },
};

/* "a, b" or "a, b and 5 more". */
static int
add_databases(struct form_table *t, const struct repo_set *set, struct err *e)
{
	struct buf b = BUF_INIT(FORM_LINE_MAX);
	int rc = buf_str(&b, "", e);
	size_t i;

	for (i = 0; i < set->database_count && rc == 0; i++) {
		if (i > 0 && form_width(b.data) >= DATABASES_WIDTH)
			break;
		if ((i > 0 && buf_str(&b, ", ", e) == -1) ||
		    form_name(&b, set->databases[i].name, false, false,
		        e) == -1)
			rc = -1;
	}
	if (rc == 0 && i < set->database_count)
		rc = buf_fmt(&b, e, " and %zu more", set->database_count - i);
	if (rc == 0)
		rc = form_table_cell(t, b.data, e);
	buf_free(&b);
	return rc;
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

/* What has no such thing has a dash. */
static int
add_word(struct form_table *t, const char *word, struct err *e)
{
	return form_table_cell(t, word != NULL ? word : "-", e);
}

static int
add_row(struct form_table *t, const struct repo_set *set, bool chains,
    const char *zone, int64_t now, struct err *e)
{
	char text[UNIT_TEXT_MAX];

	if (form_table_cell(t, repo_kind_name(set->kind), e) == -1 ||
	    form_table_cell(t, set->name, e) == -1 ||
	    add_databases(t, set, e) == -1 ||
	    (chains && (add_word(t, set->method, e) == -1 ||
	        add_word(t, set->parent, e) == -1)) ||
	    form_table_cell(t, unit_local(set->start, zone, text), e) == -1 ||
	    form_table_cell(t, age_text(list_age(set, now), text), e) == -1 ||
	    form_table_cell(t, unit_size(repo_set_stored(set), text),
	        e) == -1 ||
	    form_table_cell(t, unit_size(repo_set_plain(set), text), e) == -1 ||
	    form_table_cell(t, list_is_encrypted(set) ? "yes" : "no", e) == -1)
		return -1;
	if (list_is_base(set))
		return add_word(t, NULL, e);
	snprintf(text, sizeof text, "%" PRIu64, set->rows);
	return form_table_cell(t, text, e);
}

int
list_table(struct repo_set *const *sets, const struct list_base *bases,
    size_t count, const char *zone, int64_t now, struct sink *out,
    struct err *e)
{
	struct form_table *t = bases == NULL ?
	    form_table_new(columns, sizeof columns / sizeof *columns, e) :
	    form_table_new(chain_columns,
	        sizeof chain_columns / sizeof *chain_columns, e);
	int rc = t == NULL ? -1 : 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = add_row(t, sets[i], bases != NULL, zone, now, e);
	if (rc == 0)
		rc = form_table_print(t, out, e);
	if (rc == 0 && bases != NULL)
		rc = list_windows(sets, bases, count, zone, out, e);
	form_table_free(t);
	return rc;
}
