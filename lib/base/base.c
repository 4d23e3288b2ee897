#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_int.h"
#include "log/log.h"
#include "lsn/lsn.h"
#include "stop/stop.h"
#include "unit/unit.h"

#define OTHER_OBJECTS 3 /* data folder, manifest, hashes */

/* The set's facts, but for what the end of the backup tells. */
static int
begin_set(struct base_run *r, struct err *e)
{
	const struct base_options *o = r->o;
	struct repo_set *s;
	char host[256] = "";

	repo_set_free(r->set);
	if ((s = r->set = repo_set_new(REPO_INCREMENTAL, e)) == NULL)
		return -1;
	gethostname(host, sizeof host - 1);
	s->start = r->start;
	s->server_version = r->server.version;
	s->wal_segment_size = r->server.segment_size;
	if (repo_set_string(&s->tool, o->tool, e) == -1 ||
	    repo_set_string(&s->host, host, e) == -1 ||
	    repo_set_string(&s->environment, o->environment, e) == -1 ||
	    repo_set_string(&s->system_identifier, r->server.system_text,
	    e) == -1 || repo_set_string(&s->server_version_text,
	    pg_server_version_text(r->pg), e) == -1 ||
	    repo_set_string(&s->checksums, r->server.checksums ? "on" : "off",
	    e) == -1 || repo_set_string(&s->method, r->plan.incremental ?
	    r->changes->ops->method : "full", e) == -1 ||
	    repo_set_string(&s->parent, r->plan.incremental ?
	    r->parent.set->name : NULL, e) == -1 ||
	    repo_add_recipients(s, o->keys, e) == -1)
		return -1;
	return 0;
}

static int
note_begin(struct base_run *r, struct err *e)
{
	char lsn[LSN_TEXT_MAX];

	r->set->timeline = r->begin.timeline;
	return repo_set_string(&r->set->lsn, lsn_text(r->begin.start, lsn), e);
}

static int
note_end(struct base_run *r, struct err *e)
{
	char lsn[LSN_TEXT_MAX], missing[160];

	r->set->end = unit_now();
	if (repo_set_string(&r->set->end_lsn, lsn_text(r->end, lsn), e) == -1)
		return -1;
	if (r->o->wal_timeout > 0)
		return 0;
	snprintf(missing, sizeof missing, "WAL: that from %s to %s was not "
	    "waited for, and a restore needs it", r->set->lsn, lsn);
	return repo_add_missing(r->set, missing, e);
}

/* An increment upon a set that begins later than it would make no sense. */
static int
check_begin(struct base_run *r, struct err *e)
{
	const struct repo_set *p = r->parent.set;
	uint64_t lsn;

	if (!r->plan.incremental)
		return 0;
	if (r->begin.timeline != p->timeline)
		return err_set(e, ERR_PG, "the backup is on another timeline "
		    "than set \"%s\"", p->name);
	if (lsn_parse(p->lsn, &lsn, e) == -1)
		return -1;
	return lsn <= r->begin.start ? 0 : err_set(e, ERR_PG, "the backup "
	    "begins before set \"%s\" does", p->name);
}

const char *
base_label(const struct base_options *o)
{
	return o->label != NULL ? o->label : o->tool;
}

static int
ask_stream(struct base_run *r, struct err *e)
{
	const struct base_options *o = r->o;
	struct base_changes *c = r->changes;
	struct base_command command = { .server_version = r->server.version,
		.label = base_label(o), .fast = o->fast,
		.max_rate = o->max_rate, .option = c != NULL &&
		    r->plan.incremental ? c->ops->option : NULL };

	return base_stream_begin(r->pg, &command, &r->begin, r->set, e);
}

static int
ask(struct base_run *r, struct err *e)
{
	struct base_changes *c = r->changes;
	const bool own = c != NULL && c->ops->begin != NULL;

	progress_phase(r->progress, own ? "reading WAL" : "");
	if (c != NULL && c->ops->prepare != NULL &&
	    c->ops->prepare(c, r->pg, e) == -1)
		return -1;
	progress_phase(r->progress, "waiting for checkpoint");
	if ((own ? c->ops->begin(c, &r->begin, r->set, e) :
	    ask_stream(r, e)) == -1 || check_begin(r, e) == -1)
		return -1;
	progress_phase(r->progress, own ? "reading WAL" : "");
	if (own && c->ops->look(c, &r->begin.size, e) == -1)
		return -1;
	progress_phase(r->progress, "");
	if (r->set->tablespace_count + OTHER_OBJECTS > REPO_OBJECTS_MAX)
		return err_set(e, ERR_REFUSED, "%zu tablespaces are too many "
		    "for a set", r->set->tablespace_count);
	return note_begin(r, e);
}

