#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/repo.h"
#include "catalogue.h"
#include "tap.h"

#define T0 1737914400 /* 2025-01-27 03:00:00 in Seoul */
#define NAME0 "medtranslate_full_20250127_030000"

static struct err e;
static char top[64] = "/tmp/pgk-repo-XXXXXX";

static void
touch(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0)
		abort();
}

/* names */

static void
test_words(void)
{
	enum repo_kind kind;

	for (unsigned i = 0; i < REPO_KINDS; i++) {
		EQ(repo_kind_parse(repo_kind_name((enum repo_kind)i), &kind,
		    &e), 0);
		EQ(kind, i);
	}
	FAILS(repo_kind_parse("Full", &kind, &e) == -1, ERR_USAGE, "Full");
	OK(repo_is_set_word("latest"));
	OK(repo_is_set_word("latest:full:x y"));
	OK(repo_is_set_word(NAME0));
	OK(repo_is_set_word(NAME0 "_2"));
	OK(repo_is_set_word(NAME0 ".json"));
	OK(repo_is_set_word("full/" NAME0 ".json"));
	OK(repo_is_set_word("snapshot/x"));
	OK(repo_is_set_word("snapshot_20250126_020000"));
	OK(!repo_is_set_word(NAME0 ".sql.gz"));
	OK(!repo_is_set_word("./" NAME0));
	OK(!repo_is_set_word("/" NAME0));
	OK(!repo_is_set_word("dump"));
	OK(!repo_is_set_word("dump_20250127"));
	OK(!repo_is_set_word("latestx"));
	OK(!repo_is_set_word("20250127_030000"));
	OK(!repo_is_set_word(""));
	OK(!repo_is_set_word("other/" NAME0));
}

/* JSON */

static const char odd[] = "caf\xe9 \"\\\n\t\x01'; --";

static struct repo_set *
full_set(void)
{
	struct repo_set *set = repo_set_new(REPO_SNAPSHOT, &e);
	struct repo_object o = { .name = (char *)"S_1.sql.gz.age",
		.role = (char *)"sql", .stored = INT64_MAX,
		.plain = 5000000000, .codec = CODEC_ZSTD, .encrypted = true };
	struct repo_database d = { (char *)odd, (char *)"SQL_ASCII", 7 };
	struct repo_table t = { (char *)odd, (char *)"\xea\xb0\x80",
		(char *)"\xff", 12 };
	struct repo_tablespace space = { 16390, (char *)odd };

	repo_set_string(&set->name, "S_1", &e);
	repo_set_string(&set->tool, "pgk 0.1.0", &e);
	repo_set_string(&set->environment, "production", &e);
	repo_set_string(&set->system_identifier, "18446744073709551615", &e);
	repo_set_string(&set->server_version_text, "15.18 (Debian)", &e);
	repo_set_string(&set->host, "db1", &e);
	repo_set_string(&set->lsn, "0/16B3748", &e);
	repo_set_string(&set->parent, "S_0", &e);
	repo_set_string(&set->checksums, "on", &e);
	repo_set_string(&set->end_lsn, "0/16B4000", &e);
	repo_set_string(&set->method, "blocks", &e);
	set->wal_segment_size = 16 << 20;
	set->bad_pages = 3;
	repo_add_tablespace(set, &space, &e);
	space = (struct repo_tablespace){ UINT32_MAX, (char *)"/fast" };
	repo_add_tablespace(set, &space, &e);
	repo_set_string(&set->previous, "S_0", &e);
	set->server_version = 150018;
	set->timeline = UINT32_MAX;
	set->start = T0;
	set->end = T0 + 61;
	set->sequence = 9;
	memset(&set->previous_sum, 0xab, sizeof set->previous_sum);
	memset(&o.sum, 0x12, sizeof o.sum);
	repo_add_object(set, &o, &e);
	o.name = (char *)"S_1.globals.sql.gz.age";
	o.role = (char *)"globals";
	o.stored = 1;
	repo_add_object(set, &o, &e);
	repo_add_database(set, &d, &e);
	repo_add_table(set, &t, &e);
	t.rows = 30;
	repo_add_table(set, &t, &e);
	repo_add_recipient(set, "age1xyz", &e);
	repo_add_missing(set, odd, &e);
	repo_add_missing(set, "subscription \"x\"", &e);
	return set;
}

