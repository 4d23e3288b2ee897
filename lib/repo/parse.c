/*
 * A set's JSON back (the fields: json.c). The text may be anyone's: nothing
 * is believed about it, and what it can make us allocate is bounded by its
 * length and the number of its values.
 */
#include <stdlib.h>
#include <string.h>

#include "lsn/lsn.h"
#include "repo/field.h"

#define VALUES_MAX 2000000 /* at most some 100 bytes each while parsing */
#define OBJECTS_MAX 4096

static int
get_codec(const struct field_at *at, enum codec_kind *codec)
{
	char *text = NULL;
	int rc = field_text(at, "codec", true, &text);

	if (rc == 0 && codec_by_name(text, codec, NULL) == -1)
		rc = field_bad(at, "codec", "is not known");
	free(text);
	return rc;
}

/* An object must bear the set's name, so that no set can claim another's. */
static int
check_object(const struct field_at *at, const struct repo_set *set,
    const struct repo_object *x)
{
	size_t len = strlen(set->name);

	if (strncmp(x->name, set->name, len) != 0 ||
	    !repo_is_suffix(x->name + len))
		return field_bad(at, "name", "does not bear the set's name");
	for (size_t i = 0; i < set->object_count; i++)
		if (strcmp(set->objects[i].name, x->name) == 0)
			return field_bad(at, "name", "is there twice");
	return field_check(at, "role", x->role,
	    "abcdefghijklmnopqrstuvwxyz0123456789_-");
}

static int
get_object(const struct field_at *at, struct repo_set *set)
{
	struct repo_object x = { .stored = 0 };
	const json_t *encrypted = json_object_get(at->o, "encrypted");

	if (field_text(at, "name", true, &x.name) == -1 ||
	    field_text(at, "role", true, &x.role) == -1 ||
	    field_number(at, "stored", true, 0, INT64_MAX, &x.stored) == -1 ||
	    field_number(at, "plain", true, 0, INT64_MAX, &x.plain) == -1 ||
	    field_sum(at, "blake2b_256", &x.sum) == -1 ||
	    get_codec(at, &x.codec) == -1 ||
	    check_object(at, set, &x) == -1)
		goto fail;
	if (!json_is_boolean(encrypted)) {
		field_bad(at, "encrypted", "is neither true nor false");
		goto fail;
	}
	x.encrypted = json_is_true(encrypted);
	return repo_take_object(set, &x, at->e);
fail:
	free(x.name);
	free(x.role);
	return -1;
}

static int
get_database(const struct field_at *at, struct repo_set *set)
{
	struct repo_database x = { .size = 0 };

	if (field_text(at, "name", true, &x.name) == -1 ||
	    field_text(at, "encoding", false, &x.encoding) == -1 ||
	    field_number(at, "size", true, 0, INT64_MAX, &x.size) == -1) {
		free(x.name);
		free(x.encoding);
		return -1;
	}
	return repo_take_database(set, &x, at->e);
}

static int
get_table(const struct field_at *at, struct repo_set *set)
{
	struct repo_table x = { .rows = 0 };

	if (field_text(at, "database", true, &x.database) == -1 ||
	    field_text(at, "schema", true, &x.schema) == -1 ||
	    field_text(at, "table", true, &x.table) == -1 ||
	    field_number(at, "rows", true, 0, INT64_MAX, &x.rows) == -1) {
		free(x.database);
		free(x.schema);
		free(x.table);
		return -1;
	}
	return repo_take_table(set, &x, at->e);
}

static int
get_tablespace(const struct field_at *at, struct repo_set *set)
{
	struct repo_tablespace x = { .oid = 0 };
	uint64_t oid = 0;

	if (field_number(at, "oid", true, 1, UINT32_MAX, &oid) == -1)
		return -1;
	for (size_t i = 0; i < set->tablespace_count; i++)
		if (set->tablespaces[i].oid == oid)
			return field_bad(at, "oid", "is there twice");
	x.oid = (uint32_t)oid;
	if (field_text(at, "location", true, &x.location) == -1)
		return -1;
	return repo_take_tablespace(set, &x, at->e);
}

static int
get_each(const struct field_at *at, const char *key, size_t max,
    int (*get)(const struct field_at *in, struct repo_set *set),
    struct repo_set *set)
{
	const json_t *list;
	struct field_at in;
	int rc = field_list(at, key, &list);

	if (rc != 1)
		return rc;
	if (json_array_size(list) > max)
		return field_bad(at, key, "is too long");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (field_enter(list, key, i, &in, at->e) == -1 ||
		    get(&in, set) == -1)
			return -1;
	return 0;
}

/* An LSN; NULL is good. */
static int
check_lsn(const struct field_at *at, const char *key, const char *text)
{
	uint64_t lsn;

	if (text != NULL && lsn_parse(text, &lsn, NULL) == -1)
		return field_bad(at, key, "is no LSN");
	return 0;
}

