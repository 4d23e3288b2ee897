/*
 * repo: the catalogue: sets of a store, and how they come and go.
 *
 * A set is KIND/NAME.json and its objects KIND/NAME.* or, of a base backup,
 * KIND/NAME/...; it exists once its .json does. NAME is [A-Za-z0-9_%-]+ and
 * never holds a '.', so that it ends where the first '.' or '/' stands. While
 * a set is being published or deleted, intents (KIND/NAME.intent, .intent-2, ...) name its objects and their marks
 * (store.h): a run that died is told by an intent nobody holds, and
 * repo_recover() removes exactly what the intent names, if it bears the
 * mark. Nothing else in a store is ever deleted: files of others lie there
 * safely, even under the name an object of ours was meant to get.
 */
#ifndef PGK_REPO_H
#define PGK_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "age/age.h"
#include "buf/buf.h"
#include "codec/codec.h"
#include "digest/digest.h"
#include "sign/sign.h"
#include "store/store.h"

#define REPO_OBJECTS_MAX 512 /* made by one draft */
#define REPO_FORMAT 1 /* of the .json */
#define REPO_JSON_MAX ((size_t)64 << 20)
#define REPO_NAME_MAX 220 /* 63 bytes as %XX, kind, time, "_2" */

enum repo_kind { REPO_FULL, REPO_INCREMENTAL, REPO_WAL, REPO_SNAPSHOT };
#define REPO_KINDS 4
/* "full", "incremental", "wal", "snapshot": also its folder. */
const char *repo_kind_name(enum repo_kind kind);
/* The reverse: ERR_USAGE. */
int repo_kind_parse(const char *word, enum repo_kind *kind, struct err *e);

/* One object of a set. */
struct repo_object {
	/* "NAME.sql.gz.age" or "NAME/base.tar.gz.age", without the kind's
	 * folder */
	char *name;
	/* "sql", "globals"; "base", "tablespace-OID", "manifest", "blocks" */
	char *role;
	uint64_t stored, plain; /* bytes */
	struct digest sum;     /* of the stored bytes */
	enum codec_kind codec;
	bool encrypted;
};

/* What was counted in the same snapshot: one table. */
struct repo_table {
	char *database, *schema, *table;
	uint64_t rows;
};

/*
 * One database of a set. A name that is not UTF-8 is written to the .json
 * as base64.
 */
struct repo_database {
	char *name;
	char *encoding;
	uint64_t size; /* pg_database_size() */
};

/* A tablespace of a base backup. */
struct repo_tablespace {
	uint32_t oid;
	char *location; /* on the server it was taken from */
};

/* The content of a .json. All strings owned; NULL where not known. */
struct repo_set {
	enum repo_kind kind;
	char *name; /* NAME */
	char *tool; /* "pgk 0.1.0" */
	char *environment; /* label, or NULL */
	char *system_identifier; /* decimal */
	int server_version;      /* 150018 */
	char *server_version_text;
	char *host;              /* where it was taken: host name */
	int64_t start, end;      /* seconds since 1970, UTC */
	char *lsn;               /* of the snapshot, "0/16B3748", or NULL; of
	                            a base backup, where its WAL begins */
	uint32_t timeline;       /* 0 when not known */
	char *parent;            /* NAME a chain builds on, or NULL */
	/* a base backup's; NULL, 0 in other sets */
	char *end_lsn;           /* where the WAL it needs ends */
	char *method;            /* "full", "blocks", "wal", "summaries" */
	uint32_t wal_segment_size;
	uint64_t bad_pages;      /* whose checksums were wrong */
	struct repo_tablespace *tablespaces;
	size_t tablespace_count;
	char *checksums;         /* "on", "off" or NULL */
	char **recipients;
	size_t recipient_count;
	struct repo_object *objects;
	size_t object_count;
	struct repo_database *databases;
	size_t database_count;
	struct repo_table *tables;
	size_t table_count;
	uint64_t rows; /* of all tables; kept by repo_add_table() */
	char **missing; /* what the backup does not hold, one sentence each */
	size_t missing_count;
	/* set when published and when read */
	uint64_t sequence; /* 1, 2, ... within the kind */
	char *previous;    /* NAME of the one before, or NULL */
	struct digest previous_sum; /* of its .json */
	/* set when read */
	uint64_t json_size;
	struct digest json_sum;
	bool is_signed; /* a good signature of a trusted key */
};

struct repo_set *repo_set_new(enum repo_kind kind, struct err *e);
void repo_set_free(struct repo_set *set); /* NULL ok */

