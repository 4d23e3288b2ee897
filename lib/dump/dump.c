#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump/dump_int.h"
#include "log/log.h"
#include "stop/stop.h"
#include "unit/unit.h"

extern const char sql_dump_secrets[];

/*
 * The order of one database: snapshot and locks; pg_dump's three sections are
 * started at once, so that they take their locks now and not behind someone
 * who came later; the schema is read; rows, other data and the indexes'
 * definitions are read by the workers; the latter end the database's part.
 */

static int
start_sections(struct dump_run *r, bool create, struct proc **pre,
    struct err *e)
{
	if ((*pre = dump_section_start(r, DUMP_PRE, create, e)) == NULL ||
	    (r->post = dump_section_start(r, DUMP_POST, false, e)) == NULL)
		return -1;
	if (r->o->schema_only)
		return 0;
	r->data = dump_section_start(r, DUMP_DATA, false, e);
	return r->data == NULL ? -1 : 0;
}

static int
read_pre(struct dump_run *r, struct proc *pre, const char *before,
    struct err *e)
{
	struct piece_maker *m = piece_maker_new(r->writer, e);
	int rc = m == NULL ? -1 :
	    dump_section_read(r, pre, DUMP_PRE, m, before, e);

	piece_maker_free(m);
	return rc;
}

static void
expect(struct dump_run *r)
{
	uint64_t total = 0;

	for (size_t i = 0; i < r->table_count; i++)
		total += r->tables[i].bytes;
	progress_total(r->progress, total);
}

/* Password hashes in the clear are for a person to know of. */
static int
warn_secrets(struct dump_run *r, struct err *e)
{
	struct pg_rows *rows = NULL;

	if (r->o->keys != NULL || r->o->plain_is_meant || r->o->schema_only)
		return 0;
	if (pg_query(r->coordinator, sql_dump_secrets, NULL, 0, &rows, e) ==
	    -1)
		return -1;
	for (size_t i = 0; i < pg_count(rows); i++)
		log_warning("column \"%s\".\"%s\".\"%s\" looks like password "
		    "hashes and the dump is not encrypted",
		    pg_text(rows, i, 0), pg_text(rows, i, 1),
		    pg_text(rows, i, 2));
	if (pg_count(rows) > 0)
		log_hint("-r RECIPIENT encrypts, --no-encrypt says that this "
		    "is meant");
	pg_rows_free(rows);
	return 0;
}

static int
dump_database(struct dump_run *r, const char *name, const char *before,
    struct err *e)
{
	struct buf script = BUF_INIT(BUF_TEXT_MAX);
	struct proc *pre = NULL;
	bool create = false;
	int rc = -1;

	r->progress = progress_new(name, 0, PROGRESS_BYTES);
	if (dump_plan(r, name, e) == -1 || warn_secrets(r, e) == -1)
		goto done;
	expect(r);
	if (buf_str(&script, before, e) == -1 || (r->o->all &&
	    dump_connect_script(r, name, &create, &script, e) == -1))
		goto done;
	progress_phase(r->progress, "schema");
	if ((r->post_maker = piece_maker_new(r->writer, e)) == NULL ||
	    start_sections(r, create, &pre, e) == -1 ||
	    read_pre(r, pre, script.data, e) == -1 || dump_rows(r, e) == -1)
		goto done;
	rc = piece_put(r->post_maker, 0, 0, e);
done:
	proc_free(pre);
	buf_free(&script);
	progress_free(r->progress);
	r->progress = NULL;
	return rc;
}