static int
get_server(const struct field_at *at, struct repo_set *set)
{
	uint64_t version = 0, timeline = 0;

	if (field_text(at, "environment", false, &set->environment) == -1 ||
	    field_text(at, "system_identifier", false,
	        &set->system_identifier) == -1 ||
	    field_number(at, "server_version", false, 1, 99999999,
	        &version) == -1 ||
	    field_text(at, "server_version_text", false,
	        &set->server_version_text) == -1 ||
	    field_text(at, "lsn", false, &set->lsn) == -1 ||
	    field_number(at, "timeline", false, 1, UINT32_MAX,
	        &timeline) == -1 ||
	    field_text(at, "checksums", false, &set->checksums) == -1)
		return -1;
	set->server_version = (int)version;
	set->timeline = (uint32_t)timeline;
	if (field_check(at, "system_identifier", set->system_identifier,
	    "0123456789") == -1 ||
	    check_lsn(at, "lsn", set->lsn) == -1 ||
	    field_check(at, "checksums", set->checksums, "onf") == -1)
		return -1;
	return 0;
}

/* What only a base backup has. */
static int
get_base(const struct field_at *at, struct repo_set *set)
{
	uint64_t size = 0;

	if (field_text(at, "end_lsn", false, &set->end_lsn) == -1 ||
	    field_text(at, "method", false, &set->method) == -1 ||
	    field_number(at, "wal_segment_size", false, 1 << 20, 1 << 30,
	        &size) == -1 ||
	    field_number(at, "bad_pages", false, 0, INT64_MAX,
	        &set->bad_pages) == -1 ||
	    check_lsn(at, "end_lsn", set->end_lsn) == -1 ||
	    field_check(at, "method", set->method,
	        "abcdefghijklmnopqrstuvwxyz") == -1)
		return -1;
	if ((size & (size - 1)) != 0)
		return field_bad(at, "wal_segment_size", "is no power of two");
	set->wal_segment_size = (uint32_t)size;
	return get_each(at, "tablespaces", OBJECTS_MAX, get_tablespace, set);
}

static int
get_facts(const struct field_at *at, struct repo_set *set)
{
	char *kind = NULL;
	uint64_t format;
	int rc;

	if (field_number(at, "format", true, 1, INT64_MAX, &format) == -1)
		return -1;
	if (format != REPO_FORMAT) {
		err_set(at->e, ERR_CORRUPT, "format %llu is not known",
		    (unsigned long long)format);
		return err_hint(at->e, "a newer pgk may read it");
	}
	rc = field_text(at, "kind", true, &kind);
	if (rc == 0 && repo_kind_parse(kind, &set->kind, NULL) == -1)
		rc = field_bad(at, "kind", "is not known");
	free(kind);
	if (rc == -1 || field_name(at, "name", true, &set->name) == -1 ||
	    field_text(at, "tool", false, &set->tool) == -1 ||
	    field_text(at, "host", false, &set->host) == -1 ||
	    field_time(at, "start", &set->start) == -1 ||
	    field_time(at, "end", &set->end) == -1 ||
	    field_name(at, "parent", false, &set->parent) == -1 ||
	    field_number(at, "sequence", true, 1, INT64_MAX - 1,
	        &set->sequence) == -1 ||
	    field_name(at, "previous", false, &set->previous) == -1)
		return -1;
	if (set->previous != NULL)
		return field_sum(at, "previous_blake2b_256",
		    &set->previous_sum);
	return 0;
}

/* Bytes that can begin a further value, so at least the values in `json`. */
static size_t
count_values(const char *json, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += json[i] == ',' || json[i] == '[' || json[i] == '{';
	return n;
}

static json_t *
load(const char *json, size_t len, struct err *e)
{
	json_error_t why;
	json_t *o;

	if (len > REPO_JSON_MAX || count_values(json, len) > VALUES_MAX) {
		err_set(e, ERR_CORRUPT, "the description is too large");
		return NULL;
	}
	o = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
	if (o == NULL && json_error_code(&why) == json_error_out_of_memory)
		err_nomem(e);
	else if (o == NULL)
		err_set(e, ERR_CORRUPT, "invalid JSON in line %d: %s",
		    why.line, why.text);
	else if (!json_is_object(o))
		err_set(e, ERR_CORRUPT, "the JSON is no object");
	else
		return o;
	json_decref(o);
	return NULL;
}

struct repo_set *
repo_set_parse(const char *json, size_t len, struct err *e)
{
	json_t *o = load(json, len, e);
	struct repo_set *set = NULL;
	struct field_at at = { o, "", e };

	if (o == NULL || (set = repo_set_new(REPO_FULL, e)) == NULL)
		goto fail;
	if (get_facts(&at, set) == -1 || get_server(&at, set) == -1 ||
	    get_base(&at, set) == -1 ||
	    get_each(&at, "objects", OBJECTS_MAX, get_object, set) == -1 ||
	    get_each(&at, "databases", SIZE_MAX, get_database, set) == -1 ||
	    get_each(&at, "tables", SIZE_MAX, get_table, set) == -1 ||
	    field_lines(&at, "recipients", &set->recipients,
	        &set->recipient_count) == -1 ||
	    field_lines(&at, "missing", &set->missing,
	        &set->missing_count) == -1)
		goto fail;
	if (set->object_count == 0) {
		field_bad(&at, "objects", "is missing or empty");
		goto fail;
	}
	json_decref(o);
	digest_of(json, len, &set->json_sum);
	set->json_size = len;
	return set;
fail:
	json_decref(o);
	repo_set_free(set);
	return NULL;
}