static void
test_json(void)
{
	struct repo_set *set = full_set(), *back;
	struct buf a = BUF_INIT(REPO_JSON_MAX), b = BUF_INIT(REPO_JSON_MAX);

	EQ(repo_set_stored(set), (intmax_t)((uint64_t)INT64_MAX + 1));
	EQ(repo_set_plain(set), 10000000000);
	EQ(repo_set_write(set, &a, &e), 0);
	OK(a.len > 0 && a.data[a.len - 1] == '\n');
	OK(strstr(a.data, "\"start\": \"2025-01-26T18:00:00Z\"") != NULL);
	OK(strstr(a.data, "\"table_base64\": \"/w==\"") != NULL);
	OK(strstr(a.data, "\"schema\": \"\xea\xb0\x80\"") != NULL);
	back = repo_set_parse(a.data, a.len, &e);
	OK(back != NULL);
	EQ(repo_set_write(back, &b, &e), 0);
	IS(a.data, b.data);
	EQ(back->kind, REPO_SNAPSHOT);
	IS(back->databases[0].name, odd);
	IS(back->tables[1].table, "\xff");
	IS(back->missing[0], odd);
	IS(back->recipients[0], "age1xyz");
	IS(back->end_lsn, "0/16B4000");
	IS(back->method, "blocks");
	EQ(back->wal_segment_size, 16 << 20);
	EQ(back->bad_pages, 3);
	EQ(back->tablespace_count, 2);
	EQ(back->tablespaces[1].oid, UINT32_MAX);
	IS(back->tablespaces[0].location, odd);
	IS(back->tablespaces[1].location, "/fast");
	IS(back->system_identifier, "18446744073709551615");
	EQ(back->end, T0 + 61);
	EQ(back->rows, 42);
	EQ(back->timeline, UINT32_MAX);
	EQ(back->sequence, 9);
	EQ(back->json_size, (intmax_t)a.len);
	OK(back->objects[0].encrypted);
	OK(repo_object(back, "globals") == &back->objects[1]);
	OK(repo_object(back, "nothing") == NULL);
	OK(digest_same(&back->previous_sum, &set->previous_sum));
	set->objects[0].stored = (uint64_t)INT64_MAX + 1;
	buf_reset(&b);
	FAILS(repo_set_write(set, &b, &e) == -1, ERR_CORRUPT, "stored");
	buf_free(&a);
	buf_free(&b);
	repo_set_free(set);
	repo_set_free(back);
	repo_set_free(NULL);
}

/* Replace the first `from` in `text` by `to`; caller frees. */
static char *
edited(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	size_t head = at != NULL ? (size_t)(at - text) : 0;
	struct buf b = BUF_INIT(REPO_JSON_MAX);

	if (at == NULL)
		abort();
	buf_add(&b, text, head, &e);
	buf_str(&b, to, &e);
	buf_str(&b, at + strlen(from), &e);
	return b.data;
}