/* The first lines of the script, for whoever looks into the file. */
static int
first_lines(const struct dump_run *r, struct buf *b, struct err *e)
{
	const char *label = r->o->environment;
	char when[UNIT_TEXT_MAX];

	/* pgk-restore looks at the label, also of what comes through a pipe */
	return buf_fmt(b, e,
	    "--\n"
	    "-- %s, %s\n"
	    "-- taken %s from server %s\n"
	    "%s%s%s"
	    "-- restore: pgk-restore, or unpack to psql -v ON_ERROR_STOP=1\n"
	    "--\n\n", r->set->tool ? r->set->tool : "pgk",
	    r->o->all ? "every database of a cluster" : "one database",
	    unit_rfc3339(r->set->start, when), r->set->server_version_text,
	    label != NULL ? "-- environment: " : "",
	    label != NULL ? label : "", label != NULL ? "\n" : "");
}

static int
dump_all(struct dump_run *r, const char *head, struct err *e)
{
	struct pg_rows *names = NULL;
	int rc = -1;

	if (dump_globals(r, head, e) == -1 ||
	    dump_databases(r, &names, e) == -1)
		goto done;
	for (size_t i = 0; i < pg_count(names); i++) {
		const char *name = pg_text(names, i, 0);

		if (dump_database(r, name, "", e) == -1) {
			err_prefix(e, "database \"%s\"", name);
			goto done;
		}
		dump_unplan(r);
	}
	rc = 0;
done:
	pg_rows_free(names);
	return rc;
}

static int
check_server(struct dump_run *r, struct err *e)
{
	struct pg *c = pg_connect(r->o->target, e);
	char host[256] = "";
	int rc = -1;

	if (c == NULL)
		return -1;
	gethostname(host, sizeof host - 1);
	r->set->server_version = pg_server_version(c);
	if (repo_set_string(&r->set->server_version_text,
	    pg_server_version_text(c), e) == 0 &&
	    repo_set_string(&r->set->host, host, e) == 0 &&
	    (r->o->environment == NULL || repo_set_string(
	    &r->set->environment, r->o->environment, e) == 0) &&
	    dump_check_program(r->o, r->set->server_version, e) == 0)
		rc = 0;
	pg_close(c);
	return rc;
}

static int
end_facts(struct dump_run *r, struct err *e)
{
	const struct repo_set *s = r->set;
	char when[UNIT_TEXT_MAX], version[16];
	const struct {
		const char *key, *value;
	} all[] = {
		{ "tool", s->tool },
		{ "environment", s->environment },
		{ "system-identifier", s->system_identifier },
		{ "server-version", version },
		{ "host", s->host },
		{ "start", unit_rfc3339(s->start, when) },
		{ "restrict", r->o->all ? NULL : r->restrict_key },
	};

	snprintf(version, sizeof version, "%d", s->server_version);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].value != NULL && piece_add_fact(r->writer,
		    all[i].key, all[i].value, e) == -1)
			return -1;
	return 0;
}

static int
run(struct dump_run *r, struct sink *globals, struct err *e)
{
	struct buf head = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (check_server(r, e) == -1 || first_lines(r, &head, e) == -1)
		goto done;
	if (globals != NULL && dump_hashes(r, globals, e) == -1)
		goto done;
	rc = r->o->all ? dump_all(r, head.data, e) :
	    dump_database(r, pg_target_get(r->o->target, "dbname"), head.data,
	    e);
	if (rc == 0 && (rc = end_facts(r, e)) == 0 &&
	    (rc = stop_check(e)) == 0)
		rc = piece_writer_finish(r->writer, e);
done:
	buf_free(&head);
	return rc;
}

int
dump_run(const struct dump_options *o, struct sink *out, struct sink *globals,
    struct repo_set *set, uint64_t *plain, struct err *e)
{
	struct dump_run r = { .o = o, .set = set };
	int rc = -1;

	pthread_mutex_init(&r.lock, NULL);
	if ((r.writer = piece_writer_new(out, &o->codec, e)) != NULL)
		rc = run(&r, globals, e);
	dump_unplan(&r);
	if (rc == 0)
		*plain = piece_writer_plain(r.writer);
	piece_writer_free(r.writer);
	sink_free(globals);
	pthread_mutex_destroy(&r.lock);
	return rc;
}
