#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/index.h"

static void
finding_free(struct index_finding *f)
{
	free(f->schema);
	free(f->table);
	free(f->index);
	free(f->reason);
	free(f->fix);
	free(f->undo);
	for (size_t i = 0; i < f->fact_count; i++)
		free(f->facts[i].value);
}

void
index_report_free(struct index_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		finding_free(&r->findings[i]);
	free(r->findings);
	r->findings = NULL;
	r->count = 0;
}

size_t
index_report_bad(const struct index_report *r)
{
	size_t bad = 0;

	for (size_t i = 0; i < r->count; i++)
		bad += r->findings[i].severity >= INDEX_WARNING;
	return bad;
}

struct index_finding *
index_add(struct index_report *r, enum index_severity severity,
    const char *verdict, struct err *e)
{
	struct index_finding *f = buf_more(r->findings, r->count, sizeof *f,
	    e);

	if (f == NULL)
		return NULL;
	r->findings = f;
	f += r->count++;
	f->severity = severity;
	f->verdict = verdict;
	return f;
}

static int
copy(char **to, const char *from, struct err *e)
{
	char *text = NULL;

	if (from != NULL && (text = strdup(from)) == NULL)
		return err_nomem(e);
	free(*to);
	*to = text;
	return 0;
}

int
index_name(struct index_finding *f, const char *schema, const char *table,
    const char *index, struct err *e)
{
	return copy(&f->schema, schema, e) == -1 ||
	    copy(&f->table, table, e) == -1 ||
	    copy(&f->index, index, e) == -1 ? -1 : 0;
}

int
index_text(char **field, struct err *e, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n == -1)
		return err_nomem(e);
	free(*field);
	*field = text;
	return 0;
}

static int
add_fact(struct index_finding *f, const char *name, const char *value,
    bool number, struct err *e)
{
	struct index_fact *fact = &f->facts[f->fact_count];

	if (value == NULL)
		return 0;
	if (f->fact_count == INDEX_FACTS_MAX)
		return err_set(e, ERR_NOMEM, "too many facts of one finding");
	fact->name = name;
	fact->number = number;
	if (copy(&fact->value, value, e) == -1)
		return -1;
	f->fact_count++;
	return 0;
}

int
index_fact_text(struct index_finding *f, const char *name, const char *value,
    struct err *e)
{
	return add_fact(f, name, value, false, e);
}

int
index_fact_count(struct index_finding *f, const char *name, int64_t value,
    struct err *e)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, value);
	return add_fact(f, name, text, true, e);
}

int
index_fact_real(struct index_finding *f, const char *name, double value,
    struct err *e)
{
	char text[32];

	/* JSON has no word for what is no number, nor for one beyond all */
	if (!(value > -1e15 && value < 1e15))
		return 0;
	snprintf(text, sizeof text, "%.1f", value);
	return add_fact(f, name, text, true, e);
}

const char *
index_severity_name(enum index_severity s)
{
	static const char *const names[] = { "ok", "note", "warning",
		"error" };

	return names[s];
}

static int
compare(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int
by_name(const void *a, const void *b)
{
	const struct index_finding *x = a, *y = b;
	int c;

	/* what stands in the file comes first, in its order: 0 - 1 is last */
	if (x->line != y->line)
		return x->line - 1 < y->line - 1 ? -1 : 1;
	if ((c = compare(x->schema, y->schema)) != 0 ||
	    (c = compare(x->table, y->table)) != 0 ||
	    (c = compare(x->index, y->index)) != 0)
		return c;
	return strcmp(x->verdict, y->verdict);
}

void
index_report_sort(struct index_report *r)
{
	if (r->count > 1)
		qsort(r->findings, r->count, sizeof *r->findings, by_name);
}
