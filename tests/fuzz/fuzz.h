/*
 * fuzz: what the fuzz targets share. A target defines LLVMFuzzerTestOneInput();
 * with FUZZ_REPLAY this header adds a main() that feeds it every file named,
 * else FUZZ_REPLAY_COUNT inputs derived from the `seeds` it defines by cutting,
 * flipping and splicing with a fixed generator, so that every run of the test suite
 * is the same.
 */
#ifndef PGK_FUZZ_H
#define PGK_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct fuzz_seed {
	const void *data;
	size_t len;
};

/* The target's examples of good input; fills out[0..max), returns how many. */
size_t fuzz_seeds(struct fuzz_seed *out, size_t max);

#ifdef FUZZ_REPLAY

#define FUZZ_SEEDS_MAX 64
#define FUZZ_INPUT_MAX ((size_t)1 << 20)
#ifndef FUZZ_REPLAY_COUNT
#define FUZZ_REPLAY_COUNT 20000
#endif

static uint64_t fuzz_state = 0x9e3779b97f4a7c15u;

static uint64_t
fuzz_random(uint64_t below)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return below == 0 ? 0 : fuzz_state % below;
}

static size_t
fuzz_mutate(uint8_t *in, size_t len, const struct fuzz_seed *other)
{
	size_t at, n;

	switch (fuzz_random(6)) {
	case 0: /* cut */
		return (size_t)fuzz_random(len + 1);
	case 1: /* flip a bit */
		if (len > 0)
			in[fuzz_random(len)] ^= (uint8_t)(1u << fuzz_random(8));
		return len;
	case 2: /* an interesting byte */
		if (len > 0)
			in[fuzz_random(len)] = (uint8_t)"\0\xff\x7f\x80\n'\"\\$%-"
			    [fuzz_random(12)];
		return len;
	case 3: /* remove a run */
		at = (size_t)fuzz_random(len + 1);
		n = (size_t)fuzz_random(len - at + 1);
		memmove(in + at, in + at + n, len - at - n);
		return len - n;
	case 4: /* repeat a run */
		at = (size_t)fuzz_random(len + 1);
		n = (size_t)fuzz_random(len - at + 1);
		if (len + n > FUZZ_INPUT_MAX)
			return len;
		memmove(in + at + n, in + at, len - at);
		return len + n;
	default: /* splice in a run of another seed */
		if (other->len == 0)
			return len;
		at = (size_t)fuzz_random(other->len);
		n = (size_t)fuzz_random(other->len - at + 1);
		if (len + n > FUZZ_INPUT_MAX)
			return len;
		memcpy(in + len, (const uint8_t *)other->data + at, n);
		return len + n;
	}
}

static int
fuzz_file(const char *path)
{
	static uint8_t data[FUZZ_INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	n = fread(data, 1, sizeof data, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	return 0;
}

int
main(int argc, char **argv)
{
	static uint8_t in[FUZZ_INPUT_MAX];
	struct fuzz_seed seeds[FUZZ_SEEDS_MAX];
	size_t count, len;
	int rc = 0;

	for (int i = 1; i < argc; i++)
		rc |= fuzz_file(argv[i]);
	if (argc > 1)
		return rc;
	count = fuzz_seeds(seeds, FUZZ_SEEDS_MAX);
	for (size_t i = 0; i < count; i++)
		LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].len);
	for (unsigned i = 0; i < FUZZ_REPLAY_COUNT; i++) {
		const struct fuzz_seed *s = &seeds[fuzz_random(count)];

		len = s->len < sizeof in / 2 ? s->len : sizeof in / 2;
		memcpy(in, s->data, len);
		for (uint64_t n = 1 + fuzz_random(4); n > 0; n--)
			len = fuzz_mutate(in, len, &seeds[fuzz_random(count)]);
		LLVMFuzzerTestOneInput(in, len);
	}
	printf("ok 1 - %u inputs\n1..1\n", FUZZ_REPLAY_COUNT);
	return 0;
}

#endif
#endif
