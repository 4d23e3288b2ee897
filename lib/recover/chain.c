#include <string.h>

#include "log/log.h"
#include "recover/recover_int.h"
#include "stop/stop.h"
#include "unit/unit.h"
#include "unpack/unpack.h"

#define STEP ((uint64_t)1 << 20)

static int
send(struct recover *r, struct blob *b, struct sink *s, struct err *e)
{
	uint64_t n;

	for (uint64_t off = 0; off < b->size; off += n) {
		n = b->size - off < STEP ? b->size - off : STEP;
		if (stop_check(e) == -1 || blob_send(b, off, n, s, e) == -1)
			return -1;
		progress_add(r->progress, n);
	}
	return sink_finish(s, e);
}

/*
 * The stored bytes through `s` (NULL: its error stands), which is freed, and
 * proven.
 */
static int
read_object(struct recover *r, const struct repo_set *set,
    const struct repo_object *o, struct sink *s, struct err *e)
{
	struct digest sum;
	struct blob *b = NULL;
	int rc = -1;

	s = digest_tee(s, &sum, e);
	if (s != NULL && (b = repo_object_open(r->repo, set, o, e)) != NULL &&
	    (rc = send(r, b, s, e)) == 0 && !digest_same(&sum, &o->sum))
		rc = err_set(e, ERR_CORRUPT,
		    "its bytes are not those that were stored");
	sink_free(s);
	blob_free(b);
	return rc;
}

int
chain_walk(struct recover *r, unsigned number, uint32_t space, struct err *e)
{
	struct sink *s = combine_archive(r, space, number, e);
	uint64_t size = 0, skipped = 0;
	int rc = s == NULL || view_hold(r, number, space, true, e) == -1 ?
	    -1 : view_size(r, number, space, &size, e);

	for (uint64_t off = 0; rc == 0 && off < size; off += skipped) {
		const void *data;
		size_t n = 0;

		if (stop_check(e) == -1 || view_at(r, number, space, off,
		    &data, &n, e) == -1 || sink_write(s, data, n, e) == -1)
			rc = -1;
		else
			rc = combine_skip(s, &skipped, e);
		off += n;
	}
	if (rc == 0)
		rc = sink_finish(s, e);
	sink_free(s);
	view_hold(r, number, space, false, e);
	return rc;
}

/*
 * The full backup, which most bytes come from, is read once. Of an increment
 * little more than the heads of its files is wanted before the base of each
 * comes by: it is mapped and proven first, and then not even unpacked where
 * changed blocks lie.
 */
static int
restore_object(struct recover *r, const struct repo_set *set, unsigned number,
    const struct repo_object *o, uint32_t space, struct err *e)
{
	const struct age_keys *keys = r->o->keys;
	struct codec_map *map = view_map(r, number, space, e);
	int rc = -1;

	if (map != NULL && number == r->chain_count)
		rc = read_object(r, set, o, unpack_mapped(combine_archive(r,
		    space, number, e), keys, r->o->jobs, map, e), e);
	else if (map != NULL && (rc = read_object(r, set, o,
	    unpack_mapper(keys, map, e), e)) == 0)
		rc = chain_walk(r, number, space, e);
	if (rc == -1 && (e->kind == ERR_CORRUPT || e->kind == ERR_KEY) &&
	    strstr(e->text, o->name) == NULL)
		err_prefix(e, "\"%s\"", o->name);
	return rc;
}

static bool
is_wanted(const struct recover *r, uint32_t space)
{
	for (size_t i = 0; i < r->files.count; i++)
		if (r->files.items[i]->space == space &&
		    r->files.items[i]->state == FILE_OPEN)
			return true;
	return false;
}

/* The object of a space in a set, or NULL. */
static const struct repo_object *
object_of(const struct repo_set *set, const struct space *s)
{
	char role[32];

	if (s->oid == 0)
		return repo_object(set, "base");
	snprintf(role, sizeof role, "tablespace-%u", s->oid);
	return repo_object(set, role);
}

/* What comes in changed blocks must be in the set they build on. */
static int
check_open(const struct recover *r, unsigned number,
    const struct repo_set *set, struct err *e)
{
	for (size_t i = 0; i < r->files.count; i++) {
		const struct file *f = r->files.items[i];

		if (f->state == FILE_OPEN && (f->seen != number ||
		    number == r->chain_count))
			return err_set(e, ERR_CORRUPT, "\"%s\" does not have "
			    "\"%s\", of which a later set has changed blocks",
			    set->name, f->path);
	}
	return 0;
}

static struct blob *
reopen(struct recover *r, unsigned number, uint32_t space, struct err *e)
{
	const struct repo_set *set = r->chain[r->chain_count - number];

	return unpack_blob(repo_object_open(r->repo, set, object_of(set,
	    &r->spaces[space]), e), r->o->keys, e);
}

int
chain_restore(struct recover *r, struct err *e)
{
	r->reopen = reopen;
	for (unsigned n = 1; n <= r->chain_count; n++) {
		const struct repo_set *set = r->chain[r->chain_count - n];

		log_info("reading \"%s\"", set->name);
		progress_phase(r->progress, set->name);
		for (uint32_t i = 0; i < r->space_count; i++) {
			const struct repo_object *o = object_of(set,
			    &r->spaces[i]);

			/* a tablespace may be younger than the set */
			if (o == NULL || (n > 1 && i > 0 && !is_wanted(r, i)))
				continue;
			if (restore_object(r, set, n, o, i, e) == -1)
				return -1;
		}
		if (combine_end(r, n, e) == -1 || check_open(r, n, set,
		    e) == -1)
			return -1;
	}
	return output_drain(r, e);
}
