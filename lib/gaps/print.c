#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "form/form.h"
#include "gaps/gaps_int.h"
#include "unit/unit.h"

#define TEXT_MAX ((size_t)64 << 20)
#define CELLS 8

static const char *
dash(const char *text)
{
	return *text != '\0' ? text : "-";
}

/* a table */

static int
cells(struct form_table *t, const char *const row[], size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (form_table_cell(t, row[i], e) == -1)
			return -1;
	return 0;
}

static int
print_ranges(const struct gaps *g, struct sink *out, struct err *e)
{
	static const struct form_column columns[] = { { "TIMELINE", true },
		{ "FROM", true }, { "TO", true }, { "SEGMENTS", true },
		{ "FIRST", false }, { "LAST", false }, { "STORED", true },
		{ "THEN MISSING", false } };
	struct form_table *t = form_table_new(columns, CELLS, e);
	int rc = t == NULL ? -1 : 0;

	for (size_t i = 0; i < g->range_count && rc == 0; i++) {
		const struct gaps_range *r = &g->ranges[i];
		char timeline[16], from[LSN_TEXT_MAX], to[LSN_TEXT_MAX];
		char count[24], stored[UNIT_TEXT_MAX];
		const char *const row[CELLS] = { timeline,
			lsn_text(r->start, from), lsn_text(r->end, to),
			count, r->first, r->last,
			unit_size(r->stored, stored), dash(r->missing) };

		snprintf(timeline, sizeof timeline, "%" PRIu32, r->timeline);
		snprintf(count, sizeof count, "%" PRIu64, r->segments);
		rc = cells(t, row, CELLS, e);
	}
	if (rc == 0)
		rc = form_table_print(t, out, e);
	form_table_free(t);
	return rc;
}

/* The last time a backup can be recovered to, or "": not known. */
static const char *
to_time(const struct gaps_backup *b, char out[UNIT_TEXT_MAX])
{
	int64_t second;

	if (!b->usable || !archive_last_second(&b->ended, b->time, &second))
		return "";
	return unit_rfc3339(second, out);
}

static int
print_backups(const struct gaps *g, struct sink *out, struct err *e)
{
	static const struct form_column columns[] = {
		{ "BASE BACKUP", false }, { "TIMELINE", true },
		{ "FROM", true }, { "TO", true }, { "TIMELINE", true },
		{ "LAST", false }, { "TO TIME", false },
		{ "MISSING", false } };
	struct form_table *t = form_table_new(columns, CELLS, e);
	int rc = t == NULL ? -1 : 0;

	for (size_t i = 0; i < g->backup_count && rc == 0; i++) {
		const struct gaps_backup *b = &g->backups[i];
		char own[16], end[16], from[LSN_TEXT_MAX], to[LSN_TEXT_MAX];
		char when[UNIT_TEXT_MAX];
		const char *const row[] = { b->name, own,
			lsn_text(b->start, from),
			b->usable ? lsn_text(b->end, to) : "-", end,
			dash(b->last), dash(to_time(b, when)),
			dash(b->missing) };

		snprintf(own, sizeof own, "%" PRIu32, b->timeline);
		snprintf(end, sizeof end, "%" PRIu32, b->end_timeline);
		rc = cells(t, row, CELLS, e);
	}
	if (rc == 0)
		rc = form_table_print(t, out, e);
	form_table_free(t);
	return rc;
}

static int
print_table(const struct gaps *g, struct sink *out, struct err *e)
{
	if (g->range_count > 0 && print_ranges(g, out, e) == -1)
		return -1;
	if (g->backup_count == 0)
		return 0;
	if (g->range_count > 0 && sink_write(out, "\n", 1, e) == -1)
		return -1;
	return print_backups(g, out, e);
}

/* TSV */

static const char *
fault_word(const struct gaps_fault *f)
{
	return f->kind == ERR_ABSENT ? "missing" : "damaged";
}

static int
add_tsv(const struct gaps *g, struct buf *b, struct err *e)
{
	char from[LSN_TEXT_MAX], to[LSN_TEXT_MAX], when[UNIT_TEXT_MAX];

	if (buf_str(b, "what\tname\ttimeline\tfrom\tto\tto_timeline\tfirst\t"
	    "last\tsegments\tstored\tmissing\tto_time\n", e) == -1)
		return -1;
	for (size_t i = 0; i < g->range_count; i++) {
		const struct gaps_range *r = &g->ranges[i];

		if (buf_fmt(b, e, "range\t\t%" PRIu32 "\t%s\t%s\t%" PRIu32
		    "\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%s\t\n", r->timeline,
		    lsn_text(r->start, from), lsn_text(r->end, to),
		    r->timeline, r->first, r->last, r->segments, r->stored,
		    r->missing) == -1)
			return -1;
	}
	for (size_t i = 0; i < g->backup_count; i++) {
		const struct gaps_backup *k = &g->backups[i];

		if (buf_fmt(b, e, "backup\t%s\t%" PRIu32 "\t%s\t%s\t%" PRIu32
		    "\t\t%s\t\t\t%s\t%s\n", k->name, k->timeline,
		    lsn_text(k->start, from), k->usable ? lsn_text(k->end,
		    to) : "", k->end_timeline, k->last, k->missing,
		    to_time(k, when)) == -1)
			return -1;
	}
	for (size_t i = 0; i < g->fault_count; i++)
		if (buf_fmt(b, e, "%s\t%s\t\t\t\t\t\t\t\t\t\t\n",
		    fault_word(&g->faults[i]), g->faults[i].name) == -1)
			return -1;
	return 0;
}