static void
test_hostile_json(void)
{
	static const struct {
		const char *from, *to, *word;
	} edits[] = {
		{ "\"format\": 1", "\"format\": 2", "format 2" },
		{ "\"format\": 1", "\"format\": 0", "range" },
		{ "\"format\": 1", "\"format\": \"1\"", "whole number" },
		{ "\"format\": 1", "\"formas\": 1", "\"format\" is missing" },
		{ "\"format\": 1", "\"format\": 1, \"format\": 1", "JSON" },
		{ "\"kind\": \"snapshot\"", "\"kind\": \"x\"", "kind" },
		{ "\"name\": \"S_1\"", "\"name\": \"../S\"", "name of a set" },
		{ "\"name\": \"S_1\"", "\"name\": \"S.1\"", "name of a set" },
		{ "\"name\": \"S_1\"", "\"name\": \"\"", "name of a set" },
		{ "\"name\": \"S_1\"", "\"name\": 5", "no text" },
		{ "\"name\": \"S_1\"", "\"name\": \"S_2\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_1/../x\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_1.json\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_1.intent\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_10.sql\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_1\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_1.globals.sql.gz.age\"",
		    "twice" },
		{ "\"S_1.sql.gz.age\"", "\"S_1.a\\u0000b\"", "JSON" },
		{ "\"role\": \"sql\"", "\"role\": \"S Q\"", "role" },
		{ "\"stored\": 9223372036854775807",
		    "\"stored\": 9223372036854775808", "JSON" },
		{ "\"stored\": 1", "\"stored\": -1", "objects[1].stored" },
		{ "\"stored\": 1", "\"stored\": 1.5", "stored" },
		{ "\"stored\": 1", "\"stored\": 1e3", "stored" },
		{ "\"encrypted\": true", "\"encrypted\": 1", "encrypted" },
		{ "\"codec\": \"zstd\"", "\"codec\": \"lz4\"", "codec" },
		{ "12121212", "1212121", "BLAKE2b" },
		{ "12121212", "1212121g", "BLAKE2b" },
		{ "2025-01-26T", "2025-13-26T", "time" },
		{ "\"sequence\": 9", "\"sequence\": 0", "sequence" },
		{ "\"sequence\": 9", "\"sequence\": 9223372036854775807",
		    "sequence" },
		{ "\"timeline\": 4294967295", "\"timeline\": 4294967296",
		    "timeline" },
		{ "\"previous_blake2b", "\"previous_other", "previous" },
		{ "\"lsn\": \"0/", "\"lsn\": \"x/", "lsn" },
		{ "\"end_lsn\": \"0/", "\"end_lsn\": \"g/", "end_lsn" },
		{ "\"end_lsn\": \"0/", "\"end_lsn\": \"0/0/", "end_lsn" },
		{ "\"end_lsn\": \"0/16B4000", "\"end_lsn\": \"", "end_lsn" },
		{ "\"end_lsn\": \"0/", "\"end_lsn\": \"012345678/", "end_lsn" },
		{ "\"blocks\"", "\"B\"", "method" },
		{ "16777216", "16777217", "wal_segment_size" },
		{ "16777216", "2147483648", "wal_segment_size" },
		{ "16777216", "4096", "wal_segment_size" },
		{ "\"bad_pages\": 3", "\"bad_pages\": -3", "bad_pages" },
		{ "\"oid\": 16390", "\"oid\": 4294967296", "spaces[0].oid" },
		{ "\"oid\": 16390", "\"oid\": 4294967295", "twice" },
		{ "\"location\": \"/fast\"", "\"x\": 1", "location" },
		{ "\"S_1.sql.gz.age\"", "\"S_1/a/b\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_1/.a\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_1/\"", "bear" },
		{ "\"S_1.sql.gz.age\"", "\"S_10/a\"", "bear" },
		{ "\"missing\": [", "\"missing\": [ 5,", "missing" },
		{ "\"objects\": [", "\"objects\": [ 5,", "objects[0]" },
		{ "\"objects\": [", "\"objects\": 5, \"o\": [", "no list" },
		{ "\"objects\": [", "\"objects\": [], \"o\": [", "empty" },
		{ "\"/w==\"", "\"/w=\"", "base64" },
		{ "\"/w==\"", "\"/x==\"", "base64" },
		{ "\"/w==\"", "\"AA==\"", "base64" },
		{ "\"/w==\"", "\"=w==\"", "base64" },
	};
	struct repo_set *set = full_set();
	struct buf a = BUF_INIT(REPO_JSON_MAX);
	size_t len;
	char *text;

	EQ(repo_set_write(set, &a, &e), 0);
	repo_set_free(set);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		text = edited(a.data, edits[i].from, edits[i].to);
		set = repo_set_parse(text, strlen(text), &e);
		FAILS(set == NULL, ERR_CORRUPT, edits[i].word);
		repo_set_free(set);
		free(text);
	}
	/* unknown fields are passed over */
	text = edited(a.data, "\"host\"",
	    "\"hosts\": { \"x\": [1] }, \"host\"");
	set = repo_set_parse(text, strlen(text), &e);
	OK(set != NULL);
	repo_set_free(set);
	free(text);
	/* every truncation is noticed */
	len = 0;
	for (size_t i = 0; i + 1 < a.len; i++) {
		set = repo_set_parse(a.data, i, &e);
		len += set == NULL && e.kind == ERR_CORRUPT;
		repo_set_free(set);
		err_clear(&e);
	}
	EQ(len, (intmax_t)a.len - 1);
	/* and so is a value too many, or a tower of lists */
	buf_reset(&a);
	for (int i = 0; i < 3000000; i++)
		buf_str(&a, i == 0 ? "[" : "1,", &e);
	FAILS(repo_set_parse(a.data, a.len, &e) == NULL, ERR_CORRUPT, "large");
	memset(a.data, '[', 100000);
	FAILS(repo_set_parse(a.data, 100000, &e) == NULL, ERR_CORRUPT, "JSON");
	FAILS(repo_set_parse("[]", 2, &e) == NULL, ERR_CORRUPT, "no object");
	buf_free(&a);
}

