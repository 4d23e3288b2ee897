#include <stdlib.h>
#include <string.h>

#include "dump/dump_int.h"
#include "unit/unit.h"

static int
write_objects(const struct dump_options *o, struct repo_draft *d,
    struct repo_set *set, struct err *e)
{
	const struct repo_pack how = { o->codec, o->keys, 1, false };
	const struct repo_pack pieces = { o->codec, o->keys, o->jobs, true };
	struct repo_packed sql, hashes;
	bool with_hashes = o->all && o->keys != NULL;
	struct sink *out, *globals = NULL;

	if ((out = repo_draft_pack(d, ".sql", &pieces, &sql, e)) == NULL)
		return -1;
	if (with_hashes) {
		globals = repo_draft_pack(d, ".globals.sql", &how, &hashes, e);
		if (globals == NULL) {
			sink_free(out);
			return -1;
		}
	} else if (o->all && repo_add_missing(set, "role password hashes: "
	    "they are kept only in an encrypted backup", e) == -1) {
		sink_free(out);
		return -1;
	}
	if (dump_run(o, out, globals, set, &sql.plain, e) == -1)
		return -1;
	set->end = unit_now();
	if (repo_add_packed(set, d, &sql, "sql", e) == -1)
		return -1;
	return with_hashes ? repo_add_packed(set, d, &hashes, "globals", e) :
	    0;
}

static int
make_set(const struct dump_options *o, struct repo *r, struct repo_set *set,
    const char *zone, const struct sign_key *key, char **name, struct err *e)
{
	const char *database = pg_target_get(o->target, "dbname");
	struct buf stem = BUF_INIT(1024);
	struct repo_draft *d = NULL;
	int rc = -1;

	if (!o->all && buf_escape(&stem, database, e) == -1)
		goto done;
	d = repo_draft_new(r, set->kind, o->all ? NULL : stem.data, set->start,
	    zone, e);
	if (d == NULL || repo_put_readme(r, e) == -1 ||
	    repo_add_recipients(set, o->keys, e) == -1 ||
	    write_objects(o, d, set, e) == -1 ||
	    repo_draft_publish(d, set, key, e) == -1)
		goto done;
	if ((*name = strdup(repo_draft_name(d))) == NULL) {
		err_nomem(e);
		goto done;
	}
	rc = 0;
done:
	repo_draft_free(d);
	buf_free(&stem);
	return rc;
}

int
dump_to_repo(const struct dump_options *o, struct repo *r, const char *zone,
    const struct sign_key *key, char **name, struct err *e)
{
	enum repo_kind kind = o->all ? REPO_SNAPSHOT : REPO_FULL;
	struct repo_set *set = repo_set_new(kind, e);
	int rc;

	if (set == NULL)
		return -1;
	set->start = unit_now();
	rc = repo_set_string(&set->tool, o->tool, e);
	if (rc == 0)
		rc = make_set(o, r, set, zone, key, name, e);
	repo_set_free(set);
	return rc;
}
