/*
 * recover_int: one restore and the parts it is made by.
 *
 *	open.c     the plan: sets, chain, label, keys, sizes
 *	wal.c      whether the archive leads to the target; target.c: ends at it
 *	space.c    the folders to fill: named, taken, synced
 *	guard.c    whether they may be; walk.c: going through them
 *	mark.c     the file that says a folder is unfinished
 *	files.c    the table of all files
 *	output.c   folders and files made and written, where they differ
 *	combine.c  one archive into the folder
 *	merge.c    a file put together from several sets
 *	view.c     archives that were read, read again at any place
 *	label.c    backup_label
 *	chain.c    all archives, newest first
 *	settings.c what the server is told
 *	tell.c     the plan printed; words.c: options read
 *	sweep.c    what is not in the backup goes (delta)
 *	run.c      the order of things, and the end
 */
#ifndef PGK_RECOVER_INT_H
#define PGK_RECOVER_INT_H

#include <limits.h>
#include <stdio.h>

#include "archive/archive.h"
#include "behind/behind.h"
#include "buf/buf.h"
#include "codec/codec.h"
#include "increment/increment.h"
#include "lsn/lsn.h"
#include "progress/progress.h"
#include "recover/recover.h"
#include "sink/sink.h"

#define BLOCK 8192
#define CONTROL_PATH "global/pg_control"
#define CONTROL_MAX ((size_t)64 << 10)
#define LABEL_MAX ((size_t)64 << 10)
#define CONF_MAX ((size_t)4 << 20)
#define SPACES_MAX 10000

/* A folder being filled: the data folder (number 0) or a tablespace's. */
struct space {
	uint32_t oid;     /* 0: the data folder */
	char *from;       /* as the set says; NULL for the data folder */
	char *path;       /* absolute */
	int fd;           /* once taken, else -1 */
	bool is_new;      /* was not there */
};

enum file_state {
	FILE_FOLDER,
	FILE_OPEN,  /* some blocks are known, in `layers`; nothing is written */
	FILE_DONE,
};

/* Changed blocks of a file that a set's archive has. */
struct layer {
	struct layer *older;
	unsigned set;     /* counted from the newest, 1 */
	uint32_t count;   /* of blocks */
	uint32_t limit;   /* only those before this one count */
	uint64_t at;      /* of the INCREMENTAL.* file's bytes in the archive */
};

struct file {
	char *path;       /* in its space */
	uint32_t space;   /* number */
	enum file_state state;
	unsigned seen;    /* the set, counted from the newest (1), last seen in */
	uint64_t size;
	int64_t mtime;
	uint32_t crc;     /* of what was written */
	uint32_t limit;   /* older sets may give blocks before this one */
	struct layer *layers; /* FILE_OPEN: newest first */
};

/* files.c */
struct files {
	struct file **items; /* in the order added */
	size_t count, room;
	uint32_t *slots;     /* index + 1, 0 is free; a power of two of them */
	size_t slot_count;
};
struct file *files_find(const struct files *f, uint32_t space,
    const char *path);
/* ERR_CORRUPT if it is there already. */
struct file *files_add(struct files *f, uint32_t space, const char *path,
    struct err *e);
void files_free(struct files *f);

/* What RECOVER_MARK says. */
struct mark {
	char **spaces;          /* folders of tablespaces it may have filled */
	size_t space_count;
	bool finishing;         /* `control` is given: */
	struct digest control;  /* the sum of pg_control as it will be, or was */
};