/*
 * What was refused before anything was sent may go another way: blocks in
 * place of WAL or summaries, or a full backup. True: plan anew.
 */
static bool
may_go_on(struct base_run *r, struct err *why)
{
	const bool wal = r->plan.method == BASE_WAL;
	bool corrupt = why->kind == ERR_CORRUPT;

	if (!r->plan.incremental || stop_requested() != 0 ||
	    (why->kind != ERR_PG && !corrupt && (!wal ||
	    (why->kind != ERR_REFUSED && why->kind != ERR_NOMEM))))
		return false;
	if (wal && r->o->method == BASE_ANY && !corrupt) {
		snprintf(r->no_wal, sizeof r->no_wal, "%.*s",
		    BASE_REASON_MAX - 1, why->text);
	} else if (r->plan.method == BASE_SUMMARIES &&
	    r->o->method == BASE_ANY && !corrupt &&
	    r->no_summaries[0] == '\0') {
		snprintf(r->no_summaries, sizeof r->no_summaries, "%.*s",
		    BASE_REASON_MAX - 1, why->text);
	} else if (r->o->mode == BASE_AUTO) {
		snprintf(r->no_increment, sizeof r->no_increment, "%.*s",
		    BASE_REASON_MAX - 1, why->text);
	} else {
		return false;
	}
	if (corrupt)
		log_warning("%s", why->text);
	err_clear(why);
	return true;
}

/* Up to where the server sends the first archive. */
static int
begin(struct base_run *r, struct err *e)
{
	for (;;) {
		struct err why = ERR_INIT;

		if (base_connect(r, e) == -1 || base_wait_check(r, e) == -1 ||
		    base_plan(r, e) == -1)
			return -1;
		if (base_open_changes(r, &why) == 0 &&
		    begin_set(r, &why) == 0 && ask(r, &why) == 0)
			return 0;
		if (!may_go_on(r, &why))
			return err_pass(e, &why);
	}
}

static int
new_draft(struct base_run *r, struct err *e)
{
	repo_draft_free(r->draft);
	r->draft = repo_draft_new(r->repo, REPO_INCREMENTAL, NULL, r->start,
	    r->zone, e);
	progress_free(r->progress);
	r->progress = progress_new("base backup", 0, PROGRESS_BYTES);
	return r->draft == NULL ? -1 : 0;
}

/*
 * BASE_BACKUP knows what to do where the files cannot be read by SQL: links
 * that lead in circles, names of another encoding.
 */
static bool
may_take_blocks(struct base_run *r, struct err *why)
{
	if (r->plan.method != BASE_WAL || r->o->method != BASE_ANY ||
	    why->kind != ERR_PG || stop_requested() != 0)
		return false;
	log_warning("%s; this backup compares blocks instead", why->text);
	snprintf(r->no_wal, sizeof r->no_wal, "it was tried");
	err_clear(why);
	return true;
}

static int
take(struct base_run *r, struct err *e)
{
	for (;;) {
		struct err why = ERR_INIT;

		if (new_draft(r, e) == -1 || begin(r, e) == -1)
			return -1;
		if (base_take(r, &why) == 0)
			return 0;
		if (!may_take_blocks(r, &why))
			return err_pass(e, &why);
	}
}

static int
run(struct base_run *r, const struct sign_key *key, char **name,
    struct err *e)
{
	if (repo_put_readme(r->repo, e) == -1 || take(r, e) == -1)
		return -1;
	pg_close(r->pg);
	r->pg = NULL;
	if (note_end(r, e) == -1 ||
	    (r->o->wal_timeout > 0 && base_wait(r, e) == -1) ||
	    stop_check(e) == -1 ||
	    repo_draft_publish(r->draft, r->set, key, e) == -1)
		return -1;
	*name = strdup(repo_draft_name(r->draft));
	return *name == NULL ? err_nomem(e) : 0;
}

int
base_to_repo(const struct base_options *o, struct repo *repo,
    const char *zone, const struct sign_key *key, char **name, struct err *e)
{
	struct base_run r = { .o = o, .repo = repo, .zone = zone,
		.start = unit_now(), .again.target = o->target };
	const int rc = run(&r, key, name, e);

	pg_close(r.pg);
	progress_free(r.progress);
	repo_draft_free(r.draft);
	repo_set_free(r.set);
	base_changes_free(r.changes);
	blob_free(r.manifest);
	base_parent_free(&r.parent);
	base_again_free(&r.again);
	return rc;
}
