/*
 * walevents - what pgk reads out of WAL, for comparison with pg_waldump
 *
 *	walevents FILE...    segments, in order
 *
 * A line an event: LSN, end, xid, "COMMIT", "ABORT" or "RESTORE_POINT", and its
 * time or name, with tabs between; then "end", where the walk ended, where its
 * last record began. WALEVENTS_STEP: bytes a read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wal/wal.h"

#define STEP_MAX 100000

static void
print_lsn(uint64_t lsn)
{
	printf("%" PRIX32 "/%08" PRIX32 "\t", (uint32_t)(lsn >> 32),
	    (uint32_t)lsn);
}

static int
print(void *ctx, const struct wal_event *ev, struct err *e)
{
	static const char *const words[] = { "COMMIT", "ABORT",
		"RESTORE_POINT" };
	time_t t = (time_t)(ev->time / 1000000);
	char when[32];
	struct tm tm;

	(void)ctx;
	(void)e;
	print_lsn(ev->lsn);
	print_lsn(ev->end);
	printf("%" PRIu32 "\t%s\t", ev->xid, words[ev->what]);
	gmtime_r(&t, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	if (ev->what == WAL_POINT)
		printf("%s\n", ev->name);
	else
		printf("%s.%06d\n", when, (int)(ev->time % 1000000));
	return 0;
}

int
main(int argc, char **argv)
{
	static unsigned char bytes[STEP_MAX];
	struct wal_walk w = WAL_WALK_INIT(print, NULL);
	const char *word = getenv("WALEVENTS_STEP");
	size_t step = word != NULL ? strtoul(word, NULL, 10) : STEP_MAX, n;
	struct err e = ERR_INIT;

	if (argc < 2 || step < 1 || step > STEP_MAX)
		return 2;
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (f == NULL) {
			perror(argv[i]);
			return 1;
		}
		while ((n = fread(bytes, 1, step, f)) > 0)
			if (wal_walk_take(&w, bytes, n, &e) == -1)
				return 1;
		fclose(f);
	}
	printf("end\t");
	print_lsn(w.next);
	print_lsn(w.last);
	printf("%s\n", w.ended ? "ended" : wal_walk_within(&w) ? "within" :
	    "between");
	return fflush(stdout) == 0 ? 0 : 1;
}
