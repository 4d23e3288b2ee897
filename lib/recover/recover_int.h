/*
 * recover_int: one restore and the parts it is made by.
 *
 *	open.c     the plan: sets, chain, label, keys, sizes
 *	wal.c      whether the archive leads to the target
 *	space.c    the folders to fill: named, taken, synced
 *	guard.c    whether they may be; walk.c: going through them
 *	mark.c     the file that says a folder is unfinished
 *	files.c    the table of all files
 *	output.c   bytes into a file, where they differ
 *	combine.c  one archive into the folder
 *	label.c    backup_label
 *	chain.c    all archives, newest first
 *	crc.c      CRC-32C of parts in any order
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
#include "buf/buf.h"
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
	FILE_OPEN,  /* blocks are missing: `done` says which are there */
	FILE_DONE,
};

struct file {
	char *path;       /* in its space */
	uint32_t space;   /* number */
	enum file_state state;
	unsigned seen;    /* the set, counted from the newest (1), last seen in */
	uint64_t size;
	int64_t mtime;
	uint32_t crc;     /* FILE_OPEN: what crc_part() gathered */
	uint32_t limit;   /* older sets may give blocks before this one */
	uint64_t *done;   /* a bit a block, or NULL */
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
};


/*
 * wal.c: fills the plan's part, or says why not: 1 the set does not lead to
 * the timeline, 2 WAL is missing that it cannot do without. `set` is the
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

/* output.c */
int output_open(struct recover *r, struct file *f, bool first,
    struct err *e);
int output_put(const struct recover *r, int fd, const struct file *f,
    const void *data, size_t len, uint64_t off, struct err *e);
int output_size(int fd, const struct file *f, struct err *e);
int output_folder(struct recover *r, struct file *f, struct err *e);
/* The open folder of a path, borrowed, and the last part in *name. */
int output_parent(struct recover *r, uint32_t space, const char *path,
    const char **name, struct err *e);
/* A small file of ours, recorded in the table; replaces what is there. */
int output_text(struct recover *r, const char *path, const void *data,
    size_t len, struct err *e);

/* combine.c: a sink for the archive of a space; `set` counts from 1. */
struct sink *combine_archive(struct recover *r, uint32_t space, unsigned set,
    struct err *e);

/* label.c: backup_label of a set: checked, and the newest's kept. */
int label_take(struct recover *r, unsigned set, const struct buf *label,
    struct err *e);

/* chain.c */
int chain_restore(struct recover *r, struct err *e);

/*
 * crc.c: the CRC of a whole whose parts come in any order. `after`: bytes
 * of the whole behind the part, a multiple of BLOCK up to 1 GiB, as is
 * `size`. Parts left out count as zeros.
 */
uint32_t crc_part(const void *data, size_t len, uint64_t after);
uint32_t crc_whole(uint32_t parts, uint64_t size);

/* settings.c */
int settings_conf(struct recover *r, struct buf *out, struct err *e);
int settings_check(const struct recover_options *o, struct err *e);

/* sweep.c */
int sweep(struct recover *r, struct err *e);

#endif
