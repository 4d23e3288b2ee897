/*
 * Intents: JSON objects with sorted keys:
 *
 *	action   "publish", "delete"
 *	format   1
 *	objects  list of { mark, name }: what to remove if the run dies and the
 *	         set has no .json
 *	set      NAME
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "repo/repo_int.h"

#define INTENTS_MAX 9999
#define WAIT_TRIES 200
#define WAIT_NS 50000000L /* 200 times are 10 seconds */

struct store_lock *
repo_lock_catalogue(struct repo *r, enum repo_kind kind, struct err *e)
{
	const struct timespec nap = { 0, WAIT_NS };
	struct repo_path path = repo_path(kind, "catalogue", "");
	struct store_lock *l = NULL;
	struct err why = ERR_INIT;

	for (int i = 0; i < WAIT_TRIES; i++) {
		err_clear(&why);
		l = store_lock(r->store, path.text, &why);
		if (l != NULL || why.kind != ERR_BUSY)
			break;
		nanosleep(&nap, NULL);
	}
	if (l == NULL)
		err_pass(e, &why);
	return l;
}

static int
write_intent(const char *name, const char *action,
    const struct repo_item *items, size_t count, struct buf *out,
    struct err *e)
{
	json_t *list = json_array();
	json_t *o = json_pack("{s:i, s:s, s:s, s:o}", "format", REPO_FORMAT,
	    "set", name, "action", action, "objects", list);
	char *text = NULL;
	int rc = -1;

	for (size_t i = 0; i < count && o != NULL; i++)
		if (json_array_append_new(list, json_pack("{s:s, s:s}",
		    "name", items[i].name, "mark", items[i].mark)) == -1)
			goto done;
	if (o != NULL)
		text = json_dumps(o, JSON_SORT_KEYS | JSON_INDENT(2));
	if (text != NULL)
		rc = buf_fmt(out, e, "%s\n", text);
done:
	if (rc == -1)
		err_nomem(e);
	free(text);
	json_decref(o);
	return rc;
}

/* Put it under the first free name from number `first` on. */
static int
put_free(struct repo *r, enum repo_kind kind, const char *name,
    const struct buf *text, int first, struct repo_path *path, struct err *e)
{
	for (int i = first > 0 ? first : 1;; i++) {
		struct err why = ERR_INIT;
		char suffix[16];

		snprintf(suffix, sizeof suffix, i == 1 ? ".intent" :
		    ".intent-%d", i);
		*path = repo_path(kind, name, suffix);
		if (store_put_bytes(r->store, path->text, text->data,
		    text->len, &why) == 0)
			return 0;
		if (why.kind != ERR_BUSY || i == INTENTS_MAX)
			return err_pass(e, &why);
	}
}

int
repo_intent_put(struct repo *r, enum repo_kind kind, const char *name,
    const char *action, const struct repo_item *items, size_t count,
    bool locked, struct repo_intent *intent, struct err *e)
{
	struct buf text = BUF_INIT(REPO_JSON_MAX);
	struct store_lock *l = NULL;
	int rc = -1;

	if (write_intent(name, action, items, count, &text, e) == -1 ||
	    (!locked && (l = repo_lock_catalogue(r, kind, e)) == NULL))
		goto done;
	if (put_free(r, kind, name, &text, intent->first, &intent->path,
	    e) == 0) {
		intent->lock = store_seize(r->store, intent->path.text, e);
		rc = intent->lock != NULL ? 0 : -1;
		if (rc == -1)
			store_delete(r->store, intent->path.text, NULL);
	}
done:
	store_unlock(l);
	buf_free(&text);
	return rc;
}

int
repo_intent_end(struct repo *r, struct repo_intent *intent, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = 0;

	if (intent->lock == NULL)
		return 0;
	if (store_delete(r->store, intent->path.text, &why) == -1 &&
	    why.kind != ERR_ABSENT)
		rc = err_pass(e, &why);
	repo_intent_leave(intent);
	return rc;
}

void
repo_intent_leave(struct repo_intent *intent)
{
	store_unlock(intent->lock);
	intent->lock = NULL;
}

/* What an object of an intent has behind NAME; never the .json. */
static bool
is_rest(const char *rest)
{
	if (rest[0] == '/')
		return repo_is_suffix(rest);
	return rest[0] == '.' && strcmp(rest, ".json") != 0 &&
	    strchr(rest, '/') == NULL;
}

static bool
read_item(const json_t *o, const char *name, struct repo_item *item)
{
	const char *object = json_string_value(json_object_get(o, "name"));
	const char *mark = json_string_value(json_object_get(o, "mark"));
	size_t len = strlen(name);

	if (object == NULL || mark == NULL ||
	    strlen(object) >= sizeof item->name ||
	    strlen(mark) >= sizeof item->mark ||
	    strncmp(object, name, len) != 0 || !is_rest(object + len) ||
	    store_check_name(object, NULL) == -1)
		return false;
	strcpy(item->name, object);
	strcpy(item->mark, mark);
	return true;
}

int
repo_intent_parse(const char *text, size_t len, const char *name,
    struct repo_item **items, size_t *count, struct err *e)
{
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(o, "objects");
	const char *set = json_string_value(json_object_get(o, "set"));
	size_t n = json_array_size(list);
	struct repo_item *found = NULL;
	int rc = -1;

	if (json_integer_value(json_object_get(o, "format")) != REPO_FORMAT ||
	    set == NULL || strcmp(set, name) != 0 || !json_is_array(list)) {
		err_set(e, ERR_CORRUPT, "it is no intent of \"%s\"", name);
		goto done;
	}
	if ((found = calloc(n + 1, sizeof *found)) == NULL) {
		err_nomem(e);
		goto done;
	}
	for (size_t i = 0; i < n; i++)
		if (!read_item(json_array_get(list, i), name, &found[i])) {
			err_set(e, ERR_CORRUPT, "it names an object that is "
			    "none of \"%s\"", name);
			goto done;
		}
	*items = found;
	*count = n;
	found = NULL;
	rc = 0;
done:
	free(found);
	json_decref(o);
	return rc;
}
