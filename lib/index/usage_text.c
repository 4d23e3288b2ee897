/*
 * A sample as text: lines of fields with tabs between, the first a word for
 * what the line is; pgk-format(5) has them. Names are escaped as those of TSV.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "form/form.h"
#include "index/usage.h"
#include "unit/unit.h"

#define FORMAT "1"
#define FIELDS_MAX 10

static int
add_time(struct buf *b, int64_t when, struct err *e)
{
	char text[UNIT_TEXT_MAX];

	return buf_fmt(b, e, "\t%s", when == 0 ? "-" :
	    unit_rfc3339(when, text));
}

static int
add_name(struct buf *b, const char *name, struct err *e)
{
	return buf_byte(b, '\t', e) == -1 ? -1 :
	    form_name(b, name, true, false, e);
}

static int
add_node(struct buf *b, const struct usage_node *n, struct err *e)
{
	if (buf_str(b, "node", e) == -1 || add_name(b, n->label, e) == -1 ||
	    buf_fmt(b, e, "\t%s", n->standby ? "standby" : "primary") == -1 ||
	    add_time(b, n->taken, e) == -1 || add_time(b, n->since, e) == -1)
		return -1;
	for (size_t i = 0; i < n->count; i++) {
		const struct usage_index *x = &n->all[i];

		if (buf_str(b, "\nindex", e) == -1 ||
		    add_name(b, x->schema, e) == -1 ||
		    add_name(b, x->table, e) == -1 ||
		    add_name(b, x->name, e) == -1 ||
		    add_name(b, x->definition, e) == -1 ||
		    buf_fmt(b, e, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
		    "\t%" PRIu64, x->scans, x->entries, x->bytes,
		    x->writes) == -1 || add_time(b, x->last_scan, e) == -1)
			return -1;
	}
	return buf_byte(b, '\n', e);
}

int
usage_format(const struct usage_sample *s, struct buf *out, struct err *e)
{
	if (buf_fmt(out, e, "pgk-usage\t%s\ncluster\t%s\ndatabase", FORMAT,
	    s->cluster) == -1 || add_name(out, s->database, e) == -1 ||
	    buf_byte(out, '\n', e) == -1)
		return -1;
	for (size_t i = 0; i < s->count; i++)
		if (add_node(out, &s->nodes[i], e) == -1)
			return -1;
	return buf_str(out, "end\n", e);
}

/* and back */

struct reader {
	const char *at, *end;
	uint64_t line;
	const char *field[FIELDS_MAX];
	size_t len[FIELDS_MAX];
	size_t count;
	struct err *e;
};

static int
bad(const struct reader *r, const char *what)
{
	return err_set(r->e, ERR_CORRUPT, "line %" PRIu64 ": %s", r->line,
	    what);
}

/* Cut the next line into fields: 1, 0 at the end, -1. */
static int
next_line(struct reader *r)
{
	const char *stop, *tab;

	r->count = 0;
	r->line++;
	if (r->at == r->end)
		return 0;
	if ((stop = memchr(r->at, '\n', (size_t)(r->end - r->at))) == NULL)
		return bad(r, "has no end");
	for (;;) {
		if (r->count == FIELDS_MAX)
			return bad(r, "has too many fields");
		tab = memchr(r->at, '\t', (size_t)(stop - r->at));
		r->field[r->count] = r->at;
		r->len[r->count++] = (size_t)((tab ? tab : stop) - r->at);
		if (tab == NULL)
			break;
		r->at = tab + 1;
	}
	r->at = stop + 1;
	return 1;
}

static bool
is(const struct reader *r, size_t i, const char *word)
{
	return i < r->count && r->len[i] == strlen(word) &&
	    memcmp(r->field[i], word, r->len[i]) == 0;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ?
	    c - 'a' + 10 : -1;
}

/* What an escape at p[1..) stands for, 0 if for nothing; *len of it. */
static char
unescape(const char *p, size_t left, size_t *len)
{
	static const char from[] = "tnr\\", to[] = "\t\n\r\\";
	const char *k;

	*len = 2;
	if (left < 2)
		return 0;
	if ((k = memchr(from, p[1], sizeof from - 1)) != NULL)
		return to[k - from];
	*len = 4;
	if (left < 4 || p[1] != 'x' || hex(p[2]) == -1 || hex(p[3]) == -1)
		return 0;
	return (char)(hex(p[2]) << 4 | hex(p[3]));
}

static int
take_name(const struct reader *r, size_t i, char **out)
{
	const char *p = r->field[i], *end = p + r->len[i];
	char *text = malloc(r->len[i] + 1);
	size_t n = 0, len;

	if (text == NULL)
		return err_nomem(r->e);
	for (; p < end; p += len) {
		len = 1;
		text[n] = *p == '\\' ? unescape(p, (size_t)(end - p), &len) :
		    *p;
		if (text[n++] == '\0') {
			free(text);
			return bad(r, "is no name");
		}
	}
	text[n] = '\0';
	if (n == 0) {
		free(text);
		return bad(r, "has an empty name");
	}
	*out = text;
	return 0;
}

