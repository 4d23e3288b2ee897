#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/change.h"
#include "base/changed.h"
#include "base/files.h"
#include "base/hashes.h"
#include "base/log_read.h"
#include "base/sender.h"
#include "lsn/lsn.h"

#define NEW_NAMES 150000 /* pg_start_backup became pg_backup_start */
#define LABEL_MAX ((size_t)64 << 10)

struct driver {
	struct base_changes base;
	struct base_logged how;
	struct hashes *parent;
	struct hashes_writer *writer;
	struct base_changed *changed;
	struct base_log_reader *log;
	struct pg *pg;
	struct base_begin begun;
	struct repo_set *set; /* for its tablespaces */
	/* the present whole file */
	uint64_t *now;
};

/* beginning */

/* Without these the server could not be asked. */
static const char *const functions_new[] = {
	"pg_backup_start(text,boolean)", "pg_backup_stop(boolean)" };
static const char *const functions_old[] = {
	"pg_start_backup(text,boolean,boolean)",
	"pg_stop_backup(boolean,boolean)" };
static const char *const functions_all[] = {
	"pg_ls_dir(text,boolean,boolean)", "pg_stat_file(text,boolean)",
	"pg_read_binary_file(text,bigint,bigint,boolean)",
	"pg_control_system()" };

static int
check_function(struct driver *d, const char *name, struct err *e)
{
	static const char sql[] = "SELECT pg_catalog.has_function_privilege("
	    "'pg_catalog.' || $1, 'EXECUTE')";
	struct pg_rows *rows = NULL;
	int rc = 0;

	if (pg_query(d->pg, sql, &name, 1, &rows, e) == -1)
		return -1;
	if (!pg_bool(rows, 0, 0)) {
		rc = err_set(e, ERR_PG, "the role may not EXECUTE %s in "
		    "database \"%s\"", name, pg_database(d->pg));
		err_hint(e, "roles.sql grants what the method \"wal\" needs");
	}
	pg_rows_free(rows);
	return rc;
}

static int
check_rights(struct driver *d, struct err *e)
{
	const char *const *functions = pg_server_version(d->pg) >= NEW_NAMES ?
	    functions_new : functions_old;

	for (size_t i = 0; i < 2; i++)
		if (check_function(d, functions[i], e) == -1)
			return -1;
	for (size_t i = 0; i < sizeof functions_all / sizeof *functions_all;
	    i++)
		if (check_function(d, functions_all[i], e) == -1)
			return -1;
	return 0;
}

/* A list of hosts may have led elsewhere. */
static int
check_system(struct driver *d, struct err *e)
{
	struct pg_rows *rows = NULL;
	uint64_t system;

	if (pg_query(d->pg, "SELECT system_identifier "
	    "FROM pg_catalog.pg_control_system()", NULL, 0, &rows, e) == -1)
		return -1;
	system = pg_number(rows, 0, 0);
	pg_rows_free(rows);
	return system == d->how.system ? 0 : err_set(e, ERR_REFUSED,
	    "database \"%s\" is of another cluster than the replication "
	    "connection", pg_database(d->pg));
}

static int
start_backup(struct driver *d, struct err *e)
{
	const char *const params[] = { d->how.label,
		d->how.fast ? "true" : "false" };
	const char *sql = pg_server_version(d->pg) >= NEW_NAMES ?
	    "SELECT pg_catalog.pg_backup_start($1, $2)" :
	    "SELECT pg_catalog.pg_start_backup($1, $2, false)";
	struct pg_rows *rows = NULL;
	const char *text;
	int rc;

	if (pg_query(d->pg, sql, params, 2, &rows, e) == -1)
		return -1;
	text = pg_text(rows, 0, 0);
	rc = text != NULL && lsn_parse(text, &d->begun.start, NULL) == 0 ? 0 :
	    err_set(e, ERR_PG, "the server does not say where the backup "
	    "begins");
	d->begun.timeline = d->how.timeline;
	pg_rows_free(rows);
	return rc;
}