/* the catalogue */

static unsigned bad_count;
static char bad_text[ERR_TEXT_MAX], bad_name[300];

static void
count_bad(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	bad_count++;
	snprintf(bad_text, sizeof bad_text, "%s", why->text);
	snprintf(bad_name, sizeof bad_name, "%s", name);
}

/* The names of a kind's good sets, a space behind each. */
static const char *
sets(struct repo *r, enum repo_kind kind)
{
	static struct buf b = BUF_INIT(65536);
	struct repo_list list;

	buf_reset(&b);
	buf_str(&b, "", &e);
	bad_count = 0;
	if (repo_list(r, kind, &list, count_bad, NULL, &e) == -1)
		return e.text;
	for (size_t i = 0; i < list.count; i++)
		buf_fmt(&b, &e, "%s ", list.sets[i]->name);
	repo_list_free(&list);
	return b.data;
}

static void
test_publish(struct repo *r)
{
	struct repo_draft *d, *d2;
	struct repo_set *set;
	char *names;

	IS(sets(r, REPO_FULL), "");
	/* the old script's dump of the same second is not touched */
	mkdir("store/full", 0755);
	touch("store/full/" NAME0 ".sql.gz", "old");
	EQ(publish(r, REPO_FULL, "medtranslate", T0, &e), 0);
	IS(sets(r, REPO_FULL), NAME0 "_2 ");
	names = look("store/full");
	IS(names, NAME0 ".sql.gz " NAME0 "_2.json " NAME0 "_2.sql.gz ");
	free(names);
	EQ(publish(r, REPO_FULL, "medtranslate", T0, &e), 0);
	EQ(publish(r, REPO_FULL, "other.db", T0 - 86400, &e), 0);
	EQ(publish(r, REPO_SNAPSHOT, NULL, T0, &e), 0);
	IS(sets(r, REPO_SNAPSHOT), "snapshot_20250127_030000 ");
	IS(sets(r, REPO_FULL), "other%2Edb_full_20250126_030000 "
	    NAME0 "_2 " NAME0 "_3 ");

	/* one run at a time for one database, any number for several */
	d = repo_draft_new(r, REPO_FULL, "medtranslate", T0, NULL, &e);
	OK(d != NULL);
	FAILS(repo_draft_new(r, REPO_FULL, "medtranslate", T0, NULL, &e) ==
	    NULL, ERR_BUSY, "another pgk into \"store/full-medtranslate\"");
	d2 = repo_draft_new(r, REPO_FULL, "third", T0, "Asia/Seoul", &e);
	OK(d2 != NULL);
	IS(repo_draft_name(d2), "third_full_20250127_030000");
	FAILS(repo_draft_object(d2, ".json", &e) == NULL, ERR_USAGE, ".json");
	FAILS(repo_draft_object(d2, "x", &e) == NULL, ERR_USAGE, "\"x\"");
	FAILS(repo_draft_object(d2, "/", &e) == NULL, ERR_USAGE, "/");
	FAILS(repo_draft_object(d2, "/-x", &e) == NULL, ERR_USAGE, "/-x");
	FAILS(repo_draft_object(d2, "/.x", &e) == NULL, ERR_USAGE, "/.x");
	FAILS(repo_draft_object(d2, "/a/b", &e) == NULL, ERR_USAGE, "/a/b");
	/* a script that begins between the choice and the first object */
	touch("store/full/third_full_20250127_030000.sql.gz", "theirs");
	set = make_set(d2, REPO_FULL, "third", T0, "x", &e);
	OK(set != NULL);
	IS(repo_draft_name(d2), "third_full_20250127_030000_2");
	/* a live run's intent and objects are not recovered */
	EQ(repo_recover(r, REPO_FULL, false, NULL, &e), 0);
	EQ(repo_draft_publish(d2, set, NULL, &e), 0);
	EQ(set->sequence, 4);
	IS(set->previous, "other%2Edb_full_20250126_030000");
	repo_draft_free(d2);
	repo_set_free(set);
	repo_draft_free(d);
	FAILS(repo_draft_new(r, REPO_FULL, "a b", T0, NULL, &e) == NULL,
	    ERR_USAGE, "fit");
	FAILS(repo_draft_new(r, REPO_FULL, "-x", T0, NULL, &e) == NULL,
	    ERR_USAGE, "fit");
	/* 63 bytes of Korean are 189 as %XX */
	{
		char stem[190] = "";

		for (int i = 0; i < 63; i++)
			strcat(stem, "%EA");
		EQ(publish(r, REPO_FULL, stem, T0, &e), 0);
		EQ(publish(r, REPO_FULL, stem, T0, &e), 0);
	}
}

