#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_int.h"
#include "log/log.h"
#include "lsn/lsn.h"

static void
warn_bad(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	log_warning("\"%s\" is passed over: %s", name, why->text);
}

static const struct repo_set *
by_name(const struct repo_list *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->sets[i]->name, name) == 0)
			return l->sets[i];
	return NULL;
}

static bool
is_ours(const struct repo_set *set, const struct base_server *s)
{
	return set->system_identifier != NULL &&
	    strcmp(set->system_identifier, s->system_text) == 0;
}

/* The newest of this cluster; of any other, only to say so. */
static const struct repo_set *
newest(const struct repo_list *l, const struct base_server *s)
{
	for (size_t i = l->count; i-- > 0;)
		if (is_ours(l->sets[i], s))
			return l->sets[i];
	return NULL;
}

static int
hold(struct base_run *r, const struct repo_set *set, char *reason,
    struct err *e)
{
	struct base_parent *p = &r->parent;
	struct err why = ERR_INIT;

	p->holds[p->hold_count] = repo_hold(r->repo, set, &why);
	if (p->holds[p->hold_count] != NULL) {
		p->hold_count++;
		return 0;
	}
	if (why.kind != ERR_BUSY && why.kind != ERR_ABSENT)
		return err_pass(e, &why);
	snprintf(reason, BASE_REASON_MAX, "set \"%s\" is being removed",
	    set->name);
	return 0;
}

/* From the newest back to the full one, each held. */
static int
follow(struct base_run *r, char *reason, struct err *e)
{
	struct base_parent *p = &r->parent;
	const struct repo_set *set = p->set;

	for (size_t i = 0; i <= p->list.count; i++) {
		const struct repo_set *next;

		if (hold(r, set, reason, e) == -1)
			return -1;
		if (*reason != '\0')
			return 0;
		if (set->parent == NULL) {
			p->full = set;
			return 0;
		}
		if ((next = by_name(&p->list, set->parent)) == NULL) {
			snprintf(reason, BASE_REASON_MAX, "set \"%s\", which "
			    "\"%s\" builds on, is absent or damaged",
			    set->parent, set->name);
			return 0;
		}
		set = next;
	}
	snprintf(reason, BASE_REASON_MAX, "the chain of set \"%s\" has no "
	    "beginning", p->set->name);
	return 0;
}

/* Whatever makes an increment upon this set wrong, by any method. */
static void
compare(const struct repo_set *set, const struct base_server *s, char *reason)
{
	const char *now = s->checksums ? "on" : "off";
	uint64_t lsn;

	if (set->server_version / 10000 != s->version / 10000)
		snprintf(reason, BASE_REASON_MAX, "set \"%s\" is of "
		    "PostgreSQL %d, the server of %d", set->name,
		    set->server_version / 10000, s->version / 10000);
	else if (set->timeline != s->timeline)
		snprintf(reason, BASE_REASON_MAX, "set \"%s\" is on timeline "
		    "%" PRIu32 ", the server on %" PRIu32, set->name,
		    set->timeline, s->timeline);
	else if (set->checksums == NULL || strcmp(set->checksums, now) != 0)
		snprintf(reason, BASE_REASON_MAX, "data checksums were \"%s\" "
		    "in set \"%s\" and are \"%s\" now",
		    set->checksums != NULL ? set->checksums : "?", set->name,
		    now);
	else if (set->wal_segment_size != s->segment_size)
		snprintf(reason, BASE_REASON_MAX, "the size of WAL segments "
		    "was another in set \"%s\"", set->name);
	else if (set->lsn == NULL || lsn_parse(set->lsn, &lsn, NULL) == -1)
		snprintf(reason, BASE_REASON_MAX, "set \"%s\" does not say "
		    "where it begins", set->name);
	else if (lsn > s->position)
		snprintf(reason, BASE_REASON_MAX, "set \"%s\" begins at %s, "
		    "ahead of this server", set->name, set->lsn);
}

int
base_parent_find(struct base_run *r, char reason[BASE_REASON_MAX],
    struct err *e)
{
	struct base_parent *p = &r->parent;

	base_parent_free(p);
	reason[0] = '\0';
	if (repo_list(r->repo, REPO_INCREMENTAL, &p->list, warn_bad, NULL,
	    e) == -1)
		return -1;
	p->holds = calloc(p->list.count + 1, sizeof(*p->holds));
	if (p->holds == NULL)
		return err_nomem(e);
	if ((p->set = newest(&p->list, &r->server)) == NULL) {
		snprintf(reason, BASE_REASON_MAX, p->list.count == 0 ?
		    "there is none to build on" :
		    "there is none of this cluster (system identifier %s)",
		    r->server.system_text);
		return 0;
	}
	compare(p->set, &r->server, reason);
	return *reason != '\0' ? 0 : follow(r, reason, e);
}

void
base_parent_free(struct base_parent *p)
{
	for (size_t i = 0; i < p->hold_count; i++)
		store_unlock(p->holds[i]);
	free(p->holds);
	repo_list_free(&p->list);
	memset(p, 0, sizeof *p);
}
