/*
 * archive_int: what the files of this room share. The `stem` of an object is
 * its name in pg_wal, or of a run that and ".partial.BEGIN.END".
 */
#ifndef PGK_ARCHIVE_INT_H
#define PGK_ARCHIVE_INT_H

#include "archive/archive.h"
#include "digest/digest.h"
#include "sink/sink.h"
#include "wal/wal.h"

#define ARCHIVE_FOLDER "wal"
#define ARCHIVE_OBJECT sizeof((struct archive_file){ 0 }.object)
#define ARCHIVE_STEM 80
#define ARCHIVE_NOTE "pgk.blake2b"

struct archive {
	struct store *store;
	uint32_t segment_size; /* 0: not looked up yet */
	unsigned threads;      /* that unpack */
};

/* name.c */

/* How an object's name ends: codec and encryption. */
struct archive_variant {
	enum codec_kind codec;
	bool encrypted;
};
#define ARCHIVE_VARIANTS 6
extern const struct archive_variant archive_variants[ARCHIVE_VARIANTS];

void archive_object_name(const char *stem, struct archive_variant v,
    char out[ARCHIVE_OBJECT]);
const char *archive_run_stem(const struct lsn_name *segment,
    uint32_t segment_size, uint32_t begin, uint32_t end,
    char out[ARCHIVE_STEM]);

/* What the last part of an object's name says, or false: not one of ours. */
bool archive_parse_leaf(const char *leaf, uint32_t segment_size,
    struct archive_file *out, struct archive_variant *v);

/*
 * The next object of a stem, whatever its variant, from *at on (0 to begin
 * with): 1, with the blob (caller's); 0 when there is none; -1.
 */
struct archive_found {
	char object[ARCHIVE_OBJECT];
	struct archive_variant variant;
	struct blob *blob;
};
int archive_find(struct archive *a, const char *stem, unsigned *at,
    struct archive_found *out, struct err *e);

/*
 * get.c: the plain bytes of an object to `out` (borrowed, not finished). Bytes
 * go out before all of them are proven.
 */
int archive_unpack(struct archive_found *f, const struct age_keys *keys,
    unsigned threads, struct sink *out, struct err *e);

/* check.c: whether a segment is the one its name says; ERR_CORRUPT. */
int archive_check_name(const struct lsn_name *n, const struct wal_info *info,
    struct err *e);

/*
 * runs.c: what a segment's runs hold from 0 on, and zeros behind, to `out`:
 * 1; 0 when none begins it; -1.
 */
int archive_send_runs(struct archive *a, const struct lsn_name *n,
    uint32_t segment_size, const struct age_keys *keys, struct sink *out,
    struct err *e);

/*
 * A stage that lets the end of a stream pass only when what went through was a
 * whole segment (`scan`, or NULL) and *got, set by a digest_tee() before
 * this, is *want (or NULL): ERR_CORRUPT. All outlive it.
 */
struct sink *archive_gate(struct sink *next, struct wal_scan *scan,
    const struct digest *got, const struct digest *want, struct err *e);

#endif