#define BASE "basebackup_20250127_030000"

/* One object in the set's own folder. */
static void
add_inside(struct repo_draft *d, struct repo_set *set, const char *suffix,
    const char *role)
{
	struct sink *s = repo_draft_object(d, suffix, &e);
	char name[REPO_NAME_MAX + 40];
	struct repo_object o = { .name = name, .role = (char *)role,
		.stored = 4, .plain = 4 };

	digest_of("base", 4, &o.sum);
	OK(s != NULL && sink_write(s, "base", 4, &e) == 0 &&
	    sink_finish(s, &e) == 0);
	snprintf(name, sizeof name, "%s%s", repo_draft_name(d), suffix);
	EQ(repo_add_object(set, &o, &e), 0);
	sink_free(s);
}

static struct repo_set *
put_base(struct repo *r)
{
	struct repo_draft *d = repo_draft_new(r, REPO_INCREMENTAL, NULL, T0,
	    "Asia/Seoul", &e);
	struct repo_set *set = repo_set_new(REPO_INCREMENTAL, &e);

	add_inside(d, set, "/base.tar.gz", "base");
	add_inside(d, set, "/16390.tar.gz", "tablespace-16390");
	set->start = T0;
	set->end = T0 + 9;
	EQ(repo_draft_publish(d, set, NULL, &e), 0);
	repo_draft_free(d);
	return set;
}

/* Objects in a folder of the set's own. */
static void
test_base(struct repo *r)
{
	struct repo_set *set = put_base(r), *second;
	struct repo_draft *d;
	char *files;
	FILE *f;

	IS(set->name, BASE);
	IS(sets(r, REPO_INCREMENTAL), BASE " ");
	files = look("store/incremental");
	IS(files, BASE " " BASE ".json ");
	free(files);
	files = look("store/incremental/" BASE);
	IS(files, "16390.tar.gz base.tar.gz ");
	free(files);
	second = put_base(r);
	IS(second->name, BASE "_2");
	/* a folder alone takes a name, whosever it is */
	EQ(mkdir("store/incremental/" BASE "_3", 0700), 0);
	d = repo_draft_new(r, REPO_INCREMENTAL, NULL, T0, "Asia/Seoul", &e);
	IS(repo_draft_name(d), BASE "_4");
	repo_draft_free(d);
	/* and stays; what a killed writer left in it goes, and then it too */
	EQ(repo_recover(r, REPO_INCREMENTAL, false, NULL, &e), 0);
	OK(access("store/incremental/" BASE "_3", F_OK) == 0);
	touch("store/incremental/" BASE "_3/.pgk-0123456789abcdef.tmp", "x");
	EQ(repo_recover(r, REPO_INCREMENTAL, false, NULL, &e), 0);
	files = look("store/incremental");
	IS(files, BASE " " BASE ".json " BASE "_2 " BASE "_2.json ");
	free(files);
	/* damage inside is seen */
	OK(truncate("store/incremental/" BASE "/base.tar.gz", 3) == 0);
	IS(sets(r, REPO_INCREMENTAL), BASE "_2 ");
	EQ(bad_count, 1);
	OK(strstr(bad_text, "has 3 bytes instead of 4") != NULL);
	EQ(unlink("store/incremental/" BASE "/base.tar.gz"), 0);
	sets(r, REPO_INCREMENTAL);
	OK(strstr(bad_text, "is missing") != NULL);
	/* deleting leaves what is not ours */
	f = fopen("store/incremental/" BASE "_2/theirs", "w");
	OK(f != NULL && fclose(f) == 0);
	EQ(repo_delete(r, set, &e), 0);
	EQ(repo_delete(r, second, &e), 0);
	files = look("store/incremental");
	IS(files, BASE "_2 ");
	free(files);
	unlink("store/incremental/" BASE "_2/theirs");
	rmdir("store/incremental/" BASE "_2");
	repo_set_free(set);
	repo_set_free(second);
}

