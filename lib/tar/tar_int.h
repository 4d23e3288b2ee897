/*
 * What reader and writer share: where the fields of a header lie (POSIX
 * 1003.1, "ustar interchange format").
 */
#ifndef PGK_TAR_INT_H
#define PGK_TAR_INT_H

#include <stdint.h>

#include "tar/tar.h"

#define TAR_NAME 0
#define TAR_NAME_SIZE 100
#define TAR_MODE 100
#define TAR_UID 108
#define TAR_GID 116
#define TAR_SIZE 124
#define TAR_MTIME 136
#define TAR_SUM 148
#define TAR_TYPE 156
#define TAR_LINK 157
#define TAR_MAGIC 257
#define TAR_USTAR "ustar\00000" /* magic, NUL, version */
#define TAR_USTAR_SIZE 8
#define TAR_UNAME 265
#define TAR_GNAME 297
#define TAR_DEVMAJOR 329
#define TAR_DEVMINOR 337
#define TAR_PREFIX 345
#define TAR_PREFIX_SIZE 155

/* The header's sum, its own field counted as spaces. */
static inline int64_t
tar_sum(const unsigned char h[TAR_BLOCK])
{
	int64_t sum = 8 * ' ';

	for (int i = 0; i < TAR_BLOCK; i++)
		if (i < TAR_SUM || i >= TAR_SUM + 8)
			sum += h[i];
	return sum;
}

#endif
