#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fsx/fsx.h"
#include "log/log.h"
#include "recover/recover_int.h"
#include "unit/unit.h"

#define CHAIN_MAX 100000

static void
pass_over(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	(void)name; /* the text names it */
	log_warning("passed over: %s", why->text);
}

static const struct repo_set *
find_set(const struct recover *r, const char *name)
{
	for (size_t i = 0; i < r->sets.count; i++)
		if (strcmp(r->sets.sets[i]->name, name) == 0)
			return r->sets.sets[i];
	return NULL;
}

/* What a base backup must say of itself to be restored. */
static int
check_set(const struct repo_set *set, uint64_t *system, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t start, end;
	char *rest;

	if (set->lsn == NULL || set->end_lsn == NULL || set->timeline == 0 ||
	    set->system_identifier == NULL || set->server_version < 130000 ||
	    repo_object(set, "base") == NULL ||
	    !lsn_is_segment_size(set->wal_segment_size))
		return err_set(e, ERR_CORRUPT, "\"%s\" is no base backup that "
		    "can be restored", set->name);
	*system = strtoull(set->system_identifier, &rest, 10);
	if (*rest != '\0' || lsn_parse(set->lsn, &start, &why) == -1 ||
	    lsn_parse(set->end_lsn, &end, &why) == -1 || end < start)
		return err_set(e, ERR_CORRUPT, "\"%s\" tells no places in the "
		    "WAL that can be", set->name);
	return 0;
}

/* Its ancestors, up to the full one. */
static int
find_chain(struct recover *r, const struct repo_set *newest, struct err *e)
{
	const struct repo_set *set = newest;
	size_t n = 1;

	for (; set->parent != NULL; n++) {
		const struct repo_set *parent = find_set(r, set->parent);

		if (parent == NULL || n == CHAIN_MAX)
			return err_set(e, ERR_CORRUPT, "\"%s\" builds on "
			    "\"%s\", which is not there", set->name,
			    set->parent);
		set = parent;
	}
	free(r->chain);
	r->chain_count = 0;
	if ((r->chain = calloc(n, sizeof *r->chain)) == NULL)
		return err_nomem(e);
	r->chain_count = n;
	for (set = newest; n > 0; set = n > 0 ? find_set(r, set->parent) :
	    NULL)
		r->chain[--n] = set;
	return 0;
}

/* A chain never crosses a cluster or a timeline. */
static int
check_chain(struct recover *r, struct err *e)
{
	const struct repo_set *newest = r->chain[r->chain_count - 1];
	uint64_t system;

	if (check_set(newest, &r->system, e) == -1)
		return -1;
	for (size_t i = 0; i + 1 < r->chain_count; i++) {
		const struct repo_set *s = r->chain[i];

		if (check_set(s, &system, e) == -1)
			return -1;
		if (system != r->system || s->timeline != newest->timeline ||
		    s->server_version / 10000 !=
		    newest->server_version / 10000)
			return err_set(e, ERR_CORRUPT, "\"%s\" cannot build "
			    "on \"%s\": another cluster, timeline or version",
			    newest->name, s->name);
	}
	return 0;
}

/* Whether a set ends before the target, as far as that can be known. */
static bool
is_before(const struct recover_options *o, const struct repo_set *set)
{
	struct err ignored = ERR_INIT;
	uint64_t end;

	if (o->target == RECOVER_TIME)
		return set->end < o->time;
	return o->target != RECOVER_LSN || (set->end_lsn != NULL &&
	    lsn_parse(set->end_lsn, &end, &ignored) == 0 && end <= o->lsn);
}

static int
refuse_before(const struct recover *r, const struct repo_set *set,
    struct err *e)
{
	char target[256], when[UNIT_TEXT_MAX];

	recover_target_text(r->o, target, sizeof target);
	if (set == NULL)
		return err_set(e, ERR_ABSENT, "there is no base backup from "
		    "before the target, %s", target);
	return err_set(e, ERR_REFUSED, "\"%s\" ends at %s, %s: after the "
	    "target, %s", set->name, unit_rfc3339(set->end, when),
	    set->end_lsn != NULL ? set->end_lsn : "?", target);
}

/* 0 this one; 1, 2 as wal_plan(), -1: *e is set. */
static int
try_set(struct recover *r, const struct repo_set *set, struct err *e)
{
	if (find_chain(r, set, e) == -1 || check_chain(r, e) == -1)
		return -1;
	return wal_plan(r, set, e);
}

static int
choose_named(struct recover *r, const char *word, struct err *e)
{
	char *database = NULL, *name;
	struct repo_set *found = repo_find(r->repo, word, &database, e);
	const struct repo_set *set;
	int rc = -1;

	free(database);
	if (found == NULL)
		return -1;
	name = found->name;
	if (found->kind != REPO_INCREMENTAL)
		err_set(e, ERR_USAGE, "\"%s\" is no base backup: -d restores "
		    "it", name);
	else if ((set = find_set(r, name)) == NULL)
		err_set(e, ERR_CORRUPT, "\"%s\" is damaged", name);
	else if (!is_before(r->o, set))
		refuse_before(r, set, e);
	else
		rc = try_set(r, set, e) == 0 ? 0 : -1;
	repo_set_free(found);
	return rc;
}

