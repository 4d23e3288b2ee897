/*
 * change: where the changed blocks of an incremental backup come from. One
 * table of functions a way:
 *
 *	hashes.c     "blocks": every block's hash against the parent's
 *	summaries.c  "summaries": the server knows
 *
 * Either the server is told and sends INCREMENTAL.* files itself (`option`),
 * or it sends every file whole and file(), block() are asked, for each
 * file of a relation in turn, what of it is to be kept; walk.c does the rest.
 * A full backup asks too, of a driver without a parent, if the
 * incremental ones after it will need what the driver finds (`role`).
 */
#ifndef PGK_BASE_CHANGE_H
#define PGK_BASE_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "page/page.h"
#include "pg/pg.h"
#include "sink/sink.h"

/* A file of a relation, whole pages, 1..INCREMENT_BLOCKS_MAX of them. */
struct base_relation {
	uint32_t tablespace; /* OID, 0 in the data folder */
	struct page_file file;
	uint32_t blocks;
};

struct base_changes;
struct base_changes_ops {
	const char *method; /* as the set says it */
	/* for BASE_BACKUP's list of options ("INCREMENTAL"), or NULL */
	const char *option;
	/* of an object of the set that it writes, or NULL; see start() */
	const char *role;
	/* NULL in any of these: nothing to do. */
	/* on the connection, before BASE_BACKUP */
	int (*prepare)(struct base_changes *c, struct pg *pg, struct err *e);
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

#endif
