#include "restore/restore_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "stop/stop.h"

int
list_add(struct list *l, enum deed_kind kind, const char *text,
    uint64_t line, struct err *e)
{
	if (l->count == l->cap) {
		size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
		struct statement *more = realloc(l->items,
		    cap * sizeof *more);

		if (more == NULL)
			return err_nomem(e);
		l->items = more;
		l->cap = cap;
	}
	l->items[l->count] = (struct statement){ strdup(text), line, kind,
		false };
	if (l->items[l->count].text == NULL)
		return err_nomem(e);
	l->count++;
	return 0;
}

void
list_free(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].text);
	free(l->items);
	memset(l, 0, sizeof *l);
}

bool
script_skips(const struct restore_options *o, const struct deed *d)
{
	if (o->no_owner && (d->kind == DEED_OWNER ||
	    d->kind == DEED_AUTHORIZE || d->owner))
		return true;
	return o->no_acl && (d->acl || d->kind == DEED_DEFAULT_ACL);
}

static int
blame(const char *part, const char *excerpt, uint64_t line, struct err *e)
{
	if (e->kind != ERR_PG)
		return -1;
	return err_prefix(e, "statement at line %llu of %s: %s",
	    (unsigned long long)line, part, excerpt);
}

/*
 * Failures that say no more than that a thing is there already, or that a
 * newer pg_dump set a timeout this server does not have.
 */
static bool
is_tolerable(const char *text, const char *state, bool roles)
{
	struct deed d;
	size_t len;

	deed_of(text, &d);
	len = strlen(d.name);
	switch (d.kind) {
	case DEED_ROLE:
		return roles && strcmp(state, "42710") == 0;
	case DEED_SCHEMA:
		return strcmp(d.name, "public") == 0 &&
		    strcmp(state, "42P06") == 0;
	case DEED_SET:
		return len > 8 && strcmp(d.name + len - 8, "_timeout") == 0 &&
		    strcmp(state, "42704") == 0;
	default:
		return false;
	}
}

int
script_run(struct pg *c, const char *part, const char *text, uint64_t line,
    bool roles, struct err *e)
{
	char excerpt[DEED_EXCERPT];

	if (stop_check(e) == -1)
		return -1;
	if (pg_exec(c, text, e) == 0)
		return 0;
	deed_excerpt(text, excerpt);
	if (e->kind == ERR_PG && is_tolerable(text, pg_sqlstate(c), roles)) {
		log_info("%s: %s", excerpt, e->text);
		err_clear(e);
		return 0;
	}
	return blame(part, excerpt, line, e);
}

/*
 * The database is ours to make. What a dump says of it otherwise is said of
 * the one being filled, under its own name and at the end: its comment is
 * our mark until then.
 */
static int
on_database(struct script *s, const char *text, uint64_t line, struct err *e)
{
	struct buf renamed = BUF_INIT(SQLTEXT_STATEMENT_MAX);
	struct sqltext_token t;
	const char *at = text;
	int rc;

	if (s->stream) {
		err_set(e, ERR_REFUSED, "the script makes or changes a "
		    "database (line %llu)", (unsigned long long)line);
		return err_hint(e, "restore it with psql, or dump without "
		    "--create");
	}
	if (!sqltext_token(&at, &t) || sqltext_is(&t, "create") ||
	    sqltext_is(&t, "drop"))
		return 0;
	if ((rc = deed_rename_database(text, s->r->name, &renamed, e)) == 0)
		rc = list_add(&s->r->late, DEED_DATABASE, renamed.data, line,
		    e);
	buf_free(&renamed);
	return rc;
}

static int
keep_encoding(struct restore *r, const char *text, struct err *e)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return err_nomem(e);
	free(r->encoding);
	r->encoding = copy;
	return 0;
}

static int
on_statement(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	struct script *s = ctx;
	struct deed d;

	(void)len;
	deed_of(text, &d);
	if (script_skips(s->r->o, &d))
		return 0;
	if (d.kind == DEED_DATABASE && !s->roles)
		return on_database(s, text, line, e);
	if (d.kind == DEED_SET && strcmp(d.name, "client_encoding") == 0 &&
	    keep_encoding(s->r, text, e) == -1)
		return -1;
	if (s->list != NULL)
		return list_add(s->list, d.kind, text, line, e);
	if (s->data && s->r->pick != NULL && d.kind != DEED_SET &&
	    (d.kind != DEED_SETVAL ||
	    !pick_rows(s->r->pick, d.schema, d.name)))
		return 0;
	return script_run(s->c, s->part, text, line, s->roles, e);
}

