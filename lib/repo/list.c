#include <stdlib.h>
#include <string.h>

#include "repo/repo_int.h"

#define SIGNATURE_MAX 4096

struct repo *
repo_open(struct store *store, const struct sign_trust *trust, struct err *e)
{
	struct repo *r = malloc(sizeof *r);

	if (r == NULL)
		err_nomem(e);
	else
		*r = (struct repo){ store, trust };
	return r;
}

void
repo_close(struct repo *r)
{
	free(r);
}

struct store *
repo_store(struct repo *r)
{
	return r->store;
}

int
repo_exists(struct repo *r, const char *path, struct err *e)
{
	struct err why = ERR_INIT;
	char mark[STORE_MARK_MAX];

	if (store_mark(r->store, path, mark, &why) == 0)
		return 1;
	return why.kind == ERR_ABSENT ? 0 : err_pass(e, &why);
}

static int
check_signature(struct repo *r, enum repo_kind kind, const char *name,
    const struct buf *json, struct err *e)
{
	struct repo_path path = repo_path(kind, name, ".json.minisig");
	struct buf sig = BUF_INIT(SIGNATURE_MAX);
	struct err why = ERR_INIT;
	int rc = store_get_bytes(r->store, path.text, SIGNATURE_MAX, &sig,
	    &why);

	if (rc == 0)
		rc = sign_verify(r->trust, json->data, json->len, sig.data,
		    sig.len, &why);
	buf_free(&sig);
	if (rc == -1 && why.kind == ERR_ABSENT)
		return err_set(e, ERR_CORRUPT, "it is not signed");
	return rc == -1 ? err_pass(e, &why) : 0;
}

/* A file copied to another name or folder is not the set it says it is. */
static int
check_place(const struct repo_set *set, enum repo_kind kind,
    const char *name, struct err *e)
{
	if (set->kind == kind && strcmp(set->name, name) == 0)
		return 0;
	return err_set(e, ERR_CORRUPT, "it describes \"%s/%s\"",
	    repo_kind_name(set->kind), set->name);
}

struct repo_set *
repo_read(struct repo *r, enum repo_kind kind, const char *name,
    struct err *e)
{
	struct repo_path path = repo_path(kind, name, ".json");
	struct buf json = BUF_INIT(REPO_JSON_MAX);
	struct repo_set *set = NULL;
	struct err why = ERR_INIT;

	if (store_get_bytes(r->store, path.text, REPO_JSON_MAX, &json,
	    e) == -1)
		return NULL;
	/* the signature first: unsigned text is not even parsed */
	if (r->trust != NULL &&
	    check_signature(r, kind, name, &json, &why) == -1)
		goto done;
	if (repo_check_seal(json.data, json.len, &why) == -1 ||
	    (set = repo_set_parse(json.data, json.len, &why)) == NULL)
		goto done;
	set->is_signed = r->trust != NULL;
	if (check_place(set, kind, name, &why) == -1) {
		repo_set_free(set);
		set = NULL;
	}
done:
	buf_free(&json);
	if (set == NULL) {
		err_prefix(&why, "set \"%s/%s\"", repo_kind_name(kind), name);
		err_pass(e, &why);
	}
	return set;
}

int
repo_set_text(struct repo *r, const struct repo_set *set, struct buf *out,
    struct err *e)
{
	struct repo_path path = repo_path(set->kind, set->name, ".json");
	size_t at = out->len;
	struct digest sum;

	if (store_get_bytes(r->store, path.text, REPO_JSON_MAX, out, e) == -1)
		return -1;
	digest_of(out->data + at, out->len - at, &sum);
	if (!digest_same(&sum, &set->json_sum))
		return err_set(e, ERR_CORRUPT, "\"%s\" was changed",
		    path.text);
	return 0;
}

/* One listing of the folder serves to find the sets and check objects. */
struct file {
	char *name;
	uint64_t size;
};

struct files {
	struct file *list;
	size_t count;
};

static int
add_file(void *ctx, const char *name, uint64_t size, struct err *e)
{
	struct files *f = ctx;
	void *p = buf_more(f->list, f->count, sizeof *f->list, e);

	if (p == NULL)
		return -1;
	f->list = p;
	if ((f->list[f->count].name = strdup(name)) == NULL)
		return err_nomem(e);
	f->list[f->count++].size = size;
	return 0;
}

static void
free_files(struct files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->list[i].name);
	free(f->list);
}

static int
by_file_name(const void *key, const void *file)
{
	return strcmp(key, ((const struct file *)file)->name);
}

static bool
is_listed(const struct files *files, const char *name, uint64_t size)
{
	const struct file *f = files->count == 0 ? NULL : bsearch(name,
	    files->list, files->count, sizeof *files->list, by_file_name);

	return f != NULL && f->size == size;
}

