/*
 * mkevents FILE SEGMENT TIMELINE SYSTEM SIZE [XID TIME]... - a made-up segment
 * of WAL in which these transactions are committed. SEGMENT is its number, SIZE
 * in MiB, TIME as in "2025-01-27T03:00:00Z", or that and a fraction's digits as
 * in "2025-01-27T03:00:00Z.000001". On stdout the LSN of the last record.
 */
#include <stdio.h>

#include "lsn/lsn.h"
#include "recmake.h"
#include "unit/unit.h"

/* Microseconds since 1970. */
static int
parse_time(char *word, int64_t *time)
{
	char *dot = strchr(word, '.');
	int64_t seconds, micro = 0;

	if (dot != NULL)
		*dot++ = '\0';
	if (unit_parse_rfc3339(word, &seconds, NULL) == -1 ||
	    (dot != NULL && unit_parse_number(dot, 0, 999999, &micro,
	    NULL) == -1))
		return -1;
	*time = seconds * 1000000 + micro;
	return 0;
}

int
main(int argc, char **argv)
{
	unsigned long long n[4];
	char lsn[LSN_TEXT_MAX];
	struct recmake r;
	int64_t time;
	FILE *f;

	if (argc < 6)
		return 2;
	for (int i = 0; i < 4; i++)
		n[i] = strtoull(argv[2 + i], NULL, 10);
	r = recmake_new(n[0], 1, (uint32_t)n[1], n[2], (uint32_t)n[3] << 20);
	recmake_other(&r, 100);
	for (int i = 6; i + 1 < argc; i += 2) {
		if (parse_time(argv[i + 1], &time) == -1)
			return 2;
		recmake_commit(&r, (uint32_t)strtoul(argv[i], NULL, 10), time);
	}
	recmake_switch(&r);
	if ((f = fopen(argv[1], "wb")) == NULL ||
	    fwrite(r.bytes, 1, r.size, f) != r.size || fclose(f) == EOF)
		return 1;
	free(r.bytes);
	return printf("%s\n", lsn_text(r.last, lsn)) < 0;
}
