#include "restore/deed.h"

#include <string.h>

#include "restore/walk.h"

static bool
take(struct walk *w, struct deed *d, enum deed_kind kind)
{
	if (!accept_name(w, d->schema, d->name))
		return false;
	d->kind = kind;
	return true;
}

/* "schema.name" as a literal holds it: the argument of setval, nextval. */
static bool
name_in_literal(const struct sqltext_token *t, char schema[256],
    char name[256])
{
	char plain[600];
	size_t n = 0;
	bool escape = *t->begin == 'E' || *t->begin == 'e';
	const char *p = t->begin + escape, *end = t->end - 1;

	if (t->kind != SQLTEXT_LITERAL || *p != '\'')
		return false;
	for (p++; p < end && n + 1 < sizeof plain; p++) {
		if ((*p == '\'' || (escape && *p == '\\')) && p + 1 < end)
			p++;
		plain[n++] = *p;
	}
	plain[n] = '\0';
	p = plain;
	return sqltext_name(&p, schema, name) && *p == '\0';
}

/* ... nextval('name' */
static bool
find_nextval(struct walk *w, char schema[256], char name[256])
{
	while (w->more && !is(w, "nextval"))
		next(w);
	return next(w) && is_punct(w, '(') && next(w) &&
	    name_in_literal(&w->t, schema, name);
}

/* create */

static void
create_index(struct walk *w, struct deed *d)
{
	accept(w, "concurrently");
	accept_exists(w);
	if (!is(w, "on") && !accept_name(w, d->schema2, d->name2))
		return;
	if (!accept(w, "on"))
		return;
	accept(w, "only");
	if (take(w, d, DEED_INDEX))
		memcpy(d->schema2, d->schema, sizeof d->schema);
}

static void
create(struct walk *w, struct deed *d)
{
	static const char *const modifiers[] = { "or", "replace", "global",
		"local", "temp", "temporary", "unlogged", "recursive",
		"constraint", "unique", "foreign", "materialized", NULL };
	static const char *const relations[] = { "table", "view", "sequence",
		NULL };
	static const char *const shared[] = { "role", "tablespace", NULL };

	while (accept_any(w, modifiers))
		;
	if (accept_any(w, relations)) {
		accept_exists(w);
		take(w, d, DEED_CREATE);
	} else if (accept(w, "index")) {
		create_index(w, d);
	} else if (accept(w, "trigger") || accept(w, "policy")) {
		next(w); /* its own name may be any word */
		if (skip_to(w, "on"))
			take(w, d, DEED_ALTER);
	} else if (accept(w, "rule")) {
		next(w);
		if (skip_to(w, "to"))
			take(w, d, DEED_ALTER);
	} else if (accept(w, "statistics")) {
		accept_exists(w);
		if (accept_name(w, d->schema2, d->name2) &&
		    skip_to(w, "from"))
			take(w, d, DEED_STATISTICS);
	} else if (accept(w, "schema")) {
		accept_exists(w);
		take(w, d, DEED_SCHEMA);
	} else if (accept_any(w, shared)) {
		take(w, d, DEED_ROLE);
	} else if (accept(w, "database")) {
		take(w, d, DEED_DATABASE);
	}
}

/* alter */

static void
add_constraint(struct walk *w, struct deed *d)
{
	next(w); /* its name */
	if (is(w, "primary") || is(w, "unique") || is(w, "exclude"))
		d->kind = DEED_UNIQUE;
	else if (is(w, "foreign") && skip_to(w, "references") &&
	    accept_name(w, d->schema2, d->name2))
		d->kind = DEED_FOREIGN;
}

static void
alter_column(struct walk *w, struct deed *d)
{
	accept(w, "column");
	next(w); /* its name */
	if (accept(w, "set") && accept(w, "default")) {
		if (find_nextval(w, d->schema2, d->name2))
			d->kind = DEED_DEFAULT;
		return;
	}
	if (!accept(w, "add") || !accept(w, "generated"))
		return;
	while (w->more && !(is(w, "sequence") && next(w) && is(w, "name")))
		next(w);
	if (next(w) && accept_name(w, d->schema2, d->name2))
		d->kind = DEED_IDENTITY;
}

static void
alter_table(struct walk *w, struct deed *d)
{
	accept_exists(w);
	accept(w, "only");
	if (!take(w, d, DEED_ALTER))
		return;
	if (is_punct(w, '*'))
		next(w);
	if (accept(w, "attach") && accept(w, "partition")) {
		if (accept_name(w, d->schema2, d->name2))
			d->kind = DEED_ATTACH;
	} else if (accept(w, "alter")) {
		alter_column(w, d);
	} else if (accept(w, "add") && accept(w, "constraint")) {
		add_constraint(w, d);
	}
}

/* a.b.c is column c of a.b, and b.c column c of b */
static bool
take_column(struct walk *w, char schema[256], char name[256])
{
	if (!accept_name(w, schema, name))
		return false;
	if (!is_punct(w, '.')) {
		memcpy(name, schema, 256);
		schema[0] = '\0';
	}
	return true;
}

static void
alter_sequence(struct walk *w, struct deed *d)
{
	accept_exists(w);
	if (take(w, d, DEED_ALTER) && accept(w, "owned") && accept(w, "by") &&
	    take_column(w, d->schema2, d->name2))
		d->kind = DEED_OWNED;
}

