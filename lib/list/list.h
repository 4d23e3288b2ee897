/*
 * list: the catalogue as people and programs read it.
 *
 * Sets are printed in the order given; names as form.h has them.
 */
#ifndef PGK_LIST_H
#define PGK_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/archive.h"
#include "repo/repo.h"
#include "sink/sink.h"

/*
 * What the catalogue tells of a base backup beyond its own description: the
 * full one its chain begins with, and how far the WAL in the store leads on.
 */
struct list_base {
	const char *base; /* NAME, borrowed; NULL: a link of it is missing */
	enum list_wal {
		LIST_WAL_NONE,    /* none of its cluster is in the store */
		LIST_WAL_MISSING, /* too little: it cannot be restored */
		LIST_WAL_POINT,   /* as it ended, and no later */
		LIST_WAL_ON,      /* to any time after that, up to ... */
	} wal;
	uint64_t to; /* the first byte that is not there */
	uint32_t to_timeline;
	char missing[LSN_NAME_MAX]; /* the segment */
	bool gap;     /* later ones are there all the same */
	int64_t known; /* a time that this WAL reaches at least; seconds */
	struct archive_last last; /* of LIST_WAL_ON: transaction in it */
};

/*
 * Fill *out for each of the sets (zeros for those that are no base backups);
 * caller frees. NULL without a base backup among them. `keys` may be NULL:
 * what lies behind an encrypted history is then not known, nor when the last
 * transaction ended in WAL that is encrypted. Of that the end alone is read.
 */
int list_bases(struct repo *r, const struct age_keys *keys,
    struct repo_set *const *sets, size_t count, struct list_base **out,
    struct err *e);

/*
 * A table: a line of headings, a line a set, columns aligned also when names
 * are of wide characters (Korean takes two columns each). Times are local to
 * `zone` (unit_local()), ages as of `now`. With `bases` (list_bases(), or
 * NULL) there are columns for chains, and below lines that say which times can
 * be recovered.
 */
int list_table(struct repo_set *const *sets, const struct list_base *bases,
    size_t count, const char *zone, int64_t now, struct sink *out,
    struct err *e);

/*
 * Tab-separated values with a line of headings. Within a value a tab is
 * \t, a newline \n, a carriage return \r, a backslash \\; within a list
 * of databases, between which commas stand, a comma is \,. Other control
 * bytes and invalid UTF-8 are \xNN.
 */
int list_tsv(struct repo_set *const *sets, const struct list_base *bases,
    size_t count, int64_t now, struct sink *out, struct err *e);

/*
 * A JSON list of what the .json files hold, each with a further field
 * "computed": { age_seconds, stored, plain, rows, signed }, and for a base
 * backup base and recoverable: null, or { from, to, known_to, lsn, timeline,
 * gap }. A set that was deleted meanwhile is left out.
 */
int list_json(struct repo *r, struct repo_set *const *sets,
    const struct list_base *bases, size_t count, int64_t now,
    struct sink *out, struct err *e);

#endif
