/* The last steps of publishing; all are explained in draft.c. */
#include <assert.h>
#include <string.h>

#include "log/log.h"
#include "repo/draft_int.h"

static bool
in_set(const struct repo_set *set, const char *object)
{
	for (size_t i = 0; i < set->object_count; i++)
		if (strcmp(set->objects[i].name, object) == 0)
			return true;
	return false;
}

static bool
in_draft(const struct repo_draft *d, const char *object)
{
	for (size_t i = 0; i < d->part_count; i++)
		if (strcmp(d->parts[i].item.name, object) == 0)
			return true;
	return false;
}

/* What the set says must be what was made, no more and no less. */
static int
check_objects(struct repo_draft *d, struct repo_set *set, struct err *e)
{
	for (size_t i = 0; i < set->object_count; i++) {
		const struct repo_object *o = &set->objects[i];
		struct blob *b;

		assert(in_draft(d, o->name));
		if ((b = repo_object_open(d->r, set, o, e)) == NULL)
			return -1;
		blob_free(b);
	}
	for (size_t i = 0; i < d->part_count; i++)
		if (!in_set(set, d->parts[i].item.name) && repo_draft_remove(d,
		    d->parts[i].item.name, d->parts[i].item.mark, e) == -1)
			return -1;
	return 0;
}

static void
warn_bad(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	(void)name;
	log_warning("damaged in the catalogue: %s", why->text);
}

/* The next number and the sum of the set that has the one before. */
static int
chain(struct repo_draft *d, struct repo_set *set, struct err *e)
{
	struct repo_list list;
	const struct repo_set *last = NULL;
	int rc = 0;

	if (repo_scan(d->r, d->kind, false, &list, warn_bad, NULL, e) == -1)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (last == NULL || list.sets[i]->sequence > last->sequence)
			last = list.sets[i];
	set->sequence = 1;
	if (last != NULL) {
		set->sequence = last->sequence + 1;
		set->previous_sum = last->json_sum;
	}
	rc = repo_set_string(&set->previous, last != NULL ? last->name : NULL,
	    e);
	repo_list_free(&list);
	return rc;
}

/* What cannot be read back is not published. */
static int
write_checked(struct repo_set *set, struct buf *json, struct err *e)
{
	struct repo_set *again;

	if (repo_set_write(set, json, e) == -1 || repo_seal(json, e) == -1 ||
	    (again = repo_set_parse(json->data, json->len, e)) == NULL)
		return -1;
	set->json_sum = again->json_sum;
	set->json_size = again->json_size;
	repo_set_free(again);
	return 0;
}

static int
put_signature(struct repo_draft *d, const struct sign_key *key,
    const struct buf *json, struct err *e)
{
	struct repo_path what = repo_path(d->kind, d->name, ".json");
	struct buf sig = BUF_INIT(BUF_TEXT_MAX);
	struct sink *s = NULL;
	int rc = -1;

	if (sign_data(key, json->data, json->len, what.text, &sig, e) == 0 &&
	    (s = repo_draft_begin(d, ".json.minisig", true, e)) != NULL &&
	    sink_write(s, sig.data, sig.len, e) == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	buf_free(&sig);
	return rc;
}

static int
put_json(struct repo_draft *d, const struct buf *json, struct err *e)
{
	struct repo_path path = repo_path(d->kind, d->name, ".json");
	struct sink *s = store_put_marked(d->r->store, path.text,
	    d->json_mark, e);
	int rc = -1;

	if (s != NULL && sink_write(s, json->data, json->len, e) == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	return rc;
}

static void
end_intents(struct repo_draft *d)
{
	for (size_t i = 0; i < d->part_count; i++) {
		struct err why = ERR_INIT;

		if (repo_intent_end(d->r, &d->parts[i].intent, &why) == -1)
			log_warning("%s", why.text);
	}
}

int
repo_draft_publish(struct repo_draft *d, struct repo_set *set,
    const struct sign_key *key, struct err *e)
{
	struct buf json = BUF_INIT(REPO_JSON_MAX);
	struct store_lock *catalogue = NULL;
	int rc = -1;

	assert(!d->published && set->kind == d->kind && d->part_count > 0);
	if (set->start == 0)
		set->start = d->start;
	if (repo_set_string(&set->name, d->name, e) == -1 ||
	    check_objects(d, set, e) == -1 ||
	    (catalogue = repo_lock_catalogue(d->r, d->kind, e)) == NULL ||
	    chain(d, set, e) == -1 || write_checked(set, &json, e) == -1 ||
	    (key != NULL && put_signature(d, key, &json, e) == -1) ||
	    put_json(d, &json, e) == -1)
		goto done;
	d->published = true;
	rc = 0;
done:
	store_unlock(catalogue);
	if (rc == 0)
		end_intents(d);
	buf_free(&json);
	return rc;
}