/* A stranger's file appears under our name while we write. */
static void
test_stranger(struct repo *r)
{
	struct repo_draft *d = repo_draft_new(r, REPO_FULL, "str", T0,
	    "Asia/Seoul", &e);
	struct sink *s = repo_draft_object(d, ".sql.gz", &e);
	char *names;

	OK(s != NULL);
	touch("store/full/str_full_20250127_030000.sql.gz", "theirs");
	FAILS(sink_finish(s, &e) == -1, ERR_BUSY, "exists");
	sink_free(s);
	repo_draft_free(d);
	names = look("store/full");
	OK(strstr(names, " str_full_20250127_030000.sql.gz ") != NULL);
	OK(strstr(names, "intent") == NULL);
	free(names);
	unlink("store/full/str_full_20250127_030000.sql.gz");
}

static void
test_find(struct repo *r)
{
	struct repo_set *set;
	char *db = (char *)"untouched";

	EQ(publish(r, REPO_FULL, "full", T0 - 999, &e), 0);
	set = repo_find(r, "latest", &db, &e);
	OK(set != NULL && db == NULL);
	EQ(set->table_count, 1);
	repo_set_free(set);
	set = repo_find(r, "latest:medtranslate", &db, &e);
	IS(set->name, NAME0 "_3");
	IS(db, "medtranslate");
	free(db);
	repo_set_free(set);
	set = repo_find(r, "latest:postgres", &db, &e);
	IS(set->name, "snapshot_20250127_030000");
	free(db);
	repo_set_free(set);
	set = repo_find(r, "latest:snapshot", &db, &e);
	IS(set->name, "snapshot_20250127_030000");
	OK(db == NULL);
	repo_set_free(set);
	set = repo_find(r, "latest:full:full", &db, &e);
	IS(set->name, "full_full_20250127_024321");
	free(db);
	repo_set_free(set);
	set = repo_find(r, NAME0 "_2.json", &db, &e);
	IS(set->name, NAME0 "_2");
	repo_set_free(set);
	set = repo_find(r, "full/" NAME0 "_2", &db, &e);
	IS(set->name, NAME0 "_2");
	repo_set_free(set);
	db = NULL;
	FAILS(repo_find(r, "snapshot/" NAME0 "_2", &db, &e) == NULL,
	    ERR_ABSENT, "no set");
	FAILS(repo_find(r, NAME0, &db, &e) == NULL, ERR_ABSENT, "no set");
	FAILS(repo_find(r, "latest:incremental", &db, &e) == NULL,
	    ERR_ABSENT, "incremental");
	FAILS(repo_find(r, "latest:nope", &db, &e) == NULL, ERR_ABSENT,
	    "nope");
	FAILS(repo_find(r, "latest:", &db, &e) == NULL, ERR_USAGE, "names no");
	FAILS(repo_find(r, "latest:full:", &db, &e) == NULL, ERR_USAGE,
	    "names no");
	FAILS(repo_find(r, "../x", &db, &e) == NULL, ERR_USAGE, "../x");
	FAILS(repo_find(r, "", &db, &e) == NULL, ERR_USAGE, "name of a set");
	OK(db == NULL);
}