struct recover {
	const struct recover_options *o;
	struct repo *repo;
	struct recover_plan plan;
	struct recover_space *spaces_said;
	struct repo_list sets;          /* all of the kind */
	struct store_lock **holds;      /* on the chain's sets */
	const struct repo_set **chain;  /* full first; in `sets` */
	size_t chain_count;
	uint64_t system;                /* identifier */
	struct lsn_history history;     /* of plan.timeline */
	bool gap;                       /* WAL is missing behind the target */
	struct space *spaces;
	size_t space_count;
	struct files files;
	struct buf label, control, conf; /* of the newest set */
	struct mark mark;               /* what lay there (plan.again) */
	bool has_conf;                  /* postgresql.conf lies in there */
	int64_t now;                    /* when the run began */
	struct progress *progress;
	/* output.c: the folder last opened */
	char *folder;                   /* NULL: none */
	uint32_t folder_space;
	int folder_fd;
	/* and the file being written */
	struct behind *behind;          /* NULL until the first */
	struct file *writing;           /* or NULL */
	int fd;                         /* delta: of it, else -1 */
	uint64_t off;
	/* view.c: opens an archive of the chain again, decrypted */
	struct blob *(*reopen)(struct recover *r, unsigned set,
	    uint32_t space, struct err *e);
	struct view *views;             /* one a set and space, or NULL */
	unsigned views_open;
	uint64_t view_clock;
	struct merge *merge;            /* merge.c, of the file being written */
	/* target.c */
	struct archive_last last;       /* transaction, behind the set's start */
	struct recover_search {
		uint32_t timeline;      /* a path, by its end: */
		uint64_t end;
		uint64_t from;          /* searched from here on */
		uint64_t found;         /* the first there is, or 0 */
	} search;
};


/*
 * wal.c: fills the plan's part, or says why not: 1 the set does not lead to
 * the timeline or target, 2 WAL is missing that it cannot do without. `set` is the
 * newest.
 */
int wal_plan(struct recover *r, const struct repo_set *set, struct err *e);

/* space.c: the folders, as the options and the newest set name them. */
int space_plan(struct recover *r, struct err *e);
void space_free(struct recover *r);
void space_parent(const struct space *s, char out[PATH_MAX]);
/* Made if need be, locked, looked at once more, marked, emptied. */
int space_take(struct recover *r, struct err *e);
int space_links(struct recover *r, struct err *e); /* pg_tblspc/OID */
int space_sync(struct recover *r, struct err *e);

/* guard.c: whether these folders may be filled; touches nothing. */
int guard_spaces(struct recover *r, struct err *e);
int guard_room(const struct recover *r, struct err *e);
uint64_t guard_size(const struct recover *r); /* what will be there at least */

/*
 * walk.c: below a folder, following no link. walk_open() opens the folder of
 * the first `len` bytes of `path`: ERR_ABSENT. walk_empty() removes whatever
 * `keep` (NULL: nothing is) does not want; walk_size() adds up what lies there.
 */
int walk_open(int root, const char *path, size_t len, struct err *e);
int walk_empty(int dirfd, bool (*keep)(void *ctx, const char *path),
    void *ctx, struct err *e);
int walk_size(int dirfd, uint64_t *size, struct err *e);
int walk_is_empty(int dirfd, bool *empty, struct err *e);

/*
 * mark.c: 1 the folder is unfinished and *m is set, 0 it is not, -1. It is not, in
 * spite of the mark, with a pg_control other than the one the mark tells:
 * then a server has run on it.
 */
int mark_read(int dirfd, struct mark *m, struct err *e);
/* `control` NULL: there is none. */
int mark_write(const struct recover *r, const struct digest *control,
    struct err *e);
bool mark_names(const struct mark *m, const char *path);
void mark_free(struct mark *m);
/* Append pg_control to `out`; ERR_ABSENT. */
int mark_control(int dirfd, struct buf *out, struct err *e);

/*
 * output.c: one file at a time, from front to back. output_begin() makes it, or
 * takes what a former data folder has there (delta); output_write() adds to
 * f->crc; output_end() leaves it as long as what was written. What they say is
 * done is so after output_drain(). Nothing is synced.
 */
int output_begin(struct recover *r, struct file *f, struct err *e);
int output_write(struct recover *r, const void *data, size_t len,
    struct err *e);
int output_end(struct recover *r, struct err *e);
int output_drain(struct recover *r, struct err *e);
void output_free(struct recover *r);
int output_folder(struct recover *r, struct file *f, struct err *e);
/* The open folder of a path, borrowed, and the last part in *name. */
int output_parent(struct recover *r, uint32_t space, const char *path,
    const char **name, struct err *e);
