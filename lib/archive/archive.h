/*
 * archive: the write-ahead log in the store.
 *
 *	wal/0000000100000000/000000010000000000000001.gz[.age]   a segment
 *	wal/0000000100000000/000000010000000000000002.partial.BEGIN.END.gz[.age]
 *	wal/0000000100000000/000000010000000000000001.00000028.backup.gz[.age]
 *	wal/00000002.history.gz
 *	wal/system-identifier                                  decimal, a line
 *	wal/segment-size      the same, in bytes; only if it is not 16 MiB
 *
 * Objects are published whole and never changed. What lies under a name is
 * known without a key by the BLAKE2b-256 of its plain bytes: an encrypted
 * object carries it as a further stanza of the age header ("-> pgk.blake2b
 * SUM", which age passes over), any other is read. A `.partial.BEGIN.END` is
 * a run of a segment's bytes from BEGIN to END (exclusive; offsets within the
 * segment, 8 hexadecimal digits), put by pgk-wal receive while the segment
 * grows. Runs may overlap (small ones are merged into a longer one before they
 * are deleted); what counts is how far they cover the segment from 0 on.
 */
#ifndef PGK_ARCHIVE_H
#define PGK_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "age/age.h"
#include "codec/codec.h"
#include "lsn/lsn.h"
#include "sink/sink.h"
#include "store/store.h"
#include "wal/wal.h"

struct archive;

/* `store` borrowed. Nothing need be there yet. */
struct archive *archive_open(struct store *store, struct err *e);
void archive_close(struct archive *a); /* NULL ok */
struct store *archive_store(struct archive *a); /* borrowed */

/* How many threads unpack a segment (1..TASK_THREADS_MAX); 1 by default. */
void archive_set_threads(struct archive *a, unsigned threads);

/* The archive's system identifier; ERR_ABSENT when it has none yet. */
int archive_system(struct archive *a, uint64_t *id, struct err *e);

/* The same, written if there is none yet; ERR_REFUSED if it is another. */
int archive_claim(struct archive *a, uint64_t id, struct err *e);

/*
 * The size of the archive's segments: LSN_SEGMENT_SIZE while it has none; and
 * the size for an archive that holds nothing yet, ERR_REFUSED if it is another.
 * archive_put() claims it too, archive_put_run() does not.
 */
int archive_segment_size(struct archive *a, uint32_t *size, struct err *e);
int archive_claim_size(struct archive *a, uint32_t size, struct err *e);

struct archive_how {
	struct codec codec;
	const struct age_keys *keys; /* or NULL: plain */
	unsigned threads;
};

/*
 * Put a file of pg_wal, durably. `name` as in lsn.h. The same content again is
 * success; other content under the name is ERR_REFUSED and changes
 * nothing. A segment is looked at first (wal_check()): another cluster's is
 * ERR_REFUSED, one whose header tells another name ERR_CORRUPT. The first
 * segment of an archive claims it, and the size of segments; one of another
 * size is ERR_REFUSED. In a .partial pages may be missing in between; a
 * .history must be one, and is put plain whatever the keys: it tells timelines
 * and places, no data. A name whose object cannot be compared (encrypted with
 * a passphrase, no key at hand) is ERR_KEY.
 */
int archive_put(struct archive *a, const char *name, const void *data,
    size_t len, const struct archive_how *how, struct err *e);

/*
 * The same of what need not fit into memory: read once, or twice when it is
 * encrypted. `source` borrowed.
 */
struct blob;
int archive_put_blob(struct archive *a, const char *name,
    struct blob *source, const struct archive_how *how, struct err *e);

/*
 * Remove what killed writers left where `name` is put. Costs little, and what
 * goes wrong is only logged.
 */
void archive_tidy(struct archive *a, const char *name);

/*
 * Put bytes `begin` to `end` (within the segment) of a segment that still
 * grows, durably, as a run. `data` holds end - begin bytes. ERR_BUSY when that
 * very run is there already. No claim is made and nothing compared. *out, if
 * not NULL, is then the run as archive_list() would tell it.
 */