static void
test_damage(struct repo *r)
{
	struct repo_list list;
	struct repo_set *set;
	char *db = NULL;
	struct buf text = BUF_INIT(REPO_JSON_MAX);

	set = repo_find(r, NAME0 "_3", &db, &e);
	EQ(repo_set_text(r, set, &text, &e), 0);
	OK(text.len == set->json_size);
	buf_free(&text);
	OK(truncate("store/full/" NAME0 "_3.sql.gz", 2) == 0);
	FAILS(repo_object_open(r, set, &set->objects[0], &e) == NULL,
	    ERR_CORRUPT, "has 2 bytes instead of 8");
	OK(strstr(sets(r, REPO_FULL), "_3") == NULL);
	EQ(bad_count, 1);
	IS(bad_name, "full/" NAME0 "_3.json");
	unlink("store/full/" NAME0 "_3.sql.gz");
	FAILS(repo_object_open(r, set, &set->objects[0], &e) == NULL,
	    ERR_CORRUPT, "is missing");
	repo_set_free(set);
	FAILS(repo_list(r, REPO_FULL, &list, NULL, NULL, &e) == -1,
	    ERR_CORRUPT, NAME0 "_3");
	/* latest falls back, the name itself is still found */
	set = repo_find(r, "latest:medtranslate", &db, &e);
	IS(set->name, NAME0 "_2");
	free(db);
	repo_set_free(set);
	/* a .json under a name that is not its own */
	EQ(link("store/full/" NAME0 "_2.json", "store/full/copy.json"), 0);
	FAILS(repo_find(r, "copy", &db, &e) == NULL, ERR_CORRUPT,
	    "it describes");
	unlink("store/full/copy.json");
	OK(truncate("store/full/" NAME0 "_3.json", 100) == 0);
	FAILS(repo_find(r, NAME0 "_3", &db, &e) == NULL, ERR_CORRUPT,
	    "set \"full/" NAME0 "_3\": its bytes are not those");
	sets(r, REPO_FULL);
	EQ(bad_count, 1);
	/* damage in the catalogue does not stop the next backup */
	EQ(publish(r, REPO_FULL, "medtranslate", T0 + 1, &e), 0);
	unlink("store/full/" NAME0 "_3.json");
}

static void
test_delete(struct repo *r)
{
	struct repo_set *set;
	struct store_lock *hold;
	char *db = NULL, *before, *after;

	before = look("store/full");
	EQ(publish(r, REPO_FULL, "gone", T0, &e), 0);
	touch("store/full/gone_full_20250127_030000.proof-1.json", "{}");
	touch("store/full/gone_full_20250127_030000.json.minisig", "{}");
	set = repo_find(r, "gone_full_20250127_030000", &db, &e);
	hold = repo_hold(r, set, &e);
	OK(hold != NULL);
	FAILS(repo_delete(r, set, &e) == -1, ERR_BUSY, "in use");
	store_unlock(hold);
	EQ(repo_delete(r, set, &e), 0);
	FAILS(repo_delete(r, set, &e) == -1, ERR_ABSENT, "gone_full");
	FAILS(repo_hold(r, set, &e) == NULL, ERR_ABSENT, "gone_full");
	after = look("store/full");
	IS(after, before);
	free(before);
	free(after);
	repo_set_free(set);
}

static void
test_readme(struct repo *r)
{
	struct stat st;

	EQ(repo_put_readme(r, &e), 0);
	OK(stat("store/RESTORE.txt", &st) == 0 && st.st_size > 2000);
	EQ(repo_put_readme(r, &e), 0);
}

