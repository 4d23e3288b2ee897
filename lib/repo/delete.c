/* Deleting a set; the steps and their order are explained in draft.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repo/repo_int.h"

struct deletion {
	struct repo *r;
	const struct repo_set *set;
	struct repo_item *items;
	size_t count;
};

/* Note an object with its mark; what is gone already needs no deleting. */
static int
note(struct deletion *d, const char *object, struct err *e)
{
	struct err why = ERR_INIT;
	char path[REPO_PATH_MAX + 16];
	struct repo_item *item = buf_more(d->items, d->count, sizeof *item, e);

	if (item == NULL)
		return -1;
	d->items = item;
	item += d->count;
	snprintf(item->name, sizeof item->name, "%s", object);
	snprintf(path, sizeof path, "%s/%s", repo_kind_name(d->set->kind),
	    object);
	if (store_mark(d->r->store, path, item->mark, &why) == 0)
		d->count++;
	else if (why.kind != ERR_ABSENT)
		return err_pass(e, &why);
	return 0;
}

/* The signature and proofs: NAME.json.minisig, NAME.proof-*. */
static int
note_file(void *ctx, const char *file, uint64_t size, struct err *e)
{
	struct deletion *d = ctx;
	size_t len = strlen(d->set->name);

	(void)size;
	if (strncmp(file, d->set->name, len) != 0 ||
	    (strcmp(file + len, ".json.minisig") != 0 &&
	    strncmp(file + len, ".proof-", 7) != 0))
		return 0;
	return note(d, file, e);
}

static int
note_all(struct deletion *d, struct err *e)
{
	for (size_t i = 0; i < d->set->object_count; i++)
		if (note(d, d->set->objects[i].name, e) == -1)
			return -1;
	return store_list(d->r->store, repo_kind_name(d->set->kind),
	    note_file, d, e);
}

static int
delete_items(struct deletion *d, struct err *e)
{
	for (size_t i = 0; i < d->count; i++) {
		struct err why = ERR_INIT;
		char path[REPO_PATH_MAX + 16];

		snprintf(path, sizeof path, "%s/%s",
		    repo_kind_name(d->set->kind), d->items[i].name);
		if (store_delete_marked(d->r->store, path, d->items[i].mark,
		    &why) == -1 && why.kind != ERR_ABSENT)
			return err_pass(e, &why);
	}
	return 0;
}

/* What cannot be read cannot be restored either: nobody would miss this. */
static void
pass_over(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	(void)name;
	(void)why;
}

/* A base backup without the one it builds on is lost. */
static int
check_children(struct repo *r, const struct repo_set *set, struct err *e)
{
	struct repo_list list;
	int rc = 0;

	if (set->kind != REPO_INCREMENTAL)
		return 0;
	if (repo_scan(r, set->kind, false, &list, pass_over, NULL, e) == -1)
		return -1;
	for (size_t i = 0; i < list.count && rc == 0; i++) {
		const struct repo_set *other = list.sets[i];

		if (other->parent != NULL &&
		    strcmp(other->parent, set->name) == 0)
			rc = err_set(e, ERR_REFUSED, "%s builds on it",
			    other->name);
	}
	repo_list_free(&list);
	return rc;
}

int
repo_delete(struct repo *r, const struct repo_set *set, struct err *e)
{
	struct repo_path json = repo_path(set->kind, set->name, ".json");
	struct deletion d = { r, set, NULL, 0 };
	struct repo_intent intent = { .lock = NULL };
	struct store_lock *seized = store_seize(r->store, json.text, e);
	int rc = -1;

	if (seized == NULL)
		return -1;
	/* seized: who is about to build on it holds it until it has */
	if (check_children(r, set, e) == 0 && note_all(&d, e) == 0 &&
	    repo_intent_put(r, set->kind, set->name, "delete", d.items,
	        d.count, false, &intent, e) == 0 &&
	    store_delete(r->store, json.text, e) == 0 &&
	    delete_items(&d, e) == 0)
		rc = repo_intent_end(r, &intent, e);
	repo_intent_leave(&intent);
	store_unlock(seized);
	free(d.items);
	return rc;
}
