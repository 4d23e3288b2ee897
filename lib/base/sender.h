/*
 * sender: a base backup's archives made out of the server's files, as
 * BASE_BACKUP with INCREMENTAL makes them (basebackup.c): which files, in
 * which form; of relation files that the parent has the changed blocks, as
 * INCREMENTAL.* files.
 *
 *	sender.c   folders, archives
 *	choose.c   which files are sent, and what of them
 *	parts.c    their bytes, many parts asked for at a time
 */
#ifndef PGK_BASE_SENDER_H
#define PGK_BASE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/again.h"
#include "base/changed.h"
#include "base/files.h"
#include "base/hashes.h"
#include "base/stream.h"
#include "pg/pg.h"
#include "tar/tar.h"

/* All borrowed. */
struct base_sender {
	struct pg *pg;
	struct base_again *again;       /* for pages that are wrong */
	const struct base_changed *changed;
	const struct hashes *parent;
	struct hashes_writer *hashes; /* get those of INCREMENTAL.* files */
	bool check;                   /* page checksums */
	uint64_t start;               /* where the backup begins */
	uint64_t max_rate;            /* bytes a second, or 0 */
	bool group_access;            /* to the data folder, so to its files */
	const struct base_take *take;
	void *ctx;                    /* take's */
	/* the sender's own */
	const struct repo_tablespace *spaces;
	size_t space_count;
	uint64_t sent;
	double begun;
};

/*
 * Whether a tablespace has an archive of its own, as with BASE_BACKUP: from 16
 * on also one that is a folder in pg_tblspc, for tests of PostgreSQL.
 */
bool base_is_apart(const struct base_sender *s,
    const struct repo_tablespace *t);

/*
 * A tablespace's archive. The data folder's, with those of `spaces` that have
 * none of their own, up to and with pg_control; then what is known only when the
 * backup has ended, backup_label and tablespace_map; and its end.
 * ERR_PG, ERR_CORRUPT, ERR_STOPPED, and what `take` returns.
 */
int base_send_tablespace(struct base_sender *s, uint32_t oid, struct err *e);
int base_send_data(struct base_sender *s,
    const struct repo_tablespace *spaces, size_t count, struct err *e);
int base_send_text(struct base_sender *s, const char *path,
    const char *text, struct err *e);
int base_send_end(struct base_sender *s, struct err *e);

/* A folder: its path on the server and, with a '/' if not "", the archive's. */
struct base_folder {
	char path[TAR_PATH_MAX], archive[TAR_PATH_MAX];
	uint32_t tablespace; /* OID, 0 in the data folder */
	bool whole; /* all its files are: a tablespace within the data folder */
	struct base_files list;
};

/* What is sent of a file. */
struct base_entry {
	const struct base_file *file;
	bool skip;
	bool increment;         /* else all of it */
	bool pages;             /* it is a relation's: f is set */
	struct base_relation f;
	/* of an increment */
	const struct hashes_entry *parent;
	struct base_touched touched; /* limit: within what the parent has */
	uint32_t count;              /* blocks */
};
/* choose.c */
bool base_is_temporary(const char *name); /* a file's or a folder's */
void base_choose(const struct base_sender *s, const struct base_folder *d,
    const struct base_file *file, struct base_entry *out);

/* parts.c: send entries of a folder, in order. */
int base_send_entries(struct base_sender *s, const struct base_folder *d,
    const struct base_entry *entries, size_t count, struct err *e);

/* sender.c, for parts.c: bytes and a member's header into the archive. */
int base_send_bytes(struct base_sender *s, const void *data, size_t len,
    struct err *e);
int base_send_header(struct base_sender *s, const struct tar_member *m,
    struct err *e);
void base_member(const struct base_sender *s, struct tar_member *m,
    uint64_t size, int64_t mtime);

#endif