/* Intents that nobody of ours wrote. */
static void
test_hostile_intents(struct repo *r)
{
	char *before, *after;

	touch("store/full/x.intent", "{");
	touch("store/full/y.intent", "{\"format\":1,\"set\":\"y\",\"action\":"
	    "\"delete\",\"objects\":[{\"name\":\"" NAME0 ".sql.gz\","
	    "\"mark\":\"1\"}]}");
	touch("store/full/z.intent-2", "{\"format\":1,\"set\":\"z\",\"action"
	    "\":\"delete\",\"objects\":[{\"name\":\"z.json\",\"mark\":"
	    "\"1\"}]}");
	touch("store/full/z.intent-x", "");
	touch("store/full/z.intention", "");
	before = look("store/full");
	EQ(repo_recover(r, REPO_FULL, false, NULL, &e), 0);
	after = look("store/full");
	IS(after, before);
	free(before);
	free(after);
	unlink("store/full/x.intent");
	unlink("store/full/y.intent");
	unlink("store/full/z.intent-2");
}

static void
put_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(b->data, 1, b->len, f) != b->len ||
	    fclose(f) != 0 || chmod(path, 0600) == -1)
		abort();
}

/* With keys to trust, what none of them signed is no backup. */
static void
test_signed(struct store *s)
{
	struct buf secret = BUF_INIT(4096), public = BUF_INIT(4096);
	struct sign_trust *trust = sign_trust_new(&e);
	struct repo_draft *d;
	struct repo_set *set, *found;
	struct sign_key *key;
	struct repo *r, *plain = repo_open(s, NULL, &e);
	char *db = NULL, *names;

	EQ(sign_new(&secret, &public, &e), 0);
	put_file("secret", &secret);
	put_file("public", &public);
	key = sign_key_load("secret", &e);
	EQ(sign_trust_add(trust, "public", &e), 0);
	r = repo_open(s, trust, &e);
	OK(key != NULL && r != NULL);

	d = repo_draft_new(r, REPO_INCREMENTAL, "s", T0, "Asia/Seoul", &e);
	set = make_set(d, REPO_INCREMENTAL, "s", T0, "x", &e);
	EQ(repo_draft_publish(d, set, key, &e), 0);
	repo_draft_free(d);
	names = look("store/incremental");
	IS(names, "s_incremental_20250127_030000.json "
	    "s_incremental_20250127_030000.json.minisig "
	    "s_incremental_20250127_030000.sql.gz ");
	free(names);
	found = repo_find(r, set->name, &db, &e);
	OK(found != NULL && found->is_signed);
	repo_set_free(found);
	found = repo_find(plain, set->name, &db, &e);
	OK(found != NULL && !found->is_signed);
	repo_set_free(found);

	/* one that nobody signed, and one with another's signature */
	EQ(publish(plain, REPO_INCREMENTAL, "u", T0, &e), 0);
	FAILS(repo_find(r, "u_incremental_20250127_030000", &db, &e) == NULL,
	    ERR_CORRUPT, "not signed");
	IS(sets(r, REPO_INCREMENTAL), "s_incremental_20250127_030000 ");
	EQ(bad_count, 1);
	EQ(link("store/incremental/s_incremental_20250127_030000.json."
	    "minisig", "store/incremental/u_incremental_20250127_030000.json."
	    "minisig"), 0);
	FAILS(repo_find(r, "u_incremental_20250127_030000", &db, &e) == NULL,
	    ERR_CORRUPT, "u_incremental");

	EQ(repo_delete(r, set, &e), 0);
	names = look("store/incremental");
	OK(strstr(names, "s_incremental") == NULL);
	free(names);
	repo_set_free(set);
	repo_close(r);
	repo_close(plain);
	sign_key_free(key);
	sign_trust_free(trust);
	buf_free(&secret);
	buf_free(&public);
}

int
main(void)
{
	char command[128];
	struct store *s;
	struct repo *r;

	if (mkdtemp(top) == NULL || chdir(top) == -1)
		return 1;
	test_words();
	test_json();
	test_hostile_json();
	s = store_open("store", STORE_CREATE, &e);
	r = repo_open(s, NULL, &e);
	OK(repo_store(r) == s);
	test_publish(r);
	test_stranger(r);
	test_base(r);
	test_find(r);
	test_damage(r);
	test_delete(r);
	test_readme(r);
	test_hostile_intents(r);
	test_signed(s);
	repo_close(r);
	store_close(s);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return (chdir("/") == -1 || system(command) != 0) | done();
}
