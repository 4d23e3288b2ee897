#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "repo/repo_int.h"

#define INTENT_MAX ((size_t)4 << 20)

struct recovery {
	struct repo *r;
	enum repo_kind kind;
	bool dry_run;
	unsigned *count;
	char **intents;
	size_t intent_count;
};

/* NAME of "NAME.intent" and "NAME.intent-N"; false for other files. */
static bool
is_intent(const char *file, char name[REPO_NAME_MAX + 1])
{
	const char *dot = strchr(file, '.');
	size_t len = dot != NULL ? (size_t)(dot - file) : 0;
	size_t n;

	if (dot == NULL || strncmp(dot, ".intent", 7) != 0 ||
	    len > REPO_NAME_MAX)
		return false;
	n = strspn(dot + 7 + (dot[7] == '-'), "0123456789");
	if (dot[7] == '-' ? n == 0 || dot[8 + n] != '\0' : dot[7] != '\0')
		return false;
	memcpy(name, file, len);
	name[len] = '\0';
	return repo_is_name(name);
}

static int
note_intent(void *ctx, const char *file, uint64_t size, struct err *e)
{
	struct recovery *v = ctx;
	char name[REPO_NAME_MAX + 1], *copy;

	(void)size;
	if (!is_intent(file, name))
		return 0;
	if ((copy = strdup(file)) == NULL)
		return err_nomem(e);
	return repo_take_line(&v->intents, &v->intent_count, copy, e);
}

static void
note_removal(struct recovery *v, const char *path)
{
	log_info("%s \"%s\", left by a run that was killed",
	    v->dry_run ? "would remove" : "removed", path);
	if (v->count != NULL)
		++*v->count;
}

/* Only what bears the mark is of the run that died. */
static int
remove_item(struct recovery *v, const struct repo_item *item, struct err *e)
{
	struct err why = ERR_INIT;
	char path[REPO_PATH_MAX + 16], mark[STORE_MARK_MAX];
	int rc;

	snprintf(path, sizeof path, "%s/%s", repo_kind_name(v->kind),
	    item->name);
	if (v->dry_run) {
		rc = store_mark(v->r->store, path, mark, &why);
		if (rc == 0 && strcmp(mark, item->mark) != 0)
			return 0;
	} else {
		rc = store_delete_marked(v->r->store, path, item->mark, &why);
	}
	if (rc == 0) {
		note_removal(v, path);
		return 0;
	}
	if (why.kind == ERR_ABSENT)
		return 0;
	if (why.kind != ERR_REFUSED)
		return err_pass(e, &why);
	log_info("left \"%s\": it is not the object of the run that was "
	    "killed", path);
	return 0;
}

/* The set's fate, by an intent that nobody else holds now. */
static int
finish(struct recovery *v, const char *name, const char *path,
    struct err *e)
{
	struct repo_path json = repo_path(v->kind, name, ".json");
	struct buf text = BUF_INIT(INTENT_MAX + 1);
	struct repo_item *items = NULL;
	struct err why = ERR_INIT;
	size_t count = 0;
	int exists, rc = -1;

	if (store_get_bytes(v->r->store, path, INTENT_MAX, &text,
	    &why) == -1 || repo_intent_parse(text.data, text.len, name,
	    &items, &count, &why) == -1) {
		if (why.kind == ERR_CORRUPT) {
			log_warning("left \"%s\": %s", path, why.text);
			rc = 0;
		} else {
			err_pass(e, &why);
		}
		goto done;
	}
	if ((exists = repo_exists(v->r, json.text, e)) == -1)
		goto done;
	/* with its .json the set is whole: published, or not yet deleted */
	for (size_t i = 0; i < count && exists == 0; i++)
		if (remove_item(v, &items[i], e) == -1)
			goto done;
	if (!v->dry_run && store_delete(v->r->store, path, e) == -1)
		goto done;
	note_removal(v, path);
	rc = 0;
done:
	free(items);
	buf_free(&text);
	return rc;
}

/*
 * The catalogue's lock covers the moment between the coming of an intent and
 * its being held: without it a run just beginning would look dead.
 */
static int
recover_one(struct recovery *v, const char *file, struct err *e)
{
	struct store_lock *catalogue, *intent;
	char path[REPO_PATH_MAX], name[REPO_NAME_MAX + 1];
	struct err why = ERR_INIT;
	int rc;

	snprintf(path, sizeof path, "%s/%s", repo_kind_name(v->kind), file);
	if (!is_intent(file, name) ||
	    (catalogue = repo_lock_catalogue(v->r, v->kind, e)) == NULL)
		return -1;
	intent = store_seize(v->r->store, path, &why);
	store_unlock(catalogue);
	if (intent == NULL) /* alive, or gone by itself */
		return why.kind == ERR_BUSY || why.kind == ERR_ABSENT ? 0 :
		    err_pass(e, &why);
	rc = finish(v, name, path, e);
	store_unlock(intent);
	return rc;
}

/* Sweep a folder within the kind's, if it is one of ours. */
static int
sweep_folder(void *ctx, const char *folder, uint64_t size, struct err *e)
{
	const struct recovery *v = ctx;
	struct repo_path path = repo_path(v->kind, folder, "");

	(void)size;
	if (!repo_is_ours(v->kind, folder))
		return 0;
	return store_sweep(v->r->store, path.text, v->dry_run, v->count, e);
}

int
repo_recover(struct repo *r, enum repo_kind kind, bool dry_run,
    unsigned *count, struct err *e)
{
	struct recovery v = { r, kind, dry_run, count, NULL, 0 };
	int rc;

	rc = store_list(r->store, repo_kind_name(kind), note_intent, &v, e);
	for (size_t i = 0; i < v.intent_count; i++) {
		if (rc == 0)
			rc = recover_one(&v, v.intents[i], e);
		free(v.intents[i]);
	}
	free(v.intents);
	if (rc == -1 || store_sweep(r->store, repo_kind_name(kind), dry_run,
	    count, e) == -1)
		return -1;
	return store_list_folders(r->store, repo_kind_name(kind),
	    sweep_folder, &v, e);
}