static int
on_copy(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	struct script *s = ctx;
	struct deed d;

	(void)len;
	if (stop_check(e) == -1)
		return -1;
	deed_excerpt(text, s->excerpt);
	s->line = line;
	deed_of(text, &d);
	s->skip = s->r->pick != NULL && !pick_rows(s->r->pick, d.schema,
	    d.name);
	if (s->skip)
		return 0;
	return pg_copy_in(s->c, text, e) == 0 ? 0 :
	    blame(s->part, s->excerpt, line, e);
}

static int
on_rows(void *ctx, const char *data, size_t len, struct err *e)
{
	struct script *s = ctx;

	if (s->skip || pg_copy_write(s->c, data, len, e) == 0)
		return 0;
	return blame(s->part, s->excerpt, s->line, e);
}

static int
on_copy_end(void *ctx, struct err *e)
{
	struct script *s = ctx;

	if (s->skip || pg_copy_end(s->c, NULL, e) == 0)
		return 0;
	return blame(s->part, s->excerpt, s->line, e);
}

static bool
is_meta(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && memcmp(text, word, n) == 0 &&
	    (len == n || text[n] == ' ' || text[n] == '\t');
}

/* \encoding NAME, as psql has it. */
static int
set_encoding(struct script *s, const char *text, size_t len, struct err *e)
{
	char name[64], sql[128];
	size_t n = 0, i = strlen("\\encoding");

	while (i < len && (text[i] == ' ' || text[i] == '\t'))
		i++;
	for (; i < len && n + 1 < sizeof name && (isalnum(
	    (unsigned char)text[i]) || strchr("_-", text[i])); i++)
		name[n++] = text[i];
	name[n] = '\0';
	if (n == 0 || i < len)
		return 1;
	snprintf(sql, sizeof sql, "SET client_encoding = '%s'", name);
	return keep_encoding(s->r, sql, e) == -1 ? -1 : pg_exec(s->c, sql, e);
}

/*
 * psql's commands can run programs; none is ever run here. Those that our
 * own files hold say nothing to us: \connect, and \encoding before it.
 */
static int
on_meta(void *ctx, const char *text, size_t len, uint64_t line,
    struct err *e)
{
	struct script *s = ctx;
	bool connects = is_meta(text, len, "\\connect") ||
	    is_meta(text, len, "\\c");
	int rc = 1;

	if (is_meta(text, len, "\\restrict") ||
	    is_meta(text, len, "\\unrestrict"))
		return 0;
	if (!s->stream && (connects || is_meta(text, len, "\\encoding")))
		return 0;
	if (is_meta(text, len, "\\encoding") &&
	    (rc = set_encoding(s, text, len, e)) != 1)
		return rc;
	err_set(e, ERR_REFUSED, "psql command at line %llu of %s: %.*s",
	    (unsigned long long)line, s->part, len > 60 ? 60 : (int)len, text);
	if (connects)
		err_hint(e, "a script of several databases is for psql; "
		    "pgk-restore --all restores what pgk-dump --all made");
	return -1;
}

const struct sqltext_ops script_ops = { on_statement, on_copy, on_rows,
	on_copy_end, on_meta, NULL };

int
script_read(struct script *s, enum piece_kind kind, struct err *e)
{
	struct restore *r = s->r;
	struct piece_reader *reader = piece_reader_new(r->blob, r->index, e);
	struct sink *text = sqltext_reader(&script_ops, s, e);
	int rc = reader == NULL || text == NULL ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < piece_count(r->index); i++) {
		const struct piece *p = piece_at(r->index, i);

		if (p->kind == kind && (kind == PIECE_GLOBALS ||
		    p->database == r->number))
			rc = piece_read(reader, p, text, e);
	}
	if (rc == 0)
		rc = sink_finish(text, e);
	sink_free(text);
	piece_reader_free(reader);
	return rc;
}
