/*
 * manifest: PostgreSQL's backup_manifest, written (its documentation: "Backup
 * Manifest Format"): version 1 for servers up to 16, 2 from 17 on, CRC-32C of
 * each file, SHA-256 of the manifest itself. pg_verifybackup reads it, and a
 * server of 17 takes it by UPLOAD_MANIFEST.
 */
#ifndef PGK_MANIFEST_H
#define PGK_MANIFEST_H

#include <stdint.h>

#include "sink/sink.h"

struct manifest;

/*
 * Begin. `next` taken; it gets the text as it comes. `system_identifier` is
 * written from 17 on.
 */
struct manifest *manifest_new(struct sink *next, int server_version,
    uint64_t system_identifier, struct err *e);

/*
 * A file: its path in the data folder ("pg_tblspc/16390/PG_15_..." in a
 * tablespace; any bytes), its size, time and CRC-32C (digest_crc32c()). The
 * manifest itself, pg_wal, folders and links do not belong in it.
 */
int manifest_file(struct manifest *m, const char *path, uint64_t size,
    int64_t mtime, uint32_t crc, struct err *e);

/* A range of WAL the backup needs; at least one, after the last file. */
int manifest_wal(struct manifest *m, uint32_t timeline, uint64_t start,
    uint64_t end, struct err *e);

int manifest_finish(struct manifest *m, struct err *e); /* next too */
void manifest_free(struct manifest *m); /* NULL ok */

#endif