/* A small file of ours, recorded in the table; replaces what is there. */
int output_text(struct recover *r, const char *path, const void *data,
    size_t len, struct err *e);

/*
 * combine.c: a sink for the archive of a space; `set` counts from 1.
 * combine_skip(): so many bytes that would come next are of no interest, and
 * need not come.
 */
struct sink *combine_archive(struct recover *r, uint32_t space, unsigned set,
    struct err *e);
int combine_skip(struct sink *s, uint64_t *skipped, struct err *e);
/* After all archives of a set: what needs no older one is written. */
int combine_end(struct recover *r, unsigned set, struct err *e);

/*
 * merge.c: a file of FILE_OPEN. merge_add() notes changed blocks of a set older
 * than all that were noted (`at`, `count` as in struct layer; the file's limit
 * becomes `limit` at most). Then it is written: merge_begin(), merge_base()
 * with whole blocks of the oldest copy in order, merge_end(), after which it is
 * FILE_DONE. Memory: 2 MiB, 8 more for a file that over VIEWS_MAX sets
 * changed, and 40 bytes a file and set with changed blocks.
 */
int merge_add(struct file *f, unsigned set, uint64_t at, uint32_t count,
    uint32_t limit, struct err *e);
int merge_begin(struct recover *r, struct file *f, struct err *e);
int merge_base(struct recover *r, const void *blocks, size_t count,
    struct err *e);
int merge_end(struct recover *r, struct err *e);
void merge_drop(struct file *f); /* its layers */
void merge_free(struct recover *r);

/*
 * view.c: plain bytes of an archive that was mapped, as far as it was. The map is
 * for codec_mapped_reader() and stays the view's; NULL with *e. view_at() is
 * codec_view_at(), view_size() likewise; at most VIEWS_MAX of theirs are open,
 * and *data of one that is not held is good until any is used again.
 */
#define VIEWS_MAX 26  /* a day of hourly increments, and some */
#define VIEWS_AHEAD 8 /* with more open than that none is unpacked ahead */
struct codec_map *view_map(struct recover *r, unsigned set, uint32_t space,
    struct err *e);
int view_at(struct recover *r, unsigned set, uint32_t space, uint64_t off,
    const void **data, size_t *len, struct err *e);
int view_hold(struct recover *r, unsigned set, uint32_t space, bool hold,
    struct err *e);
int view_size(struct recover *r, unsigned set, uint32_t space,
    uint64_t *size, struct err *e);
void view_free(struct recover *r);

/* label.c: backup_label of a set: checked, and the newest's kept. */
int label_take(struct recover *r, unsigned set, const struct buf *label,
    struct err *e);

/*
 * chain.c. chain_walk(): what is of interest of an archive that was mapped, into
 * combine_archive().
 */
int chain_restore(struct recover *r, struct err *e);
int chain_walk(struct recover *r, unsigned set, uint32_t space,
    struct err *e);

/* settings.c */
int settings_conf(struct recover *r, struct buf *out, struct err *e);
int settings_check(const struct recover_options *o, struct err *e);

/* sweep.c */
int sweep(struct recover *r, struct err *e);

/*
 * target.c: what the WAL on a path says of the target, for a set that begins
 * at `start` and ends at `end`; r->last is set too. An answer, or -1. BEFORE:
 * an older set may do, and for those that are searched for BEYOND as well.
 */
enum target_answer { TARGET_REACHED, TARGET_UNKNOWN, TARGET_BEYOND,
	TARGET_BEFORE };
int target_look(struct recover *r, const struct archive_path *p,
    uint64_t start, uint64_t end, struct err *e);
/* -1, with what the last two mean. */
int target_refuse(const struct recover *r, const struct repo_set *set,
    enum target_answer answer, struct err *e);
/* Of a transaction or a restore point: all of the WAL is read for it. */
bool target_is_searched(const struct recover_options *o);
/* Microseconds since 1970: "2025-01-27T03:00:00.000001Z". */
const char *target_moment(int64_t micro, char *out, size_t size);

#endif
