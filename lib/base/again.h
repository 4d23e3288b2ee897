/*
 * again: pages whose checksum is wrong, read a second time: one that was being
 * written when it was read is right by then. That needs an ordinary connection
 * and the right to read files (session.h), which is made when it is needed.
 */
#ifndef PGK_BASE_AGAIN_H
#define PGK_BASE_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "page/page.h"
#include "pg/pg.h"

#define BASE_AGAIN_MAX 32
struct base_again {
	const struct pg_target *target;
	uint64_t system; /* identifier */
	uint64_t start;  /* where the backup begins */
	/* its own; all zeros to begin with */
	struct pg *pg;
	unsigned wrong; /* pages that stayed so */
	bool failed;
};

/*
 * Read block `block` of `path`, a relation's file as `f` says, until it is good
 * or was so often wrong that it will stay so; *good says which. `page`, of
 * PAGE_SIZE_PG bytes or NULL, is then what was read last. A server that cannot
 * be asked leaves *good false and `page` alone, and is not asked again; nor is
 * any after BASE_AGAIN_MAX pages that stayed wrong: that is a damage. -1 only
 * for ERR_STOPPED and ERR_NOMEM.
 */
int base_again(struct base_again *a, const char *path,
    const struct page_file *f, uint32_t block, void *page, bool *good,
    struct err *e);
void base_again_free(struct base_again *a);

#endif
