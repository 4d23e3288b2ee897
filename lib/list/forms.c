#include <inttypes.h>
#include <string.h>

#include "list/list_int.h"
#include "unit/unit.h"

static const char heads[] = "kind\tname\tdatabases\tstart\tend\tage_seconds\t"
    "stored\tplain\tencrypted\trows\tenvironment\tsequence\tsigned\n";

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

static int
add_line(struct buf *b, const struct repo_set *set, int64_t now,
    struct err *e)
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
	return buf_fmt(b, e, "\t%" PRIu64 "\t%s\n", set->sequence,
	    set->is_signed ? "yes" : "no");
}

int
list_tsv(struct repo_set *const *sets, size_t count, int64_t now,
    struct sink *out, struct err *e)
{
	struct buf b = BUF_INIT(FORM_LINE_MAX);
	int rc = sink_write(out, heads, sizeof heads - 1, e);

	for (size_t i = 0; i < count && rc == 0; i++) {
		buf_reset(&b);
		rc = add_line(&b, sets[i], now, e);
		if (rc == 0)
			rc = sink_write(out, b.data, b.len, e);
	}
	buf_free(&b);
	return rc;
}

/* The .json is one object and not empty: a field is put after its '{'. */
static int
add_object(struct buf *b, const char *text, const struct repo_set *set,
    int64_t now, struct err *e)
{
	const char *open = strchr(text, '{');
	size_t len;

	if (open == NULL)
		return err_set(e, ERR_CORRUPT, "set \"%s\" is no JSON object",
		    set->name);
	if (buf_fmt(b, e, "{\n  \"computed\": { \"age_seconds\": %" PRId64
	    ", \"plain\": %" PRIu64 ", \"rows\": %" PRIu64 ", \"signed\": %s"
	    ", \"stored\": %" PRIu64 " },", list_age(set, now),
	    repo_set_plain(set), set->rows, set->is_signed ? "true" : "false",
	    repo_set_stored(set)) == -1)
		return -1;
	for (len = strlen(open); len > 1 && open[len - 1] == '\n';)
		len--;
	return buf_add(b, open + 1, len - 1, e);
}

int
list_json(struct repo *r, struct repo_set *const *sets, size_t count,
    int64_t now, struct sink *out, struct err *e)
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
		    add_object(&b, text.data, sets[i], now, e) == -1 ||
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
