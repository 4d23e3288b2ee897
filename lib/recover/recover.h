/*
 * recover: a base backup and the increments on it into a data folder, set up
 * so that a server started there replays the archived WAL up to a target.
 *
 * recover_open() chooses, reads and checks everything and touches nothing:
 * what it refuses has changed no file. recover_run() then does it:
 *
 *	- the newest set's archives are read first. Of a file that comes in
 *	  changed blocks it is noted where in the archives they lie; when its
 *	  oldest, whole copy comes by, the file is put together. So every file is
 *	  written once, from front to back; nothing is kept in between. The full
 *	  set's archives are read once, those of increments twice
 *	- each archive's stored bytes are proven by their sum on the way
 *	- everything is synced, then global/pg_control appears, by a rename: no
 *	  server starts on a folder without it. Until then the file
 *	  RECOVER_MARK says that the folder is unfinished
 *
 * A run that failed or was killed leaves such a folder; the next one
 * empties it and begins again, or with `delta` goes on with what is there.
 * The server it makes says what it is (ARCHIVE_GUARD_FILE and _SETTING).
 * Nothing is written outside of the data folder and the folders of
 * tablespaces, wherever links planted there may point.
 */
#ifndef PGK_RECOVER_H
#define PGK_RECOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "age/age.h"
#include "repo/repo.h"
#include "sink/sink.h"

#define RECOVER_MARK "pgk-unfinished" /* in the data folder */

enum recover_target { RECOVER_LATEST, RECOVER_TIME, RECOVER_LSN, RECOVER_XID,
	RECOVER_NAME };
enum recover_timeline { RECOVER_NEWEST, RECOVER_CURRENT, RECOVER_NUMBER };

/*
 * --tablespace-map: what was at `from` comes to `to`. Both are absolute, but for
 * a `from` in pg_tblspc.
 */
struct recover_map {
	const char *from, *to;
};

struct recover_options {
	/* a set's NAME or KIND/NAME; NULL: the newest good one that ends
	 * before the target and leads to its timeline; for a transaction or a
	 * restore point the WAL behind each set tried is read */
	const char *set;
	const char *datadir;
	enum recover_target target;
	const char *word;   /* the transaction's number or the restore point */
	int64_t time;       /* seconds since 1970 */
	unsigned micro;     /* and microseconds */
	uint64_t lsn;
	bool exclusive;     /* stop just before the target, not just after */
	enum recover_timeline timeline;
	uint32_t timeline_number;
	const char *action; /* "pause", "promote", "shutdown" */
	const struct recover_map *maps;
	size_t map_count;
	bool delta;         /* `datadir` may hold the cluster's former data */
	unsigned jobs;      /* 1..TASK_THREADS_MAX */
	const struct age_keys *keys; /* or NULL */
	const char *environment;     /* the target's label, or NULL */
	const char *allow_environment;
	/*
	 * The words of restore_command, NULL at the end; %f and %p are put
	 * behind them. Any bytes but control characters.
	 */
	const char *const *command;
};

/* A tablespace and where it will lie. */
struct recover_space {
	uint32_t oid;
	const char *from, *to;
};

/* What will be done. Strings and sets are the plan's. */
struct recover_plan {
	const struct repo_set *const *chain; /* the full one first */
	size_t chain_count;
	const char *datadir; /* absolute */
	const struct recover_space *spaces;
	size_t space_count;
	uint64_t read;       /* stored bytes of the chain's archives */
	uint64_t write;      /* bytes the data folder will have at least */
	uint32_t timeline;   /* to be followed */
	uint64_t wal_start;  /* replay begins here, */
	uint64_t consistent; /* needs at least this, */
	uint64_t wal_end;    /* and the archive reaches so far */
	uint64_t wal_segments, wal_stored;
	bool again;          /* an unfinished restore lies there */
	bool replaces;       /* a former data folder lies there (delta) */
};

/*
 * Plan. `r` and everything in `o` borrowed until recover_free().
 *
 * ERR_ABSENT: no such set, or none that fits. ERR_CORRUPT: an object of the
 * chain is not there. ERR_KEY: no key opens it, or the WAL. ERR_USAGE: a map
 * for no tablespace. ERR_REFUSED: the environment's label; the target lies
 * before the set's end, or the archive does not lead to it (the first
 * segment missing is named) or ends before it, as far as the WAL could be
 * read (the hint says what can be reached); the folder or a tablespace's is not empty, not ours, a link, in use, of another
 * cluster (delta); too little space. ERR_BUSY: being restored into.
 */
struct recover;
struct recover *recover_open(const struct recover_options *o, struct repo *r,
    struct err *e);
const struct recover_plan *recover_plan(const struct recover *r);

/*
 * Do it, once. ERR_CORRUPT names the object; ERR_SYS (a full disk), ERR_STOPPED:
 * the folder is left unfinished, and says so.
 */
int recover_run(struct recover *r, struct err *e);

/* After the run: whether a postgresql.conf was in the backup. */
bool recover_has_conf(const struct recover *r);
void recover_free(struct recover *r); /* NULL ok */

/*
 * Print the plan: for people; as a line a fact, "KEY<tab>VALUE", several of
 * "chain" (the full set first) and "tablespace" (OID, from, to); or as a JSON
 * object.
 */
enum recover_form { RECOVER_PEOPLE, RECOVER_TSV, RECOVER_JSON };
int recover_tell(const struct recover *r, enum recover_form form,
    struct sink *out, struct err *e);

/*
 * Words of options. A timeline: "latest", "current" or a number. An action.
 * A map, OLD=NEW: its strings lie in *text, the caller's to free. ERR_USAGE.
 */
int recover_read_timeline(struct recover_options *o, const char *word,
    struct err *e);
int recover_read_action(struct recover_options *o, const char *word,
    struct err *e);
int recover_read_map(const char *word, struct recover_map *map, char **text,
    struct err *e);

/* The target in words: "2025-01-27T03:00:00Z", "LSN 0/3000060", "latest". */
void recover_target_text(const struct recover_options *o, char *out,
    size_t size);

#endif
