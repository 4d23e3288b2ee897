/*
 * tar: the ustar format as PostgreSQL's base backups use it (POSIX 1003.1,
 * "ustar interchange format"; sizes over 8 GiB in GNU's base-256).
 */
#ifndef PGK_TAR_H
#define PGK_TAR_H

#include <stdint.h>

#include "sink/sink.h"

#define TAR_BLOCK 512
#define TAR_PATH_MAX 1024

struct tar_member {
	char path[TAR_PATH_MAX]; /* without a leading "./" or trailing '/' */
	char link[TAR_PATH_MAX]; /* target of a symbolic link, else "" */
	char type;               /* '0' file, '5' folder, '2' symbolic link */
	uint32_t mode;           /* permission bits, 07777 */
	uint64_t size;           /* of a file, else 0 */
	int64_t mtime;           /* seconds since 1970 */
	uint64_t at;             /* reading: where its bytes begin in the archive */
};

/*
 * A sink that takes an archive and tells its members, in order. `member`
 * begins one; `data` its bytes in pieces of any size; `end` ends it (both for
 * files only). Each returns 0, or -1 with *e.
 *
 * ERR_CORRUPT: a bad header sum or number, a type that is none of the three,
 * a path that is absolute, empty, or has an empty, "." or ".." part, control
 * bytes or over TAR_PATH_MAX; sizes that overflow; bytes that are not
 * zero after the end (two blocks of zeros); an archive without end
 * when finished. Names and `pax` extensions of other writers: 'x', 'g' and
 * GNU's 'L', 'K' are refused, PostgreSQL writes none. Holds one header.
 */
struct tar_take {
	int (*member)(void *ctx, const struct tar_member *m, struct err *e);
	int (*data)(void *ctx, const void *data, size_t len, struct err *e);
	int (*end)(void *ctx, struct err *e);
};
struct sink *tar_reader(const struct tar_take *take, void *ctx,
    struct err *e);

/*
 * Bytes of the present file still to come, and to pass over some of them, at
 * most that many, as if they had come but without `data`.
 */
uint64_t tar_left(const struct sink *reader);
int tar_skip(struct sink *reader, uint64_t bytes, struct err *e);

/* Write a member's header; ERR_USAGE when its path or link does not fit. */
int tar_header(const struct tar_member *m, unsigned char out[TAR_BLOCK],
    struct err *e);

/* Zeros that follow `size` bytes of data: 0..511. */
unsigned tar_padding(uint64_t size);

#endif
