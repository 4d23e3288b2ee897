/*
 * change: where the changed blocks of an incremental backup come from. One
 * table of functions a way:
 *
 *	hashes.c     "blocks": every block's hash against the parent's
 *	summaries.c  "summaries": the server knows
 *	logged.c     "wal": the log since the parent says it
 *
 * Either INCREMENTAL.* files come as such (`made`): the server is told
 * (`option`), or the driver makes the archives in place of BASE_BACKUP
 * (begin(), look(), send()). Or every file comes whole and file(), block() are
 * asked, for each file of a relation in turn, what of it is to be kept; walk.c
 * does the rest. Of `made` archives they are asked too, for files that are
 * whole.
 * A full backup asks too, of a driver without a parent, if the
 * incremental ones after it will need what the driver finds (`role`).
 */
#ifndef PGK_BASE_CHANGE_H
#define PGK_BASE_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "age/age.h"
#include "page/page.h"
#include "pg/pg.h"
#include "repo/repo.h"
#include "sink/sink.h"

/* A file of a relation, whole pages, 1..INCREMENT_BLOCKS_MAX of them. */
struct base_relation {
	uint32_t tablespace; /* OID, 0 in the data folder */
	struct page_file file;
	uint32_t blocks;
};

struct base_again;
struct base_begin;
struct base_take;
struct base_changes;
struct base_changes_ops {
	const char *method; /* as the set says it */
	bool made; /* the archives have INCREMENTAL.* files */
	/* for BASE_BACKUP's list of options ("INCREMENTAL"), or NULL */
	const char *option;
	/* of an object of the set that it writes, or NULL; see start() */
	const char *role;
	/* NULL in any of these: nothing to do. */
	/* before anything begins, on the connection BASE_BACKUP will have */
	int (*prepare)(struct base_changes *c, struct pg *pg, struct err *e);
	/* all three or none: begin the backup, tablespaces into `set`; learn
	 * what changed, *size of it about; send the archives, and end the
	 * backup at *end */
	int (*begin)(struct base_changes *c, struct base_begin *out,
	    struct repo_set *set, struct err *e);
	int (*look)(struct base_changes *c, uint64_t *size, struct err *e);
	int (*send)(struct base_changes *c, const struct base_take *take,
	    void *ctx, uint64_t *end, struct err *e);
	/* the backup begins; `out`, for `role`, is borrowed until finish() */
	int (*start)(struct base_changes *c, struct sink *out, struct err *e);
	/* a file begins: *known, whether the parent has it */
	int (*file)(struct base_changes *c, const struct base_relation *f,
	    bool *known, struct err *e);
	/* its blocks, in order, each once: to be kept? */
	int (*block)(struct base_changes *c, uint32_t block,
	    const void *page, bool *changed, struct err *e);
	/* all files were seen; *out is finished by the caller */
	int (*finish)(struct base_changes *c, struct err *e);
	void (*free)(struct base_changes *c);
};
struct base_changes {
	const struct base_changes_ops *ops; /* embedded first */
};

void base_changes_free(struct base_changes *c); /* NULL ok */

/*
 * Hashes. `parent` (taken; NULL: none) is the parent's object "blocks", its
 * bytes already proven. ERR_CORRUPT when it is none.
 */
struct blob;
struct base_changes *base_hashes_new(struct blob *parent, struct err *e);

/* Summaries: `manifest` (borrowed) is the parent's backup_manifest. */
struct base_changes *base_summaries_new(struct blob *manifest,
    struct err *e);

/*
 * The log, from where the parent begins to where this backup does: from the
 * archive in the store, what is not there or cannot be opened from the
 * server's pg_wal. All but `parent`, as above and taken, is borrowed.
 * What fails before send() is ERR_REFUSED (a log with a gap, a role without
 * the rights), ERR_PG, ERR_CORRUPT: then another method may do.
 */
struct base_logged {
	const struct pg_target *target;
	struct store *store;
	const struct age_keys *keys; /* with identities, for the archive */
	unsigned threads;            /* that unpack */
	uint64_t system;
	uint32_t timeline, segment_size;
	uint64_t from;               /* where the parent begins */
	uint64_t position;           /* what the server has written */
	const char *label, *lines;   /* lines: for backup_label's end */
	struct base_again *again;    /* for pages that are wrong */
	bool fast, check;            /* check: page checksums */
	uint64_t max_rate;
};
struct base_changes *base_logged_new(const struct base_logged *how,
    struct blob *parent, struct err *e);

#endif