/*
 * Additions copy their strings. The object's sum and sizes are those of *o.
 */
int repo_set_string(char **field, const char *value, struct err *e);
int repo_add_object(struct repo_set *set, const struct repo_object *o,
    struct err *e);
int repo_add_database(struct repo_set *set, const struct repo_database *d,
    struct err *e);
int repo_add_table(struct repo_set *set, const struct repo_table *t,
    struct err *e);
int repo_add_recipient(struct repo_set *set, const char *recipient,
    struct err *e);
int repo_add_missing(struct repo_set *set, const char *sentence,
    struct err *e);
int repo_add_tablespace(struct repo_set *set,
    const struct repo_tablespace *t, struct err *e);

/* The sums of the objects' stored and plain bytes. */
uint64_t repo_set_stored(const struct repo_set *set);
uint64_t repo_set_plain(const struct repo_set *set);

/*
 * The .json's text and back (its fields: lib/repo/json.c). Parsing takes
 * hostile input: unknown fields are passed over; wrong types, ranges, names
 * that are no names, objects that do not bear the set's NAME, a newer format:
 * ERR_CORRUPT, the field named. Texts beyond REPO_JSON_MAX bytes or some
 * million values are ERR_CORRUPT too. Writing appends to `out`; numbers over
 * 2^63-1 are ERR_CORRUPT.
 */
int repo_set_write(const struct repo_set *set, struct buf *out,
    struct err *e);
struct repo_set *repo_set_parse(const char *json, size_t len, struct err *e);

/*
 * The catalogue. `trust` (borrowed, NULL: signatures are not looked at)
 * makes an unsigned or wrongly signed set ERR_CORRUPT when read.
 */
struct repo;
struct repo *repo_open(struct store *store, const struct sign_trust *trust,
    struct err *e); /* store borrowed */
void repo_close(struct repo *r); /* NULL ok */
struct store *repo_store(struct repo *r); /* borrowed */

/*
 * Read all sets of a kind, oldest first (by start time, then sequence). A set
 * is good when its .json can be read, bears a good signature (with `trust`)
 * and its objects are there with the sizes recorded. Any other is given to
 * `bad` (if not NULL) as "KIND/NAME.json" with its error and is not in the
 * list; `bad` NULL: it fails the call. Needs no right to write. The sets of a
 * list hold no tables (table_count 0, but `rows` stands): repo_find() gives
 * all. Caller frees with repo_list_free().
 */
struct repo_list {
	struct repo_set **sets;
	size_t count;
};
int repo_list(struct repo *r, enum repo_kind kind, struct repo_list *out,
    void (*bad)(void *ctx, const char *name, const struct err *why),
    void *ctx, struct err *e);
void repo_list_free(struct repo_list *list);

/*
 * One set by what a person writes: NAME, KIND/NAME, either with ".json";
 * "latest", "latest:KIND", "latest:DB", "latest:KIND:DB" (a database named
 * like a kind needs the long form). latest is the newest good set by start
 * time: of full, or if there is none, of snapshot. *database is DB (caller
 * frees) or NULL; untouched on failure. ERR_ABSENT when there is none,
 * ERR_USAGE for words that name no set; a set that is not good is
 * warned of and passed over, but ERR_CORRUPT if it is the one named.
 */
struct repo_set *repo_find(struct repo *r, const char *word,
    char **database, struct err *e);

/*
 * Whether `word` looks like a set's name rather than a file's path: "latest",
 * "latest:...", KIND/NAME, or a NAME that ends as ours do
 * ("_20250127_030000"), the last two with or without ".json".
 */
bool repo_is_set_word(const char *word);

/*
 * The text of a set's .json as it lies in the store: ERR_CORRUPT when that is
 * no longer what was read into `set`.
 */
int repo_set_text(struct repo *r, const struct repo_set *set,
    struct buf *out, struct err *e);

/* A hold on a set being read (store_hold on its .json). */
struct store_lock *repo_hold(struct repo *r, const struct repo_set *set,
    struct err *e);

/*
 * An object of a set, for reading. ERR_CORRUPT when it is not there or its
 * size is not the one recorded.
 */
struct blob *repo_object_open(struct repo *r, const struct repo_set *set,
    const struct repo_object *o, struct err *e);

/* The object with this role, or NULL. */
const struct repo_object *repo_object(const struct repo_set *set,
    const char *role);

