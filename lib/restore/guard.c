#include <stdio.h>
#include <string.h>

#include "restore/restore_int.h"
#include "unit/unit.h"

int
guard_environment(const struct restore_options *o, const char *label,
    const char *what, struct err *e)
{
	return repo_guard(label, what, o->environment, o->allow_environment,
	    e);
}

/*
 * A piece proves itself by the index, and the index by the mark; that all of
 * them are this set's, and not those of another of the same size, is left.
 */
static int
check_start(const struct restore *r, const char *what, struct err *e)
{
	const char *start = piece_fact(r->index, "start");
	char when[UNIT_TEXT_MAX];

	if (start == NULL ||
	    strcmp(start, unit_rfc3339(r->set->start, when)) == 0)
		return 0;
	return err_set(e, ERR_CORRUPT, "%s holds a dump of %s, not of %s",
	    what, start, when);
}

int
guard_file(const struct restore *r, struct err *e)
{
	const char *what = r->o->source != NULL ? r->o->source : "the backup";

	if (guard_environment(r->o, piece_fact(r->index, "environment"), what,
	    e) == -1)
		return -1;
	if (r->set == NULL)
		return 0;
	return guard_environment(r->o, r->set->environment, what, e) == -1 ?
	    -1 : check_start(r, what, e);
}

int
guard_database(struct restore *r, const char *name, struct err *e)
{
	unsigned count = piece_databases(r->index);

	if (name == NULL && count == 1) {
		r->number = 0;
		r->source = piece_database(r->index, 0);
		return 0;
	}
	for (unsigned i = 0; name != NULL && i < count; i++)
		if (strcmp(piece_database(r->index, i), name) == 0) {
			r->number = i;
			r->source = piece_database(r->index, i);
			return 0;
		}
	if (name != NULL)
		return err_set(e, ERR_ABSENT,
		    "the backup holds no database \"%s\"", name);
	err_set(e, ERR_USAGE, "the backup holds %u databases and none is "
	    "named", count);
	return err_hint(e, "latest:snapshot:DB or --from-database names one, "
	    "--all restores every one");
}

/* "encoding-0" and the like: what the dump said of its databases. */
void
guard_facts(const struct restore *r, struct database_facts *f)
{
	const struct {
		const char *key, **value;
	} all[] = {
		{ "encoding", &f->encoding },
		{ "lc-collate", &f->collate },
		{ "lc-ctype", &f->ctype },
		{ "locale-provider", &f->provider },
		{ "icu-locale", &f->locale },
	};
	char key[64];

	memset(f, 0, sizeof *f);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		snprintf(key, sizeof key, "%s-%u", all[i].key, r->number);
		*all[i].value = piece_fact(r->index, key);
	}
}
