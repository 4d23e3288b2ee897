#include <inttypes.h>
#include <string.h>

#include "list/list_int.h"
#include "unit/unit.h"

static const char heads[] = "kind\tname\tdatabases\tstart\tend\tage_seconds\t"
    "stored\tplain\tencrypted\trows\tenvironment\tsequence\tsigned\t"
    "parent\tbase\tmethod\tlsn\tend_lsn\ttimeline\twal_to\twal_timeline\t"
    "wal_missing\twal_time\n";

static int
add_databases(struct buf *b, const struct repo_set *set, struct err *e)
{
	for (size_t i = 0; i < set->database_count; i++)
		if ((i > 0 && buf_byte(b, ',', e) == -1) ||
		    form_name(b, set->databases[i].name, true, true,
		        e) == -1)
			return -1;
	return 0;
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* Chain and WAL; a set that is no base backup has empty fields. */
static int
add_chain(struct buf *b, const struct repo_set *set,
    const struct list_base *base, struct err *e)
{
	char lsn[LSN_TEXT_MAX], when[UNIT_TEXT_MAX];
	int64_t to;

	if (base == NULL || !list_is_base(set))
		return buf_str(b, "\t\t\t\t\t\t\t\t\t\t\n", e);
	if (buf_fmt(b, e, "\t%s\t%s\t%s\t%s\t%s\t%" PRIu32 "\t",
	    or_empty(set->parent), or_empty(base->base), set->method,
	    or_empty(set->lsn), or_empty(set->end_lsn), set->timeline) == -1)
		return -1;
	if (base->wal == LIST_WAL_NONE)
		return buf_str(b, "\t\t\t\n", e);
	return buf_fmt(b, e, "%s\t%" PRIu32 "\t%s\t%s\n",
	    lsn_text(base->to, lsn), base->to_timeline,
	    base->gap || base->wal == LIST_WAL_MISSING ? base->missing : "",
	    list_reaches(base, set->end, &to) ? unit_rfc3339(to, when) : "");
}

static int
add_line(struct buf *b, const struct repo_set *set,
    const struct list_base *base, int64_t now, struct err *e)
{
	char start[UNIT_TEXT_MAX], end[UNIT_TEXT_MAX];

	if (buf_fmt(b, e, "%s\t%s\t", repo_kind_name(set->kind),
	    set->name) == -1 || add_databases(b, set, e) == -1)
		return -1;
	if (buf_fmt(b, e, "\t%s\t%s\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64
	    "\t%s\t%" PRIu64 "\t", unit_rfc3339(set->start, start),
	    unit_rfc3339(set->end, end), list_age(set, now),
	    repo_set_stored(set), repo_set_plain(set),
	    list_is_encrypted(set) ? "yes" : "no", set->rows) == -1)
		return -1;
	if (set->environment != NULL &&
	    form_name(b, set->environment, true, false, e) == -1)
		return -1;
	if (buf_fmt(b, e, "\t%" PRIu64 "\t%s", set->sequence,
	    set->is_signed ? "yes" : "no") == -1)
		return -1;
	return add_chain(b, set, base, e);
}

int
list_tsv(struct repo_set *const *sets, const struct list_base *bases,
    size_t count, int64_t now, struct sink *out, struct err *e)
{
	struct buf b = BUF_INIT(FORM_LINE_MAX);
	int rc = sink_write(out, heads, sizeof heads - 1, e);

	for (size_t i = 0; i < count && rc == 0; i++) {
		buf_reset(&b);
		rc = add_line(&b, sets[i], bases != NULL ? &bases[i] : NULL,
		    now, e);
		if (rc == 0)
			rc = sink_write(out, b.data, b.len, e);
	}
	buf_free(&b);
	return rc;
}

/* What can be recovered from a base backup. */
static int
add_recoverable(struct buf *b, const struct repo_set *set,
    const struct list_base *base, struct err *e)
{
	char from[UNIT_TEXT_MAX], known[UNIT_TEXT_MAX], lsn[LSN_TEXT_MAX];
	char when[UNIT_TEXT_MAX];
	int64_t to;
	bool reaches;

	if (base == NULL || !list_is_base(set))
		return 0;
	if (buf_str(b, ", \"base\": ", e) == -1 ||
	    (base->base == NULL ? buf_str(b, "null", e) :
	    form_json(b, base->base, e)) == -1)
		return -1;
	if (base->base == NULL || base->wal < LIST_WAL_POINT)
		return buf_str(b, ", \"recoverable\": null", e);
	reaches = list_reaches(base, set->end, &to);
	if (buf_fmt(b, e, ", \"recoverable\": { \"from\": \"%s\", "
	    "\"to\": %s%s%s, \"known_to\": \"%s\", \"lsn\": \"%s\", "
	    "\"timeline\": %" PRIu32 ", \"gap\": ",
	    unit_rfc3339(set->end, from), reaches ? "\"" : "",
	    reaches ? unit_rfc3339(to, when) : "null", reaches ? "\"" : "",
	    unit_rfc3339(base->known, known), lsn_text(base->to, lsn),
	    base->to_timeline) == -1)
		return -1;
	if (!base->gap)
		return buf_str(b, "null }", e);
	return buf_fmt(b, e, "\"%s\" }", base->missing);
}

/* The .json is one object and not empty: a field is put after its '{'. */
static int
add_object(struct buf *b, const char *text, const struct repo_set *set,
    const struct list_base *base, int64_t now, struct err *e)
{
	const char *open = strchr(text, '{');
	size_t len;

	if (open == NULL)
		return err_set(e, ERR_CORRUPT, "set \"%s\" is no JSON object",
		    set->name);
	if (buf_fmt(b, e, "{\n  \"computed\": { \"age_seconds\": %" PRId64
	    ", \"plain\": %" PRIu64 ", \"rows\": %" PRIu64 ", \"signed\": %s"
	    ", \"stored\": %" PRIu64, list_age(set, now),
	    repo_set_plain(set), set->rows, set->is_signed ? "true" : "false",
	    repo_set_stored(set)) == -1 ||
	    add_recoverable(b, set, base, e) == -1 ||
	    buf_str(b, " },", e) == -1)
		return -1;
	for (len = strlen(open); len > 1 && open[len - 1] == '\n';)
		len--;
	return buf_add(b, open + 1, len - 1, e);
}

int
list_json(struct repo *r, struct repo_set *const *sets,
    const struct list_base *bases, size_t count, int64_t now,
    struct sink *out, struct err *e)
{
	struct buf text = BUF_INIT(REPO_JSON_MAX);
	struct buf b = BUF_INIT(REPO_JSON_MAX + FORM_LINE_MAX);
	const char *before = "[\n";
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		struct err why = ERR_INIT;

		buf_reset(&text);
		buf_reset(&b);
		if (repo_set_text(r, sets[i], &text, &why) == -1) {
			rc = why.kind == ERR_ABSENT ? 0 : err_pass(e, &why);
			continue;
		}
		if (buf_str(&b, before, e) == -1 ||
		    add_object(&b, text.data, sets[i], bases != NULL ?
		    &bases[i] : NULL, now, e) == -1 ||
		    sink_write(out, b.data, b.len, e) == -1)
			rc = -1;
		before = ",\n";
	}
	buf_free(&b);
	buf_free(&text);
	if (rc == -1)
		return -1;
	before = *before == '[' ? "[]\n" : "\n]\n";
	return sink_write(out, before, strlen(before), e);
}
