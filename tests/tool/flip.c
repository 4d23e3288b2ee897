/*
 * flip - damage a file, the same way for the same seed
 *
 *	flip bit FILE SEED      turn one bit
 *	flip cut FILE SEED      cut it to a shorter length, 0 included
 *	flip drop FILE SEED     take out up to 64 KiB from the middle
 *	flip zero FILE SEED     overwrite up to 4 KiB with zero bytes
 *	flip append FILE SEED   add 1 to 64 bytes at the end
 *	flip at FILE OFFSET     turn the lowest bit of this byte; negative: from
 *	                        the end
 *	flip to FILE LENGTH     cut to this length; negative: cut that many
 *
 * Says on stdout what it did. A change that would leave the file as it was
 * (zeroes over zeroes) turns a bit instead. Exit status 1 when the file is
 * empty or the place is outside it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *data;
static size_t size;
static uint64_t state;

/* splitmix64 */
static uint64_t
draw(uint64_t below)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return below == 0 ? 0 : (z ^ (z >> 31)) % below;
}

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "flip: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
load(const char *path)
{
	FILE *f = fopen(path, "rb");
	long len;

	if (f == NULL || fseek(f, 0, SEEK_END) == -1 || (len = ftell(f)) < 0)
		die(path);
	rewind(f);
	size = (size_t)len;
	/* room for what is appended */
	if ((data = malloc(size + 64)) == NULL ||
	    fread(data, 1, size, f) != size)
		die(path);
	fclose(f);
}

static void
save(const char *path)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) == EOF)
		die(path);
}

static void
turn(size_t at, unsigned bit)
{
	data[at] ^= (unsigned char)(1u << bit);
	printf("bit %u of byte %zu of %zu\n", bit, at, size);
}

static void
zero(void)
{
	size_t at = (size_t)draw(size), len = 1 + (size_t)draw(4096);
	bool changed = false;

	if (len > size - at)
		len = size - at;
	for (size_t i = at; i < at + len; i++) {
		changed |= data[i] != 0;
		data[i] = 0;
	}
	if (changed)
		printf("zeroed %zu bytes at %zu of %zu\n", len, at, size);
	else
		turn(at, 0);
}

static void
drop(void)
{
	size_t at = (size_t)draw(size), len = 1 + (size_t)draw(65536);

	if (len > size - at)
		len = size - at;
	memmove(data + at, data + at + len, size - at - len);
	printf("dropped %zu bytes at %zu of %zu\n", len, at, size);
	size -= len;
}

static void
cut(size_t len)
{
	printf("cut to %zu of %zu\n", len, size);
	size = len;
}

static void
append(void)
{
	size_t len = 1 + (size_t)draw(64);

	printf("appended %zu bytes to %zu\n", len, size);
	for (size_t i = 0; i < len; i++)
		data[size++] = (unsigned char)draw(256);
}

/* Offset or length as given; negative counts from the end. */
static size_t
place(const char *word, size_t max)
{
	intmax_t at = strtoimax(word, NULL, 10);

	if (at < 0)
		at += (intmax_t)size;
	if (at < 0 || (uintmax_t)at > max) {
		fprintf(stderr, "flip: %s is outside %zu bytes\n", word, size);
		exit(1);
	}
	return (size_t)at;
}

int
main(int argc, char **argv)
{
	const char *how;

	if (argc != 4) {
		fprintf(stderr, "usage: flip HOW FILE SEED\n");
		return 2;
	}
	how = argv[1];
	load(argv[2]);
	if (size == 0) {
		fprintf(stderr, "flip: \"%s\" is empty\n", argv[2]);
		return 1;
	}
	state = strtoull(argv[3], NULL, 10);
	if (strcmp(how, "bit") == 0)
		turn((size_t)draw(size), (unsigned)draw(8));
	else if (strcmp(how, "cut") == 0)
		cut((size_t)draw(size));
	else if (strcmp(how, "drop") == 0)
		drop();
	else if (strcmp(how, "zero") == 0)
		zero();
	else if (strcmp(how, "append") == 0)
		append();
	else if (strcmp(how, "at") == 0)
		turn(place(argv[3], size - 1), 0);
	else if (strcmp(how, "to") == 0)
		cut(place(argv[3], size));
	else {
		fprintf(stderr, "flip: no such damage: \"%s\"\n", how);
		return 2;
	}
	save(argv[2]);
	free(data);
	return 0;
}
