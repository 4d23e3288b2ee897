#include <stdlib.h>
#include <string.h>

#include "restore/restore_int.h"
#include "stop/stop.h"

/*
 * A foreign key locks both its tables against another one's being added;
 * those that share no table are checked side by side. Partitions are locked
 * too, which names do not tell: a deadlock is tried again, alone.
 */
struct key {
	struct statement *s;
	struct deed d;
	uint64_t bytes; /* of the referencing table */
	enum { KEY_WAITS, KEY_RUNS, KEY_DONE, KEY_AGAIN } state;
};

struct keys {
	struct restore *r;
	struct key *keys;
	size_t count;
};

static bool
same(const char *schema, const char *name, const char *schema2,
    const char *name2)
{
	return strcmp(name, name2) == 0 && strcmp(schema, schema2) == 0;
}

static bool
share_table(const struct deed *a, const struct deed *b)
{
	return same(a->schema, a->name, b->schema, b->name) ||
	    same(a->schema, a->name, b->schema2, b->name2) ||
	    same(a->schema2, a->name2, b->schema, b->name) ||
	    same(a->schema2, a->name2, b->schema2, b->name2);
}

/* The first that waits and shares no table with one that runs. */
static struct key *
next_free(struct keys *k, bool *any)
{
	*any = false;
	for (size_t i = 0; i < k->count; i++) {
		bool free_now = k->keys[i].state == KEY_WAITS;

		*any = *any || free_now;
		for (size_t j = 0; free_now && j < k->count; j++)
			free_now = k->keys[j].state != KEY_RUNS ||
			    !share_table(&k->keys[i].d, &k->keys[j].d);
		if (free_now)
			return &k->keys[i];
	}
	return NULL;
}

static struct key *
take(struct keys *k)
{
	struct restore *r = k->r;
	struct key *key = NULL;
	bool any = true;

	pthread_mutex_lock(&r->lock);
	while (!r->failed && stop_requested() == 0 &&
	    (key = next_free(k, &any)) == NULL && any)
		pthread_cond_wait(&r->changed, &r->lock);
	if (key != NULL)
		key->state = KEY_RUNS;
	pthread_mutex_unlock(&r->lock);
	return key;
}

static void
put(struct keys *k, struct key *key, bool again)
{
	pthread_mutex_lock(&k->r->lock);
	key->state = again ? KEY_AGAIN : KEY_DONE;
	pthread_cond_broadcast(&k->r->changed);
	pthread_mutex_unlock(&k->r->lock);
}

static int
work(void *ctx, struct pg *c, struct err *e)
{
	struct keys *k = ctx;
	struct key *key;
	int rc = 0;

	while (rc == 0 && (key = take(k)) != NULL) {
		bool deadlock;

		rc = script_run(c, "post-data", key->s->text, key->s->line,
		    false, e);
		deadlock = rc == -1 && e->kind == ERR_PG &&
		    strcmp(pg_sqlstate(c), "40P01") == 0;
		if (deadlock) {
			err_clear(e);
			rc = 0;
		}
		put(k, key, deadlock);
	}
	return rc;
}

static int
larger_first(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->s->line < y->s->line ? -1 : 1;
}

int
foreign_run(struct restore *r, struct list *post, size_t from, size_t to,
    struct err *e)
{
	struct keys k = { .r = r };
	struct catalog *cat = catalog_read(r->main, e);
	int rc = -1;

	if (cat == NULL)
		return -1;
	if ((k.keys = calloc(to - from + 1, sizeof *k.keys)) == NULL) {
		err_nomem(e);
		goto done;
	}
	for (size_t i = from; i < to; i++) {
		struct key *key = &k.keys[k.count];
		struct relation rel;

		if (post->items[i].kind != DEED_FOREIGN ||
		    post->items[i].done)
			continue;
		key->s = &post->items[i];
		deed_of(key->s->text, &key->d);
		if (catalog_find(cat, key->d.schema, key->d.name, &rel))
			key->bytes = rel.bytes;
		k.count++;
	}
	qsort(k.keys, k.count, sizeof *k.keys, larger_first);
	rc = crew_run(r, work, &k, e);
	for (size_t i = 0; rc == 0 && i < k.count; i++) {
		if (k.keys[i].state == KEY_AGAIN)
			rc = script_run(r->main, "post-data",
			    k.keys[i].s->text, k.keys[i].s->line, false, e);
		k.keys[i].s->done = true;
	}
	if (rc == 0)
		rc = stop_check(e);
done:
	free(k.keys);
	catalog_free(cat);
	return rc;
}