/* JSON: names of ours need no escapes */

static int
json_ranges(const struct gaps *g, struct buf *b, struct err *e)
{
	char from[LSN_TEXT_MAX], to[LSN_TEXT_MAX];

	for (size_t i = 0; i < g->range_count; i++) {
		const struct gaps_range *r = &g->ranges[i];

		if (buf_fmt(b, e, "%s\n    { \"timeline\": %" PRIu32
		    ", \"from\": \"%s\", \"to\": \"%s\", \"first\": \"%s\", "
		    "\"last\": \"%s\", \"segments\": %" PRIu64
		    ", \"stored\": %" PRIu64 ", \"missing\": %s%s%s }",
		    i == 0 ? "" : ",", r->timeline, lsn_text(r->start, from),
		    lsn_text(r->end, to), r->first, r->last, r->segments,
		    r->stored, r->missing[0] != '\0' ? "\"" : "",
		    r->missing[0] != '\0' ? r->missing : "null",
		    r->missing[0] != '\0' ? "\"" : "") == -1)
			return -1;
	}
	return 0;
}

/* "null" for "", else in quotes. */
static const char *
or_null(const char *text, char out[UNIT_TEXT_MAX + 2])
{
	snprintf(out, UNIT_TEXT_MAX + 2, *text != '\0' ? "\"%s\"" : "null",
	    text);
	return out;
}

static int
json_backups(const struct gaps *g, struct buf *b, struct err *e)
{
	char from[LSN_TEXT_MAX], to[LSN_TEXT_MAX], when[UNIT_TEXT_MAX];
	char quoted[3][UNIT_TEXT_MAX + 2];

	for (size_t i = 0; i < g->backup_count; i++) {
		const struct gaps_backup *k = &g->backups[i];

		if (buf_fmt(b, e, "%s\n    { \"name\": \"%s\", \"timeline\": "
		    "%" PRIu32 ", \"from\": \"%s\", \"to\": %s, "
		    "\"to_timeline\": %" PRIu32 ", \"last\": \"%s\", "
		    "\"to_time\": %s, \"missing\": %s, \"usable\": %s }",
		    i == 0 ? "" : ",", k->name, k->timeline,
		    lsn_text(k->start, from), or_null(k->usable ?
		    lsn_text(k->end, to) : "", quoted[0]), k->end_timeline,
		    k->last, or_null(to_time(k, when), quoted[1]),
		    or_null(k->missing, quoted[2]),
		    k->usable ? "true" : "false") == -1)
			return -1;
	}
	return 0;
}

static int
json_faults(const struct gaps *g, struct buf *b, struct err *e)
{
	for (size_t i = 0; i < g->fault_count; i++) {
		const struct gaps_fault *f = &g->faults[i];

		if (buf_fmt(b, e, "%s\n    { \"what\": \"%s\", \"name\": "
		    "\"%s\", \"text\": ", i == 0 ? "" : ",", fault_word(f),
		    f->name) == -1 || form_json(b, f->text, e) == -1 ||
		    buf_str(b, " }", e) == -1)
			return -1;
	}
	return 0;
}

static int
add_json(const struct gaps *g, struct buf *b, struct err *e)
{
	char id[32] = "null";

	if (g->has_system)
		snprintf(id, sizeof id, "\"%" PRIu64 "\"",
		    g->system_identifier);
	if (buf_fmt(b, e, "{\n  \"system_identifier\": %s,\n"
	    "  \"segment_size\": %" PRIu32 ",\n  \"ranges\": [", id,
	    g->segment_size) == -1 || json_ranges(g, b, e) == -1 ||
	    buf_str(b, "],\n  \"backups\": [", e) == -1 ||
	    json_backups(g, b, e) == -1 ||
	    buf_str(b, "],\n  \"faults\": [", e) == -1 ||
	    json_faults(g, b, e) == -1)
		return -1;
	return buf_str(b, "]\n}\n", e);
}

int
gaps_print(const struct gaps *g, enum gaps_form form, struct sink *out,
    struct err *e)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	int rc;

	if (form == GAPS_TABLE)
		return print_table(g, out, e);
	rc = (form == GAPS_TSV ? add_tsv : add_json)(g, &b, e);
	if (rc == 0)
		rc = sink_write(out, b.data, b.len, e);
	buf_free(&b);
	return rc;
}
