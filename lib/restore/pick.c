#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "restore/restore_int.h"

/*
 * What -t names, and what comes with it: partitions, the sequences of its
 * columns, indexes and statistics.
 */
enum item_kind { ITEM_TABLE, ITEM_SEQUENCE, ITEM_DEFAULT, ITEM_PART };

struct item {
	char *schema, *name;
	enum item_kind what;
	bool in_file;  /* the file says how it is made, or has rows of it */
	bool there;    /* the target has it already */
	char kind;     /* then its relkind */
};

struct pick {
	struct item *items;
	size_t count, cap;
	struct restore *r;
};

static struct item *
find(const struct pick *p, const char *schema, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->items[i].name, name) == 0 &&
		    strcmp(p->items[i].schema, schema) == 0)
			return &p->items[i];
	return NULL;
}

/* 1 it is new, 0 it was there, -1. */
static int
add(struct pick *p, const char *schema, const char *name,
    enum item_kind what, struct err *e)
{
	struct item *more, x = { .what = what };

	if (find(p, schema, name) != NULL)
		return 0;
	if (p->count == p->cap) {
		size_t cap = p->cap == 0 ? 16 : 2 * p->cap;

		if ((more = realloc(p->items, cap * sizeof *more)) == NULL)
			return err_nomem(e);
		p->items = more;
		p->cap = cap;
	}
	x.schema = strdup(schema);
	x.name = strdup(name);
	if (x.schema == NULL || x.name == NULL) {
		free(x.schema);
		free(x.name);
		return err_nomem(e);
	}
	p->items[p->count++] = x;
	return 1;
}

void
pick_free(struct pick *p)
{
	for (size_t i = 0; p != NULL && i < p->count; i++) {
		free(p->items[i].schema);
		free(p->items[i].name);
	}
	if (p != NULL)
		free(p->items);
	free(p);
}

/* what was asked for */

static int
add_asked(struct pick *p, const char *word, struct err *e)
{
	char schema[256], name[256];
	const char *at = word;
	struct sqltext_token t;

	if (!sqltext_name(&at, schema, name) || schema[0] == '\0' ||
	    sqltext_token(&at, &t)) {
		err_set(e, ERR_USAGE, "\"%s\" is not the name of a table",
		    word);
		return err_hint(e, "write schema.table, with double quotes "
		    "around what is not lower case: '\"Sales\".\"Orders\"'");
	}
	return add(p, schema, name, ITEM_TABLE, e) == -1 ? -1 : 0;
}

/* 1 something new came in. */
static int
take_related(struct pick *p, const struct deed *d, struct err *e)
{
	struct item *one = find(p, d->schema, d->name);
	struct item *two = find(p, d->schema2, d->name2);

	switch (d->kind) {
	case DEED_CREATE:
		if (one != NULL)
			one->in_file = true;
		return 0;
	case DEED_ATTACH:
		return one == NULL ? 0 :
		    add(p, d->schema2, d->name2, ITEM_TABLE, e);
	case DEED_OWNED:
		if (two != NULL && one != NULL && one->what == ITEM_DEFAULT)
			one->what = ITEM_SEQUENCE;
		return two == NULL ? 0 :
		    add(p, d->schema, d->name, ITEM_SEQUENCE, e);
	case DEED_IDENTITY:
		return one == NULL ? 0 :
		    add(p, d->schema2, d->name2, ITEM_SEQUENCE, e);
	case DEED_DEFAULT:
		return one == NULL ? 0 :
		    add(p, d->schema2, d->name2, ITEM_DEFAULT, e);
	case DEED_INDEX:
	case DEED_STATISTICS:
		return one == NULL || d->name2[0] == '\0' ? 0 :
		    add(p, d->schema2, d->name2, ITEM_PART, e);
	default:
		return 0;
	}
}

static int
take_list(struct pick *p, const struct list *l, bool *more, struct err *e)
{
	for (size_t i = 0; i < l->count; i++) {
		struct deed d;
		int rc;

		deed_of(l->items[i].text, &d);
		if ((rc = take_related(p, &d, e)) == -1)
			return -1;
		*more = *more || rc == 1;
	}
	return 0;
}

