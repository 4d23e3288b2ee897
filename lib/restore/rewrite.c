#include <string.h>

#include "restore/deed.h"
#include "restore/walk.h"

/* splitting a constraint */

/* "(a, b)": plain columns; where it lies is told. */
static bool
columns(struct walk *w, const char **begin, const char **end)
{
	*begin = w->t.begin;
	if (!is_punct(w, '('))
		return false;
	do {
		if (!next(w) || w->t.kind != SQLTEXT_WORD)
			return false;
		next(w);
	} while (is_punct(w, ','));
	*end = w->t.end;
	if (!is_punct(w, ')'))
		return false;
	next(w);
	return true;
}

/* Any parenthesis. */
static bool
group(struct walk *w, const char **begin, const char **end)
{
	unsigned depth = 0;

	*begin = w->t.begin;
	if (!is_punct(w, '('))
		return false;
	do {
		if (is_punct(w, '('))
			depth++;
		else if (is_punct(w, ')'))
			depth--;
		*end = w->t.end;
		next(w);
	} while (depth > 0 && w->more);
	return depth == 0;
}

struct unique {
	char schema[256], table[256], name[256];
	bool primary;
	const char *nulls, *deferrable, *initially;
	const char *cols, *cols_end, *incl, *incl_end, *with, *with_end;
};

static bool
read_unique(const char *text, struct unique *u)
{
	struct walk w = { .at = text };
	char none[256];

	next(&w);
	if (!accept(&w, "alter") || !accept(&w, "table"))
		return false;
	accept(&w, "only");
	if (!accept_name(&w, u->schema, u->table) || u->schema[0] == '\0' ||
	    !accept(&w, "add") || !accept(&w, "constraint") ||
	    !accept_name(&w, none, u->name) || none[0] != '\0')
		return false;
	if (accept(&w, "primary")) {
		u->primary = true;
		if (!accept(&w, "key"))
			return false;
	} else if (!accept(&w, "unique")) {
		return false;
	}
	if (accept(&w, "nulls")) {
		u->nulls = is(&w, "not") ? " NULLS NOT DISTINCT" : "";
		accept(&w, "not");
		if (!accept(&w, "distinct"))
			return false;
	}
	if (!columns(&w, &u->cols, &u->cols_end) || (accept(&w, "include") &&
	    !columns(&w, &u->incl, &u->incl_end)) || (accept(&w, "with") &&
	    !group(&w, &u->with, &u->with_end)))
		return false;
	if (accept(&w, "deferrable"))
		u->deferrable = " DEFERRABLE";
	if (accept(&w, "initially")) {
		u->initially = is(&w, "deferred") ? " INITIALLY DEFERRED" : "";
		if (!accept(&w, "deferred") && !accept(&w, "immediate"))
			return false;
	}
	return !w.more;
}

static int
add_part(struct buf *b, const char *before, const char *begin,
    const char *end, struct err *e)
{
	if (begin == NULL)
		return 0;
	return buf_str(b, before, e) == -1 ? -1 :
	    buf_add(b, begin, (size_t)(end - begin), e);
}

int
deed_split_unique(const char *text, struct buf *index, struct buf *attach,
    struct err *e)
{
	struct unique u = { .primary = false };

	if (!read_unique(text, &u))
		return 0;
	if (buf_str(index, "CREATE UNIQUE INDEX ", e) == -1 ||
	    sqltext_quote(index, u.name, e) == -1 ||
	    buf_str(index, " ON ONLY ", e) == -1 ||
	    sqltext_quote2(index, u.schema, u.table, e) == -1 ||
	    add_part(index, " USING btree ", u.cols, u.cols_end, e) == -1 ||
	    add_part(index, " INCLUDE ", u.incl, u.incl_end, e) == -1 ||
	    buf_str(index, u.nulls ? u.nulls : "", e) == -1 ||
	    add_part(index, " WITH ", u.with, u.with_end, e) == -1)
		return -1;
	if (buf_str(attach, "ALTER TABLE ONLY ", e) == -1 ||
	    sqltext_quote2(attach, u.schema, u.table, e) == -1 ||
	    buf_str(attach, " ADD CONSTRAINT ", e) == -1 ||
	    sqltext_quote(attach, u.name, e) == -1 ||
	    buf_str(attach, u.primary ? " PRIMARY KEY" : " UNIQUE", e) == -1 ||
	    buf_str(attach, " USING INDEX ", e) == -1 ||
	    sqltext_quote(attach, u.name, e) == -1 ||
	    buf_str(attach, u.deferrable ? u.deferrable : "", e) == -1 ||
	    buf_str(attach, u.initially ? u.initially : "", e) == -1)
		return -1;
	return 1;
}

int
deed_rename_database(const char *text, const char *name, struct buf *out,
    struct err *e)
{
	struct walk w = { .at = text };
	const char *begin, *end;

	next(&w);
	if (!skip_to(&w, "database") || !w.more ||
	    w.t.kind != SQLTEXT_WORD)
		return err_set(e, ERR_CORRUPT, "a statement on a database "
		    "names none");
	begin = w.t.begin;
	end = w.t.end;
	if (buf_add(out, text, (size_t)(begin - text), e) == -1 ||
	    sqltext_quote(out, name, e) == -1)
		return -1;
	return buf_str(out, end, e);
}

static bool
may_hold_secret(const char *text)
{
	static const char *const verbs[] = { "create", "alter", NULL };
	static const char *const things[] = { "role", "user", "group",
		"subscription", "server", "foreign", NULL };
	struct walk w = { .at = text };

	next(&w);
	return accept_any(&w, verbs) && accept_any(&w, things);
}

const char *
deed_excerpt(const char *text, char out[DEED_EXCERPT])
{
	const char *stop = text + strlen(text), *p = text;
	struct sqltext_token t;
	size_t n = 0;

	if (may_hold_secret(text))
		while (sqltext_token(&p, &t))
			if (t.kind == SQLTEXT_LITERAL) {
				stop = t.begin;
				break;
			}
	for (p = text; p < stop && n < DEED_EXCERPT - 5; p++) {
		bool blank = strchr(" \t\r\n\v\f", *p) != NULL;

		if (!blank)
			out[n++] = *p;
		else if (n > 0 && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	/* not in the middle of a character */
	while (p < stop && n > 0 && ((unsigned char)*p & 0xc0) == 0x80)
		p--, n--;
	while (n > 0 && out[n - 1] == ' ')
		n--;
	strcpy(out + n, p < stop || *stop != '\0' ? " ..." : "");
	return out;
}
