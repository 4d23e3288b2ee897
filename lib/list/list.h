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

#include "repo/repo.h"
#include "sink/sink.h"

/*
 * A table: a line of headings, a line a set, columns aligned also when names
 * are of wide characters (Korean takes two columns each). Times are local to
 * `zone` (unit_local()), ages as of `now`.
 */
int list_table(struct repo_set *const *sets, size_t count, const char *zone,
    int64_t now, struct sink *out, struct err *e);

/*
 * Tab-separated values with a line of headings. Within a value a tab is
 * \t, a newline \n, a carriage return \r, a backslash \\; within a list
 * of databases, between which commas stand, a comma is \,. Other control
 * bytes and invalid UTF-8 are \xNN.
 */
int list_tsv(struct repo_set *const *sets, size_t count, int64_t now,
    struct sink *out, struct err *e);

/*
 * A JSON list of what the .json files hold, each with a further field
 * "computed": { age_seconds, stored, plain, rows, signed }. A set that was
 * deleted meanwhile is left out.
 */
int list_json(struct repo *r, struct repo_set *const *sets, size_t count,
    int64_t now, struct sink *out, struct err *e);

#endif
