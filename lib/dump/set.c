#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest/digest.h"
#include "dump/dump_int.h"
#include "unit/unit.h"

/* One object being written: its sizes and sum are known at the end. */
struct object {
	const char *role;
	char suffix[32];
	uint64_t stored, plain;
	struct digest sum;
};

/* The stages below compression: encrypted, summed, counted, stored. */
static struct sink *
object_sink(const struct dump_options *o, struct repo_draft *d,
    struct object *x, struct err *e)
{
	struct sink *s = repo_draft_object(d, x->suffix, e);

	s = sink_count(s, &x->stored, e);
	s = digest_tee(s, &x->sum, e);
	return o->keys == NULL ? s : age_writer(s, o->keys, o->jobs, e);
}

static int
note_object(const struct dump_options *o, struct repo_draft *d,
    struct repo_set *set, const struct object *x, struct err *e)
{
	struct repo_object row = { .role = (char *)(uintptr_t)x->role,
		.stored = x->stored, .plain = x->plain, .sum = x->sum,
		.codec = o->codec.kind, .encrypted = o->keys != NULL };
	struct buf name = BUF_INIT(1024);
	int rc = -1;

	if (buf_fmt(&name, e, "%s%s", repo_draft_name(d), x->suffix) == 0) {
		row.name = name.data;
		rc = repo_add_object(set, &row, e);
	}
	buf_free(&name);
	return rc;
}

static int
note_recipients(const struct dump_options *o, struct repo_set *set,
    struct err *e)
{
	for (unsigned i = 0; o->keys && i < age_recipients(o->keys); i++)
		if (repo_add_recipient(set, age_recipient(o->keys, i), e) ==
		    -1)
			return -1;
	return 0;
}

static void
name_object(const struct dump_options *o, struct object *x, const char *role,
    const char *ending)
{
	x->role = role;
	snprintf(x->suffix, sizeof x->suffix, "%s%s%s", ending,
	    codec_suffix(o->codec.kind), o->keys != NULL ? ".age" : "");
}

static int
write_objects(const struct dump_options *o, struct repo_draft *d,
    struct repo_set *set, struct err *e)
{
	struct object sql = { .role = NULL }, hashes = { .role = NULL };
	bool with_hashes = o->all && o->keys != NULL;
	struct sink *out, *globals = NULL;

	name_object(o, &sql, "sql", ".sql");
	name_object(o, &hashes, "globals", ".globals.sql");
	if ((out = object_sink(o, d, &sql, e)) == NULL)
		return -1;
	if (with_hashes) {
		globals = sink_count(codec_writer(object_sink(o, d, &hashes,
		    e), &o->codec, 1, e), &hashes.plain, e);
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
	if (note_object(o, d, set, &sql, e) == -1)
		return -1;
	return with_hashes ? note_object(o, d, set, &hashes, e) : 0;
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
	    note_recipients(o, set, e) == -1 ||
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