static int
take_number(const struct reader *r, size_t i, uint64_t *out)
{
	char word[24];
	int64_t n;

	if (r->len[i] == 0 || r->len[i] >= sizeof word)
		return bad(r, "has no number where one should be");
	memcpy(word, r->field[i], r->len[i]);
	word[r->len[i]] = '\0';
	if (unit_parse_number(word, 0, INT64_MAX, &n, NULL) == -1)
		return bad(r, "has no number where one should be");
	*out = (uint64_t)n;
	return 0;
}

static int
take_time(const struct reader *r, size_t i, bool need, int64_t *out)
{
	char word[UNIT_TEXT_MAX];

	*out = 0;
	if (!need && is(r, i, "-"))
		return 0;
	if (r->len[i] >= sizeof word)
		return bad(r, "has no time where one should be");
	memcpy(word, r->field[i], r->len[i]);
	word[r->len[i]] = '\0';
	if (unit_parse_rfc3339(word, out, NULL) == -1 || *out <= 0)
		return bad(r, "has no time where one should be");
	return 0;
}

static int
take_node(struct reader *r, struct usage_sample *s)
{
	struct usage_node *n;

	if (r->count != 5 || (!is(r, 2, "standby") && !is(r, 2, "primary")))
		return bad(r, "is no node");
	if (s->count == USAGE_NODES_MAX)
		return bad(r, "is one node too many");
	n = &s->nodes[s->count++];
	n->standby = is(r, 2, "standby");
	if (take_name(r, 1, &n->label) == -1 ||
	    take_time(r, 3, true, &n->taken) == -1)
		return -1;
	return take_time(r, 4, false, &n->since);
}

/* Indexes stand in order: that makes them findable, and none is twice. */
static int
check_order(const struct reader *r, const struct usage_node *n)
{
	const struct usage_index *x = n->all + n->count - 1;
	int c;

	if (n->count == 1)
		return 0;
	c = strcmp(x[-1].schema, x->schema);
	if (c == 0)
		c = strcmp(x[-1].name, x->name);
	return c < 0 ? 0 : bad(r, "is not in order");
}

static int
take_index(struct reader *r, struct usage_sample *s, size_t *room)
{
	struct usage_node *n = s->count == 0 ? NULL : &s->nodes[s->count - 1];
	struct usage_index *x;

	if (r->count != 10 || n == NULL)
		return bad(r, "is no index");
	if (n->count == 0)
		*room = 0;
	if (n->count == *room) {
		if (*room >= USAGE_INDEXES_MAX)
			return bad(r, "is one index too many");
		*room = *room == 0 ? 64 : 2 * *room;
		x = reallocarray(n->all, *room, sizeof *x);
		if (x == NULL)
			return err_nomem(r->e);
		n->all = x;
	}
	x = &n->all[n->count++];
	memset(x, 0, sizeof *x);
	if (take_name(r, 1, &x->schema) == -1 ||
	    take_name(r, 2, &x->table) == -1 ||
	    take_name(r, 3, &x->name) == -1 ||
	    take_name(r, 4, &x->definition) == -1) {
		/* names are compared: one that is not there must not be */
		free(x->schema);
		free(x->table);
		free(x->name);
		n->count--;
		return -1;
	}
	if (take_number(r, 5, &x->scans) == -1 ||
	    take_number(r, 6, &x->entries) == -1 ||
	    take_number(r, 7, &x->bytes) == -1 ||
	    take_number(r, 8, &x->writes) == -1 ||
	    take_time(r, 9, false, &x->last_scan) == -1)
		return -1;
	return check_order(r, n);
}

static int
take_head(struct reader *r, struct usage_sample *s)
{
	int rc;

	if ((rc = next_line(r)) != 1 || r->count != 2 ||
	    !is(r, 0, "pgk-usage"))
		return rc == -1 ? -1 : bad(r, "is not that of a sample");
	if (!is(r, 1, FORMAT))
		return bad(r, "is of a form that this release does not know");
	if ((rc = next_line(r)) != 1 || r->count != 2 || !is(r, 0, "cluster"))
		return rc == -1 ? -1 : bad(r, "names no cluster");
	if (take_name(r, 1, &s->cluster) == -1)
		return -1;
	if ((rc = next_line(r)) != 1 || r->count != 2 || !is(r, 0, "database"))
		return rc == -1 ? -1 : bad(r, "names no database");
	return take_name(r, 1, &s->database);
}

static int
take_all(struct reader *r, struct usage_sample *s)
{
	size_t room = 0;
	int rc;

	if (take_head(r, s) == -1)
		return -1;
	while ((rc = next_line(r)) == 1 && !is(r, 0, "end")) {
		rc = is(r, 0, "node") ? take_node(r, s) : is(r, 0, "index") ?
		    take_index(r, s, &room) : bad(r, "is of no known kind");
		if (rc == -1)
			return -1;
	}
	if (rc != 1)
		return rc == -1 ? -1 : bad(r, "should be the end");
	return r->count == 1 && r->at == r->end && s->count > 0 ? 0 :
	    bad(r, "is the end, but not all");
}

int
usage_parse(const char *text, size_t len, struct usage_sample *s,
    struct err *e)
{
	struct reader r = { .at = text, .end = text + len, .e = e };
	struct usage_sample mine = { .cluster = NULL };

	if (take_all(&r, &mine) == -1) {
		usage_sample_free(&mine);
		return -1;
	}
	*s = mine;
	return 0;
}
