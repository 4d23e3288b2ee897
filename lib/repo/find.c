#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "repo/repo_int.h"

/* Where a set is looked for when its kind is not said. */
static const enum repo_kind order[] = { REPO_FULL, REPO_SNAPSHOT,
	REPO_INCREMENTAL, REPO_WAL };
#define LATEST_KINDS 2 /* "latest" means the first of these that has one */

static void
warn_bad(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	(void)name; /* the text names it */
	log_warning("passed over: %s", why->text);
}

static bool
has_database(const struct repo_set *set, const char *database)
{
	if (database == NULL)
		return true;
	for (size_t i = 0; i < set->database_count; i++)
		if (strcmp(set->databases[i].name, database) == 0)
			return true;
	return false;
}

/* The newest of a kind; ERR_ABSENT. */
static struct repo_set *
newest(struct repo *r, enum repo_kind kind, const char *database,
    struct err *e)
{
	struct repo_set *set = NULL;
	struct repo_list list;
	size_t i;

	if (repo_list(r, kind, &list, warn_bad, NULL, e) == -1)
		return NULL;
	for (i = list.count; i > 0; i--)
		if (has_database(list.sets[i - 1], database))
			break;
	if (i > 0) /* once more, with its tables */
		set = repo_read(r, kind, list.sets[i - 1]->name, e);
	else
		err_set(e, ERR_ABSENT, "there is no set of kind \"%s\"%s%s%s",
		    repo_kind_name(kind),
		    database != NULL ? " of database \"" : "",
		    database != NULL ? database : "",
		    database != NULL ? "\"" : "");
	repo_list_free(&list);
	return set;
}

/* `word` is what stands behind "latest", from its ':' if it has one. */
static struct repo_set *
find_latest(struct repo *r, const char *word, char **database,
    struct err *e)
{
	const char *db = *word == ':' ? word + 1 : NULL;
	struct repo_set *set = NULL;
	struct err why = ERR_INIT;
	enum repo_kind kind;
	char first[16];
	size_t len = db != NULL ? strcspn(db, ":") : 0;
	bool has_kind;

	snprintf(first, sizeof first, "%.*s", (int)len, db != NULL ? db : "");
	has_kind = len < sizeof first &&
	    repo_kind_parse(first, &kind, NULL) == 0;
	if (has_kind)
		db = db[len] == ':' ? db + len + 1 : NULL;
	if (db != NULL && *db == '\0') {
		err_set(e, ERR_USAGE, "\"latest%s\" names no database", word);
		return NULL;
	}
	for (size_t i = 0; i < LATEST_KINDS && set == NULL; i++) {
		err_clear(&why);
		set = newest(r, has_kind ? kind : order[i], db, &why);
		if (has_kind || why.kind != ERR_ABSENT)
			break;
	}
	if (set == NULL && why.kind == ERR_ABSENT && !has_kind) {
		err_clear(&why);
		err_set(&why, ERR_ABSENT, "there is no set%s%s%s",
		    db != NULL ? " of database \"" : "",
		    db != NULL ? db : "", db != NULL ? "\"" : "");
	}
	if (set == NULL) {
		err_pass(e, &why);
	} else if (db != NULL && (*database = strdup(db)) == NULL) {
		err_nomem(e);
		repo_set_free(set);
		set = NULL;
	}
	return set;
}

/* By NAME, in one kind or in all. */
static struct repo_set *
find_name(struct repo *r, const char *word, struct err *e)
{
	const char *slash = strchr(word, '/');
	const char *from = slash != NULL ? slash + 1 : word;
	char name[REPO_NAME_MAX + 1], folder[16] = "";
	size_t len = strlen(from);
	enum repo_kind only = REPO_FULL;

	if (len > 5 && strcmp(from + len - 5, ".json") == 0)
		len -= 5;
	snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len :
	    0), from);
	if (slash != NULL)
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - word),
		    word);
	if (!repo_is_name(name) || (slash != NULL &&
	    repo_kind_parse(folder, &only, NULL) == -1)) {
		err_set(e, ERR_USAGE, "\"%s\" is not the name of a set", word);
		err_hint(e, "pgk-list shows the names");
		return NULL;
	}
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct err why = ERR_INIT;
		struct repo_set *set;

		if (slash != NULL && order[i] != only)
			continue;
		set = repo_read(r, order[i], name, &why);
		if (set != NULL || why.kind != ERR_ABSENT) {
			err_pass(e, &why);
			return set;
		}
	}
	err_set(e, ERR_ABSENT, "there is no set \"%s\"", word);
	return NULL;
}

struct repo_set *
repo_find(struct repo *r, const char *word, char **database, struct err *e)
{
	char *found = NULL;
	struct repo_set *set;

	if (strcmp(word, "latest") == 0 || strncmp(word, "latest:", 7) == 0)
		set = find_latest(r, word + 6, &found, e);
	else
		set = find_name(r, word, e);
	if (set != NULL)
		*database = found;
	return set;
}

struct store_lock *
repo_hold(struct repo *r, const struct repo_set *set, struct err *e)
{
	return store_hold(r->store, repo_path(set->kind, set->name,
	    ".json").text, e);
}

struct blob *
repo_object_open(struct repo *r, const struct repo_set *set,
    const struct repo_object *o, struct err *e)
{
	const char *folder = repo_kind_name(set->kind);
	struct err why = ERR_INIT;
	char path[REPO_PATH_MAX];
	struct blob *b;

	snprintf(path, sizeof path, "%s/%s", folder, o->name);
	if ((b = store_get(r->store, path, &why)) == NULL) {
		if (why.kind == ERR_ABSENT)
			err_set(e, ERR_CORRUPT, "set \"%s/%s\": object "
			    "\"%s\" is missing", folder, set->name, o->name);
		err_pass(e, &why);
		return NULL;
	}
	if (b->size == o->stored)
		return b;
	err_set(e, ERR_CORRUPT, "set \"%s/%s\": object \"%s\" has %llu bytes "
	    "instead of %llu", folder, set->name, o->name,
	    (unsigned long long)b->size, (unsigned long long)o->stored);
	blob_free(b);
	return NULL;
}