static int
look_for(struct repo *r, const struct repo_set *set,
    const struct repo_object *o, struct err *e)
{
	struct blob *b = repo_object_open(r, set, o, e);

	blob_free(b);
	return b != NULL ? 0 : -1;
}

/*
 * The listing may have passed by an object that was put after it began: what
 * it lacks is asked for by name before it is called damage.
 */
static int
check_objects(struct repo *r, const struct repo_set *set,
    const struct files *files, struct err *e)
{
	size_t len = strlen(set->name);
	struct files own = { NULL, 0 };
	bool looked = false;
	int rc = 0;

	for (size_t i = 0; i < set->object_count && rc == 0; i++) {
		const struct repo_object *o = &set->objects[i];
		bool inside = o->name[len] == '/';
		struct repo_path path = repo_path(set->kind, set->name, "");

		if (inside && !looked)
			rc = store_list(r->store, path.text, add_file, &own,
			    e);
		looked |= inside;
		if (rc == 0 && !is_listed(inside ? &own : files, inside ?
		    o->name + len + 1 : o->name, o->stored))
			rc = look_for(r, set, o, e);
	}
	free_files(&own);
	return rc;
}

/* NAME of "NAME.json", into `name`; false for other files. */
static bool
is_json(const char *file, char name[REPO_NAME_MAX + 1])
{
	const char *dot = strchr(file, '.');
	size_t len = dot != NULL ? (size_t)(dot - file) : 0;

	if (dot == NULL || strcmp(dot, ".json") != 0 || len > REPO_NAME_MAX)
		return false;
	memcpy(name, file, len);
	name[len] = '\0';
	return repo_is_name(name);
}

/* Read one set: 1 into *out, 0 if it went meanwhile, -1. */
static int
scan_one(struct repo *r, enum repo_kind kind, const char *name,
    const struct files *files, struct repo_set **out, struct err *e)
{
	struct err why = ERR_INIT;
	struct repo_set *set = repo_read(r, kind, name, &why);
	struct repo_path path = repo_path(kind, name, ".json");

	if (set != NULL && files != NULL &&
	    check_objects(r, set, files, &why) == -1) {
		repo_set_free(set);
		set = NULL;
	}
	if (set == NULL) {
		/* the .json is the first to go when a set is deleted */
		if (why.kind == ERR_ABSENT || (why.kind == ERR_CORRUPT &&
		    repo_exists(r, path.text, NULL) == 0))
			return 0;
		return err_pass(e, &why);
	}
	repo_drop_tables(set);
	*out = set;
	return 1;
}

static int
oldest_first(const void *a, const void *b)
{
	const struct repo_set *x = *(struct repo_set *const *)a;
	const struct repo_set *y = *(struct repo_set *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return strcmp(x->name, y->name);
}

int
repo_scan(struct repo *r, enum repo_kind kind, bool objects,
    struct repo_list *out,
    void (*bad)(void *ctx, const char *name, const struct err *why),
    void *ctx, struct err *e)
{
	struct files files = { NULL, 0 };
	struct repo_list list = { NULL, 0 };
	int rc = -1;

	if (store_list(r->store, repo_kind_name(kind), add_file, &files,
	    e) == -1)
		goto done;
	list.sets = calloc(files.count + 1, sizeof *list.sets);
	if (list.sets == NULL) {
		err_nomem(e);
		goto done;
	}
	for (size_t i = 0; i < files.count; i++) {
		char name[REPO_NAME_MAX + 1];
		struct err why = ERR_INIT;
		int got;

		if (!is_json(files.list[i].name, name))
			continue;
		got = scan_one(r, kind, name, objects ? &files : NULL,
		    &list.sets[list.count], &why);
		if (got == -1 && (bad == NULL || why.kind == ERR_NOMEM)) {
			err_pass(e, &why);
			goto done;
		}
		if (got == -1)
			bad(ctx, repo_path(kind, name, ".json").text, &why);
		list.count += got == 1;
	}
	qsort(list.sets, list.count, sizeof *list.sets, oldest_first);
	*out = list;
	list = (struct repo_list){ NULL, 0 };
	rc = 0;
done:
	repo_list_free(&list);
	free_files(&files);
	return rc;
}

int
repo_list(struct repo *r, enum repo_kind kind, struct repo_list *out,
    void (*bad)(void *ctx, const char *name, const struct err *why),
    void *ctx, struct err *e)
{
	return repo_scan(r, kind, true, out, bad, ctx, e);
}

void
repo_list_free(struct repo_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		repo_set_free(list->sets[i]);
	free(list->sets);
	*list = (struct repo_list){ NULL, 0 };
}
