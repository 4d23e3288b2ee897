/*
 * changed: which blocks of which files the log changed: a bit a block.
 */
#ifndef PGK_BASE_CHANGED_H
#define PGK_BASE_CHANGED_H

#include <stdbool.h>
#include <stdint.h>

#include "buf/buf.h"
#include "page/page.h"
#include "wal/wal.h"

/* What the bits may take: those of 5 TB where every file changed. */
#define CHANGED_MEMORY ((size_t)80 << 20)

struct base_changed;
struct base_changed *base_changed_new(struct err *e);
void base_changed_free(struct base_changed *c); /* NULL ok */

/*
 * Note one. Of the forks those that are never copied whole count: main and
 * init. ERR_REFUSED: the log lacks changes. ERR_NOMEM over CHANGED_MEMORY.
 */
int base_changed_add(struct base_changed *c, const struct wal_change *w,
    struct err *e);

/* All blocks noted, those of files cut off or gone meanwhile included. */
uint64_t base_changed_count(const struct base_changed *c);

/* What is known of a file; borrowed. Blocks count from the file's beginning. */
struct base_touched {
	uint32_t limit; /* all from here on; 0: the whole file */
	const unsigned char *bits;
	uint32_t size;  /* of bits, bytes */
};
/* `tablespace`: OID, 0 in the data folder. */
void base_changed_find(const struct base_changed *c, uint32_t tablespace,
    const struct page_file *f, struct base_touched *out);

static inline bool
base_touched_has(const struct base_touched *t, uint32_t block)
{
	return block >= t->limit || (block / 8 < t->size &&
	    (t->bits[block / 8] >> block % 8 & 1) != 0);
}

#endif