static void
note_rows(struct pick *p)
{
	for (size_t i = 0; i < piece_count(p->r->index); i++) {
		const struct piece *x = piece_at(p->r->index, i);
		struct item *it;

		if (x->kind == PIECE_COPY && x->database == p->r->number &&
		    (it = find(p, x->schema, x->table)) != NULL)
			it->in_file = true;
	}
}

static int
check_absent(const struct pick *p, struct err *e)
{
	struct buf names = BUF_INIT(BUF_TEXT_MAX);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->count; i++) {
		if (p->items[i].what != ITEM_TABLE || p->items[i].in_file)
			continue;
		rc = buf_str(&names, names.len > 0 ? ", " : "", e);
		if (rc == 0)
			rc = sqltext_quote2(&names, p->items[i].schema,
			    p->items[i].name, e);
	}
	if (rc == 0 && names.len > 0) {
		rc = err_set(e, ERR_ABSENT, "the backup of database \"%s\" "
		    "holds no table %s", p->r->source, names.data);
		err_hint(e, "names are lower case unless in double quotes");
	}
	buf_free(&names);
	return rc;
}

struct pick *
pick_new(struct restore *r, const struct list *pre, const struct list *post,
    struct err *e)
{
	struct pick *p = calloc(1, sizeof *p);
	bool more = true;

	if (p == NULL) {
		err_nomem(e);
		return NULL;
	}
	p->r = r;
	for (size_t i = 0; i < r->o->table_count; i++)
		if (add_asked(p, r->o->tables[i], e) == -1)
			goto fail;
	while (more) { /* partitions of partitions */
		more = false;
		if (take_list(p, pre, &more, e) == -1 ||
		    take_list(p, post, &more, e) == -1)
			goto fail;
	}
	note_rows(p);
	if (check_absent(p, e) == -1)
		goto fail;
	return p;
fail:
	pick_free(p);
	return NULL;
}

/* what the target has */

static int
look_at(struct pg *c, const char *schema, const char *name, char *kind,
    struct buf *comment, struct err *e)
{
	static const char ask[] = "SELECT c.relkind, obj_description(c.oid, "
	    "'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = "
	    "c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
	const char *params[] = { schema, name };
	struct pg_rows *rows = NULL;
	int rc = pg_query(c, ask, params, 2, &rows, e);

	*kind = '\0';
	if (rc == 0 && pg_count(rows) > 0) {
		*kind = pg_text(rows, 0, 0)[0];
		if (comment != NULL && pg_text(rows, 0, 1) != NULL)
			rc = buf_str(comment, pg_text(rows, 0, 1), e);
	}
	pg_rows_free(rows);
	return rc;
}

static int
refuse_rows(struct pg *c, const struct item *it, struct err *e)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct pg_rows *rows = NULL;
	int rc = -1;

	if (buf_str(&sql, "SELECT EXISTS (SELECT FROM ", e) == 0 &&
	    sqltext_quote2(&sql, it->schema, it->name, e) == 0 &&
	    buf_byte(&sql, ')', e) == 0)
		rc = pg_query(c, sql.data, NULL, 0, &rows, e);
	if (rc == 0 && pg_bool(rows, 0, 0)) {
		rc = err_set(e, ERR_REFUSED, "table \"%s\".\"%s\" is there "
		    "and holds rows", it->schema, it->name);
		err_hint(e, "rename it, or empty it with TRUNCATE");
	}
	pg_rows_free(rows);
	buf_free(&sql);
	return rc;
}

static int
look_table(struct pg *c, struct item *it, struct err *e)
{
	struct buf comment = BUF_INIT(BUF_TEXT_MAX), what = BUF_INIT(1024);
	int rc = look_at(c, it->schema, it->name, &it->kind, &comment, e);

	it->there = it->kind != '\0';
	if (rc == 0 && it->what == ITEM_TABLE && it->there)
		rc = buf_fmt(&what, e, "table \"%s\".\"%s\"", it->schema,
		    it->name);
	if (rc == 0 && what.len > 0 && (it->kind == 'r' || it->kind == 'p')) {
		/* a marked one may be filled again once it is empty */
		if ((rc = refuse_rows(c, it, e)) == -1 && e->kind ==
		    ERR_REFUSED && strncmp(comment.data ? comment.data : "",
		    MARK_BEGIN, strlen(MARK_BEGIN)) == 0) {
			err_clear(e);
			mark_check(comment.data, what.data, e);
			err_hint(e, "empty it with TRUNCATE, or drop it");
		}
	} else if (rc == 0 && what.len > 0) {
		rc = err_set(e, ERR_REFUSED, "%s is there already", what.data);
	}
	buf_free(&what);
	buf_free(&comment);
	return rc;
}

