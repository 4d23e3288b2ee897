/*
 * What the parts of gz share: the header of the members we write.
 *
 * RFC 1952 2.3.1: the magic, CM 8 (deflate), FLG, MTIME 0, XFL 0, OS 255
 * (unknown). No time and no system, so that the same plain bytes always
 * give the same file; our own decoder demands these very bytes.
 */
#ifndef PGK_GZ_INT_H
#define PGK_GZ_INT_H

#include <stdint.h>

#define GZ_HEADER_SIZE 10
#define GZ_TRAILER_SIZE 8 /* CRC-32 and size of the plain bytes */
#define GZ_FEXTRA 4
#define GZ_HEADER(flags) 0x1f, 0x8b, 8, (flags), 0, 0, 0, 0, 0, 255

/* The header with the member's length: XLEN 8, subfield "PL" of 4 bytes. */
#define GZ_LENGTH 16 /* where they stand */
#define GZ_LONG_HEADER_SIZE 20
#define GZ_LONG_HEADER GZ_HEADER(GZ_FEXTRA), 8, 0, 'P', 'L', 4, 0

static inline void
gz_put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static inline uint32_t
gz_get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

#endif