static int
note_tablespaces(struct driver *d, struct err *e)
{
	struct pg_rows *rows = NULL;
	int rc = pg_query(d->pg, "SELECT oid,"
	    " pg_catalog.pg_tablespace_location(oid)"
	    " FROM pg_catalog.pg_tablespace WHERE spcname"
	    " NOT IN ('pg_default', 'pg_global') ORDER BY oid", NULL, 0,
	    &rows, e);

	for (size_t i = 0; rc == 0 && i < pg_count(rows); i++) {
		struct repo_tablespace t = {
			.oid = (uint32_t)pg_number(rows, i, 0),
			.location = (char *)(uintptr_t)pg_text(rows, i, 1) };

		rc = t.oid != 0 && t.location != NULL &&
		    t.location[0] != '\0' ? repo_add_tablespace(d->set, &t,
		    e) : err_set(e, ERR_PG, "a tablespace without a place");
	}
	pg_rows_free(rows);
	return rc;
}

/* Whatever could be in the way is found before the checkpoint. */
static int
prepare(struct base_changes *c, struct pg *pg, struct err *e)
{
	struct driver *d = (struct driver *)c;
	struct base_log log = { .store = d->how.store, .keys = d->how.keys,
		.threads = d->how.threads, .timeline = d->how.timeline,
		.segment_size = d->how.segment_size, .from = d->how.from };

	(void)pg;
	if ((d->pg = pg_connect(d->how.target, e)) == NULL ||
	    check_rights(d, e) == -1 || check_system(d, e) == -1)
		return -1;
	log.pg = d->pg;
	if ((d->log = base_log_open(&log, d->changed, e)) == NULL)
		return -1;
	return base_log_until(d->log, d->how.position, e);
}

static int
begin(struct base_changes *c, struct base_begin *out, struct repo_set *set,
    struct err *e)
{
	struct driver *d = (struct driver *)c;

	d->set = set;
	if (start_backup(d, e) == -1 || note_tablespaces(d, e) == -1)
		return -1;
	*out = d->begun;
	return 0;
}

static int
look(struct base_changes *c, uint64_t *size, struct err *e)
{
	struct driver *d = (struct driver *)c;

	if (base_log_to(d->log, d->begun.start, e) == -1)
		return -1;
	*size = base_changed_count(d->changed) * PAGE_SIZE_PG;
	return 0;
}

/* the archives */

static int
group_access(struct driver *d, bool *out, struct err *e)
{
	struct pg_rows *rows = NULL;
	const char *text;

	if (pg_query(d->pg, "SHOW data_directory_mode", NULL, 0, &rows, e) ==
	    -1)
		return -1;
	text = pg_text(rows, 0, 0);
	*out = text != NULL && strcmp(text, "0750") == 0;
	pg_rows_free(rows);
	return 0;
}

/* backup_label's own word for the timeline it is of. */
static int
check_timeline(const struct driver *d, const char *label, struct err *e)
{
	const char *line = strstr(label, "\nSTART TIMELINE: ");

	if (line != NULL && strtoul(line + 17, NULL, 10) ==
	    d->begun.timeline)
		return 0;
	return err_set(e, ERR_PG, "the backup is not of timeline %" PRIu32,
	    d->begun.timeline);
}

static int
send_texts(struct driver *d, struct base_sender *s, const char *label,
    const char *map, struct err *e)
{
	struct buf text = BUF_INIT(LABEL_MAX);
	int rc = -1;

	if (check_timeline(d, label, e) == 0 &&
	    buf_str(&text, label, e) == 0 &&
	    buf_str(&text, d->how.lines, e) == 0 &&
	    base_send_text(s, "backup_label", text.data, e) == 0)
		rc = map[0] == '\0' ? 0 :
		    base_send_text(s, "tablespace_map", map, e);
	buf_free(&text);
	return rc == -1 ? -1 : base_send_end(s, e);
}