int
pick_look(struct restore *r, struct err *e)
{
	for (size_t i = 0; i < r->pick->count; i++)
		if (look_table(r->main, &r->pick->items[i], e) == -1)
			return -1;
	return 0;
}

/* what is wanted */

static bool
is_made(const struct item *it)
{
	return it != NULL && !it->there;
}

static int
is_there(const struct pick *p, const char *schema, const char *name,
    struct err *e)
{
	char kind;

	if (find(p, schema, name) != NULL)
		return 1;
	if (look_at(p->r->main, schema, name, &kind, NULL, e) == -1)
		return -1;
	return kind != '\0';
}

/* A schema is made with the first table that needs it. */
static int
wants_schema(const struct pick *p, const char *name, struct err *e)
{
	const char *params[] = { name };
	struct pg_rows *rows = NULL;
	bool needed = false;
	int rc = 0;

	for (size_t i = 0; i < p->count; i++)
		needed = needed || (is_made(&p->items[i]) &&
		    strcmp(p->items[i].schema, name) == 0);
	if (!needed)
		return 0;
	rc = pg_query(p->r->main, "SELECT FROM pg_namespace WHERE "
	    "nspname = $1", params, 1, &rows, e);
	if (rc == 0)
		rc = pg_count(rows) == 0;
	pg_rows_free(rows);
	return rc;
}

static int
wants_foreign(const struct pick *p, const struct deed *d, struct err *e)
{
	int there = is_there(p, d->schema2, d->name2, e);

	if (there == 0)
		log_warning("foreign key of \"%s\".\"%s\" left out: there is "
		    "no table \"%s\".\"%s\"", d->schema, d->name, d->schema2,
		    d->name2);
	return there;
}

int
pick_wants(struct restore *r, const struct deed *d, struct err *e)
{
	const struct pick *p = r->pick;
	bool made = is_made(find(p, d->schema, d->name));

	switch (d->kind) {
	case DEED_SET:
		return 1;
	case DEED_SCHEMA:
		return wants_schema(p, d->name, e);
	case DEED_ATTACH:
		if (!is_made(find(p, d->schema2, d->name2)))
			return 0;
		return is_there(p, d->schema, d->name, e);
	case DEED_OWNED:
		return made && find(p, d->schema2, d->name2) != NULL;
	case DEED_ATTACH_INDEX:
		return made && is_made(find(p, d->schema2, d->name2));
	case DEED_FOREIGN:
		return made ? wants_foreign(p, d, e) : 0;
	case DEED_OTHER:
	case DEED_ROLE:
	case DEED_DATABASE:
	case DEED_DEFAULT_ACL:
	case DEED_COPY:
		return 0;
	default:
		return made;
	}
}

bool
pick_rows(const struct pick *p, const char *schema, const char *name)
{
	const struct item *it = find(p, schema, name);

	/* a sequence that others use too keeps its value */
	return it != NULL && (it->what != ITEM_DEFAULT || !it->there);
}

int
pick_mark(struct restore *r, bool end, struct err *e)
{
	for (size_t i = 0; i < r->pick->count; i++) {
		struct item *it = &r->pick->items[i];

		if (it->what != ITEM_TABLE)
			continue;
		if (it->kind == '\0' && look_at(r->main, it->schema, it->name,
		    &it->kind, NULL, e) == -1)
			return -1;
		if ((it->kind == 'r' || it->kind == 'p') &&
		    mark_table(r, it->schema, it->name, end, e) == -1)
			return err_prefix(e, "could not mark table "
			    "\"%s\".\"%s\"", it->schema, it->name);
	}
	return 0;
}
