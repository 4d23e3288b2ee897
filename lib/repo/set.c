#include <stdlib.h>
#include <string.h>

#include "repo/repo_int.h"

struct repo_set *
repo_set_new(enum repo_kind kind, struct err *e)
{
	struct repo_set *set = calloc(1, sizeof *set);

	if (set == NULL)
		err_nomem(e);
	else
		set->kind = kind;
	return set;
}

static void
free_lines(char **lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i]);
	free(lines);
}

static void
free_table(struct repo_table *t)
{
	free(t->database);
	free(t->schema);
	free(t->table);
}

static void
free_database(struct repo_database *d)
{
	free(d->name);
	free(d->encoding);
}

static void
free_tablespace(struct repo_tablespace *t)
{
	free(t->location);
}

static void
free_object(struct repo_object *o)
{
	free(o->name);
	free(o->role);
}

void
repo_drop_tables(struct repo_set *set)
{
	for (size_t i = 0; i < set->table_count; i++)
		free_table(&set->tables[i]);
	free(set->tables);
	set->tables = NULL;
	set->table_count = 0;
}

void
repo_set_free(struct repo_set *set)
{
	if (set == NULL)
		return;
	repo_drop_tables(set);
	for (size_t i = 0; i < set->database_count; i++)
		free_database(&set->databases[i]);
	free(set->databases);
	for (size_t i = 0; i < set->object_count; i++)
		free_object(&set->objects[i]);
	free(set->objects);
	for (size_t i = 0; i < set->tablespace_count; i++)
		free_tablespace(&set->tablespaces[i]);
	free(set->tablespaces);
	free_lines(set->recipients, set->recipient_count);
	free_lines(set->missing, set->missing_count);
	free(set->name);
	free(set->tool);
	free(set->environment);
	free(set->system_identifier);
	free(set->server_version_text);
	free(set->host);
	free(set->lsn);
	free(set->parent);
	free(set->end_lsn);
	free(set->method);
	free(set->checksums);
	free(set->previous);
	free(set);
}

int
repo_set_string(char **field, const char *value, struct err *e)
{
	char *copy = NULL;

	if (value != NULL && (copy = strdup(value)) == NULL)
		return err_nomem(e);
	free(*field);
	*field = copy;
	return 0;
}

int
repo_take_object(struct repo_set *set, struct repo_object *x, struct err *e)
{
	void *p = buf_more(set->objects, set->object_count, sizeof *x, e);

	if (p == NULL) {
		free_object(x);
		return -1;
	}
	set->objects = p;
	set->objects[set->object_count++] = *x;
	return 0;
}

int
repo_take_database(struct repo_set *set, struct repo_database *x,
    struct err *e)
{
	void *p = buf_more(set->databases, set->database_count, sizeof *x, e);

	if (p == NULL) {
		free_database(x);
		return -1;
	}
	set->databases = p;
	set->databases[set->database_count++] = *x;
	return 0;
}

int
repo_take_table(struct repo_set *set, struct repo_table *x, struct err *e)
{
	void *p = buf_more(set->tables, set->table_count, sizeof *x, e);

	if (p == NULL) {
		free_table(x);
		return -1;
	}
	set->tables = p;
	set->tables[set->table_count++] = *x;
	set->rows = x->rows > UINT64_MAX - set->rows ? UINT64_MAX :
	    set->rows + x->rows;
	return 0;
}

int
repo_take_tablespace(struct repo_set *set, struct repo_tablespace *x,
    struct err *e)
{
	void *p = buf_more(set->tablespaces, set->tablespace_count, sizeof *x, e);

	if (p == NULL) {
		free_tablespace(x);
		return -1;
	}
	set->tablespaces = p;
	set->tablespaces[set->tablespace_count++] = *x;
	return 0;
}

int
repo_take_line(char ***list, size_t *count, char *line, struct err *e)
{
	void *p = buf_more(*list, *count, sizeof line, e);

	if (p == NULL) {
		free(line);
		return -1;
	}
	*list = p;
	(*list)[(*count)++] = line;
	return 0;
}

int
repo_add_object(struct repo_set *set, const struct repo_object *o,
    struct err *e)
{
	struct repo_object x = *o;

	x.name = x.role = NULL;
	if (repo_set_string(&x.name, o->name, e) == -1 ||
	    repo_set_string(&x.role, o->role, e) == -1) {
		free_object(&x);
		return -1;
	}
	return repo_take_object(set, &x, e);
}

int
repo_add_database(struct repo_set *set, const struct repo_database *d,
    struct err *e)
{
	struct repo_database x = { .size = d->size };

	if (repo_set_string(&x.name, d->name, e) == -1 ||
	    repo_set_string(&x.encoding, d->encoding, e) == -1) {
		free_database(&x);
		return -1;
	}
	return repo_take_database(set, &x, e);
}

int
repo_add_table(struct repo_set *set, const struct repo_table *t,
    struct err *e)
{
	struct repo_table x = { .rows = t->rows };

	if (repo_set_string(&x.database, t->database, e) == -1 ||
	    repo_set_string(&x.schema, t->schema, e) == -1 ||
	    repo_set_string(&x.table, t->table, e) == -1) {
		free_table(&x);
		return -1;
	}
	return repo_take_table(set, &x, e);
}

int
repo_add_tablespace(struct repo_set *set, const struct repo_tablespace *t,
    struct err *e)
{
	struct repo_tablespace x = { .oid = t->oid };

	if (repo_set_string(&x.location, t->location, e) == -1)
		return -1;
	return repo_take_tablespace(set, &x, e);
}

static int
add_line(char ***list, size_t *count, const char *line, struct err *e)
{
	char *copy = strdup(line);

	if (copy == NULL)
		return err_nomem(e);
	return repo_take_line(list, count, copy, e);
}

int
repo_add_recipient(struct repo_set *set, const char *recipient,
    struct err *e)
{
	return add_line(&set->recipients, &set->recipient_count, recipient,
	    e);
}

int
repo_add_missing(struct repo_set *set, const char *sentence, struct err *e)
{
	return add_line(&set->missing, &set->missing_count, sentence, e);
}

static uint64_t
add_up(uint64_t sum, uint64_t more)
{
	return more > UINT64_MAX - sum ? UINT64_MAX : sum + more;
}

uint64_t
repo_set_stored(const struct repo_set *set)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < set->object_count; i++)
		sum = add_up(sum, set->objects[i].stored);
	return sum;
}

uint64_t
repo_set_plain(const struct repo_set *set)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < set->object_count; i++)
		sum = add_up(sum, set->objects[i].plain);
	return sum;
}

const struct repo_object *
repo_object(const struct repo_set *set, const char *role)
{
	for (size_t i = 0; i < set->object_count; i++)
		if (strcmp(set->objects[i].role, role) == 0)
			return &set->objects[i];
	return NULL;
}