struct archive_file;
int archive_put_run(struct archive *a, const struct lsn_name *segment,
    uint32_t segment_size, uint32_t begin, uint32_t end, const void *data,
    const struct archive_how *how, struct archive_file *out, struct err *e);

/*
 * The bytes of a file, decrypted, decompressed, proven: a segment is whole,
 * passes wal_check(), and is this cluster's and the one its name says. With
 * `partial` a segment that is there in runs alone comes as these and zeros
 * behind; or, when no run begins it, as its .partial. ERR_ABSENT only when
 * the store answered, is an archive and has no such file; no archive at all
 * is ERR_SYS.
 */
int archive_get(struct archive *a, const char *name,
    const struct age_keys *keys, bool partial, struct buf *out,
    struct err *e);

/*
 * The same to `out` (borrowed, not finished), of whatever size: bytes go out
 * before all of them are proven, so they are only good after success.
 */
int archive_send(struct archive *a, const char *name,
    const struct age_keys *keys, bool partial, struct sink *out,
    struct err *e);

/* A file as it lies in the store. */
struct archive_file {
	struct lsn_name name;
	char object[160];  /* the object's name in the store */
	uint64_t stored;
	uint32_t begin;    /* of a run: its bytes are begin..end - 1 */
	uint32_t end;
	bool run;          /* a ".partial.BEGIN.END"; name.kind is LSN_SEGMENT */
};

/*
 * All files, ordered by timeline, then segment, then kind, a segment's runs
 * behind it by begin, then end; histories of a timeline before its segments.
 * A name may be there twice, with two suffixes. `segment_size` 0: that of
 * archive_segment_size(). Needs no key and no right to write. Caller frees.
 */
struct archive_list {
	struct archive_file *files;
	size_t count;
	uint32_t segment_size;
};
int archive_list(struct archive *a, uint32_t segment_size,
    struct archive_list *out, struct err *e);
void archive_list_free(struct archive_list *l);

/*
 * How far a segment's runs cover it from 0 on: `files` are `count` runs of one
 * segment in the list's order; 0 when none begins at 0.
 */
uint32_t archive_covered(const struct archive_file *files, size_t count);

/*
 * Prove the very object that the list tells: all that archive_get() would,
 * and that a run has the bytes its name tells. ERR_ABSENT: it was deleted.
 */
int archive_check(struct archive *a, const struct archive_file *f,
    const struct age_keys *keys, struct err *e);

/* Delete a file, or one of its runs; ERR_ABSENT if it is gone already. */
int archive_delete(struct archive *a, const struct archive_file *f,
    struct err *e);

/* The ancestry of a timeline by the histories in the archive. */
int archive_history(struct archive *a, uint32_t timeline,
    const struct age_keys *keys, struct lsn_history *out, struct err *e);

/* Whether one of the histories is encrypted: *needs. */
int archive_history_needs_key(struct archive *a, bool *needs,
    struct err *e);

/*
 * The newest timeline that descends from `timeline` and left it at `from` or
 * behind (0: wherever); itself at least.
 */
int archive_newest(struct archive *a, uint32_t timeline, uint64_t from,
    const struct age_keys *keys, uint32_t *newest, struct err *e);

/*
 * Where the last of the timelines that left `timeline` did so: its log went at
 * least as far. 0 when the archive knows of none.
 */
int archive_left(struct archive *a, uint32_t timeline,
    const struct age_keys *keys, uint64_t *end, struct err *e);

/*
 * How far the log goes without a gap: from the segment that holds `start` on
 * `timeline` along `h` (timeline's descendant's ancestry, or one without items
 * for itself) on. *end: the first byte that is not there (`start` when not
 * even its segment is, or it is not on this path). *end_timeline wrote what is
 * before it. *missing: the segment whose absence ended it; *gap: whether later
 * ones are there all the same. With `partial` the runs of that last segment
 * count, and an older timeline's .partial up to the switch. *segments,
 * *stored: those passed whole. No object is opened.
 */
