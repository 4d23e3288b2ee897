/*
 * files: the server's files, by SQL. The role needs EXECUTE on
 * pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean) and
 * pg_read_binary_file(text, bigint, bigint, boolean), and sees the data folder
 * with its tablespaces alone, unless it is a pg_read_server_files. All paths
 * are of the data folder; "." is itself.
 */
#ifndef PGK_BASE_FILES_H
#define PGK_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf/buf.h"
#include "pg/pg.h"

struct base_file {
	const char *name; /* of the list's */
	uint64_t size;
	int64_t mtime;    /* seconds since 1970 */
	bool folder;
};

/* Sorted by name, bytewise. Files that vanished meanwhile are left out. */
struct base_files {
	struct base_file *files;
	size_t count;
	struct buf names;
};
#define BASE_FILES_INIT { NULL, 0, BUF_INIT((size_t)1 << 30) }
/* Appends to an empty list. An absent folder has no files. */
int base_files_list(struct pg *pg, const char *folder,
    struct base_files *out, struct err *e);
void base_files_free(struct base_files *f);

/* Bytes of a file, up to BASE_PART_MAX. */
#define BASE_PART_MAX ((uint32_t)256 << 10)
struct base_part {
	const char *name;
	uint64_t offset;
	uint32_t len;
};

#define BASE_PARTS_MAX 1024

/*
 * Read parts of files in one folder, in order; `each` gets its number and
 * bytes: fewer than asked for where the file ends, NULL when it is gone.
 * Valid during the call. Up to BASE_PARTS_MAX a call.
 */
int base_files_read(struct pg *pg, const char *folder,
    const struct base_part *parts, size_t count, int (*each)(void *ctx,
    size_t number, const void *data, size_t len, struct err *e), void *ctx,
    struct err *e);

#endif
