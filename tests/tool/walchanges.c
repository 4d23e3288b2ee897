/*
 * walchanges - what pgk finds changed by WAL, for comparison with pg_waldump
 *
 *	walchanges FILE...    segments, in order
 *
 * A line a change, with tabs between: the record's LSN and
 *
 *	BLOCK      tablespace/database/relation, fork, block
 *	CUT        the same
 *	DATABASE   tablespace/database
 *	UNLOGGED
 *
 * then "end", where the walk ended, where its last record began.
 * WALCHANGES_STEP: bytes a read. WALCHANGES_QUIET: only how many changes there
 * were, and the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wal/wal.h"

#define STEP_MAX ((size_t)1 << 17)

static void
print_lsn(uint64_t lsn)
{
	printf("%" PRIX32 "/%08" PRIX32, (uint32_t)(lsn >> 32),
	    (uint32_t)lsn);
}

static int
count(void *ctx, uint64_t lsn, const struct wal_change *c, struct err *e)
{
	uint64_t *n = ctx;

	(void)lsn;
	(void)c;
	(void)e;
	++*n;
	return 0;
}

static int
print(void *ctx, uint64_t lsn, const struct wal_change *c, struct err *e)
{
	static const char *const words[] = { "BLOCK", "CUT", "DATABASE",
		"UNLOGGED", "BACKUP" };

	count(ctx, lsn, c, e);
	print_lsn(lsn);
	printf("\t%s", words[c->what]);
	if (c->what == WAL_DATABASE)
		printf("\t%" PRIu32 "/%" PRIu32, c->tablespace, c->database);
	else if (c->what == WAL_BACKUP) {
		putchar('\t');
		print_lsn(c->start);
	} else if (c->what != WAL_UNLOGGED)
		printf("\t%" PRIu32 "/%" PRIu32 "/%" PRIu32 "\t%" PRIu32
		    "\t%" PRIu32, c->tablespace, c->database, c->relation,
		    c->fork, c->block);
	putchar('\n');
	return 0;
}

static int
read_file(struct wal_walk *w, const char *path, size_t step)
{
	static unsigned char bytes[STEP_MAX];
	FILE *f = fopen(path, "rb");
	struct err e = ERR_INIT;
	int rc = 0;
	size_t n;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	while (rc == 0 && (n = fread(bytes, 1, step, f)) > 0)
		rc = wal_walk_take(w, bytes, n, &e);
	fclose(f);
	return rc;
}

int
main(int argc, char **argv)
{
	uint64_t n = 0;
	struct wal_walk w = WAL_WALK_INIT(NULL, &n);
	const char *word = getenv("WALCHANGES_STEP");
	size_t step = word != NULL ? strtoul(word, NULL, 10) : STEP_MAX;
	const bool quiet = getenv("WALCHANGES_QUIET") != NULL;

	w.on_change = quiet ? count : print;
	if (argc < 2 || step < 1 || step > STEP_MAX)
		return 2;
	for (int i = 1; i < argc; i++)
		if (read_file(&w, argv[i], step) == -1)
			return 1;
	if (quiet)
		printf("%" PRIu64 "\n", n);
	printf("end\t");
	print_lsn(w.next);
	putchar('\t');
	print_lsn(w.last);
	printf("\t%s\n", w.ended ? "ended" : wal_walk_within(&w) ? "within" :
	    "between");
	return fflush(stdout) == 0 ? 0 : 1;
}