static int
stop_backup(struct driver *d, struct base_sender *s, uint64_t *end,
    struct err *e)
{
	const char *sql = pg_server_version(d->pg) >= NEW_NAMES ?
	    "SELECT lsn, labelfile, spcmapfile"
	    " FROM pg_catalog.pg_backup_stop(false)" :
	    "SELECT lsn, labelfile, spcmapfile"
	    " FROM pg_catalog.pg_stop_backup(false, false)";
	struct pg_rows *rows = NULL;
	const char *lsn, *label, *map;
	int rc = -1;

	if (pg_query(d->pg, sql, NULL, 0, &rows, e) == -1)
		return -1;
	lsn = pg_text(rows, 0, 0);
	label = pg_text(rows, 0, 1);
	map = pg_text(rows, 0, 2);
	if (lsn == NULL || lsn_parse(lsn, end, NULL) == -1 ||
	    label == NULL || *end < d->begun.start)
		err_set(e, ERR_PG, "the server does not say where the backup "
		    "ends");
	else
		rc = send_texts(d, s, label, map != NULL ? map : "", e);
	pg_rows_free(rows);
	return rc;
}

static int
send_all(struct base_changes *c, const struct base_take *take, void *ctx,
    uint64_t *end, struct err *e)
{
	struct driver *d = (struct driver *)c;
	struct base_sender s = { .pg = d->pg, .target = d->how.target,
		.changed = d->changed, .parent = d->parent,
		.hashes = d->writer, .check = d->how.check,
		.start = d->begun.start, .max_rate = d->how.max_rate,
		.take = take, .ctx = ctx };
	const struct repo_tablespace *t = d->set->tablespaces;
	const size_t count = d->set->tablespace_count;

	if (group_access(d, &s.group_access, e) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (t[i].location[0] == '/' &&
		    base_send_tablespace(&s, t[i].oid, e) == -1)
			return -1;
	if (base_send_data(&s, t, count, e) == -1)
		return -1;
	return stop_backup(d, &s, end, e);
}

/* hashes, of whole files as the archive has them */

static int
start(struct base_changes *c, struct sink *out, struct err *e)
{
	return hashes_start(((struct driver *)c)->writer, out, e);
}

static int
file(struct base_changes *c, const struct base_relation *f, bool *known,
    struct err *e)
{
	struct driver *d = (struct driver *)c;

	*known = false;
	d->now = hashes_file(d->writer, f, e);
	return d->now == NULL ? -1 : 0;
}

static int
block(struct base_changes *c, uint32_t n, const void *page, bool *changed,
    struct err *e)
{
	struct driver *d = (struct driver *)c;

	(void)e;
	d->now[n] = hashes_of(d->writer, page);
	*changed = true;
	return 0;
}

static int
finish(struct base_changes *c, struct err *e)
{
	return hashes_finish(((struct driver *)c)->writer, e);
}

static void
driver_free(struct base_changes *c)
{
	struct driver *d = (struct driver *)c;

	base_log_close(d->log);
	pg_close(d->pg);
	hashes_close(d->parent);
	hashes_writer_free(d->writer);
	base_changed_free(d->changed);
	free(d);
}

struct base_changes *
base_logged_new(const struct base_logged *how, struct blob *parent,
    struct err *e)
{
	static const struct base_changes_ops ops = { .method = "wal",
		.made = true, .role = "blocks", .prepare = prepare,
		.begin = begin, .look = look, .send = send_all, .start = start, .file = file,
		.block = block, .finish = finish, .free = driver_free };
	struct driver *d = calloc(1, sizeof *d);

	if (d == NULL) {
		err_nomem(e);
		blob_free(parent);
		return NULL;
	}
	d->base.ops = &ops;
	d->how = *how;
	if ((d->parent = hashes_open(parent, e)) == NULL ||
	    (d->writer = hashes_writer_new(hashes_key(d->parent), e)) ==
	    NULL || (d->changed = base_changed_new(e)) == NULL) {
		driver_free(&d->base);
		return NULL;
	}
	return &d->base;
}