static int
choose(struct recover *r, struct err *e)
{
	struct err first = ERR_INIT;
	int rc;

	for (size_t i = r->sets.count; i-- > 0;) {
		const struct repo_set *set = r->sets.sets[i];
		struct err why = ERR_INIT;

		if (!is_before(r->o, set))
			continue;
		if ((rc = try_set(r, set, &why)) == 0)
			return 0;
		/* an older one may do when this chain is broken */
		if (rc == -1 && why.kind != ERR_CORRUPT)
			return err_pass(e, &why);
		if (rc == 1)
			log_info("passed over: %s", why.text);
		else
			log_warning("passed over: %s", why.text);
		/* a search is answered by the oldest, from which it began */
		if (rc == 1 && target_is_searched(r->o))
			err_clear(&first);
		err_pass(&first, &why);
	}
	if (first.kind != ERR_NONE)
		return err_pass(e, &first);
	return refuse_before(r, NULL, e);
}

/*
 * Hold the chain so that nothing is pruned, open each archive: whether it is
 * there, has its size and is opened by a key of ours.
 */
static int
open_chain(struct recover *r, struct err *e)
{
	if ((r->holds = calloc(r->chain_count, sizeof *r->holds)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < r->chain_count; i++) {
		const struct repo_set *set = r->chain[i];

		if ((r->holds[i] = repo_hold(r->repo, set, e)) == NULL)
			return -1;
		for (size_t j = 0; j < set->object_count; j++) {
			const struct repo_object *o = &set->objects[j];
			struct blob *b;

			if (strcmp(o->role, "base") != 0 && strncmp(o->role,
			    "tablespace-", strlen("tablespace-")) != 0)
				continue;
			b = repo_object_open(r->repo, set, o, e);
			if (o->encrypted)
				b = age_open(b, r->o->keys, e);
			blob_free(b);
			if (b == NULL) {
				repo_blame(set, r->o->keys, e);
				return strstr(e->text, o->name) != NULL ? -1 :
				    err_prefix(e, "\"%s\"", o->name);
			}
			r->plan.read += o->stored;
		}
	}
	return 0;
}

/* Each tablespace the newest set names has its archive. */
static int
check_objects(const struct recover *r, struct err *e)
{
	const struct repo_set *set = r->chain[r->chain_count - 1];
	char role[32];

	for (size_t i = 1; i < r->space_count; i++) {
		snprintf(role, sizeof role, "tablespace-%u",
		    r->spaces[i].oid);
		if (repo_object(set, role) == NULL)
			return err_set(e, ERR_CORRUPT, "\"%s\" has no archive "
			    "of tablespace %u", set->name, r->spaces[i].oid);
	}
	return 0;
}

static int
tell_plan(struct recover *r, struct err *e)
{
	struct recover_plan *p = &r->plan;

	p->chain = r->chain;
	p->chain_count = r->chain_count;
	p->datadir = r->spaces[0].path;
	p->space_count = r->space_count - 1;
	p->write = guard_size(r);
	if ((r->spaces_said = calloc(r->space_count,
	    sizeof *r->spaces_said)) == NULL)
		return err_nomem(e);
	for (size_t i = 1; i < r->space_count; i++)
		r->spaces_said[i - 1] = (struct recover_space){
		    r->spaces[i].oid, r->spaces[i].from, r->spaces[i].path };
	p->spaces = r->spaces_said;
	return 0;
}

static int
plan(struct recover *r, struct err *e)
{
	const struct recover_options *o = r->o;
	const struct repo_set *set;
	char when[UNIT_TEXT_MAX];

	if (settings_check(o, e) == -1 || repo_list(r->repo, REPO_INCREMENTAL,
	    &r->sets, pass_over, NULL, e) == -1)
		return -1;
	if ((o->set == NULL ? choose(r, e) : choose_named(r, o->set, e)) == -1)
		return -1;
	if (o->target == RECOVER_TIME && o->time > unit_now())
		log_warning("the target, %s, is in the future: no archive "
		    "reaches it", unit_rfc3339(o->time, when));
	set = r->chain[r->chain_count - 1];
	if (repo_guard(set->environment, set->name, o->environment,
	    o->allow_environment, e) == -1 || open_chain(r, e) == -1 ||
	    space_plan(r, e) == -1 || check_objects(r, e) == -1 ||
	    guard_room(r, e) == -1)
		return -1;
	return tell_plan(r, e);
}

struct recover *
recover_open(const struct recover_options *o, struct repo *repo,
    struct err *e)
{
	struct recover *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_nomem(e);
		return NULL;
	}
	r->o = o;
	r->repo = repo;
	r->folder_fd = r->fd = -1;
	r->label = (struct buf)BUF_INIT(LABEL_MAX);
	r->control = (struct buf)BUF_INIT(CONTROL_MAX);
	r->conf = (struct buf)BUF_INIT(CONF_MAX);
	if (plan(r, e) == -1) {
		recover_free(r);
		return NULL;
	}
	return r;
}

const struct recover_plan *
recover_plan(const struct recover *r)
{
	return &r->plan;
}

bool
recover_has_conf(const struct recover *r)
{
	return r->has_conf;
}

void
recover_free(struct recover *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; r->holds != NULL && i < r->chain_count; i++)
		store_unlock(r->holds[i]);
	free(r->holds);
	free(r->chain);
	repo_list_free(&r->sets);
	lsn_history_free(&r->history);
	files_free(&r->files);
	space_free(r);
	free(r->spaces_said);
	mark_free(&r->mark);
	output_free(r);
	view_free(r);
	merge_free(r);
	buf_free(&r->label);
	buf_free(&r->control);
	buf_free(&r->conf);
	free(r);
}
