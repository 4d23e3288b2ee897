#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "prune/prune_int.h"

static_assert((int)CONF_FULL == (int)REPO_FULL &&
    (int)CONF_INCREMENTAL == (int)REPO_INCREMENTAL &&
    (int)CONF_WAL == (int)REPO_WAL &&
    (int)CONF_SNAPSHOT == (int)REPO_SNAPSHOT &&
    (int)CONF_KINDS == REPO_KINDS, "both rooms count the kinds alike");

/* What prune_run() knows of the store. */
struct run {
	const struct prune_options *o;
	struct repo *r;
	struct archive *archive;
	struct archive_list wal;
	struct prune_sets bases;
	struct err first;
};

/* One error is returned; the others must be seen too. */
static void
note_error(struct run *run, const struct err *why)
{
	if (run->first.kind != ERR_NONE && why->kind != ERR_NONE)
		log_error(why);
	err_pass(&run->first, why);
}

static bool
is_asked(const struct prune_options *o, enum repo_kind kind)
{
	for (size_t i = 0; i < o->kind_count; i++)
		if (o->kinds[i] == kind)
			return true;
	return false;
}

static int64_t
keep_of_wal(const struct prune_options *o)
{
	const struct conf_policy *row = &o->conf->policy.kind[REPO_WAL];

	return row->set ? row->keep : 0;
}

/* The WAL in the store, when it concerns what is to be done. */
static int
open_wal(struct run *run, struct err *e)
{
	if (keep_of_wal(run->o) == 0 || (!is_asked(run->o, REPO_WAL) &&
	    !is_asked(run->o, REPO_INCREMENTAL)))
		return 0;
	run->archive = archive_open(repo_store(run->r), e);
	if (run->archive == NULL)
		return -1;
	return archive_list(run->archive, 0, &run->wal, e);
}

static int
prune_kind(struct run *run, enum repo_kind kind, struct err *e)
{
	bool bases = kind == REPO_INCREMENTAL;
	struct prune_sets sets = { .gone = NULL };
	int rc = prune_sets(run->o, run->r, kind, bases &&
	    run->wal.count > 0 ? keep_of_wal(run->o) : 0, &sets, e);

	if (bases && sets.loaded)
		run->bases = sets;
	else
		prune_sets_free(&sets);
	return rc;
}

/* The kinds but the WAL, then that: what becomes of it is up to the rest. */
static void
prune_kinds(struct run *run)
{
	struct err why = ERR_INIT;
	bool bases_failed = false, wal_known = open_wal(run, &why) == 0;

	note_error(run, &why);
	for (size_t i = 0; i < run->o->kind_count; i++) {
		enum repo_kind kind = run->o->kinds[i];

		/* what becomes of base backups is up to the WAL, too */
		if (kind == REPO_WAL ||
		    (kind == REPO_INCREMENTAL && !wal_known))
			continue;
		err_clear(&why);
		if (prune_kind(run, kind, &why) == -1 &&
		    kind == REPO_INCREMENTAL && why.kind != ERR_REFUSED)
			bases_failed = true;
		note_error(run, &why);
		if (why.kind == ERR_STOPPED)
			return;
	}
	if (run->wal.count == 0 || !is_asked(run->o, REPO_WAL))
		return;
	err_clear(&why);
	if (bases_failed)
		err_set(&why, ERR_REFUSED, "nothing of kind \"wal\" was "
		    "deleted: something is wrong with the base backups");
	else
		prune_wal(run->o, run->r, run->archive, &run->wal,
		    &run->bases, &why);
	note_error(run, &why);
}

int
prune_run(const struct prune_options *o, struct repo *r, struct err *e)
{
	struct run run = { .o = o, .r = r, .first = ERR_INIT };
	struct store_lock *lock = NULL;

	if (!o->dry_run &&
	    (lock = store_lock(repo_store(r), "prune", e)) == NULL) {
		if (e->kind == ERR_BUSY) {
			err_clear(e);
			err_set(e, ERR_BUSY, "another prune of \"%s\" is "
			    "running", store_url(repo_store(r)));
		}
		return -1;
	}
	prune_kinds(&run);
	prune_sets_free(&run.bases);
	archive_list_free(&run.wal);
	archive_close(run.archive);
	store_unlock(lock);
	return err_pass(e, &run.first);
}
