/*
 * A set as JSON: one object, keys sorted, two spaces of indentation, UTF-8,
 * a newline at the end. What is not known is left out. Fields, ! for those
 * that must be there:
 *
 *	format!              1
 *	kind!                "full", "incremental", "wal", "snapshot"
 *	name!                NAME, as in the file's name
 *	tool                 "pgk 0.1.0"
 *	environment          label of the server
 *	system_identifier    decimal, as text: it passes 2^53
 *	server_version       150018
 *	server_version_text  "15.18 (Debian 15.18-1)"
 *	host                 where the backup was taken
 *	start! end!          RFC 3339, UTC, "2025-01-27T03:00:00Z"
 *	lsn                  "0/16B3748"
 *	timeline             1 to 2^32-1
 *	parent               NAME of the set a chain builds on
 *	checksums            "on", "off"
 *	end_lsn              where the WAL a base backup needs ends
 *	method               "full", "blocks", "wal", "summaries"
 *	wal_segment_size     bytes: a power of two, 1 MiB to 1 GiB
 *	bad_pages            whose checksums were wrong; of a base backup
 *	tablespaces          list of
 *	    oid!
 *	    location!        where the server has it
 *	recipients           list of texts
 *	objects!             list of
 *	    name!            "NAME.sql.gz.age", "NAME/base.tar.gz.age"
 *	    role!            "sql", "globals"; "base", "tablespace-OID",
 *	                     "manifest", "blocks"
 *	    stored! plain!   bytes
 *	    blake2b_256!     of the stored bytes: 64 hexadecimal digits
 *	    codec!           "gzip", "zstd", "none"
 *	    encrypted!       true, false
 *	databases            list of
 *	    name!            as the server has it
 *	    encoding         "UTF8"
 *	    size!            pg_database_size()
 *	tables               list of what was counted in the same snapshot
 *	    database! schema! table!
 *	    rows!
 *	missing              what the backup does not hold: list of sentences
 *	sequence!            1, 2, ... within the kind
 *	previous             NAME of the set with the sequence before, and
 *	previous_blake2b_256 the sum of its .json
 *
 * A text that is not valid UTF-8 (SQL_ASCII clusters have such names) stands
 * as FIELD_base64 instead of FIELD, in lists as {"base64": "..."}. Numbers
 * are at most 2^63-1.
 */
#include <jansson.h>
#include <string.h>

#include "repo/repo_int.h"
#include "unit/unit.h"

/* Set o[key] = value, taken; NULL is want of memory. */
static int
put(json_t *o, const char *key, json_t *value, struct err *e)
{
	/* json_object_set_new() releases the value when it fails */
	return json_object_set_new(o, key, value) == -1 ? err_nomem(e) : 0;
}

static json_t *
base64_of(const char *text, struct err *e)
{
	struct buf b = BUF_INIT(2 * strlen(text) + 4);
	json_t *v = NULL;

	if (repo_base64(&b, text, strlen(text), e) == 0 &&
	    (v = json_stringn(b.data != NULL ? b.data : "", b.len)) == NULL)
		err_nomem(e);
	buf_free(&b);
	return v;
}

/* NULL is not written. */
static int
put_text(json_t *o, const char *key, const char *text, struct err *e)
{
	char other[64];
	json_t *v;

	if (text == NULL)
		return 0;
	if ((v = json_string(text)) != NULL)
		return put(o, key, v, e);
	/* invalid UTF-8, or no memory: then the next attempt fails as well */
	snprintf(other, sizeof other, "%s_base64", key);
	if ((v = base64_of(text, e)) == NULL)
		return -1;
	return put(o, other, v, e);
}

static int
put_number(json_t *o, const char *key, uint64_t n, struct err *e)
{
	if (n > INT64_MAX)
		return err_set(e, ERR_CORRUPT, "\"%s\" is out of range", key);
	return put(o, key, json_integer((json_int_t)n), e);
}

static int
put_time(json_t *o, const char *key, int64_t when, struct err *e)
{
	char text[UNIT_TEXT_MAX];

	return put_text(o, key, unit_rfc3339(when, text), e);
}

static int
put_sum(json_t *o, const char *key, const struct digest *d, struct err *e)
{
	char hex[DIGEST_HEX];

	return put_text(o, key, digest_hex(d, hex), e);
}

/* A list under `key`, empty; borrowed from `o`. */
static json_t *
put_list(json_t *o, const char *key, struct err *e)
{
	json_t *list = json_array();

	return put(o, key, list, e) == 0 ? list : NULL;
}

/* A further object in a list; borrowed from it. */
static json_t *
add_object(json_t *list, struct err *e)
{
	json_t *o = json_object();

	if (json_array_append_new(list, o) == -1) {
		err_nomem(e);
		return NULL;
	}
	return o;
}

static int
put_lines(json_t *o, const char *key, char *const *lines, size_t count,
    struct err *e)
{
	json_t *list = put_list(o, key, e), *v;

	if (list == NULL)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if ((v = json_string(lines[i])) != NULL) {
			if (json_array_append_new(list, v) == -1)
				return err_nomem(e);
			continue;
		}
		if ((v = add_object(list, e)) == NULL ||
		    put(v, "base64", base64_of(lines[i], e), e) == -1)
			return -1;
	}
	return 0;
}

static int
put_objects(json_t *o, const struct repo_set *set, struct err *e)
{
	json_t *list = put_list(o, "objects", e), *v;

	if (list == NULL)
		return -1;
	for (size_t i = 0; i < set->object_count; i++) {
		const struct repo_object *x = &set->objects[i];

		if ((v = add_object(list, e)) == NULL ||
		    put_text(v, "name", x->name, e) == -1 ||
		    put_text(v, "role", x->role, e) == -1 ||
		    put_number(v, "stored", x->stored, e) == -1 ||
		    put_number(v, "plain", x->plain, e) == -1 ||
		    put_sum(v, "blake2b_256", &x->sum, e) == -1 ||
		    put_text(v, "codec", codec_name(x->codec), e) == -1 ||
		    put(v, "encrypted", json_boolean(x->encrypted), e) == -1)
			return -1;
	}
	return 0;
}

