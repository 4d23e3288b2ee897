/*
 * mkwal FILE SEGMENT TIMELINE SYSTEM SIZE PAGES [SALT] - a made-up segment of
 * WAL: its first PAGES pages, zeros behind. SEGMENT is its number, SIZE in
 * MiB.
 */
#include <stdio.h>

#include "walmake.h"

int
main(int argc, char **argv)
{
	unsigned long long n[6] = { 0 };
	unsigned char *s;
	FILE *f;

	if (argc < 7)
		return 2;
	for (int i = 2; i < argc && i < 8; i++)
		n[i - 2] = strtoull(argv[i], NULL, 10);
	s = walmake(n[0], (uint32_t)n[1], n[2], (uint32_t)n[3] << 20,
	    (uint32_t)n[4], n[5]);
	if ((f = fopen(argv[1], "wb")) == NULL ||
	    fwrite(s, 1, (size_t)n[3] << 20, f) != (size_t)n[3] << 20 ||
	    fclose(f) == EOF)
		return 1;
	free(s);
	return 0;
}
