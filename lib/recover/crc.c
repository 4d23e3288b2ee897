#include <pthread.h>

#include "recover/recover_int.h"

/*
 * A CRC's register is linear in the bytes it has seen: that of a whole is the
 * exclusive or of those of its parts, each moved on over the zeros that stand
 * for what follows it. Moving on over 8192 * 2^k zeros is a matrix of 32 x 32
 * bits, made by squaring the one of a single bit.
 */
#define CASTAGNOLI 0x82f63b78u /* the polynomial, its bits reversed */
#define POWERS 18              /* up to 2^17 blocks, 1 GiB */
#define BLOCK_POWER 16         /* 8192 bytes are 2^16 bits */

static uint32_t matrix[POWERS][32];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t
times(const uint32_t m[32], uint32_t v)
{
	uint32_t sum = 0;

	for (; v != 0; v &= v - 1)
		sum ^= m[__builtin_ctz(v)];
	return sum;
}

static void
square(uint32_t out[32], const uint32_t m[32])
{
	for (unsigned i = 0; i < 32; i++)
		out[i] = times(m, m[i]);
}

static void
make_matrices(void)
{
	uint32_t m[2][32];

	m[0][0] = CASTAGNOLI;
	for (unsigned i = 1; i < 32; i++)
		m[0][i] = 1u << (i - 1);
	for (unsigned i = 0; i < BLOCK_POWER; i++)
		square(m[(i + 1) & 1], m[i & 1]);
	for (unsigned i = 0; i < 32; i++)
		matrix[0][i] = m[BLOCK_POWER & 1][i];
	for (unsigned k = 1; k < POWERS; k++)
		square(matrix[k], matrix[k - 1]);
}

/* The register after as many bytes of zeros. */
static uint32_t
move_on(uint32_t crc, uint64_t bytes)
{
	uint64_t blocks = bytes / BLOCK;

	pthread_once(&once, make_matrices);
	for (unsigned k = 0; blocks != 0 && k < POWERS; k++, blocks >>= 1)
		if (blocks & 1)
			crc = times(matrix[k], crc);
	return crc;
}

uint32_t
crc_part(const void *data, size_t len, uint64_t after)
{
	/* from a register of zeros, and not inverted at the end */
	return move_on(~digest_crc32c(UINT32_MAX, data, len), after);
}

uint32_t
crc_whole(uint32_t parts, uint64_t size)
{
	return ~(parts ^ move_on(UINT32_MAX, size));
}
