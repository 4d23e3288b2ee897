#include <stdlib.h>
#include <string.h>

#include "pg/pg_int.h"

struct pg_target *
pg_target_new(struct err *e)
{
	struct pg_target *t = calloc(1, sizeof *t);

	if (t == NULL)
		err_nomem(e);
	return t;
}

void
pg_target_free(struct pg_target *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		free(t->keyword[i]);
		free(t->value[i]);
	}
	free(t);
}

static size_t
find(const struct pg_target *t, const char *keyword)
{
	size_t i = 0;

	while (i < t->count && strcmp(t->keyword[i], keyword) != 0)
		i++;
	return i;
}

const char *
pg_target_get(const struct pg_target *t, const char *keyword)
{
	size_t i = find(t, keyword);

	return i < t->count ? t->value[i] : NULL;
}

static void
drop(struct pg_target *t, size_t i)
{
	free(t->keyword[i]);
	free(t->value[i]);
	t->count--;
	t->keyword[i] = t->keyword[t->count];
	t->value[i] = t->value[t->count];
}

static bool
is_keyword(const char *keyword)
{
	PQconninfoOption *known = PQconndefaults();
	bool found = known == NULL; /* no memory: let libpq judge */

	for (PQconninfoOption *o = known; o != NULL && o->keyword != NULL; o++)
		found = found || strcmp(o->keyword, keyword) == 0;
	PQconninfoFree(known);
	return found;
}

static int
set_known(struct pg_target *t, const char *keyword, const char *value,
    struct err *e)
{
	size_t i = find(t, keyword);

	if (strcmp(keyword, "password") == 0) {
		err_set(e, ERR_USAGE,
		    "a connection string with a password is not accepted");
		return err_hint(e, "put the password into ~/.pgpass (mode "
		    "0600) or a connection service file");
	}
	if (i < t->count)
		drop(t, i);
	if (value == NULL)
		return 0;
	if (t->count == PG_KEYWORDS_MAX)
		return err_set(e, ERR_USAGE, "too many connection keywords");
	t->keyword[t->count] = strdup(keyword);
	t->value[t->count] = strdup(value);
	if (t->keyword[t->count] == NULL || t->value[t->count] == NULL) {
		free(t->keyword[t->count]);
		free(t->value[t->count]);
		return err_nomem(e);
	}
	t->count++;
	return 0;
}

int
pg_target_set(struct pg_target *t, const char *keyword, const char *value,
    struct err *e)
{
	if (!is_keyword(keyword))
		return err_set(e, ERR_USAGE,
		    "\"%s\" is no connection keyword", keyword);
	return set_known(t, keyword, value, e);
}

struct pg_target *
pg_target_copy(const struct pg_target *t, struct err *e)
{
	struct pg_target *copy = pg_target_new(e);

	for (size_t i = 0; copy != NULL && i < t->count; i++)
		if (set_known(copy, t->keyword[i], t->value[i], e) == -1) {
			pg_target_free(copy);
			copy = NULL;
		}
	return copy;
}

int
pg_target_conninfo(struct pg_target *t, const char *conninfo, struct err *e)
{
	char *why = NULL;
	PQconninfoOption *all = PQconninfoParse(conninfo, &why);
	int rc = 0;

	if (all == NULL) {
		/* libpq's words may quote a password that stands in it */
		if (why == NULL || strstr(conninfo, "passw") != NULL)
			err_set(e, ERR_USAGE, "invalid connection string");
		else
			err_set(e, ERR_USAGE, "invalid connection string: "
			    "%.*s", (int)strcspn(why, "\n"), why);
		PQfreemem(why);
		return -1;
	}
	for (PQconninfoOption *o = all; o->keyword != NULL && rc == 0; o++)
		if (o->val != NULL)
			rc = set_known(t, o->keyword, o->val, e);
	PQconninfoFree(all);
	return rc;
}

int
pg_target_database_or_conninfo(struct pg_target *t, const char *word,
    struct err *e)
{
	if (strchr(word, '=') != NULL ||
	    strncmp(word, "postgresql://", 13) == 0 ||
	    strncmp(word, "postgres://", 11) == 0)
		return pg_target_conninfo(t, word, e);
	return set_known(t, "dbname", word, e);
}

static int
add_pair(struct buf *b, const char *keyword, const char *value, struct err *e)
{
	if (buf_fmt(b, e, "%s%s='", b->len > 0 ? " " : "", keyword) == -1)
		return -1;
	for (; *value != '\0'; value++)
		if (((*value == '\'' || *value == '\\') &&
		    buf_byte(b, '\\', e) == -1) ||
		    buf_byte(b, *value, e) == -1)
			return -1;
	return buf_byte(b, '\'', e);
}

char *
pg_target_string(const struct pg_target *t, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (buf_str(&b, "", e) == -1)
		return NULL;
	for (size_t i = 0; i < t->count; i++)
		if (add_pair(&b, t->keyword[i], t->value[i], e) == -1) {
			buf_free(&b);
			return NULL;
		}
	return b.data;
}