struct archive_reach {
	uint64_t end;
	uint32_t end_timeline;
	char missing[LSN_NAME_MAX];
	bool gap;
	uint64_t segments, stored;
};
void archive_reach(const struct archive_list *l, const struct lsn_history *h,
    uint32_t timeline, uint64_t start, bool partial,
    struct archive_reach *out);

/* The log that a reach found, to be read. All borrowed. */
struct archive_path {
	struct archive *archive;
	const struct lsn_history *history;
	uint32_t segment_size;
	uint64_t end; /* of the reach, with `partial` */
	uint32_t end_timeline;
	const struct age_keys *keys; /* or NULL */
};

/*
 * Call `on_event` for each event (wal.h) whose record begins at `from` or
 * behind it, and before `to`, which is not behind the path's end. It returns 0,
 * 1 to hear no more, or -1 with *e set. *last, unless NULL: where the last
 * such record begins, event or not; untouched when there is none. Every
 * segment from that of `from` to that of `to` is read, and fails as
 * archive_send() does.
 */
int archive_events(const struct archive_path *p, uint64_t from, uint64_t to,
    int (*on_event)(void *ctx, const struct wal_event *ev, struct err *e),
    void *ctx, uint64_t *last, struct err *e);

/*
 * When the last transaction on a path ended, commits and rollbacks alike: what
 * a server that recovers to a time must find one behind. It is looked for from
 * the end back to `start`, in the last segment that has one, or with `all` in
 * all that may be read, for where clocks were set back one before may be newer.
 * Those are ARCHIVE_LAST_SEGMENTS, or ARCHIVE_LAST_BYTES if that is less.
 */
#define ARCHIVE_LAST_SEGMENTS 16
#define ARCHIVE_LAST_BYTES ((uint64_t)256 << 20)
struct archive_last {
	enum archive_last_what {
		ARCHIVE_LAST_UNKNOWN, /* `why` says why */
		ARCHIVE_LAST_NONE,    /* none has ended since `start` */
		ARCHIVE_LAST_TIME,
	} what;
	int64_t time;    /* microseconds since 1970 */
	uint64_t record; /* where the path's last record begins; 0: unknown */
	const char *why; /* "no key opens the WAL"; a constant */
};

/*
 * What cannot be read (no key, damage, deleted meanwhile) is unknown; -1 only
 * for ERR_SYS, ERR_NOMEM and ERR_STOPPED.
 */
int archive_last(const struct archive_path *p, uint64_t start, bool all,
    struct archive_last *out, struct err *e);

/*
 * The last second, since 1970, that a recovery to a time is sure to reach when
 * it begins with a backup that ended at `from`; that when there is none behind
 * it. False: it is not known.
 */
bool archive_last_second(const struct archive_last *last, int64_t from,
    int64_t *second);

/*
 * The guard in a restored data folder: while the file PGDATA/pgk-restored
 * exists, nothing of that server is put into an archive. Lines "KEY: VALUE":
 * set, store, environment, timeline (of the backup), time.
 */
#define ARCHIVE_GUARD_FILE "pgk-restored"
struct archive_guard {
	char set[256];
	char store[1024];
	char environment[64];
	uint32_t timeline;
	int64_t time;
};
int archive_guard_write(int datadir, const struct archive_guard *g,
    struct err *e);
/* ERR_ABSENT when there is no guard. */
int archive_guard_read(int datadir, struct archive_guard *g, struct err *e);

/*
 * Who is connected to the server cannot see that file. A setting that
 * PostgreSQL does not know tells them the same, by SHOW: the set's name, in a
 * line of postgresql.auto.conf, where ALTER SYSTEM leaves it.
 *
 * archive_guard_is_set: whether there is such a line. archive_guard_unset: take
 * it out, durably; *was: whether there was one. With it goes what told the
 * recovery where to end. Other bytes, owner and mode stay. A server that runs
 * is not asked, and heeds it when it reloads; an ALTER SYSTEM of that very
 * moment may be lost.
 */
#define ARCHIVE_GUARD_SETTING "pgk.restored"
/* ERR_SYS, in both. */
int archive_guard_is_set(int datadir, bool *set, struct err *e);
int archive_guard_unset(int datadir, bool *was, struct err *e);

#endif