static void
alter_index(struct walk *w, struct deed *d)
{
	accept_exists(w);
	if (take(w, d, DEED_ALTER) && accept(w, "attach") &&
	    accept(w, "partition") && accept_name(w, d->schema2, d->name2))
		d->kind = DEED_ATTACH_INDEX;
}

/* The last three words, outside everything, are OWNER TO somebody. */
static bool
gives_owner(const char *text)
{
	struct sqltext_token t;
	unsigned state = 0;

	while (sqltext_token(&text, &t)) {
		if (sqltext_is(&t, "rename"))
			return false;
		if (sqltext_is(&t, "owner"))
			state = 1;
		else if (state == 1 && sqltext_is(&t, "to"))
			state = 2;
		else
			state = state == 2 && t.kind == SQLTEXT_WORD ? 3 : 0;
	}
	return state == 3;
}

static void
alter(struct walk *w, struct deed *d, const char *text)
{
	static const char *const modifiers[] = { "foreign", "materialized",
		NULL };
	static const char *const others[] = { "view", "statistics", NULL };
	bool owner = gives_owner(text);

	while (accept_any(w, modifiers))
		;
	if (accept(w, "table"))
		alter_table(w, d);
	else if (accept(w, "sequence"))
		alter_sequence(w, d);
	else if (accept(w, "index"))
		alter_index(w, d);
	else if (accept(w, "database"))
		take(w, d, DEED_DATABASE);
	else if (accept(w, "default") && accept(w, "privileges"))
		d->kind = DEED_DEFAULT_ACL;
	else if (accept_any(w, others))
		take(w, d, DEED_ALTER);
	if (owner && d->kind == DEED_DATABASE)
		d->owner = true;
	else if (owner)
		d->kind = DEED_OWNER;
}

/* the rest */

static void
comment(struct walk *w, struct deed *d)
{
	static const char *const modifiers[] = { "foreign", "materialized",
		NULL };
	static const char *const relations[] = { "table", "view", "sequence",
		"index", "statistics", NULL };
	static const char *const parts[] = { "trigger", "rule", "policy",
		NULL };

	if (!skip_to(w, "on"))
		return;
	while (accept_any(w, modifiers))
		;
	if (accept_any(w, relations)) {
		take(w, d, DEED_COMMENT);
	} else if (accept(w, "column")) {
		if (take_column(w, d->schema, d->name))
			d->kind = DEED_COMMENT;
	} else if (accept(w, "constraint")) {
		next(w);
		if (accept(w, "on") && !is(w, "domain"))
			take(w, d, DEED_COMMENT_CONSTRAINT);
	} else if (accept_any(w, parts)) {
		next(w);
		if (accept(w, "on"))
			take(w, d, DEED_COMMENT);
	} else if (accept(w, "database")) {
		take(w, d, DEED_DATABASE);
	}
}

static void
acl(struct walk *w, struct deed *d)
{
	static const char *const others[] = { "schema", "function",
		"procedure", "routine", "language", "type", "domain", "all",
		"foreign", "large", "tablespace", "parameter", NULL };

	if (!skip_to(w, "on"))
		return; /* GRANT role TO role */
	d->kind = DEED_ACL;
	d->acl = true;
	if (accept(w, "database")) {
		take(w, d, DEED_DATABASE);
		return;
	}
	if (accept_any(w, others))
		return;
	if (!accept(w, "table"))
		accept(w, "sequence");
	take(w, d, DEED_ACL);
}

static void
set(struct walk *w, struct deed *d)
{
	static const char *const modifiers[] = { "session", "local", NULL };

	accept_any(w, modifiers);
	if (is(w, "authorization"))
		d->kind = DEED_AUTHORIZE;
	else
		take(w, d, DEED_SET);
}

static void
selection(struct walk *w, struct deed *d)
{
	if (accept(w, "pg_catalog") && is_punct(w, '.'))
		next(w);
	if (accept(w, "setval") && is_punct(w, '(') && next(w) &&
	    name_in_literal(&w->t, d->schema, d->name))
		d->kind = DEED_SETVAL;
}

void
deed_of(const char *text, struct deed *d)
{
	struct walk w = { .at = text };

	memset(d, 0, sizeof *d);
	next(&w);
	if (accept(&w, "set")) {
		set(&w, d);
	} else if (accept(&w, "create")) {
		create(&w, d);
	} else if (accept(&w, "alter")) {
		alter(&w, d, text);
	} else if (accept(&w, "comment") || accept(&w, "security")) {
		comment(&w, d);
	} else if (accept(&w, "grant") || accept(&w, "revoke")) {
		acl(&w, d);
	} else if (accept(&w, "select")) {
		selection(&w, d);
	} else if (accept(&w, "copy")) {
		take(&w, d, DEED_COPY);
	} else if (accept(&w, "drop")) {
		if (accept(&w, "database")) {
			accept_exists(&w);
			take(&w, d, DEED_DATABASE);
		}
	} else if (accept(&w, "refresh")) {
		if (accept(&w, "materialized") && accept(&w, "view")) {
			accept(&w, "concurrently");
			take(&w, d, DEED_REFRESH);
		}
	}
}
