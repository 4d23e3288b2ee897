/*
 * hashes: the object "blocks" of a set: a keyed hash of every block of every
 * relation file of the cluster as the backup holds it. All numbers are
 * little-endian.
 *
 *	head     "pgk blocks 1\n" and 3 zeros | key, 16 bytes | 32 zeros
 *	hashes   8 bytes a block: digest_keyed_wide() under the key; file after
 *	         file
 *	index    32 bytes a file, in the same order, u32 unless said:
 *	         tablespace | database | relation | fork | segment | blocks |
 *	         u64 the number of its first hash
 *	tail     u64 files | u64 hashes | "pgk blocks end\n" and a zero
 *
 * A chain keeps the key of its full backup.
 */
#ifndef PGK_BASE_HASHES_H
#define PGK_BASE_HASHES_H

#include "base/change.h"
#include "digest/digest.h"

#define HASHES_HEAD 64
#define HASHES_ENTRY 32
#define HASHES_TAIL 32
#define HASHES_FILES_MAX ((uint64_t)1 << 24)
#define HASHES_MAGIC "pgk blocks 1\n\0\0" /* 16 bytes with its NUL */
#define HASHES_END "pgk blocks end\n"     /* the same */

struct hashes_entry {
	struct base_relation relation;
	uint64_t first;
};

/* To and from the HASHES_ENTRY bytes of the index; -1: they make no sense. */
void hashes_put_entry(const struct hashes_entry *x, unsigned char *out);
int hashes_get_entry(const unsigned char *in, struct hashes_entry *out);

/*
 * Read one: keeps the index in memory, 40 bytes a file. `b` is taken. The
 * layout is proven to the byte: ERR_CORRUPT; ERR_NOMEM over HASHES_FILES_MAX.
 */
struct hashes;
struct hashes *hashes_open(struct blob *b, struct err *e);
void hashes_close(struct hashes *h); /* NULL ok */
const unsigned char *hashes_key(const struct hashes *h);

/* The entry of a file (its `blocks` is not looked at), or NULL. */
const struct hashes_entry *hashes_find(const struct hashes *h,
    const struct base_relation *f);

/* All hashes of an entry of it, as digest_keyed_wide() gave them. */
int hashes_read(const struct hashes *h, const struct hashes_entry *x,
    uint64_t *out, struct err *e);

/*
 * Write one. `key` is copied. `out` is borrowed from the start to the finish.
 * hashes_file() begins a file and gives the place for its hashes, f->blocks of
 * them, to be filled before the next call; NULL on failure.
 */
struct hashes_writer;
struct hashes_writer *hashes_writer_new(const unsigned char key[DIGEST_KEY],
    struct err *e);
void hashes_writer_free(struct hashes_writer *w); /* NULL ok */
int hashes_start(struct hashes_writer *w, struct sink *out, struct err *e);
uint64_t *hashes_file(struct hashes_writer *w, const struct base_relation *f,
    struct err *e);
uint64_t hashes_of(const struct hashes_writer *w, const void *page);
int hashes_finish(struct hashes_writer *w, struct err *e);

#endif