static int
put_databases(json_t *o, const struct repo_set *set, struct err *e)
{
	json_t *list = put_list(o, "databases", e), *v;

	if (list == NULL)
		return -1;
	for (size_t i = 0; i < set->database_count; i++) {
		const struct repo_database *x = &set->databases[i];

		if ((v = add_object(list, e)) == NULL ||
		    put_text(v, "name", x->name, e) == -1 ||
		    put_text(v, "encoding", x->encoding, e) == -1 ||
		    put_number(v, "size", x->size, e) == -1)
			return -1;
	}
	return 0;
}

static int
put_tables(json_t *o, const struct repo_set *set, struct err *e)
{
	json_t *list = put_list(o, "tables", e), *v;

	if (list == NULL)
		return -1;
	for (size_t i = 0; i < set->table_count; i++) {
		const struct repo_table *x = &set->tables[i];

		if ((v = add_object(list, e)) == NULL ||
		    put_text(v, "database", x->database, e) == -1 ||
		    put_text(v, "schema", x->schema, e) == -1 ||
		    put_text(v, "table", x->table, e) == -1 ||
		    put_number(v, "rows", x->rows, e) == -1)
			return -1;
	}
	return 0;
}

static int
put_tablespaces(json_t *o, const struct repo_set *set, struct err *e)
{
	json_t *list, *v;

	if (set->tablespace_count == 0)
		return 0;
	if ((list = put_list(o, "tablespaces", e)) == NULL)
		return -1;
	for (size_t i = 0; i < set->tablespace_count; i++) {
		const struct repo_tablespace *x = &set->tablespaces[i];

		if ((v = add_object(list, e)) == NULL ||
		    put_number(v, "oid", x->oid, e) == -1 ||
		    put_text(v, "location", x->location, e) == -1)
			return -1;
	}
	return 0;
}

/* What only a base backup has. */
static int
put_base(json_t *o, const struct repo_set *set, struct err *e)
{
	if (put_text(o, "end_lsn", set->end_lsn, e) == -1 ||
	    put_text(o, "method", set->method, e) == -1 ||
	    put_tablespaces(o, set, e) == -1)
		return -1;
	if (set->wal_segment_size > 0 && put_number(o, "wal_segment_size",
	    set->wal_segment_size, e) == -1)
		return -1;
	if (set->method == NULL && set->bad_pages == 0)
		return 0;
	return put_number(o, "bad_pages", set->bad_pages, e);
}

static int
put_facts(json_t *o, const struct repo_set *set, struct err *e)
{
	if (put_number(o, "format", REPO_FORMAT, e) == -1 ||
	    put_text(o, "kind", repo_kind_name(set->kind), e) == -1 ||
	    put_text(o, "name", set->name, e) == -1 ||
	    put_text(o, "tool", set->tool, e) == -1 ||
	    put_text(o, "environment", set->environment, e) == -1 ||
	    put_text(o, "system_identifier", set->system_identifier,
	        e) == -1 ||
	    put_text(o, "server_version_text", set->server_version_text,
	        e) == -1 ||
	    put_text(o, "host", set->host, e) == -1 ||
	    put_time(o, "start", set->start, e) == -1 ||
	    put_time(o, "end", set->end, e) == -1 ||
	    put_text(o, "lsn", set->lsn, e) == -1 ||
	    put_text(o, "parent", set->parent, e) == -1 ||
	    put_text(o, "checksums", set->checksums, e) == -1 ||
	    put_number(o, "sequence", set->sequence, e) == -1)
		return -1;
	if (set->server_version > 0 && put_number(o, "server_version",
	    (uint64_t)set->server_version, e) == -1)
		return -1;
	if (set->timeline > 0 &&
	    put_number(o, "timeline", set->timeline, e) == -1)
		return -1;
	if (set->previous == NULL)
		return 0;
	if (put_text(o, "previous", set->previous, e) == -1)
		return -1;
	return put_sum(o, "previous_blake2b_256", &set->previous_sum, e);
}

struct target {
	struct buf *out;
	struct err *e;
	size_t left;
};

static int
append(const char *data, size_t len, void *ctx)
{
	struct target *t = ctx;

	if (len > t->left)
		return err_set(t->e, ERR_CORRUPT, "the set's description is "
		    "larger than %zu bytes", REPO_JSON_MAX);
	t->left -= len;
	return buf_add(t->out, data, len, t->e);
}

int
repo_set_write(const struct repo_set *set, struct buf *out, struct err *e)
{
	struct target t = { out, e, REPO_JSON_MAX };
	json_t *o = json_object();
	int rc = -1;

	if (o == NULL)
		return err_nomem(e);
	if (put_facts(o, set, e) == -1 || put_base(o, set, e) == -1 ||
	    put_objects(o, set, e) == -1 ||
	    put_databases(o, set, e) == -1 || put_tables(o, set, e) == -1 ||
	    put_lines(o, "recipients", set->recipients, set->recipient_count,
	        e) == -1 ||
	    put_lines(o, "missing", set->missing, set->missing_count,
	        e) == -1)
		goto done;
	rc = json_dump_callback(o, append, &t, JSON_SORT_KEYS |
	    JSON_INDENT(2));
	if (rc == 0)
		rc = append("\n", 1, &t);
	else
		err_nomem(e); /* unless append() has said why */
done:
	json_decref(o);
	return rc;
}