/*
 * Publishing. repo_draft_new() chooses a NAME that is free, that is no file
 * NAME.* and no folder NAME exists, whoever made it ("medtranslate_full_20250127_030000" and
 * then "..._2", zone for the time; `stem` is the escaped database name, in
 * which '.' becomes %2E, or NULL for "snapshot_..."), takes the lock of this
 * kind of work on this stem (ERR_BUSY) and writes nothing yet.
 *
 * repo_draft_object() names one object (suffix ".sql.gz.age", or
 * "/base.tar.gz.age" for one in a folder of the set's own) and returns its
 * sink, having put the intent; the NAME is looked at once more by the first
 * one, so that repo_draft_name() is final only then.
 *
 * repo_draft_publish() sets name, sequence and the sum of the predecessor,
 * start too if it is 0, checks that every object of the set was made here and
 * has its size, signs when `key` is given, and puts the .json last; after
 * that the set exists. Objects made but not added to the set are removed.
 *
 * repo_draft_free() without it removes every trace. The objects' sinks must be
 * freed before either.
 */
struct repo_draft;
/* Begin. `r` borrowed; stem NULL: none. */
struct repo_draft *repo_draft_new(struct repo *r, enum repo_kind kind,
    const char *stem, int64_t start, const char *zone, struct err *e);
/* NAME, borrowed. */
const char *repo_draft_name(const struct repo_draft *d);
/* The sink of a further object. */
struct sink *repo_draft_object(struct repo_draft *d, const char *suffix,
    struct err *e);
/* The end of it; `key` NULL: no signature. */
int repo_draft_publish(struct repo_draft *d, struct repo_set *set,
    const struct sign_key *key, struct err *e);
/* NULL ok. */
void repo_draft_free(struct repo_draft *d);

/*
 * The usual object of a draft: what is written is counted, compressed,
 * encrypted, summed and stored under NAME + stem + the suffixes of these
 * ("/base.tar" becomes "/base.tar.gz.age"). *p, the caller's, holds its sizes
 * and sum once the sink is finished; repo_add_packed() adds it to `set` as
 * `role`.
 */
struct age_keys;
struct repo_pack {
	struct codec codec;
	const struct age_keys *keys; /* or NULL: plain */
	unsigned threads;
	/* what is written is compressed already; `plain` is the caller's to set */
	bool compressed;
};
struct repo_packed {
	char suffix[48];
	uint64_t stored, plain;
	struct digest sum;
	enum codec_kind codec;
	bool encrypted;
};
/* ERR_USAGE when the suffix does not fit. */
struct sink *repo_draft_pack(struct repo_draft *d, const char *stem,
    const struct repo_pack *how, struct repo_packed *p, struct err *e);
int repo_add_packed(struct repo_set *set, const struct repo_draft *d,
    const struct repo_packed *p, const char *role, struct err *e);
/* The recipients of the keys; NULL ok. */
int repo_add_recipients(struct repo_set *set, const struct age_keys *keys,
    struct err *e);

/*
 * Delete a set: seize it (ERR_BUSY while read), put the intent, delete the
 * .json, then the objects, signature and proofs, then the intent. ERR_ABSENT
 * when it is gone already, ERR_REFUSED when a base backup builds on it: who
 * makes one holds its parent (repo_hold()) until it is published.
 */
int repo_delete(struct repo *r, const struct repo_set *set, struct err *e);

/*
 * Finish what killed runs left in a kind: intents nobody holds (objects
 * without a .json are removed; with one, the intent alone) and abandoned
 * temporaries. Each removal is logged (info) and added to *count if not NULL;
 * an intent that makes no sense is warned of and left.
 */
int repo_recover(struct repo *r, enum repo_kind kind, bool dry_run,
    unsigned *count, struct err *e);

/*
 * Whether what bears the environment's `label` (NULL: none, which may go
 * anywhere) may be restored where the label is `here` (NULL: not known):
 * ERR_REFUSED unless they are the same or it is the one `allowed`. `what`
 * is the backup's name.
 */
int repo_guard(const char *label, const char *what, const char *here,
    const char *allowed, struct err *e);

/*
 * A set says to whom it was encrypted: when that is one of `keys` (or NULL) and
 * its object did not open, ERR_KEY in *e becomes ERR_CORRUPT: the object is
 * damaged and not the key wrong.
 */
void repo_blame(const struct repo_set *set, const struct age_keys *keys,
    struct err *e);

/* STORE/RESTORE.txt, if it is not there yet: how to restore without us. */
int repo_put_readme(struct repo *r, struct err *e);

#endif
